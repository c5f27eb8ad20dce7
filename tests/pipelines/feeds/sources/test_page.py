"""Web pages: whole, in sections, or as lists of links."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from assay.errors import BadRecord
from assay.pipelines.feeds.model.documents import Document, Listing
from assay.pipelines.feeds.sources.page import READER, Options

ADDRESS = "https://example.org/security/"
PAGE = """<!doctype html><html><head><title>Security — Example</title></head><body><nav><a href="/">Home</a></nav>
<main>
<section id="a1"><h2>First  hole</h2><time datetime="2024-05-01T10:00:00Z">May</time><p>Fixed in 1.2.</p></section>
<section><h2>Second</h2><a href="/security/two#top">more</a></section>
<section><p>Third</p></section><section></section>
<ul class="all"><li><a href="one">1</a></li><li><a href="two">2</a> <a href="one#x">1 again</a></li>
<li><a href="mailto:x@example.org">mail</a></li></ul>
</main><script>var now = 1</script></body></html>"""


def read(page: str | bytes = PAGE, kind: str = "text/html", **options: Any) -> Listing:
    raw = page.encode() if isinstance(page, str) else page
    document = Document(address=ADDRESS, content=raw, headers={"content-type": kind})
    return READER.read(document, msgspec.convert(options, Options))


def test_a_whole_page_is_one_entry_as_it_was_received() -> None:
    (one,) = read().entries
    assert (one.key, one.address, one.raw) == (ADDRESS, ADDRESS, PAGE.encode())
    assert one.title == "Security — Example"
    assert one.published_at == datetime(2024, 5, 1, 10, tzinfo=UTC)


def test_what_no_reader_sees_does_not_make_it_another_entry() -> None:
    (one,), (same,) = read().entries, read(PAGE.replace("now = 1", "now = 2")).entries
    (other,) = read(PAGE.replace("1.2", "1.3")).entries
    assert one.sameness == same.sameness != other.sameness


def test_the_part_that_matters_may_be_said() -> None:
    (part,) = read(content="main", title="h2").entries
    assert part.raw.startswith(b"<main>")
    assert part.title == "First hole"
    assert b"var now" not in part.raw


def test_sections_are_entries_with_names_of_their_own() -> None:
    found = read(sections="section")
    assert [(one.key, one.title, one.address) for one in found.entries] == [
        (f"{ADDRESS}#a1", "First hole", f"{ADDRESS}#a1"),
        (f"{ADDRESS}two", "Second", f"{ADDRESS}two"),
        (found.entries[2].key, None, ADDRESS),
    ]
    assert found.entries[0].published_at == datetime(2024, 5, 1, 10, tzinfo=UTC)
    assert [bad.reason for bad in found.bad] == ["empty"]


def test_links_are_told_once_each_and_read_as_pages() -> None:
    found = read(links="ul.all", content="main", max_links=10)
    assert found.links == (f"{ADDRESS}one", f"{ADDRESS}two")
    assert found.link_options == Options(content="main")
    assert read(links=".all a", max_links=1).links == (f"{ADDRESS}one",)


def test_a_page_of_plain_text_is_an_entry() -> None:
    (one,) = read("Fixed in 1.2", "text/plain; charset=utf-8").entries
    assert (one.media_type, one.raw) == ("text/plain", b"Fixed in 1.2")


def test_an_encoding_that_only_the_server_knows_is_kept() -> None:
    (one,) = read("<p>Größe</p>".encode("latin-1"), "text/html; charset=ISO-8859-1").entries
    assert one.media_type == "text/html; charset=iso-8859-1"
    assert read("<p>x</p>", "text/html; charset=UTF-8").entries[0].media_type == "text/html"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"sections": "article"}, "nothing-found"),
        ({"links": "nav.other a"}, "nothing-found"),
        ({"content": "article"}, "nothing-found"),
    ],
)
def test_a_selector_that_finds_nothing_is_told(options: dict[str, str], reason: str) -> None:
    with pytest.raises(BadRecord) as told:
        read(**options)
    assert told.value.reason == reason


@pytest.mark.parametrize(
    ("content", "kind", "reason"),
    [
        ("%PDF-1.4", "application/pdf", "not-a-page"),
        ("<body><script>x()</script></body>", "text/html", "empty"),
    ],
)
def test_what_cannot_be_read_is_told(content: str, kind: str, reason: str) -> None:
    with pytest.raises(BadRecord) as told:
        read(content, kind)
    assert told.value.reason == reason


@pytest.mark.parametrize("options", [{"sections": "a[["}, {"sections": "a", "links": "b"}, {"max_links": 0}])
def test_options_that_make_no_sense_are_told(options: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(options, Options)
