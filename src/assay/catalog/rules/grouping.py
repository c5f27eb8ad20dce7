"""Which claims speak of the same vulnerability, whatever the order in which they arrived.

Names are joined by the claims that give them to one vulnerability. Two different CVE ids are never joined:
every CVE id starts a group of its own, and each other name goes to the CVE id it is nearest to. A record that
names several CVE ids is a claim on each of them, not a bridge between them.
"""

import heapq
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from assay.catalog.model import Decisions
from assay.domain.identifiers import cve_order, is_cve

# How far a claim carries one name to another. A record's word about its own name is nearer than its word
# about two other names, and a record that names several CVE ids says least about which of them the others are.
_OWN = 0
_NAMED = 1
_BUNDLE = 100


class Naming(msgspec.Struct, frozen=True, gc=False):
    """The names that one claim gives to its vulnerability; `own` is the record's own identifier, if it has one."""

    claim: int
    own: str | None
    identifiers: tuple[str, ...]


class AliasGroup(msgspec.Struct, frozen=True, gc=False):
    """Names of one vulnerability, sorted, and the claims that speak of it, sorted."""

    identifiers: tuple[str, ...]
    claims: tuple[int, ...]


NO_DECISIONS = Decisions()


def pair(left: str, right: str) -> tuple[str, str]:
    """Two names in the order in which decisions keep them."""
    return (left, right) if left <= right else (right, left)


def components(
    namings: Sequence[tuple[int, Sequence[str]]], pins: Iterable[tuple[str, str]] = ()
) -> list[list[int]]:
    """Positions in `namings` that share a name directly or through a chain, over claims on several CVE ids too.

    Nothing outside a component can change how it is grouped, so each may be merged on its own.
    """
    root = list(range(len(namings)))

    def find(node: int) -> int:
        while root[node] != node:
            root[node] = root[root[node]]
            node = root[node]
        return node

    first: dict[str, int] = {}
    for position, (_, names) in enumerate(namings):
        for name in names:
            other = first.setdefault(name, position)
            if other != position:
                root[find(position)] = find(other)
    for left, right in pins:
        if left in first and right in first:
            root[find(first[left])] = find(first[right])
    together: dict[int, list[int]] = {}
    for position in range(len(namings)):
        together.setdefault(find(position), []).append(position)
    return list(together.values())


def alias_groups(namings: Sequence[Naming], decisions: Decisions = NO_DECISIONS) -> list[AliasGroup]:
    """Group the claims of one or more components.

    The grouping is the same for every order of `namings`. An identifier is in exactly one group, including
    those that appear only as somebody's alias; a claim may be in several (one for each CVE id it names), and
    one that gives no name at all is in none.
    """
    namings = [naming for naming in namings if naming.identifiers]
    groups = []
    for positions in components([(n.claim, n.identifiers) for n in namings], decisions.pins):
        part = [namings[position] for position in positions]
        groups.extend(_split(part, decisions))
    return groups


def _split(namings: Sequence[Naming], decisions: Decisions) -> list[AliasGroup]:
    names = {name for naming in namings for name in naming.identifiers}
    decisions = decisions.about(names)
    if decisions == NO_DECISIONS and sum(map(is_cve, names)) <= 1:
        return [AliasGroup(tuple(sorted(names)), tuple(sorted(naming.claim for naming in namings)))]
    namings = [_without_banned(naming, decisions) for naming in namings]
    names = {name for naming in namings for name in naming.identifiers}
    seed_of = _Labels(namings, names, decisions).settle()
    members: dict[str, list[str]] = defaultdict(list)
    for name, seed in seed_of.items():
        members[seed].append(name)
    claims: dict[str, set[int]] = defaultdict(set)
    for naming in namings:
        seeds = {seed_of[name] for name in _spoken_of(naming)}
        seeds -= {seed for seed in seeds if _is_kept_apart(naming.own, members[seed], decisions)}
        if not seeds and naming.own is not None:
            seeds.add(seed_of[naming.own])
        for seed in seeds:
            claims[seed].add(naming.claim)
    # What a ban cut off from all that is spoken of is spoken of by those who name it.
    for seed in members.keys() - claims.keys():
        naming_it = [
            naming for naming in namings if any(seed_of[name] == seed for name in naming.identifiers)
        ]
        others = [naming for naming in naming_it if not _is_kept_apart(naming.own, members[seed], decisions)]
        claims[seed].update(naming.claim for naming in others or naming_it)
    return [AliasGroup(tuple(sorted(members[seed])), tuple(sorted(claims[seed]))) for seed in sorted(members)]


def _is_kept_apart(own: str | None, members: Collection[str], decisions: Decisions) -> bool:
    """Whether a person said that the record of this name is not what one of these names is."""
    if own is None or not decisions.bans:
        return False
    return any(pair(own, member) in decisions.bans for member in members)


