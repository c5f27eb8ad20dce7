"""Fetching and staging: what is read again, what is gone, and what a document counts for."""

import gzip
import json
import os
import random
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from assay.bootstrap import Context
from assay.catalog import commands as catalog_commands
from assay.catalog import queries as catalog
from assay.catalog.model import Claim
from assay.catalog.tasks import merging
from assay.errors import Transient
from assay.jobs.ledger import Outcome
from assay.kit.pool import Pool
from assay.pipelines.advisories import commands, queries
from assay.pipelines.advisories.model import RecordSource
from pipelines.advisories import builders as b
from servers import Document, Web, web_server

TEN = b.many_osv(10)


@pytest.fixture
def web() -> Iterator[Web]:
    with web_server() as served:
        yield served


@pytest.fixture
def counted(ctx: Context) -> Iterator[tuple[Context, list[str]]]:
    """A Context, and the names of the members that it reads."""
    with b.CountingArchives() as archives:
        yield replace(ctx, archives=archives), archives.names


def test_same_document_twice_writes_nothing(ctx: Context, tmp_path: Path) -> None:
    for source in ("osv", "gitlab", "cve", "kev", "epss"):
        first = b.sync(ctx, source, b.ORIGINS[source])
        assert first.outcome is Outcome.COMPLETED, first.error
        before, digest = b.fingerprint(ctx), b.digest(ctx)
        second = b.sync(ctx, source, b.ORIGINS[source])
        assert second.outcome is Outcome.UNCHANGED, (source, second.error)
        assert second.document == first.document
        assert b.fingerprint(ctx) == before
        assert b.digest(ctx) == digest
        if source != "epss":
            assert second.counts.unchanged == first.counts.new
            b.check_books(ctx, second)


@pytest.mark.parametrize("source", ["osv", "gitlab", "cve"])
def test_packed_again_nothing_changes(
    counted: tuple[Context, list[str]], tmp_path: Path, source: str
) -> None:
    ctx, read = counted
    first = b.sync(ctx, source, b.ORIGINS[source])
    assert len(read) == first.counts.read
    with zipfile.ZipFile(b.ORIGINS[source]) as archive:
        members = {name: archive.read(name) for name in reversed(archive.namelist())}
    before = b.fingerprint(ctx, without=["advisories.listings"])
    read.clear()
    stored = b.zip_of(tmp_path / "stored.zip", members, method=zipfile.ZIP_STORED, date=(2020, 2, 2, 2, 2, 2))
    second = b.sync(ctx, source, stored)
    assert (second.outcome, second.counts.unchanged, second.counts.read) == (
        Outcome.COMPLETED,
        first.counts.new,
        first.counts.read,
    )
    assert read == []
    assert b.fingerprint(ctx, without=["advisories.listings"]) == before


def test_only_what_changed_is_read(counted: tuple[Context, list[str]], tmp_path: Path) -> None:
    ctx, read = counted
    b.sync(ctx, "osv", b.zip_of(tmp_path / "1.zip", TEN))
    read.clear()
    changed = {"X-0003.json": b.osv("X-0003", summary="another"), "X-0011.json": b.osv("X-0011")}
    report = b.sync(ctx, "osv", b.zip_of(tmp_path / "2.zip", TEN | changed))
    b.check_books(ctx, report)
    assert sorted(read) == ["X-0003.json", "X-0011.json"]
    assert (report.counts.new, report.counts.changed, report.counts.unchanged) == (1, 1, 9)
    assert b.finished(ctx, "X-0003")["summary"] == "another"


def test_a_new_time_alone_is_no_change(ctx: Context, tmp_path: Path) -> None:
    b.sync(ctx, "osv", b.zip_of(tmp_path / "1.zip", TEN))
    before = b.fingerprint(ctx, without=["advisories.listings"])
    later = b.many_osv(10, modified="2024-09-09T09:09:09Z")
    report = b.sync(ctx, "osv", b.zip_of(tmp_path / "2.zip", later))
    b.check_books(ctx, report)
    assert (report.counts.changed, report.counts.unchanged) == (0, 10)
    assert b.fingerprint(ctx, without=["advisories.listings"]) == before


