"""The catalog's words: a claim as its source's reader hands it over, and what merging makes of claims."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import IntEnum, StrEnum

import msgspec

from assay.domain.osv import Affected, Credit, Reference, Severity
from assay.domain.severity import Band


class Exploited(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """That a vulnerability is exploited in the wild, since when, and what CISA asks (KEV's own fields)."""

    added_on: date
    due_on: date | None = None
    ransomware: bool = False
    required_action: str | None = None
    notes: str | None = None


class Product(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A product as the CVE list describes it, outside every package ecosystem; versions stay prose."""

    vendor: str | None = None
    product: str | None = None
    versions: tuple[str, ...] = ()
    default_status: str | None = None
    cpes: tuple[str, ...] = ()


class Reserve(IntEnum):
    """How far a claim is held back: it sets nothing while a live claim that is held back less speaks of the same."""

    NONE = 0
    UNREVIEWED = 1
    """Nobody has looked at it yet, and somebody should."""
    SKIPPED = 2
    """Its own source says it better elsewhere."""


class Evidence(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The words of a text that support what a claim says on a field."""

    field: str
    quote: str


class Claim(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one source says about one vulnerability.

    `own` is the identifier under which the source itself keeps the record, None where the record is kept
    under a path (GitLab). `aliases` are the other names of the same vulnerability, `upstream` and `related`
    are names of others and never make two records one. Identifiers are normalised; times are UTC;
    a field that the source does not speak of is None or empty. `said_by` tells people where inside the source it
    comes from (a feed, a person).
    """

    source: str
    record_id: str
    own: str | None = None
    aliases: tuple[str, ...] = ()
    upstream: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    published: datetime | None = None
    modified: datetime | None = None
    withdrawn: datetime | None = None
    is_rejected: bool = False
    is_disputed: bool = False
    summary: str | None = None
    details: str | None = None
    severity: tuple[Severity, ...] = ()
    severity_word: str | None = None
    affected: tuple[Affected, ...] = ()
    products: tuple[Product, ...] = ()
    references: tuple[Reference, ...] = ()
    cwes: tuple[str, ...] = ()
    credits: tuple[Credit, ...] = ()
    exploited: Exploited | None = None
    confidence: float = 1.0
    reserve: Reserve = Reserve.NONE
    said_by: str | None = None
    evidence: tuple[Evidence, ...] = ()

    @property
    def identifiers(self) -> tuple[str, ...]:
        """Every name the claim gives to its vulnerability, its own first."""
        return (self.own, *self.aliases) if self.own is not None else self.aliases


encode_claim = msgspec.json.Encoder().encode
"""A claim as JSON. Raises UnicodeEncodeError for text that is no Unicode."""

decode_claim = msgspec.json.Decoder(Claim).decode
"""The claim that `encode_claim` wrote, equal to it in every field."""

Reader = Callable[[str, bytes], Claim]
"""Reads one raw record (its record id, its bytes) as a claim; raises BadRecord. Pure."""

Readers = Mapping[str, Reader]
"""Readers by the name of their source, handed in by bootstrap."""


class State(StrEnum):
    """What the claims together say of a vulnerability's standing."""

    PUBLISHED = "published"
    DISPUTED = "disputed"
    WITHDRAWN = "withdrawn"
    REJECTED = "rejected"

    @property
    def number(self) -> int:
        """The state as lists keep it."""
        return _NUMBERS[self]


_NUMBERS = {state: number for number, state in enumerate(State)}


LIVE = frozenset((State.PUBLISHED, State.DISPUTED))
"""The states of a vulnerability that somebody still stands by."""


@dataclass(frozen=True, slots=True)
class Scored:
    """One CVE's EPSS score and percentile, both between 0 and 1; files before 2021-09 carry no percentile."""

    cve: str
    score: float
    percentile: float | None


@dataclass(frozen=True, slots=True)
class Decisions:
    """What people decided about pairs of names: pinned ones are one vulnerability, banned ones are two."""

    pins: frozenset[tuple[str, str]] = frozenset()
    bans: frozenset[tuple[str, str]] = frozenset()

    def about(self, names: Collection[str]) -> "Decisions":
        """The decisions that speak of any of these names."""
        if not self.pins and not self.bans:
            return self
        return Decisions(
            frozenset(pair for pair in self.pins if pair[0] in names or pair[1] in names),
            frozenset(pair for pair in self.bans if pair[0] in names or pair[1] in names),
        )


GRAVITIES = {band: band.rank + 1 for band in Band}
"""Severities as lists keep them, worse ones higher; 0 stands for what nobody rated."""

MERGE_LOCK = 7_231_901_145
"""The advisory lock that a merge holds, so that there is one at a time in a database; it must not change."""


def tenths(score: float) -> int:
    """A CVSS score as lists keep it; 0 stands for none."""
    return round(score * 10) + 1
