-- name: get_item
-- One extraction with its text.
SELECT e.id, e.entry, e.source, s.name AS feed, e.entry_key, e.record_id, e.identifier, e.title, e.address, e.text,
       e.extracted, e.decided, e.confidence, e.doubts, e.state, e.is_monitored, e.model, e.reader, e.published_at,
       e.created_at, e.changed_at, e.decided_by, e.decided_at, e.note, e.asks_at, e.asked
FROM feeds.extractions AS e
JOIN feeds.sources AS s ON s.id = e.source
WHERE e.id = ANY (%(ids)s::bigint[])
ORDER BY e.id;

-- name: list_queue
-- What waits for a person: what is monitored first, then the surest, then the oldest; from the last one before on.
SELECT e.id, s.name AS feed, e.identifier, e.title, coalesce(e.decided, e.extracted) #>> '{vendor,value}' AS vendor,
       coalesce(e.decided, e.extracted) #>> '{product,value}' AS product,
       coalesce(e.decided, e.extracted) #>> '{severity,value}' AS severity, e.confidence, e.doubts, e.state,
       e.is_monitored, false AS is_changed_since, e.asks_at IS NOT NULL AS is_waiting_for_model, e.published_at,
       e.created_at, e.decided_by, e.decided_at
FROM feeds.extractions AS e
JOIN feeds.sources AS s ON s.id = e.source
WHERE e.state = 'in_review'
  AND (%(after_id)s::bigint IS NULL
       OR e.is_monitored < %(after_monitored)s::boolean
       OR (e.is_monitored = %(after_monitored)s::boolean AND e.confidence < %(after_confidence)s::real)
       OR (e.is_monitored = %(after_monitored)s::boolean AND e.confidence = %(after_confidence)s::real
           AND e.id > %(after_id)s::bigint))
  AND (%(feed)s::text IS NULL OR s.name = %(feed)s::text)
  AND (%(doubt)s::text IS NULL OR %(doubt)s::text = ANY (e.doubts))
  AND (%(is_monitored)s::boolean IS NULL OR e.is_monitored = %(is_monitored)s::boolean)
  AND (%(at_least)s::real IS NULL OR e.confidence >= %(at_least)s::real)
  AND (%(at_most)s::real IS NULL OR e.confidence <= %(at_most)s::real)
  AND (%(words)s::text IS NULL OR e.identifier ILIKE %(words)s::text OR e.title ILIKE %(words)s::text)
ORDER BY e.is_monitored DESC, e.confidence DESC, e.id
LIMIT %(limit)s::integer;

-- name: list_others
-- What stands in another way, the newest first, from the last one before on.
SELECT e.id, s.name AS feed, e.identifier, e.title, coalesce(e.decided, e.extracted) #>> '{vendor,value}' AS vendor,
       coalesce(e.decided, e.extracted) #>> '{product,value}' AS product,
       coalesce(e.decided, e.extracted) #>> '{severity,value}' AS severity, e.confidence, e.doubts, e.state,
       e.is_monitored, coalesce(e.changed_at > e.decided_at, false) AS is_changed_since,
       e.asks_at IS NOT NULL AS is_waiting_for_model, e.published_at, e.created_at, e.decided_by, e.decided_at
FROM feeds.extractions AS e
JOIN feeds.sources AS s ON s.id = e.source
WHERE e.state = %(state)s::text
  AND (%(after_id)s::bigint IS NULL OR e.id < %(after_id)s::bigint)
  AND (%(feed)s::text IS NULL OR s.name = %(feed)s::text)
  AND (%(doubt)s::text IS NULL OR %(doubt)s::text = ANY (e.doubts))
  AND (%(is_monitored)s::boolean IS NULL OR e.is_monitored = %(is_monitored)s::boolean)
  AND (%(at_least)s::real IS NULL OR e.confidence >= %(at_least)s::real)
  AND (%(at_most)s::real IS NULL OR e.confidence <= %(at_most)s::real)
  AND (%(words)s::text IS NULL OR e.identifier ILIKE %(words)s::text OR e.title ILIKE %(words)s::text)
ORDER BY e.id DESC
LIMIT %(limit)s::integer;

-- name: count_states
-- How many extractions stand how.
SELECT state, count(*) FROM feeds.extractions GROUP BY state;

-- name: count_to_review
-- How many extractions wait for a person.
SELECT count(*) FROM feeds.extractions WHERE state = 'in_review';

-- name: count_standing
-- How many vulnerabilities the feeds speak of, and how many of them wait for a person.
SELECT count(*), count(*) FILTER (WHERE NOT is_settled)
FROM (
    SELECT bool_or(state IN ('accepted', 'approved')) AS is_settled
    FROM feeds.extractions
    WHERE state IN ('accepted', 'approved', 'in_review')
    GROUP BY identifier
) AS vulnerabilities;

-- name: find_before
-- What comes before an extraction in the queue.
SELECT e.id FROM feeds.extractions AS e
WHERE e.state = 'in_review'
  AND (e.is_monitored > %(is_monitored)s::boolean
       OR (e.is_monitored = %(is_monitored)s::boolean AND e.confidence > %(confidence)s::real)
       OR (e.is_monitored = %(is_monitored)s::boolean AND e.confidence = %(confidence)s::real AND e.id < %(id)s::bigint))
ORDER BY e.is_monitored, e.confidence, e.id DESC
LIMIT 1;

-- name: list_feeds
-- The names of all sources of entries.
SELECT name FROM feeds.sources ORDER BY name;
