"""What affects a package: whole lockfiles against the match table in one statement, and the records to answer with."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from psycopg.rows import class_row

from assay.domain.identifiers import normalise
from assay.domain.packages import normalise_name
from assay.domain.versions import key
from assay.kit import sql
from assay.kit.arrays import ByteaArray, TextArray
from assay.kit.compression import decompress
from assay.kit.db import Connection, writable

_SQL = sql.beside(__file__)
_EXPORTED = 500


class Pin(NamedTuple):
    """A package to ask about. Without a version everything that is said of it affects it.

    `ecosystem` is OSV's, with its release (`Debian:12`) where that is known.
    """

    ecosystem: str
    name: str
    version: str | None


class Finding(NamedTuple):
    """A vulnerability that affects a pin, or of which it is not known whether it does.

    `position` is that of the pin. `fixed` is the version that ends the interval in which the pin's version lies.
    """

    position: int
    vulnerability_id: int
    is_unknown: bool
    fixed: str | None


@dataclass(frozen=True, slots=True)
class Brief:
    """What a list of findings shows of a vulnerability."""

    id: int
    name: str
    state: str
    summary: str | None
    severity: str | None
    cvss_score: float | None
    cvss_vector: str | None
    epss: float | None
    epss_percentile: float | None
    is_exploited: bool
    published_at: datetime | None
    modified_at: datetime | None


@dataclass(frozen=True, slots=True)
class Named:
    """The record that an identifier finds, as JSON. `is_record` is False for an identifier under which no source
    keeps a record: it is another name of the vulnerability, or was one. `names` are all of them.
    """

    document: bytes
    is_record: bool
    names: list[str]


def match(conn: Connection, pins: Sequence[Pin]) -> list[Finding]:
    """What affects some packages, in one statement: each vulnerability once per pin, in the order of the pins.

    A version that does not parse is answered as unknown for every interval of its package, never as not affected.
    """
    ecosystems, releases, names, keys, versions = [], [], [], [], []
    for pin in pins:
        ecosystem, _, release = pin.ecosystem.partition(":")
        version = pin.version
        ecosystems.append(writable(ecosystem))
        releases.append(writable(release))
        names.append(writable(normalise_name(ecosystem, pin.name)))
        keys.append(None if version is None else key(pin.ecosystem, version))
        versions.append(None if version is None else writable(version))
    values = {
        "ecosystems": TextArray(ecosystems),
        "releases": TextArray(releases),
        "names": TextArray(names),
        "keys": ByteaArray(keys),
        "versions": TextArray(versions),
    }
    found: dict[tuple[int, int], Finding] = {}
    rows = conn.execute(_SQL["match"].text, values, binary=True).fetchall()
    for place, vulnerability, is_unknown, fixed in rows:
        finding = Finding(place - 1, vulnerability, is_unknown, fixed)
        other = found.get(finding[:2])
        found[finding[:2]] = finding if other is None else min(finding, other, key=_most_certain)
    return sorted(found.values(), key=lambda finding: finding[:2])


def _most_certain(finding: Finding) -> tuple[bool, bool, str]:
    """Affected goes before unknown; of several intervals the first that tells of a fix, whatever their order."""
    return finding.is_unknown, finding.fixed is None, finding.fixed or ""


def ecosystems_of(conn: Connection, names: Iterable[str]) -> Mapping[str, list[str]]:
    """The ecosystems that have vulnerable packages of these (normalised) names, by name."""
    found: dict[str, list[str]] = {}
    for name, ecosystem in conn.execute(
        _SQL["ecosystems_of"].text, {"names": [writable(name) for name in names]}
    ):
        found.setdefault(name, []).append(ecosystem)
    return found


def affecting_commits(conn: Connection, commits: Iterable[bytes]) -> list[tuple[bytes, int]]:
    """(commit, key of the vulnerability) of those commits that one in force names as affected, sorted."""
    rows = conn.execute(_SQL["affecting_commits"].text, {"commits": list(set(commits))}, binary=True)
    return [(bytes(row[0]), row[1]) for row in rows]


def find_briefs(conn: Connection, ids: Iterable[int]) -> Mapping[int, Brief]:
    """Vulnerabilities by key; those that were merged away meanwhile are left out."""
    with conn.cursor(row_factory=class_row(Brief), binary=True) as cursor:
        rows = cursor.execute(_SQL["find_briefs"].text, {"ids": list(set(ids))}).fetchall()
    return {row.id: row for row in rows}


def find_mentioning(conn: Connection, words: str, limit: int) -> list[int]:
    """The keys of the vulnerabilities in force whose summary has some words, at most so many."""
    rows = conn.execute(_SQL["find_mentioning"].text, {"text": writable(words), "limit": limit}, binary=True)
    return [row[0] for row in rows]


def documents(conn: Connection, ids: Iterable[int]) -> Mapping[int, bytes]:
    """Finished OSV records as JSON, by key of the vulnerability."""
    rows = conn.execute(_SQL["documents"].text, {"ids": list(set(ids))}, binary=True).fetchall()
    return {row[0]: decompress(row[1]) for row in rows}


def find_stamps(conn: Connection, ids: Iterable[int]) -> Mapping[int, tuple[str, str]]:
    """Name and last change of vulnerabilities, as their records write them, by key."""
    rows = conn.execute(_SQL["find_stamps"].text, {"ids": list(ids)}, binary=True).fetchall()
    return {key: (name, _stamp(modified)) for key, name, modified in rows}


def find_document(conn: Connection, identifier: str) -> Named | None:
    """The record that an identifier finds, however it is written, None where nobody knows it."""
    name = normalise(writable(identifier))
    row = conn.execute(_SQL["find_document"].text, {"identifier": name}, binary=True).fetchone()
    if row is None:
        return None
    preferred, names, records, document = row
    is_record = name == preferred or any(normalise(record) == name for record in records)
    return Named(decompress(document), is_record, names)


def find_exported(conn: Connection, ecosystem: str, name: str) -> bytes | None:
    """The record of this very name as JSON, None where it does not speak of the ecosystem or does not exist."""
    values = {"ecosystem": writable(ecosystem), "name": writable(name)}
    row = conn.execute(_SQL["find_exported"].text, values, binary=True).fetchone()
    return None if row is None else decompress(row[0])


def get_export_state(conn: Connection) -> tuple[int, datetime] | None:
    """The number and time of the catalog's last change; what was exported since then is still true."""
    row = conn.execute(_SQL["get_export_state"].text).fetchone()
    return None if row is None else (row[0], row[1])


