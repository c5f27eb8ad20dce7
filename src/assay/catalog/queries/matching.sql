-- name: match
-- Which vulnerabilities affect some pinned packages: each pin by its place, and whether it is only not known.
WITH pin AS (
    SELECT *
    FROM unnest(%(ecosystems)s::text[], %(releases)s::text[], %(names)s::text[], %(keys)s::bytea[], %(versions)s::text[])
         WITH ORDINALITY AS p (ecosystem, release, name, key, version, position)
)
-- The version lies in an interval.
SELECT pin.position, a.vulnerability_id, false AS is_unknown, a.fixed
FROM pin
JOIN catalog.affected AS a ON a.name = pin.name AND a.ecosystem = pin.ecosystem AND a.lower <= pin.key
WHERE a.is_live AND (a.release = '' OR pin.release = '' OR a.release = pin.release)
  AND (a.upper IS NULL OR pin.key < a.upper OR (a.is_upper_included AND pin.key = a.upper))
UNION ALL
-- It is listed as a text, or something was said of the package that could not be read.
SELECT pin.position, a.vulnerability_id, NOT coalesce(pin.version = ANY(a.listed), false), NULL
FROM pin
JOIN catalog.affected AS a ON a.name = pin.name AND a.ecosystem = pin.ecosystem
WHERE a.lower IS NULL AND (a.is_unread OR a.listed IS NOT NULL)
  AND pin.version IS NOT NULL AND a.is_live AND (a.release = '' OR pin.release = '' OR a.release = pin.release)
  AND (a.is_unread OR pin.version = ANY(a.listed))
UNION ALL
-- The version cannot be placed among the others: whether an interval holds it is not known, unless that holds all.
SELECT pin.position, a.vulnerability_id, NOT (a.lower = '' AND a.upper IS NULL), a.fixed
FROM pin
JOIN catalog.affected AS a ON a.name = pin.name AND a.ecosystem = pin.ecosystem AND a.lower IS NOT NULL
WHERE pin.version IS NOT NULL AND pin.key IS NULL
  AND a.is_live AND (a.release = '' OR pin.release = '' OR a.release = pin.release)
UNION ALL
-- No version was given: all that is said of the package.
SELECT pin.position, a.vulnerability_id, false, a.fixed
FROM pin
JOIN catalog.affected AS a ON a.name = pin.name AND a.ecosystem = pin.ecosystem
WHERE pin.version IS NULL AND a.is_live AND (a.release = '' OR pin.release = '' OR a.release = pin.release);

-- name: ecosystems_of
-- The ecosystems that have vulnerable packages of some names.
SELECT DISTINCT name, ecosystem FROM catalog.affected WHERE name = ANY(%(names)s::text[]) AND is_live
ORDER BY name, ecosystem;

-- name: affecting_commits
-- The vulnerabilities in force that name any of some commits as affected.
SELECT DISTINCT c.commit, c.vulnerability_id
FROM catalog.commits AS c
JOIN catalog.vulnerabilities AS v ON v.id = c.vulnerability_id
WHERE c.commit = ANY(%(commits)s::bytea[]) AND v.state IN ('published', 'disputed')
ORDER BY c.commit, c.vulnerability_id;

-- name: find_briefs
-- What a list of findings shows of some vulnerabilities.
SELECT id, name, state, summary, severity, cvss_score, cvss_vector, epss, epss_percentile, is_exploited, published_at,
       modified_at
FROM catalog.vulnerabilities WHERE id = ANY(%(ids)s::bigint[]);

-- name: documents
-- The finished documents of some vulnerabilities, compressed.
SELECT vulnerability_id, document FROM catalog.finished WHERE vulnerability_id = ANY(%(ids)s::bigint[]);

-- name: find_stamps
-- Name and last change of some vulnerabilities.
SELECT id, name, coalesce(modified_at, published_at, 'epoch'::timestamptz)
FROM catalog.vulnerabilities WHERE id = ANY(%(ids)s::bigint[]);

-- name: find_document
-- The finished document that an identifier finds, with all names and with the ids of its sources' records.
SELECT v.name,
       ARRAY(SELECT n.identifier FROM catalog.identifiers AS n
             WHERE n.vulnerability_id = v.id ORDER BY n.identifier),
       ARRAY(SELECT c.record_id FROM catalog.claims AS c WHERE c.id = ANY(v.claim_ids)),
       f.document
FROM catalog.identifiers AS i
JOIN catalog.vulnerabilities AS v ON v.id = i.vulnerability_id
JOIN catalog.finished AS f ON f.vulnerability_id = v.id
WHERE i.identifier = %(identifier)s::text;

-- name: find_exported
-- The finished document of a name, if it speaks of an ecosystem.
SELECT f.document
FROM catalog.identifiers AS i
JOIN catalog.vulnerabilities AS v ON v.id = i.vulnerability_id AND v.name = i.identifier
JOIN catalog.finished AS f ON f.vulnerability_id = v.id
WHERE i.identifier = %(name)s::text
  AND EXISTS (SELECT 1 FROM catalog.affected AS a
              WHERE a.vulnerability_id = v.id AND a.ecosystem = %(ecosystem)s::text);

-- name: get_export_state
-- The last line of the change log.
SELECT seq, at FROM catalog.changes ORDER BY seq DESC LIMIT 1;

-- name: list_modified
-- When the vulnerabilities of an ecosystem (of all where it is null) changed, newest first.
SELECT coalesce(v.modified_at, v.published_at, 'epoch'::timestamptz), a.ecosystem, v.name
FROM (SELECT DISTINCT vulnerability_id, ecosystem FROM catalog.affected
      WHERE %(ecosystem)s::text IS NULL OR ecosystem = %(ecosystem)s::text) AS a
JOIN catalog.vulnerabilities AS v ON v.id = a.vulnerability_id
ORDER BY 1 DESC, 3, 2;

-- name: list_ecosystems
-- Every ecosystem that a vulnerability speaks of, withdrawn ones included.
SELECT DISTINCT ecosystem COLLATE "C"
FROM catalog.origins, unnest(ecosystems) AS ecosystem
WHERE id IN (SELECT origins FROM catalog.tallies GROUP BY origins HAVING sum(number) > 0)
ORDER BY 1;

-- name: export
-- A page of the vulnerabilities of an ecosystem (of all where it is null), withdrawn ones included, by key.
SELECT v.id, v.name, coalesce(v.modified_at, v.published_at), f.document
FROM catalog.vulnerabilities AS v
JOIN catalog.finished AS f ON f.vulnerability_id = v.id
WHERE v.id > %(after)s::bigint
  AND (%(ecosystem)s::text IS NULL
       OR EXISTS (SELECT 1 FROM catalog.affected AS a WHERE a.vulnerability_id = v.id AND a.ecosystem = %(ecosystem)s::text))
ORDER BY v.id LIMIT %(limit)s::integer;
