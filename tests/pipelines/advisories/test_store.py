"""The pipeline's tables: documents, listings and the quarantine, each statement on a real database."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from assay.errors import BadRecord, NotFound
from assay.kit.db import Connection
from assay.pipelines.advisories import queries, store
from assay.pipelines.advisories.rules import Entry
from assay.pipelines.advisories.store import Bad

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)


def document(conn: Connection, name: str, **changes: Any) -> int:
    values: dict[str, Any] = {
        "source": "osv",
        "scope": "all",
        "name": name,
        "origin": "https://example.org/all.zip",
        "kind": "zip",
        "path": f"/documents/{name}",
        "size": 10,
        "etag": '"1"',
        "last_modified": None,
        "is_full": True,
        "now": NOW,
    }
    return store.add_document(conn, **(values | changes))


def found(conn: Connection, **by: Any) -> str | None:
    row = store.find_document(conn, "osv", by.pop("scope", "all"), **by)
    return None if row is None else row.name


def test_newest_document_is_found(conn: Connection) -> None:
    assert found(conn) is None
    first = document(conn, "aa01")
    document(conn, "aa02", now=NOW + timedelta(hours=1), origin="/all.zip")
    document(conn, "npm1", now=NOW + timedelta(hours=2), scope="npm")
    assert found(conn) == "aa02"
    assert found(conn, scope="npm") == "npm1"
    assert found(conn, name="aa") == "aa02"
    assert found(conn, name="aa01") == "aa01"
    assert found(conn, name="bb") is None
    assert found(conn, origin="https://example.org/all.zip") == "aa01"
    # A percent sign is a letter.
    assert found(conn, name="a%") is None
    # The same document again is the same row, and the newest.
    assert document(conn, "aa01", now=NOW + timedelta(hours=3), etag='"2"') == first
    row = store.find_document(conn, "osv", "all")
    assert row is not None
    assert (row.name, row.etag, row.outcome) == ("aa01", '"2"', "fetched")


def test_refused_and_partial_documents_stand_in_for_nothing(conn: Connection) -> None:
    document(conn, "full")
    refused = document(conn, "refused", now=NOW + timedelta(hours=1))
    document(conn, "part", now=NOW + timedelta(hours=2), is_full=False)
    store.set_document_outcome(conn, refused, "refused", "it is empty")
    assert found(conn) == "full"
    assert found(conn, name="refused") is None
    assert found(conn, name="part") == "part"
    assert [row.detail for row in queries.list_documents(conn, "osv")] == [None, "it is empty", None]


def test_begun_documents_stay_so_until_they_are_settled(conn: Connection) -> None:
    key = document(conn, "half")
    document(conn, "other", scope="npm")
    assert store.find_begun(conn, "osv", "all") == []
    store.set_document_outcome(conn, key, "begun")
    assert store.find_begun(conn, "osv", "all") == ["half"]
    assert store.find_begun(conn, "osv", "npm") == []
    store.set_document_outcome(conn, key, "refused", "its disk failed")
    assert store.find_begun(conn, "osv", "all") == ["half"]
    document(conn, "half", now=NOW + timedelta(hours=1))
    assert store.find_begun(conn, "osv", "all") == ["half"]
    store.settle_begun(conn, "osv", "all")
    assert store.find_begun(conn, "osv", "all") == []
    store.set_document_outcome(conn, key, "staged")
    assert queries.list_documents(conn, "osv")[0].outcome == "staged"


def listing(conn: Connection, entries: dict[str, Entry], **changes: Any) -> None:
    values: dict[str, Any] = {
        "source": "osv",
        "scope": "all",
        "document": "aa01",
        "reader_version": 1,
        "entries": entries,
        "records": len(entries),
        "now": NOW,
        "cursor_at": None,
    }
    store.save_listing(conn, **(values | changes))


def test_listing_comes_back_as_it_was(conn: Connection) -> None:
    dice = random.Random(1)
    entries = {f"npm/X-{n}.json": Entry(dice.randbytes(16), n % 7 == 0) for n in range(5000)}
    entries["odd \u202e\U0001f600 \0 name"] = Entry(b"", is_bad=True)
    assert store.find_listing(conn, "osv", "all") is None
    listing(conn, entries, cursor_at=NOW)
    held = store.find_listing(conn, "osv", "all")
    assert held is not None
    assert held.entries == entries
    assert (held.document, held.reader_version, held.records, held.cursor_at) == ("aa01", 1, 5001, NOW)
    # Without a cursor the last one's stays.
    listing(conn, {}, document="aa02")
    held = store.find_listing(conn, "osv", "all")
    assert held is not None
    assert (held.entries, held.document, held.cursor_at) == ({}, "aa02", NOW)


def test_other_scopes_names(conn: Connection) -> None:
    assert store.names_of_other_scopes(conn, "osv", "all") == set()
    for scope, names in (("all", "ab"), ("npm", "bc"), ("PyPI", "cd")):
        listing(conn, {name: Entry(b"", is_bad=False) for name in names}, scope=scope)
    listing(conn, {"z": Entry(b"", is_bad=False)}, source="cve")
    assert store.names_of_other_scopes(conn, "osv", "all") == set("bcd")
    assert store.names_of_other_scopes(conn, "osv", "npm") == set("abcd")


def bad(locator: str, raw: bytes | None = b"{", reason: str = "not-json") -> Bad:
    return Bad(locator, f"id of {locator}", BadRecord(reason, "it is\0 no \ud800 JSON"), raw)


def places(conn: Connection) -> list[str]:
    return sorted(row.locator for row in queries.list_quarantine(conn))


def test_quarantine_keeps_reason_and_bytes(conn: Connection) -> None:
    raw = random.Random(2).randbytes(100_000)
    store.quarantine(conn, "osv", "all", "aa01", [bad("a.json", raw), bad("b.json", None)], NOW)
    store.quarantine(conn, "osv", "all", "aa02", [bad("a.json", b"[", "wrong-type")], NOW + timedelta(days=1))
    second, first = queries.list_quarantine(conn)
    assert (first.locator, first.reason, first.document, first.times) == ("a.json", "wrong-type", "aa02", 2)
    assert (first.first_at, first.last_at) == (NOW, NOW + timedelta(days=1))
    assert first.detail == "it is\\0 no \\ud800 JSON"
    assert second.bytes is None
    assert queries.quarantined_bytes(conn, first.id) == b"["
    with pytest.raises(NotFound, match="were not kept"):
        queries.quarantined_bytes(conn, second.id)
    with pytest.raises(NotFound, match="holds no record"):
        queries.quarantined_bytes(conn, second.id + 1000)
    assert queries.count_quarantine(conn) == [("osv", "not-json", 1), ("osv", "wrong-type", 1)]
    assert store.find_quarantined(conn, "osv") == [(first.id, "osv"), (second.id, "osv")]
    assert store.find_quarantined(conn, None, [second.id]) == [(second.id, "osv")]
    assert store.find_quarantined(conn, "cve", [second.id]) == []
    [whole] = store.load_quarantine(conn, [first.id])
    assert (whole.raw, whole.record_id, whole.scope) == (b"[", "id of a.json", "all")


def test_record_too_large_to_keep_is_named_without_its_bytes(conn: Connection) -> None:
    store.quarantine(conn, "osv", "all", "aa01", [bad("a.json", bytes(5 << 20))], NOW)
    [row] = queries.list_quarantine(conn)
    assert (row.bytes, row.reason) == (None, "not-json")


def test_locators_of_any_kind_are_kept_and_released(conn: Connection) -> None:
    noise = random.Random(3).randbytes(20_000).hex()
    odd = ["a.json", "a\0b", "\ud800", noise, f"{noise}2", "\U0001f600" * 2000]
    store.quarantine(conn, "osv", "all", "aa01", [bad(name) for name in odd], NOW)
    assert len(places(conn)) == len(odd)
    assert store.release_locators(conn, "osv", "npm", odd) == 0
    assert store.release_others(conn, "osv", "all", odd) == 0
    assert store.release_locators(conn, "osv", "all", [noise]) == 1
    assert store.release_others(conn, "osv", "all", ["a.json", "\ud800"]) == 3
    assert places(conn) == ["\\ud800", "a.json"]
    assert store.release_ids(conn, [row.id for row in queries.list_quarantine(conn)]) == 2


def test_documents_leave_the_quarantine_alone(conn: Connection) -> None:
    whole = Bad(f"{store.DOCUMENT}aa01", None, BadRecord("refused", "it is empty"), None)
    record = Bad(f"{store.DOCUMENT}X-1.json", "X-1", BadRecord("not-json", "it is none"), b"{")
    store.quarantine(conn, "osv", "all", "aa01", [whole, record], NOW)
    assert store.release_documents(conn, "osv", "npm") == 0
    assert store.release_documents(conn, "osv", "all") == 1
    assert places(conn) == [f"{store.DOCUMENT}X-1.json"]


def test_listing_is_told_what_became_good(conn: Connection) -> None:
    store.mark_good(conn, "osv", "all", ["a"])
    entries = {name: Entry(b"1", is_bad=name in "ab") for name in "abc"}
    listing(conn, entries, cursor_at=NOW)
    store.mark_good(conn, "osv", "all", ["a", "c", "x"])
    held = store.find_listing(conn, "osv", "all")
    assert held is not None
    assert held.entries == entries | {"a": Entry(b"1", is_bad=False)}
    assert (held.document, held.cursor_at) == ("aa01", NOW)


def test_quarantine_is_paged(conn: Connection) -> None:
    store.quarantine(conn, "osv", "all", "aa01", [bad(f"{n:02}") for n in range(7)], NOW)
    store.quarantine(conn, "kev", "all", "aa02", [bad("#1", reason="bad-id")], NOW)
    seen: list[str] = []
    before = None
    while page := queries.list_quarantine(conn, source="osv", before=before, limit=3):
        seen += [row.locator for row in page]
        before = page[-1].id
    assert seen == [f"{n:02}" for n in reversed(range(7))]
    assert [row.source for row in queries.list_quarantine(conn, reason="bad-id")] == ["kev"]
