"""Real bulletins through whole passes: counted, once only, and nothing lost with the process that reads them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from assay.bootstrap import Context
from assay.catalog import commands as catalog
from assay.errors import Permanent
from assay.jobs.deferring import defer
from assay.jobs.ledger import last_runs
from assay.kit.db import Connection
from assay.pipelines.feeds.commands.processing import process_now
from assay.pipelines.feeds.model.entries import Received, Status, Weight
from assay.pipelines.feeds.queries.entries import count_entries
from assay.pipelines.feeds.store import entries as store
from assay.pipelines.feeds.tasks import processing
from conftest import MakeContext
from jobs import hands
from pipelines.feeds.bulletins import bulletins
from pipelines.feeds.scenes import NOW, a_source

KINDS = {".md": "text/markdown", ".yml": "application/yaml", ".mbox": "application/mbox"}


def bulletin_files() -> Iterator[Received]:
    """The bulletins of the sample that are an entry each."""
    for name, raw in bulletins().items():
        kind = KINDS.get(PurePosixPath(name).suffix)
        if kind is not None:
            yield Received(key=name, media_type=kind, raw=raw, address=f"https://feeds.example.org/{name}")


def received(conn: Connection, entries: list[Received] | None = None, feed: str = "bulletins") -> int:
    """Entries that wait; returns how many."""
    entries = list(bulletin_files()) if entries is None else entries
    return store.add(conn, a_source(conn, feed), entries, lambda _: Weight(0, is_monitored=False), NOW).new


@pytest.fixture
def ctx(make_context: MakeContext) -> Context:
    """A Context of this test's own, on the machine's clock."""
    return make_context()


@pytest.fixture
def waiting(ctx: Context) -> int:
    with ctx.db.transaction() as conn:
        return received(conn)


def kept(ctx: Context) -> list[Any]:
    """What was read and what the catalog holds of it, without when."""
    with ctx.db.transaction() as conn:
        read = conn.execute(
            "SELECT record_id, identifier, state, extracted FROM feeds.extractions ORDER BY record_id"
        ).fetchall()
        claims = conn.execute(
            "SELECT source, record_id, content_hash FROM catalog.claims ORDER BY 1, 2"
        ).fetchall()
    return [read, claims]


def statuses(ctx: Context) -> dict[str, int]:
    with ctx.db.transaction() as conn:
        counts = count_entries(conn)
    return {status.value: number for status in Status if (number := counts.of(status))}


def test_what_waits_becomes_claims_and_a_line_of_the_ledger(ctx: Context, waiting: int):
    stats = process_now(ctx, 10, batches=None)
    assert (stats.processed, stats.failed) == (waiting, 0)
    assert stats.created > waiting
    assert statuses(ctx) == {"completed": waiting}
    with ctx.db.transaction() as conn:
        assert {run.step for run in last_runs(conn, "feeds")} == {"process"}
        rows = conn.execute("SELECT DISTINCT outcome FROM feeds.raw_entries").fetchall()
        assert {row[0] for row in rows} <= {"claimed", "duplicate"}
        assert [row[0] for row in conn.execute("SELECT task_name FROM jobs.procrastinate_jobs")] == [
            "catalog.merge"
        ]
    catalog.merge(ctx, lambda _done, _total: None)
    with ctx.db.transaction() as conn:
        (cve,) = conn.execute(
            "SELECT summary FROM catalog.vulnerabilities WHERE name = 'CVE-2024-0853'"
        ).fetchone()
    assert "OCSP" in cve


def test_one_batch_is_one_batch(ctx: Context, waiting: int):
    assert process_now(ctx, 5).processed == 5
    assert statuses(ctx) == {"completed": 5, "pending": waiting - 5}
    for wrong in (0, 101):
        with pytest.raises(Permanent):
            process_now(ctx, wrong)


def test_the_same_again_is_nothing_new(ctx: Context, waiting: int):
    process_now(ctx, 100, batches=None)
    before = kept(ctx)
    with ctx.db.transaction() as conn:
        conn.execute("UPDATE feeds.raw_entries SET status = 'pending', attempts = 0")
    stats = asdict(process_now(ctx, 7, batches=None))
    assert stats.pop("duplicates") > 0
    assert (stats.pop("processed"), stats.pop("duration_seconds") >= 0) == (waiting, True)
    assert set(stats.values()) == {0}
    assert kept(ctx) == before


def test_an_entry_that_cannot_be_read_is_tried_again_and_keeps_nobody_back(
    ctx: Context, waiting: int, monkeypatch
):
    read = processing.read_entry

    def broken(entry, names):
        if entry.key.endswith("CVE-2024-0853.md"):
            raise RuntimeError("a rule of ours is wrong")
        return read(entry, names)

    monkeypatch.setattr(processing, "read_entry", broken)
    stats = process_now(ctx, 100)
    assert (stats.processed, stats.failed) == (waiting - 1, 1)
    with ctx.db.transaction() as conn:
        row = conn.execute(
            "SELECT status, attempts, error FROM feeds.raw_entries WHERE status <> 'completed'"
        ).fetchone()
    assert row == ("pending", 1, "RuntimeError: a rule of ours is wrong")


def test_a_pass_of_a_job_takes_all_and_has_others_help(ctx: Context, waiting: int):
    with ctx.db.transaction() as conn:
        conn.execute(
            "INSERT INTO jobs.choices (name, value, chosen_by, chosen_at) VALUES ('llm.batch', '8', 'ada', now())"
        )
        defer(conn, processing.process, lane=0)
        ticket = hands.take(conn, hands.a_worker(conn))
    assert ticket is not None
    processing.process.function(ctx, hands.held(ticket, ctx.db), lane=0)
    assert statuses(ctx) == {"completed": waiting}
    with ctx.db.transaction() as conn:
        lanes = conn.execute(
            "SELECT args ->> 'lane' FROM jobs.procrastinate_jobs WHERE task_name = 'feeds.process' ORDER BY id"
        ).fetchall()
    assert [row[0] for row in lanes] == ["0", "1", "2", "3"]


@pytest.mark.fault
def test_processes_killed_at_any_statement_lose_nothing_and_do_nothing_twice(
    ctx: Context, waiting: int, make_context
):
    with ctx.db.transaction() as conn:
        # Nothing is given up for having been at hand in a process that somebody killed.
        conn.execute("UPDATE feeds.raw_entries SET deaths = 0")
    killed = subprocess.run(
        [sys.executable, "-m", "pipelines.feeds.dying", ctx.db.url, "2", "9", "13", "25"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(str(Path(path).absolute()) for path in sys.path if path),
        },
    )
    assert killed.stdout.split() == ["9"] * 4
    later = type(
        "Later",
        (),
        {
            "db": ctx.db,
            "language": ctx.language,
            "dictionary": ctx.dictionary,
            "clock": lambda _: ctx.clock() + timedelta(days=1),
        },
    )()
    process_now(later, 100, batches=None)
    assert statuses(ctx) == {"completed": waiting}
    found = kept(ctx)
    other = make_context()
    with other.db.transaction() as conn:
        conn.execute("TRUNCATE feeds.sources, catalog.claims CASCADE")
        received(conn)
    process_now(other, 100, batches=None)
    assert kept(other) == found


def test_a_batch_settles_as_its_entries_do_one_by_one(ctx: Context, waiting: int, make_context):
    found = []
    for size in (100, 1):
        with (one := make_context()).db.transaction() as conn:
            conn.execute("TRUNCATE feeds.sources, catalog.claims CASCADE")
            # Two feeds that say the same: what one entry says of a vulnerability depends on the others in its batch.
            number = received(conn) + received(conn, feed="mirror")
        stats = process_now(one, size, batches=None)
        assert stats.processed == number == 2 * waiting
        found.append([kept(one), stats.created, stats.updated, stats.skipped, stats.duplicates])
    assert found[0] == found[1]
    assert found[0][-1] > waiting
