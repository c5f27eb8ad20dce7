"""OSV.dev: the public bucket in which some thirty databases publish their advisories in OSV's own format.

Records are read as they come; what is put right here was met in real records (schema 1.7,
https://ossf.github.io/osv-schema/): nulls for absent fields, years 1, half URLs, lost withdrawals.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import msgspec

from assay.catalog.model import Claim
from assay.domain.identifiers import normalise, normalise_all
from assay.domain.osv import Affected, Credit, Event, Range, Reference, Severity
from assay.errors import BadRecord
from assay.pipelines.advisories.model import Bucket, RecordSource


class _Remarks(msgspec.Struct, gc=False):
    """What Assay uses of the `..._specific` objects, whose content is free: any type may come."""

    severity: Any = None
    cwe_ids: Any = None
    cwes: Any = None


class _Record(msgspec.Struct, gc=False):
    """An OSV record as it comes; the fields that real records set to null may be null."""

    id: str | None = None
    modified: str | None = None
    published: str | None = None
    withdrawn: str | None = None
    aliases: tuple[str, ...] | None = None
    upstream: tuple[str, ...] | None = None
    related: tuple[str, ...] | None = None
    summary: str | None = None
    details: str | None = None
    severity: tuple[Severity, ...] | None = None
    affected: tuple[Affected, ...] | None = None
    references: tuple[Reference, ...] | None = None
    credits: tuple[Credit, ...] | None = None
    database_specific: _Remarks | None = None


_RECORDS = msgspec.json.Decoder(_Record)
_REMARKS = msgspec.json.Decoder(_Remarks)
_TREES = msgspec.json.Decoder()

_BOM = b"\xef\xbb\xbf"


def read(record_id: str, raw: bytes) -> Claim:
    """The claim that an OSV record makes.

    BadRecord, by reason: `not-json` (invalid UTF-8 included), `wrong-type`, `too-deep`, `missing-id`,
    `id-mismatch` (the id inside is not the one the record is kept under), `missing-ecosystem` (an affected
    package that cannot be matched; the record is set aside as a whole so that no part of it gets lost).
    """
    raw = _repaired(raw)
    record = _decoded(raw)
    own = normalise(record.id) if record.id is not None else None
    if own is None:
        raise BadRecord("missing-id", "the record has no id")
    if not _is_kept_as(record_id, own):
        raise BadRecord("id-mismatch", f"the record kept as {record_id!r} calls itself {own!r}")
    affected = _matchable(record.affected or ())
    published, modified = _moment(record.published), _moment(record.modified)
    remarks = record.database_specific
    return Claim(
        source="osv",
        record_id=record_id,
        own=own,
        aliases=_others(record.aliases, own),
        upstream=normalise_all(record.upstream),
        related=normalise_all(record.related),
        published=published,
        modified=modified,
        withdrawn=_moment(record.withdrawn)
        or (modified or published if _says_withdrawn(record, own) else None),
        summary=_text(record.summary),
        details=_text(record.details),
        severity=record.severity or _severity_of_all(affected),
        severity_word=_severity_word(remarks, affected),
        affected=affected,
        references=_links(record.references or ()),
        cwes=_cwes(remarks, affected),
        credits=record.credits or (),
    )


# Every escape of a JSON string, a surrogate pair as one; so an escaped backslash before "ud800" is none.
_ESCAPES = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


_SURROGATE = re.compile(rb"\\u[dD]")


def _repaired(raw: bytes) -> bytes:
    """The record without byte order mark, and with U+FFFD for half a surrogate pair."""
    raw = raw.removeprefix(_BOM)
    # Hardly a record has any escape by number.
    if b"\\u" in raw and _SURROGATE.search(raw):
        return _ESCAPES.sub(lambda escape: b"\\ufffd" if escape[1] else escape[0], raw)
    return raw


def _decoded(raw: bytes) -> _Record:
    try:
        # msgspec checks the encoding of the strings it reads, not of those it passes over.
        raw.decode()
        try:
            return _RECORDS.decode(raw)
        except msgspec.ValidationError:
            return _decoded_without_nulls(raw)
    except msgspec.ValidationError as problem:
        raise BadRecord("wrong-type", str(problem)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise BadRecord("not-json", str(problem)) from None
    except RecursionError:
        raise BadRecord("too-deep", "the record nests deeper than can be read") from None


def _decoded_without_nulls(raw: bytes) -> _Record:
    """The record read again where null says no more than absence; slow, and rarely needed."""
    return _RECORDS.decode(msgspec.json.encode(_without_nulls(_TREES.decode(raw))))


def _without_nulls(value: Any) -> Any:
    """A JSON value without nulls; what is in the free fields stays as it is."""
    if isinstance(value, dict):
        return {
            key: part if key.endswith("_specific") else _without_nulls(part)
            for key, part in value.items()
            if part is not None
        }
    if isinstance(value, list):
        return [_without_nulls(part) for part in value if part is not None]
    return value


def _is_kept_as(record_id: str, own: str) -> bool:
    return record_id == own or _as_file_name(record_id) == _as_file_name(own)


def _as_file_name(identifier: str) -> str:
    """An identifier in the spelling to which all its file names come: `ALSA-2019:3338` has a colon."""
    plain = normalise(unquote(identifier)) or ""
    return plain.replace(":", "-").replace("_", "-")


def _others(aliases: tuple[str, ...] | None, own: str) -> tuple[str, ...]:
    if not aliases:
        return ()
    found = normalise_all(aliases)
    return tuple(name for name in found if name != own) if own in found else found


def _text(text: str | None) -> str | None:
    return text if text and not text.isspace() else None


def _moment(text: str | None) -> datetime | None:
    """A time in UTC, which is meant where no zone is written; None for Go's zero (year 1) and for no time."""
    if not text:
        return None
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        try:
            when = datetime.fromisoformat(text.strip().upper())
        except ValueError:
            return None
    if when.year == 1:
        return None
    if when.tzinfo is UTC:
        return when
    try:
        return when.astimezone(UTC) if when.tzinfo is not None else when.replace(tzinfo=UTC)
    except OverflowError:
        return None


