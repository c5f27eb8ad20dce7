"""What the pipeline can show: quarantine, documents, what each source last listed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg.rows import class_row, dict_row

from assay.catalog.queries import scores_in_force
from assay.errors import NotFound
from assay.jobs.ledger import Run, last_runs
from assay.kit import sql
from assay.kit.compression import content_size, decompress
from assay.kit.db import Connection
from assay.pipelines.advisories.model import Bucket, Download, Repository, ScoreSource, Source

_SQL = sql.beside(__file__)

# Every source publishes at least daily; one that was missed twice is a matter for a person.
STALE = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class QuarantineRow:
    """A record set aside; `bytes` as its source wrote it, None where they were not kept."""

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
    with conn.cursor(row_factory=dict_row) as cursor:
        return [_set_aside(row) for row in cursor.execute(_SQL["list_quarantine"].text, values)]


def count_quarantine(conn: Connection) -> list[tuple[str, str, int]]:
    """Records set aside by source and reason."""
    return [(row[0], row[1], row[2]) for row in conn.execute(_SQL["count_quarantine"].text)]


def get_quarantine(conn: Connection, key: int) -> QuarantineRow:
    """One record set aside. Raises NotFound when there is none of that number."""
    with conn.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(_SQL["get_quarantine"].text, {"id": key}).fetchone()
    if row is None:
        raise NotFound(f"quarantine holds no record {key}")
    return _set_aside(row)


def _set_aside(row: dict[str, Any]) -> QuarantineRow:
    head = row.pop("head")
    return QuarantineRow(**row, bytes=None if head is None else content_size(head))


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


@dataclass(frozen=True, slots=True)
class Standing:
    """A source and what is known of it."""

    source: Source
    run: Run | None
    fetched_at: datetime | None
    records: int
    quarantined: int


def list_standings(conn: Connection, sources: Mapping[str, Source]) -> list[Standing]:
    """What is known of each source, from the run ledger, the documents, the listings and the quarantine."""
    ran = {run.source: run for run in last_runs(conn, "advisories")}
    fetched = list_freshness(conn)
    scores = scores_in_force(conn)
    records = Counter(
        {name: scores[1] for name, entry in sources.items() if scores and isinstance(entry, ScoreSource)}
    )
    for listing in list_listings(conn):
        records[listing.source] += listing.records
    bad: Counter[str] = Counter()
    for name, _, number in count_quarantine(conn):
        bad[name] += number
    return [
        Standing(source, ran.get(name), fetched.get(name), records[name], bad[name])
        for name, source in sources.items()
    ]


def freshness(fetched_at: datetime | None, now: datetime) -> str:
    """`never`, `fresh` or `stale`."""
    if fetched_at is None:
        return "never"
    return "fresh" if now - fetched_at <= STALE else "stale"


def address(source: Source) -> str:
    """Where a source is fetched from."""
    match source.transport:
        case Download(url=url):
            return url
        case Bucket(url=url, archive=archive):
            return f"{url}/{archive}"
        case Repository(url=url, branch=branch):
            return f"{url} ({branch})"
