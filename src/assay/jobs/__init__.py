"""The floor under every pipeline: durable jobs, schedules, and the run ledger.

    task.task           makes a task of a function; bootstrap hands all of them over as a Registry
    deferring.defer     a job, in the caller's transaction
    supervisor -> worker -> engine -> running.Running -> the task
    retrying            what becomes of an attempt, decided by its error
    housekeeping        takes jobs from the dead, raises what is due; retention deletes what ended long ago
    schedules, timing   what runs by itself
    queries, commands   what operators see and do
    ledger              one row for every run (room, step, source, counts, seconds, outcome); monitoring reads that

Tables (schema jobs): runs, attempts, schedules, interventions, and the engine's procrastinate_jobs and
procrastinate_workers; views shown_jobs and processing_tasks.

Promises: a job that was committed runs until it ends or is a dead letter; what it writes under `own` counts once.
"""
