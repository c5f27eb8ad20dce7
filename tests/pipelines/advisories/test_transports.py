"""Each source by its own transport: a bucket, a repository, files over HTTP - and what happens when they fail."""

import gzip
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path

import pytest

from assay.bootstrap import Context
from assay.jobs.ledger import Outcome
from assay.kit.bucket import BucketOptions, open_bucket
from assay.kit.http import Http, HttpOptions
from assay.kit.transfer import Backoff
from assay.pipelines.advisories import queries
from assay.pipelines.advisories.commands import Request
from assay.pipelines.advisories.model import Bucket
from pipelines.advisories import builders as b
from servers import Document, Fault, Web, web_server

AT_ONCE = Backoff(retries=1, first_seconds=0.0)
T0 = datetime(2024, 5, 1, 12, tzinfo=UTC)
FIFTY = b.many_osv(50)
UNREACHABLE = "http://127.0.0.1:9"


@pytest.fixture
def web() -> Iterator[Web]:
    with web_server() as served:
        yield served


@pytest.fixture
def quick(ctx: Context) -> Iterator[Context]:
    """A Context that gives up early, and counts what it reads."""
    with Http(HttpOptions(backoff=AT_ONCE)) as http, b.CountingArchives() as archives:
        options = BucketOptions(resumes=0, connect_seconds=2, backoff=AT_ONCE)
        yield replace(ctx, http=http, open_bucket=partial(open_bucket, options=options), archives=archives)


def read_by(ctx: Context) -> list[str]:
    """The members read since the last time this was asked."""
    assert isinstance(ctx.archives, b.CountingArchives)
    names = sorted(ctx.archives.names)
    ctx.archives.names.clear()
    return names


def fetching_osv(ctx: Context, url: str, fallback_url: str = UNREACHABLE) -> Context:
    """The Context with OSV's bucket elsewhere, as the settings put it."""
    source = ctx.sources["osv"]
    assert isinstance(source.transport, Bucket)
    transport = replace(source.transport, url=url, fallback_url=fallback_url)
    return replace(ctx, sources=dict(ctx.sources) | {"osv": replace(source, transport=transport)})  # type: ignore[arg-type]


class Shop:
    """A folder that is OSV's bucket: an archive of everything, every record by itself, and the list of changes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.records: dict[str, tuple[bytes, datetime]] = {}
        folder.mkdir()

    @property
    def url(self) -> str:
        return self.folder.as_uri()

    def put(self, records: dict[str, bytes], at: datetime) -> None:
        """Publish records, by member name."""
        for name, raw in records.items():
            self.records[name] = (raw, at)
            path = self.folder / "npm" / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(raw)

    def drop(self, *names: str) -> None:
        """Take records back."""
        for name in names:
            del self.records[name]
            (self.folder / "npm" / name).unlink()

    def archive(self, scope: str = "") -> None:
        """Write the archive of everything, or of an ecosystem."""
        b.zip_of(self.folder / scope / "all.zip", {name: raw for name, (raw, _) in self.records.items()})

    def list(self, *extra: str, scope: str = "") -> None:
        """Write the list of changes, newest first; in an ecosystem's own list the names stand without it."""
        newest = sorted(self.records.items(), key=lambda entry: entry[1][1], reverse=True)
        before = "" if scope else "npm/"
        rows = [f"{at:%Y-%m-%dT%H:%M:%S.123456Z},{before}{name[:-5]}" for name, (_, at) in newest]
        (self.folder / scope / "modified_id.csv").write_text("\n".join([*rows, *extra]) + "\n")


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    found = Shop(tmp_path / "bucket")
    found.put(FIFTY, T0)
    found.archive()
    found.list()
    return found


def forbid_archive(shop: Shop) -> None:
    """From here on, whoever fetches the whole archive gets one that is refused."""
    b.zip_of(shop.folder / "all.zip", {})


# OSV's bucket


