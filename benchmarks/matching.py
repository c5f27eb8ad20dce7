"""Packages against a million ranges, and new ranges against a million kept packages.

    python benchmarks/matching.py FOLDER [--rounds N] [--home HOME]

FOLDER holds osv.zip and lockfiles.tar.gz. The ranges are those of the real records, the packages those of the real
lockfiles, both repeated under suffixes of their names, in a database of their own. Everything is warm, and beside each
figure stands its ratio to a floor measured in the same run: the same values sent and counted, or a bare round trip.
"""

import argparse
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from assay.bootstrap import database_url
from assay.catalog.queries import Pin, match
from assay.domain.packages import normalise_name
from assay.domain.versions import key
from assay.kit.db import Connection, Database
from assay.pipelines.packages import queries, store
from assay.pipelines.packages.model import Subject
from assay.pipelines.packages.rules.assembling import questions
from assay.settings import Settings
from pins import inventories
from scanning import fill

_RANGES = 1_000_000
_KEPT = 1_000_000
_NEW = 200
_MATCH_SECONDS = 0.050
_NAME = "assay_bench_matching"


@contextmanager
def own_database(home: Path) -> Iterator[Database]:
    """A copy of the home's database, dropped at the end."""
    with database_url(Settings(home=home)) as url:  # type: ignore[call-arg]  # the rest has defaults
        maintenance = psycopg.conninfo.make_conninfo(url, dbname="postgres")
        source = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
        with psycopg.connect(maintenance, autocommit=True) as conn:
            conn.execute(f"DROP DATABASE IF EXISTS {_NAME} WITH (FORCE)")
            conn.execute(f'CREATE DATABASE {_NAME} TEMPLATE "{source}" STRATEGY file_copy')
        db = Database(psycopg.conninfo.make_conninfo(url, dbname=_NAME))
        try:
            yield db
        finally:
            db.close()
            with psycopg.connect(maintenance, autocommit=True) as conn:
                conn.execute(f"DROP DATABASE {_NAME} WITH (FORCE)")


