-- name: open_entries
-- The intake for the entries of one fetch.
CREATE TEMP TABLE IF NOT EXISTS new_feed_entries (
    key text NOT NULL, content_hash bytea NOT NULL, media_type text NOT NULL, address text, title text,
    published_at timestamptz, raw bytea NOT NULL, priority integer NOT NULL, is_monitored boolean NOT NULL
) ON COMMIT DELETE ROWS;

-- name: empty_entries
-- Forgets what an earlier part in the same transaction left in the intake.
DELETE FROM new_feed_entries;

-- name: find_known
-- Which of these keys the source has given already and with which contents, and whether that was purged meanwhile.
SELECT key, content_hash, false AS is_purged FROM feeds.raw_entries
WHERE source = %(source)s::bigint AND key = ANY (%(keys)s::text[])
UNION ALL
SELECT key, content_hash, true FROM feeds.purged_entries
WHERE source = %(source)s::bigint AND key = ANY (%(keys)s::text[]);

-- name: note_seen
-- Purged entries are still listed by their source today.
UPDATE feeds.purged_entries SET seen_on = %(today)s::date
WHERE source = %(source)s::bigint AND key = ANY (%(keys)s::text[]) AND seen_on < %(today)s::date;

-- name: add_entries
-- Takes the intake over; an entry that is there as it is stays as it is.
INSERT INTO feeds.raw_entries (
    source, key, content_hash, document, media_type, address, title, published_at, raw, received_at, next_attempt_at,
    priority, is_monitored
)
SELECT %(source)s::bigint, key, content_hash, %(document)s::text, media_type, address, title, published_at, raw,
       %(now)s::timestamptz, %(now)s::timestamptz, priority, is_monitored
FROM new_feed_entries
ON CONFLICT (source, key, content_hash) DO NOTHING;

-- name: take_batch
-- Takes waiting entries, the most pressing first, that nobody else is taking.
WITH chosen AS (
    SELECT id FROM feeds.raw_entries
    WHERE status = 'pending' AND next_attempt_at <= %(now)s::timestamptz AND deaths < %(alone)s::smallint
    ORDER BY priority DESC, coalesce(published_at, received_at) DESC, id DESC
    LIMIT %(size)s::integer
    FOR UPDATE SKIP LOCKED
)
UPDATE feeds.raw_entries AS e
SET status = 'processing', started_at = %(now)s::timestamptz, attempts = e.attempts + 1, error = NULL,
    taken_by = %(job)s::bigint, taken_start = %(start)s::integer
FROM chosen, feeds.sources AS s
WHERE e.id = chosen.id AND s.id = e.source
RETURNING e.id, e.source, s.name AS source_name, e.key, e.media_type, e.address, e.title, e.published_at, e.raw,
          e.attempts, e.is_monitored, e.priority, coalesce(e.published_at, e.received_at) AS newest;

