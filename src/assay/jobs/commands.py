"""What may be asked of the room now: retry, discard and cancel jobs, run a task, remove what is old."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.errors import Conflict, NotFound
from assay.jobs import queries
from assay.jobs.deferring import Deferred, put
from assay.jobs.model import State
from assay.jobs.queries import Filters
from assay.jobs.task import Registry
from assay.kit import sql
from assay.kit.db import Connection

_SQL = sql.beside(__file__)

# How many dead letters one statement takes; all of them are taken in one transaction.
_BATCH = 5_000


@dataclass(frozen=True, slots=True)
class Handled:
    """Dead letters that were retried or discarded. `replaced` are retries that another waiting job of the kind does."""

    ids: list[int]
    replaced: int = 0


def retry(conn: Connection, ids: Sequence[int], who: str) -> Handled:
    """Give dead letters and cancelled jobs all their attempts again. Raises NotFound, Conflict for any other job."""
    _check(conn, ids, (State.FAILED, State.CANCELLED), "retried")
    return _retried(conn, ids, who)


def retry_matching(conn: Connection, filters: Filters, who: str) -> Handled:
    """Give every dead letter that matches all its attempts again."""
    found = [row[0] for row in conn.execute(_SQL["find_dead_letters"].text, filters.values()).fetchall()]
    return _retried(conn, found, who)


def _retried(conn: Connection, ids: Sequence[int], who: str) -> Handled:
    done: list[int] = []
    for start in range(0, len(ids), _BATCH):
        values = {"ids": list(ids[start : start + _BATCH]), "who": who}
        done += [row[0] for row in conn.execute(_SQL["retry"].text, values).fetchall()]
    return Handled(done, replaced=len(set(ids)) - len(done))


def discard(conn: Connection, ids: Sequence[int], who: str, reason: str | None) -> Handled:
    """Mark dead letters as handled; they are cancelled then. Raises NotFound, and Conflict for any other job."""
    _check(conn, ids, (State.FAILED,), "discarded")
    return _discarded(conn, ids, who, reason)


def discard_matching(conn: Connection, filters: Filters, who: str, reason: str | None) -> Handled:
    """Mark every dead letter that matches as handled."""
    found = [row[0] for row in conn.execute(_SQL["find_dead_letters"].text, filters.values()).fetchall()]
    return _discarded(conn, found, who, reason)


def _discarded(conn: Connection, ids: Sequence[int], who: str, reason: str | None) -> Handled:
    values = {"ids": list(ids), "who": who, "reason": reason}
    return Handled([row[0] for row in conn.execute(_SQL["discard"].text, values).fetchall()])


def cancel(conn: Connection, ids: Sequence[int], who: str) -> dict[int, State]:
    """What each job is now: one that waited is cancelled, one that runs is asked to end at its next report.

    Raises NotFound, and Conflict for a job that has ended.
    """
    _check(conn, ids, (State.PENDING, State.RETRYING, State.PROCESSING), "cancelled")
    rows = conn.execute(_SQL["cancel"].text, {"ids": list(ids), "who": who}).fetchall()
    return {row[0]: State(row[1]) for row in rows}


def _check(conn: Connection, ids: Sequence[int], allowed: Sequence[State], what: str) -> None:
    for job_id in ids:
        job = queries.get_job(conn, job_id)
        if job.status not in allowed:
            raise Conflict(f"job {job_id} is {job.status.value} and cannot be {what}")


def run(conn: Connection, registry: Registry, name: str, args: Mapping[str, Any], who: str) -> Deferred:
    """The job that runs a task by its name. Raises NotFound, and Permanent for wrong arguments."""
    if name not in registry:
        raise NotFound(f"no task is called {name!r}; there are {', '.join(registry)}")
    made = put(conn, registry[name], args)
    if made.is_new:
        conn.execute(_SQL["note_run"].text, {"job_id": made.id, "who": who})
    return made
