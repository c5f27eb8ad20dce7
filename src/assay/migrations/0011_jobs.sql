-- Every attempt at a run that the ledger should have is in it, also one that ended before the task could write its row.

-- The step of the run ledger of which the task writes a row for its subject; NULL: it writes none, or of another kind.
ALTER TABLE jobs.procrastinate_jobs ADD COLUMN step text;
UPDATE jobs.procrastinate_jobs SET step = 'sync' WHERE task_name = 'advisories.sync' AND status IN ('todo', 'doing');

-- The times of a run are its machine's; this is the database's, as the times of an attempt are.
ALTER TABLE jobs.runs ADD COLUMN written_at timestamptz NOT NULL DEFAULT now();

-- Whoever ends an attempt, its worker, its supervisor or another machine's: what they leave is a row in jobs.attempts.
CREATE FUNCTION jobs.note_missing_run() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO jobs.runs (room, step, source, started_at, ended_at, outcome, counts, detail)
    SELECT split_part(j.task_name, '.', 1), j.step, j.subject, NEW.started_at, greatest(NEW.started_at, NEW.ended_at),
           'failed', '{}', NEW.error
    FROM jobs.procrastinate_jobs AS j
    WHERE j.id = NEW.job_id AND j.step IS NOT NULL
      AND NOT EXISTS (
          SELECT 1 FROM jobs.runs AS r
          WHERE r.room = split_part(j.task_name, '.', 1) AND r.step = j.step AND r.source = j.subject
            AND r.written_at >= NEW.started_at
            -- Clocks differ by less; the index goes by this one.
            AND r.ended_at > NEW.started_at - interval '1 day'
      );
    RETURN NULL;
END;
$$;
CREATE TRIGGER attempts_note_missing_run AFTER INSERT ON jobs.attempts
    FOR EACH ROW WHEN (NEW.outcome IN ('error', 'crash', 'timeout')) EXECUTE FUNCTION jobs.note_missing_run();
