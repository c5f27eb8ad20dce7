"""`assay feeds`: sources set up, tried, fetched and removed, and what they gave."""

import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.cli.exits import ExitCode
from conftest import _create, _drop
from pipelines.feeds.bulletins import ARCHIVE
from servers import Document, Web, web_server

FEED = b"""<rss version="2.0"><channel><item><guid isPermaLink="false">1</guid><title>Critical hole</title>
<description>Fixed in 2.4</description></item><item><guid>2</guid></item></channel></rss>"""


@pytest.fixture(scope="module")
def loaded(server, template) -> Iterator[dict[str, str]]:
    """The environment of an Assay whose sources may ask this machine, and read one folder."""
    name = f"{template}_cli_feeds"
    _create(server, name, template)
    with tempfile.TemporaryDirectory() as home:
        with tarfile.open(ARCHIVE) as archive:
            archive.extractall(home, filter="data")
        yield {
            "ASSAY_HOME": f"{home}/home",
            "ASSAY_DATABASE_URL": server.database_url(name),
            "ASSAY_PROCESSES": "1",
            "ASSAY_FEEDS__REACHABLE": '["127.0.0.1"]',
            "ASSAY_FEEDS__ROOTS": f'["{home}/feeds"]',
            "NO_PROXY": "127.0.0.1",
        }
    _drop(server, name)


@pytest.fixture
def web() -> Iterator[Web]:
    with web_server() as web:
        web.documents["/feed"] = Document(FEED, etag='"1"')
        yield web


@pytest.fixture
def folder(loaded) -> str:
    return str(Path(loaded["ASSAY_HOME"]).parent / "feeds")


def test_real_bulletins_are_read_from_a_folder(assay, ask, folder):
    tried = ask("feeds", "source", "test", "x", f"{folder}/curl", "--kind", "files")
    assert (tried["found"], tried["error"]) == (5, None)
    made = ask("feeds", "source", "add", "curl", f"{folder}/curl", "--kind", "files", "--interval", "6h")
    assert (made["health"], made["interval_seconds"]) == ("new", 21_600)
    came = ask("feeds", "source", "run", "curl")
    assert (came["new"], came["bad"], came["error"]) == (6, 0, None)
    assert "unchanged" in assay("feeds", "source", "run", "curl").stdout
    listed = ask("feeds", "entries", "--source", "curl", "--limit", "4")
    assert len(listed["entries"]) == 4
    more = ask("feeds", "entries", "--source", "curl", "--before", str(listed["next_before"]))
    assert (len(more["entries"]), more["next_before"]) == (2, None)
    first = more["entries"][-1]
    shown = ask("feeds", "show-entry", str(first["id"]))
    raw = assay("feeds", "show-entry", str(first["id"]), "--raw").stdout_bytes
    assert raw == (Path(folder) / "curl" / first["key"]).read_bytes()
    assert shown["text"].encode() == raw
    assert first["title"] in assay("feeds", "show-entry", str(first["id"])).stdout
    assert "6" in assay("feeds", "source", "list").stdout
    assert "of all" in assay("feeds", "entries", "--title", "no such thing").stdout
    assert "curl" in assay("feeds", "entries", "--status", "pending").stdout


