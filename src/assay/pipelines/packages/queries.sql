-- name: has_data
-- Whether the catalog knows any package at all.
SELECT EXISTS (SELECT 1 FROM catalog.affected);

-- name: list_aliases
-- Every name of some vulnerabilities.
SELECT vulnerability_id, array_agg(identifier ORDER BY identifier COLLATE "C")
FROM catalog.identifiers WHERE vulnerability_id = ANY(%(ids)s::bigint[]) GROUP BY vulnerability_id;

-- name: change_before
-- The last line of the catalog's log before a moment.
SELECT coalesce(max(seq), 0) FROM catalog.changes WHERE at < %(moment)s::timestamptz;

-- name: list_inventories
-- What was kept, by name.
SELECT id, name, packages, files, saved_at, change_seq FROM packages.inventories ORDER BY name;

-- name: find_inventory
-- One inventory.
SELECT id, name, packages, files, saved_at, change_seq FROM packages.inventories WHERE name = %(name)s::text;

-- name: list_pins
-- The packages of an inventory.
SELECT CASE WHEN release = '' THEN ecosystem ELSE ecosystem || ':' || release END AS ecosystem, name, version, purl,
       key IS NULL AS is_unplaced, files
FROM packages.pins WHERE inventory_id = %(id)s::bigint
ORDER BY ecosystem COLLATE "C", name COLLATE "C", version COLLATE "C";

-- name: find_hits
-- Kept packages that are affected by vulnerabilities which changed after a line of the catalog's log: without one,
-- after the inventory was saved. The planner thinks that far more has changed than ever does, and would read every kept
-- package; OFFSET 0 keeps each range's question to the index by itself.
WITH chosen AS (
    SELECT id, name, coalesce(%(since)s::bigint, change_seq) AS since
    FROM packages.inventories
    WHERE %(inventory)s::text IS NULL OR name = %(inventory)s::text
),
touched AS MATERIALIZED (
    SELECT vulnerability_id, max(seq) AS seq
    FROM catalog.changes
    WHERE seq > (SELECT min(since) FROM chosen)
    GROUP BY vulnerability_id
),
said AS MATERIALIZED (
    SELECT t.seq, a.vulnerability_id, a.ecosystem, a.release, a.name, a.lower, a.upper, a.is_upper_included, a.is_unread,
           a.fixed, a.listed
    FROM touched AS t
    CROSS JOIN LATERAL (
        SELECT * FROM catalog.affected AS one WHERE one.vulnerability_id = t.vulnerability_id AND one.is_live OFFSET 0
    ) AS a
),
hit AS (
    -- The version lies in an interval that ends.
    SELECT p.inventory_id, p.ecosystem, p.release, p.name, p.version, p.purl, p.files, s.vulnerability_id, s.seq,
           false AS is_unknown, s.fixed
    FROM said AS s
    CROSS JOIN LATERAL (
        SELECT * FROM packages.pins AS one
        WHERE one.ecosystem = s.ecosystem AND one.name = s.name AND one.key >= s.lower AND one.key <= s.upper OFFSET 0
    ) AS p
    WHERE s.lower IS NOT NULL AND s.upper IS NOT NULL AND (s.is_upper_included OR p.key < s.upper) AND (s.release = '' OR p.release = '' OR s.release = p.release)
    UNION ALL
    -- It lies in one that does not end.
    SELECT p.inventory_id, p.ecosystem, p.release, p.name, p.version, p.purl, p.files, s.vulnerability_id, s.seq,
           false, NULL
    FROM said AS s
    CROSS JOIN LATERAL (
        SELECT * FROM packages.pins AS one
        WHERE one.ecosystem = s.ecosystem AND one.name = s.name AND one.key >= s.lower OFFSET 0
    ) AS p
    WHERE s.lower IS NOT NULL AND s.upper IS NULL AND (s.release = '' OR p.release = '' OR s.release = p.release)
    UNION ALL
    -- It is listed as a text, or what was said of the package could not be read.
    SELECT p.inventory_id, p.ecosystem, p.release, p.name, p.version, p.purl, p.files, s.vulnerability_id, s.seq,
           NOT coalesce(p.version = ANY(s.listed), false), NULL
    FROM said AS s
    CROSS JOIN LATERAL (
        SELECT * FROM packages.pins AS one WHERE one.ecosystem = s.ecosystem AND one.name = s.name OFFSET 0
    ) AS p
    WHERE s.lower IS NULL AND (s.is_unread OR p.version = ANY(s.listed))
      AND (s.release = '' OR p.release = '' OR s.release = p.release)
    UNION ALL
    -- It cannot be placed among the others.
    SELECT p.inventory_id, p.ecosystem, p.release, p.name, p.version, p.purl, p.files, s.vulnerability_id, s.seq,
           true, s.fixed
    FROM said AS s
    CROSS JOIN LATERAL (
        SELECT * FROM packages.pins AS one
        WHERE one.ecosystem = s.ecosystem AND one.name = s.name AND one.key IS NULL OFFSET 0
    ) AS p
    WHERE s.lower IS NOT NULL AND (s.release = '' OR p.release = '' OR s.release = p.release)
)
SELECT c.name AS inventory,
       CASE WHEN h.release = '' THEN h.ecosystem ELSE h.ecosystem || ':' || h.release END AS ecosystem, h.name,
       h.version, h.purl, h.files, h.vulnerability_id, h.seq, h.is_unknown, h.fixed
FROM hit AS h
JOIN chosen AS c ON c.id = h.inventory_id
WHERE h.seq > c.since
ORDER BY c.name, h.ecosystem COLLATE "C", h.name COLLATE "C", h.version COLLATE "C", h.vulnerability_id, h.is_unknown,
         h.fixed NULLS LAST;
