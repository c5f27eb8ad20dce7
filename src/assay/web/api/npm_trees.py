"""The dependency trees that old npm and yarn send to be audited (npm's lockfile of version 1, shortened)."""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from assay.web.problems import Refused

MOST_PACKAGES = 100_000


class Dependency(msgspec.Struct, frozen=True):
    """A package of the tree, with what is installed below it."""

    version: str = ""
    dependencies: dict[str, "Dependency"] | None = None
    dev: bool = False
    optional: bool = False
    bundled: bool = False


class Tree(msgspec.Struct, frozen=True):
    """What is audited."""

    dependencies: dict[str, Dependency] | None = None


class Installed(NamedTuple):
    """A package where it is installed: `path` is that of the names from the root, joined by `>`."""

    name: str
    version: str
    path: str
    dependency: Dependency


def installed(tree: Tree) -> Iterator[Installed]:
    """Every package of a tree, the outer ones first. Raises Refused for a tree of too many."""
    todo = [(name, "", dependency) for name, dependency in (tree.dependencies or {}).items()]
    for count, (name, above, dependency) in enumerate(todo):
        if count >= MOST_PACKAGES:
            raise Refused(413, f"the tree has more than {MOST_PACKAGES:,} packages")
        path = f"{above}>{name}" if above else name
        if dependency.version:
            yield Installed(name, dependency.version, path, dependency)
        # The list grows while it is read: what is below comes after all that is beside.
        todo += [(inner, path, below) for inner, below in (dependency.dependencies or {}).items()]
