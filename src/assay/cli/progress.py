"""Long work made visible on stderr: bars on a terminal, a plain line now and then elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay.cli.output import console, note
from assay.domain.wording import amount, seconds

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from assay.settings import Settings

Steps = Callable[[str, str, int, int | None], None]
"""Told the source, the step of it, how much is done and how much there is, if that is known."""

_EVERY_SECONDS = 5.0


@contextmanager
def shown(settings: "Settings", repositories: frozenset[str] = frozenset()) -> Iterator[Steps]:
    """Show the steps that the block reports; `repositories` are sources whose fetching git counts."""
    target = console(sys.stderr)
    if not (sys.stderr.isatty() and target.color_system):
        lines = Lines(repositories, note, time.monotonic)
        yield lines.report
        lines.end()
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from assay.kit import logs

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=28),
        TextColumn("{task.fields[amount]}", markup=False, justify="right"),
        TimeElapsedColumn(),
    )
    try:
        with Progress(*columns, console=target) as progress:
            # Logs now pass through the display, above the bars instead of into them.
            logs.configure(settings.log_level, settings.log_format)
            bars = Bars(progress, repositories)
            yield bars.report
            bars.end()
    finally:
        logs.configure(settings.log_level, settings.log_format)


@contextmanager
def busy(what: str) -> Iterator[Callable[[], None]]:
    """Show on a terminal that something is going on, until the block ends or what is yielded is called."""
    target = console(sys.stderr)
    if not (sys.stderr.isatty() and target.color_system):
        yield lambda: None
        return
    status = target.status(f"{what} …", spinner="dots")
    status.start()
    try:
        yield status.stop
    finally:
        status.stop()


class Bars:
    """One bar for each step of each source; the ones before stay, with the time they took."""

    def __init__(self, progress: "Progress", repositories: frozenset[str]) -> None:
        self._progress = progress
        self._repositories = repositories
        self._at: tuple[str, str] | None = None
        self._task: TaskID | None = None

    def report(self, source: str, step: str, done: int, total: int | None) -> None:
        """Show how far a step is; a step that has nothing to do is not shown."""
        if total == 0:
            return
        if (source, step) != self._at or self._task is None:
            self.end()
            self._at = source, step
            self._task = self._progress.add_task(f"{source:<8} {step:<7}", total=total, amount="")
        told = amount(step, done, total, is_repository=source in self._repositories) if done else ""
        self._progress.update(self._task, completed=done, total=total, amount=told)

    def end(self) -> None:
        """Leave the bar of the last step as it stands; one that never moved goes."""
        if self._task is None:
            return
        task = self._progress.tasks[self._task]
        if task.completed == 0:
            self._progress.update(self._task, visible=False)
        elif task.total is None:
            self._progress.update(self._task, total=task.completed)
        self._progress.stop_task(self._task)
        self._task = None


@dataclass(slots=True)
class _Step:
    source: str
    name: str
    began: float
    told: float
    done: int = 0
    total: int | None = None


class Lines:
    """A line at the end of each step, and one every few seconds of a long one."""

    def __init__(
        self, repositories: frozenset[str], write: Callable[[str], None], clock: Callable[[], float]
    ) -> None:
        self._repositories = repositories
        self._write = write
        self._clock = clock
        self._step: _Step | None = None

    def report(self, source: str, step: str, done: int, total: int | None) -> None:
        """Say how far a step is, when it is time to."""
        now = self._clock()
        current = self._step
        if current is None or (current.source, current.name) != (source, step):
            self.end()
            current = self._step = _Step(source, step, now, now)
        current.done, current.total = done, total
        if now - current.told >= _EVERY_SECONDS:
            current.told = now
            self._write(f"{source}: {step} {self._amount(current)}".rstrip())

    def end(self) -> None:
        """Say what came of the last step, if anything did."""
        ended, self._step = self._step, None
        if ended is not None and ended.done:
            self._write(
                f"{ended.source}: {ended.name} {self._amount(ended)}, {seconds(self._clock() - ended.began)}"
            )

    def _amount(self, step: _Step) -> str:
        is_repository = step.source in self._repositories
        return amount(step.name, step.done, step.total, is_repository=is_repository) if step.done else ""
