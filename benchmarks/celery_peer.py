"""Celery with Redis beside the job queue: a Redis of this run's own, one worker process, no-op tasks."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_HERE = Path(__file__).resolve().parent
PYTHON = _HERE.parent / ".clients" / "celery" / "bin" / "python"
_PATIENCE = 300.0


def missing() -> str | None:
    """What is to be installed before there is something to compare with; None when nothing is."""
    if not PYTHON.exists():
        return "Celery is not installed: run `make peers`"
    if shutil.which("redis-server") is None:
        return "Redis is not installed: it is Debian's package redis-server"
    return None


@dataclass(frozen=True)
class Celery:
    """Celery with the Redis at one port."""

    port: int

    def versions(self) -> str:
        """Of what is measured."""
        said = self._run(
            "-c", "import celery, redis; print('Celery', celery.__version__, 'redis-py', redis.__version__)"
        )
        server = subprocess.run(
            ["redis-server", "--version"], capture_output=True, text=True, check=True
        ).stdout
        return f"{said.strip()}, Redis {server.split('v=')[1].split()[0]}"

    def fill(self, count: int) -> float:
        """Defer so many no-op tasks; how many a second."""
        return float(self._run(str(_HERE / "celery_queue.py"), str(count)))

    def rates(self, count: int, concurrency: int) -> tuple[float, float]:
        """No-op tasks a second: deferred one after the other, and run by one worker process, first ended to last."""
        filled = self.fill(count)
        options = ["--pool", "threads", "--concurrency", str(concurrency), "--loglevel", "ERROR"]
        worker = subprocess.Popen(
            [
                PYTHON,
                "-m",
                "celery",
                "-A",
                "celery_queue",
                "worker",
                "--without-gossip",
                "--without-mingle",
                *options,
            ],
            env=self._environment(),
            cwd=_HERE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            left = self._watch(lambda left: left < count)
            started = time.perf_counter()
            self._watch(lambda left: left == 0)
            return filled, left / (time.perf_counter() - started)
        finally:
            worker.terminate()
            worker.wait()

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "BENCH_BROKER": f"redis://127.0.0.1:{self.port}/0", "C_FORCE_ROOT": "1"}

    def _run(self, *arguments: str) -> str:
        return subprocess.run(
            [PYTHON, *arguments], env=self._environment(), capture_output=True, text=True, check=True
        ).stdout

    def _watch(self, is_there: Callable[[int], bool]) -> int:
        """The tasks that have not ended, once the condition holds for them."""
        end = time.monotonic() + _PATIENCE
        with socket.create_connection(("127.0.0.1", self.port)) as conn, conn.makefile("rwb") as told:
            while time.monotonic() < end:
                # In one transaction: a task that a worker takes goes from the one to the other.
                told.write(b"MULTI\r\nLLEN celery\r\nHLEN unacked\r\nEXEC\r\n")
                told.flush()
                lines = [told.readline() for _ in range(6)]
                left = int(lines[4][1:]) + int(lines[5][1:])
                if is_there(left):
                    return left
                time.sleep(0.02)
        raise SystemExit(f"Celery does not get on: {left} tasks are left")


@contextmanager
def redis(folder: Path) -> Iterator[Celery]:
    """A Redis that writes what it is given to the disk every second, which is what its documents advise."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = [
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--dir",
        str(folder),
        "--save",
        "",
        "--appendonly",
        "yes",
    ]
    server = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
    try:
        _await(port, server)
        yield Celery(port)
    finally:
        server.terminate()
        server.wait()


def _await(port: int, server: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit("redis-server did not start")
