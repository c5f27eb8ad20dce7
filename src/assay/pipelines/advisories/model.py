"""The advisories pipeline's words: a source, where it is fetched from, and what a run of it came to."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date

import msgspec

from assay.catalog.model import Reader, Scored
from assay.errors import BadRecord, Permanent


class Refused(Permanent):
    """A document as a whole is not believed; nothing of it was applied."""


@dataclass(frozen=True, slots=True)
class Download:
    """One file at an HTTPS address."""

    url: str


@dataclass(frozen=True, slots=True)
class Bucket:
    """A public object-store bucket, and the HTTPS address under which the same objects are served.

    `archive` is the object that holds everything, `changes` the list of `<modified>,<object>` rows, newest
    first. Both also exist below a folder per scope (an ecosystem).
    """

    url: str
    fallback_url: str
    archive: str
    changes: str
    scopes: str


@dataclass(frozen=True, slots=True)
class Repository:
    """A git repository, and the folder in it that holds the records."""

    url: str
    branch: str
    folder: str = ""


Transport = Download | Bucket | Repository


@dataclass(frozen=True, slots=True)
class RecordSource:
    """An outside place that publishes records, each read as one claim.

    `locate` gives the record id that a member's path stands for, None for a member that is no record.
    `split` cuts a single document into (record id, raw record) pairs, for sources that publish one file.
    `volatile` matches the timestamps in a raw record that change without content; each match begins with one of
    `volatile_marks`, so that it is found without trying every byte. `reader_version` is
    raised when `read` would give another claim for the same bytes; everything is then read again.
    """

    name: str
    title: str
    home: str
    licence: str
    attribution: str
    transport: Transport
    schedule: str
    reader_version: int
    read: Reader
    locate: Callable[[str], str | None]
    split: Callable[[bytes], Iterable[tuple[str, bytes]]] | None = None
    volatile: re.Pattern[bytes] | None = None
    volatile_marks: tuple[bytes, ...] = ()
    notes: str = ""


@dataclass(frozen=True, slots=True)
class ScoreDay:
    """All scores of one day, as the source published them; a row that is no score comes as its BadRecord."""

    scored_on: date
    model: str | None
    scores: Iterator[Scored | BadRecord]


@dataclass(frozen=True, slots=True)
class ScoreSource:
    """An outside place that publishes one score per CVE a day."""

    name: str
    title: str
    home: str
    licence: str
    attribution: str
    transport: Transport
    schedule: str
    read_day: Callable[[Iterable[bytes]], ScoreDay]
    notes: str = ""


Source = RecordSource | ScoreSource


class Entry(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A member as the last listing had it; `is_bad` when it was set aside.

    A member whose bytes could not be had is kept with UNREAD: its archive tells the same fingerprint again once the
    bytes can be read (a zip's directory keeps its CRC-32 when it is packed otherwise, or was damaged elsewhere).
    """

    fingerprint: bytes
    is_bad: bool
