-- name: list_history
-- A page of a vulnerability's history, newest first: the documents before each step, and that before the following one.
SELECT c.seq, c.at, c.what, c.fields, c.before,
       (SELECT n.before FROM catalog.changes AS n
        WHERE n.vulnerability_id = c.vulnerability_id AND n.seq > c.seq ORDER BY n.seq LIMIT 1) AS following
FROM catalog.changes AS c
WHERE c.vulnerability_id = %(id)s::bigint AND (%(before)s::bigint IS NULL OR c.seq < %(before)s::bigint)
ORDER BY c.seq DESC LIMIT %(limit)s::integer;

-- name: find_raw
-- The raw record of a claim, compressed, if it is one of some claims.
SELECT raw FROM catalog.claims
WHERE source = %(source)s::text AND record_id = %(record_id)s::text AND id = ANY(%(ids)s::bigint[]);

-- name: find_remediation
-- What was said of a vulnerability's being remediated, under any of its names; the first word if there are several.
SELECT r.note, r.remediated_by, r.remediated_at
FROM catalog.identifiers AS i
JOIN catalog.remediations AS r USING (identifier)
WHERE i.vulnerability_id = %(id)s::bigint
ORDER BY r.remediated_at, r.identifier LIMIT 1;
