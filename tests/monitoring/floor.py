"""Jobs, attempts, workers and runs as the jobs room leaves them, by its own doors or row by row."""

from datetime import datetime, timedelta
from typing import Any

from assay.jobs.deferring import defer
from assay.jobs.ledger import Outcome, add_run
from assay.kit.db import Connection
from assay.monitoring.tasks import deliver_later

TASK = deliver_later
"""A task that is there; what it does does not matter, nobody runs it."""


def waiting(conn: Connection) -> int:
    """A job that waits."""
    return defer(conn, TASK, delivery=0)


def begun(conn: Connection) -> int:
    """A job that runs."""
    job = waiting(conn)
    conn.execute("UPDATE jobs.procrastinate_jobs SET status = 'doing' WHERE id = %s", (job,))
    return job


def ended(conn: Connection, status: str = "succeeded", *, wait: float = 1.0, run: float = 2.0) -> int:
    """A job that has ended, after so many seconds."""
    job = begun(conn)
    conn.execute(
        "UPDATE jobs.procrastinate_jobs SET created_at = now() - make_interval(secs => %s), "
        "started_at = now() - make_interval(secs => %s) WHERE id = %s",
        (wait + run, run, job),
    )
    conn.execute(
        "UPDATE jobs.procrastinate_jobs SET status = %s::jobs.procrastinate_job_status, error_message = %s "
        "WHERE id = %s",
        (status, None if status == "succeeded" else "it broke", job),
    )
    return job


def failed_attempt(
    conn: Connection, job: int, outcome: str = "error", kind: str | None = "Transient"
) -> None:
    """An attempt of a job that did not end well."""
    conn.execute(
        "INSERT INTO jobs.attempts (job_id, number, outcome, started_at, error_kind) VALUES (%s, 1, %s, now(), %s)",
        (job, outcome, kind),
    )


def a_worker(conn: Connection, *, silent: float = 0.0, queues: list[str] | None = None) -> int:
    """A worker process that gave a sign of life so many seconds ago."""
    row = conn.execute(
        "INSERT INTO jobs.procrastinate_workers (last_heartbeat, host, pid, version, queues) "
        "VALUES (now() - make_interval(secs => %s), 'here', 7, '1', %s) RETURNING id",
        (silent, queues),
    ).fetchone()
    assert row is not None
    return int(row[0])


def a_run(conn: Connection, at: datetime, outcome: Outcome = Outcome.COMPLETED, **changed: Any) -> int:
    """A run that took a second and ended at a moment."""
    values: dict[str, Any] = {
        "room": "advisories",
        "step": "sync",
        "source": "osv",
        "counts": {"read": 3, "new": 1},
    }
    started = at - timedelta(seconds=1)
    return add_run(conn, **(values | {"started_at": started, "ended_at": at, "outcome": outcome} | changed))
