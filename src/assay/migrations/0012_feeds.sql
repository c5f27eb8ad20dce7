-- Feeds: sources of unstructured advisories, their entries as received, what was read out of them, what people decided.
CREATE SCHEMA feeds;

-- `secrets` are the headers and credentials that a request carries, encrypted; `secret_names` says which there are.
-- `cursor` is where the next fetch goes on (validators, a mark, a digest of what was there). A source that is removed
-- keeps its row, for its entries and what was read out of them, and loses its secrets.
CREATE TABLE feeds.sources (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    kind text NOT NULL CHECK (kind IN ('feed', 'json', 'page', 'files')),
    address text NOT NULL,
    options jsonb NOT NULL DEFAULT '{}',
    secrets bytea,
    secret_names text[] NOT NULL DEFAULT '{}',
    interval_seconds integer NOT NULL CHECK (interval_seconds BETWEEN 60 AND 259200),
    is_enabled boolean NOT NULL DEFAULT true,
    cursor jsonb NOT NULL DEFAULT '{}',
    next_at timestamptz NOT NULL,
    last_tried_at timestamptz,
    last_good_at timestamptz,
    failures integer NOT NULL DEFAULT 0,
    last_error text,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    removed_at timestamptz
);
CREATE INDEX sources_due ON feeds.sources (next_at) WHERE is_enabled;

-- Entries of a source's last fetch that could not be used: where each stood, why, and its bytes (zstd) if they are few.
CREATE TABLE feeds.quarantine (
    source bigint NOT NULL REFERENCES feeds.sources (id),
    place text NOT NULL,
    reason text NOT NULL,
    detail text NOT NULL,
    raw bytea,
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (source, place)
);

-- Everything as received. The same entry with another content is another row. `raw` is zstd-compressed, `document` names
-- the fetched bytes that it stood in. The higher the priority, the sooner it is processed. `taken_by` and `taken_start`
-- name the execution of the job that processes it; `deaths` counts those that died over it.
CREATE TABLE feeds.raw_entries (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source bigint NOT NULL REFERENCES feeds.sources (id),
    key text NOT NULL,
    content_hash bytea NOT NULL,
    document text,
    media_type text NOT NULL,
    address text,
    title text,
    published_at timestamptz,
    raw bytea NOT NULL,
    received_at timestamptz NOT NULL,
    status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'processing', 'completed', 'failed')),
    attempts smallint NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL,
    priority integer NOT NULL DEFAULT 0,
    is_monitored boolean NOT NULL DEFAULT false,
    started_at timestamptz,
    taken_by bigint,
    taken_start integer,
    deaths smallint NOT NULL DEFAULT 0,
    ended_at timestamptz,
    outcome text CHECK (outcome IN ('claimed', 'candidate', 'not_advisory', 'duplicate')),
    error text,
    UNIQUE (source, key, content_hash)
);
CREATE INDEX raw_entries_waiting ON feeds.raw_entries (priority DESC, (coalesce(published_at, received_at)) DESC, id DESC)
    WHERE status = 'pending';
CREATE INDEX raw_entries_taken ON feeds.raw_entries (started_at) WHERE status = 'processing';
CREATE INDEX raw_entries_by_status ON feeds.raw_entries (status, id DESC);
CREATE INDEX raw_entries_ended ON feeds.raw_entries (ended_at) WHERE status = 'completed';

-- Entries that were purged and that their source may still list: they do not come back as new. `seen_on` is the last day
-- on which it did.
CREATE TABLE feeds.purged_entries (
    source bigint NOT NULL REFERENCES feeds.sources (id),
    key text NOT NULL,
    content_hash bytea NOT NULL,
    seen_on date NOT NULL,
    PRIMARY KEY (source, key, content_hash)
);

