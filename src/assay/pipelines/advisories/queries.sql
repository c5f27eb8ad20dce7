-- name: list_quarantine
-- A page of records set aside, newest first, without their bytes.
SELECT id, source, scope, document, locator, record_id, reason, detail, substring(raw FROM 1 FOR 18) AS head, first_at,
       last_at, times
FROM advisories.quarantine
WHERE (%(source)s::text IS NULL OR source = %(source)s::text)
  AND (%(reason)s::text IS NULL OR reason = %(reason)s::text)
  AND (%(before)s::bigint IS NULL OR id < %(before)s::bigint)
ORDER BY id DESC
LIMIT %(limit)s::integer;

-- name: count_quarantine
-- Records set aside by source and reason.
SELECT source, reason, count(*) FROM advisories.quarantine GROUP BY source, reason ORDER BY source, 3 DESC, reason;

-- name: get_quarantine
-- One record set aside, without its bytes.
SELECT id, source, scope, document, locator, record_id, reason, detail, substring(raw FROM 1 FOR 18) AS head, first_at,
       last_at, times
FROM advisories.quarantine WHERE id = %(id)s::bigint;

-- name: get_quarantined
-- One record set aside, with its compressed bytes.
SELECT id, source, locator, reason, detail, raw FROM advisories.quarantine WHERE id = %(id)s::bigint;

-- name: list_listings
-- What each source's last staged document listed.
SELECT source, scope, document, records, staged_at, cursor_at FROM advisories.listings ORDER BY source, scope;

-- name: list_freshness
-- When each source last had a document that could be used; the same one again counts.
SELECT source, max(fetched_at) FROM advisories.documents WHERE outcome = 'staged' GROUP BY source ORDER BY source;

-- name: list_documents
-- Documents of a source, newest first.
SELECT id, source, scope, name, origin, kind, bytes, fetched_at, outcome, detail
FROM advisories.documents
WHERE %(source)s::text IS NULL OR source = %(source)s::text
ORDER BY fetched_at DESC, id DESC
LIMIT %(limit)s::integer;
