-- name: list_sources
-- Every source that is not removed, or really every one, with how many entries it has and how many were set aside.
SELECT s.id, s.name, s.kind, s.address, s.options, s.secret_names, s.interval_seconds, s.is_enabled, s.cursor, s.next_at,
       s.last_tried_at, s.last_good_at, s.failures, s.last_error, s.created_by, s.created_at, s.changed_at, s.removed_at
FROM feeds.sources AS s
WHERE (%(is_every)s::boolean OR s.removed_at IS NULL) AND (%(name)s::text IS NULL OR s.name = %(name)s::text)
ORDER BY s.name;

-- name: count_of_each
-- How many entries of each source are how far.
SELECT source, status, count(*) FROM feeds.raw_entries GROUP BY source, status;

-- name: count_bad
-- How many entries of each source are set aside.
SELECT source, count(*) FROM feeds.quarantine GROUP BY source;

-- name: list_bad
-- Entries of a source that are set aside.
SELECT place, reason, detail, seen_at FROM feeds.quarantine
WHERE source = %(source)s::bigint
ORDER BY place
LIMIT %(limit)s::integer;
