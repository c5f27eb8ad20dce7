"""Fetching from a real server: what is new is kept once, what fails is told, and nothing leaves where it should not."""

import io
import tarfile
import zipfile
from collections import deque
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from assay.bootstrap import Context
from assay.jobs.ledger import list_runs
from assay.monitoring import queries as monitoring
from assay.monitoring.model import Rule, Thresholds
from assay.monitoring.rules.readings import read as read_rules
from assay.pipelines.feeds.model.sources import PERSISTENT, Fetched, Health, Source, wait_after_failures
from assay.pipelines.feeds.queries import entries as entry_queries
from assay.pipelines.feeds.queries import sources as queries
from assay.pipelines.feeds.tasks.fetching import defer_due, fetch_source
from pipelines.feeds.bulletins import ARCHIVE, bulletins
from pipelines.feeds.conftest import Add, Time
from servers import Document, Fault, Web, web_server

PUB = bulletins()["feeds/atom/pub-2023-07.rss"]
PUB_LATER = bulletins()["feeds/atom/pub-2024-10.rss"]
ATOM = {"Content-Type": "application/atom+xml"}


def stands(feeds: Context, name: str) -> Source:
    with feeds.db.transaction() as conn:
        return queries.get_source(conn, name)


def kept(feeds: Context, name: str) -> list[entry_queries.Entry]:
    with feeds.db.transaction() as conn:
        return entry_queries.list_entries(conn, source=name, limit=500)


def bad(feeds: Context, source: Source) -> list[tuple[str, str]]:
    with feeds.db.transaction() as conn:
        return [(one.place, one.reason) for one in queries.list_bad(conn, source.id)]


def feed(*texts: str) -> bytes:
    items = "".join(f"<item><guid>{text}</guid><title>{text}</title></item>" for text in texts)
    return f'<rss version="2.0"><channel>{items}</channel></rss>'.encode()


def test_a_real_feed_is_fetched_once_and_then_only_what_is_new(
    feeds: Context, web: Web, add: Add, clock: Time
) -> None:
    web.documents["/pub"] = Document(PUB, etag='"1"', headers=ATOM)
    name = add("feed", f"{web.url}/pub").name
    assert stands(feeds, name).health is Health.NEW
    assert fetch_source(feeds, name) == Fetched(name, documents=1, read=5, new=5)
    clock.pass_(hours=1)
    assert fetch_source(feeds, name) == Fetched(name, is_unchanged=True)
    assert web.asked[-1].headers["if-none-match"] == '"1"'
    web.documents["/pub"] = Document(PUB_LATER, etag='"2"', headers=ATOM)
    came = fetch_source(feeds, name)
    assert came.read == 11
    assert came.new > 0
    assert came.new + came.changed + came.known == 11
    found = stands(feeds, name)
    assert (found.health, found.last_good_at) == (Health.WELL, clock.now)
    assert found.next_at == clock.now + timedelta(hours=1)
    assert {one.status for one in kept(feeds, name)} == {"pending"}
    with feeds.db.transaction() as conn:
        runs = list_runs(conn, "feeds", name)
    assert [run.outcome for run in runs] == ["completed", "unchanged", "completed"]
    assert runs[-1].counts == {"documents": 1, "read": 5, "new": 5}


def test_a_fetched_entry_names_the_bytes_it_stood_in_and_is_as_received(
    feeds: Context, web: Web, add: Add
) -> None:
    web.documents["/pub"] = Document(PUB, headers=ATOM)
    name = add("feed", f"{web.url}/pub").name
    fetch_source(feeds, name)
    one = kept(feeds, name)[0]
    with feeds.db.transaction() as conn:
        entry, raw = entry_queries.get_entry(conn, one.id)
    assert entry == one
    assert raw in PUB
    assert entry.document is not None
    assert len(entry.document) == 64


def test_a_server_that_fails_is_left_alone_for_longer_each_time_until_it_is_well(
    feeds: Context, web: Web, add: Add, clock: Time
) -> None:
    web.documents["/f"] = Document(feed("a"), faults=deque([Fault(status=500)] * PERSISTENT))
    name = add("feed", f"{web.url}/f", interval=timedelta(minutes=1)).name
    waits = []
    for _ in range(PERSISTENT):
        came = fetch_source(feeds, name)
        assert came.error is not None
        assert "500" in came.error
        waits.append((stands(feeds, name).next_at - clock.now) / timedelta(minutes=1))
        clock.pass_(minutes=1)
    assert waits[:5] == [1, 2, 4, 8, 16]
    assert max(waits) == 6 * 60
    found = stands(feeds, name)
    assert (found.failures, found.health) == (PERSISTENT, Health.PERSISTENTLY_FAILING)
    with feeds.db.transaction() as conn:
        readings = read_rules(monitoring.picture(conn, Thresholds(), clock.now), Thresholds())
    told = {one.rule: one for one in readings if one.subject == f"feeds fetch {name}" or name in one.subject}
    assert told[Rule.SOURCE_PERSISTENTLY_FAILING].value == PERSISTENT
    assert fetch_source(feeds, name).new == 1
    assert stands(feeds, name).health is Health.WELL
    assert stands(feeds, name).last_error is None


