"""Managing sources and entries: what may be, what is sealed, what stays when a source goes."""

from collections import deque
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from assay.auth.queries import AuditFilter, list_records
from assay.bootstrap import Context
from assay.errors import Conflict, NotFound, Permanent
from assay.monitoring.queries import list_sources
from assay.pipelines.feeds.commands import entries as entry_commands
from assay.pipelines.feeds.commands import sources as commands
from assay.pipelines.feeds.commands.sources import Changes, Draft
from assay.pipelines.feeds.model.entries import Outcome, Status
from assay.pipelines.feeds.model.sources import Health, Kind, Source
from assay.pipelines.feeds.queries import entries as entry_queries
from assay.pipelines.feeds.queries import sources as queries
from assay.pipelines.feeds.store import entries as entry_store
from assay.pipelines.feeds.tasks.fetching import fetch_source
from pipelines.feeds.bulletins import ARCHIVE
from pipelines.feeds.conftest import ANN, Add, Time, acting
from pipelines.feeds.test_fetching import feed, stands
from servers import Document, Fault, Web

FEED = "https://example.org/feed"


def change(feeds: Context, name: str, **changes: Any) -> Source:
    with feeds.db.transaction() as conn:
        return commands.change_source(feeds, acting(feeds, conn), name, Changes(**changes))


