"""What structured records say of the vulnerability that their prose is about: the labels that readings are measured by.

The prose is what the CNA or GitHub wrote for people; the labels are the fields beside it. Neither was written for the
other, so a part of the differences are the labels' (research/llm.md, section 2).
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from assay.domain import cve_record
from assay.domain.cve_record import Adp, Cna, Version
from assay.domain.severity import Band, band_of_word, score
from assay.errors import BadRecord

_CWE = re.compile(r"CWE-[1-9][0-9]*")
_NAMELESS = frozenset(
    (
        "",
        "n/a",
        "na",
        "unspecified",
        "*",
        "0",
        "-",
        "unknown",
        "none",
        "0.0",
        "0.0.0",
        "all",
        "all versions",
        "any",
    )
)
_COMPARED = re.compile(r"(?P<sign><=|<|>=|>|=)\s*(?P<version>\S.*)")
_UP_TO = re.compile(
    r"(?:(?:all )?versions? )?(?P<version>\S+)\s*(?:,? and|,? or|&)\s+(?:prior|earlier|below|older"
    r"|lower|previous)(?: versions?)?|(?:up to(?: and including)?|through|<=)\s+(?P<other>\S+)",
    re.IGNORECASE,
)
_BELOW = re.compile(
    r"(?:all )?(?:versions? )?(?:before|prior to|earlier than|below|<)\s+(?:versions? )?(?P<version>\S+)",
    re.IGNORECASE,
)


class Labelled(NamedTuple):
    """A text and what its record says. `published` is a day; versions are plain: lower case and without a v in front.

    `bounds` are upper ends with `<` or `<=`, `exact` single versions, `fixed` the releases that have the fix.
    """

    name: str
    source: str
    published: str
    title: str
    body: str
    ids: frozenset[str]
    cwes: tuple[str, ...]
    band: Band | None
    vectors: frozenset[str]
    bounds: frozenset[tuple[str, str]]
    exact: frozenset[str]
    fixed: frozenset[str]
    links: tuple[str, ...]

    @property
    def text(self) -> str:
        """Title and body, as an entry has them."""
        return f"{self.title}\n\n{self.body}" if self.title else self.body


def plain(version: str) -> str:
    """A version as two writers of it would agree on."""
    return re.sub(r"^(?:versions?|ver|v)\.?\s*(?=[0-9])", "", " ".join(version.split()).lower())


def of_cve(raw: bytes) -> Labelled | None:
    """A published CVE record with an English description; None for others."""
    try:
        record = cve_record.decode(raw)
    except BadRecord:
        return None
    metadata, containers = record.cve_metadata, record.containers
    cna = containers.cna if containers else None
    if metadata is None or cna is None or metadata.state != "PUBLISHED" or not metadata.cve_id:
        return None
    texts = [
        text.value
        for text in cna.descriptions or ()
        if text.value and (text.lang or "en").lower().startswith("en")
    ]
    if not texts:
        return None
    adps = containers.adp or () if containers else ()
    found = tuple(_vectors((cna, *adps)))
    bounds, exact = _cve_versions(cna)
    return Labelled(
        name=metadata.cve_id,
        source=metadata.assigner_short_name or "cve",
        published=(metadata.date_published or "")[:10],
        title=(cna.title or "").strip(),
        body=texts[0],
        ids=frozenset((metadata.cve_id,)),
        cwes=tuple(dict.fromkeys(_cwes((cna, *adps)))),
        band=_band(found, cna),
        vectors=frozenset(found),
        bounds=frozenset(bounds),
        exact=frozenset(exact),
        fixed=frozenset(version for sign, version in bounds if sign == "<"),
        links=tuple(link.url for link in cna.references or () if link.url),
    )


def _vectors(containers: Iterable[Cna | Adp]) -> Iterator[str]:
    for container in containers:
        for metric in container.metrics or ():
            for one in (metric.v4_0, metric.v3_1, metric.v3_0, metric.v2_0):
                if one is not None and one.vector_string and score(one.vector_string):
                    yield one.vector_string


def _band(found: tuple[str, ...], cna: Cna) -> Band | None:
    for vector in found:
        scored = score(vector)
        if scored is not None:
            return scored.band
    for metric in cna.metrics or ():
        if metric.v3_1 is not None and metric.v3_1.base_severity:
            return band_of_word(metric.v3_1.base_severity)
    return None


def _cwes(containers: Iterable[Cna | Adp]) -> Iterator[str]:
    for container in containers:
        found = [
            weakness.cwe_id.strip()
            for problem in container.problem_types or ()
            for weakness in problem.descriptions or ()
            if weakness.cwe_id and _CWE.fullmatch(weakness.cwe_id.strip())
        ]
        if found:
            yield from found
            return


def _cve_versions(cna: Cna) -> tuple[set[tuple[str, str]], set[str]]:
    bounds: set[tuple[str, str]] = set()
    exact: set[str] = set()
    for block in cna.affected or ():
        for version in block.versions or ():
            if (version.status or "affected") == "affected" and version.version_type != "git":
                _note(version, bounds, exact)
    return bounds, exact


def _note(version: Version, bounds: set[tuple[str, str]], exact: set[str]) -> None:
    for sign, limit in (("<", version.less_than), ("<=", version.less_than_or_equal)):
        if limit and plain(limit) not in _NAMELESS:
            bounds.add((sign, plain(limit)))
            return
    written = plain(version.version or "")
    if not version.is_single() or written in _NAMELESS:
        return
    if found := [
        match for part in re.split(r",|&&|\|\|", written) if (match := _COMPARED.fullmatch(part.strip()))
    ]:
        bounds.update((match["sign"], plain(match["version"])) for match in found if match["sign"][0] == "<")
        exact.update(plain(match["version"]) for match in found if match["sign"] == "=")
    elif match := _UP_TO.fullmatch(written):
        bounds.add(("<=", plain(match["version"] or match["other"])))
    elif match := _BELOW.fullmatch(written):
        bounds.add(("<", plain(match["version"])))
    else:
        exact.add(written)


class _Event(msgspec.Struct):
    fixed: str | None = None
    last_affected: str | None = None


class _Range(msgspec.Struct):
    type: str = ""
    events: list[_Event] = []


class _Affected(msgspec.Struct):
    ranges: list[_Range] = []


class _Severity(msgspec.Struct):
    score: str = ""


class _Specific(msgspec.Struct):
    cwe_ids: list[str] | None = None
    severity: str | None = None


class _Link(msgspec.Struct):
    url: str = ""


class _Osv(msgspec.Struct):
    id: str = ""
    published: str | None = None
    withdrawn: str | None = None
    summary: str | None = None
    details: str | None = None
    aliases: list[str] = []
    affected: list[_Affected] = []
    severity: list[_Severity] = []
    references: list[_Link] = []
    database_specific: _Specific | None = None


_OSV = msgspec.json.Decoder(_Osv)


def of_osv(raw: bytes) -> Labelled | None:
    """A standing OSV record with prose of its own; None for others."""
    try:
        record = _OSV.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if record.withdrawn or not record.details:
        return None
    specific = record.database_specific or _Specific()
    found = [one.score for one in record.severity if score(one.score)]
    scored = [rated for vector in reversed(found) if (rated := score(vector)) is not None]
    events = [
        event for one in record.affected for each in one.ranges if each.type != "GIT" for event in each.events
    ]
    fixed = {plain(event.fixed) for event in events if event.fixed}
    cves = [alias for alias in record.aliases if alias.startswith("CVE-")]
    return Labelled(
        name=cves[0] if cves else record.id,
        source=record.id.partition("-")[0],
        published=(record.published or "")[:10],
        title=(record.summary or "").strip(),
        body=record.details,
        ids=frozenset((record.id, *record.aliases)),
        cwes=tuple(cwe for cwe in specific.cwe_ids or () if _CWE.fullmatch(cwe)),
        band=band_of_word(specific.severity) if specific.severity else (scored[0].band if scored else None),
        vectors=frozenset(found),
        bounds=frozenset(
            [("<", version) for version in fixed]
            + [("<=", plain(event.last_affected)) for event in events if event.last_affected]
        ),
        exact=frozenset(),
        fixed=frozenset(fixed),
        links=tuple(link.url for link in record.references if link.url),
    )
