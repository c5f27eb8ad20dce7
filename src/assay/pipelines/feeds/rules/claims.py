"""An extraction as the catalog's claim, with the words of the text that support each field."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from hashlib import blake2b

import msgspec

from assay.catalog.model import Claim, Evidence, Product, Reserve
from assay.domain import osv
from assay.domain.identifiers import normalise, normalise_all
from assay.domain.purl import purl_of
from assay.domain.severity import score
from assay.errors import BadRecord
from assay.pipelines.feeds.model import EXTRACTION, PERSON
from assay.pipelines.feeds.model.extraction import Extraction, Package, Prose, Quote, Range, Value
from assay.pipelines.feeds.model.review import Record

_TYPES = {"2.0": "CVSS_V2", "3.0": "CVSS_V3", "3.1": "CVSS_V3", "4.0": "CVSS_V4"}
# Letters of a quote, and quotes of a field, that the catalog keeps; the whole text stays with the extraction.
_LONGEST_QUOTE = 300
_MOST_QUOTES = 3

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Record).decode


def record_id_of(feed: str, key: str, identifier: str) -> str:
    """The claim's record id, the same whenever the same entry of the same feed speaks of the same vulnerability."""
    return f"{feed}/{identifier}/{blake2b(key.encode(errors='replace'), digest_size=8).hexdigest()}"


def encode_record(record: Record) -> bytes:
    """The record as the catalog keeps it."""
    return _encode(record)


def read_extraction(record_id: str, raw: bytes) -> Claim:
    """The claim of what was read out of an entry. Raises BadRecord."""
    record = _record(raw)
    return _claim(EXTRACTION, record_id, record, record.extraction.confidence, f"from {record.feed}")


def read_decision(record_id: str, raw: bytes) -> Claim:
    """The claim of what a person decided about an extraction. Raises BadRecord."""
    record = _record(raw)
    return _claim(PERSON, record_id, record, 1.0, f"{record.decided_by or 'somebody'}, about {record.feed}")


READERS: dict[str, Callable[[str, bytes], Claim]] = {EXTRACTION: read_extraction, PERSON: read_decision}
"""The catalog's readers of what this room submits, by source."""


def _record(raw: bytes) -> Record:
    try:
        return _decode(raw)
    except msgspec.DecodeError as error:
        raise BadRecord("wrong-type", f"no record of an extraction: {error}") from None


def _claim(source: str, record_id: str, record: Record, confidence: float, said_by: str) -> Claim:
    said = record.extraction
    own = normalise(record.identifier)
    if own is None:
        raise BadRecord("missing-id", f"{record_id}: the extraction names no vulnerability")
    names = normalise_all([one.value for one in said.aliases])
    entry = f" “{record.entry_title}”" if record.entry_title else ""
    return Claim(
        source=source,
        record_id=record_id,
        own=own,
        aliases=tuple(name for name in names if name != own),
        related=normalise_all([one.value for one in said.related]),
        published=_moment(said.published),
        modified=record.modified,
        summary=_text(said.title),
        details=_text(said.summary),
        severity=tuple(_severities(said.vectors)),
        severity_word=_text(said.severity),
        affected=tuple(affected_of(said.packages, said.ranges)),
        products=tuple(products_of(said)),
        references=tuple(_references(record)),
        cwes=tuple(one.value for one in said.cwes),
        confidence=confidence,
        reserve=Reserve(record.reserve),
        said_by=f"{said_by}{entry}",
        evidence=tuple(Evidence(field, quote) for field, quote in record.quotes),
    )


def _text(value: Value | None) -> str | None:
    return None if value is None or not value.value.strip() else value.value


def _moment(value: Value | None) -> datetime | None:
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value.value)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _severities(vectors: Sequence[Value]) -> Iterator[osv.Severity]:
    for one in vectors:
        found = score(one.value)
        if found is not None:
            yield osv.Severity(_TYPES[found.version], one.value)


