"""Entries of a file from outside, read one by one: a wrong one is named and set aside, the others stand."""

import re
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from assay.errors import BadRecord

Entry = TypeVar("Entry")
Read = TypeVar("Read")

_PLAIN_STEP = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# No name, version or address holds one, and PostgreSQL keeps no NUL.
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def mapping(value: Any, what: str) -> dict[str, Any]:
    """The value, if it is a mapping; otherwise BadRecord, which says what should have been one."""
    if not isinstance(value, dict):
        raise BadRecord("wrong-type", f"{what} is {_kind(value)} where a mapping belongs")
    return value


def rows(value: Any, what: str) -> list[Any]:
    """The value, if it is a list."""
    if not isinstance(value, list):
        raise BadRecord("wrong-type", f"{what} is {_kind(value)} where a list belongs")
    return value


def string(value: Any, what: str) -> str:
    """The value, if it is text of one line that is not empty."""
    if not isinstance(value, str):
        raise BadRecord("wrong-type", f"{what} is {_kind(value)} where text belongs")
    if value.isprintable() and value[:1] > " ":  # nearly every one, told without the search below
        return value
    if not value.strip():
        raise BadRecord("missing", f"{what} is empty")
    if _CONTROL.search(value):
        raise BadRecord("control-character", f"{what} holds a control character: {value[:60]!r}")
    return value


def mapping_of(entry: dict[str, Any], key: str) -> dict[str, Any]:
    """The mapping under a key; an empty one where there is none."""
    value = entry.get(key)
    return {} if value is None else mapping(value, key)


def rows_of(entry: dict[str, Any], key: str) -> list[Any]:
    """The list under a key; an empty one where there is none."""
    value = entry.get(key)
    return [] if value is None else rows(value, key)


def string_of(entry: dict[str, Any], key: str) -> str | None:
    """The text under a key; None where there is none or it is empty."""
    value = entry.get(key)
    return None if value is None or value == "" else string(value, key)


def strings_of(entry: dict[str, Any], key: str) -> tuple[str, ...]:
    """The texts of a list under a key."""
    return tuple([string(value, key) for value in rows_of(entry, key)])


def each(
    entries: Iterable[tuple[str, Entry]], read: Callable[[str, Entry], Read | None]
) -> tuple[tuple[Read, ...], tuple[tuple[str, str, str], ...]]:
    """What the entries were read as, and (place, reason, detail) of those that could not be.

    An entry comes with its place. One that is read as None is left out without a word.
    """
    found: list[Read] = []
    faults: list[tuple[str, str, str]] = []
    for place, entry in entries:
        try:
            one = read(place, entry)
        except BadRecord as bad:
            faults.append((place, bad.reason, bad.detail))
        else:
            if one is not None:
                found.append(one)
    return tuple(found), tuple(faults)


def json_path(*steps: str | int) -> str:
    """A place in a document: `$.packages['node_modules/a'][0]` (RFC 9535, in the short form where it is one)."""
    path = "$"
    for step in steps:
        if isinstance(step, int):
            path += f"[{step}]"
        elif _PLAIN_STEP.fullmatch(step):
            path += f".{step}"
        else:
            quoted = step.replace("\\", "\\\\").replace("'", "\\'")
            path += f"['{quoted}']"
    return path


def members(entries: Iterable[str], *steps: str | int) -> list[tuple[str, str]]:
    """(place, name) of each member of the object that the steps lead to."""
    above = json_path(*steps)
    return [(above + json_path(name)[1:], name) for name in entries]


def header_places(found: str, header: str, count: int, path: str) -> list[str]:
    """Where each of a TOML file's `[[tables]]` begins: `line 12`; a JSON path where the lines are not plain to see."""
    lines = [number for number, line in enumerate(found.split("\n"), 1) if line.strip() == header]
    if len(lines) == count:
        return [f"line {number}" for number in lines]
    return [json_path(path, index) for index in range(count)]


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        return "text"
    return "empty" if value is None else f"a {type(value).__name__}"
