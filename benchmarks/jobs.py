"""Measure what the job queue promises, beside the bare engine on the same server and beside Celery, in one run.

    python benchmarks/jobs.py [--tasks N] [--finished N] [--rounds N]

From deferral to start on an idle queue; no-op tasks a second of one worker that runs ten at a time, with no finished
job in the table and with a million. The bare engine is used as its documents say: its own schema, its own connector.
Celery keeps no finished jobs; its one worker process runs ten at a time as well, in threads.
"""

import argparse
import asyncio
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import procrastinate
import psutil
import psycopg
from procrastinate.schema import SchemaManager

import celery_peer
from assay.jobs.deferring import defer, defer_many
from assay.jobs.running import Running
from assay.jobs.supervisor import Supervisor, SupervisorOptions
from assay.jobs.task import Registry, task
from assay.jobs.worker import WorkerOptions
from assay.kit import logs, migrate
from assay.kit.db import Database
from assay.kit.postgres import EmbeddedPostgres, PostgresOptions

CONCURRENCY = 10
# Told by the partial indexes of either: a look must not read a million finished jobs.
_ALIVE = (
    "SELECT (SELECT count(*) FROM {0}procrastinate_jobs WHERE status = 'todo')"
    " + (SELECT count(*) FROM {0}procrastinate_jobs WHERE status = 'doing' AND worker_id IS NOT NULL)"
)


@dataclass(frozen=True)
class Bench:
    """What the tasks need: themselves."""

    tasks: Registry


@task("bench.nothing")
def nothing(_: Bench, __: Running) -> None:
    """Do nothing."""


@task("bench.tell")
def tell(_: Bench, __: Running, *, path: str) -> None:
    """Say at once that it has begun."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        out.sendto(repr(time.time()).encode(), path)


TASKS = Registry([nothing, tell])


def make_bench() -> Bench:
    """What a worker process is given."""
    logs.configure("error", "json")
    return Bench(TASKS)


def run_ours(url: str, concurrency: int) -> None:
    """Be one of our workers."""
    logs.configure("error", "json")
    options = SupervisorOptions(1, 0, WorkerOptions(concurrency=concurrency, recycle_after=0))
    Supervisor(options, make_bench, (), Database(url), TASKS, []).run()


def run_bare(url: str, concurrency: int) -> None:
    """Be a worker of the bare engine."""
    app = _bare(url)

    async def serve() -> None:
        async with app.open_async():
            await app.run_worker_async(concurrency=concurrency, delete_jobs="never")

    asyncio.run(serve())


def _bare(url: str) -> procrastinate.App:
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url))

    @app.task(name="nothing")
    def nothing() -> None: ...

    return app


@contextmanager
def worker(kind: str, url: str, concurrency: int = CONCURRENCY) -> Iterator[None]:
    """A worker in a process of its own, until the block ends."""
    process = subprocess.Popen([sys.executable, __file__, "--worker", kind, url, str(concurrency)])
    try:
        yield
    finally:
        process.terminate()
        process.wait()


@dataclass
class Table:
    """A database with one engine's tables in it."""

    kind: str
    url: str

    @property
    def schema(self) -> str:
        """Where its tables are."""
        return "jobs." if self.kind == "ours" else ""

    def fill(self, count: int) -> float:
        """Defer so many tasks in bulk; how many a second."""
        started = time.perf_counter()
        with Database(self.url).transaction() as conn:
            if self.kind == "ours":
                defer_many(conn, nothing, [{}] * count)
            else:
                job = "row('default', 'nothing', 0, NULL, NULL, '{}', NULL)::procrastinate_job_to_defer_v1"
                conn.execute(
                    f"SELECT procrastinate_defer_jobs_v1(array_agg({job})) FROM generate_series(1, %s)",
                    (count,),
                )
        return count / (time.perf_counter() - started)

    def finish(self, count: int) -> None:
        """Put so many finished jobs into the table, as running them would have."""
        with psycopg.connect(self.url) as conn:
            conn.execute("SET session_replication_role = replica")
            if self.kind == "ours":
                conn.execute(
                    "INSERT INTO jobs.procrastinate_jobs"
                    " (queue_name, task_name, status, starts, started_at, completed_at)"
                    " SELECT 'default', 'bench.nothing', 'succeeded', 1, now(), now() FROM generate_series(1, %s)",
                    (count,),
                )
            else:
                conn.execute(
                    "WITH made AS (INSERT INTO procrastinate_jobs (queue_name, task_name, status, attempts)"
                    " SELECT 'default', 'nothing', 'succeeded', 1 FROM generate_series(1, %s) RETURNING id)"
                    " INSERT INTO procrastinate_events (job_id, type) SELECT id, unnest("
                    "array['deferred', 'started', 'succeeded']::procrastinate_job_event_type[]) FROM made",
                    (count,),
                )
        with psycopg.connect(self.url, autocommit=True) as conn:
            conn.execute("VACUUM ANALYZE")

    def size(self) -> float:
        """Megabytes on disk."""
        with psycopg.connect(self.url) as conn:
            row = conn.execute("SELECT pg_database_size(current_database())").fetchone()
        assert row is not None
        return row[0] / 2**20

    def rate(self, count: int) -> float:
        """No-op tasks a second of one worker, from the first that ended to the last."""
        self.fill(count)
        query = _ALIVE.format(self.schema).encode()
        with psycopg.connect(self.url, autocommit=True) as conn, worker(self.kind, self.url):
            left = _watch(conn, query, lambda left: left < count)
            started = time.perf_counter()
            _watch(conn, query, lambda left: left == 0)
            return left / (time.perf_counter() - started)