def repeat_ranges(conn: Connection) -> tuple[int, int]:
    """Repeat the ranges under suffixes until there are a million; returns how many there are, and the suffixes."""
    columns = "ecosystem, release, lower, upper, is_upper_included, is_live, is_unread, fixed, listed"
    [(real,)] = conn.execute("SELECT count(*) FROM catalog.affected").fetchall()
    suffixes = -(-_RANGES // real) - 1
    conn.execute(
        f"INSERT INTO catalog.affected (vulnerability_id, name, {columns}) "
        f"SELECT vulnerability_id, name || '~' || n, {columns} "
        f"FROM catalog.affected, generate_series(1, {suffixes}) AS n"
    )
    conn.execute("VACUUM ANALYZE catalog.affected")
    [(count,)] = conn.execute("SELECT count(*) FROM catalog.affected").fetchall()
    return count, suffixes


def repeated(subjects: list[Subject], count: int, suffixes: int) -> list[Pin]:
    """Real pins under suffixes, chosen by a fixed seed."""
    chance = random.Random(5)
    found: dict[Pin, None] = {}
    while len(found) < count:
        one = chance.choice(subjects)
        suffix = chance.randint(0, suffixes)
        found[Pin(one.ecosystem, f"{one.name}~{suffix}" if suffix else one.name, one.version)] = None
    return list(found)


def keep(conn: Connection, pins: list[Pin]) -> None:
    """Store packages as `assay scan --save` does, in one inventory."""
    row = conn.execute(
        "INSERT INTO packages.inventories (name, digest, packages, files, saved_at, change_seq) "
        "VALUES ('bench', '', %s, '{bench}', now(), 0) RETURNING id",
        (len(pins),),
    ).fetchone()
    assert row is not None
    with conn.transaction():
        rows = [
            store.PinRow(row[0], pin.ecosystem, "", normalise_name(pin.ecosystem, pin.name),
                         key(pin.ecosystem, pin.version or ""), pin.version or "", "", 1, [0])
            for pin in pins
        ]  # fmt: skip
        store.copy_rows(conn, "packages.pins", store._PIN_COLUMNS, store._PIN_TYPES, rows)
    conn.execute("VACUUM ANALYZE packages.pins")


def add_ranges(conn: Connection) -> int:
    """Put 200 new ranges into the catalog and its log; returns the line before them."""
    [(before,)] = conn.execute("SELECT coalesce(max(seq), 0) FROM catalog.changes").fetchall()
    conn.execute(
        "WITH chosen AS (SELECT DISTINCT ON (a.ecosystem, a.name) a.* FROM catalog.affected AS a "
        "  JOIN packages.pins AS p ON p.ecosystem = a.ecosystem AND p.name = a.name "
        "  WHERE a.lower IS NOT NULL AND a.is_live), "
        "new AS (SELECT -row_number() OVER (ORDER BY md5(name)) AS id, c.* FROM chosen AS c "
        f"  ORDER BY md5(name) LIMIT {_NEW}), "
        "logged AS (INSERT INTO catalog.changes (vulnerability_id, at, what) SELECT id, now(), 'added' FROM new) "
        "INSERT INTO catalog.affected (vulnerability_id, ecosystem, release, name, lower, upper, is_upper_included, "
        "  is_live, is_unread, fixed) "
        "SELECT id, ecosystem, release, name, lower, upper, is_upper_included, true, false, fixed FROM new"
    )
    conn.execute("ANALYZE catalog.changes")
    return before


def timed(call: Callable[[], object], rounds: int) -> list[float]:
    """Seconds of each of some calls, sorted, after two that warm up."""
    spent = []
    for number in range(rounds + 2):
        started = time.perf_counter()
        call()
        if number > 1:
            spent.append(time.perf_counter() - started)
    return sorted(spent)


def show(name: str, spent: list[float], floor: list[float], promise: float | None, hits: int) -> None:
    """Median and p95, the ratio to the floor, and whether the promise was kept."""
    middle, high = statistics.median(spent), spent[int(len(spent) * 0.95)]
    said = (
        ""
        if promise is None
        else f"  promise {promise * 1000:.0f} ms: {'kept' if middle <= promise else 'BROKEN'}"
    )
    ratio = middle / statistics.median(floor)
    print(
        f"  {name:46} p50 {middle * 1000:7.1f} ms p95 {high * 1000:7.1f} ms  {hits:8,} hits  floor x {ratio:5.1f}{said}"
    )


def echo(conn: Connection, pins: list[Pin]) -> object:
    """The floor: the same values there, and one number back."""
    names, versions = [pin.name for pin in pins], [pin.version for pin in pins]
    return conn.execute(
        "SELECT count(*) FROM unnest(%s::text[], %s::text[])", (names, versions), binary=True
    ).fetchall()


def main(arguments: list[str]) -> None:
    """Run everything and print it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--home", type=Path)
    chosen = parser.parse_args(arguments)
    work = Path(tempfile.mkdtemp(prefix="assay-bench-"))
    work.chmod(0o755)
    try:
        measure(chosen, work)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def measure(chosen: argparse.Namespace, work: Path) -> None:
    """Everything, in a folder of its own."""
    home = chosen.home or work / "home"
    fill(home, chosen.folder / "osv.zip")
    read = inventories(chosen.folder / "lockfiles.tar.gz", work / "locks")
    subjects = list(questions(read).subjects)
    with own_database(home) as db, db.connection(autocommit=True) as conn:
        count, suffixes = repeat_ranges(conn)
        print(f"{count:,} ranges, {len(subjects):,} real pins of {len(read)} lockfiles, {suffixes} suffixes")
        for number in (1_000, 10_000):
            pins = repeated(subjects, number, suffixes)
            floor = timed(lambda pins=pins: echo(conn, pins), chosen.rounds)
            rounds = chosen.rounds if number == 1_000 else max(5, chosen.rounds // 3)
            spent = timed(lambda pins=pins: match(conn, pins), rounds)
            promise = _MATCH_SECONDS if number == 1_000 else None
            show(
                f"{number:,} packages against {count:,} ranges", spent, floor, promise, len(match(conn, pins))
            )
        keep(conn, repeated(subjects, _KEPT, _KEPT // len(subjects) * 2))
        before = add_ranges(conn)
        floor = timed(lambda: conn.execute("SELECT 1").fetchall(), chosen.rounds)
        spent = timed(lambda: queries.find_hits(conn, before), max(5, chosen.rounds // 3))
        show(
            f"{_NEW} new ranges against {_KEPT:,} packages",
            spent,
            floor,
            None,
            len(queries.find_hits(conn, before)),
        )


if __name__ == "__main__":
    main(sys.argv[1:])
