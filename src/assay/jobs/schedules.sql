-- name: declare
-- A schedule as the program and its settings have it. A new timing is planned anew, unless a person chose another.
INSERT INTO jobs.schedules AS s (name, task, args, declared_spec, jitter_seconds, grace_seconds)
VALUES (%(name)s::text, %(task)s::text, %(args)s::jsonb, %(spec)s::text, %(jitter_seconds)s::float8,
        %(grace_seconds)s::float8)
ON CONFLICT (name) DO UPDATE
SET task = excluded.task,
    args = excluded.args,
    declared_spec = excluded.declared_spec,
    jitter_seconds = excluded.jitter_seconds,
    grace_seconds = excluded.grace_seconds,
    due_at = CASE WHEN s.chosen_spec IS NULL AND s.declared_spec <> excluded.declared_spec THEN NULL ELSE s.due_at END,
    next_run_at = CASE WHEN s.chosen_spec IS NULL AND s.declared_spec <> excluded.declared_spec THEN NULL
        ELSE s.next_run_at END
WHERE (s.task, s.args, s.declared_spec, s.jitter_seconds, s.grace_seconds) IS DISTINCT FROM
    (excluded.task, excluded.args, excluded.declared_spec, excluded.jitter_seconds, excluded.grace_seconds);

-- name: remove_others
-- Schedules that the program no longer has.
DELETE FROM jobs.schedules WHERE name <> ALL (%(names)s::text[]);

-- name: list_schedules
-- Every schedule with the state of its last job.
SELECT s.name, s.task, s.args, coalesce(s.chosen_spec, s.declared_spec) AS spec, s.declared_spec,
       s.chosen_spec IS NOT NULL AS is_changed, s.paused_at IS NOT NULL AS is_paused,
       s.jitter_seconds, s.grace_seconds, s.due_at, s.next_run_at, s.last_run_at, s.last_job_id,
       j.status AS last_status, s.missed, s.last_error
FROM jobs.schedules AS s
LEFT JOIN jobs.shown_jobs AS j ON j.id = s.last_job_id
ORDER BY s.name;

-- name: hold
-- Holds a schedule for the rest of the transaction, unless another machine does.
SELECT name FROM jobs.schedules WHERE name = %(name)s::text FOR NO KEY UPDATE SKIP LOCKED;

-- name: now
-- The time, to the moment and not of the transaction's beginning.
SELECT clock_timestamp();

-- name: planned
-- What a look at a schedule came to.
UPDATE jobs.schedules
SET due_at = %(due_at)s::timestamptz,
    next_run_at = %(next_run_at)s::timestamptz,
    last_run_at = CASE WHEN %(has_run)s::boolean THEN clock_timestamp() ELSE last_run_at END,
    last_job_id = coalesce(%(job_id)s::bigint, last_job_id),
    missed = missed + %(missed)s::integer,
    last_error = %(error)s::text
WHERE name = %(name)s::text;

-- name: ran_now
-- A run that a person asked for.
UPDATE jobs.schedules
SET last_run_at = clock_timestamp(), last_job_id = %(job_id)s::bigint, last_error = NULL
WHERE name = %(name)s::text;

-- name: pause
-- A schedule that waits until it is resumed.
UPDATE jobs.schedules SET paused_at = coalesce(paused_at, now()) WHERE name = %(name)s::text;

-- name: resume
-- A schedule that runs again from its next tick on.
UPDATE jobs.schedules
SET paused_at = NULL, due_at = NULL, next_run_at = NULL
WHERE name = %(name)s::text AND paused_at IS NOT NULL;

-- name: choose
-- Another timing, or with NULL the declared one.
UPDATE jobs.schedules
SET chosen_spec = %(spec)s::text, due_at = NULL, next_run_at = NULL
WHERE name = %(name)s::text;

-- name: note
-- What a person did to a schedule.
INSERT INTO jobs.interventions (by_whom, action, schedule, detail)
VALUES (%(who)s::text, %(action)s::text, %(schedule)s::text, %(detail)s::text);
