"""What the pipeline can show: quarantine, documents, what each source last listed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from assay.errors import NotFound
from assay.kit import sql
from assay.kit.compression import decompress
from assay.kit.db import Connection

_SQL = sql.beside(__file__)


@dataclass(frozen=True, slots=True)
class QuarantineRow:
    """A record set aside; `bytes` as kept, None where they were not."""

    id: int
    source: str
    scope: str
    document: str
    locator: str
    record_id: str | None
    reason: str
    detail: str
    bytes: int | None
    first_at: datetime
    last_at: datetime
    times: int


@dataclass(frozen=True, slots=True)
class ListingRow:
    """What a source's last staged document listed."""

    source: str
    scope: str
    document: str
    records: int
    staged_at: datetime
    cursor_at: datetime | None


@dataclass(frozen=True, slots=True)
class DocumentSummary:
    """A document that was fetched."""

    id: int
    source: str
    scope: str
    name: str
    origin: str
    kind: str
    bytes: int | None
    fetched_at: datetime
    outcome: str
    detail: str | None


def list_quarantine(
    conn: Connection,
    *,
    source: str | None = None,
    reason: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> Sequence[QuarantineRow]:
    """A page of records set aside, newest first; `before` is the last number of the page before."""
    values = {"source": source, "reason": reason, "before": before, "limit": limit}
    with conn.cursor(row_factory=class_row(QuarantineRow)) as cursor:
        return cursor.execute(_SQL["list_quarantine"].text, values).fetchall()


def count_quarantine(conn: Connection) -> list[tuple[str, str, int]]:
    """Records set aside by source and reason."""
    return [(row[0], row[1], row[2]) for row in conn.execute(_SQL["count_quarantine"].text)]


def get_quarantine(conn: Connection, key: int) -> QuarantineRow:
    """One record set aside. Raises NotFound when there is none of that number."""
    with conn.cursor(row_factory=class_row(QuarantineRow)) as cursor:
        row = cursor.execute(_SQL["get_quarantine"].text, {"id": key}).fetchone()
    if row is None:
        raise NotFound(f"quarantine holds no record {key}")
    return row


def quarantined_bytes(conn: Connection, key: int) -> bytes:
    """The raw record that was set aside. Raises NotFound when there is none or its bytes were not kept."""
    row = conn.execute(_SQL["get_quarantined"].text, {"id": key}, binary=True).fetchone()
    if row is None:
        raise NotFound(f"quarantine holds no record {key}")
    if row[5] is None:
        raise NotFound(f"the bytes of record {key} were not kept: {row[4]}")
    return decompress(row[5])


def list_listings(conn: Connection) -> Sequence[ListingRow]:
    """What each source's last staged document listed, by source and scope."""
    with conn.cursor(row_factory=class_row(ListingRow)) as cursor:
        return cursor.execute(_SQL["list_listings"].text).fetchall()


def list_freshness(conn: Connection) -> dict[str, datetime]:
    """When each source last had a document that could be used, by source."""
    return {row[0]: row[1] for row in conn.execute(_SQL["list_freshness"].text)}


def list_documents(conn: Connection, source: str | None = None, limit: int = 50) -> Sequence[DocumentSummary]:
    """Documents, newest first."""
    with conn.cursor(row_factory=class_row(DocumentSummary)) as cursor:
        return cursor.execute(_SQL["list_documents"].text, {"source": source, "limit": limit}).fetchall()
