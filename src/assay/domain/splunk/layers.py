"""Which file wins: layers in the order of their strength, merged into the effective configuration.

Splunk Enterprise, "Configuration file precedence", for both contexts. Among apps the first name in ASCII order wins in
the global context (`00_x`, then `A`, `Z`, `a`), the last one in that of an app and its user. A named stanza beats
`[default]`, whatever the layers.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from assay.domain.splunk.conf import DEFAULT, Stanza
from assay.domain.splunk.places import Area, Place

ENABLED = "enabled"

Rank = tuple[int, tuple[int, ...], int]


@dataclass(frozen=True, slots=True)
class Context:
    """The global context, or with an app that of its searches, for a user where one is named."""

    app: str = ""
    user: str = ""


GLOBAL = Context()


@dataclass(frozen=True, slots=True)
class Layer:
    """One file that takes part; `place` is its seat on the machine that is meant."""

    place: Place
    path: str
    stanzas: Sequence[Stanza]


class Shadowed(msgspec.Struct, frozen=True, gc=False):
    """A value that does not hold, and where it stands; `stanza` is another one's for what was inherited."""

    value: str
    path: str
    line: int
    stanza: str


class Winner(msgspec.Struct, gc=False):
    """The value that holds, and those that it shadows, the strongest first.

    `stanza` is where it was written: of another name where it was inherited.
    """

    value: str
    path: str
    line: int
    stanza: str
    # A list of its own for each of a hundred thousand values that shadow nothing costs more than the values.
    hides: list[Shadowed] | None = None

    @property
    def shadowed(self) -> Sequence[Shadowed]:
        """The values that do not hold, the strongest first."""
        return self.hides or ()


@dataclass(slots=True)
class Merged:
    """One stanza of all layers, at the header of the strongest that has it; without what it inherits."""

    name: str
    path: str
    line: int
    settings: dict[str, Winner] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Effective:
    """One configuration of all layers, by stanza."""

    conf: str
    stanzas: Mapping[str, Merged]

    def parents(self, name: str) -> Iterator[Merged]:
        """The stanzas that one inherits from, the strongest first.

        In inputs.conf `[script]` holds for every `[script://...]`.
        """
        if name == DEFAULT:
            return
        if self.conf == "inputs" and "://" in name:
            scheme = self.stanzas.get(name.partition("://")[0])
            if scheme is not None:
                yield scheme
        everywhere = self.stanzas.get(DEFAULT)
        if everywhere is not None:
            yield everywhere

    def expanded(self, name: str) -> dict[str, Winner]:
        """Everything that holds in a stanza, what it inherits included; empty where there is no such stanza."""
        stanza = self.stanzas.get(name)
        found = {} if stanza is None else dict(stanza.settings)
        for parent in self.parents(name):
            for key, winner in parent.settings.items():
                held = found.get(key)
                found[key] = winner if held is None else _over(held, winner)
        return found

    def find(self, name: str, key: str) -> str | None:
        """What a setting comes to in a stanza, None where nobody sets it."""
        stanza = self.stanzas.get(name)
        if stanza is not None and key in stanza.settings:
            return stanza.settings[key].value
        for parent in self.parents(name):
            if key in parent.settings:
                return parent.settings[key].value
        return None

    def value(self, name: str, key: str, otherwise: str = "") -> str:
        """What a setting comes to in a stanza, or what it is otherwise."""
        found = self.find(name, key)
        return otherwise if found is None else found


def _over(winner: Winner, other: Winner) -> Winner:
    lost = Shadowed(other.value, other.path, other.line, other.stanza)
    shadowed = [*winner.shadowed, lost, *other.shadowed]
    return Winner(winner.value, winner.path, winner.line, winner.stanza, shadowed)


def rank(place: Place, context: Context = GLOBAL) -> Rank | None:
    """The strength of a file, the smallest being the strongest; None for one that takes no part."""
    return _global_rank(place) if not context.app else _search_rank(place, context)


def _global_rank(place: Place) -> Rank | None:
    is_local = place.scope == "local"
    name = tuple(place.app.encode())
    match place.area:
        case Area.PEER:
            return (0 if is_local else 3), name, 0
        case Area.SYSTEM:
            return (1 if is_local else 5), (), 0
        case Area.APP:
            return (2 if is_local else 4), name, 0
    return None


def _search_rank(place: Place, context: Context) -> Rank | None:
    later = 0 if place.scope == "local" else 1
    match place.area:
        case Area.USER if place.user == context.user and place.app == context.app:
            return 0, (), later
        case Area.APP | Area.PEER if place.app == context.app:
            return 1, (), later
        case Area.APP | Area.PEER:
            # The last name first; what has the name of another and more goes before it.
            return 2, (*(255 - byte for byte in place.app.encode()), 256), later
        case Area.SYSTEM:
            return 3, (), later
    return None


def is_foreign(place: Place, context: Context) -> bool:
    """Whether the file is of another app than the one whose searches are asked for: only what it exports is seen."""
    return bool(context.app) and place.area in (Area.APP, Area.PEER) and place.app != context.app


def is_enabled(state: str | None) -> bool:
    """Whether an app takes part, by what its `[install] state` comes to: absent, or exactly `enabled`."""
    return state is None or state == ENABLED


def ordered(layers: Iterable[Layer], context: Context = GLOBAL) -> list[Layer]:
    """The layers that take part, the strongest first."""
    ranked = [(order, layer) for layer in layers if (order := rank(layer.place, context)) is not None]
    return [layer for _, layer in sorted(ranked, key=lambda pair: (pair[0], pair[1].path))]


def resolve(conf: str, layers: Iterable[Layer]) -> Effective:
    """The effective configuration of layers, the strongest first. Within a file the last word counts."""
    found: dict[str, Merged] = {}
    for layer in layers:
        path = layer.path
        for stanza in reversed(layer.stanzas):
            into = found.get(stanza.name)
            if into is None:
                into = found[stanza.name] = Merged(stanza.name, path, stanza.line)
            elif into.path == path:
                into.line = stanza.line
            _merge(into, stanza, path)
    return Effective(conf, found)


def _merge(into: Merged, stanza: Stanza, path: str) -> None:
    held = into.settings
    name = into.name
    if not held:
        # Most stanzas are in one file, and say nothing twice.
        into.settings = {
            one.key: Winner(one.value, path, one.line, name) for one in reversed(stanza.settings)
        }
        if len(into.settings) == len(stanza.settings):
            return
        held = into.settings = {}
    for setting in reversed(stanza.settings):
        winner = held.get(setting.key)
        if winner is None:
            held[setting.key] = Winner(setting.value, path, setting.line, name)
        else:
            lost = Shadowed(setting.value, path, setting.line, name)
            if winner.hides is None:
                winner.hides = [lost]
            else:
                winner.hides.append(lost)
