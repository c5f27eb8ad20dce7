-- name: find_name
-- The vulnerability that an identifier finds.
SELECT vulnerability_id FROM catalog.identifiers WHERE identifier = %(identifier)s::text;

-- name: similar_names
-- Names that begin like one that was not found, for a hint.
SELECT identifier FROM catalog.identifiers
WHERE identifier >= %(start)s::text AND identifier < %(start)s::text || U&'\FFFF'
ORDER BY identifier LIMIT 5;

-- name: get_vulnerability
-- One vulnerability with its finished document and provenance.
SELECT v.id, v.name, v.state, v.summary, v.severity, v.cvss_version, v.cvss_score, v.cvss_vector, v.published_at,
       v.modified_at, v.withdrawn_at, v.epss, v.epss_percentile, v.is_exploited, v.exploited_on, v.sources,
       v.claim_ids, v.confidence, v.needs_review, v.remediated_at, v.changed_at, f.document, f.provenance
FROM catalog.vulnerabilities AS v
JOIN catalog.finished AS f ON f.vulnerability_id = v.id
WHERE v.id = %(id)s::bigint;

-- name: list_names
-- The names that find a vulnerability, and how many claims give each; none for a former name.
SELECT identifier, cardinality(asserted_by) FROM catalog.identifiers
WHERE vulnerability_id = %(id)s::bigint ORDER BY identifier;

-- name: list_claims
-- The claims on a vulnerability, without their raw records.
SELECT id, source, record_id, document, confidence, seen_at, tombstoned_at, reason
FROM catalog.claims WHERE id = ANY(%(ids)s::bigint[]) ORDER BY id;

-- name: list_changes
-- A vulnerability's history, newest first.
SELECT seq, at, what, fields FROM catalog.changes
WHERE vulnerability_id = %(id)s::bigint ORDER BY seq DESC LIMIT %(limit)s::integer;

-- name: count_dirty
-- Claims that wait to be merged.
SELECT count(DISTINCT claim_id) FROM catalog.dirty_claims;

-- name: last_change
-- The number of the last line of the change log.
SELECT coalesce(max(seq), 0) FROM catalog.changes;

-- name: list_changes_after
-- Changes after a line of the log, oldest first; a removed vulnerability's name is in its document before.
SELECT v.name, c.before, c.seq, c.at, c.what, c.fields
FROM catalog.changes AS c
LEFT JOIN catalog.vulnerabilities AS v ON v.id = c.vulnerability_id
WHERE c.seq > %(seq)s::bigint
ORDER BY c.seq LIMIT %(limit)s::integer;

-- name: scores_in_force
-- The newest day of EPSS scores.
SELECT scored_on, scores FROM catalog.epss_days ORDER BY scored_on DESC LIMIT 1;

-- name: list_scores
-- How a CVE's EPSS score went, oldest first; between two rows it did not change.
SELECT scored_on, score, percentile FROM catalog.epss_history WHERE cve = %(cve)s::text ORDER BY scored_on;

-- name: count_states
-- Vulnerabilities by state.
SELECT state, count(*) FROM catalog.vulnerabilities GROUP BY state ORDER BY state;

-- name: count_severities
-- Vulnerabilities by severity; null for those nobody rated.
SELECT severity, count(*) FROM catalog.vulnerabilities GROUP BY severity ORDER BY count(*) DESC, severity;

-- name: count_claims
-- Claims by source: live ones and tombstones.
SELECT source, count(*) FILTER (WHERE tombstoned_at IS NULL), count(*) FILTER (WHERE tombstoned_at IS NOT NULL)
FROM catalog.claims GROUP BY source ORDER BY source;

-- name: count_ecosystems
-- Vulnerabilities and packages by ecosystem, most vulnerabilities first.
SELECT ecosystem, count(DISTINCT vulnerability_id), count(DISTINCT name)
FROM catalog.affected GROUP BY ecosystem ORDER BY 2 DESC, 1 LIMIT 30;

-- name: count_rest
-- The other figures of the catalog in one row.
SELECT (SELECT count(*) FROM catalog.identifiers) AS identifiers,
       (SELECT count(*) FROM catalog.vulnerabilities WHERE is_exploited) AS exploited,
       (SELECT count(*) FROM catalog.vulnerabilities WHERE epss IS NOT NULL) AS with_epss,
       (SELECT count(*) FROM catalog.vulnerabilities WHERE cardinality(claim_ids) > 1) AS merged,
       (SELECT count(*) FROM catalog.vulnerabilities WHERE needs_review) AS needs_review,
       (SELECT count(*) FROM catalog.dirty_claims) AS dirty_claims,
       (SELECT coalesce(max(seq), 0) FROM catalog.changes) AS last_change,
       (SELECT max(scored_on) FROM catalog.epss_days) AS scored_on,
       (SELECT count(*) FROM catalog.alias_decisions) AS decisions,
       pg_database_size(current_database()) AS database_bytes;

