"""Which vulnerabilities and entries touch what is watched, kept right as the catalog and the products change."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from assay.jobs.ledger import Outcome, add_run
from assay.jobs.running import Running
from assay.jobs.task import task
from assay.kit.clock import Clock
from assay.kit.db import Connection, Database
from assay.pipelines.feeds.model import ROOM
from assay.pipelines.feeds.queries import products as queries
from assay.pipelines.feeds.rules.watching import Watch
from assay.pipelines.feeds.rules.weighing import readable, weigh
from assay.pipelines.feeds.store import products as store
from assay.pipelines.feeds.store.entries import list_waiting, set_priority

_PART = 2_000
_ENTRIES = 200


class Needs(Protocol):
    """What watching needs of the Context."""

    @property
    def db(self) -> Database: ...
    @property
    def clock(self) -> Clock: ...


@dataclass(slots=True)
class Watching:
    """What came of looking: documents that were read, marks that changed, entries that were weighed anew."""

    read: int = 0
    changed: int = 0
    weighed: int = 0


@task("feeds.watch", unique=True, timeout=3600)
def watch(ctx: Needs, job: Running) -> None:
    """Brings the marks up to date: of products that are new, of vulnerabilities that changed, of what waits."""
    look(ctx, job)


def look(ctx: Needs, job: Running) -> Watching:
    """The same, saying what came of it. Done a part at a time: what was committed is not done again."""
    began = ctx.clock()
    found = Watching()
    with ctx.db.connection(autocommit=True) as conn:
        until = queries.settled_change(conn)
    with ctx.db.transaction() as conn:
        seq, _ = store.lock_watching(conn)
        if seq is None and until is not None:
            # Products that are new are looked for in everything that is there, so what changes counts from here on.
            store.move_on(conn, until)
            seq = until
    if seq is not None:
        _look_for_new(ctx, job, found)
        if until is not None:
            _follow(ctx, job, seq, until, found)
    _weigh_again(ctx, job, found)
    if found.read or found.weighed:
        _note(ctx, began, found)
    return found


def load_watch(conn: Connection) -> Watch:
    """Everything that is watched at this moment."""
    return Watch(queries.list_watched(conn)[0])


def _look_for_new(ctx: Needs, job: Running, found: Watching) -> None:
    """Look through the whole catalog for products that are new. One that goes meanwhile is simply not marked."""
    with ctx.db.transaction() as conn:
        _, new = queries.list_watched(conn)
    if not new:
        return
    watch_ = Watch(new)
    after = 0
    while True:
        with ctx.db.transaction() as conn:
            documents = queries.list_documents(conn, after, _PART)
            if not documents:
                store.mark_looked(conn, [one.id for one in new], ctx.clock())
                store.count_edition(conn)
                return
            found.read += len(documents)
            added = store.add_touched(conn, _touches(watch_, documents))
            if added:
                found.changed += added
                store.count_edition(conn)
        after = documents[-1][0]
        job.progress(found.read, None, "looking for what is watched anew")


def _follow(ctx: Needs, job: Running, seq: int, until: int, found: Watching) -> None:
    """Look again at vulnerabilities that changed."""
    with ctx.db.transaction() as conn:
        if not queries.count_products(conn):
            store.move_on(conn, until)
            return
    while seq < until:
        with ctx.db.transaction() as conn:
            lines = queries.list_changed(conn, seq, until, _PART)
            seq = lines[-1][0] if len(lines) == _PART else until
            ids = sorted({key for _, key in lines})
            watch_ = load_watch(conn)
            documents = list(queries.documents_of(conn, ids)) if len(watch_) else []
            changed = store.replace_touched(conn, ids, _touches(watch_, documents)) if ids else 0
            if changed:
                store.count_edition(conn)
            store.move_on(conn, seq)
        found.read += len(documents)
        found.changed += changed
        job.progress(found.read, None, "looking at what changed")


def _touches(watch_: Watch, documents: Iterable[tuple[int, bytes]]) -> list[store.Touch]:
    return [(key, product) for key, document in documents for product in watch_.touched_by(document)]


def _weigh_again(ctx: Needs, job: Running, found: Watching) -> None:
    """Weigh waiting entries and extractions by the products as they are now, once after these changed."""
    with ctx.db.transaction() as conn:
        _, is_changed = store.lock_watching(conn)
        watch_ = load_watch(conn)
    if not is_changed:
        return
    after = 0
    while True:
        with ctx.db.transaction() as conn:
            entries = list_waiting(conn, after, _ENTRIES)
            for one in entries:
                weight = weigh(readable(one.title, one.raw), watch_)
                found.weighed += set_priority(conn, one.id, weight)
        if not entries:
            break
        after = entries[-1].id
        job.progress(found.weighed, None, "weighing entries")
    _mark_reviewed(ctx, job, watch_, found)
    with ctx.db.transaction() as conn:
        # Products that changed while this went on leave it to be done again.
        if queries.list_watched(conn)[0] == list(watch_.products):
            store.note_weighed(conn)


def _mark_reviewed(ctx: Needs, job: Running, watch_: Watch, found: Watching) -> None:
    after = 0
    while True:
        with ctx.db.transaction() as conn:
            texts = queries.list_reviewed(conn, after, _ENTRIES)
            for key, text in texts:
                found.weighed += store.mark_extraction(conn, key, is_monitored=bool(watch_.touches(text)))
        if not texts:
            return
        after = texts[-1][0]
        job.progress(found.weighed, None, "weighing what waits for review")


def _note(ctx: Needs, began: datetime, found: Watching) -> None:
    counts = {"read": found.read, "changed": found.changed, "weighed": found.weighed}
    with ctx.db.transaction() as conn:
        add_run(
            conn,
            room=ROOM,
            step="watch",
            source=None,
            started_at=began,
            ended_at=ctx.clock(),
            outcome=Outcome.COMPLETED,
            counts=counts,
        )
