"""What a merge takes and gives: a held claim, a curated vulnerability, and who said what about it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from assay.catalog.model import Claim, Exploited, Product, Reserve, State
from assay.catalog.rules.matching import MatchRow
from assay.domain.severity import Band, Score


class Held(NamedTuple):
    """A claim as the catalog holds it."""

    id: int
    claim: Claim
    tombstoned_at: datetime | None = None

    @property
    def is_retracted(self) -> bool:
        """Whether its source took the claim back."""
        claim = self.claim
        return claim.withdrawn is not None or claim.is_rejected or self.tombstoned_at is not None


def held_back(held: Sequence[Held], only: Mapping[str, Any]) -> frozenset[int]:
    """The claims that are held back more than another one which speaks for the whole."""
    if not any(entry.claim.reserve for entry in held):
        return frozenset()
    whole = [entry for entry in held if entry.claim.source not in only]
    least = min((entry.claim.reserve for entry in whole), default=Reserve.NONE)
    return frozenset(entry.id for entry in whole if entry.claim.reserve > least)


class Said(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Who set a field and who said otherwise, as positions in the provenance's list of claims."""

    by: int
    against: tuple[int, ...] = ()
    also: tuple[int, ...] = ()


class Provenance(msgspec.Struct, frozen=True, omit_defaults=True):
    """Per field, who said it and who disagreed. `also` lists the others whose entries a united list holds."""

    claims: tuple[str, ...]
    fields: dict[str, Said]


class Specific(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the OSV schema has no field for; stands in the document under database_specific.assay."""

    state: str
    sources: tuple[str, ...]
    severity: str | None = None
    cvss_score: float | None = None
    cwe_ids: tuple[str, ...] = ()
    exploited: Exploited | None = None
    products: tuple[Product, ...] = ()
    is_unreviewed: bool = False
    """Nobody has looked yet at the only claims that there are."""


class Wrapped(msgspec.Struct, frozen=True):
    assay: Specific


class Merged(NamedTuple):
    """One curated vulnerability: the columns to search by, the finished document, and who said what."""

    name: str
    identifiers: tuple[str, ...]
    claims: tuple[int, ...]
    state: State
    summary: str | None
    headline: str
    severity: Band | None
    cvss: Score | None
    cvss_vector: str | None
    published: datetime | None
    modified: datetime | None
    withdrawn: datetime | None
    exploited: Exploited | None
    sources: tuple[str, ...]
    confidence: float
    needs_review: bool
    packages: tuple[tuple[str, str], ...]
    matches: tuple[MatchRow, ...]
    commits: tuple[bytes, ...]
    document: bytes
    provenance: bytes
