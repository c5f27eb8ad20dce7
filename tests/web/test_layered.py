"""Boxes in columns: none overlaps another, every line leads from box to box, and nothing lies outside."""

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from assay.web.layered import Measures, laid_out

BY = Measures()
columns = st.lists(st.integers(0, 7), min_size=1, max_size=6).map(
    lambda sizes: [[f"{column}-{row}" for row in range(size)] for column, size in enumerate(sizes)]
)


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[list[str]], list[tuple[str, str]]]:
    found = draw(columns)
    keys = [key for column in found for key in column]
    if not keys:
        return found, []
    pairs = st.tuples(st.sampled_from(keys), st.sampled_from(keys))
    return found, draw(st.lists(pairs, max_size=25))


@given(graphs())
def test_boxes_stand_in_their_columns_and_do_not_overlap(graph):
    found, lines = graph
    placed = laid_out(found, lines)
    assert placed.boxes.keys() == {key for column in found for key in column}
    lefts = [{placed.boxes[key][0] for key in column} for column in found if column]
    assert [len(one) for one in lefts] == [1] * len(lefts)
    assert sorted(one.pop() for one in lefts) == [
        BY.margin + place * (BY.width + BY.between) for place in range(len(lefts))
    ]
    for column in found:
        tops = sorted(placed.boxes[key][1] for key in column)
        assert all(low + BY.height <= high + 0.01 for low, high in pairwise(tops))


@given(graphs())
def test_nothing_lies_outside_and_lines_lead_from_box_to_box(graph):
    found, lines = graph
    placed = laid_out(found, lines)
    points: list[tuple[float, float]] = [point for line in placed.lines for point in line]
    points += [(x + BY.width, y + BY.height) for x, y in placed.boxes.values()]
    points += list(placed.boxes.values())
    assert all(0 <= x <= placed.width and -0.01 <= y <= placed.height for x, y in points)
    for (source, target), way in zip(lines, placed.lines, strict=True):
        assert way[0] == _side(placed.boxes[source], BY.width)
        assert way[-1] == _side(placed.boxes[target], 0)


@given(graphs())
def test_a_line_passes_between_the_boxes_of_the_columns_on_its_way(graph):
    found, lines = graph
    placed = laid_out(found, lines)
    boxes = list(placed.boxes.values())
    for way in placed.lines:
        for (x, y), (to_x, _) in _runs(way):
            for left, top in boxes:
                is_in_its_column = left == x and to_x == x + BY.width
                assert not (is_in_its_column and top + 0.01 < y < top + BY.height - 0.01)


def test_a_chain_is_straight_and_nothing_is_small():
    placed = laid_out([["a"], ["b"], ["c"]], [("a", "b"), ("b", "c")])
    assert len({y for _, y in placed.boxes.values()}) == 1
    empty = laid_out([[], []], [])
    assert (empty.boxes, empty.lines) == ({}, [])


def _side(corner: tuple[float, float], by: float) -> tuple[float, float]:
    return corner[0] + by, corner[1] + BY.height / 2


def _runs(way: Sequence[tuple[float, float]]) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """The straight parts, which lie inside columns."""
    return list(zip(way[1:-1:2], way[2:-1:2], strict=True))
