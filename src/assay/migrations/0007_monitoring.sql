-- Monitoring: totals that never fall, made of what ended, and the alerts made of them.
CREATE SCHEMA monitoring;

-- Until where the ended jobs, failed attempts and runs are in the totals. Rows of a table become visible in another
-- order than their times say, so the place is a transaction number: every transaction below it has ended.
CREATE TABLE monitoring.horizons (
    kind text PRIMARY KEY CHECK (kind IN ('jobs', 'attempts', 'runs')),
    horizon bigint NOT NULL DEFAULT 0,
    observed_at timestamptz
);
INSERT INTO monitoring.horizons (kind) VALUES ('jobs'), ('attempts'), ('runs');

-- What a look counts: rows of transactions from `last_horizon` on, that ended after `since` and are not in `counted`.
-- Where a dump was restored transaction numbers begin again, and the time of the last look has to do. No transaction is
-- open for longer than two hours: a job that ends with one carries the time of its beginning.
CREATE VIEW monitoring.looks AS
SELECT h.kind, now.horizon, now.newest,
       CASE WHEN h.horizon > now.newest THEN 0 ELSE h.horizon END AS last_horizon,
       CASE WHEN h.horizon > now.newest THEN h.observed_at ELSE h.observed_at - interval '2 hours' END AS since
FROM monitoring.horizons AS h, (
    SELECT pg_snapshot_xmin(taken)::text::bigint AS horizon, pg_snapshot_xmax(taken)::text::bigint AS newest
    FROM pg_current_snapshot() AS taken
) AS now;

-- The number of a row's transaction, of which the row keeps 32 of 64 bits: those above come from the newest one.
CREATE FUNCTION monitoring.full_xid(xmin xid, newest bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT xmin::text::bigint
        + ((newest >> 32) - CASE WHEN xmin::text::bigint >= (newest & 4294967295) THEN 1 ELSE 0 END) * 4294967296
$$;

-- What is in the totals already although it lies past the horizon: few rows, unless a transaction stays open long.
CREATE TABLE monitoring.counted (
    kind text NOT NULL,
    id bigint NOT NULL,
    xid bigint NOT NULL,
    PRIMARY KEY (kind, id, xid)
);

CREATE TABLE monitoring.job_totals (
    task text NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('completed', 'failed', 'cancelled')),
    jobs bigint NOT NULL,
    PRIMARY KEY (task, outcome)
);

-- Histograms: jobs whose seconds are at most `bound`, and more than the bound before it.
CREATE TABLE monitoring.job_times (
    task text NOT NULL,
    measure text NOT NULL CHECK (measure IN ('wait', 'run')),
    bound double precision NOT NULL,
    jobs bigint NOT NULL,
    seconds double precision NOT NULL,
    PRIMARY KEY (task, measure, bound)
);

CREATE TABLE monitoring.attempt_totals (
    task text NOT NULL,
    outcome text NOT NULL,
    kind text NOT NULL,                                     -- the type of the error; the outcome where there was none
    attempts bigint NOT NULL,
    PRIMARY KEY (task, outcome, kind)
);

CREATE TABLE monitoring.run_totals (
    room text NOT NULL,
    step text NOT NULL,
    source text NOT NULL,                                   -- empty: of no source
    outcome text NOT NULL,
    runs bigint NOT NULL,
    seconds double precision NOT NULL,
    PRIMARY KEY (room, step, source, outcome)
);

CREATE TABLE monitoring.record_totals (
    room text NOT NULL,
    step text NOT NULL,
    source text NOT NULL,
    what text NOT NULL,                                     -- as the run counted them: read, new, quarantined, ...
    records bigint NOT NULL,
    PRIMARY KEY (room, step, source, what)
);

CREATE TABLE monitoring.alerts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rule text NOT NULL,
    subject text NOT NULL,
    severity text NOT NULL CHECK (severity IN ('warning', 'critical')),
    state text NOT NULL CHECK (state IN ('pending', 'open', 'acknowledged', 'resolved')),
    value double precision NOT NULL,
    threshold double precision NOT NULL,
    message text NOT NULL,
    breached_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    opened_at timestamptz,
    calm_since timestamptz,
    acknowledged_at timestamptz,
    acknowledged_by text,
    note text,
    resolved_at timestamptz,
    CHECK ((state = 'pending') = (opened_at IS NULL)),
    CHECK ((state = 'resolved') = (resolved_at IS NOT NULL))
);
-- One at a time: what is not resolved is not opened again.
CREATE UNIQUE INDEX alerts_unresolved ON monitoring.alerts (rule, subject) WHERE state <> 'resolved';
CREATE INDEX alerts_resolved ON monitoring.alerts (resolved_at) WHERE state = 'resolved';

-- What was told to whom. A notice is kept as it was when it happened.
CREATE TABLE monitoring.deliveries (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alert_id bigint REFERENCES monitoring.alerts (id) ON DELETE CASCADE,
    channel text NOT NULL,
    notice jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    tries integer NOT NULL DEFAULT 0,
    sent_at timestamptz,
    error text
);
CREATE INDEX deliveries_by_alert ON monitoring.deliveries (alert_id);
CREATE INDEX deliveries_unsent ON monitoring.deliveries (created_at) WHERE sent_at IS NULL;

-- Each source's newest runs, however long the ledger is.
CREATE INDEX runs_by_step ON jobs.runs (room, step, source, ended_at DESC) WHERE source IS NOT NULL;
