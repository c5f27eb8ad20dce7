"""What the room can show: jobs, their attempts, workers, figures."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg.rows import class_row, dict_row

from assay.errors import NotFound
from assay.jobs.housekeeping import STALE_SECONDS
from assay.jobs.model import Attempt, Job, State, WorkerRow
from assay.kit import sql
from assay.kit.db import Connection

_SQL = sql.beside(__file__)

__all__ = ["Attempt", "Filters", "Intervention", "Job", "Stats", "WorkerRow", "get_job", "list_attempts"]
__all__ += ["list_interventions", "list_jobs", "list_workers", "stats"]


@dataclass(frozen=True, slots=True)
class Filters:
    """Which jobs; what is None does not matter. `error` is a part of the newest error's text, in any case."""

    status: State | None = None
    task: str | None = None
    subject: str | None = None
    error: str | None = None

    def values(self) -> dict[str, Any]:
        """For a statement."""
        escaped = None
        if self.error is not None:
            escaped = self.error.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return {
            "status": None if self.status is None else self.status.value,
            "task": self.task,
            "subject": self.subject,
            "error": escaped,
        }


@dataclass(frozen=True, slots=True)
class Intervention:
    """What a person did to a job or schedule."""

    at: datetime
    by_whom: str
    action: str
    detail: str | None


@dataclass(frozen=True, slots=True)
class Figures:
    """The jobs of one task. Times are seconds; those of the last hour, None where there were none."""

    task: str
    pending: int
    processing: int
    retrying: int
    failed: int
    completed_last_hour: int
    failed_last_hour: int
    oldest_waiting_seconds: float | None
    wait_seconds: float | None
    run_seconds: float | None


@dataclass(frozen=True, slots=True)
class Stats:
    """The jobs in figures, and the workers there are."""

    tasks: list[Figures] = field(default_factory=list)
    workers: list[WorkerRow] = field(default_factory=list)
    unserved_queues: list[str] = field(default_factory=list)


def list_jobs(conn: Connection, filters: Filters, *, limit: int, before: int | None = None) -> list[Job]:
    """Jobs, newest first."""
    values = {**filters.values(), "limit": limit, "before": before}
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_statement(filters.status), values).fetchall()
    return [_job(row) for row in rows]


def _statement(status: State | None) -> Any:
    # Few jobs are alive or dead letters, and millions may be completed: each has an index of its own.
    match status:
        case State.FAILED:
            return _SQL["list_failed"].text
        case State.PENDING | State.RETRYING | State.PROCESSING:
            return _SQL["list_alive"].text
    return _SQL["list_jobs"].text


def get_job(conn: Connection, job_id: int) -> Job:
    """One job. Raises NotFound; completed jobs are kept for some time only."""
    with conn.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(_SQL["get_job"].text, {"job_id": job_id}).fetchone()
    if row is None:
        raise NotFound(f"there is no job {job_id}; completed ones are kept for some time only")
    return _job(row)


def _job(row: dict[str, Any]) -> Job:
    return Job(**{**row, "status": State(row["status"])})


def list_attempts(conn: Connection, job_id: int) -> list[Attempt]:
    """The attempts of a job that did not end well, oldest first."""
    with conn.cursor(row_factory=class_row(Attempt)) as cursor:
        return cursor.execute(_SQL["list_attempts"].text, {"job_id": job_id}).fetchall()


def list_interventions(conn: Connection, job_id: int) -> list[Intervention]:
    """What people did to a job, oldest first."""
    with conn.cursor(row_factory=class_row(Intervention)) as cursor:
        return cursor.execute(_SQL["list_interventions"].text, {"job_id": job_id}).fetchall()


def list_workers(conn: Connection) -> list[WorkerRow]:
    """The worker processes, of all machines."""
    with conn.cursor(row_factory=class_row(WorkerRow)) as cursor:
        return cursor.execute(_SQL["list_workers"].text, {"stale_seconds": STALE_SECONDS}).fetchall()


def stats(conn: Connection) -> Stats:
    """The jobs in figures."""
    with conn.cursor(row_factory=class_row(Figures)) as cursor:
        tasks = cursor.execute(_SQL["figures"].text).fetchall()
    workers = list_workers(conn)
    waiting = [row[0] for row in conn.execute(_SQL["waiting_queues"].text).fetchall()]
    alive = [worker for worker in workers if worker.is_alive]
    unserved = [
        queue for queue in waiting if not any(one.queues is None or queue in one.queues for one in alive)
    ]
    return Stats(tasks, workers, unserved)
