-- Who may do what, and what they changed.

CREATE SCHEMA auth;

CREATE TABLE auth.people (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    role text NOT NULL CHECK (role IN ('viewer', 'analyst', 'admin')),
    password text,                                          -- argon2id, as the algorithm writes it; none: links or a provider
    issuer text,                                            -- of somebody whom a provider knows
    subject text,
    is_disabled boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL,
    password_at timestamptz,
    signed_in_at timestamptz,
    CHECK ((issuer IS NULL) = (subject IS NULL))
);
CREATE UNIQUE INDEX people_by_name ON auth.people (lower(name));
CREATE UNIQUE INDEX people_by_subject ON auth.people (issuer, subject);

-- Of every secret only its sha-256 is kept: 256 random bits need no slow hash.
CREATE TABLE auth.sessions (
    hash bytea PRIMARY KEY,
    person_id bigint NOT NULL REFERENCES auth.people ON DELETE CASCADE,
    how text NOT NULL CHECK (how IN ('password', 'link', 'provider')),
    created_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    idle_until timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    address text,
    agent text
);
CREATE INDEX sessions_by_person ON auth.sessions (person_id);
CREATE INDEX sessions_by_end ON auth.sessions (idle_until);

CREATE TABLE auth.tokens (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hash bytea NOT NULL UNIQUE,
    name text NOT NULL,
    person_id bigint REFERENCES auth.people ON DELETE CASCADE,  -- none: of a program, made by an admin
    role text NOT NULL CHECK (role IN ('viewer', 'analyst', 'admin')),
    scopes text[] NOT NULL DEFAULT '{}',                    -- none: all that the role may
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    expires_at timestamptz,
    used_at timestamptz,
    used_from text,
    revoked_at timestamptz,
    revoked_by text
);
CREATE UNIQUE INDEX tokens_by_name ON auth.tokens (coalesce(person_id, 0), lower(name)) WHERE revoked_at IS NULL;

CREATE TABLE auth.links (
    hash bytea PRIMARY KEY,
    person_id bigint NOT NULL REFERENCES auth.people ON DELETE CASCADE,
    purpose text NOT NULL CHECK (purpose IN ('sign-in', 'password')),
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX links_by_person ON auth.links (person_id);

-- Passwords that were tried and were not right, or are being looked at.
CREATE TABLE auth.tries (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    address text NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX tries_by_name ON auth.tries (name, at);
CREATE INDEX tries_by_address ON auth.tries (address, at);
CREATE INDEX tries_by_time ON auth.tries (at);

-- Sign-ins that a provider has been asked for.
CREATE TABLE auth.journeys (
    hash bytea PRIMARY KEY,                                 -- of `state`
    nonce text NOT NULL,
    verifier text NOT NULL,
    goes_to text NOT NULL,
    started_at timestamptz NOT NULL
);

CREATE TABLE auth.filters (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person_id bigint NOT NULL REFERENCES auth.people ON DELETE CASCADE,
    page text NOT NULL,
    name text NOT NULL,
    query text NOT NULL,
    created_at timestamptz NOT NULL,
    UNIQUE (person_id, page, name)
);

CREATE TABLE auth.audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    kind text NOT NULL,
    principal_id bigint,
    name text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    detail jsonb NOT NULL,
    address text
);
CREATE INDEX audit_by_name ON auth.audit (name, id);
CREATE INDEX audit_by_action ON auth.audit (action text_pattern_ops, id);
CREATE INDEX audit_by_subject ON auth.audit (subject, id);
CREATE INDEX audit_by_time ON auth.audit (at);
