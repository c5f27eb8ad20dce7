-- name: defer_one
-- A new job, unless one with its key exists or one of its kind waits already. Later ones sink, see model.SUNK.
WITH due AS (
    SELECT greatest(%(not_before)s::timestamptz, CASE WHEN %(delay_seconds)s::float8 > 0 THEN
        now() + make_interval(secs => %(delay_seconds)s::float8) END) AS at
)
INSERT INTO jobs.procrastinate_jobs
    (queue_name, task_name, priority, lock, queueing_lock, args, scheduled_at, subject, key, max_retries, hard_seconds,
     step)
SELECT %(queue)s::text, %(task)s::text,
       %(priority)s::integer - CASE WHEN due.at > now() THEN 1000 ELSE 0 END,
       %(lock)s::text, %(queueing_lock)s::text, %(args)s::jsonb,
       CASE WHEN due.at > now() THEN due.at END,
       %(subject)s::text, %(key)s::text, %(max_retries)s::integer, %(hard_seconds)s::float8, %(step)s::text
FROM due
ON CONFLICT DO NOTHING
RETURNING id;

-- name: find_standing
-- The job that stands in the way of a new one: that of the same key, else the one of its kind that waits.
SELECT id
FROM jobs.procrastinate_jobs
WHERE (task_name = %(task)s::text AND key = %(key)s::text AND key IS NOT NULL AND status NOT IN ('cancelled', 'aborted'))
   OR (queueing_lock = %(queueing_lock)s::text AND status = 'todo')
ORDER BY (key IS NOT DISTINCT FROM %(key)s::text) DESC, id
LIMIT 1;

-- name: defer_many
-- New jobs of one task, one for each element of the arrays, without those whose key exists.
WITH due AS (
    SELECT greatest(%(not_before)s::timestamptz, CASE WHEN %(delay_seconds)s::float8 > 0 THEN
        now() + make_interval(secs => %(delay_seconds)s::float8) END) AS at
)
INSERT INTO jobs.procrastinate_jobs
    (queue_name, task_name, priority, lock, queueing_lock, args, scheduled_at, subject, key, max_retries, hard_seconds,
     step)
SELECT %(queue)s::text, %(task)s::text,
       %(priority)s::integer - CASE WHEN due.at > now() THEN 1000 ELSE 0 END,
       NULL, NULL, one.args,
       CASE WHEN due.at > now() THEN due.at END,
       one.subject, one.key, %(max_retries)s::integer, %(hard_seconds)s::float8, %(step)s::text
FROM due, unnest(%(every_args)s::jsonb[], %(subjects)s::text[], %(keys)s::text[])
    WITH ORDINALITY AS one (args, subject, key, place)
ORDER BY one.place
ON CONFLICT DO NOTHING
RETURNING id;