def test_bucket_in_full_and_then_only_what_changed(quick: Context, shop: Shop) -> None:
    ctx = fetching_osv(quick, shop.url)
    first = b.sync(ctx, "osv")
    assert first.outcome is Outcome.COMPLETED, first.error
    b.check_books(ctx, first)
    assert first.counts.new == 50
    assert len(read_by(ctx)) == 50
    with ctx.db.transaction() as conn:
        [listing] = queries.list_listings(conn)
    assert listing.cursor_at is not None
    assert listing.cursor_at < T0

    forbid_archive(shop)
    later = T0 + timedelta(days=1)
    shop.put({"X-0003.json": b.osv("X-0003", summary="changed"), "X-0051.json": b.osv("X-0051")}, later)
    shop.drop("X-0007.json")
    shop.list()
    second = b.sync(ctx, "osv")
    assert second.outcome is Outcome.COMPLETED, second.error
    assert (second.counts.new, second.counts.changed, second.counts.tombstoned) == (1, 1, 1)
    # The last two hours are asked for again, and the fifty of then are the same as they were.
    assert {"X-0003.json", "X-0051.json"} <= set(read_by(ctx))
    assert "objects changed since 2024-05-01" in second.notes[0]
    assert b.finished(ctx, "X-0003")["summary"] == "changed"
    assert b.live(ctx, "osv") == {name[:-5] for name in shop.records}

    latest = later + timedelta(days=1)
    shop.put({"X-0051.json": b.osv("X-0051", summary="changed too"), "X-0052.json": b"{"}, latest)
    shop.list()
    third = b.sync(ctx, "osv")
    assert (third.outcome, third.counts.changed, third.counts.quarantined) == (Outcome.COMPLETED, 1, 1)
    assert b.reasons(ctx, "osv") == {"X-0052.json": "not-json"}

    # The whole archive afterwards finds everything as it is.
    shop.archive()
    read_by(ctx)
    full = b.sync(ctx, "osv", full=True)
    b.check_books(ctx, full)
    assert (full.counts.new, full.counts.changed, full.counts.tombstoned) == (0, 0, 0)
    assert (full.counts.unchanged, full.counts.quarantined) == (50, 1)


def test_bucket_that_did_not_change_writes_nothing(quick: Context, shop: Shop) -> None:
    ctx = fetching_osv(quick, shop.url)
    b.sync(ctx, "osv")
    before = b.fingerprint(ctx, without=["advisories.listings"])
    read_by(ctx)
    second = b.sync(ctx, "osv")
    assert (second.counts.new, second.counts.changed, second.counts.tombstoned) == (0, 0, 0)
    assert b.fingerprint(ctx, without=["advisories.listings"]) == before
    assert read_by(ctx) == []
    # Without a list of changes the archive's ETag says the same.
    (shop.folder / "modified_id.csv").unlink()
    third = b.sync(ctx, "osv")
    assert (third.outcome, third.counts.unchanged) == (Outcome.UNCHANGED, 50)
    assert read_by(ctx) == []


@pytest.mark.parametrize(
    "row", ["not a row", "2024-05-02T00:00:00Z,", "yesterday,npm/X-0001", "2024-05-02T00:00:00,npm/X-0001"]
)
def test_odd_list_of_changes_is_not_believed(quick: Context, shop: Shop, row: str) -> None:
    ctx = fetching_osv(quick, shop.url)
    b.sync(ctx, "osv")
    shop.put({"X-0003.json": b.osv("X-0003", summary="changed")}, T0 + timedelta(days=1))
    shop.drop("X-0009.json")
    shop.list(row)
    shop.archive()
    report = b.sync(ctx, "osv")
    b.check_books(ctx, report)
    assert (report.counts.read, report.counts.changed, report.counts.tombstoned) == (49, 1, 1)


