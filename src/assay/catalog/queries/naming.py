"""The documents in which vendors, products and packages are named: all of them, or only what changed since."""

from collections.abc import Iterator
from typing import NamedTuple

from psycopg.errors import LockNotAvailable

from assay.catalog.model import MERGE_LOCK
from assay.errors import Transient
from assay.kit import sql
from assay.kit.compression import decompress
from assay.kit.db import Connection

_SQL = sql.beside(__file__)
_PAGE = 1_000


class Changed(NamedTuple):
    """A vulnerability's document before and now; None where there was or is none."""

    before: bytes | None
    now: bytes | None


def hold_still(conn: Connection, patience: float) -> None:
    """Keep merges from beginning until this transaction ends.

    Parts of a merge are committed in any order, so the change log has holes while one runs. Raises Transient where one
    is still under way after so many seconds; the transaction is lost then.
    """
    conn.execute(_SQL["be_patient"].text, {"patience": f"{max(round(patience * 1000), 1)}ms"})
    try:
        conn.execute(_SQL["hold_still"].text, {"lock": MERGE_LOCK})
    except LockNotAvailable:
        raise Transient("the catalog is being merged; what it names can be read afterwards") from None
    conn.execute(_SQL["be_patient"].text, {"patience": "0"})


def every_document(conn: Connection) -> Iterator[bytes]:
    """Every finished document, in pages."""
    after = -1
    while True:
        values = {"after": after, "limit": _PAGE}
        rows = conn.execute(_SQL["page_of_documents"].text, values, binary=True).fetchall()
        for _, document in rows:
            yield decompress(document)
        if len(rows) < _PAGE:
            return
        after = rows[-1][0]


def changed_documents(conn: Connection, after: int) -> Iterator[Changed]:
    """Every vulnerability that changed after a line of the log, with what it was then and what it is now."""
    key = -1
    while True:
        values = {"after": after, "key": key, "limit": _PAGE}
        rows = conn.execute(_SQL["changed_documents"].text, values, binary=True).fetchall()
        for _, is_new, before, now in rows:
            if is_new or before is not None:
                yield Changed(
                    decompress(before) if before is not None else None,
                    decompress(now) if now is not None else None,
                )
        if len(rows) < _PAGE:
            return
        key = rows[-1][0]
