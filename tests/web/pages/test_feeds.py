"""The pages of feeds: sources set up and changed by forms, entries as received, and nothing secret on any of them."""

from collections.abc import Iterator

import pytest

from assay.bootstrap import Context
from assay.pipelines.feeds.model.entries import Received, Weight
from assay.pipelines.feeds.queries.entries import list_entries
from assay.pipelines.feeds.queries.sources import get_source
from assay.pipelines.feeds.store import entries as store
from web.pages.conftest import Browser

HOSTILE = "<script>alert(1)</script>\u202eCVE"


@pytest.fixture
def sourced(loaded: Context, admin: Browser) -> Iterator[Browser]:
    """An administrator's browser, with a source that has given two entries, one of which was given up."""
    form = {
        "name": "news",
        "kind": "feed",
        "address": "https://example.org/feed",
        "headers": "X-Key: hunter2",
    }
    answer = admin.post("/feeds/sources", **form, interval="1h", options="", back="/feeds")
    assert "news is set up" in answer.text.lower()
    now = loaded.clock()
    with loaded.db.transaction() as conn:
        source = get_source(conn, "news").id
        both = [
            Received(
                key=key,
                media_type="text/html",
                raw=HOSTILE.encode(),
                title=title,
                address="https://example.org/1",
            )
            for key, title in (("1", HOSTILE), ("2", "Second"))
        ]
        store.add(conn, source, both, lambda one: Weight(0, is_monitored=one.key == "2"), now)
        failed = store.take_batch(conn, 1, now)[0]
        store.fail(conn, failed.id, "no luck", now)
    yield admin
    admin.post("/feeds/sources/news/remove", back="/feeds")
    with loaded.db.transaction() as conn:
        conn.execute("DELETE FROM feeds.raw_entries")
        conn.execute("DELETE FROM feeds.sources")


def test_sources_are_listed_with_what_they_gave(sourced: Browser, viewer: Browser) -> None:
    text = viewer.get("/feeds").text
    assert "https://example.org" not in text
    assert 'href="/feeds/sources/news"' in text
    assert "1 failed" in text
    assert "Add a source" not in text
    assert "Add a source" in sourced.get("/feeds").text
    own = viewer.get("/feeds/sources/news").text
    assert "X-Key" in own
    assert "hunter2" not in own
    assert viewer.get("/feeds/sources/none").status == 404


def test_a_source_is_changed_switched_and_removed_by_forms(sourced: Browser) -> None:
    here = "/feeds/sources/news"
    changed = sourced.post(
        f"{here}/change",
        back=here,
        address="https://example.org/other",
        interval="15m",
        options='{"max_pages": 2}',
        without="X-Key",
    ).text
    assert "news is changed" in changed.lower()
    assert "https://example.org/other" in changed
    assert "every 15m" in changed
    assert '"max_pages": 2' in changed
    assert "X-Key" not in changed
    assert "rests until" in sourced.post(f"{here}/disable", back=here).text
    assert "is disabled" in sourced.post(f"{here}/run", back=here).text
    assert "is fetched again" in sourced.post(f"{here}/enable", back=here).text
    assert "fetches news" in sourced.post(f"{here}/run", back=here).text
    assert "its entries stay" in sourced.post(f"{here}/remove", back="/feeds").text


def test_what_was_typed_comes_back_with_what_is_wrong_but_for_secrets(admin: Browser) -> None:
    form = {
        "name": "news",
        "kind": "page",
        "address": "https://example.org/x",
        "interval": "1 week",
        "options": "{",
    }
    answer = admin.post("/feeds/sources", **form, headers="X-Key: hunter2", back="/feeds").text
    assert "no JSON object" in answer
    assert 'value="https://example.org/x"' in answer
    assert 'value="1 week"' in answer
    assert "hunter2" not in answer
    again = admin.post("/feeds/sources", **{**form, "options": ""}, back="/feeds").text
    assert "no length of time" in again
    lines = admin.post("/feeds/sources", **{**form, "options": "", "interval": "1h"}, headers="nonsense").text
    assert "a line such as" in lines


def test_entries_are_shown_harmless_and_as_received(sourced: Browser, analyst: Browser) -> None:
    with sourced.service.ctx.db.transaction() as conn:
        hostile = next(one for one in list_entries(conn) if one.title == HOSTILE)
    for path in ("/feeds/entries", f"/feeds/entries/{hostile.id}", "/feeds/entries?q=CVE"):
        page = sourced.service.get(path, X_Role="viewer", Accept="text/html").body.decode()
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
        assert "<script>alert" not in page
        assert "\u202e" not in page
    text = analyst.get("/feeds/entries").text
    assert "watched" in text
    assert "no luck" in text
    assert "Try all failed again" in text
    assert "1 entry will be tried again" in analyst.post("/feeds/entries/retry", back="/feeds/entries").text
    assert analyst.get("/feeds/entries?status=odd").status == 400
    assert analyst.get("/feeds/entries?status=&source=&q=").status == 200
    assert "No entry is like this" in analyst.get("/feeds/entries?status=failed").text


@pytest.mark.parametrize(
    "path", ["/feeds/sources", "/feeds/sources/news/remove", "/feeds/sources/news/change"]
)
def test_only_administrators_set_sources_up(analyst: Browser, path: str) -> None:
    assert analyst.post(path, name="x", address="https://example.org").status == 403
    assert analyst.get("/feeds/new").status == 403
