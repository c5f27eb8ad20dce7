"""Entries as received, and how far they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import class_row, dict_row

from assay.domain.numbers import LARGEST_ID
from assay.errors import NotFound
from assay.kit import sql
from assay.kit.compression import decompress
from assay.kit.db import Connection, writable
from assay.pipelines.feeds.model.entries import Counts, Status

_SQL = sql.beside(__file__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry as it stands; `document` is the SHA-256 of the fetched bytes that it stood in."""

    id: int
    source: str
    key: str
    title: str | None
    address: str | None
    media_type: str
    published_at: datetime | None
    received_at: datetime
    status: str
    attempts: int
    next_attempt_at: datetime
    priority: int
    is_monitored: bool
    ended_at: datetime | None
    outcome: str | None
    error: str | None
    document: str | None

    def shown(self) -> Mapping[str, Any]:
        """Everything that people and programs are told of it."""
        return {name: getattr(self, name) for name in self.__slots__}


def list_entries(
    conn: Connection,
    *,
    status: Status | None = None,
    source: str | None = None,
    is_monitored: bool = False,
    words: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[Entry]:
    """Entries that fit, newest first; `before` is the last number of the page before."""
    values = {
        "status": status,
        "source": source and writable(source),
        "is_monitored": is_monitored,
        "words": None if not words else f"%{_plain(writable(words))}%",
        "before": LARGEST_ID if before is None else before,
        "limit": limit,
    }
    with conn.cursor(row_factory=class_row(Entry)) as cursor:
        return cursor.execute(_SQL["list_entries"].text, values, prepare=False).fetchall()


def _plain(words: str) -> str:
    """The words as LIKE takes them literally."""
    return words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def get_entry(conn: Connection, key: int) -> tuple[Entry, bytes]:
    """One entry, and its text as received. Raises NotFound."""
    with conn.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(_SQL["get_entry"].text, {"id": key}).fetchone()
    if row is None:
        raise NotFound(f"there is no entry {key}: it may have been purged; `assay feeds entries` lists them")
    raw = decompress(row.pop("raw"))
    return Entry(**row), raw


def count_entries(conn: Connection) -> Counts:
    """How many entries are how far."""
    return Counts(dict(conn.execute(_SQL["count_by_status"].text).fetchall()))