def test_vanished_record_is_a_tombstone_and_comes_back(ctx: Context, tmp_path: Path) -> None:
    b.sync(ctx, "osv", b.zip_of(tmp_path / "1.zip", TEN))
    digest = b.digest(ctx)
    rest = {name: raw for name, raw in TEN.items() if name != "X-0004.json"}
    gone = b.sync(ctx, "osv", b.zip_of(tmp_path / "2.zip", rest))
    b.check_books(ctx, gone)
    assert (gone.counts.tombstoned, gone.counts.unchanged) == (1, 9)
    kept = b.claims(ctx, "osv")["X-0004"]
    assert kept.is_tombstoned
    assert kept.raw == TEN["X-0004.json"]
    with ctx.db.transaction() as conn:
        found = catalog.get(conn, "X-0004")
        assert found.state == "withdrawn"
        [claim] = catalog.list_claims(conn, found.claim_ids)
    assert claim.tombstoned_at is not None
    assert "osv's document" in (claim.reason or "")
    # The same document again does not count it twice.
    assert b.sync(ctx, "osv", tmp_path / "2.zip", full=True).counts.tombstoned == 0

    back = b.sync(ctx, "osv", tmp_path / "1.zip")
    b.check_books(ctx, back)
    assert (back.counts.changed, back.counts.new, back.counts.tombstoned) == (1, 0, 0)
    assert b.digest(ctx) == digest


def test_vanished_record_that_comes_back_changed(ctx: Context, tmp_path: Path) -> None:
    b.sync(ctx, "osv", b.zip_of(tmp_path / "1.zip", TEN))
    rest = {name: raw for name, raw in TEN.items() if name != "X-0004.json"}
    b.sync(ctx, "osv", b.zip_of(tmp_path / "2.zip", rest))
    other = TEN | {"X-0004.json": b.osv("X-0004", summary="changed meanwhile")}
    back = b.sync(ctx, "osv", b.zip_of(tmp_path / "3.zip", other))
    b.check_books(ctx, back)
    assert back.counts.changed == 1
    assert b.finished(ctx, "X-0004")["summary"] == "changed meanwhile"
    assert "withdrawn" not in b.finished(ctx, "X-0004")


def test_bad_record_that_vanishes_and_returns(ctx: Context, tmp_path: Path) -> None:
    bad = TEN | {"X-0004.json": b"{"}
    rest = {name: raw for name, raw in TEN.items() if name != "X-0004.json"}
    b.sync(ctx, "osv", b.zip_of(tmp_path / "1.zip", bad))
    gone = b.sync(ctx, "osv", b.zip_of(tmp_path / "2.zip", rest))
    assert (gone.counts.tombstoned, gone.counts.quarantined) == (0, 0)
    assert b.aside(ctx, "osv") == {}
    back = b.sync(ctx, "osv", tmp_path / "1.zip")
    b.check_books(ctx, back)
    assert back.counts.quarantined == 1


def reading(source: RecordSource, version: int, suffix: str) -> RecordSource:
    """The source with a reader of another version, which also writes summaries otherwise."""

    def read(record_id: str, raw: bytes) -> Claim:
        claim = source.read(record_id, raw)
        return msgspec.structs.replace(claim, summary=f"{claim.summary}{suffix}", aliases=(f"Y{claim.own}",))

    return replace(source, reader_version=version, read=read)


def test_raised_reader_version_reads_everything_again(
    counted: tuple[Context, list[str]], tmp_path: Path
) -> None:
    ctx, read = counted
    source = ctx.sources["osv"]
    assert isinstance(source, RecordSource)
    path = b.zip_of(tmp_path / "1.zip", TEN)
    b.sync(ctx, "osv", path)
    read.clear()
    newer = reading(source, source.reader_version + 1, ", said better")
    raised = replace(
        ctx, sources=dict(ctx.sources) | {"osv": newer}, readers=dict(ctx.readers) | {"osv": newer.read}
    )
    report = b.sync(raised, "osv", path)
    assert report.outcome is Outcome.COMPLETED
    assert sorted(read) == sorted(TEN)
    # What the new reader says is what the catalog shows, by its new names too.
    document = b.finished(raised, "YX-0003")
    assert document["summary"] == "What X-0003 is about, said better"
    assert b.claims(raised, "osv")["X-0003"].identifiers == ("X-0003", "YX-0003")
    read.clear()
    assert b.sync(raised, "osv", path).outcome is Outcome.UNCHANGED
    assert read == []


