-- name: queues
-- Every queue in which a job waits or runs.
SELECT queue_name::text AS queue,
       count(*) FILTER (WHERE status = 'todo' AND scheduled_at IS NULL) AS ready,
       count(*) FILTER (WHERE status = 'todo' AND scheduled_at IS NOT NULL) AS delayed,
       count(*) FILTER (WHERE status = 'doing') AS active,
       greatest(0, extract(epoch FROM clock_timestamp()
           - min(updated_at) FILTER (WHERE status = 'todo' AND scheduled_at IS NULL)))::float8 AS oldest_waiting_seconds
FROM (
    SELECT queue_name, status, scheduled_at, updated_at FROM jobs.procrastinate_jobs WHERE status = 'todo'
    UNION ALL
    SELECT queue_name, status, scheduled_at, updated_at FROM jobs.procrastinate_jobs WHERE status = 'doing'
) AS living
GROUP BY queue_name
ORDER BY queue_name;

-- name: tasks
-- Every task with jobs that wait, run or were given up. Retries of dead letters by people end their being one.
WITH living AS (
    SELECT task_name, status, attempts, started_at, hard_seconds
    FROM jobs.procrastinate_jobs WHERE status = 'todo'
    UNION ALL
    SELECT task_name, status, attempts, started_at, hard_seconds
    FROM jobs.procrastinate_jobs WHERE status = 'doing'
), alive AS (
    SELECT task_name,
           count(*) FILTER (WHERE status = 'todo' AND attempts = 0) AS pending,
           count(*) FILTER (WHERE status = 'todo' AND attempts > 0) AS retrying,
           count(*) FILTER (WHERE status = 'doing') AS processing,
           max(greatest(0, extract(epoch FROM clock_timestamp() - started_at)) / greatest(hard_seconds, 0.001))
               FILTER (WHERE status = 'doing')::float8 AS longest_share
    FROM living
    GROUP BY task_name
), dead AS (
    SELECT task_name, count(*) AS failed, max(id) AS newest
    FROM jobs.procrastinate_jobs WHERE status = 'failed'
    GROUP BY task_name
)
SELECT task_name::text AS task, coalesce(pending, 0) AS pending, coalesce(retrying, 0) AS retrying,
       coalesce(processing, 0) AS processing, coalesce(failed, 0) AS failed, longest_share,
       (SELECT j.error_message FROM jobs.procrastinate_jobs AS j WHERE j.id = dead.newest) AS last_error
FROM alive FULL JOIN dead USING (task_name)
ORDER BY task_name;

-- name: rates
-- Attempts of each task that ended within some minutes. The failed ones are looked for from the newest backwards.
WITH bad AS (
    SELECT j.task_name, count(*) AS bad
    FROM jobs.attempts AS a
    JOIN jobs.procrastinate_jobs AS j ON j.id = a.job_id
    WHERE a.outcome IN ('error', 'crash', 'timeout')
      AND a.id > (
          SELECT coalesce(max(older.id), 0) FROM jobs.attempts AS older
          WHERE older.ended_at < now() - make_interval(mins => %(minutes)s::integer)
      )
    GROUP BY j.task_name
), good AS (
    SELECT task_name, count(*) AS good
    FROM jobs.procrastinate_jobs
    WHERE completed_at > now() - make_interval(mins => %(minutes)s::integer) AND status = 'succeeded'
    GROUP BY task_name
)
SELECT task_name::text AS task, coalesce(good, 0) AS good, coalesce(bad, 0) AS bad
FROM good FULL JOIN bad USING (task_name)
ORDER BY task_name;

-- name: sources
-- Each source's runs, step by step of the index, however many there are.
WITH RECURSIVE places AS (
    (
        SELECT room, step, source FROM jobs.runs
        WHERE source IS NOT NULL
        ORDER BY room, step, source
        LIMIT 1
    )
    UNION ALL
    SELECT following.room, following.step, following.source
    FROM places, LATERAL (
        SELECT r.room, r.step, r.source FROM jobs.runs AS r
        WHERE r.source IS NOT NULL AND (r.room, r.step, r.source) > (places.room, places.step, places.source)
        ORDER BY r.room, r.step, r.source
        LIMIT 1
    ) AS following
)
SELECT p.room, p.step, p.source, newest.ended_at AS last_at, newest.outcome AS last_outcome,
       extract(epoch FROM newest.ended_at - newest.started_at)::float8 AS last_seconds, newest.detail AS last_detail,
       good.ended_at AS good_at, since.failures, since.refusals