-- name: list_digests
-- The fingerprint of every curated vulnerability, by name; without the keys, which depend on history.
SELECT name, digest FROM catalog.vulnerabilities ORDER BY name COLLATE "C", digest;

-- name: list_records
-- The records of a source whose claims came with some documents.
SELECT record_id FROM catalog.claims
WHERE source = %(source)s::text AND document = ANY(%(documents)s::text[]) AND tombstoned_at IS NULL;

-- name: list_decisions
-- Pins and bans, oldest first.
SELECT kind, left_identifier, right_identifier, reason, decided_by, decided_at
FROM catalog.alias_decisions ORDER BY id;

-- name: find_faults
-- What must never be: counts of broken laws, all of them zero in a sound catalog.
SELECT (SELECT count(*) FROM catalog.finished AS f
        WHERE NOT EXISTS (SELECT 1 FROM catalog.vulnerabilities AS v WHERE v.id = f.vulnerability_id))
           AS documents_without_vulnerability,
       (SELECT count(*) FROM catalog.vulnerabilities AS v
        WHERE NOT EXISTS (SELECT 1 FROM catalog.finished AS f WHERE f.vulnerability_id = v.id))
           AS vulnerabilities_without_document,
       (SELECT count(*) FROM catalog.identifiers AS i
        WHERE NOT EXISTS (SELECT 1 FROM catalog.vulnerabilities AS v WHERE v.id = i.vulnerability_id))
           AS names_that_find_nothing,
       (SELECT count(*) FROM catalog.vulnerabilities AS v
        WHERE NOT EXISTS (SELECT 1 FROM catalog.identifiers AS i
                          WHERE i.identifier = v.name AND i.vulnerability_id = v.id))
           AS vulnerabilities_that_their_name_does_not_find,
       (SELECT count(*) FROM catalog.affected AS a
        WHERE NOT EXISTS (SELECT 1 FROM catalog.vulnerabilities AS v WHERE v.id = a.vulnerability_id))
           AS packages_without_vulnerability,
       (SELECT count(*) FROM catalog.affected AS a
        JOIN catalog.vulnerabilities AS v ON v.id = a.vulnerability_id
        WHERE a.is_live <> (v.state IN ('published', 'disputed')))
           AS packages_of_another_state,
       (SELECT count(*) FROM catalog.facets AS f
        WHERE NOT EXISTS (SELECT 1 FROM catalog.vulnerabilities AS v WHERE v.id = f.vulnerability_id))
           AS facets_without_vulnerability,
       (SELECT count(*) FROM catalog.vulnerabilities AS v
        WHERE NOT EXISTS (SELECT 1 FROM catalog.facets AS f WHERE f.vulnerability_id = v.id))
           AS vulnerabilities_without_facets,
       (SELECT count(*) FROM catalog.facets AS f
        JOIN catalog.vulnerabilities AS v ON v.id = f.vulnerability_id
        WHERE (f.name, f.epss, f.is_exploited, f.needs_review, f.is_remediated, f.state IN (0, 1))
              <> (v.name, coalesce(v.epss, -1), v.is_exploited, v.needs_review, v.remediated_at IS NOT NULL,
                  v.state IN ('published', 'disputed'))
           OR NOT EXISTS (SELECT 1 FROM catalog.origins AS o WHERE o.id = f.origins AND o.sources = v.sources))
           AS facets_that_say_otherwise,
       (SELECT count(*) FROM (
            SELECT FROM (
                SELECT origins, kind, state, number FROM catalog.tallies
                UNION ALL
                SELECT origins, catalog.kind_of(gravity, is_exploited, epss, needs_review, is_remediated), state, -1
                FROM catalog.facets) AS counted
            GROUP BY origins, kind, state HAVING sum(number) <> 0) AS wrong)
           AS tallies_that_say_otherwise,
       (SELECT count(*) FROM catalog.commits AS c
        WHERE NOT EXISTS (SELECT 1 FROM catalog.vulnerabilities AS v WHERE v.id = c.vulnerability_id))
           AS commits_without_vulnerability,
       (SELECT count(*) FROM catalog.claims AS c, unnest(c.identifiers) AS name
        WHERE NOT EXISTS (SELECT 1 FROM catalog.identifiers AS i WHERE i.identifier = name)
          AND NOT EXISTS (SELECT 1 FROM catalog.dirty_claims)
          AND NOT EXISTS (SELECT 1 FROM catalog.alias_decisions WHERE kind = 'ban'))
           AS names_of_claims_that_find_nothing,
       (SELECT count(*) FROM (
            SELECT vulnerability_id FROM catalog.identifiers
            WHERE identifier ~ '^CVE-[0-9]{4}-[0-9]{4,}$' AND asserted_by <> '{}'
              AND NOT EXISTS (SELECT 1 FROM catalog.alias_decisions WHERE kind = 'pin')
            GROUP BY vulnerability_id HAVING count(*) > 1) AS several)
           AS vulnerabilities_with_two_cves;
