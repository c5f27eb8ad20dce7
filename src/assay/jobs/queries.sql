-- name: list_jobs
-- Jobs of any state, newest first.
SELECT id, task, room, subject, status, priority, retry_count, max_retries, error_message, created_at, started_at,
       completed_at, updated_at, queue, args, key, crashes, starts, not_before, is_being_cancelled, worker_id, host,
       progress_done, progress_total, progress_message
FROM jobs.shown_jobs
WHERE (%(before)s::bigint IS NULL OR id < %(before)s::bigint)
  AND (%(status)s::text IS NULL OR status = %(status)s::text)
  AND (%(task)s::text IS NULL OR task = %(task)s::text)
  AND (%(subject)s::text IS NULL OR subject = %(subject)s::text)
  AND (%(error)s::text IS NULL OR error_message ILIKE '%%' || %(error)s::text || '%%')
ORDER BY id DESC
LIMIT %(limit)s::integer;

-- name: list_alive
-- Jobs that wait or run, newest first: by indexes that hold no others.
SELECT id, task, room, subject, status, priority, retry_count, max_retries, error_message, created_at, started_at,
       completed_at, updated_at, queue, args, key, crashes, starts, not_before, is_being_cancelled, worker_id, host,
       progress_done, progress_total, progress_message
FROM jobs.shown_jobs
WHERE id = ANY (ARRAY(
        SELECT id FROM jobs.procrastinate_jobs WHERE status = 'todo'
        UNION ALL
        SELECT id FROM jobs.procrastinate_jobs WHERE status = 'doing'
    ))
  AND (%(before)s::bigint IS NULL OR id < %(before)s::bigint)
  AND status = %(status)s::text
  AND (%(task)s::text IS NULL OR task = %(task)s::text)
  AND (%(subject)s::text IS NULL OR subject = %(subject)s::text)
  AND (%(error)s::text IS NULL OR error_message ILIKE '%%' || %(error)s::text || '%%')
ORDER BY id DESC
LIMIT %(limit)s::integer;

-- name: list_failed
-- Dead letters, newest first: by the index that holds no others.
SELECT id, task, room, subject, status, priority, retry_count, max_retries, error_message, created_at, started_at,
       completed_at, updated_at, queue, args, key, crashes, starts, not_before, is_being_cancelled, worker_id, host,
       progress_done, progress_total, progress_message
FROM jobs.shown_jobs
WHERE state = 'failed'
  AND (%(before)s::bigint IS NULL OR id < %(before)s::bigint)
  AND status = %(status)s::text
  AND (%(task)s::text IS NULL OR task = %(task)s::text)
  AND (%(subject)s::text IS NULL OR subject = %(subject)s::text)
  AND (%(error)s::text IS NULL OR error_message ILIKE '%%' || %(error)s::text || '%%')
ORDER BY id DESC
LIMIT %(limit)s::integer;

-- name: get_job
-- One job.
SELECT id, task, room, subject, status, priority, retry_count, max_retries, error_message, created_at, started_at,
       completed_at, updated_at, queue, args, key, crashes, starts, not_before, is_being_cancelled, worker_id, host,
       progress_done, progress_total, progress_message
FROM jobs.shown_jobs
WHERE id = %(job_id)s::bigint;

-- name: list_attempts
-- The attempts of a job that did not end well, oldest first.
SELECT number, outcome, host, started_at, ended_at, error_kind, error, traceback
FROM jobs.attempts
WHERE job_id = %(job_id)s::bigint
ORDER BY id;

-- name: list_interventions
-- What people did to a job, oldest first.
SELECT at, by_whom, action, detail FROM jobs.interventions WHERE job_id = %(job_id)s::bigint ORDER BY id;

-- name: list_workers
-- The worker processes of all machines.
SELECT id, host, pid, version, queues, concurrency, running, started_at, last_heartbeat,
       last_heartbeat > now() - make_interval(secs => %(stale_seconds)s::float8) AS is_alive
FROM jobs.procrastinate_workers
ORDER BY host, pid;

-- name: waiting_queues
-- Queues in which a job is ready to run.
SELECT DISTINCT queue_name::text FROM jobs.procrastinate_jobs
WHERE status = 'todo' AND scheduled_at IS NULL
ORDER BY 1;

-- name: figures
-- Each task's jobs: those alive, the dead letters, and what ended within the hour.
WITH alive AS (
    SELECT task_name,
           count(*) FILTER (WHERE status = 'todo' AND attempts = 0) AS pending,
           count(*) FILTER (WHERE status = 'todo' AND attempts > 0) AS retrying,
           count(*) FILTER (WHERE status = 'doing') AS processing,
           extract(epoch FROM now() - min(created_at) FILTER (WHERE status = 'todo' AND scheduled_at IS NULL))::float8
               AS oldest_waiting_seconds
    FROM (
        SELECT task_name, status, attempts, created_at, scheduled_at FROM jobs.procrastinate_jobs WHERE status = 'todo'
        UNION ALL
        SELECT task_name, status, attempts, created_at, scheduled_at FROM jobs.procrastinate_jobs WHERE status = 'doing'
    ) AS living
    GROUP BY task_name
), dead AS (
    SELECT task_name, count(*) AS failed FROM jobs.procrastinate_jobs WHERE status = 'failed' GROUP BY task_name
), ended AS (
    SELECT task_name,
           count(*) FILTER (WHERE status = 'succeeded') AS completed_last_hour,
           count(*) FILTER (WHERE status = 'failed') AS failed_last_hour,
           avg(extract(epoch FROM started_at - created_at)) FILTER (WHERE starts = 1)::float8 AS wait_seconds,
           avg(extract(epoch FROM completed_at - started_at)) FILTER (WHERE status = 'succeeded')::float8 AS run_seconds
    FROM jobs.procrastinate_jobs
    WHERE completed_at > now() - interval '1 hour'
    GROUP BY task_name
)
SELECT task_name::text AS task,
       coalesce(pending, 0) AS pending, coalesce(processing, 0) AS processing, coalesce(retrying, 0) AS retrying,
       coalesce(failed, 0) AS failed, coalesce(completed_last_hour, 0) AS completed_last_hour,
       coalesce(failed_last_hour, 0) AS failed_last_hour, oldest_waiting_seconds, wait_seconds, run_seconds
FROM alive FULL JOIN dead USING (task_name) FULL JOIN ended USING (task_name)
ORDER BY task_name;
