"""Which vulnerabilities answer OSV queries, by osv.dev's rules where they differ from the catalog's own.

- A version that the ecosystem cannot read is compared as a text with the versions that records list, then loosely.
- `Alpine` and `Ubuntu` without a release: only versions that records list count. A range of one release says
  nothing about another.
- What is not known to be affected is not answered: the protocol has no word for it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from assay.catalog import queries as catalog
from assay.catalog.queries.matching import Pin
from assay.domain.packages import normalise_name
from assay.domain.versions import key
from assay.kit.db import Connection
from assay.web.api.osv_queries import Asked, spellings
from assay.web.api.osv_tags import names_one_of

# Records that are read at a time to look into their versions.
_READ = 500
_ENUMERATED = frozenset(("Alpine", "Ubuntu"))


class _Package(msgspec.Struct, gc=False):
    ecosystem: str = ""
    name: str = ""


class _Entry(msgspec.Struct):
    package: _Package | None = None
    versions: list[str] = []


class _Record(msgspec.Struct):
    affected: list[_Entry] = []


_read_record = msgspec.json.Decoder(_Record).decode


class _Question(NamedTuple):
    """A pin and the query it stands for. `is_listed_only`: a record has to list the version itself."""

    query: int
    pin: Pin
    is_listed_only: bool = False


def find(conn: Connection, asked: Sequence[Asked | None]) -> list[list[int]]:
    """The keys of the vulnerabilities that answer each query, sorted; in the order of the queries."""
    found: list[set[int]] = [set() for _ in asked]
    commits: dict[bytes, list[int]] = {}
    for place, one in enumerate(asked):
        if one is not None and one.commit is not None:
            commits.setdefault(bytes.fromhex(one.commit), []).append(place)
    for commit, vulnerability in catalog.affecting_commits(conn, commits) if commits else ():
        for place in commits[commit]:
            found[place].add(vulnerability)
    questions = _questions(conn, asked)
    doubtful: dict[int, list[_Question]] = {}
    # A version that cannot be placed is asked for without it: what the records list decides.
    pins = [
        question.pin
        if not question.is_listed_only or _is_readable(question.pin)
        else question.pin._replace(version=None)
        for question in questions
    ]
    for finding in catalog.match(conn, pins) if pins else ():
        question = questions[finding.position]
        if question.is_listed_only:
            doubtful.setdefault(finding.vulnerability_id, []).append(question)
        elif not finding.is_unknown:
            found[question.query].add(finding.vulnerability_id)
    for vulnerability, asking in _listing(conn, doubtful):
        found[asking.query].add(vulnerability)
    return [sorted(ids) for ids in found]


def _questions(conn: Connection, asked: Sequence[Asked | None]) -> list[_Question]:
    questions: list[_Question] = []
    anywhere = [
        (place, query)
        for place, query in enumerate(asked)
        if query is not None and query.commit is None and not query.ecosystem
    ]
    known = _ecosystems(conn, [query.name for _, query in anywhere])
    for place, query in anywhere:
        questions += [
            _question(place, Pin(ecosystem, query.name, query.version)) for ecosystem in known[query.name]
        ]
    questions += [
        _question(place, Pin(query.ecosystem, query.name, query.version))
        for place, query in enumerate(asked)
        if query is not None and query.ecosystem
    ]
    return questions


def _ecosystems(conn: Connection, names: Sequence[str]) -> Mapping[str, list[str]]:
    """The ecosystems that know each name in their own spelling of it."""
    if not names:
        return {}
    kept = catalog.ecosystems_of(conn, {spelling for name in names for spelling in spellings(name)})
    return {
        name: sorted(
            {
                ecosystem
                for spelling in spellings(name)
                for ecosystem in kept.get(spelling, ())
                if normalise_name(ecosystem, name) == spelling
            }
        )
        for name in names
    }


def _question(place: int, pin: Pin) -> _Question:
    is_listed_only = pin.version is not None and (pin.ecosystem in _ENUMERATED or not _is_readable(pin))
    return _Question(place, pin, is_listed_only)


def _is_readable(pin: Pin) -> bool:
    return pin.version is not None and key(pin.ecosystem, pin.version) is not None


def _listing(
    conn: Connection, doubtful: Mapping[int, Sequence[_Question]]
) -> Iterable[tuple[int, _Question]]:
    """The vulnerabilities whose records list the versions asked for."""
    ids = sorted(doubtful)
    for start in range(0, len(ids), _READ):
        for vulnerability, document in catalog.documents(conn, ids[start : start + _READ]).items():
            entries = _read_record(document).affected
            for question in doubtful[vulnerability]:
                if any(_lists(entry, question.pin) for entry in entries):
                    yield vulnerability, question


def _lists(entry: _Entry, pin: Pin) -> bool:
    package = entry.package
    if package is None or pin.version is None:
        return False
    ecosystem, _, release = package.ecosystem.partition(":")
    wanted, _, wanted_release = pin.ecosystem.partition(":")
    if ecosystem != wanted or (release and wanted_release and release != wanted_release):
        return False
    if normalise_name(ecosystem, package.name) != normalise_name(ecosystem, pin.name):
        return False
    place = key(pin.ecosystem, pin.version)
    if place is not None:
        return any(key(package.ecosystem, version) == place for version in entry.versions)
    return names_one_of(pin.version, entry.versions, package.name if ecosystem == "GIT" else "")
