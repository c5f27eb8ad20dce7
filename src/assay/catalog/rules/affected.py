"""Which versions of which packages are affected: per package, one source's word and never a mixture of two."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from assay.catalog.model import Claim
from assay.domain.osv import EVENT_KINDS, Affected, Package
from assay.domain.packages import normalise_name, repository_name

# The ecosystem under which a repository without a package is kept (as OSV's API calls it).
GIT = "GIT"

# Characters of ecosystem and name together: an index row of PostgreSQL's holds 2,704 bytes. The longest of 40,000
# real names has 96.
_LONGEST = 600


class Ranked(NamedTuple):
    """A claim and its place in the order of trust."""

    place: int
    claim: Claim


def package_key(entry: Affected) -> tuple[str, str]:
    """The ecosystem and normalised name an entry speaks of; for a bare repository, `GIT` and its address."""
    package = entry.package
    if package is not None:
        return package.ecosystem, normalise_name(package.ecosystem, package.name)
    for span in entry.ranges:
        if span.repo:
            return GIT, repository_name(span.repo)
    return GIT, ""


def packages(affected: Sequence[Affected]) -> tuple[tuple[str, str], ...]:
    """The distinct packages of a document, in its order, as far as their names can be kept and looked up.

    What is left out names no package: it holds NUL, or is longer than any registry allows.
    """
    found = dict.fromkeys(package_key(entry) for entry in affected)
    return tuple((ecosystem, name) for ecosystem, name in found if can_be_kept(ecosystem, name))


def can_be_kept(ecosystem: str, name: str) -> bool:
    """Whether a package's name fits into an index of PostgreSQL's and holds no NUL."""
    return len(ecosystem) + len(name) <= _LONGEST and "\0" not in name and "\0" not in ecosystem


def merge_affected(
    ranked: Sequence[Ranked],
) -> tuple[tuple[Affected, ...], Mapping[str, tuple[int, tuple[int, ...]]]]:
    """The affected entries, and for each package who said them and who disagrees.

    Each package's entries all come from the most trusted claim that speaks of the package. `ranked` is in
    order of trust.
    """
    speaking = [entry for entry in ranked if entry.claim.affected]
    if len(speaking) == 1:
        place, claim = speaking[0]
        keys = [package_key(entry) for entry in claim.affected]
        # Entries of one package that stand apart are brought together below, as they are with several claims.
        if len(set(keys)) == len(keys):
            return tuple(map(_tidied, claim.affected)), {_label(key): (place, ()) for key in keys}
    entries: dict[tuple[str, str], list[Affected]] = {}
    said: dict[tuple[str, str], tuple[int, list[int]]] = {}
    for place, claim in speaking:
        spoken: dict[tuple[str, str], list[Affected]] = {}
        for entry in claim.affected:
            spoken.setdefault(package_key(entry), []).append(entry)
        for key, theirs in spoken.items():
            if key not in entries:
                entries[key] = theirs
                said[key] = (place, [])
            elif contradicts(entries[key], theirs):
                said[key][1].append(place)
    merged = tuple(_tidied(entry) for group in entries.values() for entry in group)
    return merged, {_label(key): (by, tuple(against)) for key, (by, against) in said.items()}


def _tidied(entry: Affected) -> Affected:
    """The entry as clients expect it (research/aggregators.md, 6.5, no. 4 and 6).

    pip-audit fails on an entry without a package, and osv-scalibr reads no range behind a GIT one.
    """
    package = entry.package
    if package is not None and len(entry.ranges) < 2:
        return entry
    return msgspec.structs.replace(
        entry,
        package=package or Package(*package_key(entry)),
        ranges=tuple(sorted(entry.ranges, key=lambda span: span.type == "GIT")),
    )


def contradicts(ours: Sequence[Affected], theirs: Sequence[Affected]) -> bool:
    """Whether two claims mean different versions of a package.

    Ranges are compared where both give them, else the enumerated versions; a claim that gives neither
    contradicts nobody. A leading `v`, Go's `+incompatible` and a start at 0 make no difference.
    """
    our_events, their_events = _events(ours), _events(theirs)
    if our_events and their_events:
        return our_events != their_events
    our_versions, their_versions = _versions(ours), _versions(theirs)
    return bool(our_versions and their_versions) and our_versions != their_versions


def _events(entries: Sequence[Affected]) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for entry in entries:
        for span in entry.ranges:
            if span.type == "GIT":
                continue
            found.add(("range", ""))
            for event in span.events:
                for kind in EVENT_KINDS:
                    version = getattr(event, kind)
                    if version is not None and not (
                        kind == "introduced" and version in ("0", "0.0.0", "0.0.0-0")
                    ):
                        found.add((kind, _plain(version)))
    return found


def _versions(entries: Sequence[Affected]) -> set[str]:
    return {_plain(version) for entry in entries for version in entry.versions}


def _plain(version: str) -> str:
    return version.removeprefix("v").removesuffix("+incompatible")


def _label(key: tuple[str, str]) -> str:
    return f"affected/{key[0]}/{key[1]}"
