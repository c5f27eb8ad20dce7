"""Keeping house: jobs of dead processes run again, waiting ones rise when due, old rows go.

Any number of machines may do this; a lock that lasts as long as a transaction lets one do it at a time.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from psycopg.rows import class_row

from assay.jobs.model import AttemptEnd
from assay.jobs.retrying import RetryPolicy, after_crash
from assay.jobs.task import Registry
from assay.kit import sql
from assay.kit.db import Connection, Database

_SQL = sql.beside(__file__)
_log = structlog.get_logger(__name__)

# One lock for all who keep house in this database; the number is arbitrary and must not change.
_LOCK = 7_231_901_145
# A worker says every 5 s that it lives; after this much silence its jobs are given to others.
STALE_SECONDS = 20.0
# A job that its living worker has not known of for this long was fetched by an answer that never arrived.
_UNKNOWN_SECONDS = 15.0
# The worker's supervisor ends a task at its hard limit; this long after it the supervisor is taken for hung.
_SLACK_SECONDS = 60.0
_BATCH = 2_000


@dataclass(frozen=True, slots=True)
class Dead:
    """A running job that nobody runs any more."""

    id: int
    task: str
    attempts: int
    crashes: int
    max_retries: int
    starts: int
    beside: int
    why: str
    host: str | None
    pid: int | None


@dataclass(frozen=True, slots=True)
class Loss:
    """A worker whose process has ended, and what is known of it. `guilty` is the job for which it was ended."""

    worker_id: int
    reason: str
    guilty: int | None = None
    end: AttemptEnd = AttemptEnd.CRASH


@dataclass(frozen=True, slots=True)
class _Ruling:
    charge: int
    crash: int
    wait: float | None
    end: AttemptEnd
    reason: str


class Steadiness:
    """Whether silence means death: only for one who was listening all the time.

    After an outage of the database, a suspended machine or a clock that was set, every worker looks as if it had been
    silent. Nobody is declared dead until all have had the time to speak.
    """

    def __init__(self, needed_seconds: float) -> None:
        self._needed = needed_seconds
        self._since = float("-inf")
        self._last: tuple[datetime, float] | None = None

    def interrupted(self, monotonic: float) -> None:
        """The database did not answer."""
        self._since = monotonic
        self._last = None

    def heard(self, now: datetime, started: datetime, monotonic: float) -> bool:
        """The database's clock and the time it was started: may the silent be buried?"""
        if self._last is not None:
            then, at = self._last
            by_database, by_us = (now - then).total_seconds(), monotonic - at
            if abs(by_database - by_us) > self._needed / 4 or by_us > self._needed / 2:
                self._since = monotonic
        self._last = now, monotonic
        is_settled = (now - started).total_seconds() >= self._needed
        return is_settled and monotonic - self._since >= self._needed