def test_a_feed_is_set_up_changed_and_removed(assay, ask, web):
    address = f"{web.url}/feed"
    options = ("--header", "X-Key=@-", "--header", "?k=sesame-1")
    web.documents["/feed?k=sesame-1"] = web.documents["/feed"]
    made = ask("feeds", "source", "add", "news", address, *options, input="hunter2\n")
    assert made["secrets"] == ["?k", "X-Key"]
    came = assay("feeds", "source", "run", "news")
    assert "1 entry read, 1 new" in came.stdout
    assert "1 set aside" in came.stdout
    assert web.asked[0].headers["x-key"] == "hunter2"
    for words in (("list",), ("show", "news"), ("show", "news", "--json"), ("test", "news")):
        said = assay("feeds", "source", *words)
        assert "hunter2" not in said.output
        assert "sesame" not in said.output
    assert ask("feeds", "source", "show", "news")["bad"][0]["reason"] == "empty"
    changed = ask("feeds", "source", "change", "news", "--no-header", "X-Key", "--interval", "90s")
    assert (changed["secrets"], changed["interval_seconds"]) == (["?k"], 90)
    assay("feeds", "source", "change", "news", "--address", "https://example.org/", code=ExitCode.WRONG)
    assert ask("feeds", "source", "disable", "news")["health"] == "disabled"
    assay("feeds", "source", "run", "news", "--later", code=ExitCode.CONFLICT)
    assert ask("feeds", "source", "enable", "news")["health"] == "well"
    assert ask("feeds", "source", "run", "news", "--later")["job"] > 0
    user = ask("feeds", "source", "change", "news", "--user", "ann", input="passphrase\n")
    assert user["secrets"] == ["?k", "Authorization"]
    assay("feeds", "source", "remove", "news")
    assay("feeds", "source", "show", "news", code=ExitCode.NOT_FOUND)
    assert "removed" in assay("feeds", "source", "list", "--all").stdout
    noted = assay("audit", "--json").stdout
    assert "feeds.source.remove" in noted
    assert "hunter2" not in noted


def test_a_source_that_fails_says_why(assay, ask, web):
    tried = assay("feeds", "source", "test", "gone", f"{web.url}/none", code=ExitCode.NOT_WELL)
    assert "404" in tried.stdout
    inside = assay("feeds", "source", "test", "x", "http://127.0.0.2/", "--json", code=ExitCode.NOT_WELL)
    assert "not a public address" in inside.stdout
    ask("feeds", "source", "add", "gone", f"{web.url}/none", "--disabled")
    assert "failed" in assay("feeds", "source", "run", "gone", code=ExitCode.NOT_WELL).stdout
    assert "1 time in a row" in assay("feeds", "source", "show", "gone").stdout
    assay("feeds", "source", "add", "gone", f"{web.url}/none", code=ExitCode.CONFLICT)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "x", "https://example.org/", "--interval", "1 week"), "no length of time"),
        (("add", "x", "https://example.org/", "--interval", "30s"), "60 seconds to 72 hours"),
        (("add", "x", "https://example.org/", "--kind", "magic"), "none of feed, json, page, files"),
        (("add", "x", "https://example.org/", "--options", "{"), "no JSON object"),
        (("add", "x", "https://example.org/", "--header", "nonsense"), "NAME=VALUE"),
        (("add", "x", "/etc", "--kind", "files"), "ASSAY_FEEDS__ROOTS"),
        (("test", "x", "--header", "A=b"), "say the address too"),
    ],
)
def test_what_cannot_be_is_told(assay, words, said):
    assert said in " ".join(assay("feeds", "source", *words, code=ExitCode.WRONG).stderr.split())


def test_entries_are_tried_again_and_purged_by_call(assay, ask):
    assert ask("feeds", "retry") == {"retried": 0}
    assert "0 entries" in assay("feeds", "retry", "--source", "curl").stdout
    assay("feeds", "retry", "999999", code=ExitCode.NOT_FOUND)
    assert ask("feeds", "purge", "--days", "1") == {"purged": 0}
    assert "0 entries purged" in assay("feeds", "purge").stdout
    assay("feeds", "entries", "--status", "odd", code=ExitCode.WRONG)
    assay("feeds", "show-entry", "999999", code=ExitCode.NOT_FOUND)


def test_a_new_key_opens_what_it_sealed(assay, ask, web):
    key = assay("feeds", "new-key").stdout.strip()
    assert len(ask("feeds", "new-key")["key"]) == len(key)
    keyed = {"ASSAY_FEEDS__KEYS": f'["{key}"]'}
    ask("feeds", "source", "add", "keyed", f"{web.url}/feed", "--header", "X-Key=hunter2", **keyed)
    assert ask("feeds", "source", "run", "keyed", **keyed)["error"] is None
    lost = assay("feeds", "source", "run", "keyed", "--json", code=ExitCode.NOT_WELL).stdout
    assert "sealed with a key that is not here" in lost
