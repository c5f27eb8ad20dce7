"""A small YAML document whose every scalar is text: dicts, lists and texts, built fast and without recursion."""

from collections.abc import Callable
from typing import Any

import yaml

from assay.errors import BadRecord

try:
    from yaml.cyaml import CParser as _Parser  # type: ignore[attr-defined] # the stub forgets to export it
except ImportError:  # PyYAML was built without libyaml: the same events, some twenty times slower

    class _Parser(yaml.reader.Reader, yaml.scanner.Scanner, yaml.parser.Parser):  # type: ignore[no-redef]
        def __init__(self, stream: bytes) -> None:
            yaml.reader.Reader.__init__(self, stream)
            yaml.scanner.Scanner.__init__(self)
            yaml.parser.Parser.__init__(self)

        def get_event(self) -> Any:
            event = super().get_event()  # type: ignore[no-untyped-call] # the stub gives it no types
            if isinstance(event, yaml.ScalarEvent):
                event.value.encode()  # libyaml refuses half a surrogate pair; this raises ValueError for it
            return event


# None of 15,038 real advisories has more than 314 events or 5 levels.
_MOST_EVENTS = 50_000
_DEEPEST = 50

_NULLS = frozenset(("", "~", "null", "Null", "NULL"))


def tree(raw: bytes) -> Any:
    """The document as dicts, lists and texts (None for a plain null).

    Built from events without recursion, which is both faster than composing nodes and safe: PyYAML's composer
    over libyaml recurses in C, and 100,000 levels end the process with a segmentation fault (6.0.3).
    """
    next_event: Callable[[], Any] = _Parser(raw).get_event
    parents: list[list[Any]] = []
    items: list[Any] = []
    anchors: dict[str, Any] = {}
    value: Any
    for _ in range(_MOST_EVENTS):
        event = next_event()
        kind = type(event)
        if kind is yaml.ScalarEvent:
            value = _scalar(event, anchors)
        elif kind is yaml.SequenceStartEvent or kind is yaml.MappingStartEvent:
            if len(parents) == _DEEPEST:
                raise BadRecord("too-deep", f"more than {_DEEPEST} levels")
            parents.append(items)
            items = []
            continue
        elif kind is yaml.SequenceEndEvent:
            value, items = items, parents.pop()
        elif kind is yaml.MappingEndEvent:
            value, items = _mapping(items), parents.pop()
        elif kind is yaml.AliasEvent:
            value = _aliased(event, anchors)
        elif kind is yaml.StreamEndEvent:
            return _only(items)
        else:
            continue
        items.append(value)
    raise BadRecord("too-large", f"more than {_MOST_EVENTS} YAML events")


def _scalar(event: yaml.ScalarEvent, anchors: dict[str, Any]) -> str | None:
    value: str | None = event.value
    if value in _NULLS and event.implicit[0]:
        value = None
    if event.anchor is not None:
        anchors[event.anchor] = value
    return value


def _aliased(event: yaml.AliasEvent, anchors: dict[str, Any]) -> str | None:
    """The text that an alias stands for; one for a collection is refused, since bombs are made of those."""
    if event.anchor not in anchors:
        raise BadRecord("not-yaml", f"alias {event.anchor!r} names no text")
    text: str | None = anchors[event.anchor]
    return text


def _mapping(items: list[Any]) -> dict[str, Any]:
    keys = items[::2]
    if not all(isinstance(key, str) for key in keys):
        raise BadRecord("wrong-type", "a key is no text")
    found = dict(zip(keys, items[1::2], strict=True))
    if len(found) != len(keys):
        raise BadRecord("duplicate-key", f"the same key twice among {sorted(keys)}"[:200])
    return found


def _only(documents: list[Any]) -> Any:
    if len(documents) != 1:
        raise BadRecord("not-yaml", f"{len(documents)} documents where one is expected")
    return documents[0]
