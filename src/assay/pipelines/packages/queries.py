"""What the pipeline can show: what some packages are asked about in the catalog, and what was kept."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from assay.errors import NotFound
from assay.kit import sql
from assay.kit.db import Connection, writable

_SQL = sql.beside(__file__)


@dataclass(frozen=True, slots=True)
class KeptInventory:
    """Packages that were kept under a name. `change_seq` is the catalog's log at that time."""

    id: int
    name: str
    packages: int
    files: list[str]
    saved_at: datetime
    change_seq: int


@dataclass(frozen=True, slots=True)
class KeptPackage:
    """One version of one package of an inventory; `files` are places in the inventory's list, from 0.

    `is_unplaced`: its version has no place among the others, so that of intervals it is not known whether they hold it.
    """

    ecosystem: str
    name: str
    version: str
    purl: str
    is_unplaced: bool
    files: list[int]


@dataclass(frozen=True, slots=True)
class KeptHit:
    """A kept package and a vulnerability of it that changed; `seq` is the line of the log that says so."""

    inventory: str
    ecosystem: str
    name: str
    version: str
    purl: str
    files: list[int]
    vulnerability_id: int
    seq: int
    is_unknown: bool
    fixed: str | None


def has_data(conn: Connection) -> bool:
    """Whether the catalog knows any package at all."""
    row = conn.execute(_SQL["has_data"].text).fetchone()
    return row is not None and bool(row[0])


def list_aliases(conn: Connection, ids: Iterable[int]) -> Mapping[int, list[str]]:
    """Every name of some vulnerabilities, by key, in the order of their letters."""
    rows = conn.execute(_SQL["list_aliases"].text, {"ids": list(set(ids))}, binary=True)
    return {row[0]: row[1] for row in rows}


def change_before(conn: Connection, moment: datetime) -> int:
    """The last line of the catalog's log before a moment, 0 where there is none."""
    row = conn.execute(_SQL["change_before"].text, {"moment": moment}).fetchone()
    assert row is not None
    return int(row[0])


def list_inventories(conn: Connection) -> Sequence[KeptInventory]:
    """What was kept, by name."""
    with conn.cursor(row_factory=class_row(KeptInventory)) as cursor:
        return cursor.execute(_SQL["list_inventories"].text).fetchall()


def get_inventory(conn: Connection, name: str) -> KeptInventory:
    """One inventory. Raises NotFound, naming those that there are."""
    with conn.cursor(row_factory=class_row(KeptInventory)) as cursor:
        row = cursor.execute(_SQL["find_inventory"].text, {"name": writable(name)}).fetchone()
    if row is None:
        known = ", ".join(entry.name for entry in list_inventories(conn)) or "none"
        raise NotFound(f"no inventory is called {name!r}; there are: {known}")
    return row


def list_packages(conn: Connection, inventory: KeptInventory) -> Sequence[KeptPackage]:
    """The packages of an inventory, by ecosystem, name and version."""
    with conn.cursor(row_factory=class_row(KeptPackage)) as cursor:
        return cursor.execute(_SQL["list_pins"].text, {"id": inventory.id}).fetchall()


def find_hits(conn: Connection, since: int | None = None, inventory: str | None = None) -> list[KeptHit]:
    """Kept packages that vulnerabilities affect which changed after a line of the catalog's log, in one statement.

    Without one: after their inventory was saved. Each vulnerability once per package, the most certain word of it;
    a fix that is told goes before one that is not.
    """
    values = {"since": since, "inventory": None if inventory is None else writable(inventory)}
    with conn.cursor(row_factory=class_row(KeptHit), binary=True) as cursor:
        rows = cursor.execute(_SQL["find_hits"].text, values).fetchall()
    found: dict[tuple[str, str, str, str, int], KeptHit] = {}
    for row in rows:
        found.setdefault((row.inventory, row.ecosystem, row.name, row.version, row.vulnerability_id), row)
    return list(found.values())
