-- name: try_turn
-- Whether this transaction is the one that keeps house, of all machines.
SELECT pg_try_advisory_xact_lock(%(lock)s::bigint);

-- name: find_dead
-- Running jobs that nobody runs any more, and why. `beside` other jobs ran in the same process. A job that its task
-- owns at this moment is passed over.
SELECT j.id, j.task_name AS task, j.attempts, j.crashes, j.max_retries, j.starts,
       (SELECT count(*) FROM jobs.procrastinate_jobs AS other
        WHERE other.worker_id = j.worker_id AND other.status = 'doing' AND other.id <> j.id) AS beside,
       CASE
           WHEN w.id IS NULL THEN 'gone'
           WHEN w.last_heartbeat < now() - make_interval(secs => %(stale_seconds)s::float8) THEN 'silent'
           WHEN j.started_at < now() - make_interval(secs => j.hard_seconds + %(slack_seconds)s::float8) THEN 'late'
           ELSE 'unknown'
       END AS why,
       w.host, w.pid
FROM jobs.procrastinate_jobs AS j
LEFT JOIN jobs.procrastinate_workers AS w ON w.id = j.worker_id
WHERE j.status = 'doing'
  AND (w.id IS NULL
       OR w.last_heartbeat < now() - make_interval(secs => %(stale_seconds)s::float8)
       OR j.started_at < now() - make_interval(secs => j.hard_seconds + %(slack_seconds)s::float8)
       OR (w.last_heartbeat > j.started_at + make_interval(secs => %(unknown_seconds)s::float8)
           AND NOT j.id = ANY (w.running)))
ORDER BY j.id
LIMIT 500
FOR NO KEY UPDATE OF j SKIP LOCKED;

-- name: find_of_worker
-- The running jobs of a worker whose process is known to have ended.
SELECT j.id, j.task_name AS task, j.attempts, j.crashes, j.max_retries, j.starts,
       (SELECT count(*) FROM jobs.procrastinate_jobs AS other
        WHERE other.worker_id = j.worker_id AND other.status = 'doing' AND other.id <> j.id) AS beside,
       'ended' AS why, w.host, w.pid
FROM jobs.procrastinate_jobs AS j
LEFT JOIN jobs.procrastinate_workers AS w ON w.id = j.worker_id
WHERE j.status = 'doing' AND j.worker_id = %(worker_id)s::bigint
ORDER BY j.id
FOR NO KEY UPDATE OF j;

-- name: end_attempts
-- Ends attempts whose process did not live to do it: the jobs wait again, or are given up.
WITH one AS (
    SELECT * FROM unnest(
        %(ids)s::bigint[], %(charges)s::integer[], %(crashes)s::integer[], %(waits)s::float8[], %(outcomes)s::text[],
        %(hosts)s::text[], %(reasons)s::text[]
    ) AS one (id, charge, crash, wait, outcome, host, reason)
), ended AS (
    UPDATE jobs.procrastinate_jobs AS j
    SET status = CASE
            WHEN j.abort_requested THEN 'cancelled'
            WHEN one.wait IS NULL THEN 'failed'
            WHEN j.queueing_lock IS NOT NULL AND EXISTS (
                SELECT 1 FROM jobs.procrastinate_jobs AS other
                WHERE other.queueing_lock = j.queueing_lock AND other.status = 'todo'
            ) THEN 'cancelled'
            ELSE 'todo'
        END::jobs.procrastinate_job_status,
        attempts = j.attempts + one.charge,
        crashes = j.crashes + one.crash,
        error_message = one.reason,
        scheduled_at = CASE WHEN one.wait > 0 THEN now() + make_interval(secs => one.wait) END,
        priority = j.priority - CASE WHEN one.wait > 0 THEN 1000 ELSE 0 END
    FROM one
    WHERE j.id = one.id AND j.status = 'doing'
    RETURNING j.id, j.starts, j.started_at, one.outcome, one.host, one.reason
)
INSERT INTO jobs.attempts (job_id, number, outcome, host, started_at, error)
SELECT id, starts, outcome, host, started_at, reason FROM ended
RETURNING job_id;

-- name: remove_workers
-- Forgets workers that gave no sign of life, once nobody waits for what they ran.
DELETE FROM jobs.procrastinate_workers AS w
WHERE w.last_heartbeat < now() - make_interval(secs => %(stale_seconds)s::float8)
  AND NOT EXISTS (SELECT 1 FROM jobs.procrastinate_jobs AS j WHERE j.worker_id = w.id);

-- name: remove_worker
-- Forgets one worker whose process is known to have ended.
DELETE FROM jobs.procrastinate_workers WHERE id = %(worker_id)s::bigint;

-- name: release_due
-- Jobs whose time has come rise to where they belong; until then they stand behind all that are ready.
WITH due AS (
    SELECT id FROM jobs.procrastinate_jobs
    WHERE status = 'todo' AND scheduled_at IS NOT NULL AND scheduled_at <= now()
    ORDER BY scheduled_at
    LIMIT 1000
    FOR UPDATE SKIP LOCKED
)
UPDATE jobs.procrastinate_jobs AS j
SET scheduled_at = NULL, priority = j.priority + 1000, updated_at = now()
FROM due
WHERE j.id = due.id
RETURNING j.id;

-- name: read_clock
-- The database's time, and since when it runs.
SELECT clock_timestamp(), pg_postmaster_start_time();

-- name: delete_jobs
-- Deletes some of the jobs that ended before a moment; those that were given up wait for a person.
WITH old AS (
    SELECT id FROM jobs.procrastinate_jobs
    WHERE completed_at < %(before)s::timestamptz AND status IN ('succeeded', 'cancelled', 'aborted')
    ORDER BY completed_at
    LIMIT %(most)s::integer
    FOR UPDATE SKIP LOCKED
)
DELETE FROM jobs.procrastinate_jobs AS j USING old WHERE j.id = old.id;

-- name: delete_runs
-- Deletes some of the ledger's rows that ended before a moment, but never the newest of a room, step and source.
WITH old AS (
    SELECT r.id FROM jobs.runs AS r
    WHERE r.ended_at < %(before)s::timestamptz
      AND EXISTS (
          SELECT 1 FROM jobs.runs AS newer
          WHERE newer.room = r.room AND newer.source IS NOT DISTINCT FROM r.source AND newer.step = r.step
            AND (newer.ended_at, newer.id) > (r.ended_at, r.id)
      )
    ORDER BY r.ended_at
    LIMIT %(most)s::integer
    FOR UPDATE SKIP LOCKED
)
DELETE FROM jobs.runs AS r USING old WHERE r.id = old.id;

-- name: delete_interventions
-- Deletes what people did before a moment.
DELETE FROM jobs.interventions WHERE at < %(before)s::timestamptz;