def test_too_many_changes_are_fetched_as_one_archive(quick: Context, shop: Shop) -> None:
    ctx = fetching_osv(quick, shop.url)
    b.sync(ctx, "osv")
    more = {f"Y-{number:04}.json": b.osv(f"Y-{number:04}") for number in range(150)}
    shop.put(more, T0 + timedelta(days=1))
    shop.list()
    shop.archive()
    shutil.rmtree(shop.folder / "npm")
    report = b.sync(ctx, "osv")
    b.check_books(ctx, report)
    assert (report.counts.read, report.counts.new, report.counts.unchanged) == (200, 150, 50)


def test_list_of_changes_that_lost_a_tenth_is_refused(quick: Context, shop: Shop) -> None:
    ctx = fetching_osv(quick, shop.url)
    b.sync(ctx, "osv")
    forbid_archive(shop)
    for number in range(1, 9):
        shop.drop(f"X-{number:04}.json")
    shop.list()
    report = b.sync(ctx, "osv")
    assert report.outcome is Outcome.REFUSED
    assert len(b.live(ctx, "osv")) == 50
    accepted = b.sync(ctx, "osv", accept_loss=True)
    assert (accepted.outcome, accepted.counts.tombstoned) == (Outcome.COMPLETED, 8)
    assert b.aside(ctx, "osv") == {}


@pytest.mark.parametrize("is_there", [True, False])
def test_object_that_cannot_be_had_is_asked_for_again(quick: Context, shop: Shop, is_there: bool) -> None:
    ctx = fetching_osv(quick, shop.url)
    b.sync(ctx, "osv")
    forbid_archive(shop)
    shop.put({"X-0051.json": b.osv("X-0051")}, T0 + timedelta(days=1))
    shop.put({"X-0052.json": b.osv("X-0052")}, T0 + timedelta(days=9))
    shop.list()
    path = shop.folder / "npm" / "X-0051.json"
    path.unlink()
    if is_there:
        path.symlink_to(path)  # it exists, and opening it fails
    report = b.sync(ctx, "osv")
    assert report.outcome is Outcome.COMPLETED, report.error
    assert "1 of them could not be fetched and are asked for again" in report.notes
    assert "X-0052" in b.live(ctx, "osv")
    path.unlink(missing_ok=True)
    path.write_bytes(b.osv("X-0051"))
    # It is older by eight days than the newest, and asked for all the same.
    again = b.sync(ctx, "osv")
    assert (again.counts.new, "asked for again" in " ".join(again.notes)) == (1, False)
    assert "X-0051" in b.live(ctx, "osv")


def test_one_ecosystem_by_its_own_archive_and_list(quick: Context, shop: Shop) -> None:
    shop.archive("npm")
    shop.list(scope="npm")
    forbid_archive(shop)
    ctx = fetching_osv(quick, shop.url)
    first = b.sync(ctx, "osv", scope="npm")
    b.check_books(ctx, first)
    assert first.counts.new == 50
    b.zip_of(shop.folder / "npm" / "all.zip", {})
    shop.put({"X-0003.json": b.osv("X-0003", summary="changed")}, T0 + timedelta(days=1))
    shop.drop("X-0004.json")
    shop.list(scope="npm")
    second = b.sync(ctx, "osv", scope="npm")
    assert (second.outcome, second.counts.changed, second.counts.tombstoned) == (Outcome.COMPLETED, 1, 1)
    missing = b.sync(ctx, "osv", scope="PyPI")
    assert missing.outcome is Outcome.FAILED
    assert "PyPI/all.zip" in (missing.error or "")


