"""Syncs as people ask for them: several sources, two at once, in any order, and what is written down of each."""

import random
import threading
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from assay.bootstrap import Context
from assay.catalog import commands as catalog_commands
from assay.catalog import queries as catalog
from assay.errors import Conflict, NotFound
from assay.jobs import ledger
from assay.jobs.ledger import Outcome
from assay.pipelines.advisories import commands
from assay.pipelines.advisories.commands import Request
from assay.pipelines.advisories.model import RecordSource
from pipelines.advisories import builders as b

TEN = b.many_osv(10)


def test_unknown_source_is_refused_before_anything_is_done(ctx: Context, tmp_path: Path) -> None:
    path = b.zip_of(tmp_path / "1.zip", TEN)
    with pytest.raises(NotFound, match=r"no source is called 'nvd'; there are cve, epss, gitlab, kev, osv"):
        b.sync_all(ctx, {"osv": Request(origin=str(path)), "nvd": Request()})
    assert b.runs(ctx) == []
    assert b.claims(ctx, "osv") == {}


def test_every_outcome_is_in_the_ledger(ctx: Context, tmp_path: Path) -> None:
    path = b.zip_of(tmp_path / "1.zip", TEN | {"X-0011.json": b"{"})
    for origin in (path, path, b.zip_of(tmp_path / "2.zip", {}), tmp_path / "missing.zip"):
        b.sync(ctx, "osv", origin)
    rows = [row for row in b.runs(ctx) if row[0] == "advisories"]
    assert [(step, source, outcome) for _, step, source, outcome, _, _ in rows] == [
        ("sync", "osv", "completed"),
        ("sync", "osv", "unchanged"),
        ("sync", "osv", "refused"),
        ("sync", "osv", "failed"),
    ]
    assert rows[0][4] == {
        "read": 11,
        "new": 10,
        "changed": 0,
        "unchanged": 0,
        "quarantined": 1,
        "tombstoned": 0,
    }
    assert (rows[1][4]["read"], rows[1][4]["unchanged"], rows[1][4]["quarantined"]) == (11, 10, 1)
    assert "lists no record at all" in (rows[2][5] or "")
    assert "does not exist" in (rows[3][5] or "")
    merges = [row for row in b.runs(ctx) if row[0] == "catalog"]
    assert [(step, source, outcome) for _, step, source, outcome, _, _ in merges] == [
        ("merge", None, "completed")
    ] * 4
    assert merges[0][4]["added"] == 10
    with ctx.db.transaction() as conn:
        [last] = ledger.last_runs(conn, "advisories")
    assert (last.outcome, last.seconds >= 0) == ("failed", True)


def test_report_says_what_the_catalog_made_of_it(ctx: Context, tmp_path: Path) -> None:
    osv = b.zip_of(tmp_path / "osv.zip", {"X-0001.json": b.osv("X-0001", aliases=["CVE-2024-0001"])})
    kev = tmp_path / "kev.json"
    kev.write_bytes(b.kev("CVE-2024-0001", "CVE-2024-0002"))
    report = b.sync_all(ctx, {"osv": Request(origin=str(osv)), "kev": Request(origin=str(kev))})
    assert report.is_good
    assert [one.source for one in report.sources] == ["osv", "kev"]
    assert (report.merged.added, report.merged.changed) == (2, 0)
    assert report.seconds >= max(one.seconds for one in report.sources)
    assert b.finished(ctx, "X-0001")["id"] == "CVE-2024-0001"
    kev.write_bytes(b.kev("CVE-2024-0002"))
    report = b.sync_all(ctx, {"kev": Request(origin=str(kev))})
    assert (report.sources[0].counts.tombstoned, report.merged.changed) == (1, 1)
    with ctx.db.transaction() as conn:
        assert not catalog.get(conn, "CVE-2024-0001").is_exploited
        assert catalog.get(conn, "CVE-2024-0002").is_exploited


def test_tombstones_are_purged_after_the_retention(ctx: Context, tmp_path: Path) -> None:
    b.sync(ctx, "osv", b.zip_of(tmp_path / "1.zip", TEN))
    nine = b.zip_of(tmp_path / "2.zip", dict(list(TEN.items())[1:]))
    b.sync(ctx, "osv", nine)

    def later(days: int) -> Context:
        return replace(ctx, clock=lambda: datetime.now(UTC) + timedelta(days=days))

    assert b.sync_all(later(89), {"osv": Request(origin=str(nine))}).purged == 0
    report = b.sync_all(later(91), {"osv": Request(origin=str(nine))})
    assert (report.purged, report.merged.removed) == (1, 1)
    assert "X-0001" not in b.claims(ctx, "osv")
    with ctx.db.transaction() as conn, pytest.raises(NotFound):
        catalog.get(conn, "X-0001")
    back = b.sync(ctx, "osv", tmp_path / "1.zip")
    b.check_books(ctx, back)
    assert back.counts.new == 1


