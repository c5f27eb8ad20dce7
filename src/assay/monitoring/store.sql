-- name: try_turn
-- Whether this transaction is the one that looks, of all machines.
SELECT pg_try_advisory_xact_lock(%(lock)s::bigint);

-- name: observe_jobs
-- Adds the jobs that ended since the last look to the totals. See 0007_monitoring.sql for the look.
WITH look AS MATERIALIZED (
    SELECT horizon, newest, last_horizon, since FROM monitoring.looks WHERE kind = 'jobs'
), ended AS MATERIALIZED (
    SELECT found.* FROM (
        SELECT j.id, j.task_name::text AS task, j.created_at, j.started_at, j.completed_at, j.starts,
               CASE j.status WHEN 'succeeded' THEN 'completed' WHEN 'failed' THEN 'failed' ELSE 'cancelled' END AS outcome,
               monitoring.full_xid(j.xmin, look.newest) AS xid
        FROM jobs.procrastinate_jobs AS j, look
        WHERE j.completed_at IS NOT NULL
          AND j.completed_at > coalesce((SELECT since FROM look), '-infinity')
    ) AS found, look
    WHERE found.xid >= look.last_horizon
      AND NOT EXISTS (
          SELECT 1 FROM monitoring.counted AS c
          WHERE c.kind = 'jobs' AND c.id = found.id AND c.xid = found.xid
      )
), measured AS (
    SELECT task, 'wait' AS measure, greatest(0, extract(epoch FROM started_at - created_at))::float8 AS seconds
    FROM ended WHERE starts = 1 AND outcome <> 'cancelled'
    UNION ALL
    SELECT task, 'run', greatest(0, extract(epoch FROM completed_at - started_at))::float8
    FROM ended WHERE outcome <> 'cancelled' AND started_at IS NOT NULL
), counted_jobs AS (
    INSERT INTO monitoring.job_totals AS t (task, outcome, jobs)
    SELECT task, outcome, count(*) FROM ended GROUP BY task, outcome
    ON CONFLICT (task, outcome) DO UPDATE SET jobs = t.jobs + excluded.jobs
), counted_times AS (
    INSERT INTO monitoring.job_times AS t (task, measure, bound, jobs, seconds)
    SELECT task, measure, bound, count(*), sum(seconds)
    FROM measured, LATERAL (
        SELECT min(bound) AS bound FROM unnest(%(bounds)s::float8[]) AS bound WHERE bound >= measured.seconds
    ) AS bar
    GROUP BY task, measure, bound
    ON CONFLICT (task, measure, bound) DO UPDATE SET jobs = t.jobs + excluded.jobs, seconds = t.seconds + excluded.seconds
), remembered AS (
    INSERT INTO monitoring.counted (kind, id, xid)
    SELECT 'jobs', ended.id, ended.xid FROM ended, look WHERE ended.xid >= look.horizon
), forgotten AS (
    DELETE FROM monitoring.counted AS c USING look WHERE c.kind = 'jobs' AND c.xid < look.horizon
)
UPDATE monitoring.horizons AS h
SET horizon = look.horizon, observed_at = clock_timestamp()
FROM look
WHERE h.kind = 'jobs'
RETURNING (SELECT count(*) FROM ended);

-- name: observe_attempts
-- Adds the attempts that failed since the last look to the totals.
WITH look AS MATERIALIZED (
    SELECT horizon, newest, last_horizon, since FROM monitoring.looks WHERE kind = 'attempts'
), failed AS MATERIALIZED (
    SELECT found.* FROM (
        SELECT a.id, j.task_name::text AS task, a.outcome, coalesce(a.error_kind, a.outcome) AS kind,
               monitoring.full_xid(a.xmin, look.newest) AS xid
        FROM jobs.attempts AS a
        JOIN jobs.procrastinate_jobs AS j ON j.id = a.job_id, look
        WHERE a.id > (
              SELECT coalesce(max(older.id), 0) FROM jobs.attempts AS older
              WHERE older.ended_at < (SELECT since FROM look)
          )
          AND a.ended_at > coalesce((SELECT since FROM look), '-infinity')
    ) AS found, look
    WHERE found.xid >= look.last_horizon
      AND NOT EXISTS (
          SELECT 1 FROM monitoring.counted AS c
          WHERE c.kind = 'attempts' AND c.id = found.id AND c.xid = found.xid
      )
), counted_attempts AS (
    INSERT INTO monitoring.attempt_totals AS t (task, outcome, kind, attempts)
    SELECT task, outcome, kind, count(*) FROM failed GROUP BY task, outcome, kind
    ON CONFLICT (task, outcome, kind) DO UPDATE SET attempts = t.attempts + excluded.attempts
), remembered AS (
    INSERT INTO monitoring.counted (kind, id, xid)
    SELECT 'attempts', failed.id, failed.xid FROM failed, look WHERE failed.xid >= look.horizon
), forgotten AS (
    DELETE FROM monitoring.counted AS c USING look WHERE c.kind = 'attempts' AND c.xid < look.horizon
)
UPDATE monitoring.horizons AS h
SET horizon = look.horizon, observed_at = clock_timestamp()
FROM look
WHERE h.kind = 'attempts'
RETURNING (SELECT count(*) FROM failed);

