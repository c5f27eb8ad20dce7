"""How a package is reached: the widest use wins, and every edge counts once."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from assay.domain.reach import unrequired, weights, without_loose_ends

EDGES = {
    "app": [("a", 0), ("o", 1)],
    "a": [("b", 0), ("p", 2)],
    "o": [("b", 0), ("c", 0)],
    "test": [("c", 0), ("d", 0), ("e", 1)],
    "d": [("test", 0)],
}


def test_the_lightest_way_counts():
    assert weights([("app", 0), ("test", 3)], EDGES) == {
        "app": 0, "a": 0, "b": 0, "o": 1, "c": 1, "p": 2, "test": 3, "d": 3, "e": 3,
    }  # fmt: skip
    assert weights([("test", 3), ("test", 0)], EDGES)["d"] == 0
    assert weights([], EDGES) == {}


NODES = st.sampled_from("abcdefg")
WEIGHED = st.dictionaries(NODES, st.lists(st.tuples(NODES, st.integers(0, 3)), max_size=4))
ROOTS = st.lists(st.tuples(NODES, st.integers(0, 3)), max_size=4)


@given(ROOTS, WEIGHED)
def test_it_is_the_fixed_point_of_all_ways(roots, edges):
    slow = dict.fromkeys([node for node, _ in roots], 3)
    for node, weight in roots:
        slow[node] = min(slow[node], weight)
    for _ in range(10):
        for here, ends in edges.items():
            for there, weight in ends if here in slow else ():
                slow[there] = min(slow.get(there, 9), max(weight, slow[here]))
    assert weights(roots, edges) == slow


def test_what_nothing_requires():
    assert unrequired({"a": ["b"], "b": [], "c": ["c"]}) == {"a", "c"}
    assert unrequired({"a": [], "b": []}) == frozenset()
    assert unrequired({}) == frozenset()


def test_a_long_chain_needs_no_stack():
    chain = {str(n): [(str(n + 1), 0)] for n in range(100_000)}
    assert len(weights([("0", 0)], chain)) == 100_001


class Place(msgspec.Struct, frozen=True):
    key: str
    requires: tuple[str, ...] = ()


def test_loose_ends():
    nodes = (Place("a", ("b", "x", "c")), Place("b", ("a",)), Place("c"))
    assert without_loose_ends(nodes) == (Place("a", ("b", "c")), Place("b", ("a",)), Place("c"))
