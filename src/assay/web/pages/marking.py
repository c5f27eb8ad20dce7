"""A text in pieces: between the places that support a field, and at them."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from assay.pipelines.feeds.model.extraction import Quote


class Piece(NamedTuple):
    """A stretch of a text, and the fields that it supports; `number` is there where it supports any."""

    text: str
    fields: tuple[str, ...] = ()
    number: int | None = None


def pieces(text: str, places: Mapping[str, Sequence[Quote]]) -> list[Piece]:
    """The whole text in order, cut wherever a place begins or ends; places outside it are left out."""
    kept = {
        field: [one for one in quotes if 0 <= one.start < one.end <= len(text)]
        for field, quotes in places.items()
    }
    edges = {0, len(text)}
    begins: dict[int, list[str]] = {}
    ends: dict[int, list[str]] = {}
    for field, quotes in kept.items():
        for one in quotes:
            edges |= {one.start, one.end}
            begins.setdefault(one.start, []).append(field)
            ends.setdefault(one.end, []).append(field)
    found: list[Piece] = []
    open_fields: list[str] = []
    number = 0
    ordered = sorted(edges)
    for start, end in pairwise(ordered):
        for field in ends.get(start, ()):
            open_fields.remove(field)
        open_fields += begins.get(start, ())
        if open_fields:
            number += 1
            found.append(Piece(text[start:end], tuple(dict.fromkeys(open_fields)), number))
        else:
            found.append(Piece(text[start:end]))
    return found


def first_pieces(found: Sequence[Piece]) -> dict[str, int]:
    """The number of the first piece that supports each field."""
    first: dict[str, int] = {}
    for one in found:
        if one.number is not None:
            for field in one.fields:
                first.setdefault(field, one.number)
    return first
