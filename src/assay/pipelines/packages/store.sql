-- name: lock_inventory
-- The inventory of a name, made if there is none, kept from everybody else until the transaction ends.
INSERT INTO packages.inventories (name, digest, packages, files, saved_at, change_seq)
VALUES (%(name)s::text, '', 0, '{}', %(now)s::timestamptz, 0)
ON CONFLICT (name) DO UPDATE SET name = excluded.name
RETURNING id, digest;

-- name: replace_inventory
-- Says what an inventory holds from now on.
UPDATE packages.inventories
SET digest = %(digest)s::bytea, packages = %(packages)s::integer, files = %(files)s::text[],
    saved_at = %(now)s::timestamptz, change_seq = %(change_seq)s::bigint
WHERE id = %(id)s::bigint;

-- name: delete_pins
-- Forgets the packages of an inventory.
DELETE FROM packages.pins WHERE inventory_id = %(id)s::bigint;

-- name: delete_inventory
-- Forgets an inventory; its packages go by delete_pins.
DELETE FROM packages.inventories WHERE name = %(name)s::text RETURNING id;

-- name: list_outdated
-- Versions whose keys another encoder made.
SELECT DISTINCT ecosystem, release, version FROM packages.pins
WHERE encoder_version < %(encoder_version)s::integer OR encoder_version > %(encoder_version)s::integer;

-- name: encode_pins
-- Gives versions their keys by the present encoder.
UPDATE packages.pins AS p
SET key = e.key, encoder_version = %(encoder_version)s::integer
FROM unnest(%(ecosystems)s::text[], %(releases)s::text[], %(versions)s::text[], %(keys)s::bytea[])
     AS e (ecosystem, release, version, key)
WHERE p.encoder_version <> %(encoder_version)s::integer
  AND p.ecosystem = e.ecosystem AND p.release = e.release AND p.version = e.version;
