"""The supervisor of a machine's worker processes: it starts them, watches them, and ends those that went wrong."""

import multiprocessing
import os
import random
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Pipe
from multiprocessing.connection import wait as wait_for
from multiprocessing.context import SpawnProcess
from typing import Any

import psutil
import psycopg
import structlog

from assay.errors import AssayError, Transient
from assay.jobs import schedules
from assay.jobs.housekeeping import Housekeeper, Loss
from assay.jobs.model import AttemptEnd
from assay.jobs.schedules import Declared
from assay.jobs.task import Registry
from assay.jobs.worker import RETIRE, Begun, Ended, Equipped, Registered, WorkerOptions, work
from assay.kit.db import Database

_log = structlog.get_logger(__name__)

_LOOK_SECONDS = 0.2
_MEMORY_SECONDS = 2.0
_HOUSE_SECONDS = 1.0
_REVIVE_SECONDS = 3.0
# A worker that ends this soon after its start is not started again at once, but after growing pauses.
_YOUNG_SECONDS = 10.0
_LONGEST_PAUSE_SECONDS = 30.0
# Past its limit a worker finishes its task and is replaced; past this many times the limit it is ended.
_FAR_OVER = 1.5
_LAST_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class SupervisorOptions:
    """How many workers, and when one is replaced. `memory_bytes` of one process without its children; 0 is any."""

    processes: int = 2
    memory_bytes: int = 0
    worker: WorkerOptions = field(default_factory=WorkerOptions)


@dataclass(slots=True)
class _Child:
    process: SpawnProcess
    pipe: Pipe
    started: float
    worker_id: int | None = None
    deadlines: dict[int, float] = field(default_factory=dict)
    tasks: dict[int, Begun] = field(default_factory=dict)
    loss: tuple[str, int | None, AttemptEnd] | None = None
    is_retiring: bool = False


class Supervisor:
    """Keeps a number of worker processes at work until it is told to stop.

    `make_needs(*arguments)` must be importable by name: it is called once in each worker. `revive` is called when the
    database does not answer; it may bring back one that is the program's own.
    """

    def __init__(
        self,
        options: SupervisorOptions,
        make_needs: Callable[..., Equipped],
        arguments: tuple[Any, ...],
        db: Database,
        registry: Registry,
        declared: Sequence[Declared],
        *,
        revive: Callable[[], object] = lambda: None,
    ) -> None:
        self._options = options
        self._make_needs = make_needs
        self._arguments = arguments
        self._db = db
        self._children: list[_Child] = []
        self._stops = 0
        self._pause = 0.0
        self._not_before = 0.0
        self._memory_at = 0.0
        self._house = _House(db, registry, declared, revive)

    def stop(self) -> None:
        """Ask it to end: once for an end in order, twice for an end at once. Safe in a signal handler."""
        self._stops += 1

    def run(self) -> None:
        """Work until told to stop, by `stop`, SIGTERM or SIGINT."""
        self._house.start()
        try:
            with self._heard_signals():
                while not self._stops:
                    self._start_missing()
                    self._look()
                self._end()
        finally:
            for child in self._children:
                child.process.kill()
            self._house.end()

    @contextmanager
    def _heard_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        numbers = (signal.SIGTERM, signal.SIGINT)
        before = [signal.signal(number, lambda *_: self.stop()) for number in numbers]
        try:
            yield
        finally:
            for number, handler in zip(numbers, before, strict=True):
                signal.signal(number, handler)

    def _start_missing(self) -> None:
        now = time.monotonic()
        while len(self._children) < self._options.processes and now >= self._not_before:
            self._children.append(self._start(now))

    def _start(self, now: float) -> _Child:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(
            target=work,
            args=(self._make_needs, self._arguments, self._db.url, self._options.worker, theirs),
            name="assay-worker",
        )
        process.start()
        theirs.close()
        return _Child(process, ours, now)

    def _look(self) -> None:
        """Hear what the workers say, and deal with those that ended, hang or grow."""
        watched: list[Any] = [child.pipe for child in self._children]
        watched += [child.process.sentinel for child in self._children]
        if watched:
            wait_for(watched, timeout=_LOOK_SECONDS)
        else:
            time.sleep(_LOOK_SECONDS)
        now = time.monotonic()
        for child in list(self._children):
            _hear(child, now)
            self._end_overdue(child, now)
            if not child.process.is_alive():
                # What it said last may have come after the first look.
                _hear(child, now)
                self._bury(child, now)
        if now - self._memory_at >= _MEMORY_SECONDS:
            self._memory_at = now
            self._weigh()

    def _end_overdue(self, child: _Child, now: float) -> None:
        for job_id, deadline in child.deadlines.items():
            if now > deadline and child.loss is None:
                limit = child.tasks[job_id].hard_seconds
                reason = f"it was past its hard limit of {limit:g} seconds; its process was ended"
                child.loss = (reason, job_id, AttemptEnd.TIMEOUT)
                child.process.kill()

    def _weigh(self) -> None:
        limit = self._options.memory_bytes
        if not limit:
            return
        for child in self._children:
            with suppress(psutil.Error):
                used = psutil.Process(child.process.pid).memory_info().rss
                if used > limit * _FAR_OVER and child.loss is None:
                    guilty = next(iter(child.tasks)) if len(child.tasks) == 1 else None
                    reason = f"its process took {used >> 20:,} MB of memory, the limit is {limit >> 20:,} MB"
                    child.loss = (reason, guilty, AttemptEnd.CRASH)
                    child.process.kill()
                elif used > limit and not child.is_retiring:
                    child.is_retiring = True
                    os.kill(child.process.pid or 0, RETIRE)

    def _bury(self, child: _Child, now: float) -> None:
        self._children.remove(child)
        child.pipe.close()
        child.process.join()
        code = child.process.exitcode
        if child.worker_id is not None and (code != 0 or child.loss is not None):
            reason, guilty, end = child.loss or (_how_it_ended(code), None, AttemptEnd.CRASH)
            self._house.lose(Loss(child.worker_id, reason, guilty, end))
        _log.log(
            20 if code == 0 else 30,
            "jobs.worker_ended",
            pid=child.process.pid,
            exitcode=code,
            running=[*child.tasks],
        )
        if code != 0 and now - child.started < _YOUNG_SECONDS and child.loss is None:
            self._pause = min(max(self._pause * 2, 0.5), _LONGEST_PAUSE_SECONDS)
            self._not_before = now + self._pause
        else:
            self._pause = 0.0

    def _end(self) -> None:
        """Stop the workers: each finishes what it does, or hands it back when the grace time is over."""
        for child in self._children:
            child.process.terminate()
        end = time.monotonic() + self._options.worker.grace_seconds + _LAST_SECONDS
        while self._children and time.monotonic() < end and self._stops < 2:
            self._look()
        for child in self._children:
            child.process.kill()
        while self._children:
            self._look()


