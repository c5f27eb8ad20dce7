"""Watched products: which there are, what touches them, and what has to be looked at again."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from psycopg.rows import class_row

from assay.errors import NotFound
from assay.kit import sql
from assay.kit.compression import decompress
from assay.kit.db import Connection, writable
from assay.pipelines.feeds.model.products import Product, ProductOrigin, Wanted, Watched

_SQL = sql.beside(__file__)


class TouchedProduct(NamedTuple):
    """A watched product that a vulnerability touches."""

    id: int
    shown: str


def list_products(
    conn: Connection, *, text: str | None = None, after: Product | None = None, limit: int = 1000
) -> list[Product]:
    """Watched products whose name has this text in it, by name, from behind one on."""
    values = {
        "text": writable(text) if text else None,
        "after": after and after.id,
        "after_shown": after and after.shown,
        "limit": limit,
    }
    with conn.cursor(row_factory=class_row(Product)) as cursor:
        return [_typed(one) for one in cursor.execute(_SQL["list_products"].text, values)]


def get_product(conn: Connection, key: int) -> Product:
    """One of them. Raises NotFound."""
    with conn.cursor(row_factory=class_row(Product)) as cursor:
        found = cursor.execute(_SQL["get_product"].text, {"id": key}).fetchone()
    if found is None:
        raise NotFound(f"no product {key} is watched")
    return _typed(found)


def find_product(conn: Connection, wanted: Wanted) -> Product:
    """The watched product of these names. Raises NotFound."""
    values = {"vendor": wanted.vendor, "product": wanted.product, "purl": wanted.purl}
    row = conn.execute(_SQL["find_product"].text, values).fetchone()
    if row is None:
        raise NotFound(f"{wanted.shown} is not watched")
    return get_product(conn, int(row[0]))


def _typed(row: Product) -> Product:
    return replace(row, origin=ProductOrigin(row.origin))


def count_products(conn: Connection) -> int:
    """How many products are watched."""
    row = conn.execute(_SQL["count_products"].text).fetchone()
    return 0 if row is None else int(row[0])


def list_watched(conn: Connection) -> tuple[list[Watched], list[Watched]]:
    """Everything that is watched, and of that what the catalog was not looked through for yet."""
    rows = conn.execute(_SQL["list_watched"].text).fetchall()
    return [Watched(*row[:4]) for row in rows], [Watched(*row[:4]) for row in rows if not row[4]]


def touched_ids(conn: Connection) -> list[int]:
    """The vulnerabilities that touch a watched product."""
    return [row[0] for row in conn.execute(_SQL["touched_ids"].text, binary=True)]


def touched_among(conn: Connection, vulnerabilities: Iterable[int]) -> frozenset[int]:
    """Those of some vulnerabilities that touch a watched product."""
    values = {"ids": list(vulnerabilities)}
    return frozenset(row[0] for row in conn.execute(_SQL["touched_among"].text, values))


def touched_by(conn: Connection, vulnerability: int) -> list[TouchedProduct]:
    """The watched products that a vulnerability touches, by name."""
    rows = conn.execute(_SQL["touched_by"].text, {"vulnerability": vulnerability})
    return [TouchedProduct(*row) for row in rows]


def watch_edition(conn: Connection) -> int:
    """A number that grows whenever other vulnerabilities touch what is watched."""
    row = conn.execute(_SQL["watch_edition"].text).fetchone()
    return 0 if row is None else int(row[0])


def settled_change(conn: Connection) -> int | None:
    """The last line of the catalog's log, none with a smaller number being still to come; None while that is not sure.

    The connection commits by itself: each question must see what was committed before it.
    """
    newest = conn.execute(_SQL["newest_change"].text).fetchone()
    settled = conn.execute(_SQL["is_settled"].text).fetchone()
    assert newest is not None
    assert settled is not None
    return int(newest[0]) if settled[0] else None


def list_changed(conn: Connection, after: int, until: int, limit: int) -> list[tuple[int, int]]:
    """(line, vulnerability) of the catalog's log, oldest first."""
    values = {"after": after, "until": until, "limit": limit}
    return [(row[0], row[1]) for row in conn.execute(_SQL["list_changed"].text, values, binary=True)]


def documents_of(conn: Connection, vulnerabilities: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    """The finished documents of some vulnerabilities; there is none of one that is gone."""
    rows = conn.execute(_SQL["documents_of"].text, {"ids": list(vulnerabilities)}, binary=True)
    return ((row[0], decompress(row[1])) for row in rows)


def list_documents(conn: Connection, after: int, limit: int) -> list[tuple[int, bytes]]:
    """The finished documents of the vulnerabilities behind one, in the order of their keys."""
    rows = conn.execute(_SQL["list_documents"].text, {"after": after, "limit": limit}, binary=True)
    return [(row[0], decompress(row[1])) for row in rows]


def list_reviewed(conn: Connection, after: int, limit: int) -> list[tuple[int, str]]:
    """Extractions that wait for review, behind one, with their title and text."""
    rows = conn.execute(_SQL["list_reviewed"].text, {"after": after, "limit": limit})
    return [(row[0], f"{row[1] or ''}\n{decompress(row[2]).decode(errors='replace')}") for row in rows]
