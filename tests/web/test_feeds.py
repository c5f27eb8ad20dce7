"""`/v1/feeds`: sources are set up, tried, run and removed by those who may, and no secret is ever told."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from assay.auth.model import Role
from assay.kit.http import Http, HttpOptions
from assay.kit.reach import Reach
from assay.kit.transfer import Backoff
from assay.pipelines.feeds.model.entries import Outcome
from assay.pipelines.feeds.store import entries as store
from assay.pipelines.feeds.tasks.fetching import fetch_source
from conftest import MakeContext
from servers import Document, Web, web_server
from web.test_operating import Door, audit
from web_service import running_service

FEED = (
    b'<rss version="2.0"><channel><item><guid isPermaLink="false">1</guid><title>Critical hole in Anvil</title>'
    b"<description>&lt;p&gt;Fixed in 2.4&lt;/p&gt;</description></item>"
    b'<item><guid isPermaLink="false">2</guid><title>News</title></item><item><guid>3</guid></item></channel></rss>'
)


@pytest.fixture
def web() -> Iterator[Web]:
    with web_server() as web:
        web.documents["/feed"] = Document(FEED, etag='"1"')
        yield web


@pytest.fixture
def door(make_context: MakeContext) -> Iterator[Door]:
    options = HttpOptions(
        reach=Reach.read(["127.0.0.1"]), trust_environment=False, backoff=Backoff(retries=0), read_seconds=10
    )
    made = Door()
    with (
        Http(options) as outside,
        running_service(replace(make_context(), outside=outside), identify=lambda _: made.who) as service,
    ):
        made.service = service
        yield made


def draft(web: Web, **more: Any) -> dict[str, Any]:
    return {"name": "news", "kind": "feed", "address": f"{web.url}/feed", **more}


def fetch(door: Door, name: str = "news") -> None:
    assert fetch_source(door.service.ctx, name).error is None


def test_a_source_is_set_up_changed_and_removed_and_all_of_it_is_noted(door: Door, web: Web) -> None:
    made = door.ask("POST", "/v1/feeds/sources", draft(web, secrets={"X-Key": "hunter2"}))
    assert (door.status, made["health"], made["secrets"]) == (201, "new", ["X-Key"])
    fetch(door)
    (found,) = door.ask("GET", "/v1/feeds/sources")["sources"]
    assert (found["health"], found["entries"]["pending"], found["quarantined"]) == ("well", 2, 1)
    assert [one["reason"] for one in found["bad"]] == ["empty"]
    door.ask("POST", "/v1/feeds/sources", draft(web))
    assert door.status == 409
    changed = door.ask("PATCH", "/v1/feeds/sources/news", {"interval_seconds": 60, "enabled": False})
    assert (changed["interval_seconds"], changed["is_enabled"], changed["health"]) == (60, False, "disabled")
    assert door.ask("GET", "/v1/feeds/sources/news") == changed
    door.ask("POST", "/v1/feeds/sources/news/run")
    assert door.status == 409
    assert door.ask("DELETE", "/v1/feeds/sources/news") == {"removed": "news"}
    door.ask("GET", "/v1/feeds/sources/news")
    assert door.status == 404
    assert door.ask("GET", "/v1/feeds/entries")["counts"]["total"] == 2
    noted = audit(door)
    assert [one[1] for one in noted] == ["feeds.source.add", "feeds.source.change", "feeds.source.remove"]
    assert "hunter2" not in str(noted)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"interval_seconds": 59}, "60 seconds"),
        ({"interval_seconds": 10**30}, "72 hours"),
        ({"address": "file:///etc/passwd"}, "no address of the web"),
        ({"kind": "files", "address": "/etc"}, "ASSAY_FEEDS__ROOTS"),
        ({"options": {"x": 1}}, "x"),
        ({"kind": "magic"}, "magic"),
        ({"more": 1}, "more"),
    ],
)
def test_what_cannot_be_is_told(door: Door, web: Web, wrong: dict[str, Any], said: str) -> None:
    for path in ("/v1/feeds/sources", "/v1/feeds/test"):
        assert said in door.ask("POST", path, draft(web, **wrong))["detail"]
        assert door.status == 400
    assert door.ask("GET", "/v1/feeds/sources") == {"sources": []}


def test_secrets_do_not_move_to_another_server(door: Door, web: Web) -> None:
    door.ask("POST", "/v1/feeds/sources", draft(web, secrets={"X-Key": "hunter2"}))
    told = door.ask("PATCH", "/v1/feeds/sources/news", {"address": "https://example.org/feed"})
    assert (door.status, "another server" in told["detail"]) == (400, True)
    moved = door.ask(
        "PATCH", "/v1/feeds/sources/news", {"address": "https://example.org/feed", "secrets": {"X-Key": None}}
    )
    assert (moved["address"], moved["secrets"]) == ("https://example.org/feed", [])


def test_a_source_is_tried_before_and_after_it_is_set_up(door: Door, web: Web) -> None:
    tried = door.ask("POST", "/v1/feeds/test", draft(web))
    assert (tried["found"], tried["error"]) == (2, None)
    assert tried["entries"][0]["title"] == "Critical hole in Anvil"
    assert tried["entries"][0]["excerpt"] == "<p>Fixed in 2.4</p>"
    assert [one["reason"] for one in tried["bad"]] == ["empty"]
    assert "404" in door.ask("POST", "/v1/feeds/test", draft(web, address=f"{web.url}/none"))["error"]
    assert "public" in door.ask("POST", "/v1/feeds/test", draft(web, address="http://127.0.0.2/"))["error"]
    door.ask("POST", "/v1/feeds/sources", draft(web))
    assert door.ask("POST", "/v1/feeds/sources/news/test")["found"] == 2
    assert door.ask("GET", "/v1/feeds/entries")["entries"] == []


def test_entries_are_listed_page_by_page_and_by_what_they_are(door: Door, web: Web) -> None:
    door.ask("POST", "/v1/feeds/sources", draft(web))
    fetch(door)
    door.as_(Role.VIEWER)
    first = door.ask("GET", "/v1/feeds/entries?limit=1")
    assert [one["title"] for one in first["entries"]] == ["News"]
    rest = door.ask("GET", f"/v1/feeds/entries?limit=1&before={first['next_before']}")
    assert ([one["title"] for one in rest["entries"]], rest["next_before"]) == (
        ["Critical hole in Anvil"],
        None,
    )
    for query, found in (("q=hole", 1), ("status=failed", 0), ("source=other", 0), ("monitored=true", 0)):
        assert len(door.ask("GET", f"/v1/feeds/entries?{query}")["entries"]) == found
    whole = door.ask("GET", f"/v1/feeds/entries/{rest['entries'][0]['id']}")
    assert (whole["entry"], whole["text"]) == (rest["entries"][0], "<p>Fixed in 2.4</p>")
    door.ask("GET", "/v1/feeds/entries/999999")
    assert door.status == 404
    door.ask("GET", "/v1/feeds/entries?status=odd")
    assert door.status == 400


def test_what_was_given_up_is_tried_again_by_call(door: Door, web: Web) -> None:
    door.ask("POST", "/v1/feeds/sources", draft(web))
    fetch(door)
    now = door.service.ctx.clock()
    with door.service.ctx.db.transaction() as conn:
        first, second = store.take_batch(conn, 10, now)
        store.fail(conn, first.id, "never", now)
        store.finish(conn, {second.id: Outcome.NOT_ADVISORY}, now)
    door.as_(Role.ANALYST)
    door.ask("POST", "/v1/feeds/entries/retry", {"ids": [second.id]})
    assert door.status == 404
    assert door.ask("POST", "/v1/feeds/entries/retry", {"source": "news"}) == {"retried": 1}
    assert door.ask("POST", "/v1/feeds/entries/retry") == {"retried": 0}
    assert door.ask("GET", "/v1/feeds/entries")["counts"]["pending"] == 1


def test_a_run_is_one_job_and_who_may_do_what(door: Door, web: Web) -> None:
    door.ask("POST", "/v1/feeds/sources", draft(web))
    door.as_(Role.ANALYST)
    job = door.ask("POST", "/v1/feeds/sources/news/run")["job"]
    assert door.ask("POST", "/v1/feeds/sources/news/run")["job"] == job
    assert door.ask("POST", "/v1/feeds/sources/news/test")["found"] == 2
    for method, path in (("POST", ""), ("PATCH", "/news"), ("DELETE", "/news")):
        door.ask(method, f"/v1/feeds/sources{path}", draft(web))
        assert door.status == 403
    door.as_(Role.VIEWER)
    for path in ("sources/news/run", "sources/news/test", "entries/retry"):
        door.ask("POST", f"/v1/feeds/{path}")
        assert door.status == 403
