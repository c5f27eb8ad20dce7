"""Entries and what was read out of them, on curl's own words, for what comes after reading."""

from datetime import UTC, datetime
from typing import Any

from assay.kit.compression import compress
from assay.kit.db import Connection
from assay.pipelines.feeds.model.entries import RawEntry
from assay.pipelines.feeds.model.extraction import Doubt, Extraction, Package, Prose, Quote, Range, Value
from assay.pipelines.feeds.tasks.settling import Reading, Settled, Terms, settle

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
TITLE = "exposing HTTP/3 early data"
TEXT = f"""{TITLE}

Project curl Security Advisory, June 24 2026

The Common Vulnerabilities and Exposures (CVE) project has assigned the name CVE-2026-9545 to this issue.

CWE-200: Exposure of Sensitive Information to an Unauthorized Actor

Severity: Low

- Affected versions: curl 8.11.0 to and including 8.20.0"""
PROSE = Prose(text=TEXT, title_end=len(TITLE), published=datetime(2026, 6, 24, tzinfo=UTC))


def value(text: str, confidence: float = 0.95) -> Value:
    """A value with its place in curl's text, where it stands there."""
    at = TEXT.find(text)
    return Value(value=text, confidence=confidence, quotes=(Quote(at, at + len(text)),) if at >= 0 else ())


def said(name: str | None = "CVE-2026-9545", confidence: float = 0.95, **fields: Any) -> Extraction:
    """What is read out of the text."""
    values: dict[str, Any] = {
        "identifier": None if name is None else value(name),
        "title": value(TITLE),
        "vendor": value("curl"),
        "product": value("curl"),
        "severity": value("Low", 0.9),
        "cwes": (value("CWE-200"),),
        "packages": (Package(ecosystem="ConanCenter", name="libcurl", confidence=0.9),),
        "ranges": (Range(introduced="8.11.0", last_affected="8.20.0", confidence=0.9),),
        "doubts": (Doubt.NO_NAME,) if name is None else (),
        "confidence": confidence,
    }
    return Extraction(**(values | fields))


def a_source(conn: Connection, name: str = "curl") -> int:
    """A source of entries."""
    row = conn.execute(
        "INSERT INTO feeds.sources "
        "(name, kind, address, interval_seconds, next_at, created_by, created_at, changed_at) "
        "VALUES (%s, 'feed', 'https://curl.example.org/feed', 3600, %s, 'ada', %s, %s) "
        "ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id",
        (name, NOW, NOW, NOW),
    ).fetchone()
    assert row is not None
    return int(row[0])


def an_entry(
    conn: Connection,
    key: str = "https://curl.example.org/1",
    *,
    feed: str = "curl",
    raw: bytes = b"raw",
    is_monitored: bool = False,
) -> RawEntry:
    """An entry that is being processed."""
    source = a_source(conn, feed)
    row = conn.execute(
        "INSERT INTO feeds.raw_entries (source, key, content_hash, media_type, raw, received_at, next_attempt_at, "
        "status, attempts, started_at, is_monitored) "
        "VALUES (%s, %s, sha256(%s), 'text/plain', %s, %s, %s, 'processing', 1, %s, %s) "
        "ON CONFLICT (source, key, content_hash) DO UPDATE SET status = 'processing' RETURNING id",
        (source, key, raw, compress(raw), NOW, NOW, NOW, is_monitored),
    ).fetchone()
    assert row is not None
    return RawEntry(
        id=row[0], source=source, source_name=feed, key=key, media_type="text/plain", address=key, title=TITLE,
        published_at=NOW, raw=raw, attempts=1, is_monitored=is_monitored, priority=0,
    )  # fmt: skip


def settled(
    conn: Connection,
    entry: RawEntry,
    *extractions: Extraction,
    threshold: float = 0.8,
    prose: Prose = PROSE,
    now: datetime = NOW,
) -> Settled:
    """What came of one entry that was read."""
    terms = Terms(threshold, lambda _: False, now)
    return settle(conn, [Reading(entry, prose, tuple(extractions))], terms)


def states(conn: Connection) -> dict[str, str]:
    """How each extraction stands, by record id without the digest of its entry's key."""
    rows = conn.execute("SELECT record_id, state FROM feeds.extractions ORDER BY id").fetchall()
    return {record.rpartition("/")[0]: state for record, state in rows}


def counts(done: Settled) -> dict[str, int]:
    """What was counted, without what was not."""
    names = ("created", "updated", "skipped", "duplicates", "failed")
    return {name: number for name in names if (number := getattr(done.stats, name))}