def test_what_a_server_asks_to_wait_is_waited(feeds: Context, web: Web, add: Add, clock: Time) -> None:
    fault = Fault(status=429, headers={"Retry-After": "86400"})
    web.documents["/f"] = Document(feed("a"), faults=deque([fault]))
    name = add("feed", f"{web.url}/f").name
    assert fetch_source(feeds, name).error is not None
    assert stands(feeds, name).next_at == clock.now + timedelta(days=1)


def test_waits_grow_to_six_hours_and_are_never_shorter_than_the_interval() -> None:
    day = timedelta(days=1)
    assert wait_after_failures(1000, timedelta(minutes=1)) == timedelta(hours=6)
    assert wait_after_failures(3, day) == day
    assert wait_after_failures(1, timedelta(minutes=1), day * 30) == timedelta(hours=72)


@pytest.mark.parametrize(
    ("body", "kind", "reason"),
    [(b"<html>", "feed", "is no feed"), (b"%PDF", "json", "JSON"), (b"{}", "json", "not a list")],
)
def test_a_document_of_another_kind_is_told(
    feeds: Context, web: Web, add: Add, body: bytes, kind: str, reason: str
) -> None:
    web.documents["/f"] = Document(body)
    name = add(kind, f"{web.url}/f", name=f"other-{kind}-{len(body)}").name
    assert reason in (fetch_source(feeds, name).error or "")
    assert stands(feeds, name).failures == 1


def test_pages_are_read_to_their_end_and_what_came_before_a_fault_stands(
    feeds: Context, web: Web, add: Add
) -> None:
    for number, ids in enumerate(([1, 2], [3], []), 1):
        body = msgspec.json.encode([{"id": one, "text": f"CVE-2024-{one:04}"} for one in ids])
        web.documents[f"/api?page={number}"] = Document(body)
    web.documents["/api?page=2"].faults.append(Fault(status=503))
    source = add("json", f"{web.url}/api", options={"body": "text", "paging": {"by": "page"}})
    came = fetch_source(feeds, source.name)
    assert (came.new, came.documents) == (2, 1)
    assert "503" in (came.error or "")
    came = fetch_source(feeds, source.name)
    assert (came.new, came.known, came.documents, came.error) == (1, 2, 3, None)
    assert web.paths()[-3:] == ["/api?page=1", "/api?page=2", "/api?page=3"]


def test_a_cursor_that_is_kept_goes_on_with_the_next_fetch(feeds: Context, web: Web, add: Add) -> None:
    def answer(cursor: str, *ids: int) -> Document:
        return Document(
            msgspec.json.encode({"items": [{"id": one} for one in ids], "cursor": cursor}), etag='"x"'
        )

    web.documents |= {"/api": answer("1", 1), "/api?since=1": answer("2", 2), "/api?since=2": answer("2")}
    paging = {"by": "cursor", "at": "cursor", "parameter": "since", "is_kept": True}
    name = add("json", f"{web.url}/api", options={"items": "items", "paging": paging}).name
    assert fetch_source(feeds, name).new == 2
    web.documents["/api?since=2"] = answer("3", 3)
    web.documents["/api?since=3"] = answer("3")
    assert fetch_source(feeds, name).new == 1
    assert web.paths() == ["/api", "/api?since=1", "/api?since=2", "/api?since=2", "/api?since=3"]


def test_pages_that_lead_in_a_circle_end(feeds: Context, web: Web, add: Add) -> None:
    web.documents["/api"] = Document(b'{"items": [{"id": 1}], "next": "/api"}')
    options = {"items": "items", "paging": {"by": "next", "at": "next"}}
    assert fetch_source(feeds, add("json", f"{web.url}/api", options=options).name).documents == 1


def test_linked_pages_are_fetched_once_each_and_a_missing_one_is_set_aside_and_asked_for_again(
    feeds: Context, web: Web, add: Add
) -> None:
    web.documents["/"] = Document(b'<ul><a href="/1">1</a><a href="/2">2</a></ul>', etag='"1"')
    web.documents["/1"] = Document(b"<title>One</title><p>CVE-2024-1</p>")
    source = add("page", f"{web.url}/", options={"links": "ul"})
    came = fetch_source(feeds, source.name)
    assert (came.new, came.bad, came.error) == (1, 1, None)
    assert bad(feeds, source) == [(f"{web.url}/2", "unreachable")]
    web.documents["/2"] = Document(b"<p>Two</p>")
    assert fetch_source(feeds, source.name).new == 1
    assert bad(feeds, source) == []
    assert fetch_source(feeds, source.name).is_unchanged
    assert web.paths().count("/1") == 1


