-- name: list_files
-- The files of a run that take part, of one configuration or of all.
SELECT number, path, area, app, owner, scope, kind, conf, bytes, stanzas, settings
FROM configs.files
WHERE run = %(run)s::bigint AND NOT is_superseded AND (%(conf)s::text IS NULL OR conf = %(conf)s::text)
ORDER BY number;

-- name: list_folders
-- The folders of a run, with how much is in them.
SELECT area, app, owner, count(*), sum(stanzas)::bigint, sum(settings)::bigint
FROM configs.files
WHERE run = %(run)s::bigint AND NOT is_superseded
  AND (%(like)s::text IS NULL OR app ILIKE %(like)s::text OR owner ILIKE %(like)s::text)
GROUP BY area, app, owner
ORDER BY area COLLATE "C", owner COLLATE "C", app COLLATE "C";

-- name: list_folder
-- The files of one folder that take part.
SELECT number, path, area, app, owner, scope, kind, conf, bytes, stanzas, settings
FROM configs.files
WHERE run = %(run)s::bigint AND NOT is_superseded AND area = %(area)s::text AND app = %(app)s::text
  AND owner = %(owner)s::text
ORDER BY kind, scope DESC, conf COLLATE "C", number;

-- name: get_file
-- One file that takes part.
SELECT number, path, area, app, owner, scope, kind, conf, bytes, stanzas, settings
FROM configs.files
WHERE run = %(run)s::bigint AND number = %(number)s::integer AND NOT is_superseded;

-- name: list_stanzas_of_file
-- The stanzas of one file, in its order.
SELECT number, name, line, is_implicit
FROM configs.stanzas
WHERE run = %(run)s::bigint AND conf = %(conf)s::text AND file = %(file)s::integer
ORDER BY number;

-- name: list_settings_of
-- The settings of some stanzas, in no order.
SELECT stanza, key, value, line, end_line
FROM configs.settings
WHERE run = %(run)s::bigint AND conf = %(conf)s::text AND stanza = ANY(%(stanzas)s::integer[]);

-- name: list_confs
-- The configurations of a run, with how much is in them.
SELECT conf, count(*), sum(stanzas), sum(settings)
FROM configs.files
WHERE run = %(run)s::bigint AND NOT is_superseded AND kind = 'conf'
GROUP BY conf
ORDER BY conf COLLATE "C";

-- name: search
-- Settings in whose stanza, key or value a text occurs, or a regular expression matches, in the order of the archive.
SELECT f.path, f.area, f.app, s.conf, z.name AS stanza, s.key, s.value, s.line
FROM configs.settings AS s
JOIN configs.stanzas AS z ON z.run = s.run AND z.number = s.stanza
JOIN configs.files AS f ON f.run = s.run AND f.number = s.file
WHERE s.run = %(run)s::bigint AND z.run = %(run)s::bigint AND f.run = %(run)s::bigint AND NOT f.is_superseded
  AND (%(conf)s::text IS NULL OR s.conf = %(conf)s::text)
  AND (%(app)s::text IS NULL OR f.app = %(app)s::text)
  AND (%(like)s::text IS NULL OR s.value ILIKE %(like)s::text OR s.key ILIKE %(like)s::text OR z.name ILIKE %(like)s::text)
  AND (%(regex)s::text IS NULL OR s.value ~ %(regex)s::text OR s.key ~ %(regex)s::text OR z.name ~ %(regex)s::text)
ORDER BY s.file, s.stanza, s.line
LIMIT %(limit)s::integer;

-- name: count_settings
-- How many settings of files that take part are kept of a run.
SELECT count(*) FROM configs.settings WHERE run = %(run)s::bigint AND conf <> '.meta';

-- name: list_lookups
-- The files in the folders of lookups of one machine.
SELECT DISTINCT app, name FROM configs.lookups WHERE run = %(run)s::bigint AND area = ANY(%(areas)s::text[]);
