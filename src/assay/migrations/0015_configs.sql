-- Each file of a run in one piece, packed (`assay.domain.splunk.conf.pack`) and compressed with Zstandard: the effective
-- configuration of a hundred thousand settings is read in a fraction of the time that one row each takes. It says what the
-- rows of `stanzas` and `settings` say, which are for search, lists and a few stanzas of many; a secret is not here either.
-- A run that was stored before has no such rows, and is read from those.
CREATE TABLE configs.contents (
    run bigint NOT NULL,
    file integer NOT NULL,
    conf text NOT NULL,
    stanzas bytea NOT NULL
);
-- It is compressed already.
ALTER TABLE configs.contents ALTER COLUMN stanzas SET STORAGE EXTERNAL;
CREATE INDEX contents_by_conf ON configs.contents (run, conf);

-- Files that lie in folders of lookups, by name: whether one that is referred to is there. A run that was stored before has
-- none, and nothing is said of its lookups.
CREATE TABLE configs.lookups (
    run bigint NOT NULL,
    area text NOT NULL,
    app text NOT NULL,
    owner text NOT NULL,
    name text NOT NULL
);
CREATE INDEX lookups_by_run ON configs.lookups (run);
