-- Which versions of which packages are affected, in keys whose byte order is the ecosystem's order of versions
-- (domain/versions), so that a whole lockfile is matched in one statement.
DROP TABLE catalog.affected;

-- One row per interval of affected versions. A version outside all intervals that is listed is an interval of its own;
-- where the ecosystem has no order, `listed` holds the versions as text. A range that cannot be read is a row with
-- `is_unread`: whoever asks is told that it is not known. A package of which neither is said has one row without any.
CREATE TABLE catalog.affected (
    vulnerability_id bigint NOT NULL,
    ecosystem text NOT NULL,
    -- What stands behind the ecosystem's colon (`12` of `Debian:12`); empty for all releases.
    release text NOT NULL,
    name text NOT NULL,
    lower bytea,
    upper bytea,
    is_upper_included boolean NOT NULL,
    -- False for what is withdrawn or rejected: that is found by name and never matched.
    is_live boolean NOT NULL,
    is_unread boolean NOT NULL,
    fixed text,
    listed text[]
);
CREATE INDEX affected_match ON catalog.affected (name, ecosystem, lower)
    INCLUDE (upper, is_upper_included, is_live, is_unread, release, vulnerability_id, fixed);
-- The few rows that no order of versions helps to find, apart from the many that only name a package.
CREATE INDEX affected_unordered ON catalog.affected (name, ecosystem)
    WHERE lower IS NULL AND (is_unread OR listed IS NOT NULL);
CREATE INDEX affected_by_vulnerability ON catalog.affected (vulnerability_id);

-- The commits that GIT ranges name as affected.
CREATE TABLE catalog.commits (
    commit bytea NOT NULL,
    vulnerability_id bigint NOT NULL
);
CREATE INDEX commits_by_commit ON catalog.commits (commit);
CREATE INDEX commits_by_vulnerability ON catalog.commits (vulnerability_id);

-- A merge looks for the vulnerabilities that bear the names at hand: without this it read the whole table for every part.
CREATE INDEX vulnerabilities_by_name ON catalog.vulnerabilities (name);

-- Listings are packed in another form; what they list is read once more.
DELETE FROM advisories.listings;

-- What is held already gets its rows from the merge that follows.
INSERT INTO catalog.dirty_claims (claim_id) SELECT id FROM catalog.claims;
