"""Watching products, and watching them no more; what touches them is looked for by the workers, at once."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from assay.auth.commands import record_change
from assay.auth.model import Principal
from assay.errors import BadRecord, NotFound, Permanent
from assay.jobs.deferring import defer
from assay.kit.db import Connection, writable
from assay.pipelines.feeds.model.products import Imported, ProductOrigin, Refused, Wanted
from assay.pipelines.feeds.rules.wanting import MOST_AT_ONCE, read_csv, read_wanted
from assay.pipelines.feeds.store import products as store
from assay.pipelines.feeds.tasks.watching import watch as watch_later

MOST_PRODUCTS_BYTES = 8 << 20
"""Of one CSV file."""
# So many names stand in the audit log; the number says how many there were.
_TOLD = 20

__all__ = ["MOST_PRODUCTS_BYTES", "add", "import_csv", "import_purls", "remove", "watch_later"]


def add(
    conn: Connection, wanted: Wanted, who: Principal, now: datetime, *, address: str | None = None
) -> tuple[int | None, Wanted]:
    """Watch a product; without a key where it was watched already. Raises Permanent for what is no name."""
    try:
        read = read_wanted(*wanted)
    except BadRecord as error:
        raise Permanent(error.detail) from error
    added = _add_all(conn, [read], ProductOrigin.PERSON, who, now, address)
    return (added[0] if added else None), read


def import_csv(
    conn: Connection, content: bytes, who: Principal, now: datetime, *, address: str | None = None
) -> Imported:
    """Watch what the lines of a CSV name; what is wrong with the others is told, and they hold up nobody.

    Raises Permanent for what is no text, is too large, or has nothing in it.
    """
    if len(content) > MOST_PRODUCTS_BYTES:
        raise Permanent(f"the file is larger than {MOST_PRODUCTS_BYTES >> 20} MiB: split it")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Permanent(
            f"the file is no UTF-8 text (byte {error.start:,}): save it as CSV in UTF-8"
        ) from error
    rows = list(read_csv(text))
    if not rows:
        raise Permanent("the file names nothing: it should have lines of vendor, product, purl")
    if len(rows) > MOST_AT_ONCE:
        raise Permanent(f"the file has {len(rows):,} lines, more than {MOST_AT_ONCE:,}: split it")
    wanted = [one for _, one in rows if isinstance(one, Wanted)]
    refused = tuple(one for _, one in rows if isinstance(one, Refused))
    added = _add_all(conn, wanted, ProductOrigin.CSV, who, now, address)
    return Imported(len(added), len(wanted) - len(added), refused)


def import_purls(
    conn: Connection,
    purls: Iterable[str],
    origin: ProductOrigin,
    who: Principal,
    now: datetime,
    *,
    note: str | None = None,
    address: str | None = None,
) -> Imported:
    """Watch packages by their purls, whatever their versions; what no advisory could speak of is told."""
    wanted: dict[str, Wanted] = {}
    refused: list[Refused] = []
    for number, purl in enumerate(dict.fromkeys(purls), 1):
        try:
            read = read_wanted(purl=purl, note=note)
        except BadRecord as error:
            refused.append(Refused(number, purl, error.detail))
        else:
            wanted.setdefault(read.purl or "", read)
    if len(wanted) > MOST_AT_ONCE:
        raise Permanent(f"these are {len(wanted):,} packages, more than {MOST_AT_ONCE:,} at once")
    added = _add_all(conn, list(wanted.values()), origin, who, now, address)
    return Imported(len(added), len(wanted) - len(added), tuple(refused))


def _add_all(
    conn: Connection,
    wanted: Sequence[Wanted],
    origin: ProductOrigin,
    who: Principal,
    now: datetime,
    address: str | None,
) -> list[int]:
    plain = [Wanted(*(None if text is None else writable(text) for text in one)) for one in wanted]
    made = [(one, store.add_product(conn, one, origin, who.name, now)) for one in plain]
    added = [(one, key) for one, key in made if key is not None]
    if not added:
        return []
    told = {"origin": origin.value, "number": len(added), "products": [one.shown for one, _ in added[:_TOLD]]}
    subject = added[0][0].shown if len(added) == 1 else f"{len(added)} products"
    record_change(conn, who, "products.add", subject, told, address)
    _look_again(conn)
    return [key for _, key in added]


def remove(conn: Connection, keys: Sequence[int], who: Principal, *, address: str | None = None) -> list[str]:
    """Watch products no more; how they were called. Raises NotFound, and then watches them all as before."""
    gone = []
    for key in dict.fromkeys(keys):
        shown = store.remove_product(conn, key)
        if shown is None:
            raise NotFound(f"no product {key} is watched")
        gone.append(shown)
    if gone:
        subject = gone[0] if len(gone) == 1 else f"{len(gone)} products"
        told = {"number": len(gone), "products": gone[:_TOLD]}
        record_change(conn, who, "products.remove", subject, told, address)
        _look_again(conn)
    return gone


def _look_again(conn: Connection) -> None:
    store.note_products(conn)
    defer(conn, watch_later)