def _watch(conn: psycopg.Connection[Any], query: bytes, is_there: Callable[[int], bool]) -> int:
    end = time.monotonic() + 120
    row: Any = None
    while time.monotonic() < end:
        row = conn.execute(query).fetchone()
        if is_there(row[0]):
            return int(row[0])
        time.sleep(0.02)
    raise SystemExit(f"the worker does not get on: {row[0]} jobs are left")


def latencies(url: str, count: int, folder: Path) -> list[float]:
    """Seconds from the call of defer to the start of the task, one every 50 ms on an idle queue."""
    path = folder / "told"
    db = Database(url)
    found: list[float] = []
    with worker("ours", url, 1), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(path))
        heard.settimeout(60)
        for number in range(count + 20):
            before = time.time()
            with db.transaction() as conn:
                defer(conn, tell, path=str(path))
            began = float(heard.recv(100))
            if number >= 20:  # the worker starts, and connections open
                found.append(began - before)
            time.sleep(0.05)
    return sorted(found)


def database(server: str, name: str, kind: str) -> Table:
    """A new database with one engine's tables."""
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {name}".encode())
    url = psycopg.conninfo.make_conninfo(server, dbname=name)
    with Database(url).connection(autocommit=True) as conn:
        if kind == "ours":
            migrate.migrate(conn, migrate.history())
        else:
            conn.execute(SchemaManager.get_schema())
    return Table(kind, url)


def show_machine() -> None:
    """What this was measured on."""
    memory = psutil.virtual_memory().total / 2**30
    print(
        f"machine  {psutil.cpu_count()} cores, {memory:.0f} GiB; others use {psutil.cpu_percent(1):.0f} % of it"
    )
    print(
        f"engine   procrastinate {procrastinate.__version__}, {CONCURRENCY} tasks at a time, one worker process"
    )


def main(arguments: list[str]) -> None:
    """Run everything and print it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", type=int, default=5_000)
    parser.add_argument("--finished", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args(arguments)
    show_machine()
    home = Path(tempfile.mkdtemp(prefix="assay-bench-"))
    home.chmod(0o755)
    try:
        with EmbeddedPostgres(PostgresOptions(home / "postgres")) as server:
            ours, bare = database(server, "ours", "ours"), database(server, "bare", "bare")
            spent = latencies(ours.url, 200, home)
            high = spent[int(len(spent) * 0.99)]
            print(
                f"deferred to started   p50 {statistics.median(spent) * 1000:.1f} ms, p99 {high * 1000:.1f} ms "
                f"(promise 100 ms: {'kept' if high <= 0.1 else 'BROKEN'})"
            )
            print(
                f"deferred in bulk      {ours.fill(10_000):,.0f} a second, the bare engine {bare.fill(10_000):,.0f}"
            )
            for table in (ours, bare):
                with psycopg.connect(table.url) as conn:
                    conn.execute(f"DELETE FROM {table.schema}procrastinate_jobs".encode())
            for finished in (0, chosen.finished):
                if finished:
                    ours.finish(finished)
                    bare.finish(finished)
                mine = compare(ours, bare, chosen.tasks, chosen.rounds, finished)
                if not finished:
                    beside_celery(home, mine, chosen.tasks, chosen.rounds)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def compare(ours: Table, bare: Table, tasks: int, rounds: int, finished: int) -> float:
    """Both in turn, several times; the middle of each is printed, and ours returned."""
    rates: dict[str, list[float]] = {"ours": [], "bare": []}
    for _ in range(rounds):
        for table in (ours, bare):
            rates[table.kind].append(table.rate(tasks))
    mine, theirs = (statistics.median(rates[kind]) for kind in ("ours", "bare"))
    print(
        f"{finished:>9,} finished    {mine:,.0f} tasks a second, the bare engine {theirs:,.0f}: {mine / theirs:.2f} x "
        f"(promise 0.8: {'kept' if mine / theirs >= 0.8 else 'BROKEN'}); "
        f"{ours.size():,.0f} MB and {bare.size():,.0f} MB on disk"
    )
    return mine


def beside_celery(home: Path, mine: float, tasks: int, rounds: int) -> None:
    """Celery with Redis on the same machine, a moment later."""
    reason = celery_peer.missing()
    if reason is not None:
        print(f"beside Celery         NOT COMPARED: {reason}")
        return
    folder = home / "redis"
    folder.mkdir()
    with celery_peer.redis(folder) as celery:
        every = [celery.rates(tasks, CONCURRENCY) for _ in range(rounds)]
        bulk, theirs = (statistics.median(one) for one in zip(*every, strict=True))
        print(
            f"beside Celery         {mine:,.0f} tasks a second, Celery {theirs:,.0f}: {mine / theirs:.2f} x; "
            f"it defers {bulk:,.0f} a second, outside any transaction ({celery.versions()})"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        {"ours": run_ours, "bare": run_bare}[sys.argv[2]](sys.argv[3], int(sys.argv[4]))
    else:
        main(sys.argv[1:])
