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
