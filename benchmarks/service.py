"""Measure what the web service promises, on a catalog filled from full archives, over real sockets.

    python benchmarks/service.py FOLDER [--home HOME] [--seconds N]

FOLDER holds osv.zip, gitlab.zip and cve.zip. With --home an existing catalog is used, or one is filled there and kept.
The packages asked about are those of the catalog itself, at versions that its records list, so nearly all are affected.
"""

import argparse
import http.client
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from assay.bootstrap import Context, build
from assay.catalog import queries
from assay.settings import Settings
from run import SOURCES, show_machine, sync

_QUERIES = 3000
_BATCHES = 30
_BATCH = 1000


def fill(ctx: Context, folder: Path) -> None:
    """Sync the archives, unless the catalog is filled already."""
    with ctx.db.transaction() as conn:
        is_empty = queries.last_change(conn) == 0
    if is_empty:
        sync(ctx, {source: folder / f"{source}.zip" for source in SOURCES})


def packages(ctx: Context) -> list[dict[str, Any]]:
    """Queries for packages at listed versions, one a package, shuffled; the same in every run."""
    found: dict[tuple[str, str], str] = {}
    with ctx.db.transaction() as conn:
        for _, _, document in queries.export(conn):
            for entry in json.loads(document).get("affected", ()):
                package, versions = entry.get("package"), entry.get("versions")
                if package and versions and package["ecosystem"] != "GIT":
                    found[package["ecosystem"], package["name"]] = versions[len(versions) // 2]
    asked = [
        {"package": {"ecosystem": ecosystem, "name": name}, "version": version}
        for (ecosystem, name), version in sorted(found.items())
    ]
    random.Random(1).shuffle(asked)
    return asked


@contextmanager
def served(home: Path, workers: int) -> Iterator[tuple[str, int]]:
    """The program itself, serving; its address."""
    command = [sys.executable, "-m", "assay", "--home", str(home), "serve", "--port", "0", "--json"]
    # One client asks more here than any address may elsewhere.
    environment = os.environ | {"ASSAY_WEB_RATE": "0"}
    process = subprocess.Popen(
        [*command, "--workers", str(workers)], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    try:
        told = ""
        for line in process.stdout:
            told += line
            if line == "}\n":
                break
        host, _, port = json.loads(told)["url"].removeprefix("http://").rstrip("/").rpartition(":")
        yield host, int(port)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


def ask(connection: http.client.HTTPConnection, path: str, body: bytes) -> tuple[float, bytes]:
    """One question on a kept connection: seconds until the whole answer is in, and the answer."""
    started = time.perf_counter()
    connection.request("POST", path, body)
    answer = connection.getresponse()
    content = answer.read()
    spent = time.perf_counter() - started
    if answer.status != 200:
        raise SystemExit(f"{path}: {answer.status} {content[:200]!r}")
    return spent, content


def bench_latency(address: tuple[str, int], asked: list[dict[str, Any]]) -> None:
    """One client after the other's answer, as pip-audit asks; then batches of 1,000."""
    connection = http.client.HTTPConnection(*address)
    bodies = [json.dumps(query).encode() for query in asked[:_QUERIES]]
    for body in bodies[:200]:
        ask(connection, "/v1/query", body)
    spent, found = [], 0
    for body in bodies:
        seconds, content = ask(connection, "/v1/query", body)
        spent.append(seconds)
        found += content != b"{}"
    print(f"  {found:,} of {len(bodies):,} queries find something")
    _show_p95("query", spent, 0.010)
    spent = []
    for number in range(_BATCHES):
        start = (number * _BATCH) % max(1, len(asked) - _BATCH)
        body = json.dumps({"queries": asked[start : start + _BATCH]}).encode()
        seconds, content = ask(connection, "/v1/querybatch", body)
        assert len(json.loads(content)["results"]) == len(asked[start : start + _BATCH])
        spent.append(seconds)
    _show_p95("batch", spent[1:], 0.200)


def _show_p95(name: str, spent: list[float], promise: float) -> None:
    spent.sort()
    high = spent[int(len(spent) * 0.95)]
    middle = spent[len(spent) // 2]
    print(
        f"  {name:8} p50 {middle * 1000:7.2f} ms, p95 {high * 1000:7.2f} ms, worst {spent[-1] * 1000:7.2f} ms "
        f"(promise: p95 under {promise * 1000:.0f} ms: {'kept' if high <= promise else 'BROKEN'})"
    )


def bench_throughput(
    address: tuple[str, int], asked: list[dict[str, Any]], clients: int, seconds: float
) -> None:
    """Queries a second by several clients at once. They share this machine's cores with the service."""
    bodies = [json.dumps(query).encode() for query in asked[:_QUERIES]]
    spent: list[float] = []
    end = time.perf_counter() + seconds

    def client(number: int) -> None:
        connection = http.client.HTTPConnection(*address)
        mine, place = [], number
        while time.perf_counter() < end:
            mine.append(ask(connection, "/v1/query", bodies[place % len(bodies)])[0])
            place += clients
        spent.extend(mine)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spent.sort()
    high = spent[int(len(spent) * 0.95)]
    print(f"  {clients} clients  {len(spent) / seconds:7.0f} queries/s, p95 {high * 1000:.2f} ms")


def main(arguments: list[str]) -> None:
    """Run everything and print it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--seconds", type=float, default=5.0)
    chosen = parser.parse_args(arguments)
    home = chosen.home or Path(tempfile.mkdtemp(prefix="assay-bench-"))
    home.mkdir(exist_ok=True)
    home.chmod(0o755)
    show_machine()
    try:
        with build(Settings(home=home)) as ctx:  # type: ignore[call-arg]  # the rest has defaults
            fill(ctx, chosen.folder)
            asked = packages(ctx)
            with ctx.db.connection(autocommit=True) as conn:
                conn.execute("VACUUM ANALYZE")
            print(f"  {len(asked):,} packages to ask about")
            for workers in (1, os.cpu_count() or 1):
                print(f"{workers} worker(s)")
                with served(home, workers) as address:
                    if workers == 1:
                        bench_latency(address, asked)
                    for clients in (1, 4, 16):
                        bench_throughput(address, asked, clients, chosen.seconds)
    finally:
        if chosen.home is None:
            shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1:])
