"""An extraction on its way to a claim: how it stands, what the catalog keeps of it, what people see of it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import msgspec

from assay.pipelines.feeds.model.extraction import Doubt, Extraction, Prose

OWN_PREFIX = "x_ASSAY-"
"""What the names begin with that we give to what nobody named (OSV schema: `x_` stands before private databases)."""


class State(StrEnum):
    """How an extraction stands."""

    ACCEPTED = "accepted"
    """Sure enough to be a claim without anybody's look."""
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    """A person stands by it, as it is or as they edited it."""
    REJECTED = "rejected"
    SKIPPED = "skipped"
    """Another extraction says the same, or says it better; this one stays a claim and sets nothing."""
    SUPERSEDED = "superseded"
    """Its entry was changed and does not say so any more."""


DECIDED = frozenset((State.APPROVED, State.REJECTED))
"""The states that only a person gives and takes."""


class Edits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person writes about a vulnerability; what is not said stays as it is, and empty is nothing.

    `packages` are an ecosystem and a name (`npm lodash`); `ranges` are `>= 1.0, < 2.0`, `<= 1.9`, `1.5` or
    `all versions`, after the product and a colon where they are about one of several.
    """

    title: str | msgspec.UnsetType | None = msgspec.UNSET
    summary: str | msgspec.UnsetType | None = msgspec.UNSET
    vendor: str | msgspec.UnsetType | None = msgspec.UNSET
    product: str | msgspec.UnsetType | None = msgspec.UNSET
    severity: str | msgspec.UnsetType | None = msgspec.UNSET
    aliases: list[str] | msgspec.UnsetType = msgspec.UNSET
    packages: list[str] | msgspec.UnsetType = msgspec.UNSET
    ranges: list[str] | msgspec.UnsetType = msgspec.UNSET
    vectors: list[str] | msgspec.UnsetType = msgspec.UNSET
    cwes: list[str] | msgspec.UnsetType = msgspec.UNSET
    references: list[str] | msgspec.UnsetType = msgspec.UNSET


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the catalog keeps of an extraction, complete in itself: it is read without the tables of this room.

    `quotes` are the words of the entry that support a field of the claim, as (field, words). `reserve` is the
    catalog's. `decided_by` is there where it is a person's claim.
    """

    identifier: str
    feed: str
    entry_key: str
    extraction: Extraction
    entry_title: str | None = None
    address: str | None = None
    quotes: tuple[tuple[str, str], ...] = ()
    modified: datetime | None = None
    reserve: int = 0
    decided_by: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """An extraction that is there already, as far as placing another one beside it goes."""

    id: int
    identifier: str
    record_id: str
    extraction: Extraction
    confidence: float
    state: State


@dataclass(frozen=True, slots=True, kw_only=True)
class Fresh:
    """What was read out of an entry about one vulnerability, wherever it belongs. `model` is who helped."""

    entry: int | None
    source: int
    feed: str
    entry_key: str
    record_id: str
    identifier: str
    title: str | None
    address: str | None
    prose: Prose
    extracted: Extraction
    is_monitored: bool
    reader: int
    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Item(Fresh):
    """One extraction with its text and its review."""

    id: int
    decided: Extraction | None
    confidence: float
    doubts: tuple[Doubt, ...]
    state: State
    published_at: datetime | None
    created_at: datetime
    changed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    note: str | None
    asks_at: datetime | None
    asked: int

    @property
    def shown(self) -> Extraction:
        """What a person made of it, else what was read."""
        return self.decided if self.decided is not None else self.extracted

    @property
    def is_candidate(self) -> bool:
        """Whether only we have a name for it."""
        return self.identifier.startswith(OWN_PREFIX)

    @property
    def is_changed_since(self) -> bool:
        """Whether its text was changed after somebody decided."""
        return self.decided_at is not None and self.changed_at > self.decided_at

    @property
    def edition(self) -> str:
        """Another one whenever its text is read anew, or somebody edits it or decides about it."""
        told = msgspec.json.encode((self.changed_at, self.state, self.decided, self.decided_at))
        return hashlib.sha256(told).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Line:
    """One extraction in a list."""

    id: int
    feed: str
    identifier: str
    title: str | None
    vendor: str | None
    product: str | None
    severity: str | None
    confidence: float
    doubts: Sequence[str]
    state: str
    is_monitored: bool
    is_changed_since: bool
    is_waiting_for_model: bool
    published_at: datetime | None
    created_at: datetime
    decided_by: str | None
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class Filters:
    """Which extractions; what is None or empty does not matter. `words` stand in the identifier or the title."""

    state: State = State.IN_REVIEW
    feed: str | None = None
    doubt: Doubt | None = None
    is_monitored: bool | None = None
    at_least: float | None = None
    at_most: float | None = None
    words: str | None = None


@dataclass(frozen=True, slots=True)
class Decided:
    """What came of a decision about several: those it was made about, and why it could not be about the others."""

    ids: list[int] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Standing:
    """How many vulnerabilities the feeds speak of, how many of these wait for a person, and how many stand."""

    total: int
    needs_review: int
    approved: int


@dataclass(slots=True)
class Stats:
    """What one pass over waiting entries came to; everything but the seconds is a number of entries or extractions.

    `processed` entries were read; of their extractions `created` are new, `updated` replaced what was known,
    `skipped` were less sure than what is known, `duplicates` said nothing new. `failed` entries could not be read.
    """

    processed: int = 0
    created: int = 0
    updated: int = 0
    failed: int = 0
    skipped: int = 0
    duplicates: int = 0
    purged: int = 0
    duration_seconds: float = 0.0

    def add(self, other: "Stats") -> None:
        """Count what another pass came to as well."""
        for name in ("processed", "created", "updated", "failed", "skipped", "duplicates", "purged"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