# What GitHub writes at the head of an advisory that it withdraws. Of 19,203 records in a mirror of early
# 2025, 285 say so in prose only: the field was lost on the way. A duplicate that is not called withdrawn (7),
# a rejected CVE (3) and a withdrawal told further down stay as they are.
_WITHDRAWN = re.compile(
    r"[\s#*]*(?:"
    r"withdrawn(?:\*\*|\s*[:,.\n]|\s*$|\s+(?:advisory|reason)\b)"
    r"|(?:duplicate advisory[\s#*:]+)?this advisory has been withdrawn\b"
    r"|advisory withdrawn\b"
    r"|cve has been withdrawn\b"
    r")",
    re.IGNORECASE,
)


def _says_withdrawn(record: _Record, own: str) -> bool:
    if not own.startswith("GHSA-"):
        return False
    return bool(_WITHDRAWN.match(record.summary or "") or _WITHDRAWN.match(record.details or ""))


_NO_EVENT = Event()
# `"database_specific": null` comes as these bytes, and the schema wants an object there.
_NULL = msgspec.Raw(b"null")


def _matchable(affected: tuple[Affected, ...]) -> tuple[Affected, ...]:
    """The entries that say something, as they came; rebuilt only where one of them is odd."""
    return tuple(_without_hollow(affected)) if any(map(_is_odd, affected)) else affected


def _is_odd(entry: Affected) -> bool:
    package = entry.package
    if package is None:
        if not entry.ranges and not entry.versions:
            return True
    elif not package.ecosystem or not package.name:
        return True
    of_ecosystem, of_database = entry.ecosystem_specific, entry.database_specific
    if (of_ecosystem is not None and of_ecosystem == _NULL) or (
        of_database is not None and of_database == _NULL
    ):
        return True
    # A loop, because any() over a generator costs a third of the time of the whole check.
    for span in entry.ranges:
        told = span.database_specific
        if not span.events or _NO_EVENT in span.events or (told is not None and told == _NULL):
            return True
    return False


def _without_hollow(affected: tuple[Affected, ...]) -> Iterator[Affected]:
    """The entries without empty events, ranges and packages, and without those of which nothing is left."""
    for entry in affected:
        package = entry.package
        ranges = tuple(_told(entry.ranges))
        if package is not None and not (package.ecosystem and package.name):
            is_repository = not (package.ecosystem or package.name or package.purl or entry.versions)
            if not is_repository or any(span.type != "GIT" for span in ranges):
                raise BadRecord("missing-ecosystem", "an affected package has no ecosystem or no name")
            package = None
        if package is not None or ranges or entry.versions:
            yield msgspec.structs.replace(
                entry,
                package=package,
                ranges=ranges,
                ecosystem_specific=_unless_null(entry.ecosystem_specific),
                database_specific=_unless_null(entry.database_specific),
            )


def _told(ranges: Iterable[Range]) -> Iterator[Range]:
    for span in ranges:
        events = tuple(event for event in span.events if event != _NO_EVENT)
        if events:
            told = _unless_null(span.database_specific)
            yield msgspec.structs.replace(span, events=events, database_specific=told)


def _unless_null(told: msgspec.Raw | None) -> msgspec.Raw | None:
    return None if told == _NULL else told


def _severity_of_all(affected: tuple[Affected, ...]) -> tuple[Severity, ...]:
    """The severity that all affected packages with one share (Bitnami); none where they differ."""
    found = {entry.severity for entry in affected if entry.severity}
    return found.pop() if len(found) == 1 else ()


