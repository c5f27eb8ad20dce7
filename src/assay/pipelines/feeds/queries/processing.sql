-- name: count_ready
-- How many entries wait whose time has come.
SELECT count(*) FROM feeds.raw_entries WHERE status = 'pending' AND next_attempt_at <= %(now)s::timestamptz;
