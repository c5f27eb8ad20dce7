-- name: report
-- Writes how far a job is and tells whether it is still this execution's. A row that is locked is passed over: the
-- lock may be the task's own, in the transaction with which it owns the job.
WITH mine AS (
    SELECT id
    FROM jobs.procrastinate_jobs
    WHERE id = %(job_id)s::bigint AND status = 'doing' AND starts = %(starts)s::integer
    FOR NO KEY UPDATE SKIP LOCKED
), told AS (
    UPDATE jobs.procrastinate_jobs AS j
    SET progress_done = %(done)s::bigint,
        progress_total = %(total)s::bigint,
        progress_message = %(message)s::text,
        updated_at = now()
    FROM mine
    WHERE j.id = mine.id
)
SELECT EXISTS (
    SELECT 1 FROM jobs.procrastinate_jobs
    WHERE id = %(job_id)s::bigint AND status = 'doing' AND starts = %(starts)s::integer
) AS is_mine;

-- name: own
-- Locks the row of a job that is still this execution's; whoever would give it away waits, or passes it over.
SELECT id
FROM jobs.procrastinate_jobs
WHERE id = %(job_id)s::bigint AND status = 'doing' AND starts = %(starts)s::integer
FOR NO KEY UPDATE;

-- name: complete
-- Ends a job well, unless it was given to somebody else.
UPDATE jobs.procrastinate_jobs
SET status = 'succeeded', error_message = NULL
WHERE id = %(job_id)s::bigint AND status = 'doing' AND starts = %(starts)s::integer;