def _hear(child: _Child, now: float) -> None:
    with suppress(EOFError, OSError):
        while child.pipe.poll():
            match child.pipe.recv():
                case Registered(worker_id):
                    child.worker_id = worker_id
                case Begun(job_id, _, hard_seconds) as begun:
                    child.tasks[job_id] = begun
                    child.deadlines[job_id] = now + hard_seconds
                case Ended(job_id):
                    child.tasks.pop(job_id, None)
                    child.deadlines.pop(job_id, None)


def _how_it_ended(code: int | None) -> str:
    if code is not None and code < 0:
        with suppress(ValueError):
            return f"its process was ended by {signal.Signals(-code).name}"
    return f"its process ended with code {code}"


class _House(threading.Thread):
    """Housekeeping and schedules beside the supervision, which must not wait for a database."""

    def __init__(
        self, db: Database, registry: Registry, declared: Sequence[Declared], revive: Callable[[], object]
    ) -> None:
        super().__init__(name="housekeeping", daemon=True)
        self._db = db
        self._registry = registry
        self._declared = declared
        self._is_declared = False
        self._revive = revive
        self._revived_at = float("-inf")
        self._dice = random.Random()  # noqa: S311 - it spreads load, and keeps no secret
        self._keeper = Housekeeper(registry, self._dice)
        self._losses: deque[Loss] = deque()
        self._wake = threading.Event()
        self._is_ending = False

    def lose(self, loss: Loss) -> None:
        """Have the jobs of a worker whose process has ended given to others."""
        self._losses.append(loss)
        self._wake.set()

    def end(self) -> None:
        """Finish what was told and end."""
        self._is_ending = True
        self._wake.set()
        self.join(timeout=_LAST_SECONDS)

    def run(self) -> None:
        """Keep house until told to end."""
        while True:
            is_last = self._is_ending
            try:
                self._tick()
            except (Transient, psycopg.OperationalError) as error:
                self._keeper.interrupted()
                _log.warning("jobs.database_away", error=str(error))
                self._bring_back()
            except (AssayError, psycopg.Error) as error:
                # One bad row must not end it: the next look is a second away.
                _log.error("jobs.housekeeping_failed", error=str(error))
            if is_last:
                return
            self._wake.wait(_HOUSE_SECONDS)
            self._wake.clear()

    def _tick(self) -> None:
        while self._losses:
            with self._db.transaction() as conn:
                self._keeper.bury_worker(conn, self._losses[0])
            self._losses.popleft()
        if self._is_ending:
            return
        if not self._is_declared:
            with self._db.transaction() as conn:
                schedules.declare(conn, self._declared)
            self._is_declared = True
        self._keeper.tick(self._db)
        with self._db.transaction() as conn:
            schedules.tick(conn, self._registry, self._dice)

    def _bring_back(self) -> None:
        now = time.monotonic()
        if now - self._revived_at < _REVIVE_SECONDS or self._is_ending:
            return
        self._revived_at = now
        try:
            self._revive()
        except (AssayError, OSError) as error:
            _log.warning("jobs.database_not_brought_back", error=str(error))