def test_unreachable_bucket_falls_back_to_its_address_and_then_to_the_copy(
    quick: Context, shop: Shop, web: Web
) -> None:
    archive = (shop.folder / "all.zip").read_bytes()
    web.documents["/all.zip"] = Document(archive, etag='"1"')
    ctx = fetching_osv(quick, UNREACHABLE, web.url)
    first = b.sync(ctx, "osv")
    assert first.outcome is Outcome.COMPLETED, first.error
    b.check_books(ctx, first)
    assert any("the bucket could not be reached" in note for note in first.notes)
    assert any("the bucket could not be reached" in (row[5] or "") for row in b.runs(ctx))

    unchanged = b.sync(ctx, "osv")
    assert unchanged.outcome is Outcome.UNCHANGED
    assert web.asked[-1].headers["if-none-match"] == '"1"'

    # Neither of them: what was fetched before, and that is said.
    gone = fetching_osv(quick, UNREACHABLE, UNREACHABLE)
    cached = b.sync(gone, "osv")
    assert (cached.outcome, cached.document) == (Outcome.UNCHANGED, first.document)
    assert "the copy fetched before was used" in " ".join(cached.notes)
    # Nothing was fetched before for this scope.
    never = b.sync(gone, "osv", scope="npm")
    assert never.outcome is Outcome.FAILED
    assert "127.0.0.1" in (never.error or "")
    assert len(b.live(ctx, "osv")) == 50


def test_copy_in_the_place_of_the_network_is_a_whole_one(quick: Context, shop: Shop) -> None:
    """The newest document may be a list of changes: it is no copy of everything."""
    ctx = fetching_osv(quick, shop.url)
    first = b.sync(ctx, "osv")
    shop.put(
        {f"X-{number:04}.json": b.osv(f"X-{number:04}", summary="new") for number in range(1, 50)},
        T0 + timedelta(days=1),
    )
    shop.list()
    second = b.sync(ctx, "osv")
    assert (second.outcome, second.counts.changed) == (Outcome.COMPLETED, 49)
    assert second.document != first.document
    cached = b.sync(fetching_osv(quick, UNREACHABLE, UNREACHABLE), "osv")
    assert (cached.outcome, cached.document, cached.counts.tombstoned) == (
        Outcome.UNCHANGED,
        first.document,
        0,
    )
    assert len(b.live(ctx, "osv")) == 50
    # A person may name it, and it speaks for its own records only.
    assert second.document
    replayed = b.sync(ctx, "osv", replay=second.document)
    assert (replayed.counts.tombstoned, replayed.counts.changed) == (0, 0)


def test_replay_needs_no_network(quick: Context, shop: Shop) -> None:
    first = b.sync(fetching_osv(quick, shop.url), "osv")
    b.empty_catalog(quick)
    shutil.rmtree(shop.folder)
    report = b.sync(fetching_osv(quick, UNREACHABLE), "osv", replay="")
    b.check_books(quick, report)
    assert (report.counts.new, report.document) == (50, first.document)


def test_settings_put_a_bucket_elsewhere(make_context: object, shop: Shop) -> None:
    ctx: Context = make_context(sources={"osv": {"url": shop.url, "fallback_url": UNREACHABLE}})  # type: ignore[operator]
    assert b.sync(ctx, "osv").counts.new == 50


# GitLab's repository


class Repository:
    """A git repository of advisories, committed to as its people do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")

    @property
    def url(self) -> str:
        return self.folder.as_uri()

    def git(self, *arguments: str) -> None:
        command = ["git", "-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
        }
        subprocess.run(
            [*command, *arguments], cwd=self.folder, check=True, capture_output=True, env=environment
        )

    def put(self, files: dict[str, bytes]) -> None:
        """Write files and commit."""
        b.folder_of(self.folder, files)
        self.commit()

    def commit(self, *options: str) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message=advisories", *options)


@pytest.fixture
def advisories() -> dict[str, bytes]:
    """Real advisories by path, as the repository has them."""
    with zipfile.ZipFile(b.ORIGINS["gitlab"]) as archive:
        names = [name for name in archive.namelist() if name.endswith(".yml")][:200]
        return {name.partition("/")[2]: archive.read(name) for name in names}


def fetching_gitlab(make_context: object, url: str, **changes: str) -> Context:
    """A Context that finds GitLab's advisories at another address, by its settings."""
    made: Context = make_context(sources={"gitlab": {"url": url, **changes}})  # type: ignore[operator]
    return made


