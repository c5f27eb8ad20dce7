"""A worker's part, played by hand on one connection."""

from typing import Any

from assay.jobs.engine import _SQL as ENGINE
from assay.jobs.retrying import after_error
from assay.jobs.running import Held, Ticket
from assay.kit.db import Connection


def a_worker(conn: Connection, *, silent_for: float = 0.0, host: str = "here") -> int:
    """A worker whose last sign of life is so many seconds old."""
    values = {"host": host, "pid": 1, "version": "0", "queues": None, "concurrency": 1}
    row = conn.execute(ENGINE["register"].text, values).fetchone()
    assert row is not None
    conn.execute(
        "UPDATE jobs.procrastinate_workers SET last_heartbeat = now() - make_interval(secs => %s) WHERE id = %s",
        (silent_for, row[0]),
    )
    return int(row[0])


def take(conn: Connection, worker_id: int, queues: list[str] | None = None) -> Ticket | None:
    """The next job, marked as running in that worker."""
    row = conn.execute(ENGINE["fetch"].text, {"queues": queues, "worker_id": worker_id}).fetchone()
    if row is None or row[0] is None:
        return None
    job_id, name, *_, args, attempts, starts, most, worker = row
    return Ticket(job_id, name, args, starts, attempts, most, worker)


def held(ticket: Ticket, db: Any, **changed: Any) -> Held:
    """The job as its task sees it."""
    return Held(ticket, db, **{"soft_seconds": 60.0, "is_cancelled": lambda: False} | changed)


def finish(conn: Connection, ticket: Ticket) -> int:
    """Complete a job; how many rows that changed."""
    return conn.execute(ENGINE["finish"].text, {"job_id": ticket.job_id, "starts": ticket.starts}).rowcount


def fail(conn: Connection, ticket: Ticket, error: Exception, wait: float = 30.0) -> bool:
    """End an attempt with an error; False when it was refused."""
    verdict = after_error(error, ticket.attempts, ticket.max_retries, wait)
    values = {
        "job_id": ticket.job_id,
        "starts": ticket.starts,
        "is_cancelled": verdict.is_cancelled,
        "retry_in": verdict.retry_in,
        "charge": verdict.charge,
        "outcome": verdict.end.value,
        "host": "here",
        "error_kind": verdict.told.kind,
        "error": verdict.told.message,
        "traceback": verdict.told.traceback,
    }
    return bool(conn.execute(ENGINE["give_up"].text, values).fetchall())


def row(conn: Connection, job_id: int) -> dict[str, Any]:
    """The job in the view that operators see."""
    cursor = conn.execute("SELECT * FROM jobs.processing_tasks WHERE id = %s", (job_id,))
    found = cursor.fetchone()
    assert found is not None
    assert cursor.description is not None
    return dict(zip([column.name for column in cursor.description], found, strict=True))