def test_two_syncs_of_one_source_at_once(ctx: Context, tmp_path: Path) -> None:
    path = b.zip_of(tmp_path / "1.zip", TEN)
    inside, done = threading.Event(), threading.Event()

    def wait(source: str, step: str, at: int, total: int | None) -> None:
        inside.set()
        assert done.wait(30)

    def first() -> None:
        found.append(
            commands.sync(ctx, {"osv": Request(origin=str(path))}, retention=b.RETENTION, progress=wait)
        )

    found: list[commands.SyncReport] = []
    thread = threading.Thread(target=first)
    thread.start()
    try:
        assert inside.wait(30)
        second = b.sync(ctx, "osv", path)
        # Another source is not kept waiting.
        kev = tmp_path / "kev.json"
        kev.write_bytes(b.kev("CVE-2024-0001"))
        assert b.sync(ctx, "kev", kev).outcome is Outcome.COMPLETED
    finally:
        done.set()
        thread.join(30)
    assert second.outcome is Outcome.FAILED
    assert "another sync of osv is running" in (second.error or "")
    assert found[0].sources[0].outcome is Outcome.COMPLETED
    # The lock goes with its holder.
    assert b.sync(ctx, "osv", path).outcome is Outcome.UNCHANGED


def test_replay_waits_for_no_sync(ctx: Context, tmp_path: Path) -> None:
    path = b.zip_of(tmp_path / "1.zip", TEN | {"X-0011.json": b"{"})
    b.sync(ctx, "osv", path)
    more = b.zip_of(tmp_path / "2.zip", b.many_osv(12))
    refusals: list[str] = []

    def replay(source: str, step: str, at: int, total: int | None) -> None:
        if step == "read" and not refusals:
            with pytest.raises(Conflict) as caught:
                commands.replay(ctx, None, None, lambda done, of: None)
            refusals.append(str(caught.value))

    commands.sync(ctx, {"osv": Request(origin=str(more))}, retention=b.RETENTION, progress=replay)
    assert refusals == ["another sync of osv is running; wait for it to end"]


def test_reader_that_fails_on_one_record_fails_on_one_record(ctx: Context, tmp_path: Path) -> None:
    source = ctx.sources["osv"]
    assert isinstance(source, RecordSource)

    def broken(record_id: str, raw: bytes) -> object:
        if record_id == "X-0002":
            raise RecursionError
        if record_id == "X-0003":
            raise MemoryError
        return source.read(record_id, raw)

    odd = replace(ctx, sources=dict(ctx.sources) | {"osv": replace(source, read=broken)})  # type: ignore[arg-type]
    report = b.sync(odd, "osv", b.zip_of(tmp_path / "1.zip", TEN))
    b.check_books(odd, report)
    assert report.counts.quarantined == 2


def test_rebuild_gives_the_same_catalog(ctx: Context) -> None:
    b.sync_all(ctx, {name: Request(origin=str(path)) for name, path in b.ORIGINS.items()})
    digest = b.digest(ctx)
    rebuilt = catalog_commands.rebuild(ctx, lambda done, total: None)
    assert (rebuilt.digest_before, rebuilt.digest_after) == (digest, digest)
    assert (rebuilt.counts.changed, rebuilt.counts.added, rebuilt.counts.removed) == (0, 0, 0)


def shuffled(path: Path, to: Path, dice: random.Random, share: float) -> Path:
    """Some of an archive's members, in any order."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        dice.shuffle(names)
        return b.zip_of(to, {name: archive.read(name) for name in names[: int(len(names) * share)]})


def test_order_of_arrival_does_not_matter(ctx: Context, tmp_path: Path) -> None:
    """However the sources, their halves and their members come, the catalog is the one that they make together."""
    b.sync_all(ctx, {name: Request(origin=str(path)) for name, path in b.ORIGINS.items()})
    expected, aside = b.digest(ctx), {name: b.reasons(ctx, name) for name in b.ORIGINS}
    for seed in (1, 2):
        b.empty(ctx)
        dice = random.Random(seed)
        names = list(b.ORIGINS)
        dice.shuffle(names)
        # First some of it, so that groups form and are torn apart again; then everything, in another order.
        for name in names:
            if name in ("osv", "gitlab", "cve"):
                some = shuffled(b.ORIGINS[name], tmp_path / f"{name}-some.zip", dice, 0.5)
                assert b.sync(ctx, name, some).outcome is Outcome.COMPLETED
        dice.shuffle(names)
        for name in names:
            origin = b.ORIGINS[name]
            if origin.suffix == ".zip":
                origin = shuffled(origin, tmp_path / f"{name}.zip", dice, 1.0)
            report = b.sync(ctx, name, origin)
            assert report.outcome is Outcome.COMPLETED, report.error
        assert b.digest(ctx) == expected, f"seed {seed}"
        assert {name: b.reasons(ctx, name) for name in b.ORIGINS} == aside