def test_repository_is_cloned_and_then_only_changes_are_read(
    make_context: object, tmp_path: Path, advisories: dict[str, bytes]
) -> None:
    upstream = Repository(tmp_path / "upstream")
    upstream.put(advisories | {"README.md": b"# Advisories", ".gitlab-ci.yml": b"test: {}"})
    with b.CountingArchives() as archives:
        ctx = replace(fetching_gitlab(make_context, upstream.url, branch="main"), archives=archives)
        first = b.sync(ctx, "gitlab")
        assert first.outcome is Outcome.COMPLETED, first.error
        b.check_books(ctx, first)
        assert (first.counts.read, first.counts.new) == (200, 200)
        assert len(read_by(ctx)) == 200
        assert b.sync(ctx, "gitlab").outcome is Outcome.UNCHANGED

        names = sorted(advisories)
        changed, gone = names[0], names[1]
        upstream.put(
            {
                changed: advisories[changed].replace(b"title:", b"title: Again,", 1),
                "npm/p/CVE-2024-0001.yml": b.gitlab("npm/p", "CVE-2024-0001"),
            }
        )
        (upstream.folder / gone).unlink()
        upstream.commit()
        second = b.sync(ctx, "gitlab")
        b.check_books(ctx, second)
        assert read_by(ctx) == sorted([changed, "npm/p/CVE-2024-0001.yml"])
        assert (second.counts.new, second.counts.tombstoned, second.counts.unchanged) == (1, 1, 198)

        # History is rewritten: another root, the same files but one.
        shutil.rmtree(upstream.folder / ".git")
        upstream.git("init", "--quiet", "--initial-branch=main")
        (upstream.folder / names[2]).unlink()
        upstream.commit()
        third = b.sync(ctx, "gitlab")
        b.check_books(ctx, third)
        assert read_by(ctx) == []
        assert (third.counts.tombstoned, third.counts.unchanged) == (1, 199)

        # A commit that touches no advisory reads nothing and changes nothing.
        upstream.put({"README.md": b"# Advisories, explained"})
        fourth = b.sync(ctx, "gitlab")
        assert (fourth.counts.read, fourth.counts.unchanged) == (199, 199)
        assert read_by(ctx) == []


def test_links_and_submodules_in_a_repository_are_not_followed(make_context: object, tmp_path: Path) -> None:
    upstream = Repository(tmp_path / "upstream")
    good = {"npm/p/CVE-2024-0001.yml": b.gitlab("npm/p", "CVE-2024-0001")}
    b.folder_of(upstream.folder, good)
    (upstream.folder / "npm/p/CVE-2024-0002.yml").symlink_to("/etc/passwd")
    upstream.commit()
    ctx = fetching_gitlab(make_context, upstream.url, branch="main")
    report = b.sync(ctx, "gitlab")
    b.check_books(ctx, report)
    assert b.reasons(ctx, "gitlab") == {"npm/p/CVE-2024-0002.yml": "symlink"}


def test_missing_branch_and_repository_are_said_clearly(make_context: object, tmp_path: Path) -> None:
    upstream = Repository(tmp_path / "upstream")
    upstream.put({"npm/p/CVE-2024-0001.yml": b.gitlab("npm/p", "CVE-2024-0001")})
    ctx = fetching_gitlab(make_context, upstream.url, branch="nowhere")
    report = b.sync(ctx, "gitlab")
    assert report.outcome is Outcome.FAILED
    assert "branch nowhere" in (report.error or "")
    assert "check address, branch and access" in (report.error or "")
    other = fetching_gitlab(make_context, (tmp_path / "missing").as_uri(), branch="main")
    report = b.sync(other, "gitlab")
    assert report.outcome is Outcome.FAILED
    assert "check address, branch and access" in (report.error or "")


def test_repository_by_path(ctx: Context, tmp_path: Path) -> None:
    upstream = Repository(tmp_path / "upstream")
    upstream.put({"npm/p/CVE-2024-0001.yml": b.gitlab("npm/p", "CVE-2024-0001")})
    report = b.sync(ctx, "gitlab", upstream.folder)
    b.check_books(ctx, report)
    assert report.counts.new == 1


