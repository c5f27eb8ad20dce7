"""A graph laid out in columns: which box stands where, and which way each line takes around the others. Pure.

After Sugiyama, Tagawa and Toda (1981): a line over several columns gets a place in each, which it shares with those to
the same box; the order in a column follows the neighbours' mean, in turns from both sides; then a box goes as near to
its neighbours' height as the order lets it.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

_SWEEPS = 8
_HEIGHT_SWEEPS = 6

Key = Hashable
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Measures:
    """Widths and heights of boxes and of what is between them."""

    width: int = 172
    height: int = 40
    gap: int = 14
    between: int = 50
    line: int = 12
    """What a line takes that passes through a column."""
    margin: int = 12


@dataclass(frozen=True, slots=True)
class Placed:
    """The left upper corner of each box, the turning points of each line, in the lines' order, and the whole size."""

    boxes: Mapping[Key, Point]
    lines: Sequence[Sequence[Point]]
    width: int
    height: int


class _Layout:
    """Columns of keys; a key of the place of lines in a column is (the box that they lead to, column)."""

    def __init__(
        self, columns: Sequence[Sequence[Key]], lines: Sequence[tuple[Key, Key]], by: Measures
    ) -> None:
        self.by = by
        self.columns = [list(column) for column in columns]
        self.column_of = {key: place for place, column in enumerate(self.columns) for key in column}
        self.boxes = frozenset(self.column_of)
        self.before: dict[Key, list[Key]] = {}
        self.after: dict[Key, list[Key]] = {}
        self.chains = [self._chain(*line) for line in lines]

    def _chain(self, source: Key, target: Key) -> list[Key]:
        first, last = self.column_of[source], self.column_of[target]
        chain = [source]
        for column in range(first + 1, last):
            place = (target, column)
            if place not in self.column_of:
                self.columns[column].append(place)
                self.column_of[place] = column
            chain.append(place)
        chain.append(target)
        if last > first:
            for one, other in pairwise(chain):
                self.after.setdefault(one, []).append(other)
                self.before.setdefault(other, []).append(one)
        return chain

    def order(self) -> None:
        """Bring neighbours to like places of their columns."""
        for sweep in range(_SWEEPS):
            forward = sweep % 2 == 0
            near = self.before if forward else self.after
            for column in self.columns[1:] if forward else reversed(self.columns[:-1]):
                at = {key: place for other in self.columns for place, key in enumerate(other)}
                column.sort(key=lambda key: _mean([at[one] for one in near.get(key, ())], at[key]))

    def heights(self) -> dict[Key, float]:
        """The middle of everything, from the top."""
        at = {
            key: place * float(self._step(key)) for column in self.columns for place, key in enumerate(column)
        }
        for sweep in range(_HEIGHT_SWEEPS):
            for column in self.columns if sweep % 2 == 0 else reversed(self.columns):
                near = [
                    [at[one] for one in (*self.before.get(key, ()), *self.after.get(key, ()))]
                    for key in column
                ]
                wanted = [_mean(found, at[key]) for key, found in zip(column, near, strict=True)]
                at.update(zip(column, self._spread(column, wanted), strict=True))
        top = min((at[key] - self.size(key) / 2 for key in at), default=0.0)
        return {key: value - top + self.by.margin for key, value in at.items()}

    def _spread(self, column: Sequence[Key], wanted: Sequence[float]) -> list[float]:
        """The heights nearest to those wanted at which nothing overlaps."""
        down: list[float] = []
        for place, (key, want) in enumerate(zip(column, wanted, strict=True)):
            lowest = want if place == 0 else down[-1] + self._apart(column[place - 1], key)
            down.append(max(want, lowest))
        up: list[float] = []
        for place in range(len(column) - 1, -1, -1):
            want = wanted[place]
            highest = want if not up else up[-1] - self._apart(column[place], column[place + 1])
            up.append(min(want, highest))
        return [(one + other) / 2 for one, other in zip(down, reversed(up), strict=True)]

    def size(self, key: Key) -> int:
        """The height of a box, or of a line that passes by."""
        return self.by.height if key in self.boxes else self.by.line

    def _step(self, key: Key) -> int:
        return self.size(key) + self.by.gap

    def _apart(self, one: Key, other: Key) -> float:
        return (self.size(one) + self.size(other)) / 2 + self.by.gap


def _mean(found: Sequence[float], otherwise: float) -> float:
    return sum(found) / len(found) if found else otherwise


def laid_out(
    columns: Sequence[Sequence[Key]], lines: Sequence[tuple[Key, Key]], measures: Measures | None = None
) -> Placed:
    """Boxes in columns from left to right, and the lines between them; each line's ends are in some column."""
    by = measures or Measures()
    layout = _Layout([column for column in columns if column], lines, by)
    layout.order()
    middles = layout.heights()

    def left(key: Key) -> float:
        return by.margin + layout.column_of[key] * float(by.width + by.between)

    ways: list[list[Point]] = []
    for chain in layout.chains:
        points = [(left(chain[0]) + by.width, middles[chain[0]])]
        for key in chain[1:-1]:
            points += [(left(key), middles[key]), (left(key) + by.width, middles[key])]
        points.append((left(chain[-1]), middles[chain[-1]]))
        ways.append(points)
    bottom = max((middles[key] + layout.size(key) / 2 for key in middles), default=0.0)
    return Placed(
        boxes={key: (left(key), middles[key] - by.height / 2) for key in layout.boxes},
        lines=ways,
        width=2 * by.margin
        + len(layout.columns) * (by.width + by.between)
        - (by.between if layout.columns else 0),
        height=int(bottom) + by.margin,
    )
