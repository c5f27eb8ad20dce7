-- name: add_document
-- Writes down a document that was fetched or named; the same one again keeps its first row and gets fresh validators.
INSERT INTO advisories.documents AS held
    (source, scope, name, origin, kind, path, bytes, etag, last_modified, fetched_at, is_full)
VALUES (%(source)s::text, %(scope)s::text, %(name)s::text, %(origin)s::text, %(kind)s::text, %(path)s::text,
        %(bytes)s::bigint, %(etag)s::text, %(last_modified)s::text, %(now)s::timestamptz, %(is_full)s::boolean)
ON CONFLICT (source, scope, name) DO UPDATE
SET origin = excluded.origin, kind = excluded.kind, path = excluded.path, bytes = excluded.bytes,
    etag = excluded.etag, last_modified = excluded.last_modified, fetched_at = excluded.fetched_at,
    is_full = excluded.is_full
RETURNING id;

-- name: find_document
-- The newest document of a source and scope, by name if one is given, from one origin if one is given; otherwise
-- the newest that lists everything.
SELECT id, source, scope, name, origin, kind, path, bytes, etag, last_modified, fetched_at, is_full, outcome, detail
FROM advisories.documents
WHERE source = %(source)s::text AND scope = %(scope)s::text AND outcome <> 'refused'
  AND (%(name)s::text IS NULL OR starts_with(name, %(name)s::text))
  AND (%(origin)s::text IS NULL OR origin = %(origin)s::text)
  AND (is_full OR coalesce(%(name)s::text, %(origin)s::text) IS NOT NULL)
ORDER BY fetched_at DESC, id DESC
LIMIT 1;

-- name: set_document_outcome
-- Writes down what came of a document; one that was begun stays so until a document of its scope is staged.
UPDATE advisories.documents
SET outcome = CASE WHEN outcome = 'begun' AND %(outcome)s::text = 'refused' THEN outcome ELSE %(outcome)s::text END,
    detail = %(detail)s::text
WHERE id = %(id)s::bigint;

-- name: find_begun
-- The documents of a scope that were begun and never finished.
SELECT name FROM advisories.documents
WHERE source = %(source)s::text AND scope = %(scope)s::text AND outcome = 'begun';

-- name: settle_begun
-- Notes that nothing is left of the documents of a scope that were begun.
UPDATE advisories.documents SET outcome = 'fetched'
WHERE source = %(source)s::text AND scope = %(scope)s::text AND outcome = 'begun';

-- name: find_listing
-- What the last staged document of a source and scope listed.
SELECT document, reader_version, members, records, staged_at, cursor_at
FROM advisories.listings WHERE source = %(source)s::text AND scope = %(scope)s::text;

-- name: other_listings
-- What the other scopes of a source list.
SELECT members FROM advisories.listings WHERE source = %(source)s::text AND scope <> %(scope)s::text;

-- name: save_listing
-- Puts a listing in the place of the last one.
INSERT INTO advisories.listings (source, scope, document, reader_version, members, records, staged_at, cursor_at)
VALUES (%(source)s::text, %(scope)s::text, %(document)s::text, %(reader_version)s::integer, %(members)s::bytea,
        %(records)s::integer, %(now)s::timestamptz, %(cursor_at)s::timestamptz)
ON CONFLICT (source, scope) DO UPDATE
SET document = excluded.document, reader_version = excluded.reader_version, members = excluded.members,
    records = excluded.records, staged_at = excluded.staged_at,
    cursor_at = coalesce(excluded.cursor_at, advisories.listings.cursor_at);

-- name: quarantine_record
-- Sets a record aside with its reason and bytes; the same place again counts one more time.
INSERT INTO advisories.quarantine AS held
    (source, scope, document, locator, record_id, reason, detail, raw, first_at, last_at)
VALUES (%(source)s::text, %(scope)s::text, %(document)s::text, %(locator)s::text, %(record_id)s::text,
        %(reason)s::text, %(detail)s::text, %(raw)s::bytea, %(now)s::timestamptz, %(now)s::timestamptz)
ON CONFLICT (source, scope, locator) DO UPDATE
SET document = excluded.document, record_id = excluded.record_id, reason = excluded.reason,
    detail = excluded.detail, raw = excluded.raw, last_at = excluded.last_at, times = held.times + 1;

-- name: release_locators
-- Takes records out of quarantine whose place in the document now reads well or is gone.
DELETE FROM advisories.quarantine
WHERE source = %(source)s::text AND scope = %(scope)s::text AND locator = ANY(%(locators)s::text[]);

-- name: release_others
-- Takes records out of quarantine whose place the document no longer has.
DELETE FROM advisories.quarantine
WHERE source = %(source)s::text AND scope = %(scope)s::text AND locator <> ALL(%(locators)s::text[]);

-- name: release_documents
-- Takes the documents of a scope out of quarantine that were refused as a whole.
DELETE FROM advisories.quarantine
WHERE source = %(source)s::text AND scope = %(scope)s::text AND record_id IS NULL
  AND starts_with(locator, %(start)s::text);

-- name: replace_members
-- Puts other members into a listing.
UPDATE advisories.listings SET members = %(members)s::bytea
WHERE source = %(source)s::text AND scope = %(scope)s::text;

-- name: find_quarantined
-- The numbers of records set aside and their sources, oldest first.
SELECT id, source
FROM advisories.quarantine
WHERE (%(source)s::text IS NULL OR source = %(source)s::text)
  AND (%(ids)s::bigint[] IS NULL OR id = ANY(%(ids)s::bigint[]))
ORDER BY id;

-- name: load_quarantine
-- Records set aside, with their bytes, oldest first.
SELECT id, source, scope, document, locator, record_id, reason, detail, raw
FROM advisories.quarantine
WHERE id = ANY(%(ids)s::bigint[])
ORDER BY id;

-- name: release_ids
-- Takes records out of quarantine that were replayed well or dropped by a person.
DELETE FROM advisories.quarantine WHERE id = ANY(%(ids)s::bigint[]);
