"""Deferring a task: a row in the caller's transaction, so that neither can be lost without the other."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, ParamSpec

from psycopg.types.json import Jsonb

from assay.errors import Transient
from assay.jobs.task import Options, Task
from assay.kit import sql
from assay.kit.db import Connection

P = ParamSpec("P")

_SQL = sql.beside(__file__)
# How often a job that stood in the way may be gone when it is looked for.
_TRIES = 10


class Deferred(NamedTuple):
    """A job, and whether this call made it."""

    id: int
    is_new: bool


def defer(conn: Connection, task: Task[P], *_: P.args, **args: P.kwargs) -> int:
    """The number of the job that runs the task once the caller's transaction is committed.

    The same key again is the same job, whatever its arguments; of a unique task it is the job that waits already.
    Raises Permanent for arguments that the task does not take, before anything is written.
    """
    return put(conn, task, args).id


def put(conn: Connection, task: Task[Any], args: Mapping[str, Any]) -> Deferred:
    """Like `defer`, for arguments from outside; tells as well whether the job is a new one."""
    values = _values(task, args)
    for _ in range(_TRIES):
        row = conn.execute(_SQL["defer_one"].text, values).fetchone()
        if row is not None:
            return Deferred(int(row[0]), is_new=True)
        row = conn.execute(_SQL["find_standing"].text, values).fetchone()
        if row is not None:
            return Deferred(int(row[0]), is_new=False)
        # It was there a moment ago and has begun, or ended: now there is room for another.
    raise Transient(f"{task.name} could not be deferred: others of its kind come and go too quickly")


def _values(task: Task[Any], args: Mapping[str, Any]) -> dict[str, Any]:
    kept = task.encode(args)
    lock, queueing_lock = task.locks_of(kept)
    chosen = task.options
    return {
        "queue": task.queue,
        "task": task.name,
        "priority": task.priority if chosen.priority is None else chosen.priority,
        "lock": lock,
        "queueing_lock": queueing_lock,
        "args": Jsonb(kept),
        "key": chosen.key,
        "subject": task.subject_of(kept),
        "step": task.step,
        "max_retries": task.retry.retries,
        "hard_seconds": task.limits.hard,
        "delay_seconds": chosen.delay_seconds,
        "not_before": chosen.not_before,
    }


def defer_many(
    conn: Connection,
    task: Task[Any],
    every: Iterable[Mapping[str, Any]],
    keys: Sequence[str] | None = None,
) -> list[int]:
    """The numbers of the new jobs, in the order of their arguments, in one statement.

    With `keys`, one for each, those that exist already are left out, and so are doubles. A task that is unique or
    has a key of its own is deferred one by one.
    """
    given = list(every)
    if task.unique is not None or task.options.key is not None:
        return [one.id for one in (put(conn, task, args) for args in given) if one.is_new]
    if keys is not None and len(keys) != len(given):
        raise ValueError("every deferral has a key, or none has")
    kept = [task.encode(args) for args in given]
    if not kept:
        return []
    values = _values(replace(task, options=Options(None, task.options.priority)), given[0])
    values |= {
        "delay_seconds": task.options.delay_seconds,
        "not_before": task.options.not_before,
        "every_args": [Jsonb(args) for args in kept],
        "subjects": [task.subject_of(args) for args in kept],
        "keys": list(keys) if keys is not None else [None] * len(kept),
    }
    return [int(row[0]) for row in conn.execute(_SQL["defer_many"].text, values).fetchall()]
