"""The entries of a document, each read by itself, so that one that is wrong costs nothing but itself."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import msgspec

from assay.errors import BadRecord

Entry = TypeVar("Entry")
Found = TypeVar("Found")
Shape = TypeVar("Shape")


def shaped(value: Any, shape: type[Shape]) -> Shape:
    """A plain value as that type. BadRecord: `wrong-type`, `too-deep`."""
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        raise BadRecord("wrong-type", str(error)) from error
    except RecursionError as error:
        raise BadRecord("too-deep", "values nested too deeply") from error


def read_each(
    entries: Iterable[tuple[str, Entry]], read: Callable[[str, Entry], Found]
) -> tuple[list[Found], list[tuple[str, BadRecord]]]:
    """What `read` makes of each place and entry, in order; and for those that it refused, the place and why."""
    found: list[Found] = []
    refused: list[tuple[str, BadRecord]] = []
    for place, entry in entries:
        try:
            found.append(read(place, entry))
        except BadRecord as error:
            refused.append((place, error))
    return found, refused
