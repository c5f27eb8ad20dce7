"""What a person writes about a vulnerability, checked, in the place of what was read."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from assay.domain.identifiers import normalise
from assay.domain.severity import band_of_word, score
from assay.errors import Permanent
from assay.pipelines.feeds.model.extraction import Extraction, Origin, Package, Quote, Range, Value
from assay.pipelines.feeds.model.review import OWN_PREFIX, Edits
from assay.pipelines.feeds.rules.claims import range_in_words

_CWE = re.compile(r"(?:CWE-)?([0-9]{1,5})", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.:+-]{2,199}")
# `>= 1.0, < 2.0`, one side of it, or a single version; a product and a colon may stand before it.
_BOUND = re.compile(r"(>=|<=|<|>|=)\s*(\S+)")
_ALL = "all versions"
_LONGEST_LINE = 2_000
_LONGEST_TEXT = 100_000
_MOST_LINES = 500


def checked_identifier(text: str) -> str:
    """The identifier as its own database writes it. Raises Permanent for what is none."""
    name = normalise(text)
    if name is None or not _NAME.fullmatch(name) or "-" not in name:
        raise Permanent(f"{text!r} is no identifier of a vulnerability, such as CVE-2024-3094")
    if name.startswith(OWN_PREFIX):
        raise Permanent(f"{name} is a name that only this installation gives: approve the candidate instead")
    return name


def as_edits(said: Extraction) -> Edits:
    """An extraction as a person would write it."""
    return Edits(
        title=_shown(said.title),
        summary=_shown(said.summary),
        vendor=_shown(said.vendor),
        product=_shown(said.product),
        severity=_shown(said.severity),
        aliases=[one.value for one in said.aliases],
        packages=[f"{one.ecosystem} {one.name}" for one in said.packages],
        ranges=[
            f"{one.product}: {range_in_words(one)}" if one.product else range_in_words(one)
            for one in said.ranges
        ],
        vectors=[one.value for one in said.vectors],
        cwes=[one.value for one in said.cwes],
        references=[one.value for one in said.references],
    )


def _shown(value: Value | None) -> str:
    return "" if value is None else value.value


def applied(said: Extraction, edits: Edits, text: str) -> Extraction:
    """The extraction as a person wants it. What they leave as it is keeps its places in the text.

    Raises Permanent that names the first thing that cannot be.
    """
    before = as_edits(said)
    changes: dict[str, Any] = {}
    for field in Edits.__struct_fields__:
        wanted = getattr(edits, field)
        if wanted is msgspec.UNSET:
            continue
        wanted = _lines(field, wanted) if isinstance(wanted, list) else _text(field, wanted)
        if wanted != getattr(before, field):
            changes[field] = _FIELDS[field](said, wanted, text)
    return msgspec.structs.replace(said, **changes) if changes else said


def _text(field: str, wanted: str | None) -> str:
    found = (wanted or "").replace("\x00", "").replace("\r\n", "\n").strip()
    if len(found) > _LONGEST_TEXT:
        raise Permanent(f"{field}: {len(found):,} characters are more than {_LONGEST_TEXT:,}")
    return found if field == "summary" else " ".join(found.split())


def _lines(field: str, wanted: Sequence[str]) -> list[str]:
    found = [" ".join(one.replace("\x00", "").split()) for one in wanted]
    found = [one for one in found if one]
    if len(found) > _MOST_LINES or any(len(one) > _LONGEST_LINE for one in found):
        raise Permanent(f"{field}: at most {_MOST_LINES} lines of {_LONGEST_LINE:,} characters")
    return list(dict.fromkeys(found))


def _value(text: str, value: str) -> Value:
    return Value(value=value, confidence=1.0, quotes=_where(text, value), origin=Origin.PERSON)


def _where(text: str, value: str) -> tuple[Quote, ...]:
    """Where the text says just that, if it does."""
    at = text.casefold().find(value.casefold()) if len(value) > 1 else -1
    # Folding may change the length of a text ("ß"); a place is one only where the very words stand.
    is_there = at >= 0 and text[at : at + len(value)].casefold() == value.casefold()
    return (Quote(at, at + len(value)),) if is_there else ()


def _single(check: Callable[[str], str]) -> Callable[[Extraction, str, str], Value | None]:
    def change(_said: Extraction, wanted: str, text: str) -> Value | None:
        return _value(text, check(wanted)) if wanted else None

    return change


def _listed(
    name: str, check: Callable[[str], str]
) -> Callable[[Extraction, list[str], str], tuple[Value, ...]]:
    def change(said: Extraction, wanted: list[str], text: str) -> tuple[Value, ...]:
        known: dict[str, Value] = {one.value: one for one in getattr(said, name)}
        return tuple(known.get(value) or _value(text, value) for value in map(check, wanted))

    return change


def _as_it_is(value: str) -> str:
    return value


def _severity(value: str) -> str:
    band = band_of_word(value)
    if band is None or band.value == "none":
        raise Permanent(f"severity: {value!r} is none of low, medium, high and critical")
    return band.value


def _vector(value: str) -> str:
    if score(value) is None:
        raise Permanent(f"vectors: {value!r} is no complete CVSS vector")
    return value


def _cwe(value: str) -> str:
    match = _CWE.fullmatch(value)
    if match is None:
        raise Permanent(f"cwes: {value!r} is no weakness such as CWE-79")
    return f"CWE-{int(match[1])}"


def _reference(value: str) -> str:
    if not value.startswith(("https://", "http://")) or " " in value:
        raise Permanent(f"references: {value!r} is no address that begins with https:// or http://")
    return value


def _packages(said: Extraction, wanted: list[str], text: str) -> tuple[Package, ...]:
    known = {f"{one.ecosystem} {one.name}": one for one in said.packages}
    return tuple(known.get(line) or _package(line, text) for line in wanted)


def _package(line: str, text: str) -> Package:
    ecosystem, _, name = line.partition(" ")
    if not name or " " in name:
        raise Permanent(f"packages: {line!r} is no ecosystem and name such as `npm lodash`")
    return Package(ecosystem=ecosystem, name=name, confidence=1.0, quotes=_where(text, name))


def _ranges(said: Extraction, wanted: list[str], text: str) -> tuple[Range, ...]:
    known = dict(zip(as_edits(said).ranges or (), said.ranges, strict=True))
    return tuple(known.get(line) or _range(line, text) for line in wanted)


def _range(line: str, text: str) -> Range:
    product, colon, rest = line.rpartition(": ")
    bounds = rest if colon else line
    if bounds == _ALL:
        return Range(product=product or None, confidence=1.0, origin=Origin.PERSON)
    found = dict(_bounds(line, bounds))
    if len(found) == 2 and "introduced" not in found:
        raise Permanent(f"ranges: {line!r} has two ends; write >= for where it begins")
    quotes = tuple(quote for version in found.values() for quote in _where(text, version))
    return Range(product=product or None, confidence=1.0, origin=Origin.PERSON, quotes=quotes, **found)


_ENDS = {">=": "introduced", "<": "fixed", "<=": "last_affected", "=": "exact"}


def _bounds(line: str, bounds: str) -> Iterator[tuple[str, str]]:
    parts = [one.strip() for one in bounds.split(",")]
    if len(parts) == 1 and re.fullmatch(r"[^\s<>=]+", parts[0]):
        yield "exact", parts[0]
        return
    for part in parts:
        match = _BOUND.fullmatch(part)
        if match is None or match[1] not in _ENDS or len(parts) > 2 or (match[1] == "=" and len(parts) > 1):
            raise Permanent(f"ranges: {line!r} is no range such as `>= 1.0, < 2.0`, `<= 1.9` or `1.5`")
        yield _ENDS[match[1]], match[2]


_FIELDS: dict[str, Callable[[Extraction, Any, str], Any]] = {
    "title": _single(_as_it_is),
    "summary": _single(_as_it_is),
    "vendor": _single(_as_it_is),
    "product": _single(_as_it_is),
    "severity": _single(_severity),
    "aliases": _listed("aliases", checked_identifier),
    "packages": _packages,
    "ranges": _ranges,
    "vectors": _listed("vectors", _vector),
    "cwes": _listed("cwes", _cwe),
    "references": _listed("references", _reference),
}
