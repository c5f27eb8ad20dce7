-- name: be_patient
-- How long a lock is waited for in this transaction; 0 is for ever.
SELECT set_config('lock_timeout', %(patience)s::text, true);

-- name: hold_still
-- Waits until no merge is under way; then none begins before the transaction ends.
SELECT pg_advisory_xact_lock_shared(%(lock)s::bigint);

-- name: page_of_documents
-- A page of the finished documents, by key.
SELECT vulnerability_id, document FROM catalog.finished
WHERE vulnerability_id > %(after)s::bigint ORDER BY vulnerability_id LIMIT %(limit)s::integer;

-- name: changed_documents
-- A page of the vulnerabilities that changed after a line of the log: whether they were new then, the document before
-- the first such change (one that kept none changed only who says it), and the document now.
SELECT first.vulnerability_id,
       first.what = 'added',
       CASE WHEN first.what <> 'added'
            THEN (SELECT c.before FROM catalog.changes AS c
                  WHERE c.vulnerability_id = first.vulnerability_id AND c.seq > %(after)s::bigint AND c.before IS NOT NULL
                  ORDER BY c.seq LIMIT 1)
       END,
       f.document
FROM (
    SELECT DISTINCT ON (vulnerability_id) vulnerability_id, what
    FROM catalog.changes
    WHERE seq > %(after)s::bigint AND vulnerability_id > %(key)s::bigint
    ORDER BY vulnerability_id, seq
    LIMIT %(limit)s::integer
) AS first
LEFT JOIN catalog.finished AS f ON f.vulnerability_id = first.vulnerability_id
ORDER BY first.vulnerability_id;
