"""Changes to the pipeline's own tables, one function per statement."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

import msgspec
from psycopg.rows import class_row

from assay.errors import BadRecord
from assay.kit import sql
from assay.kit.compression import compress, decompress
from assay.kit.db import Connection
from assay.pipelines.advisories.model import Entry

_SQL = sql.beside(__file__)

# Bytes of a bad record that are kept; a larger one is named with its size and stays in its document.
_MOST_RAW = 4 << 20
# What the locator of a whole document begins with; no member of an archive is a record under such a name.
DOCUMENT = "document "
# Bytes of a locator that are kept as they are.
_LONGEST_PLACE = 1024


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A document as the database knows it; `path` is where its bytes were when it was fetched."""

    id: int
    source: str
    scope: str
    name: str
    origin: str
    kind: str
    path: str
    bytes: int | None
    etag: str | None
    last_modified: str | None
    fetched_at: datetime
    is_full: bool
    outcome: str
    detail: str | None


@dataclass(frozen=True, slots=True)
class Listing:
    """What the last staged document of a source and scope listed, by member name."""

    document: str
    reader_version: int
    entries: Mapping[str, Entry]
    records: int
    staged_at: datetime
    cursor_at: datetime | None


@dataclass(frozen=True, slots=True)
class Bad:
    """A record that could not be read, where it stood and why."""

    locator: str
    record_id: str | None
    error: BadRecord
    raw: bytes | None


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A record set aside; `raw` is decompressed, None where the bytes were not kept."""

    id: int
    source: str
    scope: str
    document: str
    locator: str
    record_id: str | None
    reason: str
    detail: str
    raw: bytes | None


_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(dict[str, Entry]).decode


def add_document(
    conn: Connection,
    *,
    source: str,
    scope: str,
    name: str,
    origin: str,
    kind: str,
    path: str,
    size: int | None,
    etag: str | None,
    last_modified: str | None,
    is_full: bool,
    now: datetime,
) -> int:
    """Write a document down and return its number; the same one again keeps it."""
    row = conn.execute(
        _SQL["add_document"].text,
        {
            "source": source,
            "scope": scope,
            "name": name,
            "origin": origin,
            "kind": kind,
            "path": path,
            "bytes": size,
            "etag": etag,
            "last_modified": last_modified,
            "is_full": is_full,
            "now": now,
        },
    ).fetchone()
    assert row is not None
    return int(row[0])


def find_document(
    conn: Connection, source: str, scope: str, *, name: str | None = None, origin: str | None = None
) -> DocumentRow | None:
    """The newest document that fits and was not refused; asked without name and origin, one that lists everything."""
    with conn.cursor(row_factory=class_row(DocumentRow)) as cursor:
        values = {"source": source, "scope": scope, "name": name, "origin": origin}
        return cursor.execute(_SQL["find_document"].text, values).fetchone()


def set_document_outcome(conn: Connection, key: int, outcome: str, detail: str | None = None) -> None:
    """Write down what came of a document: `begun`, `staged` or `refused`."""
    conn.execute(_SQL["set_document_outcome"].text, {"id": key, "outcome": outcome, "detail": detail})


def find_begun(conn: Connection, source: str, scope: str) -> list[str]:
    """The names of documents of which some parts may be claims, for their staging never ended."""
    rows = conn.execute(_SQL["find_begun"].text, {"source": source, "scope": scope})
    return [row[0] for row in rows]


def settle_begun(conn: Connection, source: str, scope: str) -> None:
    """Note that the claims are a whole listing's again, and nothing is left of documents that were begun."""
    conn.execute(_SQL["settle_begun"].text, {"source": source, "scope": scope})


def find_listing(conn: Connection, source: str, scope: str) -> Listing | None:
    """What the last staged document listed, None before the first."""
    row = conn.execute(_SQL["find_listing"].text, {"source": source, "scope": scope}, binary=True).fetchone()
    if row is None:
        return None
    document, version, members, records, staged_at, cursor_at = row
    return Listing(document, version, _entries(members), records, staged_at, cursor_at)


def _entries(members: bytes) -> dict[str, Entry]:
    return _unpack(decompress(members))


def _packed(entries: Mapping[str, Entry]) -> bytes:
    return compress(_pack(entries))


def names_of_other_scopes(conn: Connection, source: str, scope: str) -> set[str]:
    """The member names that the other scopes of a source list."""
    rows = conn.execute(_SQL["other_listings"].text, {"source": source, "scope": scope}, binary=True)
    return {name for row in rows for name in _entries(row[0])}


