-- The run ledger: one row for every task that ended, the only thing monitoring reads.
CREATE SCHEMA jobs;

CREATE TABLE jobs.runs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    room text NOT NULL,
    step text NOT NULL,
    source text,
    started_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('completed', 'unchanged', 'refused', 'failed')),
    counts jsonb NOT NULL DEFAULT '{}',
    detail text,
    CHECK (ended_at >= started_at)
);
CREATE INDEX runs_by_source ON jobs.runs (room, source, ended_at DESC);
