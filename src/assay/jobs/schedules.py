"""Schedules: which task runs by itself, when, and what people changed about that."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from assay.errors import AssayError, NotFound, Permanent
from assay.jobs.deferring import put
from assay.jobs.retrying import cleaned
from assay.jobs.task import Registry
from assay.jobs.timing import LONGEST, OFF, Waiting, check_pause, read_timing, step
from assay.kit import sql
from assay.kit.db import Connection

_SQL = sql.beside(__file__)
_log = structlog.get_logger(__name__)

GRACE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Declared:
    """A schedule as the program and its settings know it; `spec` may be `off`.

    `longest` is the longest pause that makes sense for it.
    """

    name: str
    task: str
    spec: str
    args: Mapping[str, Any] = field(default_factory=dict)
    jitter: timedelta = timedelta(0)
    grace: timedelta = GRACE
    longest: timedelta | None = None

    def check(self, spec: str, now: datetime) -> None:
        """Raise Permanent for a timing that this schedule cannot have."""
        if spec == OFF:
            return
        timing = read_timing(spec)
        if self.longest is not None:
            check_pause(spec, timing, self.longest, now)


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule as it stands; `spec` is the one in force."""

    name: str
    task: str
    args: Mapping[str, Any]
    spec: str
    declared_spec: str
    is_changed: bool
    is_paused: bool
    jitter_seconds: float
    grace_seconds: float
    due_at: datetime | None
    next_run_at: datetime | None
    last_run_at: datetime | None
    last_job_id: int | None
    last_status: str | None
    missed: int
    last_error: str | None

    def waiting(self) -> Waiting:
        """What decides when it runs."""
        return Waiting(
            read_timing(self.spec),
            self.due_at,
            self.next_run_at,
            self.last_run_at,
            timedelta(seconds=self.jitter_seconds),
            timedelta(seconds=self.grace_seconds),
        )


def check_all(declared: Iterable[Declared], now: datetime) -> None:
    """Raise Permanent that names the first schedule whose timing is wrong."""
    for one in declared:
        try:
            one.check(one.spec, now)
        except Permanent as error:
            raise Permanent(f"the schedule {one.name}: {error}") from error


def declare(conn: Connection, declared: Iterable[Declared]) -> None:
    """Make the table say what the program and its settings say; what people chose stays, what is gone goes."""
    known = list(declared)
    for one in known:
        values = {
            "name": one.name,
            "task": one.task,
            "args": Jsonb(dict(one.args)),
            "spec": one.spec,
            "jitter_seconds": one.jitter.total_seconds(),
            "grace_seconds": one.grace.total_seconds(),
        }
        conn.execute(_SQL["declare"].text, values)
    conn.execute(_SQL["remove_others"].text, {"names": [one.name for one in known]})


def list_schedules(conn: Connection) -> list[Schedule]:
    """Every schedule, by name."""
    with conn.cursor(row_factory=class_row(Schedule)) as cursor:
        return cursor.execute(_SQL["list_schedules"].text).fetchall()


def list_known(conn: Connection, declared: Iterable[Declared]) -> list[Schedule]:
    """Every schedule, by name, also those that nobody has written down because no worker has run yet."""
    found = {one.name: one for one in list_schedules(conn)}
    for one in declared:
        found.setdefault(one.name, _unplanned(one))
    return [found[name] for name in sorted(found)]


def _unplanned(one: Declared) -> Schedule:
    return Schedule(
        name=one.name,
        task=one.task,
        args=one.args,
        spec=one.spec,
        declared_spec=one.spec,
        is_changed=False,
        is_paused=False,
        jitter_seconds=one.jitter.total_seconds(),
        grace_seconds=one.grace.total_seconds(),
        due_at=None,
        next_run_at=None,
        last_run_at=None,
        last_job_id=None,
        last_status=None,
        missed=0,
        last_error=None,
    )


def get_known(conn: Connection, declared: Iterable[Declared], name: str) -> Schedule:
    """One schedule, written down already or not. Raises NotFound."""
    return _named(list_known(conn, declared), name)


def get_schedule(conn: Connection, name: str) -> Schedule:
    """One schedule. Raises NotFound."""
    return _named(list_schedules(conn), name)


def _named(known: Sequence[Schedule], name: str) -> Schedule:
    for one in known:
        if one.name == name:
            return one
    raise NotFound(f"no schedule is called {name!r}; there are {', '.join(one.name for one in known)}")


