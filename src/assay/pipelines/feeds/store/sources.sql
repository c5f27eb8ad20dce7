-- name: add_source
-- A new source, or one that was removed, set up anew; nothing comes back where there is one of the name.
INSERT INTO feeds.sources (
    name, kind, address, options, secrets, secret_names, interval_seconds, is_enabled, next_at, created_by, created_at,
    changed_at
)
VALUES (%(name)s::text, %(kind)s::text, %(address)s::text, %(options)s::jsonb, %(secrets)s::bytea,
        %(secret_names)s::text[], %(interval_seconds)s::integer, %(is_enabled)s::boolean, %(now)s::timestamptz,
        %(who)s::text, %(now)s::timestamptz, %(now)s::timestamptz)
ON CONFLICT (name) DO UPDATE
SET kind = excluded.kind, address = excluded.address, options = excluded.options, secrets = excluded.secrets,
    secret_names = excluded.secret_names, interval_seconds = excluded.interval_seconds,
    is_enabled = excluded.is_enabled, next_at = excluded.next_at, changed_at = excluded.changed_at, removed_at = NULL,
    cursor = '{}', failures = 0, last_error = NULL
WHERE feeds.sources.removed_at IS NOT NULL
RETURNING id;

-- name: change_source
-- A source as it is to be; where it goes on is forgotten where it is asked otherwise than before.
UPDATE feeds.sources
SET address = %(address)s::text, options = %(options)s::jsonb, secrets = %(secrets)s::bytea,
    secret_names = %(secret_names)s::text[], interval_seconds = %(interval_seconds)s::integer,
    is_enabled = %(is_enabled)s::boolean, changed_at = %(now)s::timestamptz,
    cursor = CASE WHEN %(is_anew)s::boolean THEN '{}' ELSE cursor END,
    failures = CASE WHEN %(is_anew)s::boolean THEN 0 ELSE failures END,
    last_error = CASE WHEN %(is_anew)s::boolean THEN NULL ELSE last_error END,
    next_at = CASE WHEN %(is_anew)s::boolean THEN %(now)s::timestamptz
                   ELSE least(next_at, %(now)s::timestamptz + make_interval(secs => %(interval_seconds)s::integer)) END
WHERE id = %(id)s::bigint;

-- name: remove_source
-- A source is gone for all but its entries.
UPDATE feeds.sources
SET removed_at = %(now)s::timestamptz, changed_at = %(now)s::timestamptz, is_enabled = false, secrets = NULL,
    secret_names = '{}', cursor = '{}', failures = 0, last_error = NULL
WHERE id = %(id)s::bigint;

-- name: find_secrets
-- What a source's requests carry, sealed.
SELECT secrets FROM feeds.sources WHERE id = %(id)s::bigint;

-- name: find_due
-- The sources whose time has come, kept from other machines until they are deferred.
SELECT id, name FROM feeds.sources
WHERE is_enabled AND removed_at IS NULL AND next_at <= %(now)s::timestamptz
ORDER BY next_at, id
LIMIT %(most)s::integer
FOR UPDATE SKIP LOCKED;

-- name: plan_next
-- When a source is fetched again unless its fetch says otherwise.
UPDATE feeds.sources SET next_at = %(next_at)s::timestamptz WHERE id = %(id)s::bigint;

-- name: hold_source
-- When a source was changed last, and whether it is still there, kept from everybody else until the transaction ends.
SELECT changed_at, removed_at, failures, is_enabled FROM feeds.sources WHERE id = %(id)s::bigint FOR UPDATE;

-- name: note_good
-- A fetch went well.
UPDATE feeds.sources
SET last_tried_at = %(now)s::timestamptz, last_good_at = %(now)s::timestamptz, failures = 0, last_error = NULL,
    cursor = %(cursor)s::jsonb, next_at = %(next_at)s::timestamptz
WHERE id = %(id)s::bigint;

-- name: note_failure
-- A fetch failed; where the next one goes on stays.
UPDATE feeds.sources
SET last_tried_at = %(now)s::timestamptz, failures = failures + 1, last_error = %(error)s::text,
    next_at = %(next_at)s::timestamptz
WHERE id = %(id)s::bigint;

-- name: forget_bad
-- Nothing of a source is set aside any more.
DELETE FROM feeds.quarantine WHERE source = %(source)s::bigint;

-- name: set_aside
-- An entry that cannot be used, and why.
INSERT INTO feeds.quarantine (source, place, reason, detail, raw, seen_at)
VALUES (%(source)s::bigint, %(place)s::text, %(reason)s::text, %(detail)s::text, %(raw)s::bytea, %(now)s::timestamptz)
ON CONFLICT (source, place) DO UPDATE SET reason = excluded.reason, detail = excluded.detail, raw = excluded.raw;
