-- The advisories pipeline: what was fetched, what it listed, and what could not be read.
CREATE SCHEMA advisories;

CREATE TABLE advisories.documents (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source text NOT NULL,
    scope text NOT NULL,
    name text NOT NULL,
    origin text NOT NULL,
    kind text NOT NULL,
    path text NOT NULL,
    bytes bigint,
    etag text,
    last_modified text,
    fetched_at timestamptz NOT NULL,
    -- What a full document does not list is gone; a single record and a list of changes say nothing about the rest.
    is_full boolean NOT NULL,
    -- Of a document that was begun, and not staged, some parts may be claims.
    outcome text NOT NULL DEFAULT 'fetched' CHECK (outcome IN ('fetched', 'begun', 'staged', 'refused')),
    detail text,
    UNIQUE (source, scope, name)
);
CREATE INDEX documents_by_source ON advisories.documents (source, scope, fetched_at DESC);

-- What the last staged document of a source listed: (member, fingerprint, record id) rows, packed and compressed.
-- A member with the same fingerprint under the same reader is the same record and is not read again.
CREATE TABLE advisories.listings (
    source text NOT NULL,
    scope text NOT NULL,
    document text NOT NULL,
    reader_version integer NOT NULL,
    members bytea NOT NULL,
    records integer NOT NULL,
    staged_at timestamptz NOT NULL,
    cursor_at timestamptz,
    PRIMARY KEY (source, scope)
);
ALTER TABLE advisories.listings ALTER COLUMN members SET STORAGE EXTERNAL;

CREATE TABLE advisories.quarantine (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source text NOT NULL,
    scope text NOT NULL,
    document text NOT NULL,
    locator text NOT NULL,
    record_id text,
    reason text NOT NULL,
    detail text NOT NULL,
    raw bytea,
    first_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    times integer NOT NULL DEFAULT 1,
    UNIQUE (source, scope, locator)
);
ALTER TABLE advisories.quarantine ALTER COLUMN raw SET STORAGE EXTERNAL;
CREATE INDEX quarantine_by_reason ON advisories.quarantine (source, reason);
