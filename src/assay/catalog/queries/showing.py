"""Vulnerabilities one by one, their history, and figures about all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from hashlib import sha256

from msgspec import Struct, json
from psycopg.rows import class_row, dict_row

from assay.domain.identifiers import normalise
from assay.errors import NotFound
from assay.kit import sql
from assay.kit.compression import decompress
from assay.kit.db import Connection, writable

_SQL = sql.beside(__file__)


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """One curated vulnerability. `document` is its finished OSV record and `provenance` who said what, as JSON."""

    id: int
    name: str
    state: str
    summary: str | None
    severity: str | None
    cvss_version: str | None
    cvss_score: float | None
    cvss_vector: str | None
    published_at: datetime | None
    modified_at: datetime | None
    withdrawn_at: datetime | None
    epss: float | None
    epss_percentile: float | None
    is_exploited: bool
    exploited_on: date | None
    sources: list[str]
    claim_ids: list[int]
    confidence: float
    needs_review: bool
    remediated_at: datetime | None
    changed_at: datetime
    document: bytes
    provenance: bytes


@dataclass(frozen=True, slots=True)
class HeldClaim:
    """A claim on a vulnerability, without its raw record."""

    id: int
    source: str
    record_id: str
    document: str
    confidence: float
    seen_at: datetime
    tombstoned_at: datetime | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """One step of a vulnerability's history; `fields` of the document that changed."""

    seq: int
    at: datetime
    what: str
    fields: list[str] | None


@dataclass(frozen=True, slots=True)
class NamedChange:
    """A change by the vulnerability's present name, or its last one where it was removed."""

    name: str
    seq: int
    at: datetime
    what: str
    fields: list[str] | None


class _Named(Struct):
    id: str


@dataclass(frozen=True, slots=True)
class DatedScore:
    """An EPSS score from a day on, until the next row."""

    scored_on: date
    score: float
    percentile: float | None


@dataclass(frozen=True, slots=True)
class Stats:
    """The catalog in figures. `digest` is the same for two catalogs that say the same."""

    states: Mapping[str, int]
    severities: Mapping[str, int]
    claims: Mapping[str, tuple[int, int]]
    ecosystems: Sequence[tuple[str, int, int]]
    identifiers: int
    exploited: int
    with_epss: int
    merged: int
    needs_review: int
    dirty_claims: int
    last_change: int
    scored_on: date | None
    decisions: int
    database_bytes: int
    digest: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided about two names."""

    kind: str
    left: str
    right: str
    reason: str
    decided_by: str
    decided_at: datetime


def find_id(conn: Connection, identifier: str) -> int | None:
    """The key of the vulnerability that an identifier finds, however it is written."""
    name = normalise(writable(identifier))
    row = conn.execute(_SQL["find_name"].text, {"identifier": name}).fetchone()
    return None if row is None else int(row[0])


def get(conn: Connection, identifier: str) -> Vulnerability:
    """The vulnerability that an identifier finds. Raises NotFound, naming identifiers that begin alike."""
    key = find_id(conn, identifier)
    if key is None:
        rows = conn.execute(
            _SQL["similar_names"].text, {"start": normalise(writable(identifier)) or ""}
        ).fetchall()
        hint = f"; did you mean {', '.join(row[0] for row in rows)}?" if rows else ""
        raise NotFound(f"no vulnerability is known as {identifier!r}{hint}")
    with conn.cursor(row_factory=class_row(Vulnerability)) as cursor:
        found = cursor.execute(_SQL["get_vulnerability"].text, {"id": key}).fetchone()
    if found is None:
        raise NotFound(f"{identifier!r} is being merged right now; ask again")
    return replace(found, document=decompress(found.document))


def list_names(conn: Connection, key: int) -> list[tuple[str, int]]:
    """The names that find a vulnerability and how many claims give each."""
    return [(row[0], row[1]) for row in conn.execute(_SQL["list_names"].text, {"id": key})]


def list_claims(conn: Connection, ids: Sequence[int]) -> list[HeldClaim]:
    """Claims by id."""
    with conn.cursor(row_factory=class_row(HeldClaim)) as cursor:
        return cursor.execute(_SQL["list_claims"].text, {"ids": list(ids)}).fetchall()


def list_records(conn: Connection, source: str, documents: Sequence[str]) -> list[str]:
    """The record ids of a source's claims, tombstones left out, that came with any of some documents."""
    values = {"source": source, "documents": list(documents)}
    return [row[0] for row in conn.execute(_SQL["list_records"].text, values)]


