-- name: find_dead_letters
-- Dead letters by task, subject or error.
SELECT id FROM jobs.shown_jobs
WHERE state = 'failed'
  AND (%(status)s::text IS NULL OR status = %(status)s::text)
  AND (%(task)s::text IS NULL OR task = %(task)s::text)
  AND (%(subject)s::text IS NULL OR subject = %(subject)s::text)
  AND (%(error)s::text IS NULL OR error_message ILIKE '%%' || %(error)s::text || '%%')
ORDER BY id;

-- name: retry
-- Ended jobs wait again, with all their attempts before them. Where several share a lock one waits for all of them,
-- and none where one waits already; a key that was given to another job meanwhile stays with that.
WITH chosen AS (
    SELECT DISTINCT ON (coalesce(j.queueing_lock, 'job ' || j.id)) j.id, j.error_message
    FROM jobs.procrastinate_jobs AS j
    WHERE j.id = ANY (%(ids)s::bigint[]) AND j.status IN ('failed', 'cancelled', 'aborted')
      AND NOT EXISTS (
          SELECT 1 FROM jobs.procrastinate_jobs AS other
          WHERE other.queueing_lock = j.queueing_lock AND other.status = 'todo'
      )
      AND NOT EXISTS (
          SELECT 1 FROM jobs.procrastinate_jobs AS other
          WHERE other.task_name = j.task_name AND other.key = j.key AND other.id <> j.id
            AND other.key IS NOT NULL AND other.status NOT IN ('cancelled', 'aborted')
      )
    ORDER BY coalesce(j.queueing_lock, 'job ' || j.id), j.id DESC
), again AS (
    UPDATE jobs.procrastinate_jobs AS j
    SET status = 'todo', attempts = 0, crashes = 0, scheduled_at = NULL,
        priority = j.priority + CASE WHEN j.scheduled_at IS NULL THEN 0 ELSE 1000 END
    FROM chosen
    WHERE j.id = chosen.id
    RETURNING j.id, chosen.error_message
)
INSERT INTO jobs.interventions (by_whom, action, job_id, detail)
SELECT %(who)s::text, 'retry', id, error_message FROM again
RETURNING job_id;

-- name: discard
-- Dead letters that a person has dealt with.
WITH gone AS (
    UPDATE jobs.procrastinate_jobs
    SET status = 'cancelled'
    WHERE id = ANY (%(ids)s::bigint[]) AND status = 'failed'
    RETURNING id
)
INSERT INTO jobs.interventions (by_whom, action, job_id, detail)
SELECT %(who)s::text, 'discard', id, %(reason)s::text FROM gone
RETURNING job_id;

-- name: cancel
-- Waiting jobs end at once; running ones are told, by their worker.
WITH stopped AS (
    UPDATE jobs.procrastinate_jobs
    SET status = CASE status WHEN 'todo' THEN 'cancelled' ELSE status END,
        abort_requested = status = 'doing'
    WHERE id = ANY (%(ids)s::bigint[]) AND status IN ('todo', 'doing')
    RETURNING id, status
), noted AS (
    INSERT INTO jobs.interventions (by_whom, action, job_id)
    SELECT %(who)s::text, 'cancel', id FROM stopped
)
SELECT id, CASE status WHEN 'doing' THEN 'processing' ELSE 'cancelled' END FROM stopped ORDER BY id;

-- name: note_run
-- A job that a person asked for.
INSERT INTO jobs.interventions (by_whom, action, job_id) VALUES (%(who)s::text, 'run', %(job_id)s::bigint);
