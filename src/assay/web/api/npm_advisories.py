"""A record in the words of npm's advisories: a range of semver, npm's severities, one link."""

from collections.abc import Mapping, Sequence

import msgspec

from assay.catalog.queries.matching import Brief
from assay.domain.matching import BELOW_ALL, Span, spans
from assay.domain.osv import Affected, Document, Range
from assay.domain.versions import key

_NPM = "npm"
_SEVERITIES = {"none": "info", "low": "low", "medium": "moderate", "high": "high", "critical": "critical"}
SEVERITIES = tuple(_SEVERITIES.values())
# Nobody rated it: npm's middle, so that it is shown at the levels at which people audit.
_UNRATED = "moderate"
# OpenSSF's malicious packages, which nobody rates; GitHub calls its own ones critical.
_MALWARE = "MAL-"
_NOTHING_FIXED = "<0.0.0"

read_record = msgspec.json.Decoder(Document).decode


class _Assay(msgspec.Struct):
    cwe_ids: tuple[str, ...] = ()


class _Specific(msgspec.Struct):
    assay: _Assay = msgspec.field(default_factory=_Assay)


class Cvss(msgspec.Struct, frozen=True, rename="camel"):
    """A score, 0 where there is none."""

    score: float
    vector_string: str | None


class Advisory(msgspec.Struct, frozen=True, kw_only=True):
    """What npm's registry says of one vulnerability of one package."""

    id: int
    url: str
    title: str
    severity: str
    vulnerable_versions: str
    cwe: tuple[str, ...]
    cvss: Cvss


def advisory(brief: Brief, record: Document, package: str, asked: Sequence[str], service: str) -> Advisory:
    """The advisory of a package for clients that asked about some versions, which are affected.

    `service` is the address of this service, where a record without an advisory's link can be read.
    """
    specific = (
        msgspec.json.decode(record.database_specific, type=_Specific)
        if record.database_specific is not None
        else _Specific()
    )
    return Advisory(
        id=brief.id,
        url=_link(record, service),
        title=record.summary or record.id,
        severity=_severity(brief, record),
        vulnerable_versions=vulnerable(record.affected, package) or " || ".join(sorted(asked)),
        cwe=specific.assay.cwe_ids,
        cvss=Cvss(round(brief.cvss_score or 0.0, 1), brief.cvss_vector),
    )


def vulnerable(affected: Sequence[Affected], package: str) -> str:
    """The affected versions of a package as a range of node-semver; empty where nothing can be written so."""
    entries = _entries(affected, package)
    ranges = [span for entry in entries for span in entry.ranges]
    found = spans(_NPM, ranges).spans
    written = [_comparators(span, _ends(ranges)) for span in found]
    for version in (version for entry in entries for version in entry.versions):
        place = key(_NPM, version)
        if place is not None and not any(span.holds(place) for span in found):
            written.append(version)
    return " || ".join(dict.fromkeys(written))


def patched(affected: Sequence[Affected], package: str) -> str:
    """From which version on the package is mended, as a range; `<0.0.0` where it is not."""
    found = spans(_NPM, [span for entry in _entries(affected, package) for span in entry.ranges]).spans
    last = found[-1].fixed if found else None
    return _NOTHING_FIXED if last is None else f">={last}"


def _entries(affected: Sequence[Affected], package: str) -> list[Affected]:
    return [
        entry
        for entry in affected
        if entry.package is not None and entry.package.ecosystem == _NPM and entry.package.name == package
    ]


def _ends(ranges: Sequence[Range]) -> Mapping[bytes | None, str]:
    """The versions that end a range as they are written, by where they stand."""
    return {
        key(_NPM, version): version
        for span in ranges
        for event in span.events
        for version in (event.fixed, event.last_affected, event.limit)
        if version is not None
    }


def _comparators(span: Span, ends: Mapping[bytes | None, str]) -> str:
    if span.upper is None:
        return ">=0" if span.lower == BELOW_ALL else f">={span.introduced}"
    end = ends[span.upper]
    if span.lower == span.upper:
        return end
    start = "" if span.lower == BELOW_ALL else f">={span.introduced} "
    return f"{start}{'<=' if span.is_upper_included else '<'}{end}"


def _severity(brief: Brief, record: Document) -> str:
    if brief.severity is not None:
        return _SEVERITIES[brief.severity]
    names = (record.id, *record.aliases)
    return "critical" if any(name.startswith(_MALWARE) for name in names) else _UNRATED


def _link(record: Document, service: str) -> str:
    """GitHub's page first: npm, pnpm and yarn take the advisory's name from the end of the link."""
    for name in (record.id, *record.aliases):
        if name.startswith("GHSA-"):
            return f"https://github.com/advisories/{name}"
    for reference in record.references:
        if reference.type == "ADVISORY" and reference.url.startswith("https://"):
            return reference.url
    return f"{service}v1/vulns/{record.id}"
