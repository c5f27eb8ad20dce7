"""Workers, supervisors and PostgreSQL killed at random moments: nothing is lost, and nothing is done twice.

Two supervisors with two workers each do 200 tasks. In the middle of it something is killed, stopped or frozen; what an
operating system's service manager would start again is started again. Then every task must have been done exactly
once, within 60 seconds, and two that cannot be done, one that kills its process and one that hangs, are dead letters.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg import sql

from assay.jobs.deferring import defer, defer_many
from assay.kit import migrate
from assay.kit.db import Database
from assay.kit.postgres import EmbeddedPostgres, PostgresOptions, status, stop
from jobs import shop

TASKS = 200
PROMISE_SECONDS = 60.0


class Broken(AssertionError):  # noqa: N818 - a promise is
    """A promise was not kept."""


def inherited() -> dict[str, str]:
    """The environment of a Python program that finds what this one found."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


@dataclass
class Machine:
    """A supervisor in a process of its own, and the workers below it."""

    url: str
    changes: dict[str, Any]
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[str] = field(init=False)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Start it, as a service manager does."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jobs.shop", self.url, json.dumps(self.changes)],
            stdout=subprocess.PIPE,
            text=True,
            env={**inherited(), **self.environment},
        )
        assert self.process.stdout is not None
        if self.process.stdout.readline().strip() != "ready":
            raise Broken("the supervisor did not start")

    def workers(self) -> list[psutil.Process]:
        """Its worker processes, without the helper that multiprocessing keeps."""
        with suppress(psutil.NoSuchProcess):
            below = psutil.Process(self.process.pid).children()
            return [one for one in below if not any("resource_tracker" in part for part in one.cmdline())]
        return []

    def kill(self) -> None:
        """End the supervisor at once, and nothing else."""
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def close(self) -> None:
        """End it with everything below it."""
        below = self.workers()
        self.process.kill()
        for one in below:
            with suppress(psutil.NoSuchProcess):
                one.kill()
        self.process.wait()
        # Not until its end: multiprocessing's own helper has inherited it, and lives a little longer.
        if self.process.stdout is not None:
            self.process.stdout.close()


@dataclass
class Storm:
    """One round: the server, the machines, and the dice."""

    options: PostgresOptions
    server: EmbeddedPostgres
    url: str
    machines: list[Machine]
    dice: random.Random
    patience: float = PROMISE_SECONDS


def kill_worker(storm: Storm) -> float:
    """Kill one worker in the middle of its task."""
    workers = storm.dice.choice(storm.machines).workers()
    storm.dice.choice(workers).kill()
    return time.monotonic()


def kill_supervisor(storm: Storm) -> float:
    """Kill one supervisor; its workers must notice, hand back what they do, and end."""
    machine = storm.dice.choice(storm.machines)
    orphans = machine.workers()
    machine.kill()
    at = time.monotonic()
    time.sleep(1)
    machine.start()
    _, alive = psutil.wait_procs(orphans, timeout=storm.patience)
    if alive:
        raise Broken(f"workers live on without their supervisor: {alive}")
    return at


def kill_machine(storm: Storm) -> float:
    """Kill a supervisor and its workers at once, as when the power goes; nobody is left to say so."""
    machine = storm.dice.choice(storm.machines)
    machine.close()
    return time.monotonic()


def kill_postgres(storm: Storm) -> float:
    """Kill every process of the server; it comes back a few seconds later."""
    pid = status(storm.options).pid
    assert pid is not None
    postmaster = psutil.Process(pid)
    family = [postmaster, *postmaster.children(recursive=True)]
    for one in family:
        with suppress(psutil.NoSuchProcess):
            one.kill()
    psutil.wait_procs(family, timeout=10)
    time.sleep(storm.dice.uniform(0, 6))
    storm.server.start()
    return time.monotonic()


def restart_postgres(storm: Storm) -> float:
    """Restart the server under load, twice."""
    for _ in range(2):
        stop(storm.options)
        storm.server.start()
        time.sleep(storm.dice.uniform(0, 1))
    return time.monotonic()


def freeze_worker(storm: Storm) -> float:
    """Stop a worker for longer than others wait for a sign of life; what it then writes must not count."""
    worker = storm.dice.choice(storm.dice.choice(storm.machines).workers())
    at = time.monotonic()
    worker.suspend()
    time.sleep(30)
    with suppress(psutil.NoSuchProcess):
        worker.resume()
    return at + 30


def stop_machine(storm: Storm) -> float:
    """Ask a supervisor to end, in the middle of the work, and start another one."""
    machine = storm.dice.choice(storm.machines)
    machine.process.send_signal(signal.SIGTERM)
    at = time.monotonic()
    if machine.process.wait(storm.patience) != 0:
        raise Broken("a supervisor that was asked to end did not end well")
    machine.start()
    return at


FAULTS: dict[str, Callable[[Storm], float]] = {
    each.__name__: each
    for each in (
        kill_worker,
        kill_supervisor,
        kill_postgres,
        restart_postgres,
        kill_machine,
        stop_machine,
        freeze_worker,
    )
}


