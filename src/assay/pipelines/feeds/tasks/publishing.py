"""Telling the catalog how some extractions stand now: claims, tombstones, and a merge of what changed."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import sha256

from assay.catalog import commands as catalog
from assay.catalog.model import Reader, encode_claim
from assay.jobs.deferring import defer
from assay.kit.db import Connection
from assay.pipelines.feeds.model import EXTRACTION, PERSON, ROOM
from assay.pipelines.feeds.model.review import Item, Record, State
from assay.pipelines.feeds.queries import reviewing
from assay.pipelines.feeds.rules.claims import READERS, encode_record
from assay.pipelines.feeds.rules.publishing import claims_of


def publish(conn: Connection, ids: Iterable[int], now: datetime) -> None:
    """Let the catalog hold what these extractions come to, in the caller's transaction, and merge it soon.

    What stands as it was told before changes nothing.
    """
    items = reviewing.get_items(conn, sorted(set(ids)))
    if not items:
        return
    claims = [(item, claims_of(item)) for item in items]
    _tell(conn, EXTRACTION, [(item, one.read) for item, one in claims], now)
    _tell(conn, PERSON, [(item, one.decided) for item, one in claims], now)
    defer(conn, catalog.merge_later)


def _tell(
    conn: Connection, source: str, records: Sequence[tuple[Item, Record | None]], now: datetime
) -> None:
    read = READERS[source]
    incoming = [_incoming(read, item.record_id, record) for item, record in records if record is not None]
    catalog.submit(conn, source, ROOM, incoming, now)
    gone: dict[str, list[str]] = {}
    for item, record in records:
        if record is None:
            gone.setdefault(_reason(item), []).append(item.record_id)
    for reason, record_ids in gone.items():
        catalog.tombstone(conn, source, record_ids, reason, now)


def _incoming(read: Reader, record_id: str, record: Record) -> catalog.Incoming:
    raw = encode_record(record)
    claim = read(record_id, raw)
    return catalog.Incoming(claim, encode_claim(claim), raw, sha256(raw).digest())


def _reason(item: Item) -> str:
    match item.state:
        case State.REJECTED:
            return f"rejected by {item.decided_by}" + (f": {item.note}" if item.note else "")
        case State.APPROVED:
            return f"{item.decided_by} says that it is about {item.identifier}"
        case State.SUPERSEDED:
            return "the entry does not say so any more"
    return "waits for a person"
