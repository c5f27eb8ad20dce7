-- name: add_run
-- Notes an upload; nothing comes back where the same was uploaded before and has not failed.
INSERT INTO configs.runs (id, kind, label, file_name, sha256, bytes, status, uploaded_by, uploaded_at)
VALUES (%(id)s::uuid, %(kind)s::text, %(label)s::text, %(file_name)s::text, %(sha256)s::text, %(bytes)s::bigint, 'stored',
        %(uploaded_by)s::text, %(now)s::timestamptz)
ON CONFLICT (sha256, kind, label) WHERE status <> 'failed' DO NOTHING
RETURNING id;

-- name: find_standing
-- The run of an upload that has not failed.
SELECT id FROM configs.runs
WHERE sha256 = %(sha256)s::text AND kind = %(kind)s::text AND label = %(label)s::text AND status <> 'failed';

-- name: set_job
-- Says which job parses a run.
UPDATE configs.runs SET job_id = %(job_id)s::bigint, status = 'stored', error = NULL WHERE id = %(id)s::uuid;

-- name: lock_run
-- The run, kept from everybody else until the transaction ends.
SELECT number, status FROM configs.runs WHERE id = %(id)s::uuid FOR UPDATE;

-- name: complete_run
-- A run is complete, with its rows, or not at all.
UPDATE configs.runs
SET status = 'complete', started_at = %(started_at)s::timestamptz, completed_at = %(now)s::timestamptz, error = NULL,
    counts = %(counts)s::jsonb, notes = %(notes)s::text[]
WHERE id = %(id)s::uuid;

-- name: fail_run
-- A run cannot be completed before a person changes something.
UPDATE configs.runs SET status = 'failed', error = %(error)s::text, started_at = %(started_at)s::timestamptz
WHERE id = %(id)s::uuid AND status <> 'complete';

-- name: supersede_files
-- Marks files whose path came again later in the archive.
UPDATE configs.files SET is_superseded = true WHERE run = %(run)s::bigint AND number = ANY(%(files)s::integer[]);

-- name: delete_superseded_settings
-- Forgets the settings of such files.
DELETE FROM configs.settings WHERE run = %(run)s::bigint AND file = ANY(%(files)s::integer[]);

-- name: delete_settings
-- Forgets a run's settings.
DELETE FROM configs.settings WHERE run = %(run)s::bigint;

-- name: delete_contents
-- Forgets the pieces in which a run's files are read whole.
DELETE FROM configs.contents WHERE run = %(run)s::bigint;

-- name: delete_stanzas
-- Forgets a run's stanzas.
DELETE FROM configs.stanzas WHERE run = %(run)s::bigint;

-- name: delete_files
-- Forgets a run's files.
DELETE FROM configs.files WHERE run = %(run)s::bigint;

-- name: delete_problems
-- Forgets a run's problems.
DELETE FROM configs.problems WHERE run = %(run)s::bigint;

-- name: delete_documented
-- Forgets what a run's specifications document.
DELETE FROM configs.documented WHERE run = %(run)s::bigint;

-- name: delete_apps
-- Forgets a run's apps.
DELETE FROM configs.apps WHERE run = %(run)s::bigint;

-- name: delete_objects
-- Forgets a run's typed projections.
DELETE FROM configs.objects WHERE run = %(run)s::bigint;

-- name: delete_lookups
-- Forgets which files lay in a run's folders of lookups.
DELETE FROM configs.lookups WHERE run = %(run)s::bigint;

-- name: delete_run
-- Forgets a run, and says which document it was.
DELETE FROM configs.runs WHERE id = %(id)s::uuid RETURNING sha256;

-- name: count_uses
-- How many runs there are of a document.
SELECT count(*) FROM configs.runs WHERE sha256 = %(sha256)s::text;
