"""Processing: entries in batches are made readable, read by rules, settled, and the catalog is told.

process        the scheduled pass: this lane's batches one after the other, other lanes beside it where much waits
process_batch  one batch: taken and committed, read without a transaction, settled and finished in another one

Whoever dies in between has changed nothing: what they took is reclaimed, and settling the same twice changes nothing.
A language model is never asked here; what it is to be asked about waits for `completing`.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

import msgspec
import structlog

from assay.jobs.deferring import defer
from assay.jobs.ledger import Outcome as Ended
from assay.jobs.ledger import add_run
from assay.jobs.running import Running
from assay.jobs.task import task
from assay.kit.clock import Clock
from assay.kit.db import Connection, Database
from assay.pipelines.feeds.model import ROOM
from assay.pipelines.feeds.model.entries import RawEntry, Taker
from assay.pipelines.feeds.model.extraction import Extraction
from assay.pipelines.feeds.model.language import Language
from assay.pipelines.feeds.model.review import Stats
from assay.pipelines.feeds.queries.language import language_chosen
from assay.pipelines.feeds.queries.processing import count_ready
from assay.pipelines.feeds.rules.cleaning import clean
from assay.pipelines.feeds.rules.completing import left_for_model
from assay.pipelines.feeds.rules.extracting import extract
from assay.pipelines.feeds.rules.names import Names
from assay.pipelines.feeds.store import entries
from assay.pipelines.feeds.store.names import find_gathered
from assay.pipelines.feeds.tasks.completing import complete
from assay.pipelines.feeds.tasks.naming import Dictionary, gather
from assay.pipelines.feeds.tasks.publishing import publish
from assay.pipelines.feeds.tasks.settling import Reading, Terms, settle

_log = structlog.get_logger(__name__)

QUEUE = "feeds"
# Lanes that work beside the first one; which of them there is work for is seen when a pass begins.
_MORE_LANES = 3


class Needs(Protocol):
    """What processing needs of the Context."""

    @property
    def db(self) -> Database: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def language(self) -> Language: ...
    @property
    def dictionary(self) -> Dictionary: ...


@task("feeds.process", queue=QUEUE, unique=("lane",), timeout=1_800)
def process(ctx: Needs, job: Running, *, lane: int = 0) -> None:
    """Process what waits. The first lane has others help where more than one batch waits."""
    with ctx.db.transaction() as conn:
        language = language_chosen(conn, ctx.language)
        size = language.batch
        if lane == 0 and language.is_asked:
            # Also what a model did not answer an hour ago is to be asked about again.
            defer(conn, complete)
        if lane == 0:
            batches = -(-count_ready(conn, ctx.clock()) // size)
            for other in range(1, min(_MORE_LANES, batches - 1) + 1):
                defer(conn, process, lane=other)
    names = names_known(ctx, gathers=True)
    taker = Taker(job.id, job.attempt)
    done = 0
    while (stats := process_batch(ctx, names, size, taker=taker, own=job.own)) is not None:
        done += stats.processed + stats.failed
        job.progress(done, None, "process")


def names_known(ctx: Needs, *, gathers: bool = False) -> Names:
    """The dictionary of vendors and products, as it was gathered from the catalog last.

    With `gathers` it is gathered where it never was: without it every vendor would be unknown. Raises Transient then
    while the catalog is being merged.
    """
    with ctx.db.transaction() as conn:
        is_there = find_gathered(conn) is not None
        names = ctx.dictionary.names(conn)
    if is_there or not gathers:
        return names
    gather(ctx)
    with ctx.db.transaction() as conn:
        return ctx.dictionary.names(conn)


def process_batch(
    ctx: Needs,
    names: Names,
    size: int,
    *,
    taker: Taker | None = None,
    own: Callable[[Connection], None] = lambda _: None,
) -> Stats | None:
    """What one batch came to; None where nothing waits. `own` holds the job that does it until all is written."""
    started_at = ctx.clock()
    with ctx.db.transaction() as conn:
        entries.reclaim(conn, started_at)
        batch = entries.take_batch(conn, size, started_at, taker)
        language = language_chosen(conn, ctx.language)
    if not batch:
        return None
    readings, failures = read_batch(batch, names)
    with ctx.db.transaction() as conn:
        own(conn)
        return _settled(conn, readings, failures, language, started_at, ctx.clock)


def read_batch(batch: Sequence[RawEntry], names: Names) -> tuple[list[Reading], dict[int, str]]:
    """What the rules read out of each entry, and why some could not be read, by number."""
    readings: list[Reading] = []
    failures: dict[int, str] = {}
    for entry in batch:
        try:
            readings.append(read_entry(entry, names))
        except Exception as error:  # noqa: BLE001 - a bug in a rule sets its entry aside, not the batch
            _log.exception("feeds.entry_unreadable", entry=entry.id, source=entry.source_name)
            failures[entry.id] = f"{type(error).__name__}: {error}"
    return readings, failures


def read_entry(entry: RawEntry, names: Names) -> Reading:
    """What the rules read out of one entry; no extraction where it is no advisory."""
    prose = clean(entry.raw, entry.media_type, entry.title, entry.address)
    if prose.published is None and entry.published_at is not None:
        prose = msgspec.structs.replace(prose, published=entry.published_at)
    verdict = extract(prose, names)
    return Reading(entry, prose, verdict.extractions if verdict.is_advisory else ())


def _settled(
    conn: Connection,
    readings: Sequence[Reading],
    failures: dict[int, str],
    language: Language,
    started_at: datetime,
    clock: Clock,
) -> Stats:
    now = clock()

    def asks(said: Extraction) -> bool:
        return language.is_asked and bool(left_for_model(said, language.threshold))

    done = settle(conn, readings, Terms(language.threshold, asks, now))
    entries.finish(conn, done.outcomes, now)
    for number, error in failures.items():
        entries.retry_or_fail(conn, number, error, now)
    publish(conn, done.touched, now)
    if language.is_asked:
        defer(conn, complete)
    done.stats.failed = len(failures)
    ended_at = clock()
    done.stats.duration_seconds = (ended_at - started_at).total_seconds()
    add_run(
        conn,
        room=ROOM,
        step="process",
        source=None,
        started_at=started_at,
        ended_at=ended_at,
        outcome=Ended.COMPLETED,
        counts=counts_of(done.stats),
    )
    return done.stats


def counts_of(stats: Stats) -> dict[str, int]:
    """The counts as the run ledger keeps them."""
    names = ("processed", "created", "updated", "skipped", "duplicates", "failed", "purged")
    return {name: getattr(stats, name) for name in names}
