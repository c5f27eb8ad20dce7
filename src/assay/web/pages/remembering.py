"""Figures of the whole catalog that are made once, and told again until the catalog says something else."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, TypeVar

from assay.catalog.queries import edition
from assay.kit.db import Connection

Figures = TypeVar("Figures")

_MOST = 256


class Remembered:
    """What was made of an edition of the catalog, by what was asked. What was not asked for longest goes first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()
        self._mutex = Lock()

    def __call__(self, conn: Connection, asked: Hashable, make: Callable[[], Figures]) -> Figures:
        """The figures, which `make` makes from the same state of the catalog that `conn` sees."""
        key = (edition(conn), asked)
        with self._mutex:
            if key in self._kept:
                self._kept.move_to_end(key)
                found: Figures = self._kept[key]
                return found
        made = make()
        with self._mutex:
            self._kept[key] = made
            while len(self._kept) > _MOST:
                self._kept.popitem(last=False)
        return made
