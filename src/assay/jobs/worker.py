"""One worker process: it runs tasks in its threads, and tells its supervisor what it is doing."""

import asyncio
import os
import platform
import random
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import parent_process
from multiprocessing.connection import Connection as Pipe
from multiprocessing.connection import wait as wait_for
from typing import Any, Protocol

import structlog

from assay import __version__
from assay.errors import Transient
from assay.jobs import engine
from assay.jobs.model import Lost
from assay.jobs.retrying import RetryPolicy, Verdict, after_error
from assay.jobs.running import Held, Ticket
from assay.jobs.task import Registry, Task
from assay.kit.db import Database

_log = structlog.get_logger(__name__)

HEARTBEAT_SECONDS = 5.0
# Tells a worker to end with the tasks that it runs, however long they take.
RETIRE = signal.SIGUSR1
# A worker that was asked to end and cannot is ended by its supervisor this long after its grace time.
_LAST_SECONDS = 10.0


class Equipped(Protocol):
    """What every task is given, as far as this room knows it."""

    @property
    def tasks(self) -> Registry: ...


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """How a worker process works. `recycle_after` tasks it makes room for a fresh one, 0 is never."""

    queues: tuple[str, ...] | None = None
    concurrency: int = 1
    grace_seconds: float = 30.0
    recycle_after: int = 1_000
    heartbeat_seconds: float = HEARTBEAT_SECONDS


@dataclass(frozen=True, slots=True)
class Registered:
    """The worker is known to the database under this number."""

    worker_id: int


@dataclass(frozen=True, slots=True)
class Begun:
    """A task has begun, and may take so long."""

    job_id: int
    task: str
    hard_seconds: float


@dataclass(frozen=True, slots=True)
class Ended:
    """A task has ended, well or not."""

    job_id: int


Report = Registered | Begun | Ended


class Worker:
    """What a worker process does with a job."""

    def __init__(
        self,
        needs: Equipped,
        db: Database,
        options: WorkerOptions,
        report: Callable[[Report], None],
        retire: Callable[[], None],
    ) -> None:
        self._needs = needs
        self._db = db
        self._options = options
        self._report = report
        self._retire = retire
        self._dice = random.Random()  # noqa: S311 - it spreads retries, and keeps no secret
        self._done = 0
        self._mutex = threading.Lock()

    def run(self, ticket: Ticket, is_cancelled: Callable[[], bool]) -> Verdict | None:
        """Run a job; None when it went well. Raises nothing."""
        task = self._needs.tasks.get(ticket.task)
        self._report(Begun(ticket.job_id, ticket.task, _hard_seconds(task)))
        try:
            with structlog.contextvars.bound_contextvars(job=ticket.job_id, task=ticket.task):
                self._call(task, ticket, is_cancelled)
        except BaseException as error:  # noqa: BLE001 - whatever a task raises is the end of its attempt
            return self._judged(error, task, ticket)
        finally:
            self._report(Ended(ticket.job_id))
            self._count()
        return None

    def _call(self, task: Task[Any] | None, ticket: Ticket, is_cancelled: Callable[[], bool]) -> None:
        if task is None:
            # Deferred by a newer version, most likely; another worker may know it, or this one after its upgrade.
            raise Transient(f"no task is called {ticket.task} in Assay {__version__}, which this worker runs")
        held = Held(ticket, self._db, soft_seconds=task.limits.soft, is_cancelled=is_cancelled)
        task.function(self._needs, held, **task.decode(ticket.args))

    def _judged(self, error: BaseException, task: Task[Any] | None, ticket: Ticket) -> Verdict:
        policy = RetryPolicy() if task is None else task.retry
        verdict = after_error(
            error, ticket.attempts, ticket.max_retries, policy.delay(ticket.attempts, self._dice)
        )
        if not isinstance(error, Lost):
            _log.warning(
                "jobs.attempt_failed",
                job=ticket.job_id,
                task=ticket.task,
                error=verdict.told.message,
                kind=verdict.told.kind,
                retry_in=verdict.retry_in,
            )
        return verdict

    def _count(self) -> None:
        with self._mutex:
            self._done += 1
            is_time = self._done == self._options.recycle_after
        if is_time:
            self._retire()


def _hard_seconds(task: Task[Any] | None) -> float:
    return 60.0 if task is None else task.limits.hard


def work(
    make_needs: Callable[..., Equipped],
    arguments: tuple[Any, ...],
    url: str,
    options: WorkerOptions,
    pipe: Pipe,
) -> None:
    """Be a worker process, from its start to its end."""
    # Ctrl-C and the end of a terminal reach every process of it; the supervisor hears them too, and stops its workers
    # in order.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    needs = make_needs(*arguments)
    engine.forward_logs()
    is_done = asyncio.run(_serve(needs, url, options, _sender(pipe)))
    if not is_done:
        # Tasks still run in this process's threads, but their jobs are somebody else's now.
        os._exit(0)


def _sender(pipe: Pipe) -> Callable[[Report], None]:
    mutex = threading.Lock()

    def send(report: Report) -> None:
        # Without a supervisor there is nobody to tell, and the work goes on until the grace time is over.
        with mutex, suppress(OSError):
            pipe.send(report)

    return send


async def _serve(needs: Equipped, url: str, options: WorkerOptions, report: Callable[[Report], None]) -> bool:
    loop = asyncio.get_running_loop()
    orders = engine.Orders(stop=asyncio.Event(), hurry=asyncio.Event())

    def retire() -> None:
        loop.call_soon_threadsafe(orders.stop.set)

    def leave() -> None:
        orders.stop.set()
        orders.hurry.set()

    def orphaned() -> None:
        loop.call_soon_threadsafe(leave)

    loop.add_signal_handler(signal.SIGTERM, leave)
    loop.add_signal_handler(RETIRE, orders.stop.set)
    threading.Thread(target=_watch_parent, args=(orphaned, options), name="parent-watch", daemon=True).start()
    lane = engine.Lane(
        url=url,
        queues=options.queues,
        concurrency=options.concurrency,
        host=socket.gethostname() or platform.node(),
        pid=os.getpid(),
        version=__version__,
        heartbeat_seconds=options.heartbeat_seconds,
        grace_seconds=options.grace_seconds,
    )
    db = Database(url)
    try:
        worker = Worker(needs, db, options, report, retire)
        return await engine.serve(lane, worker.run, orders, lambda worker_id: report(Registered(worker_id)))
    finally:
        db.close()


def _watch_parent(orphaned: Callable[[], None], options: WorkerOptions) -> None:
    """Stop in order when the supervisor is gone: a killed one tells nobody."""
    parent = parent_process()
    if parent is None:
        return
    wait_for([parent.sentinel])
    with suppress(RuntimeError):  # the loop has ended by itself
        orphaned()
    threading.Event().wait(options.grace_seconds + _LAST_SECONDS)
    os._exit(1)