-- name: take_suspect
-- Takes the one waiting entry that most deserves it among those over which workers died.
WITH chosen AS (
    SELECT id FROM feeds.raw_entries
    WHERE status = 'pending' AND next_attempt_at <= %(now)s::timestamptz AND deaths >= %(alone)s::smallint
    ORDER BY priority DESC, coalesce(published_at, received_at) DESC, id DESC
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
UPDATE feeds.raw_entries AS e
SET status = 'processing', started_at = %(now)s::timestamptz, attempts = e.attempts + 1, error = NULL,
    taken_by = %(job)s::bigint, taken_start = %(start)s::integer
FROM chosen, feeds.sources AS s
WHERE e.id = chosen.id AND s.id = e.source
RETURNING e.id, e.source, s.name AS source_name, e.key, e.media_type, e.address, e.title, e.published_at, e.raw,
          e.attempts, e.is_monitored, e.priority, coalesce(e.published_at, e.received_at) AS newest;

-- name: finish
-- Entries are processed, and how often they failed before does not count any more.
UPDATE feeds.raw_entries AS e
SET status = 'completed', outcome = done.outcome, ended_at = %(now)s::timestamptz, error = NULL, taken_by = NULL,
    taken_start = NULL, deaths = 0
FROM unnest(%(ids)s::bigint[], %(outcomes)s::text[]) AS done (id, outcome)
WHERE e.id = done.id AND e.status = 'processing';

-- name: find_attempts
-- How many attempts an entry that is being processed has had, kept from everybody else.
SELECT attempts FROM feeds.raw_entries WHERE id = %(id)s::bigint AND status = 'processing' FOR UPDATE;

-- name: wait_again
-- An entry waits for its next attempt.
UPDATE feeds.raw_entries
SET status = 'pending', next_attempt_at = %(next_attempt_at)s::timestamptz, error = %(error)s::text, taken_by = NULL,
    taken_start = NULL
WHERE id = %(id)s::bigint AND status = 'processing';

-- name: give_up
-- An entry waits for a person.
UPDATE feeds.raw_entries
SET status = 'failed', ended_at = %(now)s::timestamptz, error = %(error)s::text, taken_by = NULL, taken_start = NULL
WHERE id = %(id)s::bigint AND status = 'processing';

-- name: postpone
-- An entry waits until then, and this attempt does not count: what failed was not the entry's fault.
UPDATE feeds.raw_entries
SET status = 'pending', next_attempt_at = %(until)s::timestamptz, attempts = greatest(attempts - 1, 0),
    error = %(error)s::text, taken_by = NULL, taken_start = NULL
WHERE id = %(id)s::bigint AND status = 'processing';

-- name: find_abandoned
-- Entries that nobody processes any more: the execution that took them has ended, or took them too long ago.
SELECT e.id, e.deaths
FROM feeds.raw_entries AS e
WHERE e.status = 'processing'
  AND CASE
          WHEN e.taken_by IS NULL THEN e.started_at < %(too_old)s::timestamptz
          ELSE NOT EXISTS (
              SELECT 1 FROM jobs.procrastinate_jobs AS j
              WHERE j.id = e.taken_by AND j.status = 'doing' AND j.starts = e.taken_start
          )
      END
ORDER BY e.id
FOR UPDATE OF e SKIP LOCKED;

-- name: reclaim
-- Entries whose worker died wait again; the attempt does not count, the death does.
UPDATE feeds.raw_entries
SET status = 'pending', next_attempt_at = %(now)s::timestamptz, attempts = greatest(attempts - 1, 0),
    deaths = deaths + 1, taken_by = NULL, taken_start = NULL, error = %(error)s::text
WHERE id = ANY (%(ids)s::bigint[]);

-- name: give_up_on
-- Entries over which too many workers died wait for a person.
UPDATE feeds.raw_entries
SET status = 'failed', ended_at = %(now)s::timestamptz, deaths = deaths + 1, taken_by = NULL, taken_start = NULL,
    error = %(error)s::text
WHERE id = ANY (%(ids)s::bigint[]);

-- name: retry_failed
-- Entries that were given up wait again, as if they were new: these, those of a source, or all where nothing is said.
UPDATE feeds.raw_entries
SET status = 'pending', attempts = 0, deaths = 0, next_attempt_at = %(now)s::timestamptz, ended_at = NULL
WHERE status = 'failed'
  AND (%(ids)s::bigint[] IS NULL OR id = ANY (%(ids)s::bigint[]))
  AND (%(source)s::bigint IS NULL OR source = %(source)s::bigint);

-- name: purge
-- Forgets some of the entries that were completed before then, but not that they were here; what was read out of them stays.
WITH gone AS (
    DELETE FROM feeds.raw_entries
    WHERE id IN (
        SELECT id FROM feeds.raw_entries
        WHERE status = 'completed' AND ended_at < %(before)s::timestamptz
        ORDER BY ended_at
        LIMIT %(most)s::integer
        FOR UPDATE SKIP LOCKED
    )
    RETURNING source, key, content_hash
)
INSERT INTO feeds.purged_entries (source, key, content_hash, seen_on)
SELECT source, key, content_hash, %(today)s::date FROM gone
ON CONFLICT (source, key, content_hash) DO UPDATE SET seen_on = excluded.seen_on;

-- name: forget_purged
-- Forgets entries that their source has not listed for so long that it will not again.
DELETE FROM feeds.purged_entries WHERE seen_on < %(before)s::date;

-- name: count_by_status
-- How many entries are how far, of one source or of all.
SELECT status, count(*) FROM feeds.raw_entries
WHERE %(source)s::bigint IS NULL OR source = %(source)s::bigint
GROUP BY status;

-- name: list_waiting
-- The readable part of every waiting entry, for those whose priority may have changed.
SELECT id, title, media_type, raw, published_at FROM feeds.raw_entries
WHERE status = 'pending' AND id > %(after)s::bigint
ORDER BY id
LIMIT %(size)s::integer;

-- name: set_priority
-- How pressing an entry is, and whether it mentions what is watched.
UPDATE feeds.raw_entries SET priority = %(priority)s::integer, is_monitored = %(is_monitored)s::boolean
WHERE id = %(id)s::bigint AND (priority, is_monitored) IS DISTINCT FROM (%(priority)s::integer, %(is_monitored)s::boolean);