FROM places AS p
CROSS JOIN LATERAL (
    SELECT r.started_at, r.ended_at, r.outcome, r.detail FROM jobs.runs AS r
    WHERE r.room = p.room AND r.step = p.step AND r.source = p.source
    ORDER BY r.ended_at DESC, r.id DESC
    LIMIT 1
) AS newest
LEFT JOIN LATERAL (
    SELECT r.ended_at FROM jobs.runs AS r
    WHERE r.room = p.room AND r.step = p.step AND r.source = p.source AND r.outcome IN ('completed', 'unchanged')
    ORDER BY r.ended_at DESC
    LIMIT 1
) AS good ON true
CROSS JOIN LATERAL (
    SELECT count(*) AS failures, count(*) FILTER (WHERE r.outcome = 'refused') AS refusals FROM jobs.runs AS r
    WHERE r.room = p.room AND r.step = p.step AND r.source = p.source
      AND r.ended_at > coalesce(good.ended_at, '-infinity')
) AS since
ORDER BY p.room, p.step, p.source;

-- name: observed
-- When the totals were last brought up to date.
SELECT min(observed_at) FROM monitoring.horizons;

-- name: job_totals
-- Ended jobs.
SELECT task, outcome, jobs FROM monitoring.job_totals ORDER BY task, outcome;

-- name: job_times
-- The histograms, bound by bound.
SELECT task, measure, bound, jobs, seconds FROM monitoring.job_times ORDER BY task, measure, bound;

-- name: attempt_totals
-- Attempts that did not end well.
SELECT task, outcome, kind, attempts FROM monitoring.attempt_totals ORDER BY task, outcome, kind;

-- name: run_totals
-- Runs by how they ended.
SELECT room, step, source, outcome, runs, seconds FROM monitoring.run_totals ORDER BY room, step, source, outcome;

-- name: record_totals
-- What the runs counted.
SELECT room, step, source, what, records FROM monitoring.record_totals ORDER BY room, step, source, what;

-- name: list_alerts
-- Alerts, newest first.
SELECT id, rule, subject, severity, state, value, threshold, message, breached_at, seen_at, opened_at, calm_since,
       acknowledged_at, acknowledged_by, note, resolved_at
FROM monitoring.alerts
WHERE state <> 'pending'
  AND (%(state)s::text IS NULL OR state = %(state)s::text)
  AND (%(is_all)s::boolean OR %(state)s::text IS NOT NULL OR state <> 'resolved')
  AND (%(rule)s::text IS NULL OR rule = %(rule)s::text)
  AND (%(before)s::bigint IS NULL OR id < %(before)s::bigint)
ORDER BY id DESC
LIMIT %(limit)s::integer;

-- name: get_alert
-- One alert.
SELECT id, rule, subject, severity, state, value, threshold, message, breached_at, seen_at, opened_at, calm_since,
       acknowledged_at, acknowledged_by, note, resolved_at
FROM monitoring.alerts
WHERE id = %(id)s::bigint AND state <> 'pending';

-- name: count_alerts
-- Alerts that are not over, by rule, severity and state.
SELECT rule, severity, state, count(*) FROM monitoring.alerts
WHERE state IN ('open', 'acknowledged')
GROUP BY rule, severity, state
ORDER BY rule, severity, state;

-- name: list_deliveries
-- Who was told about an alert, oldest first.
SELECT id, alert_id, channel, notice, created_at, tries, sent_at, error FROM monitoring.deliveries
WHERE alert_id = %(alert_id)s::bigint
ORDER BY id;

-- name: count_unsent
-- Notices that are not delivered yet, by channel.
SELECT channel, count(*) FROM monitoring.deliveries WHERE sent_at IS NULL GROUP BY channel ORDER BY channel;
