-- name: list_stanzas
-- The stanzas of one configuration, or those of some names, in no order.
SELECT number, file, name, line, is_implicit
FROM configs.stanzas
WHERE run = %(run)s::bigint AND conf = %(conf)s::text
  AND (%(names)s::text[] IS NULL OR name = ANY(%(names)s::text[]));

-- name: list_names
-- The names of the stanzas of one configuration in some files, or those in which a text occurs, in no order.
SELECT DISTINCT name FROM configs.stanzas
WHERE run = %(run)s::bigint AND conf = %(conf)s::text AND file = ANY(%(files)s::integer[])
  AND (%(like)s::text IS NULL OR name ILIKE %(like)s::text);

-- name: list_contents
-- The files of one configuration, each with all its stanzas in one piece.
SELECT file, stanzas FROM configs.contents WHERE run = %(run)s::bigint AND conf = %(conf)s::text;

-- name: list_settings_of
-- The settings of some stanzas, in no order.
SELECT stanza, key, value, line, end_line
FROM configs.settings
WHERE run = %(run)s::bigint AND conf = %(conf)s::text AND stanza = ANY(%(stanzas)s::integer[]);
