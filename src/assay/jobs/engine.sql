-- name: fetch
-- The next job for a worker, marked as running in it; a row of NULL when none is ready.
SELECT id, task_name, queue_name, priority, lock, queueing_lock, args, attempts, starts, max_retries, worker_id
FROM jobs.procrastinate_fetch_job_v2(%(queues)s::varchar[], %(worker_id)s::bigint);

-- name: finish
-- Ends a job well, unless it was given to somebody else or has ended with the task's own transaction.
UPDATE jobs.procrastinate_jobs
SET status = 'succeeded', error_message = NULL
WHERE id = %(job_id)s::bigint AND status = 'doing' AND starts = %(starts)s::integer;

-- name: give_up
-- Ends an attempt badly, unless the job was given to somebody else, and with it the job: it waits again after
-- `retry_in` seconds, or it is given up. One of its kind that waits already takes its place.
WITH ended AS (
    UPDATE jobs.procrastinate_jobs AS j
    SET status = CASE
            WHEN %(is_cancelled)s::boolean OR j.abort_requested THEN 'cancelled'
            WHEN %(retry_in)s::float8 IS NULL THEN 'failed'
            WHEN j.queueing_lock IS NOT NULL AND EXISTS (
                SELECT 1 FROM jobs.procrastinate_jobs AS other
                WHERE other.queueing_lock = j.queueing_lock AND other.status = 'todo'
            ) THEN 'cancelled'
            ELSE 'todo'
        END::jobs.procrastinate_job_status,
        attempts = j.attempts + %(charge)s::integer,
        error_message = %(error)s::text,
        scheduled_at = CASE WHEN %(retry_in)s::float8 > 0 THEN
            now() + make_interval(secs => %(retry_in)s::float8) END,
        priority = j.priority - CASE WHEN %(retry_in)s::float8 > 0 THEN 1000 ELSE 0 END
    WHERE j.id = %(job_id)s::bigint AND j.status = 'doing' AND j.starts = %(starts)s::integer
    RETURNING j.id, j.starts, j.started_at
)
INSERT INTO jobs.attempts (job_id, number, outcome, host, started_at, error_kind, error, traceback)
SELECT id, starts, %(outcome)s::text, %(host)s::text, started_at, %(error_kind)s::text, %(error)s::text,
       %(traceback)s::text
FROM ended
RETURNING job_id;

-- name: hand_back
-- Jobs of a worker that is stopped before they end; this costs them no attempt.
WITH back AS (
    UPDATE jobs.procrastinate_jobs AS j
    SET status = CASE
            WHEN j.abort_requested THEN 'cancelled'
            WHEN j.queueing_lock IS NOT NULL AND EXISTS (
                SELECT 1 FROM jobs.procrastinate_jobs AS other
                WHERE other.queueing_lock = j.queueing_lock AND other.status = 'todo'
            ) THEN 'cancelled'
            ELSE 'todo'
        END::jobs.procrastinate_job_status
    WHERE j.worker_id = %(worker_id)s::bigint AND j.status = 'doing' AND j.id = ANY (%(job_ids)s::bigint[])
    RETURNING j.id, j.starts, j.started_at
)
INSERT INTO jobs.attempts (job_id, number, outcome, host, started_at, error)
SELECT id, starts, 'returned', %(host)s::text, started_at, %(reason)s::text
FROM back
RETURNING job_id;

-- name: register
-- A new worker.
INSERT INTO jobs.procrastinate_workers (host, pid, version, queues, concurrency)
VALUES (%(host)s::text, %(pid)s::integer, %(version)s::text, %(queues)s::text[], %(concurrency)s::integer)
RETURNING id AS worker_id;

-- name: beat
-- A worker's sign of life, and the jobs that it knows to be running in it.
UPDATE jobs.procrastinate_workers
SET last_heartbeat = now(), running = %(running)s::bigint[]
WHERE id = %(worker_id)s::bigint
RETURNING id;

-- name: unregister
-- The end of a worker.
DELETE FROM jobs.procrastinate_workers WHERE id = %(worker_id)s::bigint;