def test_bad_entries_are_set_aside_with_their_reasons(feeds: Context, web: Web, add: Add) -> None:
    web.documents["/f"] = Document(feed("a", "b").replace(b"<title>a</title>", b""))
    source = add("feed", f"{web.url}/f")
    assert fetch_source(feeds, source.name) == Fetched(source.name, documents=1, read=1, new=1, bad=1)
    assert bad(feeds, source) == [(f"{web.url}/f entry 1", "empty")]


def test_secrets_go_to_their_own_server_and_nowhere_else(
    feeds: Context, web: Web, add: Add, caplog: pytest.LogCaptureFixture
) -> None:
    port = web.url.rpartition(":")[2]
    web.documents["/f?v=1&key=sesame-1"] = Document(redirect=f"http://127.0.0.1:{port}/g")
    web.documents["/g"] = Document(feed("a"))
    web.documents["/j?key=sesame-1"] = Document(
        msgspec.json.encode({"items": [{"id": 1}], "next": f"http://localhost:{port}/j2"})
    )
    secrets = {"X-Api-Key": "hunter2", "?key": "sesame-1"}
    one = add("feed", f"{web.url}/f?v=1", name="secret-feed", secrets=secrets)
    assert one.secret_names == ("?key", "X-Api-Key")
    assert fetch_source(feeds, one.name).new == 1
    assert [asked.headers.get("x-api-key") for asked in web.asked] == ["hunter2", "hunter2"]
    options = {"items": "items", "paging": {"by": "next", "at": "next"}}
    other = add("json", f"{web.url}/j", name="secret-json", options=options, secrets=secrets)
    # What the answer names is another server, as far as names go.
    web.documents["/j2"] = Document(b'{"items": [{"id": 2}]}')
    assert fetch_source(feeds, other.name).new == 2
    assert (web.asked[-1].path, "x-api-key" in web.asked[-1].headers) == ("/j2", False)
    web.documents["/f?v=1&key=sesame-1"] = Document(faults=deque([Fault(status=403)]))
    assert fetch_source(feeds, one.name).error is not None
    with feeds.db.transaction() as conn:
        rows = conn.execute(
            "SELECT row_to_json(s)::text FROM feeds.sources AS s"
            " UNION ALL SELECT row_to_json(r)::text FROM jobs.runs AS r"
        ).fetchall()
    for text in (*(row[0] for row in rows), caplog.text, repr(stands(feeds, one.name))):
        assert "hunter2" not in text
        assert "sesame" not in text


def test_a_redirect_to_another_server_takes_no_secret_along(feeds: Context, web: Web, add: Add) -> None:
    with web_server() as other:
        other.documents["/f"] = Document(feed("a"))
        web.documents["/f"] = Document(redirect=f"{other.url}/f")
        name = add("feed", f"{web.url}/f", secrets={"Authorization": "Bearer x"}).name
        assert fetch_source(feeds, name).new == 1
        assert "authorization" not in other.asked[0].headers
    assert web.asked[0].headers["authorization"] == "Bearer x"


def test_what_is_not_public_is_not_reached(feeds: Context, add: Add) -> None:
    name = add("feed", "http://127.0.0.2:1/feed").name
    assert "not a public address" in (fetch_source(feeds, name).error or "")


def test_a_document_over_the_limit_is_refused(feeds: Context, web: Web, add: Add) -> None:
    web.documents["/f"] = Document(feed("a" * (1 << 20)))
    assert "sends more than" in (fetch_source(feeds, add("feed", f"{web.url}/f").name).error or "")


def write(folder: Path, **files: bytes) -> Path:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name.replace("_", ".")).write_bytes(content)
    return folder


def test_a_directory_is_read_again_only_when_something_changed(
    feeds: Context, add: Add, root: Path, tmp_path: Path
) -> None:
    folder = write(root / "dir", a_md=b"# A\nCVE-2024-1", b_txt=b"B", c_png=b"\x89PNG", d_eml=b"no mail")
    (folder / "outside.md").symlink_to(tmp_path)
    source = add("files", str(folder))
    assert fetch_source(feeds, source.name) == Fetched(source.name, documents=2, read=2, new=2, bad=2)
    assert bad(feeds, source) == [("d.eml", "not-mail"), ("outside.md", "symlink")]
    assert fetch_source(feeds, source.name).is_unchanged
    (folder / "a.md").write_bytes(b"# A\nCVE-2024-2")
    came = fetch_source(feeds, source.name)
    assert (came.changed, came.known) == (1, 1)


