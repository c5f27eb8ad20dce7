"""The dictionary as it is kept: names and clues, counted, and up to where they were gathered."""

from collections import Counter
from datetime import datetime
from typing import NamedTuple

from assay.kit import sql
from assay.kit.db import Connection, writable
from assay.pipelines.feeds.model.names import Clue, Known

_SQL = sql.beside(__file__)

MOST_CLUES = 500_000
"""Clues that are read into memory, about 150 MB of them; the CVE list of 2024 gives twice as many."""

NamedAs = tuple[str, str, str, str]
"""Vendor and product normalised, then as written."""
Led = tuple[str, str, str]
"""Clue, vendor, product."""


class Gathered(NamedTuple):
    """Up to which line of the catalog's change log names were gathered, and when."""

    edition: int
    at: datetime


def find_gathered(conn: Connection) -> Gathered | None:
    """Up to where names were gathered; None before the first time."""
    row = conn.execute(_SQL["find_gathered"].text).fetchone()
    return Gathered(*row) if row else None


def set_gathered(conn: Connection, edition: int, now: datetime) -> None:
    """Names are gathered up to this line of the change log."""
    conn.execute(_SQL["set_gathered"].text, {"edition": edition, "now": now})


def forget_all(conn: Connection) -> None:
    """Forget every name and clue, to gather them anew."""
    conn.execute(_SQL["empty_names"].text)
    conn.execute(_SQL["empty_clues"].text)


def count_names(conn: Connection, told: Counter[NamedAs]) -> None:
    """Count names up, or down where the number is negative."""
    # In one order always, so that two transactions cannot wait for each other's rows.
    rows = sorted((tuple(map(writable, key)), claims) for key, claims in told.items() if claims)
    if rows:
        vendors, products, vendors_shown, products_shown = zip(*(key for key, _ in rows), strict=True)
        values = {
            "vendors": list(vendors),
            "products": list(products),
            "vendors_shown": list(vendors_shown),
            "products_shown": list(products_shown),
            "claims": [claims for _, claims in rows],
        }
        conn.execute(_SQL["count_names"].text, values)


def count_clues(conn: Connection, told: Counter[Led]) -> None:
    """Count clues up, or down where the number is negative."""
    rows = sorted((tuple(map(writable, key)), claims) for key, claims in told.items() if claims)
    if rows:
        clues, vendors, products = zip(*(key for key, _ in rows), strict=True)
        values = {
            "clues": list(clues),
            "vendors": list(vendors),
            "products": list(products),
            "claims": [claims for _, claims in rows],
        }
        conn.execute(_SQL["count_clues"].text, values)


def remove_of_none(conn: Connection) -> None:
    """Remove what nothing in the catalog tells any more."""
    conn.execute(_SQL["remove_names_of_none"].text)
    conn.execute(_SQL["remove_clues_of_none"].text)


def load_names(conn: Connection) -> list[Known]:
    """Every name."""
    return [Known(*row) for row in conn.execute(_SQL["load_names"].text, binary=True).fetchall()]


def load_clues(conn: Connection) -> list[Clue]:
    """The clues. Beyond MOST_CLUES those that were given least stay where they are."""
    rows = conn.execute(_SQL["load_clues"].text, {"limit": MOST_CLUES}, binary=True).fetchall()
    return [Clue(*row) for row in rows]
