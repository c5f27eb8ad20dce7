-- name: record_change
-- One row of the audit log.
INSERT INTO auth.audit (kind, principal_id, name, action, subject, detail, address)
VALUES (%(kind)s::text, %(principal_id)s::bigint, %(name)s::text, %(action)s::text, %(subject)s::text,
        %(detail)s::jsonb, %(address)s::text);

-- name: add_person
-- A new person; no row where somebody has the name.
INSERT INTO auth.people (name, role, password, issuer, subject, created_at, password_at)
VALUES (%(name)s::text, %(role)s::text, %(password)s::text, %(issuer)s::text, %(subject)s::text, %(now)s::timestamptz,
        CASE WHEN %(password)s::text IS NOT NULL THEN %(now)s::timestamptz END)
ON CONFLICT (lower(name)) DO NOTHING
RETURNING id;

-- name: lock_admins
-- The people who are admins and may sign in, held so that two of them cannot both leave.
SELECT id FROM auth.people WHERE role = 'admin' AND NOT is_disabled ORDER BY id FOR UPDATE;

-- name: set_role
-- Give a person another role.
UPDATE auth.people SET role = %(role)s::text WHERE id = %(id)s::bigint;

-- name: set_disabled
-- Let a person sign in, or no more.
UPDATE auth.people SET is_disabled = %(is_disabled)s::boolean WHERE id = %(id)s::bigint;

-- name: set_password
-- Keep the hash of a new password.
UPDATE auth.people SET password = %(password)s::text, password_at = %(now)s::timestamptz WHERE id = %(id)s::bigint;

-- name: rehash_password
-- The same password, hashed with newer parameters, unless it was changed meanwhile.
UPDATE auth.people SET password = %(password)s::text
WHERE id = %(id)s::bigint AND password = %(before)s::text;

-- name: signed_in
-- When a person signed in last.
UPDATE auth.people SET signed_in_at = %(now)s::timestamptz WHERE id = %(id)s::bigint;

-- name: add_session
-- A new session.
INSERT INTO auth.sessions (hash, person_id, how, created_at, seen_at, idle_until, ends_at, address, agent)
VALUES (%(hash)s::bytea, %(person_id)s::bigint, %(how)s::text, %(now)s::timestamptz, %(now)s::timestamptz,
        %(idle_until)s::timestamptz, %(ends_at)s::timestamptz, %(address)s::text, %(agent)s::text);

-- name: see_session
-- A session was used.
UPDATE auth.sessions SET seen_at = %(now)s::timestamptz, idle_until = least(ends_at, %(idle_until)s::timestamptz)
WHERE hash = %(hash)s::bytea AND seen_at < %(now)s::timestamptz;

-- name: end_session
-- End one session.
DELETE FROM auth.sessions WHERE hash = %(hash)s::bytea RETURNING person_id;

-- name: end_sessions
-- End a person's sessions, all of them or all but one.
DELETE FROM auth.sessions
WHERE person_id = %(person_id)s::bigint AND hash IS DISTINCT FROM %(but)s::bytea;

-- name: add_token
-- A new token; no row where the owner has one of that name.
INSERT INTO auth.tokens (hash, name, person_id, role, scopes, created_at, created_by, expires_at)
VALUES (%(hash)s::bytea, %(name)s::text, %(person_id)s::bigint, %(role)s::text, %(scopes)s::text[],
        %(now)s::timestamptz, %(created_by)s::text, %(expires_at)s::timestamptz)
ON CONFLICT (coalesce(person_id, 0), lower(name)) WHERE revoked_at IS NULL DO NOTHING
RETURNING id;

-- name: see_token
-- A token was used; written once a minute at most.
UPDATE auth.tokens SET used_at = %(now)s::timestamptz, used_from = %(address)s::text
WHERE id = %(id)s::bigint AND (used_at IS NULL OR used_at < %(now)s::timestamptz - interval '1 minute');

-- name: revoke_token
-- A token is good for nothing any more.
UPDATE auth.tokens SET revoked_at = %(now)s::timestamptz, revoked_by = %(who)s::text
WHERE id = %(id)s::bigint AND revoked_at IS NULL
RETURNING name;