def affected_of(packages: Sequence[Package], ranges: Sequence[Range]) -> Iterator[osv.Affected]:
    """Each package with the ranges that are about it: those of its name, and where it is alone those of no name.

    Of several packages a range that names none of them could be anybody's, so it is nobody's.
    """
    for package in packages:
        own = [one for one in ranges if _is_about(one, package, is_alone=len(packages) == 1)]
        events = [_events(one) for one in own if one.exact is None]
        yield osv.Affected(
            package=osv.Package(package.ecosystem, package.name, _purl(package)),
            ranges=tuple(osv.Range(type="ECOSYSTEM", events=found) for found in events),
            versions=tuple(dict.fromkeys(one.exact for one in own if one.exact is not None)),
        )


def _purl(package: Package) -> str | None:
    try:
        return purl_of(package.ecosystem, package.name)
    except BadRecord:
        return None


def _is_about(one: Range, package: Package, *, is_alone: bool) -> bool:
    if one.product is None:
        return is_alone
    return one.product.casefold() == package.name.casefold()


def _events(one: Range) -> tuple[osv.Event, ...]:
    events = [osv.Event(introduced=one.introduced or "0")]
    if one.fixed is not None:
        events.append(osv.Event(fixed=one.fixed))
    elif one.last_affected is not None:
        events.append(osv.Event(last_affected=one.last_affected))
    return tuple(events)


def products_of(said: Extraction) -> Iterator[Product]:
    """The product with its versions in words; each other product that a range names follows with its own."""
    main = said.product.value if said.product is not None else None
    vendor = said.vendor.value if said.vendor is not None else None
    others = dict.fromkeys(one.product for one in said.ranges if one.product not in (None, main))
    if main is not None or vendor is not None:
        own = [one for one in said.ranges if one.product is None or one.product == main]
        yield Product(vendor=vendor, product=main, versions=tuple(map(range_in_words, own)))
    for name in others:
        own = [one for one in said.ranges if one.product == name]
        yield Product(vendor=vendor, product=name, versions=tuple(map(range_in_words, own)))


def range_in_words(one: Range) -> str:
    """A range on one line, e.g. `>= 2.0, < 2.15.0`."""
    if one.exact is not None:
        return one.exact
    parts = [
        f">= {one.introduced}" if one.introduced not in (None, "0") else "",
        f"< {one.fixed}" if one.fixed is not None else "",
        f"<= {one.last_affected}" if one.fixed is None and one.last_affected is not None else "",
    ]
    return ", ".join(part for part in parts if part) or "all versions"


def _references(record: Record) -> Iterator[osv.Reference]:
    seen: set[str] = set()
    links = [("ADVISORY", record.address), *(("WEB", one.value) for one in record.extraction.references)]
    for kind, url in links:
        if url and url.startswith(("https://", "http://")) and url not in seen:
            seen.add(url)
            yield osv.Reference(kind, url)


def quotes_of(said: Extraction, prose: Prose) -> tuple[tuple[str, str], ...]:
    """For each field of the claim the first words of the text that support it, in the catalog's names of fields."""
    found: list[tuple[str, str]] = []
    for field, places in _places(said):
        words = dict.fromkeys(_words(prose.text, place) for place in places)
        found.extend((field, text) for text in [one for one in words if one][:_MOST_QUOTES])
    return tuple(found)


def _places(said: Extraction) -> Iterator[tuple[str, list[Quote]]]:
    ranges = [quote for one in said.ranges for quote in one.quotes]
    yield "summary", _of(said.title)
    yield "details", _of(said.summary)
    yield "products", _of(said.vendor, said.product) + ranges
    yield "affected", [quote for one in said.packages for quote in one.quotes] + ranges
    for one in said.vectors:
        if (rated := score(one.value)) is not None:
            yield f"cvss/{rated.version}", list(one.quotes)
    yield "severity", _of(said.severity, *said.vectors)
    yield "cwe_ids", _of(*said.cwes)
    yield "published", _of(said.published)


def _of(*values: Value | None) -> list[Quote]:
    return [quote for one in values if one is not None for quote in one.quotes]


def _words(text: str, place: Quote) -> str:
    words = " ".join(text[place.start : place.end].split())
    return words if len(words) <= _LONGEST_QUOTE else f"{words[:_LONGEST_QUOTE].rstrip()} …"
