"""Which key each merged vulnerability keeps, and which rows have to be written at all."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple, Protocol

import msgspec

from assay.catalog.rules.grouping import pair
from assay.catalog.rules.merged import Merged
from assay.domain.versions import ENCODER_VERSION


class Holding(Protocol):
    """A vulnerability that is in the catalog now."""

    @property
    def id(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def digest(self) -> bytes: ...
    @property
    def claim_ids(self) -> Sequence[int]: ...
    @property
    def names(self) -> Sequence[str]: ...
    @property
    def former(self) -> Sequence[str]: ...


class Replacement(NamedTuple):
    """A merged vulnerability and the key it keeps; `key` is None for one that the catalog has not had."""

    merged: Merged
    digest: bytes
    key: int | None = None
    is_unchanged: bool = False

    def changed_fields(self, before: bytes) -> list[str]:
        """The fields of the finished document that differ from the one before, sorted."""
        old: dict[str, object] = msgspec.json.decode(before)
        new: dict[str, object] = msgspec.json.decode(self.merged.document)
        return sorted(field for field in old.keys() | new.keys() if old.get(field) != new.get(field))


@dataclass(frozen=True, slots=True)
class Plan:
    """What a merge does to the catalog.

    `removed` are keys that no merged vulnerability keeps. `former` are names that no claim gives any more, each
    with the position of the replacement that it goes on finding.
    """

    replacements: list[Replacement]
    removed: list[int]
    former: list[tuple[str, int]]


def digest(merged: Merged) -> bytes:
    """The fingerprint of everything a merge decided: the same claims, policy and version keys give the same."""
    total = sha256(merged.document)
    total.update(b"\0%d\0" % ENCODER_VERSION + merged.provenance)
    return total.digest()[:16]


def plan_replacements(
    merged: Sequence[Merged], holdings: Sequence[Holding], bans: AbstractSet[tuple[str, str]] = frozenset()
) -> Plan:
    """Give every merged vulnerability its key.

    A key stays with the vulnerability that has its name, else with one that took its name in as an alias, else
    with one that holds any of its names. Each key is given once, older keys first, so the outcome
    does not depend on the order of `merged`. A name that a person banned from a vulnerability leads there no more.
    """
    ordered = sorted(merged, key=lambda entry: entry.name)
    position_of = {name: position for position, entry in enumerate(ordered) for name in entry.identifiers}
    keeper = _keepers(ordered, position_of, sorted(holdings, key=lambda holding: holding.id))
    replacements = [_replacement(entry, keeper.get(position)) for position, entry in enumerate(ordered)]
    kept = {holding.id: position for position, holding in keeper.items()}
    removed = [holding.id for holding in holdings if holding.id not in kept]
    former = _former(holdings, kept, position_of)
    if bans:
        former = [
            (name, position)
            for name, position in former
            if not any(pair(name, other) in bans for other in ordered[position].identifiers)
        ]
    return Plan(replacements, removed, former)


def _replacement(entry: Merged, holding: Holding | None) -> Replacement:
    print_of_it = digest(entry)
    if holding is None:
        return Replacement(entry, print_of_it)
    is_unchanged = (
        holding.digest == print_of_it
        and list(holding.claim_ids) == list(entry.claims)
        and set(holding.names) == set(entry.identifiers)
    )
    return Replacement(entry, print_of_it, holding.id, is_unchanged)


def _former(
    holdings: Sequence[Holding], kept: Mapping[int, int], position_of: Mapping[str, int]
) -> list[tuple[str, int]]:
    """Names without a claim, and where they lead: to the key that held them, else to where its other names went."""
    found: list[tuple[str, int]] = []
    for holding in holdings:
        position = kept.get(holding.id)
        if position is None:
            position = next(
                (position_of[name] for name in sorted(holding.names) if name in position_of), None
            )
        if position is not None:
            lost = (name for name in (*holding.names, *holding.former) if name not in position_of)
            found.extend((name, position) for name in lost)
    return found


def _keepers(
    merged: Sequence[Merged], position_of: Mapping[str, int], holdings: Sequence[Holding]
) -> dict[int, Holding]:
    by_name = {entry.name: position for position, entry in enumerate(merged)}
    keeper: dict[int, Holding] = {}
    left = []
    for holding in holdings:
        position = by_name.get(holding.name)
        if position is not None and position not in keeper:
            keeper[position] = holding
        else:
            left.append(holding)
    for holding in left:
        candidates = (holding.name, *sorted(holding.names))
        found = next(
            (position_of[name] for name in candidates if position_of.get(name, -1) not in (-1, *keeper)), None
        )
        if found is not None:
            keeper[found] = holding
    return keeper
