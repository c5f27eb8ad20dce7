"""Processes that share one piece of work: each builds its own context once, then takes items in turn."""

import gc
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, ProcessPoolExecutor, wait
from itertools import islice
from multiprocessing.connection import wait as wait_for
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Self, TypeVar

from assay.errors import Transient

Item = TypeVar("Item")
Result = TypeVar("Result")

_context: Any = None


def _leave_with_parent() -> None:
    """End this worker when its parent is gone: a killed parent closes no queue, so nothing else would tell it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait_for([parent.sentinel])
        os._exit(1)


def _enter(make_context: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    global _context  # noqa: PLW0603 - a worker process has exactly one context, made when it starts
    Thread(target=_leave_with_parent, name="parent-watch", daemon=True).start()
    _context = make_context(*arguments)


def _run(function: Callable[[Any, Any], Any], item: Any) -> Any:
    try:
        return function(_context, item)
    finally:
        if not gc.isenabled():
            gc.collect(1)


def _submit(
    executor: ProcessPoolExecutor, function: Callable[[Any, Item], Result], item: Item
) -> Future[Result]:
    """Hand an item over.

    A worker that this starts never hears Ctrl-C, nor that the terminal ends; its parent does, and ends it in order.
    """
    if sys.platform == "win32":
        return executor.submit(_run, function, item)
    # A new process inherits what is blocked, from its first instruction on; here it is only put off.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    try:
        return executor.submit(_run, function, item)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Pool:
    """`processes` workers, started on first use; with one process the work is done in the caller's.

    `make_context(*arguments)` must be importable by name: it is called once in each worker.
    """

    def __init__(self, processes: int, make_context: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self.processes = max(1, processes)
        self._make_context = make_context
        self._arguments = arguments
        self._executor: ProcessPoolExecutor | None = None
        self._mutex = Lock()

    def map(
        self,
        context: Any,
        function: Callable[[Any, Item], Result],
        items: Iterable[Item],
        *,
        few: bool = False,
    ) -> Iterator[Result]:
        """Results in the order in which they are ready. Where they are `few`, no workers are started for them.

        At most a handful of items wait in memory. A worker that dies raises Transient: the work is idempotent
        and may be run again.
        """
        if self.processes == 1 or (few and self._executor is None):
            for item in items:
                yield function(context, item)
            return
        executor = self._start()
        todo = iter(items)
        running: set[Future[Result]] = set()
        try:
            running.update(_submit(executor, function, item) for item in islice(todo, self.processes * 3))
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    result = future.result()
                    running.update(_submit(executor, function, item) for item in islice(todo, 1))
                    yield result
        except BrokenExecutor as error:
            # It takes no more work, now or later; the next piece of work starts other workers.
            self.close()
            raise Transient(f"a worker process died: {error}") from error
        finally:
            for future in running:
                future.cancel()

    def _start(self) -> ProcessPoolExecutor:
        with self._mutex:
            if self._executor is None:
                self._executor = ProcessPoolExecutor(
                    self.processes,
                    mp_context=multiprocessing.get_context("spawn"),
                    initializer=_enter,
                    initargs=(self._make_context, self._arguments),
                )
            return self._executor

    def close(self) -> None:
        """Stop the workers; what they have begun is finished first."""
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)
            self._executor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def spare_collector() -> None:
    """Leave the cycle collector to `_run`: bulk work makes millions of objects and hardly a cycle."""
    gc.freeze()
    gc.disable()


def calm_collector() -> None:
    """Let the cycle collector look seldom: listings of whole archives are large, live long and hold no cycle."""
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
