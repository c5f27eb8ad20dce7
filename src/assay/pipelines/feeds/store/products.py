"""Watched products, and which vulnerabilities touch them."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from assay.kit import sql
from assay.kit.db import Connection
from assay.pipelines.feeds.model.products import ProductOrigin, Wanted

_SQL = sql.beside(__file__)

Touch = tuple[int, int]
"""A vulnerability and a watched product that it touches."""


def add_product(
    conn: Connection, wanted: Wanted, origin: ProductOrigin, by: str, now: datetime
) -> int | None:
    """Watch a product; None where it was watched already."""
    values = {**wanted._asdict(), "shown": wanted.shown, "origin": origin.value, "by": by, "now": now}
    row = conn.execute(_SQL["add_product"].text, values).fetchone()
    return None if row is None else int(row[0])


def remove_product(conn: Connection, key: int) -> str | None:
    """Watch a product no more; how it was called, None where it was not watched."""
    row = conn.execute(_SQL["remove_product"].text, {"id": key}).fetchone()
    return None if row is None else str(row[0])


def mark_looked(conn: Connection, keys: Sequence[int], now: datetime) -> None:
    """The whole catalog was looked through for these products."""
    conn.execute(_SQL["mark_looked"].text, {"ids": list(keys), "now": now})


def add_touched(conn: Connection, touches: Iterable[Touch]) -> int:
    """Note what touches what, and say how much of it is new."""
    pairs = sorted(touches)
    values = {"vulnerabilities": [one for one, _ in pairs], "products": [one for _, one in pairs]}
    return conn.execute(_SQL["add_touched"].text, values).rowcount if pairs else 0


def replace_touched(conn: Connection, vulnerabilities: Sequence[int], touches: Iterable[Touch]) -> int:
    """Note what some vulnerabilities touch, in the place of what they touched; how much of that changed."""
    pairs = sorted(touches)
    values = {
        "ids": list(vulnerabilities),
        "vulnerabilities": [one for one, _ in pairs],
        "products": [one for _, one in pairs],
    }
    return conn.execute(_SQL["keep_touched"].text, values).rowcount + add_touched(conn, pairs)


def lock_watching(conn: Connection) -> tuple[int | None, bool]:
    """Up to which line of the catalog's log was looked, and whether products changed; held for the transaction."""
    row = conn.execute(_SQL["lock_watching"].text).fetchone()
    assert row is not None, "the migration made the row"
    return row[0], bool(row[1])


def move_on(conn: Connection, seq: int) -> None:
    """Everything up to this line of the catalog's log was looked at."""
    conn.execute(_SQL["move_on"].text, {"seq": seq})


def count_edition(conn: Connection) -> None:
    """What touches the watched products changed."""
    conn.execute(_SQL["count_edition"].text)


def note_products(conn: Connection) -> None:
    """Products came or went."""
    conn.execute(_SQL["note_products"].text)


def note_weighed(conn: Connection) -> bool:
    """What waits is about to be weighed by the present products; False where that was done."""
    return conn.execute(_SQL["note_weighed"].text).rowcount > 0


def mark_extraction(conn: Connection, key: int, *, is_monitored: bool) -> bool:
    """Say whether an extraction mentions what is watched; False when nothing changed."""
    values = {"id": key, "is_monitored": is_monitored}
    return conn.execute(_SQL["mark_extraction"].text, values).rowcount > 0
