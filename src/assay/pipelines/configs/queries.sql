-- name: get_run
-- One run; whether it is being parsed, waits for another try or was given up is told by its job.
SELECT r.id, r.number, r.kind, r.label, r.file_name, r.sha256, r.bytes,
       CASE WHEN r.status <> 'stored' THEN r.status
            WHEN j.status = 'processing' THEN 'parsing'
            WHEN j.status = 'retrying' THEN 'pending'
            WHEN j.status IN ('failed', 'cancelled') THEN 'failed'
            ELSE r.status END AS status,
       r.uploaded_by, r.uploaded_at, r.job_id, coalesce(r.started_at, j.started_at) AS started_at, r.completed_at,
       CASE WHEN r.status = 'stored' THEN j.error_message ELSE r.error END AS error, r.counts, r.notes
FROM configs.runs AS r
LEFT JOIN jobs.shown_jobs AS j ON j.id = r.job_id AND r.status = 'stored'
WHERE r.id = %(id)s::uuid;

-- name: list_runs
-- Runs, the newest first.
SELECT r.id, r.number, r.kind, r.label, r.file_name, r.sha256, r.bytes,
       CASE WHEN r.status <> 'stored' THEN r.status
            WHEN j.status = 'processing' THEN 'parsing'
            WHEN j.status = 'retrying' THEN 'pending'
            WHEN j.status IN ('failed', 'cancelled') THEN 'failed'
            ELSE r.status END AS status,
       r.uploaded_by, r.uploaded_at, r.job_id, coalesce(r.started_at, j.started_at) AS started_at, r.completed_at,
       CASE WHEN r.status = 'stored' THEN j.error_message ELSE r.error END AS error, r.counts, r.notes
FROM configs.runs AS r
LEFT JOIN jobs.shown_jobs AS j ON j.id = r.job_id AND r.status = 'stored'
WHERE (%(label)s::text IS NULL OR r.label = %(label)s::text)
  AND (%(before)s::bigint IS NULL OR r.number < %(before)s::bigint)
ORDER BY r.number DESC
LIMIT %(limit)s::integer;

-- name: find_by_prefix
-- Runs whose id begins so, or whose label is this, the newest first.
SELECT id FROM configs.runs
WHERE id::text LIKE %(prefix)s::text || '%%' OR label = %(label)s::text
ORDER BY (label = %(label)s::text), number DESC
LIMIT 2;

-- name: list_files
-- The files of a run that take part, of one configuration or of all.
SELECT number, path, area, app, owner, scope, kind, conf, bytes, stanzas, settings
FROM configs.files
WHERE run = %(run)s::bigint AND NOT is_superseded AND (%(conf)s::text IS NULL OR conf = %(conf)s::text)
ORDER BY number;

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

-- name: list_settings
-- The settings of one configuration, in no order.
SELECT stanza, key, value, line, end_line
FROM configs.settings
WHERE run = %(run)s::bigint AND conf = %(conf)s::text;

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

-- name: list_problems
-- What was odd about a run's files.
SELECT path, line, code, detail FROM configs.problems WHERE run = %(run)s::bigint ORDER BY path COLLATE "C", line, code;

-- name: list_apps
-- The apps of a run.
SELECT area, app, is_enabled, version, label, author FROM configs.apps
WHERE run = %(run)s::bigint
ORDER BY area COLLATE "C", app COLLATE "C";

-- name: list_objects
-- The typed projections of one kind.
SELECT kind, name, app, path, line, is_disabled, fields FROM configs.objects
WHERE run = %(run)s::bigint AND kind = %(kind)s::text
ORDER BY name COLLATE "C";

-- name: list_documented
-- What the specifications in a run document.
SELECT app, conf, stanza, name, is_open FROM configs.documented WHERE run = %(run)s::bigint;

-- name: count_settings
-- How many settings of files that take part are kept of a run.
SELECT count(*) FROM configs.settings WHERE run = %(run)s::bigint AND conf <> '.meta';
