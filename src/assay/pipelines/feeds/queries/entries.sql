-- name: list_entries
-- Entries, newest first, without their texts.
SELECT e.id, s.name AS source, e.key, e.title, e.address, e.media_type, e.published_at, e.received_at, e.status,
       e.attempts, e.next_attempt_at, e.priority, e.is_monitored, e.ended_at, e.outcome, e.error, e.document
FROM feeds.raw_entries AS e
JOIN feeds.sources AS s ON s.id = e.source
WHERE (%(status)s::text IS NULL OR e.status = %(status)s::text)
  AND (%(source)s::text IS NULL OR s.name = %(source)s::text)
  AND (NOT %(is_monitored)s::boolean OR e.is_monitored)
  AND (%(words)s::text IS NULL OR e.title ILIKE %(words)s::text)
  AND e.id < %(before)s::bigint
ORDER BY e.id DESC
LIMIT %(limit)s::integer;

-- name: get_entry
-- One entry with its text as received.
SELECT e.id, s.name AS source, e.key, e.title, e.address, e.media_type, e.published_at, e.received_at, e.status,
       e.attempts, e.next_attempt_at, e.priority, e.is_monitored, e.ended_at, e.outcome, e.error, e.document, e.raw
FROM feeds.raw_entries AS e
JOIN feeds.sources AS s ON s.id = e.source
WHERE e.id = %(id)s::bigint;

-- name: count_by_status
-- How many entries are how far.
SELECT status, count(*) FROM feeds.raw_entries GROUP BY status;
