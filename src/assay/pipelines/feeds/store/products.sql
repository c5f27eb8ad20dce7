-- name: add_product
-- Watches a product; nothing comes back where it was watched already.
INSERT INTO feeds.products (vendor, product, purl, shown, origin, note, created_by, created_at)
VALUES (%(vendor)s::text, %(product)s::text, %(purl)s::text, %(shown)s::text, %(origin)s::text, %(note)s::text,
        %(by)s::text, %(now)s::timestamptz)
ON CONFLICT (vendor, product, purl) DO NOTHING
RETURNING id;

-- name: remove_product
-- Watches a product no more, and forgets what touches it.
DELETE FROM feeds.products WHERE id = %(id)s::bigint RETURNING shown;

-- name: mark_looked
-- The whole catalog was looked through for some products.
UPDATE feeds.products SET looked_at = %(now)s::timestamptz WHERE id = ANY(%(ids)s::bigint[]);

-- name: add_touched
-- Vulnerabilities that touch watched products; a product that is gone meanwhile is left out.
INSERT INTO feeds.touched (vulnerability, product)
SELECT said.vulnerability, said.product
FROM unnest(%(vulnerabilities)s::bigint[], %(products)s::bigint[]) AS said (vulnerability, product)
JOIN feeds.products AS p ON p.id = said.product
ON CONFLICT DO NOTHING;

-- name: keep_touched
-- Forgets which products some vulnerabilities touched that they touch no more.
DELETE FROM feeds.touched AS t
WHERE t.vulnerability = ANY(%(ids)s::bigint[])
  AND NOT EXISTS (SELECT FROM unnest(%(vulnerabilities)s::bigint[], %(products)s::bigint[]) AS said (vulnerability, product)
                  WHERE said.vulnerability = t.vulnerability AND said.product = t.product);

-- name: lock_watching
-- Up to which line of the log was looked, and whether products changed; nobody else looks meanwhile.
SELECT seq, is_changed FROM feeds.watching FOR UPDATE;

-- name: move_on
-- Up to which line of the log was looked.
UPDATE feeds.watching SET seq = %(seq)s::bigint;

-- name: count_edition
-- What touches the watched products is another set than before.
UPDATE feeds.watching SET edition = edition + 1;

-- name: note_products
-- Products came or went: what waits has to be weighed again.
UPDATE feeds.watching SET is_changed = true, edition = edition + 1;

-- name: note_weighed
-- What waits is about to be weighed by the products as they are now.
UPDATE feeds.watching SET is_changed = false WHERE is_changed;

-- name: mark_extraction
-- Says whether an extraction that waits for review mentions what is watched.
UPDATE feeds.extractions SET is_monitored = %(is_monitored)s::boolean
WHERE id = %(id)s::bigint AND is_monitored <> %(is_monitored)s::boolean;
