-- name: find_session
-- Whose session it is, if it has not ended and its person may sign in.
SELECT p.id, p.name, p.role, s.seen_at
FROM auth.sessions AS s JOIN auth.people AS p ON p.id = s.person_id
WHERE s.hash = %(hash)s::bytea AND s.idle_until > %(now)s::timestamptz AND s.ends_at > %(now)s::timestamptz
  AND NOT p.is_disabled;

-- name: find_token
-- What a token may, if it is still good and its owner, where it has one, may sign in.
SELECT t.id, t.name, t.role, t.scopes, t.used_at, p.id AS person_id, p.name AS owner, p.role AS owner_role
FROM auth.tokens AS t LEFT JOIN auth.people AS p ON p.id = t.person_id
WHERE t.hash = %(hash)s::bytea AND t.revoked_at IS NULL
  AND (t.expires_at IS NULL OR t.expires_at > %(now)s::timestamptz)
  AND p.is_disabled IS NOT TRUE;

-- name: find_password
-- What is kept of a person's password.
SELECT id, name, password, is_disabled FROM auth.people WHERE lower(name) = lower(%(name)s::text);

-- name: find_link
-- Whose link it is and what for, if it is still good.
SELECT p.name, l.purpose
FROM auth.links AS l JOIN auth.people AS p ON p.id = l.person_id
WHERE l.hash = %(hash)s::bytea AND l.used_at IS NULL AND l.expires_at > %(now)s::timestamptz AND NOT p.is_disabled;

-- name: find_subject
-- The person whom a provider knows by this name.
SELECT id, name, role, is_disabled FROM auth.people
WHERE issuer = %(issuer)s::text AND subject = %(subject)s::text;

-- name: list_people
-- People by name; one of them where a number or a name is given.
SELECT p.id, p.name, p.role, p.password IS NOT NULL AS has_password, p.issuer, p.is_disabled, p.created_at,
       p.password_at, p.signed_in_at,
       (SELECT count(*) FROM auth.sessions AS s
        WHERE s.person_id = p.id AND s.idle_until > %(now)s::timestamptz AND s.ends_at > %(now)s::timestamptz) AS sessions
FROM auth.people AS p
WHERE (%(id)s::bigint IS NULL OR p.id = %(id)s::bigint)
  AND (%(name)s::text IS NULL OR lower(p.name) = lower(%(name)s::text))
ORDER BY lower(p.name);

-- name: list_sessions
-- A person's sessions, the last used first.
SELECT how, created_at, seen_at, ends_at, address, agent FROM auth.sessions
WHERE person_id = %(person_id)s::bigint AND idle_until > %(now)s::timestamptz AND ends_at > %(now)s::timestamptz
ORDER BY seen_at DESC;

-- name: list_tokens
-- Tokens, newest first: everybody's or one person's, those that are good or every one.
SELECT t.id, t.name, p.name AS owner, t.role, t.scopes, t.created_at, t.created_by, t.expires_at, t.used_at,
       t.used_from, t.revoked_at, t.revoked_by
FROM auth.tokens AS t LEFT JOIN auth.people AS p ON p.id = t.person_id
WHERE (%(id)s::bigint IS NULL OR t.id = %(id)s::bigint)
  AND (%(person_id)s::bigint IS NULL OR t.person_id = %(person_id)s::bigint)
  AND (%(is_all)s::boolean OR (t.revoked_at IS NULL
       AND (t.expires_at IS NULL OR t.expires_at > %(now)s::timestamptz)))
ORDER BY t.id DESC;

-- name: list_filters
-- A person's filters of a page, or of all pages, by name.
SELECT id, page, name, query, created_at FROM auth.filters
WHERE person_id = %(person_id)s::bigint AND (%(page)s::text IS NULL OR page = %(page)s::text)
ORDER BY page, lower(name), id;

-- name: list_records
-- The audit log, newest first. An action that ends in a dot means all that begin so.
SELECT id, at, kind, principal_id, name, action, subject, detail, address FROM auth.audit
WHERE (%(name)s::text IS NULL OR name = %(name)s::text)
  AND (%(kind)s::text IS NULL OR kind = %(kind)s::text)
  AND (%(action)s::text IS NULL OR action = %(action)s::text
       OR (right(%(action)s::text, 1) = '.' AND starts_with(action, %(action)s::text)))
  AND (%(subject)s::text IS NULL OR subject = %(subject)s::text)
  AND (%(address)s::text IS NULL OR address = %(address)s::text)
  AND (%(since)s::timestamptz IS NULL OR at >= %(since)s::timestamptz)
  AND (%(until)s::timestamptz IS NULL OR at < %(until)s::timestamptz)
  AND (%(before)s::bigint IS NULL OR id < %(before)s::bigint)
ORDER BY id DESC
LIMIT %(limit)s::integer;

-- name: count_admins
-- How many admins may sign in.
SELECT count(*) FROM auth.people WHERE role = 'admin' AND NOT is_disabled;