def test_repository_that_is_gone_is_replayed_from_its_mirror(make_context: object, tmp_path: Path) -> None:
    upstream = Repository(tmp_path / "upstream")
    upstream.put({"npm/p/CVE-2024-0001.yml": b.gitlab("npm/p", "CVE-2024-0001")})
    ctx = fetching_gitlab(make_context, upstream.url, branch="main")
    first = b.sync(ctx, "gitlab")
    shutil.rmtree(upstream.folder)
    b.empty_catalog(ctx)
    report = b.sync(ctx, "gitlab", replay=first.document)
    b.check_books(ctx, report)
    assert report.counts.new == 1


_MIRROR = """
import sys
from pathlib import Path
from assay.kit.git import mirror
mirror(sys.argv[1], Path(sys.argv[2]), "main", lambda done, total: print(done, flush=True))
"""


@pytest.mark.fault
def test_mirror_that_was_killed_halfway_is_made_again(
    make_context: object, tmp_path: Path, advisories: dict[str, bytes]
) -> None:
    upstream = Repository(tmp_path / "upstream")
    upstream.put(advisories | {f"noise/{number}": os.urandom(50_000) for number in range(40)})
    ctx = fetching_gitlab(make_context, upstream.url, branch="main")
    place = mirror_of(ctx, upstream.url)
    for _ in range(2):
        process = subprocess.Popen(
            [sys.executable, "-c", _MIRROR, upstream.url, str(place)],
            stdout=subprocess.PIPE,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert process.stdout is not None
        # The first sign of progress; the fetch is under way.
        process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    report = b.sync(ctx, "gitlab")
    assert report.outcome is Outcome.COMPLETED, report.error
    b.check_books(ctx, report)
    assert report.counts.new == 200
    assert sorted(path.name for path in ctx.mirrors.iterdir()) == [place.name, f"{place.name}.lock"]


def mirror_of(ctx: Context, url: str) -> Path:
    """Where the pipeline keeps its copy of a repository."""
    return ctx.mirrors / f"gitlab-{sha256(url.encode()).hexdigest()[:8]}.git"


# KEV and EPSS over HTTP


def test_kev_and_epss_are_asked_for_with_what_is_known_of_them(make_context: object, web: Web) -> None:
    web.documents["/kev.json"] = Document(b.kev("CVE-2024-0001", "CVE-2024-0002"), etag='"k1"')
    scores = {f"CVE-2024-{number}": (0.5, 0.5) for number in range(1000, 1100)}
    web.documents["/epss.csv.gz"] = Document(gzip.compress(b.epss(scores), mtime=0), etag='"e1"')
    ctx: Context = make_context(  # type: ignore[operator]
        sources={"kev": {"url": f"{web.url}/kev.json"}, "epss": {"url": f"{web.url}/epss.csv.gz"}}
    )
    for name, count in (("kev", 2), ("epss", 100)):
        first = b.sync(ctx, name)
        assert (first.outcome, first.counts.read) == (Outcome.COMPLETED, count), first.error
        before = b.fingerprint(ctx)
        second = b.sync(ctx, name)
        assert second.outcome is Outcome.UNCHANGED
        assert second.document == first.document
        assert "if-none-match" in web.asked[-1].headers
        assert b.fingerprint(ctx) == before
    web.documents["/kev.json"] = Document(b.kev("CVE-2024-0002", "CVE-2024-0003"), etag='"k2"')
    third = b.sync(ctx, "kev")
    assert (third.counts.new, third.counts.unchanged, third.counts.tombstoned) == (1, 1, 1)
    next_day = {name: (0.6, percentile) for name, (_, percentile) in scores.items()}
    web.documents["/epss.csv.gz"] = Document(
        gzip.compress(b.epss(next_day, "2024-05-02"), mtime=0), etag='"e2"'
    )
    assert b.sync(ctx, "epss").counts.changed == 100


def test_server_that_fails_leaves_the_copy(quick: Context, web: Web) -> None:
    kev = quick.sources["kev"]
    address = f"{web.url}/kev.json"
    ctx = replace(
        quick,
        sources=dict(quick.sources) | {"kev": replace(kev, transport=replace(kev.transport, url=address))},
    )  # type: ignore[arg-type, call-arg]
    web.documents["/kev.json"] = Document(b.kev("CVE-2024-0001"), etag='"1"')
    first = b.sync(ctx, "kev")
    assert first.outcome is Outcome.COMPLETED, first.error
    for fault in (Fault(status=503), Fault(hang_up=True), Fault(status=429)):
        web.documents["/kev.json"].faults.extend([fault] * 2)
        report = b.sync(ctx, "kev")
        assert (report.outcome, report.document) == (Outcome.UNCHANGED, first.document), report.error
        assert "the copy fetched before was used" in " ".join(report.notes)
        web.documents["/kev.json"].faults.clear()
    # What a person must correct is said, not covered up by the copy.
    web.documents["/kev.json"].faults.extend([Fault(status=403)] * 2)
    refused = b.sync(ctx, "kev")
    assert (refused.outcome, "403" in (refused.error or "")) == (Outcome.FAILED, True)


def test_refused_document_is_fetched_anew(make_context: object, web: Web) -> None:
    """A server's word that nothing changed since must not bring a refused document back."""
    web.documents["/kev.json"] = Document(b"<html>maintenance</html>", etag='"1"')
    ctx: Context = make_context(sources={"kev": {"url": f"{web.url}/kev.json"}})  # type: ignore[operator]
    assert b.sync(ctx, "kev").outcome is Outcome.FAILED
    web.documents["/kev.json"] = Document(b.kev("CVE-2024-0001"), etag='"1"')
    report = b.sync(ctx, "kev")
    assert (report.outcome, report.counts.new) == (Outcome.COMPLETED, 1), report.error
    assert b.aside(ctx, "kev") == {}


def test_document_that_is_lost_from_the_store_is_fetched_again(make_context: object, web: Web) -> None:
    web.documents["/kev.json"] = Document(b.kev("CVE-2024-0001"), etag='"1"')
    ctx: Context = make_context(sources={"kev": {"url": f"{web.url}/kev.json"}})  # type: ignore[operator]
    first = b.sync(ctx, "kev")
    assert first.document
    ctx.files.remove(first.document)
    report = b.sync(ctx, "kev", full=True)
    assert (report.outcome, report.counts.unchanged) == (Outcome.COMPLETED, 1), report.error
    assert ctx.files.has(first.document)
    ctx.files.remove(first.document)
    assert b.sync(ctx, "kev", replay="").outcome is Outcome.FAILED


def test_proxy_of_the_settings_is_used(make_context: object, web: Web) -> None:
    address = "http://kev.example.org/kev.json"
    web.documents[address] = Document(b.kev("CVE-2024-0001"))
    ctx: Context = make_context(proxy=web.url, sources={"kev": {"url": address}})  # type: ignore[operator]
    report = b.sync(ctx, "kev")
    assert (report.outcome, report.counts.new) == (Outcome.COMPLETED, 1), report.error
    assert web.paths() == [address]


def test_slow_server_does_not_keep_others_from_the_catalog(quick: Context, web: Web) -> None:
    """A source that fails does so in its turn; the sources after it are read."""
    kev = quick.sources["kev"]
    ctx = replace(
        quick,
        sources=dict(quick.sources)
        | {"kev": replace(kev, transport=replace(kev.transport, url=f"{UNREACHABLE}/kev.json"))},
    )  # type: ignore[arg-type, call-arg]
    started = time.monotonic()
    report = b.sync_all(ctx, {"kev": Request(), "cve": Request(origin=str(b.ORIGINS["cve"]))})
    assert [one.outcome for one in report.sources] == [Outcome.FAILED, Outcome.COMPLETED]
    assert not report.is_good
    assert report.merged.added > 0
    assert time.monotonic() - started < 30