def test_only_folders_that_are_allowed_are_read(feeds: Context, add: Add, root: Path, tmp_path: Path) -> None:
    name = add("files", str(write(root / "moved", a_txt=b"A"))).name
    (root / "moved" / "a.txt").unlink()
    (root / "moved").rmdir()
    (root / "moved").symlink_to(tmp_path)
    assert "ASSAY_FEEDS__ROOTS" in (fetch_source(feeds, name).error or "")
    (root / "moved").unlink()
    assert "cannot be read" in (fetch_source(feeds, name).error or "")


def test_the_real_bulletins_come_out_of_an_archive_by_path_and_by_address(
    feeds: Context, web: Web, add: Add, root: Path
) -> None:
    expected = [path for path in bulletins() if not path.endswith(".rss")]
    (root / "feeds.tar.gz").write_bytes(ARCHIVE.read_bytes())
    here = add("files", str(root / "feeds.tar.gz"), name="archive-here").name
    came = fetch_source(feeds, here)
    assert (came.new, came.bad, came.error) == (len(expected), 0, None)
    assert {one.key for one in kept(feeds, here)} == set(expected)
    assert fetch_source(feeds, here).is_unchanged
    web.documents["/feeds.tar.gz"] = Document(ARCHIVE.read_bytes(), etag='"1"')
    there = add("files", f"{web.url}/feeds.tar.gz", name="archive-there").name
    assert fetch_source(feeds, there).new == len(expected)
    assert fetch_source(feeds, there).is_unchanged
    assert list((feeds.fetched.root).glob("??/*")) == []


def test_an_archive_of_mail_and_a_hostile_member(feeds: Context, add: Add, root: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("list.mbox", b"From a@x Mon Sep 17 00:00:00 2001\nSubject: S\n\nB\n")
        archive.writestr("../evil.txt", b"x")
        archive.writestr("big.txt", bytes(2 << 20))
    (root / "mail.zip").write_bytes(packed.getvalue())
    source = add("files", str(root / "mail.zip"))
    assert fetch_source(feeds, source.name).new == 1
    assert {reason for _, reason in bad(feeds, source)} == {"path-outside", "too-large"}


def test_an_archive_that_is_none_is_told(feeds: Context, add: Add, root: Path) -> None:
    with tarfile.open(root / "cut.tar.gz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("a.txt"), io.BytesIO())
    whole = (root / "cut.tar.gz").read_bytes()
    (root / "cut.tar.gz").write_bytes(whole[: len(whole) // 2])
    assert fetch_source(feeds, add("files", str(root / "cut.tar.gz")).name).error is not None


def test_what_is_due_gets_one_job_each(feeds: Context, web: Web, add: Add, clock: Time) -> None:
    name = add("feed", f"{web.url}/due").name
    with feeds.db.transaction() as conn:
        assert name in defer_due(conn, clock.now)
        assert defer_due(conn, clock.now) == []
    assert stands(feeds, name).next_at == clock.now + timedelta(hours=1)
    clock.pass_(hours=1)
    with feeds.db.transaction() as conn:
        assert name in defer_due(conn, clock.now)
        waiting = conn.execute(
            "SELECT count(*) FROM jobs.procrastinate_jobs WHERE task_name = 'feeds.fetch' AND subject = %s",
            (name,),
        ).fetchone()
        assert waiting == (1,)


def test_what_mentions_what_is_watched_or_sounds_severe_comes_first(
    feeds: Context, web: Web, add: Add
) -> None:
    with feeds.db.transaction() as conn:
        conn.execute(
            "INSERT INTO feeds.products (vendor, product, shown, origin, created_by, created_at)"
            " VALUES ('Acme', 'Anvil', 'Acme Anvil', 'person', 'ann', now())"
        )
    web.documents["/f"] = Document(
        feed("News", "Critical hole", "CVE-2024-12345", "Acme releases Anvil 2", "Exploited in the wild")
    )
    name = add("feed", f"{web.url}/f").name
    fetch_source(feeds, name)
    found = sorted(kept(feeds, name), key=lambda one: -one.priority)
    assert [(one.title, one.is_monitored) for one in found] == [
        ("Acme releases Anvil 2", True),
        ("Exploited in the wild", False),
        ("Critical hole", False),
        ("CVE-2024-12345", False),
        ("News", False),
    ]
    with feeds.db.transaction() as conn:
        conn.execute("DELETE FROM feeds.products")
