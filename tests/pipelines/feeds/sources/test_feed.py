"""Feeds: real ones, every dialect, and what is nearly one."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import BadRecord
from assay.pipelines.feeds.model.documents import Document, Listing
from assay.pipelines.feeds.sources.feed import READER, Options
from pipelines.feeds.bulletins import bulletins

ADDRESS = "https://example.org/news/feed"


def read(content: bytes | str, media_type: str = "application/xml") -> Listing:
    raw = content.encode() if isinstance(content, str) else content
    return READER.read(
        Document(address=ADDRESS, content=raw, headers={"content-type": media_type}), Options()
    )


def rss(items: str, version: str = "2.0") -> str:
    return f'<?xml version="1.0"?><rss version="{version}"><channel><title>t</title>{items}</channel></rss>'


@pytest.mark.parametrize(("name", "count"), [("pub-2023-07", 5), ("pub-2024-10", 11), ("erlang-2024-03", 20)])
def test_a_real_feed_gives_every_entry_as_it_was_written(name: str, count: int) -> None:
    # The third one lists four advisories more than once, each time as they were.
    found = read(bulletins()[f"feeds/atom/{name}.rss"])
    assert (len(found.entries), found.bad, found.following) == (count, (), None)
    for one in found.entries:
        assert one.key.startswith("https://github.com/advisories/GHSA-")
        assert one.address == one.key
        assert one.media_type == "text/html"
        assert one.title
        assert one.published_at is not None
        assert b"<p>" in one.raw
        assert one.raw in bulletins()[f"feeds/atom/{name}.rss"]


def test_the_first_entry_of_a_real_feed() -> None:
    one = read(bulletins()["feeds/atom/pub-2023-07.rss"]).entries[0]
    assert one.title == "[dio] Improper Neutralization of CRLF Sequences in dio"
    assert one.key == "https://github.com/advisories/GHSA-jwpw-q68h-r678"
    assert one.published_at == datetime(2022, 5, 24, 17, 47, 44, tzinfo=UTC)


@pytest.mark.parametrize("version", ["0.91", "0.92", "2.0"])
def test_rss_of_every_age(version: str) -> None:
    item = (
        "<item><title>A &amp;amp; B</title><link>/1</link><guid isPermaLink='false'>x1</guid>"
        "<pubDate>Fri, 31 Mar 2023 05:06:53 GMT</pubDate><description>&lt;b&gt;bold&lt;/b&gt;</description></item>"
    )
    (one,) = read(rss(item, version)).entries
    assert (one.title, one.address, one.raw) == ("A & B", "https://example.org/1", b"<b>bold</b>")
    assert one.published_at == datetime(2023, 3, 31, 5, 6, 53, tzinfo=UTC)
    assert one.key == "x1"


def test_rss_1_is_rdf() -> None:
    (one,) = read(
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">'
        '<channel rdf:about="https://example.org/"><title>t</title></channel>'
        '<item rdf:about="https://example.org/1"><title>One</title><link>https://example.org/1</link>'
        "<description>text</description></item></rdf:RDF>"
    ).entries
    assert (one.key, one.title, one.raw) == ("https://example.org/1", "One", b"text")


def test_the_longest_of_what_an_entry_says_is_its_text() -> None:
    (one,) = read(
        rss(
            "<item><title>t</title><description>short</description>"
            '<x:encoded xmlns:x="http://purl.org/rss/1.0/modules/content/">'
            "<![CDATA[<p>the whole <script>text()</script></p>]]></x:encoded></item>"
        )
    ).entries
    # Nothing is cleaned away here: what was received is kept.
    assert one.raw == b"<p>the whole <script>text()</script></p>"


def test_an_entry_without_a_name_is_named_by_its_link_and_else_by_what_it_says() -> None:
    text = "<item><title>t</title><description>d</description></item>"
    linked = "<item><title>t</title><link>https://example.org/a</link></item>"
    first, second = read(rss(text + linked)).entries
    assert second.key == "https://example.org/a"
    assert first.key == read(rss(text)).entries[0].key
    assert first.key != read(rss(text.replace(">d<", ">e<"))).entries[0].key
    assert first.published_at is None


def test_an_entry_that_says_nothing_is_set_aside_and_the_others_stand() -> None:
    found = read(rss("<item><guid>1</guid></item><item><title>t</title></item>"))
    assert [one.title for one in found.entries] == ["t"]
    assert [(bad.reason, bad.place) for bad in found.bad] == [("empty", f"{ADDRESS} entry 1")]


def test_entries_past_the_most_are_told() -> None:
    items = ",".join(f'{{"id": {number}, "title": "t"}}' for number in range(10_002))
    found = read(f'{{"version": "https://jsonfeed.org/version/1.1", "items": [{items}]}}')
    assert len(found.entries) == 10_000
    assert [(bad.place, bad.reason, bad.detail[:6]) for bad in found.bad] == [(ADDRESS, "too-many", "10,002")]


def test_what_is_not_well_formed_is_read_as_far_as_it_goes() -> None:
    found = read(rss("<item><title>One & two</title></item><item><title>Three</title></item>")[:-12])
    assert [one.title for one in found.entries] == ["One & two", "Three"]


@pytest.mark.parametrize(
    "content", ["", "<html><body>Please sign in</body></html>", "nothing of the kind", "<a/>", "/etc/passwd"]
)
def test_what_is_no_feed_is_told(content: str) -> None:
    with pytest.raises(BadRecord) as told:
        read(content)
    assert told.value.reason == "not-a-feed"


def test_entities_from_outside_are_not_read() -> None:
    found = read(
        '<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd"><!ENTITY y "yyyyyyyyyy">]>'
        + rss("<item><title>t &x; &y;</title></item>")
    )
    assert "root:" not in str(found.entries)


def test_links_that_are_no_web_addresses_are_dropped() -> None:
    (one,) = read(rss("<item><title>t</title><link>javascript:alert(1)</link></item>")).entries
    assert one.address is None


def test_the_encoding_is_told_by_the_server_or_the_document() -> None:
    item = "<item><title>Größe</title></item>"
    document = (
        f'<?xml version="1.0" encoding="iso-8859-1"?><rss version="2.0"><channel>{item}</channel></rss>'
    )
    assert read(document.encode("latin-1")).entries[0].title == "Größe"
    assert read(rss(item).encode("utf-8"), "application/rss+xml; charset=utf-8").entries[0].title == "Größe"


def test_a_json_feed_is_a_feed() -> None:
    found = read(
        '{"version": "https://jsonfeed.org/version/1.1", "title": "t", "next_url": "?page=2", "items": ['
        '{"id": 7, "url": "https://example.org/7", "content_html": "<p>x</p>",'
        ' "date_published": "2024-05-01T10:00:00Z"},'
        '{"id": "8", "title": "T", "content_text": "plain"}, {"id": "9"}, 10]}',
        "application/feed+json",
    )
    assert [(one.key, one.media_type, one.raw) for one in found.entries] == [
        ("7", "text/html", b"<p>x</p>"),
        ("8", "text/plain", b"plain"),
    ]
    assert found.entries[0].published_at == datetime(2024, 5, 1, 10, tzinfo=UTC)
    assert [bad.reason for bad in found.bad] == ["empty", "wrong-type"]
    assert found.following == "https://example.org/news/feed?page=2"


def test_other_json_is_no_feed() -> None:
    with pytest.raises(BadRecord, match="kind `json`"):
        read('{"items": []}')


def test_the_next_page_of_a_feed_is_its_own_word() -> None:
    found = read(
        '<feed xmlns="http://www.w3.org/2005/Atom"><link rel="next" href="?page=2"/>'
        "<entry><title>t</title><id>1</id></entry></feed>"
    )
    assert found.following == "https://example.org/news/feed?page=2"


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: rss(f"<item>{text}</item>").encode()))
def test_whatever_comes_is_read_or_refused(content: bytes) -> None:
    try:
        found = read(content)
    except BadRecord:
        return
    assert all(one.key for one in found.entries)
