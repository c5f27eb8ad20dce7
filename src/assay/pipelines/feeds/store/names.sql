-- name: find_gathered
-- Up to which line of the catalog's change log names were gathered, and when.
SELECT edition, gathered_at FROM feeds.names_gathered;

-- name: set_gathered
-- Names are gathered up to this line of the change log.
INSERT INTO feeds.names_gathered (edition, gathered_at)
VALUES (%(edition)s::bigint, %(now)s::timestamptz)
ON CONFLICT (is_one) DO UPDATE SET edition = excluded.edition, gathered_at = excluded.gathered_at;

-- name: empty_names
-- Forgets every name.
DELETE FROM feeds.names;

-- name: empty_clues
-- Forgets every clue.
DELETE FROM feeds.name_clues;

-- name: count_names
-- Counts names up or down.
INSERT INTO feeds.names AS held (vendor, product, vendor_shown, product_shown, claims)
SELECT told.vendor, told.product, told.vendor_shown, told.product_shown, told.claims
FROM unnest(%(vendors)s::text[], %(products)s::text[], %(vendors_shown)s::text[], %(products_shown)s::text[],
            %(claims)s::integer[]) AS told (vendor, product, vendor_shown, product_shown, claims)
ON CONFLICT (vendor, product, vendor_shown, product_shown) DO UPDATE SET claims = held.claims + excluded.claims;

-- name: count_clues
-- Counts clues up or down.
INSERT INTO feeds.name_clues AS held (clue, vendor, product, claims)
SELECT told.clue, told.vendor, told.product, told.claims
FROM unnest(%(clues)s::text[], %(vendors)s::text[], %(products)s::text[], %(claims)s::integer[])
    AS told (clue, vendor, product, claims)
ON CONFLICT (clue, vendor, product) DO UPDATE SET claims = held.claims + excluded.claims;

-- name: remove_names_of_none
-- Removes names that nothing in the catalog tells any more.
DELETE FROM feeds.names WHERE claims <= 0;

-- name: remove_clues_of_none
-- Removes clues that nothing in the catalog gives any more.
DELETE FROM feeds.name_clues WHERE claims <= 0;

-- name: load_names
-- Every name.
SELECT vendor, product, vendor_shown, product_shown, claims FROM feeds.names;

-- name: load_clues
-- The clues that most of the catalog gives; of those given as often the first by their letters.
SELECT clue, vendor, product, claims FROM feeds.name_clues
ORDER BY claims DESC, clue, vendor, product LIMIT %(limit)s::integer;
