-- The packages pipeline: what was scanned and kept, so that new advisories can be matched against it.
CREATE SCHEMA packages;

-- One row per name that somebody gave. `digest` tells whether the same packages come again; `change_seq` is the line
-- of the catalog's log up to which they were looked up when they were saved.
CREATE TABLE packages.inventories (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    digest bytea NOT NULL,
    packages integer NOT NULL,
    files text[] NOT NULL,
    saved_at timestamptz NOT NULL,
    change_seq bigint NOT NULL
);

-- One row per package and version of an inventory, under the catalog's spelling of its name. `key` is the version's
-- (domain/versions) as the encoder of that version made it, null where the version cannot be placed. `files` are
-- numbers into the inventory's.
CREATE TABLE packages.pins (
    inventory_id bigint NOT NULL,
    ecosystem text NOT NULL,
    release text NOT NULL,
    name text NOT NULL,
    key bytea,
    version text NOT NULL,
    purl text NOT NULL,
    encoder_version integer NOT NULL,
    files bigint[] NOT NULL
);
CREATE INDEX pins_match ON packages.pins (ecosystem, name, key) INCLUDE (release, inventory_id);
CREATE INDEX pins_unplaced ON packages.pins (ecosystem, name) WHERE key IS NULL;
CREATE INDEX pins_by_inventory ON packages.pins (inventory_id);
CREATE INDEX pins_by_encoder ON packages.pins (encoder_version);
