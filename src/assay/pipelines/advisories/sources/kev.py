"""KEV: CISA's catalog of known exploited vulnerabilities, one JSON file with one entry per CVE id."""

import re
from datetime import date

import msgspec

from assay.catalog.model import Claim, Exploited
from assay.domain.identifiers import is_cve, normalise
from assay.errors import BadRecord, Permanent
from assay.pipelines.advisories.model import Download, RecordSource

_FILE = "known_exploited_vulnerabilities"


class _Catalog(msgspec.Struct, gc=False):
    """The file as a whole; entries stay bytes until each is read."""

    vulnerabilities: list[msgspec.Raw]
    count: int | None = None


class _Name(msgspec.Struct, gc=False):
    """What names an entry."""

    cve: str | None = msgspec.field(name="cveID", default=None)


class _Entry(msgspec.Struct, gc=False, rename="camel"):
    """An entry, without what other sources tell better (product, description, CWE ids)."""

    cve: str | None = msgspec.field(name="cveID", default=None)
    date_added: str | None = None
    due_date: str | None = None
    known_ransomware_campaign_use: str | None = None
    required_action: str | None = None
    notes: str | None = None


_CATALOGS = msgspec.json.Decoder(_Catalog)
_NAMES = msgspec.json.Decoder(_Name)
_ENTRIES = msgspec.json.Decoder(_Entry)

_BOM = b"\xef\xbb\xbf"
# Every escape of a JSON string, a surrogate pair as one; group 1 is half a pair.
_ESCAPES = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


def split(document: bytes) -> list[tuple[str, bytes]]:
    """The entries of the file, each under its CVE id and as the bytes it came in, half surrogate pairs apart.

    An entry without a CVE id, or with one that came before, is named by its place (`#12`, counted from 1), so
    that `read` sets it aside. Permanent when the document is not the catalog, or when its own count says that
    a tenth of it or more is missing or added.
    """
    document = document.removeprefix(_BOM)
    try:
        document.decode()
        # The decoder refuses half a surrogate pair even in entries that it only passes over.
        catalog = _CATALOGS.decode(
            _ESCAPES.sub(lambda escape: b"\\ufffd" if escape[1] else escape[0], document)
        )
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise Permanent(
            f"this is not CISA's catalog of known exploited vulnerabilities ({problem}); "
            "look at what the address serves"
        ) from None
    entries = catalog.vulnerabilities
    if catalog.count is not None and abs(catalog.count - len(entries)) * 10 >= max(catalog.count, 10):
        raise Permanent(
            f"the catalog says it holds {catalog.count} entries and holds {len(entries)}; "
            "fetch it again, and look at what the address serves when it stays so"
        )
    named: dict[str, bytes] = {}
    for place, entry in enumerate(entries, start=1):
        raw = bytes(entry)
        name = _named(raw)
        named[name if name is not None and name not in named else f"#{place}"] = raw
    return list(named.items())


def _named(raw: bytes) -> str | None:
    try:
        name = _NAMES.decode(raw).cve
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    # An id that is none could look like a place; it is told by its place like every entry without one.
    identifier = normalise(name) if name is not None else None
    return identifier if identifier is not None and is_cve(identifier) else None


def read(record_id: str, raw: bytes) -> Claim:
    """The claim that a CVE is exploited, and nothing else.

    BadRecord, by reason: `not-json`, `wrong-type`, `too-deep`, `missing-id`, `bad-id` (no CVE id),
    `id-mismatch` (a second entry for one CVE among them), `bad-date` (no date on which it was added). A due
    date that is none is left out: the exploitation counts without it.
    """
    entry = _decoded(raw)
    own = normalise(entry.cve) if entry.cve is not None else None
    if own is None:
        raise BadRecord("missing-id", "the entry has no cveID")
    if not is_cve(own):
        raise BadRecord("bad-id", f"{own!r} is no CVE id")
    if own != normalise(record_id):
        raise BadRecord("id-mismatch", f"the entry kept as {record_id!r} is about {own}")
    added_on = _day(entry.date_added)
    if added_on is None:
        raise BadRecord("bad-date", f"dateAdded is {entry.date_added!r}")
    return Claim(
        source="kev",
        record_id=record_id,
        own=own,
        exploited=Exploited(
            added_on=added_on,
            due_on=_day(entry.due_date),
            ransomware=(_text(entry.known_ransomware_campaign_use) or "").casefold() == "known",
            required_action=_text(entry.required_action),
            notes=_text(entry.notes),
        ),
    )


def _decoded(raw: bytes) -> _Entry:
    try:
        raw = raw.removeprefix(_BOM)
        raw.decode()
        return _ENTRIES.decode(raw)
    except msgspec.ValidationError as problem:
        raise BadRecord("wrong-type", str(problem)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise BadRecord("not-json", str(problem)) from None
    except RecursionError:
        raise BadRecord("too-deep", "the entry nests deeper than can be read") from None


def _text(text: str | None) -> str | None:
    return (text.strip() or None) if text is not None else None


_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?![0-9])")


def _day(text: str | None) -> date | None:
    """A day, of which a time of day is cut off."""
    match = _DAY.match(text.strip()) if text is not None else None
    if match is None:
        return None
    try:
        return date.fromisoformat(match[0])
    except ValueError:
        return None


def locate(path: str) -> str | None:
    """The file's own name for the one file that is the catalog; None for every other."""
    return _FILE if path.rpartition("/")[2] == f"{_FILE}.json" else None


SOURCE = RecordSource(
    name="kev",
    title="CISA Known Exploited Vulnerabilities",
    home="https://www.cisa.gov/known-exploited-vulnerabilities-catalog",
    licence="CC0-1.0",
    attribution="Known Exploited Vulnerabilities Catalog, Cybersecurity and Infrastructure Security Agency.",
    transport=Download(url=f"https://www.cisa.gov/sites/default/files/feeds/{_FILE}.json"),
    schedule="41 15 * * *",
    reader_version=1,
    read=read,
    locate=locate,
    split=split,
    notes="An entry says that a CVE is exploited; what the vulnerability is, is left to the other sources.",
)