def _severity_word(remarks: _Remarks | None, affected: tuple[Affected, ...]) -> str | None:
    """The database's own word, for the record or else for all of its packages alike (OSS-Fuzz)."""
    word = _word(remarks)
    if word is not None:
        return word
    words = {_word(told) for told in _remarks_on_packages(affected, b'"severity"')} - {None}
    return words.pop() if len(words) == 1 else None


def _word(remarks: _Remarks | None) -> str | None:
    word = remarks.severity if remarks is not None else None
    return _text(word.strip()) if isinstance(word, str) else None


def _cwes(remarks: _Remarks | None, affected: tuple[Affected, ...]) -> tuple[str, ...]:
    found = _cwes_of(remarks) if remarks is not None else ()
    if found:
        return found
    return tuple(
        dict.fromkeys(cwe for told in _remarks_on_packages(affected, b'"cwe') for cwe in _cwes_of(told))
    )


_CWE = re.compile(r"\s*CWE-0*([0-9]{1,5})\b", re.IGNORECASE)


def _cwes_of(remarks: _Remarks) -> tuple[str, ...]:
    """The distinct CWE ids of a list of texts (GitHub) or of objects with `cweId` (malicious packages)."""
    listed = remarks.cwe_ids or remarks.cwes
    if not isinstance(listed, list):
        return ()
    found: dict[str, None] = {}
    for item in listed:
        text = item.get("cweId") if isinstance(item, dict) else item
        match = _CWE.match(text) if isinstance(text, str) else None
        if match:
            found[f"CWE-{match[1]}"] = None
    return tuple(found)


def _remarks_on_packages(affected: tuple[Affected, ...], word: bytes) -> Iterator[_Remarks]:
    """The remarks on each affected package in which `word` occurs."""
    for entry in affected:
        for told in (entry.ecosystem_specific, entry.database_specific):
            if told is not None and word in bytes(told):
                try:
                    yield _REMARKS.decode(told)
                except (
                    msgspec.ValidationError
                ):  # free content: no object, or a number past the range of floats
                    continue


_WEB = ("https://", "http://")
_HALF_SCHEME = re.compile(r"(?:(h?t{0,2}ps)|(?:h?t{1,2}p)):/{1,2}(?=[^/\s])", re.IGNORECASE)
_OTHER_SCHEMES = re.compile(r"(?:https?|ftps?|git|ssh|svn|git\+(?:https?|ssh))://[^/\s]", re.IGNORECASE)


def _links(references: tuple[Reference, ...]) -> tuple[Reference, ...]:
    """The references that lead somewhere; nearly always all of them, as they came."""
    for reference in references:
        if not reference.url.startswith(_WEB):
            break
    else:
        return references
    return tuple(link for link in map(_link, references) if link is not None)


def _link(reference: Reference) -> Reference | None:
    """The reference with a whole URL; None where it has no scheme or one that no reader can follow."""
    url = reference.url.strip()
    if not _OTHER_SCHEMES.match(url):
        half = _HALF_SCHEME.match(url)
        if half is None:
            return None
        url = ("https://" if half[1] else "http://") + url[half.end() :]
    return reference if url == reference.url else msgspec.structs.replace(reference, url=url)


# A database's prefix holds a capital, or begins with x_ (schema, `id`); so a package-lock.json is no record.
_RECORD_NAME = re.compile(r"(?:x_[A-Za-z0-9_]*|[a-z0-9_]*[A-Z][A-Za-z0-9_]*)-.", re.DOTALL)


def locate(path: str) -> str | None:
    """The record id that a member of the archive stands for: a JSON file whose name looks like one."""
    if not path.endswith(".json"):
        return None
    name = path[path.rfind("/") + 1 : -5]
    return name if _RECORD_NAME.match(name) else None


SOURCE = RecordSource(
    name="osv",
    title="OSV.dev",
    home="https://osv.dev",
    licence=(
        "Per database: CC-BY-4.0 (GHSA, PYSEC, GO, OSV, PSF, JLSEC), CC0-1.0 (RUSTSEC, HSEC, OSEC, BREW), "
        "Apache-2.0 (BIT, MAL, RSEC, CLEANSTART), MIT (ALSA, ALBA, ALEA, BELL, DRUPAL)"
    ),
    attribution="Advisories from OSV.dev and the databases it collects; a record's id names its database.",
    transport=Bucket(
        url="gs://osv-vulnerabilities",
        fallback_url="https://osv-vulnerabilities.storage.googleapis.com",
        archive="all.zip",
        changes="modified_id.csv",
        scopes="ecosystems.txt",
    ),
    schedule="13 * * * *",
    reader_version=1,
    read=read,
    locate=locate,
    volatile=re.compile(rb'"modified"\s*:\s*"[^"\\]*"'),
    volatile_marks=(b'"modified"',),
    notes=(
        "GHSA records that say in prose only that they were withdrawn count as withdrawn when last modified. "
        "References without a scheme are left out; the raw record keeps them."
    ),
)
