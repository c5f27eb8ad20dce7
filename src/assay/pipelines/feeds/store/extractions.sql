-- name: lock
-- Lets nobody else place or decide until the transaction ends: where one belongs depends on the others.
LOCK TABLE feeds.extractions IN SHARE ROW EXCLUSIVE MODE;

-- name: next_own_number
-- The next number of a vulnerability that nobody named.
SELECT nextval('feeds.own_identifiers');

-- name: find_near
-- Every extraction out of one of these entries of a source, and every one that speaks of a vulnerability of these names.
SELECT id, identifier, record_id, extracted, state, source, entry_key, names
FROM feeds.extractions
WHERE id IN (
    SELECT id FROM feeds.extractions WHERE names && %(names)s::text[]
    UNION
    SELECT e.id FROM unnest(%(sources)s::bigint[], %(entry_keys)s::text[]) AS asked (source, entry_key)
    JOIN feeds.extractions AS e USING (source, entry_key)
)
ORDER BY id;

-- name: add
-- Keeps what was read for the first time.
INSERT INTO feeds.extractions (
    id, entry, source, entry_key, record_id, identifier, names, title, address, text, extracted, confidence, doubts, state,
    is_monitored, model, reader, published_at, created_at, changed_at, asks_at
)
OVERRIDING SYSTEM VALUE
VALUES (
    %(id)s::bigint, %(entry)s::bigint, %(source)s::bigint, %(entry_key)s::text, %(record_id)s::text, %(identifier)s::text,
    %(names)s::text[], %(title)s::text, %(address)s::text, %(text)s::bytea, %(extracted)s::jsonb,
    %(confidence)s::real, %(doubts)s::text[], %(state)s::text, %(is_monitored)s::boolean, %(model)s::text,
    %(reader)s::integer, %(published_at)s::timestamptz, %(now)s::timestamptz, %(now)s::timestamptz,
    %(asks_at)s::timestamptz
);

-- name: replace
-- Keeps what was read anew in the place of what was read before; what a person decided stays.
UPDATE feeds.extractions
SET entry = coalesce(%(entry)s::bigint, entry), names = %(names)s::text[], title = %(title)s::text,
    address = %(address)s::text, text = %(text)s::bytea, extracted = %(extracted)s::jsonb,
    confidence = %(confidence)s::real, doubts = %(doubts)s::text[], state = %(state)s::text,
    is_monitored = %(is_monitored)s::boolean, model = %(model)s::text, reader = %(reader)s::integer,
    published_at = %(published_at)s::timestamptz, changed_at = %(now)s::timestamptz,
    asks_at = %(asks_at)s::timestamptz, asked = 0
WHERE id = %(id)s::bigint;

-- name: set_state
-- How some extractions stand.
UPDATE feeds.extractions SET state = %(state)s::text, asks_at = NULL WHERE id = ANY (%(ids)s::bigint[]);

-- name: set_decision
-- What a person decided about one, or that they take it back.
UPDATE feeds.extractions
SET state = %(state)s::text, identifier = %(identifier)s::text, names = %(names)s::text[],
    decided = %(decided)s::jsonb, decided_by = %(by)s::text, decided_at = %(at)s::timestamptz, note = %(note)s::text,
    asks_at = NULL
WHERE id = %(id)s::bigint;

-- name: set_draft
-- What a person made of one, before they decide.
UPDATE feeds.extractions SET decided = %(decided)s::jsonb WHERE id = %(id)s::bigint;

-- name: take_to_ask
-- Takes an extraction that a language model is to be asked about now; nobody else is given it before `until`.
UPDATE feeds.extractions AS e SET asks_at = %(until)s::timestamptz
FROM (
    SELECT id FROM feeds.extractions
    WHERE asks_at <= %(now)s::timestamptz
    ORDER BY is_monitored DESC, asks_at, id
    LIMIT 1
    FOR UPDATE SKIP LOCKED
) AS chosen
WHERE e.id = chosen.id
RETURNING e.id, e.asked;

-- name: ask_again
-- The language model did not answer; it is asked again then.
UPDATE feeds.extractions SET asks_at = %(asks_at)s::timestamptz, asked = asked + 1
WHERE id = %(id)s::bigint AND asks_at IS NOT NULL;

-- name: stop_asking
-- The language model need not be asked about one any more; `model` is the one that answered, if one did.
UPDATE feeds.extractions SET asks_at = NULL, model = coalesce(%(model)s::text, model) WHERE id = %(id)s::bigint;

-- name: stop_asking_at_all
-- No language model is asked any more, so none is waited for.
UPDATE feeds.extractions SET asks_at = NULL WHERE asks_at IS NOT NULL;
