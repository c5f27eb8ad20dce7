"""REST interfaces: where entries stand, and the next page of every kind."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from assay.errors import BadRecord
from assay.pipelines.feeds.model.documents import Document, Listing
from assay.pipelines.feeds.sources.rest import READER, Options, Paging

ADDRESS = "https://example.org/api/advisories?kind=security"
ITEM = {"id": 5, "name": "A title", "text": "Fixed in 1.2", "links": [{"href": "/a/5"}], "at": 1700000000}


def read(answer: Any, headers: dict[str, str] | None = None, **options: Any) -> Listing:
    document = Document(address=ADDRESS, content=msgspec.json.encode(answer), headers=headers or {})
    return READER.read(document, msgspec.convert(options, Options))


def test_every_part_of_an_entry_is_found_where_it_is_said_to_be() -> None:
    found = read(
        {"data": {"items": [ITEM]}},
        items="/data/items",
        title="name",
        body="text",
        address="links.0.href",
        published="/at",
    )
    (one,) = found.entries
    assert (one.key, one.title, one.raw, one.media_type) == ("5", "A title", b"Fixed in 1.2", "text/plain")
    assert one.address == "https://example.org/a/5"
    assert one.published_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


def test_without_a_body_the_entry_itself_is_the_text() -> None:
    (one,) = read([ITEM]).entries
    assert one.media_type == "application/json"
    assert msgspec.json.decode(one.raw) == ITEM


@pytest.mark.parametrize(
    ("body", "said", "media_type"),
    [
        ("<p>x</p>", None, "text/html"),
        ("a < b and b > c", None, "text/plain"),
        ("# x", "text/markdown", "text/markdown"),
    ],
)
def test_what_kind_of_text_it_is(body: str, said: str | None, media_type: str) -> None:
    (one,) = read([{"id": 1, "b": body}], body="b", media_type=said).entries
    assert one.media_type == media_type


def test_an_entry_that_is_none_is_set_aside_and_the_others_stand() -> None:
    found = read([ITEM, {"id": 6}, {"text": "no name"}, 7], body="text", key="id")
    assert [one.key for one in found.entries] == ["5"]
    assert [bad.reason for bad in found.bad] == ["empty", "no-key", "empty"]


def test_entries_past_the_most_are_told() -> None:
    found = read([{"id": number} for number in range(10_001)])
    assert len(found.entries) == 10_000
    (bad,) = found.bad
    assert (bad.place, bad.reason, bad.detail[:6]) == (ADDRESS, "too-many", "10,001")
    assert read([{"id": number} for number in range(10_000)]).bad == ()


def test_an_entry_without_a_name_is_named_by_what_it_says() -> None:
    first, second = read([{"text": "a"}, {"text": "b"}], body="text").entries
    assert len({first.key, second.key, read([{"text": "a"}]).entries[0].key}) == 2


@pytest.mark.parametrize(
    ("body", "items"), [({"items": {}}, "items"), ({}, "items"), ({"a": []}, ""), ([1], "0"), ("x", "")]
)
def test_a_list_that_is_not_there_is_told(body: Any, items: str) -> None:
    with pytest.raises(BadRecord) as told:
        read(body, items=items)
    assert told.value.reason == "no-list"


def test_what_is_no_json_is_told() -> None:
    with pytest.raises(BadRecord):
        READER.read(Document(address=ADDRESS, content=b"<html>"), Options())


def pages(by: str, bodies: list[Any], **paging: Any) -> list[str]:
    """The addresses that are asked for, one after the other."""
    options = Options(items="items", paging=msgspec.convert({"by": by, **paging}, Paging))
    address: str | None = READER.first(ADDRESS, options, None)
    asked: list[str] = []
    for body in bodies:
        if address is None:
            break
        asked.append(address.removeprefix("https://example.org/api/advisories"))
        document = Document(address=address, content=msgspec.json.encode(body))
        address = READER.read(document, options).following
    return asked


def items(count: int, **more: Any) -> dict[str, Any]:
    return {"items": [ITEM] * count, **more}


def test_paging_by_number_of_the_page() -> None:
    asked = ["?kind=security&page=1", "?kind=security&page=2", "?kind=security&page=3"]
    assert pages("page", [items(2), items(2), items(0), items(2)]) == asked
    sized = {"parameter": "p", "start": 0, "size": 2, "size_parameter": "per"}
    assert pages("page", [items(2), items(1), items(2)], **sized) == [
        "?kind=security&p=0&per=2",
        "?kind=security&per=2&p=1",
    ]


def test_paging_by_offset() -> None:
    asked = ["?kind=security&skip=0", "?kind=security&skip=2", "?kind=security&skip=5"]
    assert pages("offset", [items(2), items(3), items(0)], parameter="skip") == asked


def test_paging_by_an_address_in_the_answer() -> None:
    bodies = [items(1, next="/api/advisories?after=7"), items(1, next=None)]
    assert pages("next", bodies, at="next") == ["?kind=security", "?after=7"]


def test_paging_by_cursor() -> None:
    bodies = [items(1, meta={"cursor": "a&b"}), items(1, meta={"cursor": ""}), items(1)]
    assert pages("cursor", bodies, at="/meta/cursor") == ["?kind=security", "?kind=security&cursor=a%26b"]


@pytest.mark.parametrize(
    ("link", "following"),
    [
        ('<https://example.org/api?page=2>; rel="next", <x>; rel="last"', "https://example.org/api?page=2"),
        ("<?page=2>;rel=next", "https://example.org/api/advisories?page=2"),
        (
            '<?page=9>; rel="last"; title="next", <?page=2>; title="a"; rel="prev next"',
            "/api/advisories?page=2",
        ),
        ('<?page=1>; rel="prev"', None),
        ("", None),
    ],
)
def test_paging_by_link(link: str, following: str | None) -> None:
    found = read({"items": [ITEM]}, headers={"link": link}, items="items", paging={"by": "link"})
    assert found.following == following or (found.following or "").endswith(following or "nothing")


def test_a_cursor_may_be_kept_for_the_next_fetch() -> None:
    kept = {"by": "cursor", "at": "cursor", "parameter": "since", "is_kept": True}
    options = msgspec.convert({"items": "items", "paging": kept}, Options)
    assert READER.first("https://example.org/a", options, "42") == "https://example.org/a?since=42"
    assert read(items(1, cursor=43), items="items", paging=kept).mark == "43"
    assert read(items(0, cursor=43), items="items", paging=kept).following is None


@pytest.mark.parametrize(
    "paging",
    [
        {"by": "next"},
        {"by": "cursor"},
        {"by": "page", "is_kept": True},
        {"by": "page", "size": 5},
        {"by": "magic"},
        {"by": "page", "x": 1},
    ],
)
def test_paging_that_makes_no_sense_is_told(paging: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"paging": paging}, Options)