-- name: observe_runs
-- Adds the runs that ended since the last look to the totals.
WITH look AS MATERIALIZED (
    SELECT horizon, newest, last_horizon, since FROM monitoring.looks WHERE kind = 'runs'
), ended AS MATERIALIZED (
    SELECT found.* FROM (
        SELECT r.id, r.room, r.step, coalesce(r.source, '') AS source, r.outcome, r.counts,
               extract(epoch FROM r.ended_at - r.started_at)::float8 AS seconds,
               monitoring.full_xid(r.xmin, look.newest) AS xid
        FROM jobs.runs AS r, look
        WHERE r.ended_at > coalesce((SELECT since FROM look), '-infinity')
    ) AS found, look
    WHERE found.xid >= look.last_horizon
      AND NOT EXISTS (
          SELECT 1 FROM monitoring.counted AS c
          WHERE c.kind = 'runs' AND c.id = found.id AND c.xid = found.xid
      )
), counted_runs AS (
    INSERT INTO monitoring.run_totals AS t (room, step, source, outcome, runs, seconds)
    SELECT room, step, source, outcome, count(*), sum(seconds) FROM ended GROUP BY room, step, source, outcome
    ON CONFLICT (room, step, source, outcome)
    DO UPDATE SET runs = t.runs + excluded.runs, seconds = t.seconds + excluded.seconds
), counted_records AS (
    INSERT INTO monitoring.record_totals AS t (room, step, source, what, records)
    SELECT room, step, source, what.key, sum(what.value::bigint)
    FROM ended, LATERAL jsonb_each_text(ended.counts) AS what
    WHERE what.value ~ '^[0-9]{1,18}$'
    GROUP BY room, step, source, what.key
    ON CONFLICT (room, step, source, what) DO UPDATE SET records = t.records + excluded.records
), remembered AS (
    INSERT INTO monitoring.counted (kind, id, xid)
    SELECT 'runs', ended.id, ended.xid FROM ended, look WHERE ended.xid >= look.horizon
), forgotten AS (
    DELETE FROM monitoring.counted AS c USING look WHERE c.kind = 'runs' AND c.xid < look.horizon
)
UPDATE monitoring.horizons AS h
SET horizon = look.horizon, observed_at = clock_timestamp()
FROM look
WHERE h.kind = 'runs'
RETURNING (SELECT count(*) FROM ended);

-- name: lock_alerts
-- The alerts that are not resolved, held for the rest of the transaction.
SELECT id, rule, subject, severity, state, value, threshold, message, breached_at, seen_at, opened_at, calm_since,
       acknowledged_at, acknowledged_by, note, resolved_at
FROM monitoring.alerts
WHERE state <> 'resolved'
ORDER BY id
FOR UPDATE;

-- name: add_alert
-- A new alert.
INSERT INTO monitoring.alerts (rule, subject, severity, state, value, threshold, message, breached_at, seen_at, opened_at)
VALUES (%(rule)s::text, %(subject)s::text, %(severity)s::text, %(state)s::text, %(value)s::float8,
        %(threshold)s::float8, %(message)s::text, %(breached_at)s::timestamptz, %(seen_at)s::timestamptz,
        %(opened_at)s::timestamptz)
RETURNING id;

-- name: change_alert
-- An alert as it stands after a look. What a person said about it stays.
UPDATE monitoring.alerts
SET state = %(state)s::text, value = %(value)s::float8, threshold = %(threshold)s::float8, message = %(message)s::text,
    seen_at = %(seen_at)s::timestamptz, opened_at = %(opened_at)s::timestamptz,
    calm_since = %(calm_since)s::timestamptz, resolved_at = %(resolved_at)s::timestamptz
WHERE id = %(id)s::bigint;

-- name: remove_alert
-- An alert that never opened.
DELETE FROM monitoring.alerts WHERE id = %(id)s::bigint;

-- name: acknowledge
-- An alert that somebody looks after.
UPDATE monitoring.alerts
SET state = 'acknowledged', acknowledged_at = %(now)s::timestamptz, acknowledged_by = %(who)s::text, note = %(note)s::text
WHERE id = %(id)s::bigint AND state IN ('open', 'acknowledged');

-- name: add_delivery
-- A notice for one channel.
INSERT INTO monitoring.deliveries (alert_id, channel, notice, created_at)
VALUES (%(alert_id)s::bigint, %(channel)s::text, %(notice)s::jsonb, %(created_at)s::timestamptz)
RETURNING id;

-- name: hold_delivery
-- A notice that is not delivered yet, held for the rest of the transaction unless somebody else delivers it.
SELECT id, alert_id, channel, notice, created_at, tries, sent_at, error FROM monitoring.deliveries
WHERE id = %(id)s::bigint AND sent_at IS NULL
FOR UPDATE SKIP LOCKED;

-- name: find_unsent
-- Notices that are not delivered yet, oldest first.
SELECT id FROM monitoring.deliveries
WHERE sent_at IS NULL AND created_at > %(since)s::timestamptz AND tries < %(most)s::integer
ORDER BY id
LIMIT 100;

-- name: delivered
-- A notice that has arrived.
UPDATE monitoring.deliveries SET sent_at = %(now)s::timestamptz, tries = tries + 1, error = NULL WHERE id = %(id)s::bigint;

-- name: not_delivered
-- A notice that has not arrived, and why.
UPDATE monitoring.deliveries SET tries = tries + 1, error = %(error)s::text WHERE id = %(id)s::bigint AND sent_at IS NULL;

-- name: remove_old
-- Alerts resolved long ago, with their deliveries.
DELETE FROM monitoring.alerts WHERE state = 'resolved' AND resolved_at < %(before)s::timestamptz;

-- name: remove_old_tests
-- Deliveries of tests from long ago.
DELETE FROM monitoring.deliveries WHERE alert_id IS NULL AND created_at < %(before)s::timestamptz;
