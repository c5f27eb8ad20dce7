"""The run ledger: what every task came to, written by the task and read by monitoring."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Json

from assay.kit import sql
from assay.kit.db import Connection, writable

_SQL = sql.beside(__file__)


class Outcome(StrEnum):
    """How a run ended."""

    COMPLETED = "completed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Run:
    """One ended run; `counts` are whole numbers by name (read, new, changed, ...)."""

    id: int
    room: str
    step: str
    source: str | None
    started_at: datetime
    ended_at: datetime
    outcome: str
    counts: Mapping[str, int]
    detail: str | None

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.ended_at - self.started_at).total_seconds()


def add_run(
    conn: Connection,
    *,
    room: str,
    step: str,
    source: str | None,
    started_at: datetime,
    ended_at: datetime,
    outcome: Outcome,
    counts: Mapping[str, int],
    detail: str | None = None,
) -> int:
    """Write the row by which a task ends, in the task's own transaction, and return its number."""
    values: dict[str, Any] = {
        "room": room,
        "step": step,
        "source": source,
        "started_at": started_at,
        "ended_at": max(started_at, ended_at),
        "outcome": outcome.value,
        "counts": Json(dict(counts)),
        # An error may quote the bytes it is about.
        "detail": detail and writable(detail),
    }
    row = conn.execute(_SQL["add_run"].text, values).fetchone()
    assert row is not None
    return int(row[0])


def last_runs(conn: Connection, room: str) -> list[Run]:
    """The newest run of every source and step of a room."""
    with conn.cursor(row_factory=class_row(Run)) as cursor:
        return cursor.execute(_SQL["last_runs"].text, {"room": room}).fetchall()
