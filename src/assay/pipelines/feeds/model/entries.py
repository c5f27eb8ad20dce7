"""Entries: what a source of prose gave, as received, and how far its processing is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

MOST_ATTEMPTS = 3
"""So many failures and an entry waits for a person."""

MOST_DEATHS = 5
"""So many workers may die over an entry. More than attempts, for most of those who die are killed from outside."""

ALONE_AFTER_DEATHS = 2
"""From so many deaths on an entry is taken by itself, so that it cannot take its neighbours along."""

_FIRST_WAIT = timedelta(minutes=1)
_GROWTH = 5


class Status(StrEnum):
    """How far an entry is."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    """Given up after its last attempt; a person may have it tried again. It is never purged."""


class Outcome(StrEnum):
    """What came of an entry that was processed."""

    CLAIMED = "claimed"
    CANDIDATE = "candidate"
    NOT_ADVISORY = "not_advisory"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One entry as its source gave it; `raw` is in the words of its media type.

    `key` names it within its source for ever. What the address, the title and the moment are is the source's word.
    `sameness` is what changes when the entry says something else, where its bytes change without that.
    """

    key: str
    media_type: str
    raw: bytes
    address: str | None = None
    title: str | None = None
    published_at: datetime | None = None
    sameness: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RawEntry:
    """An entry that is being processed; `attempts` counts this one."""

    id: int
    source: int
    source_name: str
    key: str
    media_type: str
    address: str | None
    title: str | None
    published_at: datetime | None
    raw: bytes
    attempts: int
    is_monitored: bool
    priority: int


@dataclass(frozen=True, slots=True)
class Weight:
    """How pressing an entry is, the higher the sooner, and whether it mentions what is watched."""

    priority: int
    is_monitored: bool


@dataclass(frozen=True, slots=True)
class Taker:
    """The execution of a job that takes entries: the job's number and that of its start."""

    job: int
    start: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """A waiting entry, for those who weigh it again."""

    id: int
    title: str | None
    media_type: str
    raw: bytes
    published_at: datetime | None


@dataclass(frozen=True, slots=True)
class Added:
    """What came of entries that were handed in: how many are new, have another content, and were known as they are."""

    new: int = 0
    changed: int = 0
    known: int = 0


@dataclass(frozen=True, slots=True)
class Reclaimed:
    """What came of entries whose worker died: how many wait again, and how many were given up."""

    waiting: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Counts:
    """How many entries are how far."""

    by_status: Mapping[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.by_status.values())

    def told(self) -> dict[str, int]:
        """Every status and the total, as people and programs are told of them."""
        return {**{status.value: self.of(status) for status in Status}, "total": self.total}

    def of(self, status: Status) -> int:
        """How many are that far."""
        return self.by_status.get(status, 0)


def wait_after(attempts: int) -> timedelta | None:
    """How long an entry waits after so many failed attempts: 1 minute, 5 minutes; None when it is given up."""
    return None if attempts >= MOST_ATTEMPTS else _FIRST_WAIT * _GROWTH ** (max(attempts, 1) - 1)


def is_given_up_after(deaths: int) -> bool:
    """Whether an entry over which so many workers died is not tried again."""
    return deaths >= MOST_DEATHS
