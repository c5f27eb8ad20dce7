"""Fetching sources of entries: which are due, one job each, and what came of it."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import groupby

import structlog

from assay.errors import AssayError, Permanent
from assay.jobs.deferring import defer
from assay.jobs.ledger import Outcome, add_run
from assay.jobs.model import Cancelled, Lost, OutOfTime
from assay.jobs.retrying import RetryPolicy
from assay.jobs.running import Running
from assay.jobs.task import task
from assay.kit.db import Connection
from assay.kit.transfer import Interrupted
from assay.pipelines.feeds.model import ROOM
from assay.pipelines.feeds.model.entries import Added, Received, Weight
from assay.pipelines.feeds.model.sources import Fetched, Source, wait_after_failures
from assay.pipelines.feeds.queries.sources import get_source
from assay.pipelines.feeds.rules.weighing import readable, weigh
from assay.pipelines.feeds.sources import discover
from assay.pipelines.feeds.store import entries as entry_store
from assay.pipelines.feeds.store import sources as store
from assay.pipelines.feeds.tasks.gathering import Gathered, Gathering
from assay.pipelines.feeds.tasks.needs import Needs
from assay.pipelines.feeds.tasks.reading import asked_of
from assay.pipelines.feeds.tasks.watching import load_watch

_log = structlog.get_logger(__name__)

QUEUE = "feeds"
STEP = "fetch"
_MOST_DUE = 1_000


@task(
    "feeds.fetch", queue=QUEUE, unique=("source",), subject="source", step=STEP, retry=RetryPolicy(2, 10, 60)
)
def fetch(ctx: Needs, job: Running, *, source: str) -> None:
    """Fetch one source. What its server does wrong is written down with the source and does not fail the job."""
    fetch_source(ctx, source, check=job.check, own=job.own)


@task("feeds.tick", queue=QUEUE, unique=True)
def tick(ctx: Needs, job: Running) -> None:
    """Defer the fetches of all sources whose time has come."""
    with ctx.db.transaction() as conn:
        job.own(conn)
        defer_due(conn, ctx.clock())


def defer_due(conn: Connection, now: datetime) -> list[str]:
    """The names of the sources whose time has come; each has a job now, and comes again after its interval."""
    due = store.find_due(conn, now, _MOST_DUE)
    for number, name in due:
        defer(conn, fetch, source=name)
        store.plan_next(conn, number, now + get_source(conn, name).interval)
    return [name for _, name in due]


def fetch_source(
    ctx: Needs,
    name: str,
    *,
    check: Callable[[], None] = lambda: None,
    own: Callable[[Connection], None] = lambda _: None,
    is_forced: bool = False,
) -> Fetched:
    """Ask a source and keep what is new, in one transaction with what is noted of it.

    Raises NotFound; a source that is disabled is asked only when that `is_forced`. Its own faults are in the result.
    """
    started_at = ctx.clock()
    with ctx.db.transaction() as conn:
        source = get_source(conn, name)
        if not (source.is_enabled or is_forced):
            return Fetched(name, is_unchanged=True)
        sealed = store.find_secrets(conn, source.id)
    gathered = Gathered()
    try:
        gathering = _gathering(ctx, source, sealed, check)
        try:
            gathered = gathering.run()
        except (Cancelled, Lost, OutOfTime):
            raise
        except AssayError as error:
            gathered.error = error
        said = None if gathered.error is None else gathering.redacted(str(gathered.error))
    except Permanent as error:
        gathered.error, said = error, str(error)
    with ctx.db.transaction() as conn:
        own(conn)
        return _note(ctx, conn, source, gathered, said, started_at)


def _gathering(ctx: Needs, source: Source, sealed: bytes | None, check: Callable[[], None]) -> Gathering:
    def known(keys: Sequence[str]) -> set[str]:
        with ctx.db.transaction() as conn:
            return entry_store.known_keys(conn, source.id, keys)

    reader = discover()[source.kind]
    return Gathering(ctx, reader, asked_of(ctx, source, sealed), limits=ctx.feeds, check=check, known=known)


def _note(
    ctx: Needs, conn: Connection, source: Source, gathered: Gathered, said: str | None, started_at: datetime
) -> Fetched:
    now = ctx.clock()
    held = store.hold_source(conn, source.id)
    if held is None or held.is_removed:
        return Fetched(source.name, is_unchanged=True)
    added = _add(conn, source, gathered, now)
    if not gathered.is_unchanged and gathered.error is None:
        store.replace_bad(conn, source.id, gathered.bad, now)
    # A source that was changed meanwhile begins anew, and when it does was said with the change.
    if held.changed_at == source.changed_at:
        if said is None:
            store.note_good(conn, source.id, gathered.cursor, now + source.interval, now)
        else:
            wait = wait_after_failures(held.failures + 1, source.interval, _asked_wait(gathered.error))
            store.note_failure(conn, source.id, said, now + wait, now)
    came = Fetched(
        source=source.name,
        documents=len(gathered.documents),
        read=sum(1 for _ in gathered.entries),
        new=added.new,
        changed=added.changed,
        known=added.known,
        bad=len(gathered.bad),
        is_unchanged=gathered.is_unchanged,
        error=said,
    )
    _add_line(conn, came, started_at, now)
    if said is not None:
        _log.warning("feeds.fetch_failed", source=source.name, failures=held.failures + 1, reason=said)
    return came


def _add(conn: Connection, source: Source, gathered: Gathered, now: datetime) -> Added:
    watch = load_watch(conn)

    def weight_of(entry: Received) -> Weight:
        return weigh(readable(entry.title, entry.raw), watch)

    total = Added()
    for document, parts in groupby(gathered.documents, key=lambda part: part[0]):
        entries = [entry for _, part in parts for entry in part]
        one = entry_store.add(conn, source.id, entries, weight_of, now, document=document)
        total = Added(total.new + one.new, total.changed + one.changed, total.known + one.known)
    return total


def _asked_wait(error: AssayError | None) -> timedelta | None:
    if isinstance(error, Interrupted) and error.retry_after is not None:
        return timedelta(seconds=min(error.retry_after, 10_000_000.0))
    return None


def _add_line(conn: Connection, came: Fetched, started_at: datetime, now: datetime) -> None:
    if came.error is not None:
        outcome = Outcome.FAILED
    else:
        outcome = Outcome.UNCHANGED if came.is_unchanged else Outcome.COMPLETED
    counts = {name: getattr(came, name) for name in ("documents", "read", "new", "changed", "known", "bad")}
    add_run(
        conn,
        room=ROOM,
        step=STEP,
        source=came.source,
        started_at=started_at,
        ended_at=now,
        outcome=outcome,
        counts={name: value for name, value in counts.items() if value},
        detail=came.error,
    )
