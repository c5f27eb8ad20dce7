"""Claims, decisions and curated vulnerabilities."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from psycopg.rows import class_row

from assay.catalog.model import Decisions
from assay.kit import sql
from assay.kit.db import Connection, copy_rows
from assay.kit.spool import Place

_SQL = sql.beside(__file__)

_CLEARED = (
    "delete_vulnerabilities", "delete_facets", "delete_finished", "delete_identifiers", "delete_affected",
    "delete_commits",
)  # fmt: skip
_STRANDED = (
    "delete_stranded_identifiers", "delete_stranded_finished", "delete_stranded_facets",
    "delete_stranded_affected", "delete_stranded_commits",
)  # fmt: skip

_CLAIM_COLUMNS = (
    "id", "source", "record_id", "identifiers", "raw", "content_hash", "document", "confidence", "seen_at",
)  # fmt: skip
_CLAIM_TYPES = ("int8", "text", "text", "text[]", "bytea", "bytea", "text", "float4", "timestamptz")
_PLACED_COLUMNS = ("claim_id", "spool_file", "spool_at", "spool_bytes", "spool_checksum")
_PLACED_TYPES = ("int8", "text", *("int8",) * 3)
ClaimRow = tuple[int, str, str, list[str], bytes, bytes, str, float, datetime]

_VULNERABILITY_COLUMNS = (
    "id", "name", "state", "summary", "severity", "cvss_version", "cvss_score", "cvss_vector", "published_at",
    "modified_at", "withdrawn_at", "epss", "epss_percentile", "is_exploited", "exploited_on", "sources",
    "claim_ids", "confidence", "needs_review", "remediated_at", "changed_at", "digest", "words",
)  # fmt: skip
_VULNERABILITY_TYPES = (
    "int8", *("text",) * 5, "float4", "text", *("timestamptz",) * 3, *("float4",) * 2, "bool", "date", "text[]",
    "int8[]", "float4", "bool", *("timestamptz",) * 2, "bytea", "text",
)  # fmt: skip
VulnerabilityRow = tuple[Any, ...]

_FACET_COLUMNS = (
    "vulnerability_id", "modified_at", "published_at", "origins", "epss", "gravity", "state", "is_exploited",
    "needs_review", "is_remediated", "name",
)  # fmt: skip
_FACET_TYPES = (
    "int8", *("timestamptz",) * 2, "int8", "float4", *("int2",) * 2, *("bool",) * 3, "text",
)  # fmt: skip

_AFFECTED_COLUMNS = (
    "vulnerability_id", "is_live", "ecosystem", "release", "name", "lower", "upper", "is_upper_included",
    "is_unread", "fixed", "listed",
)  # fmt: skip
_AFFECTED_TYPES = ("int8", "bool", *("text",) * 3, *("bytea",) * 2, "bool", "bool", "text", "text[]")


@dataclass(frozen=True, slots=True)
class Known:
    """A claim that the catalog already holds."""

    id: int
    content_hash: bytes
    is_tombstoned: bool


class Dirty(NamedTuple):
    """A mark that a claim's vulnerability has to be merged again, with the names that decide which."""

    id: int
    claim_id: int
    is_held: bool
    names: list[str]
    former: list[str]


@dataclass(frozen=True, slots=True)
class Stored:
    """A claim's raw record, compressed."""

    id: int
    source: str
    record_id: str
    names: list[str]
    raw: bytes
    tombstoned_at: datetime | None


@dataclass(frozen=True, slots=True)
class Touched:
    """A vulnerability that a merge may replace: names that claims give it, and former ones that still find it.

    `asserted_by` has for each of the names the claims that give it, as numbers in one text.
    """

    id: int
    name: str
    digest: bytes
    claim_ids: list[int]
    changed_at: datetime
    names: list[str]
    asserted_by: list[str]
    former: list[str]


def known_claims(conn: Connection, source: str, record_ids: Sequence[str]) -> Mapping[str, Known]:
    """What the catalog holds of these records, by record id."""
    rows = conn.execute(
        _SQL["known_claims"].text, {"source": source, "record_ids": list(record_ids)}, binary=True
    )
    return {row[0]: Known(*row[1:]) for row in rows}


