"""Changes to the pipeline's own tables: inventories that are kept, and their packages."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from assay.kit import sql
from assay.kit.db import Connection, copy_rows

_SQL = sql.beside(__file__)
_PIN_COLUMNS = (
    "inventory_id",
    "ecosystem",
    "release",
    "name",
    "key",
    "version",
    "purl",
    "encoder_version",
    "files",
)
_PIN_TYPES = ("int8", "text", "text", "text", "bytea", "text", "text", "int4", "int8[]")


class PinRow(NamedTuple):
    """A package as it is kept; `packages.pins` says what each column means."""

    inventory_id: int
    ecosystem: str
    release: str
    name: str
    key: bytes | None
    version: str
    purl: str
    encoder_version: int
    files: list[int]


class Versioned(NamedTuple):
    """A version of which a key is wanted."""

    ecosystem: str
    release: str
    version: str


def lock_inventory(conn: Connection, name: str, now: datetime) -> tuple[int, bytes]:
    """The number and digest of an inventory, made if there is none; the digest of a new one is empty."""
    row = conn.execute(_SQL["lock_inventory"].text, {"name": name, "now": now}).fetchone()
    assert row is not None
    return int(row[0]), bytes(row[1])


def replace_inventory(
    conn: Connection,
    inventory_id: int,
    *,
    digest: bytes,
    files: Sequence[str],
    now: datetime,
    change_seq: int,
    pins: Sequence[PinRow],
) -> None:
    """Put other packages in the place of those that an inventory held."""
    conn.execute(_SQL["delete_pins"].text, {"id": inventory_id})
    copy_rows(conn, "packages.pins", _PIN_COLUMNS, _PIN_TYPES, pins)
    values = {
        "id": inventory_id,
        "digest": digest,
        "packages": len(pins),
        "files": list(files),
        "now": now,
        "change_seq": change_seq,
    }
    conn.execute(_SQL["replace_inventory"].text, values)


def delete_inventory(conn: Connection, name: str) -> int | None:
    """Forget an inventory and its packages; returns how many those were, None where there is no such inventory."""
    row = conn.execute(_SQL["delete_inventory"].text, {"name": name}).fetchone()
    return None if row is None else conn.execute(_SQL["delete_pins"].text, {"id": row[0]}).rowcount


def list_outdated(conn: Connection, encoder_version: int) -> list[Versioned]:
    """Versions whose keys another encoder made, each once."""
    rows = conn.execute(_SQL["list_outdated"].text, {"encoder_version": encoder_version}, binary=True)
    return [Versioned(*row) for row in rows]


def encode_pins(
    conn: Connection, encoder_version: int, keys: Iterable[tuple[Versioned, bytes | None]]
) -> int:
    """Give versions their keys by the present encoder; returns how many packages that changed."""
    pairs = list(keys)
    values = {
        "encoder_version": encoder_version,
        "ecosystems": [pair[0].ecosystem for pair in pairs],
        "releases": [pair[0].release for pair in pairs],
        "versions": [pair[0].version for pair in pairs],
        "keys": [pair[1] for pair in pairs],
    }
    return conn.execute(_SQL["encode_pins"].text, values, binary=True).rowcount
