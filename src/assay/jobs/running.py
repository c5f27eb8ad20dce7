"""A job while it runs, as its task sees it: progress, limits, and the fence around what it writes."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import Protocol

import psycopg

from assay.errors import Transient
from assay.jobs.model import Cancelled, Lost, OutOfTime
from assay.jobs.retrying import cleaned
from assay.kit import sql
from assay.kit.db import Connection, Database

_SQL = sql.beside(__file__)

# Progress is written this often at most; a person watching sees no difference.
EVERY_SECONDS = 1.0
_LONGEST_MESSAGE = 300


class Running(Protocol):
    """The job that a task runs for."""

    @property
    def id(self) -> int:
        """Its number."""
        ...

    @property
    def attempt(self) -> int:
        """The how-manieth start this is, from 1. Together with `id` it names one execution."""
        ...

    def progress(self, done: int, total: int | None = None, message: str | None = None) -> None:
        """Say how far it is. Call it often: this is where a task ends that was cancelled or is past its time."""
        ...

    def check(self) -> None:
        """Raise Cancelled, OutOfTime or Lost when the task must end."""
        ...

    def own(self, conn: Connection) -> None:
        """Hold the job for the rest of the transaction, so that nobody else is given it before its end.

        Raises Lost when it was given to somebody else. What is written in such a transaction is written by the one
        execution that counts.
        """
        ...

    def complete(self, conn: Connection) -> None:
        """Complete the job with this transaction: its effects and its end are committed together, or neither is.

        Call it last. Raises Lost when the job was given to somebody else.
        """
        ...


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a worker was given: a job, its arguments, and the number of this start, by which it is fenced."""

    job_id: int
    task: str
    args: dict[str, object]
    starts: int
    attempts: int
    max_retries: int
    worker_id: int


class Held:
    """A job in the process that runs it."""

    def __init__(
        self,
        ticket: Ticket,
        db: Database,
        *,
        soft_seconds: float,
        is_cancelled: Callable[[], bool],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ticket = ticket
        self._db = db
        self._is_cancelled = is_cancelled
        self._monotonic = monotonic
        self._deadline = monotonic() + soft_seconds
        self._soft_seconds = soft_seconds
        self._told_at = float("-inf")
        self._is_lost = False
        self._mutex = Lock()

    @property
    def id(self) -> int:
        """Its number."""
        return self._ticket.job_id

    @property
    def attempt(self) -> int:
        """The how-manieth start this is."""
        return self._ticket.starts

    def progress(self, done: int, total: int | None = None, message: str | None = None) -> None:
        """Write how far it is, not too often, and end the task when it must end."""
        self.check()
        now = self._monotonic()
        with self._mutex:
            if now - self._told_at < EVERY_SECONDS:
                return
            self._told_at = now
        values = {"done": done, "total": total, "message": message and cleaned(message, _LONGEST_MESSAGE)}
        # How far it is matters less than that it goes on: without a database the next report may be heard.
        with suppress(Transient, psycopg.Error), self._db.transaction() as conn:
            row = conn.execute(_SQL["report"].text, {**self._fence, **values}).fetchone()
            self._is_lost = row is None or not row[0]

    def check(self) -> None:
        """Raise Cancelled, OutOfTime or Lost when the task must end."""
        if self._is_cancelled():
            raise Cancelled(f"job {self.id} was cancelled")
        if self._is_lost:
            raise Lost(f"job {self.id} was given to another worker")
        if self._monotonic() > self._deadline:
            raise OutOfTime(f"job {self.id} is past its soft limit of {self._soft_seconds:g} seconds")

    def own(self, conn: Connection) -> None:
        """Hold the job for the rest of the transaction."""
        if conn.execute(_SQL["own"].text, self._fence).fetchone() is None:
            raise Lost(f"job {self.id} was given to another worker")

    def complete(self, conn: Connection) -> None:
        """Complete the job with this transaction."""
        if not conn.execute(_SQL["complete"].text, self._fence).rowcount:
            raise Lost(f"job {self.id} was given to another worker")

    @property
    def _fence(self) -> dict[str, object]:
        return {"job_id": self._ticket.job_id, "starts": self._ticket.starts}