def add_claims(conn: Connection, rows: Sequence[ClaimRow], places: Sequence[Place] | None) -> None:
    """Save claims that are new to the catalog and mark them dirty, each with the place of its reading if it has one."""
    copy_rows(conn, "catalog.claims", _CLAIM_COLUMNS, _CLAIM_TYPES, rows)
    if places is None:
        copy_rows(conn, "catalog.dirty_claims", ("claim_id",), ("int8",), ((row[0],) for row in rows))
    else:
        marks = ((row[0], *place) for row, place in zip(rows, places, strict=True))
        copy_rows(conn, "catalog.dirty_claims", _PLACED_COLUMNS, _PLACED_TYPES, marks)


def replace_claims(conn: Connection, rows: Sequence[ClaimRow]) -> None:
    """Put claims in the place of their older selves, lift their tombstones, and mark them dirty."""
    for statement in ("open_changed_claims", "empty_changed_claims"):
        conn.execute(_SQL[statement].text)
    copy_rows(conn, "changed_claims", _CLAIM_COLUMNS, _CLAIM_TYPES, rows)
    conn.execute(_SQL["mark_former_names"].text)
    conn.execute(_SQL["replace_claims"].text)


def restore_claims(conn: Connection, ids: Sequence[int], document: str, now: datetime) -> None:
    """Lift the tombstones of claims whose record came back as it was, with this document."""
    conn.execute(_SQL["restore_claims"].text, {"ids": list(ids), "document": document, "now": now})


def tombstone_claims(
    conn: Connection, source: str, record_ids: Sequence[str], reason: str, now: datetime
) -> int:
    """Mark claims as gone from their source; returns how many were not marked before."""
    values = {"source": source, "record_ids": list(record_ids), "reason": reason, "now": now}
    return conn.execute(_SQL["tombstone_claims"].text, values).rowcount


def purge_claims(conn: Connection, before: datetime) -> int:
    """Delete claims whose tombstone is older than `before`; returns how many."""
    return conn.execute(_SQL["purge_claims"].text, {"before": before}).rowcount


def mark_all_dirty(conn: Connection) -> int:
    """Mark every claim to be merged again."""
    return conn.execute(_SQL["mark_all_dirty"].text).rowcount


def mark_names_dirty(conn: Connection, names: Sequence[str]) -> int:
    """Mark the claims that give these names to be merged again."""
    return conn.execute(_SQL["mark_names_dirty"].text, {"names": list(names)}).rowcount


def load_dirty(conn: Connection) -> Iterable[Dirty]:
    """Every dirty mark, oldest first."""
    for row in conn.execute(_SQL["load_dirty"].text, binary=True):
        yield Dirty(*row)


def claims_that_name(conn: Connection, names: Sequence[str]) -> Iterable[tuple[int, list[str]]]:
    """Claims that were merged with these names, and all names they give."""
    return conn.execute(_SQL["claims_that_name"].text, {"names": list(names)}, binary=True)


def all_namings(conn: Connection) -> Iterable[tuple[int, list[str]]]:
    """Every claim and the names it gives."""
    return conn.execute(_SQL["all_namings"].text, binary=True)


def find_readings(conn: Connection, dirty: Sequence[int]) -> Mapping[int, Place]:
    """Where claims stand as they were read when they were marked dirty, by claim; only those that stand anywhere."""
    rows = conn.execute(_SQL["find_readings"].text, {"ids": list(dirty)}, binary=True)
    return {row[0]: Place(*row[1:]) for row in rows if row[1] is not None}


def load_claims(conn: Connection, ids: Sequence[int]) -> list[Stored]:
    """Raw records by claim id."""
    return [Stored(*row) for row in conn.execute(_SQL["load_claims"].text, {"ids": list(ids)}, binary=True)]


def has_names(conn: Connection) -> bool:
    """Whether the catalog holds any name."""
    row = conn.execute(_SQL["has_names"].text).fetchone()
    return row is not None and bool(row[0])


def has_claims(conn: Connection, source: str) -> bool:
    """Whether the catalog holds any claim of a source."""
    row = conn.execute(_SQL["has_claims"].text, {"source": source}).fetchone()
    return row is not None and bool(row[0])


