"""What differs between two runs, where it stands in the files or in what it comes to."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from assay.domain.splunk.layers import Effective, Layer


class Change(StrEnum):
    """How a setting differs."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MOVED = "moved"
    """The same value stands elsewhere."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting that differs; what is not there is None."""

    change: Change
    conf: str
    stanza: str
    key: str
    before: str | None
    after: str | None
    path_before: str | None
    path_after: str | None


# (conf, stanza, key) -> (value, where it stands)
Settings = Mapping[tuple[str, str, str, str], str]


def written(conf: str, layers: Iterable[Layer]) -> dict[tuple[str, str, str, str], str]:
    """(conf, stanza, key, place) -> value of everything that is written, the last word of each file."""
    return {
        (conf, stanza.name, one.key, path): one.value
        for layer in layers
        for path in (layer.place.path,)
        for stanza in layer.stanzas
        for one in stanza.settings
    }


def in_force(effective: Effective, places: Mapping[str, str]) -> dict[tuple[str, str, str], tuple[str, str]]:
    """(conf, stanza, key) -> (value, place) of everything that holds."""
    return {
        (effective.conf, name, key): (winner.value, places[winner.path])
        for name, stanza in effective.stanzas.items()
        for key, winner in stanza.settings.items()
    }


def differences_written(before: Settings, after: Settings) -> list[Difference]:
    """What differs in the files, by configuration, stanza, key and place."""
    gone = {key: value for key, value in before.items() if key not in after}
    come = {key: value for key, value in after.items() if key not in before}
    found = [
        Difference(Change.CHANGED, *key[:3], before[key], after[key], key[3], key[3])
        for key in before.keys() & after.keys()
        if before[key] != after[key]
    ]
    found += _moved(gone, come)
    found += [Difference(Change.REMOVED, *key[:3], value, None, key[3], None) for key, value in gone.items()]
    found += [Difference(Change.ADDED, *key[:3], None, value, None, key[3]) for key, value in come.items()]
    return sorted(found, key=_order)


def _moved(
    gone: dict[tuple[str, str, str, str], str], come: dict[tuple[str, str, str, str], str]
) -> Iterator[Difference]:
    """Takes out of both what went from one file to another with its value."""
    arrived: dict[tuple[str, str, str, str], list[tuple[str, str, str, str]]] = {}
    for key in sorted(come):
        arrived.setdefault((*key[:3], come[key]), []).append(key)
    for key in sorted(gone):
        value = gone[key]
        there = arrived.get((*key[:3], value))
        if there:
            other = there.pop(0)
            del gone[key], come[other]
            yield Difference(Change.MOVED, *key[:3], value, value, key[3], other[3])


def differences_in_force(
    before: Mapping[tuple[str, str, str], tuple[str, str]],
    after: Mapping[tuple[str, str, str], tuple[str, str]],
) -> list[Difference]:
    """What differs in what holds; a value that only comes from another file has moved."""
    found = []
    for key in before.keys() | after.keys():
        value, place = before.get(key, (None, None))
        other, other_place = after.get(key, (None, None))
        if value != other:
            change = Change.ADDED if value is None else Change.REMOVED if other is None else Change.CHANGED
        elif place != other_place:
            change = Change.MOVED
        else:
            continue
        found.append(Difference(change, *key, value, other, place, other_place))
    return sorted(found, key=_order)


def _order(one: Difference) -> tuple[str, str, str, str]:
    return one.conf, one.stanza, one.key, one.path_before or one.path_after or ""
