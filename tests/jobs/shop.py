"""Tasks to try workers with, and a machine of workers as a program: `python -m jobs.shop URL [JSON]`."""

import hashlib
import json
import os
import random
import signal
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from assay.errors import BadRecord, Conflict, NotFound, Permanent, Transient
from assay.jobs.model import OutOfTime
from assay.jobs.retrying import NEVER, RetryPolicy
from assay.jobs.running import Running
from assay.jobs.schedules import Declared
from assay.jobs.supervisor import Supervisor, SupervisorOptions
from assay.jobs.task import Limits, Registry, task
from assay.jobs.worker import WorkerOptions
from assay.kit import logs
from assay.kit.clock import Clock, utc_now
from assay.kit.db import Database
from assay.kit.files import Files

QUICK = RetryPolicy(retries=3, base_seconds=0.05, cap_seconds=0.2)
# What tasks leave behind, with nothing in it that would keep them from doing a thing twice.
SCHEMA = """
CREATE SCHEMA IF NOT EXISTS shop;
CREATE TABLE IF NOT EXISTS shop.done (
    n integer NOT NULL, job bigint NOT NULL, attempt integer NOT NULL, pid integer NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE IF NOT EXISTS shop.begun (
    n integer NOT NULL, job bigint NOT NULL, attempt integer NOT NULL, pid integer NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
"""


@dataclass(frozen=True)
class Shop:
    """What the tasks need."""

    db: Database
    tasks: Registry
    clock: Clock = utc_now
    jobs_retention: timedelta = timedelta(days=14)
    runs_retention: timedelta = timedelta(days=400)


def note(shop: Shop, job: Running, n: int) -> None:
    """Write down that a task was begun, whatever becomes of it."""
    with shop.db.transaction() as conn:
        conn.execute(
            "INSERT INTO shop.begun (n, job, attempt, pid) VALUES (%s, %s, %s, %s)",
            (n, job.id, job.attempt, os.getpid()),
        )


@task(
    "shop.work",
    retry=RetryPolicy(retries=10, base_seconds=0.1, cap_seconds=1),
    timeout=Limits(30, 60),
    subject="n",
)
def work(shop: Shop, job: Running, *, n: int, seconds: float = 0.0) -> None:
    """Do something that must be done once: what is done and the end of the job are one transaction."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        job.check()
        # Where its clock is turned, libfaketime refuses some sleeps (EINVAL), as no real clock does.
        with suppress(OSError):
            time.sleep(min(0.02, max(0.0, end - time.monotonic())))
    with shop.db.transaction() as conn:
        job.own(conn)
        conn.execute(
            "INSERT INTO shop.done (n, job, attempt, pid) VALUES (%s, %s, %s, %s)",
            (n, job.id, job.attempt, os.getpid()),
        )
        job.complete(conn)


@task("shop.nothing")
def nothing(_: Any, __: Running) -> None:
    """Do nothing."""


@task("shop.poison", retry=QUICK)
def poison(shop: Shop, job: Running) -> None:
    """Kill the process that it runs in."""
    note(shop, job, 0)
    os.kill(os.getpid(), signal.SIGKILL)


@task("shop.hang", retry=RetryPolicy(1, 0.05, 0.1), timeout=Limits(0.5, 1.0))
def hang(shop: Shop, job: Running) -> None:
    """Never end, and never look whether it should."""
    note(shop, job, 0)
    while True:
        time.sleep(1)


@task("shop.slow", retry=QUICK, timeout=Limits(60, 120), subject="n")
def slow(shop: Shop, job: Running, *, n: int, steps: int, pause: float = 0.02) -> None:
    """Go step by step, saying so."""
    note(shop, job, n)
    for step in range(steps):
        job.progress(step, steps, f"step {step}")
        time.sleep(pause)


@task("shop.late", retry=NEVER, timeout=Limits(0.2, 60))
def late(_: Shop, job: Running) -> None:
    """Take longer than the soft limit, and look."""
    while True:
        job.progress(0)
        time.sleep(0.01)


@task("shop.grow", retry=RetryPolicy(1, 0.05, 0.1))
def grow(shop: Shop, job: Running, *, megabytes: int) -> None:
    """Take memory, and keep it."""
    note(shop, job, 0)
    kept = [bytes(bytearray(os.urandom(1)) * (1 << 20)) for _ in range(megabytes)]
    while kept:
        time.sleep(0.1)


_ERRORS: dict[str, Exception] = {
    "transient": Transient("the network is down"),
    "permanent": Permanent("the address https://user:hunter2@example.org is wrong: correct it"),
    "record": BadRecord("not-json", "no JSON at 3"),
    "missing": NotFound("it is not there"),
    "conflict": Conflict("somebody else is at it"),
    "bug": ZeroDivisionError("division by zero\x00"),
    "time": OutOfTime("too late"),
}


@task("shop.fail", retry=QUICK, subject="how")
def fail(shop: Shop, job: Running, *, how: str, until: int = 1_000) -> None:
    """Fail, until the given attempt."""
    note(shop, job, job.attempt)
    if job.attempt < until:
        raise _ERRORS[how]


@task("shop.alone", unique=("place",), subject="place", retry=QUICK)
def alone(shop: Shop, job: Running, *, place: str, seconds: float = 0.0, fails: bool = False) -> None:
    """Be the only one at a place."""
    note(shop, job, 0)
    time.sleep(seconds)
    if fails:
        raise Transient("again")
    with shop.db.transaction() as conn:
        conn.execute(
            "INSERT INTO shop.done (n, job, attempt, pid) VALUES (0, %s, %s, 0)", (job.id, job.attempt)
        )


def document(n: int) -> bytes:
    """A document of 40 KB that is like no other."""
    return random.Random(n).randbytes(40_000)


def document_name(n: int) -> str:
    """What the store calls it."""
    return hashlib.sha256(document(n)).hexdigest()


@task("shop.keep", retry=QUICK, subject="n")
def keep(_: Any, __: Running, *, n: int, folder: str) -> None:
    """Put a document into a store, a piece at a time."""
    content = document(n)
    pieces = (content[start : start + 1_000] for start in range(0, len(content), 1_000))
    if Files(Path(folder)).add_stream(pieces).sha256 != document_name(n):
        raise AssertionError("another document was kept")


TASKS = Registry([work, nothing, poison, hang, slow, late, grow, fail, alone, keep])


def make_shop(url: str, level: str = "error") -> Shop:
    """What a worker process is given."""
    logs.configure(level, "json")
    return Shop(Database(url), TASKS)


def main(url: str, changes: str = "{}") -> None:
    """Run a supervisor until it is told to stop. `every` declares a schedule of that many seconds."""
    values = json.loads(changes)
    every = values.pop("every", None)
    level = values.pop("level", "error")
    logs.configure(level, "json")
    processes, memory = values.pop("processes", 2), values.pop("memory_bytes", 0)
    queues = values.pop("queues", None)
    options = SupervisorOptions(
        processes, memory, WorkerOptions(queues=None if queues is None else tuple(queues), **values)
    )
    declared = [Declared("work", "shop.work", f"every {every}", {"n": -1})] if every else []
    supervisor = Supervisor(options, make_shop, (url, level), Database(url), TASKS, declared)
    print("ready", flush=True)
    supervisor.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