def load_decisions(conn: Connection) -> Decisions:
    """What people decided about pairs of names."""
    pins: set[tuple[str, str]] = set()
    bans: set[tuple[str, str]] = set()
    for kind, left, right in conn.execute(_SQL["load_decisions"].text):
        (pins if kind == "pin" else bans).add((left, right))
    return Decisions(frozenset(pins), frozenset(bans))


def load_touched(conn: Connection, names: Sequence[str]) -> list[Touched]:
    """The vulnerabilities that hold any of these names now."""
    with conn.cursor(row_factory=class_row(Touched), binary=True) as cursor:
        return cursor.execute(_SQL["load_touched"].text, {"names": list(names)}).fetchall()


def load_documents(conn: Connection, ids: Sequence[int]) -> Mapping[int, tuple[bytes, bytes]]:
    """Finished documents, compressed, and provenance, by vulnerability."""
    rows = conn.execute(_SQL["load_documents"].text, {"ids": list(ids)}, binary=True)
    return {row[0]: (row[1], row[2]) for row in rows}


def load_scores(conn: Connection, names: Sequence[str]) -> Mapping[str, tuple[float, float | None]]:
    """EPSS scores and percentiles in force, by CVE id."""
    rows = conn.execute(_SQL["load_scores"].text, {"names": list(names)}, binary=True)
    return {row[0]: (row[1], row[2]) for row in rows}


def remove_vulnerabilities(conn: Connection, ids: Sequence[int], now: datetime) -> None:
    """Write the removal of vulnerabilities into the change log and delete their rows."""
    conn.execute(_SQL["record_removed"].text, {"ids": list(ids), "now": now})
    clear_vulnerabilities(conn, ids, ())


def clear_vulnerabilities(conn: Connection, ids: Sequence[int], names: Sequence[str]) -> None:
    """Delete the rows of vulnerabilities, and names wherever they point."""
    values = {"ids": list(ids), "names": list(names)}
    for statement in _CLEARED:
        conn.execute(_SQL[statement].text, values)


def vacuum_what_is_read(conn: Connection) -> None:
    """Make matching and lists quick after much was written; outside any transaction."""
    for statement in ("vacuum_affected", "vacuum_facets", "fold_tallies", "vacuum_tallies"):
        conn.execute(_SQL[statement].text)


def tally_anew(conn: Connection) -> None:
    """Count every narrow row again."""
    conn.execute(_SQL["lock_tallies"].text)
    conn.execute(_SQL["tally_anew"].text)


def delete_dirty(conn: Connection, ids: Sequence[int]) -> None:
    """Delete dirty marks that were dealt with."""
    conn.execute(_SQL["delete_dirty"].text, {"ids": list(ids)})


def delete_stranded(conn: Connection) -> None:
    """Delete names, documents and match rows of vulnerabilities that are not there."""
    for statement in _STRANDED:
        conn.execute(_SQL[statement].text)


def nameless(conn: Connection) -> list[int]:
    """Vulnerabilities that their own name does not find."""
    return [row[0] for row in conn.execute(_SQL["nameless"].text)]


def orphans(conn: Connection) -> list[int]:
    """Vulnerabilities without any claim."""
    return [row[0] for row in conn.execute(_SQL["orphans"].text)]


def add_vulnerabilities(conn: Connection, rows: Sequence[VulnerabilityRow]) -> None:
    """Copy curated rows, in the order of the table's columns."""
    copy_rows(conn, "catalog.vulnerabilities", _VULNERABILITY_COLUMNS, _VULNERABILITY_TYPES, rows)


def add_facets(conn: Connection, rows: Iterable[Sequence[Any]]) -> None:
    """Copy narrow rows, in the order of `_FACET_COLUMNS`."""
    copy_rows(conn, "catalog.facets", _FACET_COLUMNS, _FACET_TYPES, rows)


def add_origins(conn: Connection, rows: Iterable[tuple[int, Sequence[str], Sequence[str]]]) -> None:
    """Write down sources and ecosystems, by their key, where they are not known yet."""
    fresh = list(rows)
    values = {
        "ids": [row[0] for row in fresh],
        "sources": ["\n".join(row[1]) for row in fresh],
        "ecosystems": ["\n".join(row[2]) for row in fresh],
    }
    conn.execute(_SQL["add_origins"].text, values)


