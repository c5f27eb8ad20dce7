-- name: add_run
-- Writes the one row by which a task ends.
INSERT INTO jobs.runs (room, step, source, started_at, ended_at, outcome, counts, detail)
VALUES (%(room)s::text, %(step)s::text, %(source)s::text, %(started_at)s::timestamptz, %(ended_at)s::timestamptz,
        %(outcome)s::text, %(counts)s::jsonb, %(detail)s::text)
RETURNING id;

-- name: last_runs
-- The newest run of every source in a room, one row per source and step.
SELECT DISTINCT ON (source, step)
       id, room, step, source, started_at, ended_at, outcome, counts, detail
FROM jobs.runs
WHERE room = %(room)s::text
ORDER BY source, step, ended_at DESC;

-- name: list_runs
-- Runs that are alike in what is given, newest first.
SELECT id, room, step, source, started_at, ended_at, outcome, counts, detail
FROM jobs.runs
WHERE (%(room)s::text IS NULL OR room = %(room)s::text)
  AND (%(source)s::text IS NULL OR source = %(source)s::text)
  AND (%(step)s::text IS NULL OR step = %(step)s::text)
  AND (%(outcome)s::text IS NULL OR outcome = %(outcome)s::text)
  AND (%(before)s::bigint IS NULL OR id < %(before)s::bigint)
ORDER BY id DESC
LIMIT %(limit)s::integer;