def list_modified(conn: Connection, ecosystem: str | None = None) -> Iterator[tuple[str, str, str]]:
    """When each vulnerability of an ecosystem (of all) changed, its ecosystem and its name; newest first.

    Read through a cursor, so that memory does not grow with the catalog.
    """
    with conn.cursor(name="list_modified") as cursor:
        for modified, found, name in cursor.execute(_SQL["list_modified"].text, {"ecosystem": ecosystem}):
            yield _stamp(modified), found, name


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


def list_ecosystems(conn: Connection) -> list[str]:
    """Every ecosystem that a vulnerability speaks of, in alphabetical order."""
    return [row[0] for row in conn.execute(_SQL["list_ecosystems"].text)]


def export(conn: Connection, ecosystem: str | None = None) -> Iterator[tuple[str, datetime | None, bytes]]:
    """Every vulnerability of an ecosystem, or of all: its name, when it changed last, its record as JSON.

    Withdrawn and rejected ones are included. Read in pages, so that memory does not grow with the catalog.
    """
    after = -1
    while True:
        values = {"ecosystem": ecosystem, "after": after, "limit": _EXPORTED}
        rows = conn.execute(_SQL["export"].text, values, binary=True).fetchall()
        for _, name, modified, document in rows:
            yield name, modified, decompress(document)
        if len(rows) < _EXPORTED:
            return
        after = rows[-1][0]