def load_remediations(conn: Connection, names: Sequence[str]) -> Mapping[str, datetime]:
    """When people marked these names as remediated, by name."""
    rows = conn.execute(_SQL["load_remediations"].text, {"names": list(names)}, binary=True)
    return {row[0]: row[1] for row in rows}


def save_remediation(conn: Connection, key: int, name: str, note: str, by: str, now: datetime) -> None:
    """Write down that a vulnerability is remediated, under its name."""
    conn.execute(_SQL["save_remediation"].text, {"name": name, "note": note, "by": by, "now": now})
    _show_remediation(conn, key, now)


def delete_remediation(conn: Connection, key: int) -> bool:
    """Take back that a vulnerability is remediated; False when nobody said so."""
    found = conn.execute(_SQL["delete_remediations"].text, {"id": key}).rowcount > 0
    _show_remediation(conn, key, None)
    return found


def _show_remediation(conn: Connection, key: int, at: datetime | None) -> None:
    for statement in ("show_remediation", "show_remediation_in_lists"):
        conn.execute(_SQL[statement].text, {"id": key, "at": at})


def count_edition(conn: Connection) -> None:
    """Say that the catalog shows something else from this transaction on; the last thing that it does."""
    conn.execute(_SQL["count_edition"].text)


def note_merging(conn: Connection, mark: str, *, is_all: bool) -> bool:
    """Write down by what is merged from here on; False when this makes the catalog one that was merged by several.

    `is_all` says that nothing stays as another merge left it.
    """
    row = conn.execute(_SQL["note_merging"].text, {"mark": mark, "is_all": is_all}).fetchone()
    return row is None or row[0] == mark


def add_finished(conn: Connection, rows: Iterable[tuple[int, bytes, bytes]]) -> None:
    """Copy finished documents and provenance."""
    columns = ("vulnerability_id", "document", "provenance")
    copy_rows(conn, "catalog.finished", columns, ("int8", "bytea", "bytea"), rows)


def add_identifiers(conn: Connection, rows: Iterable[tuple[str, int, list[int]]]) -> None:
    """Copy names with the vulnerability each finds and the claims that give it."""
    columns = ("identifier", "vulnerability_id", "asserted_by")
    copy_rows(conn, "catalog.identifiers", columns, ("text", "int8", "int8[]"), rows)


def add_affected(conn: Connection, rows: Iterable[Sequence[Any]]) -> None:
    """Copy match rows, in the order of `_AFFECTED_COLUMNS`."""
    copy_rows(conn, "catalog.affected", _AFFECTED_COLUMNS, _AFFECTED_TYPES, rows)


def add_commits(conn: Connection, rows: Iterable[tuple[bytes, int]]) -> None:
    """Copy affected commits and their vulnerabilities."""
    copy_rows(conn, "catalog.commits", ("commit", "vulnerability_id"), ("bytea", "int8"), rows)


def add_changes(
    conn: Connection, rows: Iterable[tuple[int, datetime, str, list[str] | None, bytes | None]]
) -> None:
    """Append to the change log: vulnerability, when, what, which fields, the compressed document before."""
    columns = ("vulnerability_id", "at", "what", "fields", "before")
    copy_rows(conn, "catalog.changes", columns, ("int8", "timestamptz", "text", "text[]", "bytea"), rows)


def save_decision(
    conn: Connection, kind: str, pair: tuple[str, str], reason: str, decided_by: str, now: datetime
) -> None:
    """Write down a pin or ban on a pair of names, in their order."""
    values = {
        "kind": kind,
        "left": pair[0],
        "right": pair[1],
        "reason": reason,
        "decided_by": decided_by,
        "now": now,
    }
    conn.execute(_SQL["save_decision"].text, values)


def delete_decision(conn: Connection, pair: tuple[str, str]) -> bool:
    """Take a decision back; False when there was none."""
    return conn.execute(_SQL["delete_decision"].text, {"left": pair[0], "right": pair[1]}).rowcount > 0