def tick(conn: Connection, registry: Registry, dice: random.Random) -> list[int]:
    """The jobs of the schedules whose time has come, deferred in this transaction.

    Several machines may do this at once: a schedule that one of them looks at is passed over by the others.
    """
    made: list[int] = []
    with conn.cursor(row_factory=class_row(Schedule)) as cursor:
        running = [one for one in cursor.execute(_SQL["list_schedules"].text).fetchall() if not one.is_paused]
    now = _now(conn)
    for one in running:
        if one.spec != OFF and _plan(one, now, 0.0) is not None:
            made += _run_due(conn, one.name, registry, dice)
    return made


def _plan(one: Schedule, now: datetime, share: float) -> Any:
    try:
        return step(one.waiting(), now, share)
    except Permanent as error:
        _log.warning("jobs.schedule_unreadable", schedule=one.name, error=str(error))
        return None


def _run_due(conn: Connection, name: str, registry: Registry, dice: random.Random) -> list[int]:
    if conn.execute(_SQL["hold"].text, {"name": name}).fetchone() is None:
        return []
    # Read again now that it is held: another machine may just have run it.
    one, now = get_schedule(conn, name), _now(conn)
    plan = None if one.is_paused or one.spec == OFF else _plan(one, now, dice.random())
    if plan is None:
        return []
    made: list[int] = []
    error: str | None = one.last_error
    if plan.runs:
        made, error = _deferred(conn, one, registry)
    if plan.is_missed:
        _log.warning("jobs.schedule_missed", schedule=name, due_at=str(one.due_at))
    values = {
        "name": name,
        "due_at": plan.due_at,
        "next_run_at": plan.next_run_at,
        "has_run": plan.runs,
        "job_id": made[0] if made else None,
        "missed": int(plan.is_missed),
        "error": error,
    }
    conn.execute(_SQL["planned"].text, values)
    return made


def _deferred(conn: Connection, one: Schedule, registry: Registry) -> tuple[list[int], str | None]:
    try:
        with conn.transaction():
            return [put(conn, _task_of(one, registry), one.args).id], None
    except AssayError as error:
        _log.warning("jobs.schedule_failed", schedule=one.name, error=str(error))
        return [], cleaned(str(error))


def _task_of(one: Schedule, registry: Registry) -> Any:
    found = registry.get(one.task)
    if found is None:
        raise Permanent(
            f"the schedule {one.name} is of the task {one.task}, which this version does not have"
        )
    return found


def _now(conn: Connection) -> datetime:
    # One clock for all machines: the database's.
    row = conn.execute(_SQL["now"].text).fetchone()
    assert row is not None
    moment: datetime = row[0]
    return moment


def pause(conn: Connection, name: str, who: str) -> None:
    """Let a schedule wait until it is resumed. Raises NotFound."""
    get_schedule(conn, name)
    conn.execute(_SQL["pause"].text, {"name": name})
    _note(conn, name, who, "pause", None)


def resume(conn: Connection, name: str, who: str) -> None:
    """Let a schedule run again, from its next tick on: what was due while it was paused is not made up for."""
    get_schedule(conn, name)
    conn.execute(_SQL["resume"].text, {"name": name})
    _note(conn, name, who, "resume", None)


def choose(conn: Connection, declared: Iterable[Declared], name: str, spec: str | None, who: str) -> None:
    """Change when a schedule runs; None takes the change back. Raises NotFound, and Permanent for a bad timing."""
    one = get_schedule(conn, name)
    if spec is not None:
        own = next((each for each in declared if each.name == name), None) or Declared(name, one.task, spec)
        own.check(spec, _now(conn))
    conn.execute(_SQL["choose"].text, {"name": name, "spec": spec})
    _note(conn, name, who, "set", spec or f"back to {one.declared_spec}")


def run_now(conn: Connection, registry: Registry, name: str, who: str) -> int:
    """The job of a run that does not wait for its time; it may be one that waits already. Its next run stays."""
    one = get_schedule(conn, name)
    job = put(conn, _task_of(one, registry), one.args)
    conn.execute(_SQL["ran_now"].text, {"name": name, "job_id": job.id})
    _note(conn, name, who, "run", f"job {job.id}")
    return job.id


def _note(conn: Connection, name: str, who: str, action: str, detail: str | None) -> None:
    values = {"who": who, "action": f"schedule {action}", "schedule": name, "detail": detail}
    conn.execute(_SQL["note"].text, values)


__all__ = [
    "GRACE",
    "LONGEST",
    "Declared",
    "Schedule",
    "check_all",
    "choose",
    "declare",
    "get_known",
    "get_schedule",
    "list_known",
    "list_schedules",
    "pause",
    "resume",
    "run_now",
    "tick",
]