def save_listing(
    conn: Connection,
    *,
    source: str,
    scope: str,
    document: str,
    reader_version: int,
    entries: Mapping[str, Entry],
    records: int,
    now: datetime,
    cursor_at: datetime | None,
) -> None:
    """Put a listing in the place of the last one; without a cursor the last one's stays."""
    conn.execute(
        _SQL["save_listing"].text,
        {
            "source": source,
            "scope": scope,
            "document": document,
            "reader_version": reader_version,
            "members": _packed(entries),
            "records": records,
            "now": now,
            "cursor_at": cursor_at,
        },
    )


def quarantine(
    conn: Connection, source: str, scope: str, document: str, bad: Iterable[Bad], now: datetime
) -> None:
    """Set records aside with their reasons and their bytes."""
    rows = [
        {
            "source": source,
            "scope": scope,
            "document": document,
            "locator": _place(entry.locator),
            "record_id": None if entry.record_id is None else _text(entry.record_id),
            "reason": entry.error.reason,
            "detail": _text(entry.error.detail),
            "raw": compress(entry.raw) if entry.raw is not None and len(entry.raw) <= _MOST_RAW else None,
            "now": now,
        }
        for entry in bad
    ]
    if rows:
        with conn.cursor() as cursor:
            cursor.executemany(_SQL["quarantine_record"].text, rows)


def _text(text: str) -> str:
    """PostgreSQL's text holds neither NUL nor half a surrogate pair."""
    return text.replace("\x00", "\\0").encode("utf-8", "backslashreplace").decode()


def _place(locator: str) -> str:
    """A locator as a key: an index row of PostgreSQL's holds 2,704 bytes, a name in a zip up to 65,535."""
    text = _text(locator)
    if len(text.encode()) <= _LONGEST_PLACE:
        return text
    return f"{text[:200]}... #{blake2b(text.encode(), digest_size=16).hexdigest()}"


def release_locators(conn: Connection, source: str, scope: str, locators: Sequence[str]) -> int:
    """Take records out of quarantine that now read well or are gone."""
    values = {"source": source, "scope": scope, "locators": [_place(locator) for locator in locators]}
    return conn.execute(_SQL["release_locators"].text, values).rowcount


def release_others(conn: Connection, source: str, scope: str, locators: Sequence[str]) -> int:
    """Take every record of the scope out of quarantine that stands at none of these places."""
    values = {"source": source, "scope": scope, "locators": [_place(locator) for locator in locators]}
    return conn.execute(_SQL["release_others"].text, values).rowcount


def release_documents(conn: Connection, source: str, scope: str) -> int:
    """Take whole documents out of quarantine, now that one of the scope was good."""
    values = {"source": source, "scope": scope, "start": DOCUMENT}
    return conn.execute(_SQL["release_documents"].text, values).rowcount


def mark_good(conn: Connection, source: str, scope: str, locators: Sequence[str]) -> None:
    """Note in the listing that records set aside from it have become claims after all."""
    listing = find_listing(conn, source, scope)
    if listing is None:
        return
    good = set(locators)
    entries = {
        name: Entry(entry.fingerprint, is_bad=False) if entry.is_bad and _place(name) in good else entry
        for name, entry in listing.entries.items()
    }
    values = {"source": source, "scope": scope, "members": _packed(entries)}
    conn.execute(_SQL["replace_members"].text, values)


def find_quarantined(
    conn: Connection, source: str | None = None, ids: Sequence[int] | None = None
) -> list[tuple[int, str]]:
    """The numbers of records set aside and their sources, oldest first."""
    values = {"source": source, "ids": None if ids is None else list(ids)}
    return conn.execute(_SQL["find_quarantined"].text, values).fetchall()


def load_quarantine(conn: Connection, ids: Sequence[int]) -> list[Quarantined]:
    """Records set aside with their bytes, oldest first."""
    rows = conn.execute(_SQL["load_quarantine"].text, {"ids": list(ids)}, binary=True)
    return [Quarantined(*(*row[:-1], None if row[-1] is None else decompress(row[-1]))) for row in rows]


def release_ids(conn: Connection, ids: Sequence[int]) -> int:
    """Take records out of quarantine by number."""
    return conn.execute(_SQL["release_ids"].text, {"ids": list(ids)}).rowcount