class Housekeeper:
    """Buries the dead, with the registry's policies, and raises what is due."""

    def __init__(
        self,
        registry: Registry,
        dice: random.Random,
        *,
        stale_seconds: float = STALE_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._registry = registry
        self._dice = dice
        self._stale_seconds = stale_seconds
        self._monotonic = monotonic
        self._steadiness = Steadiness(stale_seconds)

    def interrupted(self) -> None:
        """Remember that the database was away."""
        self._steadiness.interrupted(self._monotonic())

    def tick(self, db: Database) -> tuple[int, int]:
        """(jobs taken from the dead, waiting jobs that are due now). One of many machines does it at a time."""
        with db.transaction() as conn:
            if not self._is_our_turn(conn):
                return 0, 0
            row = conn.execute(_SQL["read_clock"].text).fetchone()
            assert row is not None
            taken = 0
            if self._steadiness.heard(row[0], row[1], self._monotonic()):
                taken = self._bury(conn)
            due = len(conn.execute(_SQL["release_due"].text).fetchall())
        return taken, due

    def _is_our_turn(self, conn: Connection) -> bool:
        # Frozen in the middle, this machine must not keep the others from it.
        conn.execute("SET LOCAL idle_in_transaction_session_timeout = '15s'")
        row = conn.execute(_SQL["try_turn"].text, {"lock": _LOCK}).fetchone()
        return row is not None and bool(row[0])

    def _bury(self, conn: Connection) -> int:
        values = {
            "stale_seconds": self._stale_seconds,
            "slack_seconds": _SLACK_SECONDS,
            "unknown_seconds": _UNKNOWN_SECONDS,
        }
        with conn.cursor(row_factory=class_row(Dead)) as cursor:
            dead = cursor.execute(_SQL["find_dead"].text, values).fetchall()
        taken = _end(conn, dead, [self._rule(one) for one in dead])
        conn.execute(_SQL["remove_workers"].text, values)
        return taken

    def bury_worker(self, conn: Connection, loss: Loss) -> int:
        """The number of jobs taken from a worker whose process has ended."""
        with conn.cursor(row_factory=class_row(Dead)) as cursor:
            dead = cursor.execute(_SQL["find_of_worker"].text, {"worker_id": loss.worker_id}).fetchall()
        taken = _end(conn, dead, [self._rule_known(one, loss) for one in dead])
        conn.execute(_SQL["remove_worker"].text, {"worker_id": loss.worker_id})
        return taken

    def _rule(self, one: Dead) -> _Ruling:
        place = f"its worker (process {one.pid} on {one.host})" if one.host else "its worker"
        match one.why:
            case "unknown":
                return _Ruling(
                    0, 0, 0.0, AttemptEnd.RETURNED, f"{place} never heard that it was given this job"
                )
            case "late":
                return self._late(one, f"{place} did not end it at its hard limit")
            case "silent":
                return self._crashed(one, f"{place} gave no sign of life for {self._stale_seconds:g} seconds")
        return self._crashed(one, f"{place} is gone")

    def _rule_known(self, one: Dead, loss: Loss) -> _Ruling:
        if loss.guilty is None:
            return self._crashed(one, loss.reason)
        if one.id == loss.guilty:
            return self._late(one, loss.reason, loss.end)
        return _Ruling(0, 0, 0.0, AttemptEnd.RETURNED, f"its process was ended because of job {loss.guilty}")

    def _late(self, one: Dead, reason: str, end: AttemptEnd = AttemptEnd.TIMEOUT) -> _Ruling:
        is_last = one.attempts + 1 > one.max_retries
        return _Ruling(1, 0, None if is_last else self._wait(one), end, reason)

    def _crashed(self, one: Dead, reason: str) -> _Ruling:
        charge, wait = after_crash(
            attempts=one.attempts,
            crashes=one.crashes,
            max_retries=one.max_retries,
            beside=one.beside,
            wait=self._wait(one),
        )
        return _Ruling(charge, 1, wait, AttemptEnd.CRASH, reason)

    def _wait(self, one: Dead) -> float:
        found = self._registry.get(one.task)
        policy = RetryPolicy() if found is None else found.retry
        return policy.delay(one.attempts, self._dice)


def _end(conn: Connection, dead: Sequence[Dead], rulings: Sequence[_Ruling]) -> int:
    if not dead:
        return 0
    values = {
        "ids": [one.id for one in dead],
        "charges": [ruling.charge for ruling in rulings],
        "crashes": [ruling.crash for ruling in rulings],
        "waits": [ruling.wait for ruling in rulings],
        "outcomes": [ruling.end.value for ruling in rulings],
        "hosts": [one.host for one in dead],
        "reasons": [ruling.reason for ruling in rulings],
    }
    ended = conn.execute(_SQL["end_attempts"].text, values).fetchall()
    for one, ruling in zip(dead, rulings, strict=True):
        _log.warning(
            "jobs.attempt_lost", job=one.id, task=one.task, end=ruling.end.value, reason=ruling.reason
        )
    return len(ended)


@dataclass(frozen=True, slots=True)
class Removed:
    """What a cleaning came to."""

    jobs: int
    runs: int


def remove_old(
    db: Database,
    now: datetime,
    *,
    jobs_after: timedelta,
    runs_after: timedelta,
    progress: Callable[[int], None] = lambda _: None,
) -> Removed:
    """Delete what ended long ago, a few thousand rows a transaction. What was given up stays for a person."""
    done = {"delete_jobs": 0, "delete_runs": 0}
    for statement, age in (("delete_jobs", jobs_after), ("delete_runs", runs_after)):
        gone = _BATCH
        while gone == _BATCH:
            with db.transaction() as conn:
                gone = conn.execute(_SQL[statement].text, {"before": now - age, "most": _BATCH}).rowcount
            done[statement] += gone
            progress(sum(done.values()))
    with db.transaction() as conn:
        conn.execute(_SQL["delete_interventions"].text, {"before": now - runs_after})
    return Removed(done["delete_jobs"], done["delete_runs"])