def remove(feeds: Context, name: str) -> None:
    with feeds.db.transaction() as conn:
        commands.remove_source(acting(feeds, conn), name)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": "No Name"}, "name"),
        ({"address": "ftp://example.org/"}, "no address of the web"),
        ({"address": "https://ann:secret@example.org/"}, "no user and no password"),
        ({"address": "https://exa\nmple.org/"}, "one line"),
        ({"interval": timedelta(seconds=59)}, "60 seconds to 72 hours"),
        ({"interval": timedelta(hours=73)}, "60 seconds to 72 hours"),
        ({"options": {"max_pages": 0}}, "options"),
        ({"options": {"unknown": 1}}, "unknown"),
        ({"kind": Kind.JSON, "options": {"items": "a\0"}}, "NUL"),
        ({"kind": Kind.PAGE, "options": {"links": "a[["}}, "CSS selector"),
        ({"kind": Kind.FILES, "address": "/etc"}, "ASSAY_FEEDS__ROOTS"),
        ({"kind": Kind.FILES, "address": "relative"}, "path from the root"),
        ({"secrets": {"Host": "x"}}, "own business"),
        ({"secrets": {"X Y": "x"}}, "no name of a header field"),
        ({"secrets": {"X": "a\r\nHost: b"}}, "one line"),
        ({"secrets": {"X": "Größe"}}, "no header field carries"),
        ({"secrets": {"X": ""}}, "one line"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(feeds: Context, wrong: dict[str, Any], said: str) -> None:
    draft = Draft(**{"name": "wrong", "kind": Kind.FEED, "address": FEED, **wrong})
    with feeds.db.transaction() as conn, pytest.raises(Permanent, match=said):
        commands.add_source(feeds, acting(feeds, conn), draft)
    with pytest.raises(Permanent, match=said):
        commands.try_draft(feeds, draft)


def test_a_name_is_given_once(feeds: Context, add: Add) -> None:
    name = add("feed", FEED).name
    with pytest.raises(Conflict):
        add("feed", FEED)
    with pytest.raises(NotFound):
        change(feeds, f"{name}-2", is_enabled=False)


def test_everything_is_noted_but_the_values_of_secrets(feeds: Context, add: Add) -> None:
    name = add("feed", FEED, secrets={"Authorization": "Bearer hunter2"}).name
    change(feeds, name, interval=timedelta(minutes=5), secrets={"X-Other": "sesame"})
    remove(feeds, name)
    with feeds.db.transaction() as conn:
        noted = [one for one in list_records(conn, AuditFilter()) if one.subject == name]
    assert [one.action for one in noted] == ["feeds.source.remove", "feeds.source.change", "feeds.source.add"]
    assert noted[1].detail["secrets"] == ["Authorization", "X-Other"]
    assert noted[1].detail["interval_seconds"] == 300
    assert "hunter2" not in str(noted)
    assert "sesame" not in str(noted)


def secrets_of(feeds: Context, name: str) -> dict[str, str]:
    with feeds.db.transaction() as conn:
        source = queries.get_source(conn, name)
        row = conn.execute("SELECT secrets FROM feeds.sources WHERE id = %s", (source.id,)).fetchone()
    assert row is not None
    return {} if row[0] is None else feeds.seals.open(name, bytes(row[0]))


def test_secrets_are_merged_and_taken_away_one_by_one(feeds: Context, add: Add) -> None:
    name = add("feed", FEED, secrets={"A": "one", "B": "two"}).name
    assert change(feeds, name, secrets={"B": "three", "C": "four"}).secret_names == ("A", "B", "C")
    assert secrets_of(feeds, name) == {"A": "one", "B": "three", "C": "four"}
    assert change(feeds, name, secrets={"A": None, "B": None}).secret_names == ("C",)
    assert change(feeds, name, interval=timedelta(hours=2)).secret_names == ("C",)
    change(feeds, name, secrets={"C": None})
    assert secrets_of(feeds, name) == {}


def test_secrets_stay_with_the_server_that_they_were_given_for(feeds: Context, add: Add) -> None:
    name = add("feed", FEED, secrets={"A": "one"}).name
    change(feeds, name, address="https://example.org/another")
    for elsewhere in ("https://example.com/feed", "http://example.org/feed", "https://example.org:8443/feed"):
        with pytest.raises(Permanent, match="given for another server"):
            change(feeds, name, address=elsewhere)
    with pytest.raises(Permanent, match="given for another server"):
        change(feeds, name, address="https://example.com/feed", secrets={"B": "two"})
    change(feeds, name, address="https://example.com/feed", secrets={"A": "two"})
    change(feeds, name, address="https://example.net/feed", secrets={"A": None})
    assert secrets_of(feeds, name) == {}


def test_a_source_that_is_asked_otherwise_begins_anew(
    feeds: Context, web: Web, add: Add, clock: Time
) -> None:
    web.documents["/f"] = Document(feed("a"), etag='"1"')
    web.documents["/g"] = Document(feed("a"), etag='"1"')
    name = add("feed", f"{web.url}/f").name
    fetch_source(feeds, name)
    kept = change(feeds, name, interval=timedelta(minutes=10))
    assert (kept.cursor["etag"], kept.next_at) == ('"1"', clock.now + timedelta(minutes=10))
    moved = change(feeds, name, address=f"{web.url}/g")
    assert (moved.cursor, moved.next_at, moved.failures) == ({}, clock.now, 0)
    assert fetch_source(feeds, name).known == 1


def test_a_disabled_source_is_fetched_by_nobody_and_its_alerts_end(
    feeds: Context, web: Web, add: Add
) -> None:
    web.documents["/f"] = Document(faults=deque([Fault(status=500)] * 3))
    name = add("feed", f"{web.url}/f").name
    for _ in range(3):
        fetch_source(feeds, name)
    assert change(feeds, name, is_enabled=False).health is Health.DISABLED
    asked = len(web.asked)
    assert fetch_source(feeds, name).is_unchanged
    assert len(web.asked) == asked
    with feeds.db.transaction() as conn, pytest.raises(Conflict, match="disabled"):
        commands.run_source(acting(feeds, conn), name)
    with feeds.db.transaction() as conn:
        assert [one.failures for one in list_sources(conn, 3) if one.source == name] == [0]


def test_a_source_runs_now_in_one_job(feeds: Context, add: Add) -> None:
    name = add("feed", FEED).name
    with feeds.db.transaction() as conn:
        job = commands.run_source(acting(feeds, conn), name)
        assert commands.run_source(acting(feeds, conn), name) == job


def test_the_entries_of_a_removed_source_stay_and_come_back_with_its_name(
    feeds: Context, web: Web, add: Add
) -> None:
    web.documents["/f"] = Document(feed("a", "b"))
    first = add("feed", f"{web.url}/f", secrets={"X": "secret"})
    fetch_source(feeds, first.name)
    remove(feeds, first.name)
    with feeds.db.transaction() as conn:
        assert first.name not in [one.name for one in queries.list_sources(conn)]
        assert first.name in [one.name for one in queries.list_sources(conn, is_every=True)]
        assert len(entry_queries.list_entries(conn, source=first.name)) == 2
        with pytest.raises(NotFound):
            queries.get_source(conn, first.name)
    with pytest.raises(NotFound):
        remove(feeds, first.name)
    again = add("feed", f"{web.url}/f")
    assert (again.id, again.secret_names, again.removed_at) == (first.id, (), None)
    assert fetch_source(feeds, again.name).known == 2


def test_trying_a_source_keeps_nothing(feeds: Context, web: Web, add: Add, root: Path) -> None:
    web.documents["/f"] = Document(feed(*"abcdefg"), etag='"1"')
    name = add("feed", f"{web.url}/f").name
    trial = commands.try_source(feeds, name)
    assert ([one.title for one in trial.entries], trial.found, trial.error) == (list("abcde"), 7, None)
    assert stands(feeds, name).health is Health.NEW
    draft = Draft(name="draft", kind=Kind.FEED, address=f"{web.url}/none")
    assert "404" in (commands.try_draft(feeds, draft).error or "")
    (root / "tried.tar.gz").write_bytes(ARCHIVE.read_bytes())
    found = commands.try_draft(feeds, Draft(name="x", kind=Kind.FILES, address=str(root / "tried.tar.gz")))
    assert (len(found.entries), found.error) == (5, None)
    with feeds.db.transaction() as conn:
        assert entry_queries.list_entries(conn, source=name) == []


def test_completed_entries_are_purged_by_call(feeds: Context, web: Web, add: Add, clock: Time) -> None:
    web.documents["/f"] = Document(feed("a", "b", "c"))
    name = add("feed", f"{web.url}/f").name
    fetch_source(feeds, name)
    with feeds.db.transaction() as conn:
        for one in entry_store.take_batch(conn, 100, clock.now):
            if one.title == "a":
                entry_store.finish(conn, {one.id: Outcome.CLAIMED}, clock.now)
            else:
                entry_store.fail(conn, one.id, "never", clock.now)
    clock.pass_(days=2)
    for days in (0, 91, -1):
        with pytest.raises(Permanent, match="1 to 90 days"):
            entry_commands.purge(feeds, ANN, days)
    assert entry_commands.purge(feeds, ANN) == 0
    assert entry_commands.purge(feeds, ANN, 1) >= 1
    with feeds.db.transaction() as conn:
        left = entry_queries.list_entries(conn, source=name)
        assert {one.title for one in left} == {"b", "c"}
        assert entry_commands.retry_failed(acting(feeds, conn), ids=[left[0].id]) == 1
        assert entry_commands.retry_failed(acting(feeds, conn), source=name) == 1
        with pytest.raises(NotFound):
            entry_commands.retry_failed(acting(feeds, conn), ids=[left[0].id])
        assert len(entry_queries.list_entries(conn, source=name, status=Status.PENDING)) == 2


def test_entries_are_found_by_what_they_are(feeds: Context, web: Web, add: Add) -> None:
    web.documents["/f"] = Document(feed("100% sure", "100 sure", "other_one"))
    name = add("feed", f"{web.url}/f").name
    fetch_source(feeds, name)

    def titles(**asked: Any) -> list[str | None]:
        with feeds.db.transaction() as conn:
            return [one.title for one in entry_queries.list_entries(conn, source=name, **asked)]

    assert titles(words="100%") == ["100% sure"]
    assert titles(words="R_O") == ["other_one"]
    assert titles(status=Status.FAILED) == titles(is_monitored=True) == []
    first = titles(limit=2)
    with feeds.db.transaction() as conn:
        last = entry_queries.list_entries(conn, source=name, limit=2)[-1].id
    assert sorted(map(str, first + titles(before=last))) == ["100 sure", "100% sure", "other_one"]
    with feeds.db.transaction() as conn, pytest.raises(NotFound):
        entry_queries.get_entry(conn, 2**60)
