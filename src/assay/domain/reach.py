"""What depends on what: how a package is reached from the project, and what nothing requires."""

from collections.abc import Iterable, Mapping
from typing import Protocol, TypeVar

import msgspec


class _Node(Protocol):
    @property
    def key(self) -> str: ...
    @property
    def requires(self) -> tuple[str, ...]: ...


Node = TypeVar("Node", bound=_Node)


def weights(
    roots: Iterable[tuple[str, int]], edges: Mapping[str, Iterable[tuple[str, int]]]
) -> dict[str, int]:
    """Of all ways from a root to a node the one whose heaviest step is lightest, and the weight of that step.

    With runtime 0, optional 1, peer 2 and dev 3 this is what a package is needed for. Nodes that no root reaches
    are left out. Weights are small numbers from 0.
    """
    waiting: dict[int, list[str]] = {}
    for node, weight in roots:
        waiting.setdefault(weight, []).append(node)
    found: dict[str, int] = {}
    while waiting:
        lightest = min(waiting)
        for node in waiting.pop(lightest):
            stack = [node]
            while stack:
                here = stack.pop()
                if here in found:
                    continue
                found[here] = lightest
                for there, weight in edges.get(here, ()):
                    if there in found:
                        continue
                    if weight <= lightest:
                        stack.append(there)
                    else:
                        waiting.setdefault(weight, []).append(there)
    return found


def unrequired(edges: Mapping[str, Iterable[str]]) -> frozenset[str]:
    """The nodes that no other node requires. None of them if there is no edge at all: then nothing is known."""
    required = {there for here, ends in edges.items() for there in ends if there != here}
    return frozenset(edges.keys() - required) if required else frozenset()


def without_loose_ends(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    """The nodes without edges to those that are not among them, because they could not be read."""
    keys = {node.key for node in nodes}
    return tuple(
        [
            node
            if keys.issuperset(node.requires)
            else msgspec.structs.replace(node, requires=tuple([end for end in node.requires if end in keys]))  # type: ignore[type-var] # a protocol cannot say Struct
            for node in nodes
        ]
    )
