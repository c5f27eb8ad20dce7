"""Seconds, processor seconds and peak memory of this process, its workers and its PostgreSQL."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import psutil


@dataclass(slots=True)
class Measured:
    """What a piece of work cost, by kind of process. `peaks` are the largest resident bytes of any one process."""

    seconds: float = 0.0
    cpu: dict[str, float] = field(default_factory=dict)
    peaks: dict[str, int] = field(default_factory=dict)

    @property
    def cpu_seconds(self) -> float:
        """Processor seconds of all processes."""
        return sum(self.cpu.values())


def _cpu(processes: list[psutil.Process], *, with_ended: bool) -> float:
    total = 0.0
    for process in processes:
        with suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system
            if with_ended:  # backends that have ended are in their parent's children times
                total += times.children_user + times.children_system
    return total


def _family(server_pid: int | None) -> dict[str, list[psutil.Process]]:
    me = psutil.Process(os.getpid())
    family = {"sync": [me], "worker": me.children(recursive=True), "postgres": []}
    if server_pid is not None:
        with suppress(psutil.Error):
            server = psutil.Process(server_pid)
            family["postgres"] = [server, *server.children(recursive=True)]
    return family


class _Sampler(threading.Thread):
    def __init__(self, server_pid: int | None, measured: Measured) -> None:
        super().__init__(daemon=True)
        self._server_pid = server_pid
        self._measured = measured
        self.stopped = threading.Event()

    def run(self) -> None:
        while not self.stopped.wait(0.5):
            for kind, processes in _family(self._server_pid).items():
                for process in processes:
                    with suppress(psutil.Error):
                        peak = max(self._measured.peaks.get(kind, 0), process.memory_info().rss)
                        self._measured.peaks[kind] = peak


@contextmanager
def measure(server_pid: int | None) -> Iterator[Measured]:
    """Measure the block. Workers that were started before it count from here on."""
    measured = Measured()
    sampler = _Sampler(server_pid, measured)

    def spent() -> dict[str, float]:
        return {
            kind: _cpu(processes, with_ended=kind == "postgres")
            for kind, processes in _family(server_pid).items()
        }

    sampler.start()
    before, started = spent(), time.perf_counter()
    try:
        yield measured
    finally:
        measured.seconds = time.perf_counter() - started
        measured.cpu = {kind: round(after - before[kind], 2) for kind, after in spent().items()}
        sampler.stopped.set()
        sampler.join()
