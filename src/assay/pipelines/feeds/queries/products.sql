-- name: list_products
-- Watched products with how many vulnerabilities touch each, by what they are called.
SELECT p.id, p.vendor, p.product, p.purl, p.shown, p.origin, p.note, p.created_by, p.created_at,
       CASE WHEN p.looked_at IS NOT NULL THEN (SELECT count(*) FROM feeds.touched AS t WHERE t.product = p.id) END AS touched
FROM feeds.products AS p
WHERE (%(text)s::text IS NULL OR strpos(lower(p.shown), lower(%(text)s::text)) > 0)
  AND (%(after_shown)s::text IS NULL OR (lower(p.shown), p.id) > (lower(%(after_shown)s::text), %(after)s::bigint))
ORDER BY lower(p.shown), p.id
LIMIT %(limit)s::integer;

-- name: get_product
-- One of them.
SELECT p.id, p.vendor, p.product, p.purl, p.shown, p.origin, p.note, p.created_by, p.created_at,
       CASE WHEN p.looked_at IS NOT NULL THEN (SELECT count(*) FROM feeds.touched AS t WHERE t.product = p.id) END AS touched
FROM feeds.products AS p WHERE p.id = %(id)s::bigint;

-- name: find_product
-- The watched product of these names.
SELECT id FROM feeds.products
WHERE vendor IS NOT DISTINCT FROM %(vendor)s::text AND product IS NOT DISTINCT FROM %(product)s::text
  AND purl IS NOT DISTINCT FROM %(purl)s::text;

-- name: count_products
-- How many products are watched.
SELECT count(*) FROM feeds.products;

-- name: list_watched
-- Everything that is watched, and whether the whole catalog was looked through for it.
SELECT id, vendor, product, purl, looked_at IS NOT NULL FROM feeds.products ORDER BY id;

-- name: touched_ids
-- The vulnerabilities that touch a watched product.
SELECT DISTINCT vulnerability FROM feeds.touched;

-- name: touched_among
-- Those of some vulnerabilities that touch a watched product.
SELECT DISTINCT vulnerability FROM feeds.touched WHERE vulnerability = ANY(%(ids)s::bigint[]);

-- name: touched_by
-- The watched products that a vulnerability touches.
SELECT p.id, p.shown FROM feeds.touched AS t JOIN feeds.products AS p ON p.id = t.product
WHERE t.vulnerability = %(vulnerability)s::bigint ORDER BY lower(p.shown), p.id;

-- name: watch_edition
-- The number of the edition of what touches the watched products.
SELECT edition FROM feeds.watching;

-- name: newest_change
-- The last line of the catalog's log that can be seen.
SELECT coalesce(max(seq), 0) FROM catalog.changes;

-- name: is_settled
-- Whether nobody is writing to the catalog's log. A line is numbered before it can be seen, so while somebody writes a line
-- may still come that has a smaller number than one that was seen.
SELECT NOT EXISTS (
    SELECT FROM pg_catalog.pg_locks
    WHERE database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
      AND relation = 'catalog.changes'::regclass AND mode = 'RowExclusiveLock' AND pid <> pg_backend_pid());

-- name: list_changed
-- Vulnerabilities that changed between two lines of the catalog's log, oldest line first.
SELECT seq, vulnerability_id FROM catalog.changes
WHERE seq > %(after)s::bigint AND seq <= %(until)s::bigint
ORDER BY seq LIMIT %(limit)s::integer;

-- name: documents_of
-- The finished documents of some vulnerabilities, compressed.
SELECT vulnerability_id, document FROM catalog.finished WHERE vulnerability_id = ANY(%(ids)s::bigint[]);

-- name: list_documents
-- The finished documents of the vulnerabilities behind one, compressed.
SELECT vulnerability_id, document FROM catalog.finished
WHERE vulnerability_id > %(after)s::bigint ORDER BY vulnerability_id LIMIT %(limit)s::integer;

-- name: list_reviewed
-- Texts of extractions that wait for review, compressed.
SELECT id, title, text FROM feeds.extractions
WHERE state = 'in_review' AND id > %(after)s::bigint ORDER BY id LIMIT %(limit)s::integer;