def defer_all(db: Database) -> dict[str, int]:
    """200 tasks by key, each of them twice; one that is rolled back; two that end badly."""
    everything = [{"n": n, "seconds": 0.06} for n in range(TASKS)]
    keys = [f"storm-{n}" for n in range(TASKS)]
    for _ in range(2):
        with db.transaction() as conn:
            defer_many(conn, shop.work, everything, keys)
    with suppress(ZeroDivisionError), db.transaction() as conn:
        defer(conn, shop.work, n=-1)
        raise ZeroDivisionError
    with db.transaction() as conn:
        return {"poison": defer(conn, shop.poison), "hang": defer(conn, shop.hang)}


def ask(url: str, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query, or none while the database is away."""
    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=5) as conn:
            return conn.execute(query.encode()).fetchall()
    except psycopg.OperationalError:
        return []


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> float:
    """The seconds that it took. Raises Broken after so many."""
    started = time.monotonic()
    while not condition():
        if time.monotonic() - started > seconds:
            raise Broken(f"not after {seconds:g} seconds: {what}")
        time.sleep(0.05)
    return time.monotonic() - started


def play(storm: Storm, fault: str) -> str:
    """One round; what it came to. Raises Broken."""
    db = Database(storm.url)
    odd = defer_all(db)
    db.close()
    share = storm.dice.uniform(0.1, 0.8)
    wait_until(lambda: done(storm.url) >= TASKS * share, storm.patience, f"{share:.0%} of the tasks")
    before = done(storm.url)
    over = FAULTS[fault](storm)
    wait_until(lambda: is_quiet(storm.url), storm.patience, f"everything ended ({rest(storm.url)})")
    recovery = time.monotonic() - over
    check(storm.url, odd)
    lost = ask(storm.url, "SELECT count(*) FROM jobs.attempts WHERE outcome <> 'error'")[0][0]
    return f"at {before:3} of {TASKS} done: all ended after {recovery:4.1f} s, {lost} attempts lost, 2 dead letters"


def done(url: str) -> int:
    """How many tasks were done."""
    rows = ask(url, "SELECT count(*) FROM shop.done")
    return rows[0][0] if rows else 0


def is_quiet(url: str) -> bool:
    """Whether no job waits or runs."""
    rows = ask(url, "SELECT count(*) FROM jobs.procrastinate_jobs WHERE status IN ('todo', 'doing')")
    return bool(rows) and rows[0][0] == 0


def rest(url: str) -> str:
    """The jobs that have not ended."""
    return str(
        ask(
            url,
            "SELECT id, task, status, error_message FROM jobs.processing_tasks WHERE completed_at IS NULL LIMIT 5",
        )
    )


_DEAD = "SELECT task, subject, status, error_message FROM jobs.processing_tasks WHERE status <> 'completed' LIMIT 9"


def check(url: str, odd: dict[str, int]) -> None:
    """Everything was done once, and what cannot be done is a dead letter. Raises Broken."""
    rows = dict(ask(url, "SELECT n, count(*) FROM shop.done GROUP BY n"))
    if rows != dict.fromkeys(range(TASKS), 1):
        lost = sorted(set(range(TASKS)) - rows.keys())
        twice = sorted(n for n, count in rows.items() if count > 1)
        raise Broken(
            f"lost: {lost}; done twice: {twice}; never asked for: {sorted(rows.keys() - set(range(TASKS)))}; "
            f"dead letters: {ask(url, _DEAD)}"
        )
    states = ask(url, "SELECT task, status, count(*) FROM jobs.processing_tasks GROUP BY 1, 2 ORDER BY 1, 2")
    expected = [("shop.hang", "failed", 1), ("shop.poison", "failed", 1), ("shop.work", "completed", TASKS)]
    if states != expected:
        raise Broken(f"{states} in the place of {expected}")
    for name, most in (("poison", 4), ("hang", 2)):
        starts = ask(url, f"SELECT starts, attempts FROM jobs.procrastinate_jobs WHERE id = {odd[name]}")[0]
        if starts[1] > most:
            raise Broken(f"{name} was tried {starts[1]} times, {most} are allowed")


@contextmanager
def sheltered() -> Iterator[tuple[PostgresOptions, EmbeddedPostgres]]:
    """A durable server of the storm's own, with a migrated template."""
    folder = Path(tempfile.mkdtemp(prefix="assay-storm-"))
    folder.chmod(0o755)
    options = PostgresOptions(folder / "postgres")
    server = EmbeddedPostgres(options)
    try:
        url = server.start()
        with psycopg.connect(url, autocommit=True) as conn:
            conn.execute("CREATE DATABASE calm")
        with Database(psycopg.conninfo.make_conninfo(url, dbname="calm")).connection(autocommit=True) as conn:
            migrate.migrate(conn, migrate.history())
            conn.execute(shop.SCHEMA.encode())
        yield options, server
    finally:
        server.release()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def round_of(
    options: PostgresOptions, server: EmbeddedPostgres, seed: int, patience: float = PROMISE_SECONDS
) -> Iterator[Storm]:
    """A database and two machines. Tests that share their machine with others have more patience than is promised."""
    url, name = server.start(), f"round_{seed}"
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(sql.SQL("CREATE DATABASE {} TEMPLATE calm").format(sql.Identifier(name)))
    own = psycopg.conninfo.make_conninfo(url, dbname=name)
    try:
        with ExitStack() as stack:
            machines = [Machine(own, {"processes": 2, "grace_seconds": 5}) for _ in range(2)]
            for machine in machines:
                stack.callback(machine.close)
            yield Storm(options, server, own, machines, random.Random(seed), patience)
    finally:
        with psycopg.connect(server.start(), autocommit=True) as conn:
            conn.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