def list_changes(conn: Connection, key: int, limit: int = 50) -> list[Change]:
    """A vulnerability's history, newest first."""
    with conn.cursor(row_factory=class_row(Change)) as cursor:
        return cursor.execute(_SQL["list_changes"].text, {"id": key, "limit": limit}).fetchall()


def count_dirty(conn: Connection) -> int:
    """Claims that wait to be merged."""
    row = conn.execute(_SQL["count_dirty"].text).fetchone()
    assert row is not None
    return int(row[0])


def last_change(conn: Connection) -> int:
    """The number of the last line of the change log, 0 while it is empty."""
    row = conn.execute(_SQL["last_change"].text).fetchone()
    assert row is not None
    return int(row[0])


def list_changes_after(conn: Connection, seq: int, limit: int = 50) -> list[NamedChange]:
    """The first changes of the whole catalog after a line of its log, oldest first."""
    rows = conn.execute(_SQL["list_changes_after"].text, {"seq": seq, "limit": limit}, binary=True)
    return [
        NamedChange(name or json.decode(decompress(before), type=_Named).id, *rest)
        for name, before, *rest in rows
    ]


def scores_in_force(conn: Connection) -> tuple[date, int] | None:
    """The day of the EPSS scores in force and how many there are, None before the first."""
    row = conn.execute(_SQL["scores_in_force"].text).fetchone()
    return None if row is None else (row[0], row[1])


def list_scores(conn: Connection, cve: str) -> list[DatedScore]:
    """How a CVE's EPSS score went, oldest first."""
    with conn.cursor(row_factory=class_row(DatedScore)) as cursor:
        return cursor.execute(_SQL["list_scores"].text, {"cve": cve}).fetchall()


def catalog_digest(conn: Connection) -> str:
    """One fingerprint of everything the catalog says, independent of keys and of the order of arrival."""
    total = sha256()
    for name, fingerprint in conn.execute(_SQL["list_digests"].text, binary=True):
        total.update(name.encode() + b"\0" + fingerprint + b"\n")
    return total.hexdigest()


def stats(conn: Connection) -> Stats:
    """The catalog in figures."""
    with conn.cursor(row_factory=dict_row) as cursor:
        rest = cursor.execute(_SQL["count_rest"].text).fetchone()
    assert rest is not None
    return Stats(
        states=dict(conn.execute(_SQL["count_states"].text).fetchall()),
        severities={row[0] or "UNRATED": row[1] for row in conn.execute(_SQL["count_severities"].text)},
        claims={row[0]: (row[1], row[2]) for row in conn.execute(_SQL["count_claims"].text)},
        ecosystems=[(row[0], row[1], row[2]) for row in conn.execute(_SQL["count_ecosystems"].text)],
        digest=catalog_digest(conn),
        **rest,
    )


def find_faults(conn: Connection) -> Mapping[str, int]:
    """Broken laws by name, with how often; all of them zero in a sound catalog."""
    with conn.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(_SQL["find_faults"].text).fetchone()
    assert row is not None
    return dict(row)


def list_decisions(conn: Connection) -> list[Decision]:
    """Pins and bans, oldest first."""
    return [Decision(*row) for row in conn.execute(_SQL["list_decisions"].text)]