def test_full_reads_everything_and_changes_nothing(
    counted: tuple[Context, list[str]], tmp_path: Path
) -> None:
    ctx, read = counted
    path = b.zip_of(tmp_path / "1.zip", TEN | {"X-0011.json": b"{"})
    b.sync(ctx, "osv", path)
    read.clear()
    before = b.fingerprint(ctx, without=["advisories.listings", "advisories.quarantine"])
    report = b.sync(ctx, "osv", path, full=True)
    b.check_books(ctx, report)
    assert (report.outcome, report.counts.unchanged, report.counts.quarantined) == (Outcome.COMPLETED, 10, 1)
    assert len(read) == 11
    assert b.fingerprint(ctx, without=["advisories.listings", "advisories.quarantine"]) == before


# Single files


def test_single_file_adds_and_takes_nothing_away(ctx: Context, tmp_path: Path) -> None:
    b.sync(ctx, "osv", b.zip_of(tmp_path / "1.zip", TEN))
    one = tmp_path / "X-0003.json"
    one.write_bytes(b.osv("X-0003", summary="from a file"))
    report = b.sync(ctx, "osv", one)
    assert (report.outcome, report.counts.read, report.counts.changed) == (Outcome.COMPLETED, 1, 1)
    assert report.counts.tombstoned == 0
    assert len(b.live(ctx, "osv")) == 10
    assert b.finished(ctx, "X-0003")["summary"] == "from a file"
    fresh = tmp_path / "X-0099.json.gz"
    fresh.write_bytes(gzip.compress(b.osv("X-0099")))
    assert b.sync(ctx, "osv", fresh).counts.new == 1
    assert len(b.live(ctx, "osv")) == 11


def test_single_file_that_is_bad_goes_to_quarantine_and_leaves_it(ctx: Context, tmp_path: Path) -> None:
    one = tmp_path / "X-0003.json"
    one.write_bytes(b"{")
    report = b.sync(ctx, "osv", one)
    assert (report.outcome, report.counts.quarantined) == (Outcome.COMPLETED, 1)
    assert b.reasons(ctx, "osv") == {"X-0003.json": "not-json"}
    one.write_bytes(b.osv("X-0003"))
    assert b.sync(ctx, "osv", one).counts.new == 1
    assert b.aside(ctx, "osv") == {}