def _without_banned(naming: Naming, decisions: Decisions) -> Naming:
    """The claim without the names that a person said its own record is not."""
    own = naming.own
    if own is None or not decisions.bans:
        return naming
    kept = tuple(name for name in naming.identifiers if name == own or pair(own, name) not in decisions.bans)
    return naming if len(kept) == len(naming.identifiers) else Naming(naming.claim, own, kept)


def _spoken_of(naming: Naming) -> tuple[str, ...]:
    """The names whose groups a claim speaks of: every CVE id it names, else its own name, else all it has."""
    cves = tuple(name for name in naming.identifiers if is_cve(name))
    if cves:
        return cves
    return (naming.own,) if naming.own is not None else naming.identifiers


def _preference(name: str) -> tuple[int, tuple[int, int], str]:
    return (0, cve_order(name), name) if is_cve(name) else (1, (0, 0), name)


class _Labels:
    """Carries each seed's name outwards, nearest first, so that every name ends with exactly one seed."""

    def __init__(self, namings: Sequence[Naming], names: Iterable[str], decisions: Decisions) -> None:
        self._names = sorted(names, key=_preference)
        self._namings = namings
        self._mentions: Mapping[str, list[tuple[int, int]]] = self._index(namings)
        self._pinned = self._index_pins(decisions.pins)
        self._bans = decisions.bans
        self._seed: dict[str, str] = {}
        self._members: dict[str, list[str]] = defaultdict(list)

    @staticmethod
    def _index(namings: Sequence[Naming]) -> Mapping[str, list[tuple[int, int]]]:
        """For each name the claims that give it and how near each claim is to it."""
        mentions: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for position, naming in enumerate(namings):
            is_bundle = sum(map(is_cve, naming.identifiers)) > 1
            for name in naming.identifiers:
                farther = _BUNDLE if is_bundle and not is_cve(name) else _NAMED
                mentions[name].append((position, _OWN if name == naming.own else farther))
        return mentions

    def _index_pins(self, pins: Iterable[tuple[str, str]]) -> Mapping[str, list[str]]:
        present = set(self._names)
        pinned: dict[str, list[str]] = defaultdict(list)
        for left, right in pins:
            if left in present and right in present:
                pinned[left].append(right)
                pinned[right].append(left)
        return pinned

    def settle(self) -> Mapping[str, str]:
        """Each name's seed: a CVE id where one can be reached, else the first name in order."""
        self._spread([name for name in self._names if is_cve(name)])
        for name in self._names:
            if name not in self._seed:
                self._spread([name])
        return self._seed

    def _spread(self, seeds: Sequence[str]) -> None:
        queue: list[tuple[int, tuple[int, tuple[int, int], str], str]] = []
        for seed in seeds:
            if seed not in self._seed:
                self._take_pinned(seed, queue)
        while queue:
            distance, preference, name = heapq.heappop(queue)
            seed = self._seed.get(preference[2], preference[2])
            if name not in self._seed:
                together = self._pinned_to(name)
                if self._is_banned(together, seed):
                    continue
                for other in together:
                    self._take(other, seed)
                    if other != name:
                        heapq.heappush(queue, (distance, preference, other))
            elif self._seed[name] != seed:
                continue
            self._push_neighbours(queue, name, seed, distance)

    def _take_pinned(self, seed: str, queue: list[tuple[int, tuple[int, tuple[int, int], str], str]]) -> None:
        """Start a group with everything that people pinned to its seed, CVE ids included."""
        for name in self._pinned_to(seed):
            self._take(name, seed)
            heapq.heappush(queue, (0, _preference(seed), name))

    def _pinned_to(self, name: str) -> list[str]:
        """The name and all that people pinned to it, directly or through others: they are taken as one."""
        found = [name]
        for one in found:
            found.extend(other for other in self._pinned.get(one, ()) if other not in found)
        return found

    def _take(self, name: str, seed: str) -> None:
        self._seed[name] = seed
        self._members[seed].append(name)

    def _push_neighbours(
        self,
        queue: list[tuple[int, tuple[int, tuple[int, int], str], str]],
        name: str,
        seed: str,
        distance: int,
    ) -> None:
        preference = _preference(seed)
        for position, near in self._mentions[name]:
            for other in self._namings[position].identifiers:
                if other not in self._seed and not is_cve(other):
                    far = next(step for at, step in self._mentions[other] if at == position)
                    heapq.heappush(queue, (distance + near + far, preference, other))

    def _is_banned(self, names: Collection[str], seed: str) -> bool:
        if not self._bans:
            return False
        return any(pair(name, member) in self._bans for name in names for member in self._members[seed])