-- name: add_link
-- A new one-time link.
INSERT INTO auth.links (hash, person_id, purpose, created_at, created_by, expires_at)
VALUES (%(hash)s::bytea, %(person_id)s::bigint, %(purpose)s::text, %(now)s::timestamptz, %(created_by)s::text,
        %(expires_at)s::timestamptz);

-- name: use_link
-- Use a link up, if it is still good.
UPDATE auth.links AS l SET used_at = %(now)s::timestamptz
FROM auth.people AS p
WHERE l.hash = %(hash)s::bytea AND l.purpose = %(purpose)s::text AND l.used_at IS NULL
  AND l.expires_at > %(now)s::timestamptz AND p.id = l.person_id AND NOT p.is_disabled
RETURNING p.id, p.name;

-- name: end_links
-- A person's links are good for nothing any more.
UPDATE auth.links SET used_at = %(now)s::timestamptz
WHERE person_id = %(person_id)s::bigint AND used_at IS NULL;

-- name: lock_tries
-- Whoever tries the same name, or from the same address, waits until this transaction has ended.
SELECT pg_advisory_xact_lock(hashtextextended(what, 7231901))
FROM (VALUES ('address ' || %(address)s::text), ('name ' || %(name)s::text)) AS one (what);

-- name: count_tries
-- Wrong passwords of late, for a name and from an address, and when the last ones were.
SELECT count(*) FILTER (WHERE name = %(name)s::text),
       max(at) FILTER (WHERE name = %(name)s::text),
       count(*) FILTER (WHERE address = %(address)s::text),
       max(at) FILTER (WHERE address = %(address)s::text)
FROM auth.tries
WHERE (name = %(name)s::text OR address = %(address)s::text) AND at > %(since)s::timestamptz;

-- name: add_try
-- A password is about to be looked at; until it is found right it counts as wrong.
INSERT INTO auth.tries (name, address, at) VALUES (%(name)s::text, %(address)s::text, %(now)s::timestamptz);

-- name: forgive_tries
-- Whoever knows the password may have mistyped it before.
DELETE FROM auth.tries WHERE name = %(name)s::text AND address = %(address)s::text;

-- name: add_journey
-- A provider is asked who somebody is.
INSERT INTO auth.journeys (hash, nonce, verifier, goes_to, started_at)
VALUES (%(hash)s::bytea, %(nonce)s::text, %(verifier)s::text, %(goes_to)s::text, %(now)s::timestamptz);

-- name: end_journey
-- The provider has answered; a second answer finds nothing.
DELETE FROM auth.journeys WHERE hash = %(hash)s::bytea
RETURNING nonce, verifier, goes_to, started_at;

-- name: save_filter
-- Keep a filter under a name, in the place of the one that has it.
INSERT INTO auth.filters (person_id, page, name, query, created_at)
VALUES (%(person_id)s::bigint, %(page)s::text, %(name)s::text, %(query)s::text, %(now)s::timestamptz)
ON CONFLICT (person_id, page, name) DO UPDATE SET query = excluded.query, created_at = excluded.created_at
RETURNING id;

-- name: count_filters
-- How many filters a person keeps.
SELECT count(*) FROM auth.filters WHERE person_id = %(person_id)s::bigint;

-- name: remove_filter
-- Forget one.
DELETE FROM auth.filters WHERE id = %(id)s::bigint AND person_id = %(person_id)s::bigint RETURNING name;

-- name: remove_old_sessions
-- Sessions that have ended.
DELETE FROM auth.sessions WHERE idle_until < %(now)s::timestamptz OR ends_at < %(now)s::timestamptz;

-- name: remove_old_links
-- Links that were used, or can be no more.
DELETE FROM auth.links WHERE coalesce(used_at, expires_at) < %(now)s::timestamptz - interval '1 day';

-- name: remove_old_tries
-- Tries that no longer slow anybody down.
DELETE FROM auth.tries WHERE at < %(now)s::timestamptz - interval '1 day';

-- name: remove_old_journeys
-- Journeys from which nobody came back.
DELETE FROM auth.journeys WHERE started_at < %(now)s::timestamptz - interval '1 day';

-- name: remove_old_tokens
-- Tokens that were revoked or expired a year ago; the audit log still tells of them.
DELETE FROM auth.tokens WHERE coalesce(revoked_at, expires_at) < %(now)s::timestamptz - interval '1 year';