-- One row per entry's word about one vulnerability, and its review. It keeps the readable text (JSON, zstd), so that the
-- quotes outlive the raw entry. `record_id` is the claim's; `extracted` is what the program read, `decided` what a person made of it.
-- `names` are all names of the vulnerability, `changed_at` is when the program last read something else. A language model
-- is asked at `asks_at`, and was asked `asked` times in vain.
CREATE TABLE feeds.extractions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    entry bigint REFERENCES feeds.raw_entries (id) ON DELETE SET NULL,
    source bigint NOT NULL REFERENCES feeds.sources (id),
    entry_key text NOT NULL,
    record_id text NOT NULL UNIQUE,
    identifier text NOT NULL,
    names text[] NOT NULL,
    title text,
    address text,
    text bytea NOT NULL,
    extracted jsonb NOT NULL,
    decided jsonb,
    confidence real NOT NULL,
    doubts text[] NOT NULL DEFAULT '{}',
    state text NOT NULL CHECK (state IN ('accepted', 'in_review', 'approved', 'rejected', 'skipped', 'superseded')),
    is_monitored boolean NOT NULL DEFAULT false,
    model text,
    reader integer NOT NULL,
    published_at timestamptz,
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    decided_by text,
    decided_at timestamptz,
    note text,
    asks_at timestamptz,
    asked smallint NOT NULL DEFAULT 0
);
CREATE INDEX extractions_to_review ON feeds.extractions (is_monitored DESC, confidence DESC, id) WHERE state = 'in_review';
CREATE INDEX extractions_by_name ON feeds.extractions USING gin (names);
CREATE INDEX extractions_by_key ON feeds.extractions (source, entry_key);
CREATE INDEX extractions_to_ask ON feeds.extractions (asks_at) WHERE asks_at IS NOT NULL;
CREATE INDEX extractions_by_state ON feeds.extractions (state, id DESC);
CREATE INDEX extractions_by_entry ON feeds.extractions (entry);

-- Numbers for vulnerabilities that nobody named: x_ASSAY-<year>-<number>.
CREATE SEQUENCE feeds.own_identifiers;

-- Vendors and products that the catalog knows, as they are written there, with how many vulnerabilities name them;
-- `vendor` and `product` are the same normalised. A package without an owner stands under the vendor '' and its ecosystem.
CREATE TABLE feeds.names (
    vendor_shown text NOT NULL,
    product_shown text NOT NULL,
    vendor text NOT NULL,
    product text NOT NULL,
    claims integer NOT NULL,
    PRIMARY KEY (vendor, product, vendor_shown, product_shown)
);
-- What led to a vendor and product in what the catalog holds: words of a sentence, a link's host, repository or plugin.
CREATE TABLE feeds.name_clues (
    clue text NOT NULL,
    vendor text NOT NULL,
    product text NOT NULL,
    claims integer NOT NULL,
    PRIMARY KEY (clue, vendor, product)
);
-- Up to which change of the catalog they were gathered; one row.
CREATE TABLE feeds.names_gathered (
    is_one boolean PRIMARY KEY DEFAULT true CHECK (is_one),
    edition bigint NOT NULL,
    gathered_at timestamptz NOT NULL
);

-- What this installation watches: a vendor, a product of a vendor, or a package. `looked_at` is when the whole catalog
-- was looked through for it.
CREATE TABLE feeds.products (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    vendor text,
    product text,
    purl text,
    shown text NOT NULL,
    origin text NOT NULL CHECK (origin IN ('person', 'csv', 'scan', 'record')),
    note text,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    looked_at timestamptz,
    CHECK (num_nonnulls(vendor, product, purl) > 0),
    UNIQUE NULLS NOT DISTINCT (vendor, product, purl)
);

-- Vulnerabilities of the catalog that touch a watched product.
CREATE TABLE feeds.touched (
    vulnerability bigint NOT NULL,
    product bigint NOT NULL REFERENCES feeds.products (id) ON DELETE CASCADE,
    PRIMARY KEY (vulnerability, product)
);
CREATE INDEX touched_by_product ON feeds.touched (product);

-- Up to which line of the catalog's log `touched` is right; `edition` counts up whenever it changes. `is_changed` says
-- that products came or went since the waiting entries were weighed.
CREATE TABLE feeds.watching (
    is_one boolean PRIMARY KEY DEFAULT true CHECK (is_one),
    seq bigint,
    edition bigint NOT NULL DEFAULT 0,
    is_changed boolean NOT NULL DEFAULT false
);
INSERT INTO feeds.watching DEFAULT VALUES;

-- How the language model did lately, for all processes of all machines; one row, about one place (server and model).
-- Until `closed_until` nobody asks it; then one does, and the others go on waiting for what comes of it.
CREATE TABLE feeds.model_health (
    is_one boolean PRIMARY KEY DEFAULT true CHECK (is_one),
    place text NOT NULL,
    failures integer NOT NULL,
    closed_until timestamptz,
    last_error text,
    failed_at timestamptz,
    answered_at timestamptz
);
