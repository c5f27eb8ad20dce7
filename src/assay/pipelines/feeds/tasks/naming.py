"""The dictionary of vendors and products, gathered from the catalog and kept at hand in the process."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from threading import Lock
from typing import Protocol

from assay.catalog import queries as catalog
from assay.jobs.ledger import Outcome, add_run
from assay.jobs.running import Running
from assay.jobs.task import task
from assay.kit.clock import Clock
from assay.kit.db import Connection, Database
from assay.pipelines.feeds.model import ROOM
from assay.pipelines.feeds.rules.learning import lesson_of
from assay.pipelines.feeds.rules.names import Names
from assay.pipelines.feeds.store import names as store

_AT_ONCE = 5_000
"""Documents whose names are counted together before they are written."""


class Needs(Protocol):
    """What gathering needs of the Context."""

    @property
    def db(self) -> Database: ...
    @property
    def clock(self) -> Clock: ...


@task("feeds.gather_names", unique=True)
def gather_names(ctx: Needs, job: Running) -> None:
    """Bring the dictionary up to date in a worker. Raises Transient while the catalog is being merged."""
    gather(ctx, lambda done: job.progress(done, None, "names"), own=job.own)


def gather(
    ctx: Needs,
    progress: Callable[[int], None] = lambda _: None,
    *,
    own: Callable[[Connection], None] = lambda _: None,
    anew: bool = False,
    patience: float = 30.0,
) -> int:
    """How many documents were read: what changed since the last time, or all of them (`anew`, and the first time).

    One transaction, in which no merge begins. Raises Transient where one is still under way after `patience` seconds.
    """
    started_at = ctx.clock()
    with ctx.db.transaction() as conn:
        catalog.hold_still(conn, patience)
        gathered = store.find_gathered(conn)
        last = catalog.last_change(conn)
        is_first = anew or gathered is None or gathered.edition > last
        if is_first:
            store.forget_all(conn)
        changes: Iterable[catalog.Changed] = ()
        if gathered is None or is_first:
            changes = (catalog.Changed(None, document) for document in catalog.every_document(conn))
        else:
            changes = (
                iter(()) if gathered.edition == last else catalog.changed_documents(conn, gathered.edition)
            )
        read = _count(conn, changes, progress)
        if read or gathered is None or is_first:
            store.remove_of_none(conn)
            store.set_gathered(conn, last, started_at)
        own(conn)
        _write_run(conn, started_at, ctx.clock(), read)
    return read


def _count(conn: Connection, changes: Iterable[catalog.Changed], progress: Callable[[int], None]) -> int:
    named: Counter[store.NamedAs] = Counter()
    led: Counter[store.Led] = Counter()
    read = 0
    for change in changes:
        _add(change.before, -1, named, led)
        _add(change.now, 1, named, led)
        read += 1
        if read % _AT_ONCE == 0:
            _write(conn, named, led)
            progress(read)
    _write(conn, named, led)
    return read


def _add(document: bytes | None, claims: int, named: Counter[store.NamedAs], led: Counter[store.Led]) -> None:
    if document is None:
        return
    lesson = lesson_of(document)
    for row in lesson.names:
        named[(row.vendor, row.product, row.vendor_shown, row.product_shown)] += claims
    for clue in lesson.clues:
        led[(clue.clue, clue.vendor, clue.product)] += claims


def _write(conn: Connection, named: Counter[store.NamedAs], led: Counter[store.Led]) -> None:
    store.count_names(conn, named)
    store.count_clues(conn, led)
    named.clear()
    led.clear()


def _write_run(conn: Connection, started_at: datetime, ended_at: datetime, read: int) -> None:
    add_run(
        conn,
        room=ROOM,
        step="names",
        source=None,
        started_at=started_at,
        ended_at=ended_at,
        outcome=Outcome.COMPLETED if read else Outcome.UNCHANGED,
        counts={"read": read} if read else {},
    )


class Dictionary:
    """The dictionary at hand: read again only when it was gathered again since. Safe to share between threads."""

    def __init__(self) -> None:
        """Nothing was read yet."""
        self._lock = Lock()
        self._gathered: store.Gathered | None = None
        self._names = Names()

    def names(self, conn: Connection) -> Names:
        """What the catalog knew when its names were gathered last; nothing before the first time."""
        gathered = store.find_gathered(conn)
        with self._lock:
            if gathered != self._gathered:
                self._names = Names(store.load_names(conn), store.load_clues(conn))
                self._gathered = gathered
            return self._names