def test_single_file_that_is_no_record_is_refused(ctx: Context, tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_bytes(b"# Moved")
    report = b.sync(ctx, "osv", path)
    assert report.outcome in (Outcome.REFUSED, Outcome.FAILED)
    assert "README.md" in (report.error or "")


def test_single_file_at_an_address(ctx: Context, web: Web) -> None:
    web.documents["/api/X-0003.json"] = Document(b.osv("X-0003"), etag='"1"')
    report = b.sync(ctx, "osv", f"{web.url}/api/X-0003.json")
    assert (report.outcome, report.counts.new) == (Outcome.COMPLETED, 1), report.error
    # And again without the network.
    b.sync(ctx, "osv", b.SAMPLE / "osv.zip")
    replayed = b.sync(ctx, "osv", replay=report.document or "")
    assert (replayed.outcome, replayed.counts.read, replayed.counts.tombstoned) == (Outcome.COMPLETED, 1, 0)
    assert len(b.live(ctx, "osv")) > 900


def test_single_file_of_a_source_with_one_file_is_a_full_listing(ctx: Context, tmp_path: Path) -> None:
    path = tmp_path / "any-name.json"
    path.write_bytes(b.kev("CVE-2024-0001", "CVE-2024-0002"))
    assert b.sync(ctx, "kev", path).counts.new == 2
    path.write_bytes(b.kev("CVE-2024-0001"))
    report = b.sync(ctx, "kev", path)
    b.check_books(ctx, report)
    assert report.counts.tombstoned == 1


# Folders, addresses, documents


def test_folder_is_a_listing(counted: tuple[Context, list[str]], tmp_path: Path) -> None:
    ctx, read = counted
    folder = b.folder_of(tmp_path / "folder", {f"deep/er/{name}": raw for name, raw in TEN.items()})
    b.folder_of(folder, {".git/X-0099.json": b"", "README.md": b"hello"})
    report = b.sync(ctx, "osv", folder)
    b.check_books(ctx, report)
    assert report.counts.new == 10
    assert b.sync(ctx, "osv", folder).outcome is Outcome.UNCHANGED
    read.clear()
    file = folder / "deep/er/X-0002.json"
    times = file.stat()
    file.write_bytes(b.osv("X-0002").replace(b"What", b"that"))
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    (folder / "deep/er/X-0005.json").unlink()
    report = b.sync(ctx, "osv", folder)
    b.check_books(ctx, report)
    assert read == ["deep/er/X-0002.json"]
    assert (report.counts.changed, report.counts.tombstoned) == (1, 1)


def test_folder_after_a_zip_of_the_same_changes_no_claim(ctx: Context, tmp_path: Path) -> None:
    b.sync(ctx, "osv", b.zip_of(tmp_path / "1.zip", TEN))
    report = b.sync(ctx, "osv", b.folder_of(tmp_path / "folder", TEN))
    b.check_books(ctx, report)
    assert report.counts.unchanged == 10


def test_origin_that_is_not_there_is_said(ctx: Context, web: Web) -> None:
    for origin in ("/nowhere/at/all.zip", f"{web.url}/nothing.zip"):
        report = b.sync(ctx, "osv", origin)
        assert report.outcome is Outcome.FAILED
        assert origin in (report.error or "")


def test_zip_at_an_address(ctx: Context, tmp_path: Path, web: Web) -> None:
    web.documents["/all"] = Document(b.zip_of(tmp_path / "1.zip", TEN).read_bytes(), etag='"1"')
    report = b.sync(ctx, "osv", f"{web.url}/all")
    b.check_books(ctx, report)
    assert report.counts.new == 10
    assert b.sync(ctx, "osv", f"{web.url}/all").outcome is Outcome.UNCHANGED
    assert web.asked[-1].headers["if-none-match"] == '"1"'


def test_page_in_the_place_of_a_zip_is_refused(ctx: Context, web: Web) -> None:
    web.documents["/all.zip"] = Document(b"<html>Please sign in</html>", etag='"1"')
    report = b.sync(ctx, "osv", f"{web.url}/all.zip")
    assert report.outcome in (Outcome.REFUSED, Outcome.FAILED), report
    assert len(b.aside(ctx, "osv")) == 1


def test_document_is_replayed_by_the_beginning_of_its_name(ctx: Context, tmp_path: Path) -> None:
    first = b.sync(ctx, "osv", b.zip_of(tmp_path / "1.zip", TEN))
    second = b.sync(
        ctx, "osv", b.zip_of(tmp_path / "2.zip", TEN | {"X-0001.json": b.osv("X-0001", summary="new")})
    )
    shutil.rmtree(tmp_path / "1.zip", ignore_errors=True)
    assert first.document
    replayed = b.sync(ctx, "osv", replay=first.document[:10])
    b.check_books(ctx, replayed)
    assert (replayed.document, replayed.counts.changed) == (first.document, 1)
    assert b.finished(ctx, "X-0001")["summary"] == "What X-0001 is about"
    # Without a name it is the newest that was fetched.
    newest = b.sync(ctx, "osv", replay="")
    assert newest.document == second.document
    missing = b.sync(ctx, "osv", replay="ffff")
    assert missing.outcome is Outcome.FAILED
    assert "no document 'ffff'" in (missing.error or "")


def test_a_day_of_scores_that_came_from_a_file_is_replayed_as_the_newest(ctx: Context) -> None:
    first = b.sync(ctx, "epss", b.ORIGINS["epss"])
    newest = b.sync(ctx, "epss", replay="", full=True)
    assert (newest.outcome, newest.document) == (Outcome.COMPLETED, first.document)
    assert newest.counts.read == first.counts.read


def test_folder_is_not_replayed_when_it_is_another_by_now(ctx: Context, tmp_path: Path) -> None:
    folder = b.folder_of(tmp_path / "folder", TEN)
    first = b.sync(ctx, "osv", folder)
    (folder / "X-0001.json").write_bytes(b.osv("X-0001", summary="edited"))
    report = b.sync(ctx, "osv", replay=first.document)
    assert report.outcome is Outcome.FAILED
    assert b.finished(ctx, "X-0001")["summary"] == "What X-0001 is about"


def test_refused_document_is_not_replayed_as_the_newest(ctx: Context, tmp_path: Path) -> None:
    first = b.sync(ctx, "osv", b.zip_of(tmp_path / "1.zip", TEN))
    b.sync(ctx, "osv", b.zip_of(tmp_path / "2.zip", {"X-0001.json": TEN["X-0001.json"]}))
    report = b.sync(ctx, "osv", replay="")
    assert (report.outcome, report.document) == (Outcome.UNCHANGED, first.document)


# Scopes


def test_record_gone_from_one_scope_stays_while_another_lists_it(ctx: Context, tmp_path: Path) -> None:
    npm = dict(list(TEN.items())[:6])
    pypi = dict(list(TEN.items())[5:])
    b.sync(ctx, "osv", b.zip_of(tmp_path / "npm.zip", npm), scope="npm")
    b.sync(ctx, "osv", b.zip_of(tmp_path / "pypi.zip", pypi), scope="PyPI")
    assert len(b.live(ctx, "osv")) == 10
    # X-0006 is in both.
    both = "X-0006.json"
    less = {name: raw for name, raw in npm.items() if name not in (both, "X-0001.json")}
    report = b.sync(ctx, "osv", b.zip_of(tmp_path / "npm2.zip", less), scope="npm")
    assert report.counts.tombstoned == 1
    assert b.live(ctx, "osv") == {name[:-5] for name in TEN} - {"X-0001"}
    last = {name: raw for name, raw in pypi.items() if name != both}
    report = b.sync(ctx, "osv", b.zip_of(tmp_path / "pypi2.zip", last), scope="PyPI")
    assert report.counts.tombstoned == 1
    assert "X-0006" not in b.live(ctx, "osv")


def test_scope_that_nobody_asked_for_again_keeps_no_record_alive(ctx: Context, tmp_path: Path) -> None:
    """What everything lacks is gone, whatever one ecosystem listed long ago."""
    b.sync(ctx, "osv", b.zip_of(tmp_path / "npm.zip", dict(list(TEN.items())[:6])), scope="npm")
    b.sync(ctx, "osv", b.zip_of(tmp_path / "all.zip", TEN))
    rest = {name: raw for name, raw in TEN.items() if name != "X-0002.json"}
    report = b.sync(ctx, "osv", b.zip_of(tmp_path / "all2.zip", rest))
    b.check_books(ctx, report)
    assert report.counts.tombstoned == 1


def test_source_without_scopes_says_so(ctx: Context, tmp_path: Path) -> None:
    path = tmp_path / "kev.json"
    path.write_bytes(b.kev("CVE-2024-0001"))
    for origin in (None, path):
        report = b.sync(ctx, "kev", origin, scope="npm")
        assert report.outcome is Outcome.FAILED
        assert "no ecosystems to choose from" in (report.error or "")


def test_listings_are_shown(ctx: Context, tmp_path: Path) -> None:
    b.sync(ctx, "osv", b.zip_of(tmp_path / "npm.zip", TEN), scope="npm")
    with ctx.db.transaction() as conn:
        [listing] = queries.list_listings(conn)
        [document] = queries.list_documents(conn, "osv")
    assert (listing.source, listing.scope, listing.records, listing.cursor_at) == ("osv", "npm", 10, None)
    assert listing.document == document.name
    assert (document.outcome, document.kind, document.bytes) == (
        "staged",
        "zip",
        (tmp_path / "npm.zip").stat().st_size,
    )


# Interruptions


class StoppedError(Exception):
    """Stands for a kill: nothing in the pipeline knows it."""


def stopped_in(ctx: Context, path: Path, step: str = "read") -> None:
    """A sync of OSV that ends in the middle, its first part committed and nothing else."""

    def stop(source: str, at: str, done: int, total: int | None) -> None:
        if at == step and done:
            raise StoppedError

    requests = {"osv": commands.Request(origin=str(path), accept_loss=True)}
    with pytest.raises(StoppedError):
        commands.sync(ctx, requests, retention=b.RETENTION, progress=stop)


def test_records_that_an_interrupted_document_brought_are_gone_with_it(ctx: Context, tmp_path: Path) -> None:
    """Claims of a sync that was killed are in no listing; the next document must still be the truth."""
    b.sync(ctx, "osv", b.zip_of(tmp_path / "1.zip", TEN))
    stopped_in(ctx, b.zip_of(tmp_path / "2.zip", TEN | b.many_osv(14)))
    assert "X-0014" in b.live(ctx, "osv")
    other = TEN | {"X-0001.json": b.osv("X-0001", summary="new")}
    report = b.sync(ctx, "osv", b.zip_of(tmp_path / "3.zip", other))
    b.check_books(ctx, report)
    assert b.live(ctx, "osv") == {name[:-5] for name in TEN}


def test_texts_that_an_interrupted_document_brought_are_gone_with_it(
    counted: tuple[Context, list[str]], tmp_path: Path
) -> None:
    ctx, read = counted
    first = b.zip_of(tmp_path / "1.zip", TEN)
    b.sync(ctx, "osv", first)
    digest = b.digest(ctx)
    stopped_in(
        ctx, b.zip_of(tmp_path / "2.zip", TEN | {"X-0002.json": b.osv("X-0002", summary="for a moment")})
    )
    assert b.claims(ctx, "osv")["X-0002"].raw != TEN["X-0002.json"]
    read.clear()
    # The document staged before is served again: nothing changed since, as far as its name tells.
    report = b.sync(ctx, "osv", first)
    b.check_books(ctx, report)
    assert read == ["X-0002.json"]
    assert b.digest(ctx) == digest
    assert b.sync(ctx, "osv", first).outcome is Outcome.UNCHANGED


def test_first_sync_that_was_interrupted_leaves_nothing_in_the_way(ctx: Context, tmp_path: Path) -> None:
    stopped_in(ctx, b.zip_of(tmp_path / "1.zip", b.many_osv(14) | {"X-0099.json": b"{"}))
    report = b.sync(ctx, "osv", b.zip_of(tmp_path / "2.zip", TEN))
    b.check_books(ctx, report)
    assert b.live(ctx, "osv") == {name[:-5] for name in TEN}
    assert b.aside(ctx, "osv") == {}


def test_record_restored_by_an_interrupted_document_goes_again(ctx: Context, tmp_path: Path) -> None:
    nine = {name: raw for name, raw in TEN.items() if name != "X-0004.json"}
    b.sync(ctx, "osv", b.zip_of(tmp_path / "1.zip", TEN))
    b.sync(ctx, "osv", b.zip_of(tmp_path / "2.zip", nine))
    stopped_in(ctx, tmp_path / "1.zip")
    assert "X-0004" in b.live(ctx, "osv")
    report = b.sync(ctx, "osv", tmp_path / "2.zip")
    b.check_books(ctx, report)
    assert "X-0004" not in b.live(ctx, "osv")


def test_merge_that_was_interrupted_goes_on(
    ctx: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merging, "_PART", 400)
    path = b.zip_of(tmp_path / "1.zip", b.many_osv(900))
    stopped_in(ctx, path, "merge")
    report = b.sync_all(ctx, {"osv": commands.Request(origin=str(path))})
    assert report.sources[0].outcome is Outcome.UNCHANGED
    assert 0 < report.merged.added < 900
    b.check_books(ctx, report.sources[0])
    with ctx.db.transaction() as conn:
        assert catalog.stats(conn).dirty_claims == 0
        assert sum(catalog.stats(conn).states.values()) == 900


def test_dead_worker_fails_its_source_and_the_next_goes_on(make_context: object, tmp_path: Path) -> None:
    ctx: Context = make_context(processes=2)  # type: ignore[operator]
    many = b.many_osv(3000)
    path = b.zip_of(tmp_path / "many.zip", many)
    kev = tmp_path / "kev.json"
    kev.write_bytes(b.kev("CVE-2024-0001"))
    killed: list[int] = []

    def kill(source: str, step: str, done: int, total: int | None) -> None:
        if source == "osv" and step == "read" and done and not killed:
            executor = ctx.pool._executor
            assert executor is not None
            for pid in list(executor._processes):
                os.kill(pid, 9)
                killed.append(pid)

    report = commands.sync(
        ctx,
        {"osv": commands.Request(origin=str(path)), "kev": commands.Request(origin=str(kev))},
        retention=b.RETENTION,
        progress=kill,
    )
    osv, second = report.sources
    assert osv.outcome is Outcome.FAILED
    assert "a worker process died" in (osv.error or "")
    assert second.outcome is Outcome.COMPLETED
    again = b.sync(ctx, "osv", path)
    b.check_books(ctx, again)
    assert again.counts.read == 3000


def test_pool_that_lost_its_workers_starts_others() -> None:
    with Pool(2, list, ()) as pool:
        with pytest.raises(Transient):
            list(pool.map(None, _die, range(4)))
        assert sorted(pool.map(None, _double, range(4))) == [0, 2, 4, 6]


def _die(context: object, item: int) -> int:
    os._exit(9)


def _double(context: object, item: int) -> int:
    return item * 2


# Any sequence of documents


def any_document(dice: random.Random) -> list[tuple[str, bytes]]:
    """Records of nine names in any order: of several contents, broken, twice, at odd places, or not there."""
    members: list[tuple[str, bytes]] = []
    for number in range(1, 10):
        name = f"X-{number:04}"
        for _ in range(dice.choice((0, 1, 1, 1, 1, 2))):
            month = dice.randint(1, 3)
            good = b.osv(name, summary=f"as of {month}", modified=f"2024-{month:02}-01T00:00:00Z")
            place = dice.choice((f"{name}.json", f"{name}.json", f"again/{name}.json", f"../{name}.json"))
            members.append((place, dice.choice((good, good, good, good, b"{", b.osv("X-9999")))))
    dice.shuffle(members)
    return members


def told(members: list[tuple[str, bytes]]) -> dict[str, str | None]:
    """By record id, the summary of the copy that stands, None where no copy can be read."""
    found: dict[str, str | None] = {}
    for place, raw in members:
        record_id = place.rpartition("/")[2].removesuffix(".json")
        is_good = not place.startswith("../") and raw != b"{" and b"X-9999" not in raw
        summary = json.loads(raw)["summary"] if is_good else None
        found[record_id] = max(filter(None, (found.get(record_id), summary)), default=None)
    return found


@pytest.mark.parametrize("seed", range(4))
def test_claims_are_what_the_last_document_says(ctx: Context, tmp_path: Path, seed: int) -> None:
    """Whatever came before, whatever was killed half-way: each record as listed last, and as last readable."""
    dice = random.Random(seed)
    expected: dict[str, str] = {}  # what each claim says
    listed: dict[str, str | None] = {}
    for number in range(12):
        if number and dice.random() < 0.4:
            other = any_document(dice)
            # A document whose claims all stand already has nothing to be interrupted in.
            with suppress(pytest.fail.Exception):
                stopped_in(ctx, b.zip_of(tmp_path / f"stopped-{number}.zip", other))
            expected |= {name: text for name, text in told(other).items() if text is not None}
        members = any_document(dice) or [("X-0001.json", b.osv("X-0001"))]
        report = b.sync(
            ctx,
            "osv",
            b.zip_of(tmp_path / f"{number}.zip", members),
            accept_loss=True,
            full=dice.random() < 0.2,
        )
        assert report.outcome in (Outcome.COMPLETED, Outcome.UNCHANGED), report.error
        counts, listed = report.counts, told(members)
        assert counts.read == len(members)
        assert counts.read == counts.new + counts.changed + counts.unchanged + counts.quarantined
        expected |= {name: text for name, text in listed.items() if text is not None}
        held = b.claims(ctx, "osv")
        assert {name: json.loads(claim.raw)["summary"] for name, claim in held.items()} == expected
        assert {name for name, text in listed.items() if text is not None} <= b.live(ctx, "osv")
        assert b.live(ctx, "osv") <= listed.keys()
        aside = b.aside(ctx, "osv")
        assert len(aside) == counts.quarantined
        assert (
            len(members) - len([text for text in listed.values() if text is not None]) == counts.quarantined
        )
    digest = b.digest(ctx)
    rebuilt = catalog_commands.rebuild(ctx, lambda done, total: None)
    assert rebuilt.digest_after == digest
