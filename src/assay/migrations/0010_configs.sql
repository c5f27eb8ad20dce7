-- Configuration archives: what was uploaded, and every stanza and setting in it with its place.
CREATE SCHEMA configs;

-- One row per upload. `status` is what the run itself knows; whether it is being parsed or waits for another try is told
-- by its job. `number` keeps the rows of the run together in the other tables. `counts` are whole numbers by name.
CREATE TABLE configs.runs (
    id uuid PRIMARY KEY,
    number bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    kind text NOT NULL,
    label text NOT NULL,
    file_name text NOT NULL,
    sha256 text NOT NULL,
    bytes bigint NOT NULL,
    status text NOT NULL CHECK (status IN ('stored', 'complete', 'failed')),
    uploaded_by text NOT NULL,
    uploaded_at timestamptz NOT NULL,
    job_id bigint,
    started_at timestamptz,
    completed_at timestamptz,
    error text,
    counts jsonb NOT NULL DEFAULT '{}',
    notes text[] NOT NULL DEFAULT '{}'
);
CREATE UNIQUE INDEX runs_by_upload ON configs.runs (sha256, kind, label) WHERE status <> 'failed';
CREATE INDEX runs_by_time ON configs.runs (uploaded_at DESC, number DESC);

-- One row per configuration file, counted from 0 in the order of the archive; of a path that comes twice the first is
-- superseded. `kind` is conf, meta or spec; the settings of a `.meta` file are those of the configuration `.meta`.
CREATE TABLE configs.files (
    run bigint NOT NULL,
    number integer NOT NULL,
    path text NOT NULL,
    area text NOT NULL,
    app text NOT NULL,
    owner text NOT NULL,
    scope text NOT NULL,
    kind text NOT NULL,
    conf text NOT NULL,
    sha256 bytea NOT NULL,
    bytes bigint NOT NULL,
    encoding text NOT NULL,
    stanzas integer NOT NULL,
    settings integer NOT NULL,
    is_superseded boolean NOT NULL DEFAULT false,
    PRIMARY KEY (run, number)
);

-- One row per occurrence of a stanza, counted from 0 in the order of the archive.
CREATE TABLE configs.stanzas (
    run bigint NOT NULL,
    number integer NOT NULL,
    file integer NOT NULL,
    conf text NOT NULL,
    name text NOT NULL,
    line integer NOT NULL,
    is_implicit boolean NOT NULL
);
CREATE INDEX stanzas_by_conf ON configs.stanzas (run, conf);

-- One row per occurrence of a setting. A secret is not here: its value says what it was, and a keyed fingerprint.
CREATE TABLE configs.settings (
    run bigint NOT NULL,
    file integer NOT NULL,
    stanza integer NOT NULL,
    conf text NOT NULL,
    key text NOT NULL,
    value text NOT NULL,
    line integer NOT NULL,
    end_line integer NOT NULL,
    is_secret boolean NOT NULL
);
CREATE INDEX settings_by_conf ON configs.settings (run, conf, stanza);

-- Places that splunkd reads otherwise than people think, and members that were not read.
CREATE TABLE configs.problems (
    run bigint NOT NULL,
    path text NOT NULL,
    line integer NOT NULL,
    code text NOT NULL,
    detail text NOT NULL
);
CREATE INDEX problems_by_run ON configs.problems (run);

-- What `.spec` files of the archive document; a name that is open stands for every one that begins like it. `stanza` is
-- null where it holds everywhere.
CREATE TABLE configs.documented (
    run bigint NOT NULL,
    app text NOT NULL,
    conf text NOT NULL,
    stanza text,
    name text NOT NULL,
    is_open boolean NOT NULL
);
CREATE INDEX documented_by_conf ON configs.documented (run, conf);

-- The apps of a run, with what their app.conf says.
CREATE TABLE configs.apps (
    run bigint NOT NULL,
    area text NOT NULL,
    app text NOT NULL,
    is_enabled boolean NOT NULL,
    version text,
    label text,
    author text,
    PRIMARY KEY (run, area, app)
);

-- Typed projections: what well-known configurations effectively come to on the machine that `etc/` is of. `kind` is the
-- configuration, `fields` hold its well-known settings in their types.
CREATE TABLE configs.objects (
    run bigint NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    app text NOT NULL,
    path text NOT NULL,
    line integer NOT NULL,
    is_disabled boolean NOT NULL,
    fields jsonb NOT NULL
);
CREATE INDEX objects_by_kind ON configs.objects (run, kind);
