"""What may be asked of the pipeline now: sync sources, replay what is in quarantine."""

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from typing import Protocol

import structlog

from assay.catalog import commands as catalog
from assay.catalog.tasks import MergeCounts
from assay.errors import AssayError, BadRecord, Conflict, NotFound, Permanent, Transient
from assay.jobs.choices import RETENTION_DAYS, days_chosen
from assay.jobs.ledger import Outcome, add_run
from assay.jobs.running import Running
from assay.jobs.task import task
from assay.kit.db import Connection, try_lock
from assay.pipelines.advisories import store
from assay.pipelines.advisories.model import Bucket, RecordSource, Refused, ScoreSource, Source
from assay.pipelines.advisories.store import Bad, Quarantined
from assay.pipelines.advisories.tasks import changes, staging
from assay.pipelines.advisories.tasks.fetching import EVERYTHING, Fetched, Request, fetch
from assay.pipelines.advisories.tasks.needs import Needs, Progress
from assay.pipelines.advisories.tasks.scoring import stage_scores
from assay.pipelines.advisories.tasks.staging import StageCounts

ROOM = "advisories"
# Locks of this room are (this number, hash of the source's name) packed into one; it must not change.
_LOCK_ROOM = 7_231 << 32
# Records whose bytes are in memory together.
_REPLAYED_AT_ONCE = 200

_log = structlog.get_logger(__name__)

__all__ = [
    "EVERYTHING",
    "Replayed",
    "Request",
    "SourceReport",
    "SyncReport",
    "background_replay",
    "background_sync",
    "drop",
    "replay",
    "sync",
]


@dataclass(frozen=True, slots=True)
class SourceReport:
    """What a sync of one source came to. `error` says why it was refused or failed."""

    source: str
    outcome: Outcome
    counts: StageCounts
    seconds: float
    document: str | None = None
    notes: tuple[str, ...] = ()
    error: str | None = None
    is_passing: bool = False
    """The error may be gone when it is tried again."""


@dataclass(slots=True)
class SyncReport:
    """What a sync came to, source by source, and what the merge after it changed in the catalog."""

    sources: list[SourceReport] = field(default_factory=list)
    merged: MergeCounts = field(default_factory=MergeCounts)
    purged: int = 0
    merge_seconds: float = 0.0
    seconds: float = 0.0

    @property
    def is_good(self) -> bool:
        """Whether every source was read."""
        return all(report.outcome in (Outcome.COMPLETED, Outcome.UNCHANGED) for report in self.sources)


def sync(
    ctx: Needs,
    requests: Mapping[str, Request],
    *,
    retention: timedelta,
    progress: Callable[[str, str, int, int | None], None],
) -> SyncReport:
    """Bring the catalog up to date with some sources, one after the other, and merge once at the end.

    A source that fails is reported and does not keep the others back. Raises NotFound for an unknown source
    before anything is done.
    """
    unknown = [name for name in requests if name not in ctx.sources]
    if unknown:
        raise NotFound(f"no source is called {unknown[0]!r}; there are {', '.join(ctx.sources)}")
    started = ctx.clock()
    report = SyncReport()
    for name, request in requests.items():
        report.sources.append(_sync_one(ctx, ctx.sources[name], request, _bound(progress, name)))
    with ctx.db.transaction() as conn:
        kept = days_chosen(conn, RETENTION_DAYS, retention)
        report.purged = catalog.purge(conn, ctx.clock(), kept)
    merge_started = ctx.clock()
    report.merged = catalog.merge(ctx, lambda done, total: progress("catalog", "merge", done, total))
    ended = ctx.clock()
    report.merge_seconds = (ended - merge_started).total_seconds()
    report.seconds = (ended - started).total_seconds()
    with ctx.db.transaction() as conn:
        add_run(
            conn,
            room="catalog",
            step="merge",
            source=None,
            started_at=merge_started,
            ended_at=ended,
            outcome=Outcome.COMPLETED,
            counts={**asdict(report.merged), "purged": report.purged},
        )
    return report


class BackgroundNeeds(Needs, Protocol):
    """What a sync in a worker needs: besides the Context's parts, how long a tombstone is kept."""

    @property
    def retention(self) -> timedelta: ...


@task("advisories.sync", unique=("source",), subject="source", step="sync")
def background_sync(
    ctx: BackgroundNeeds,
    job: Running,
    *,
    source: str,
    scope: str = EVERYTHING,
    origin: str | None = None,
    replay: str | None = None,
    full: bool = False,
    accept_loss: bool = False,
) -> None:
    """Sync one source in a worker; the arguments are those of its Request.

    Raises Transient for what may work later, and Permanent for what a person must look at.
    """
    request = Request(scope=scope, origin=origin, replay=replay, full=full, accept_loss=accept_loss)
    report = sync(
        ctx,
        {source: request},
        retention=ctx.retention,
        progress=lambda name, step, done, total: job.progress(done, total, f"{name}: {step}"),
    )
    for entry in report.sources:
        if entry.outcome in (Outcome.REFUSED, Outcome.FAILED):
            kind = Transient if entry.is_passing else Permanent
            raise kind(entry.error or f"the sync of {source} came to nothing")


def _bound(progress: Callable[[str, str, int, int | None], None], name: str) -> Progress:
    return lambda step, done, total: progress(name, step, done, total)


def _sync_one(ctx: Needs, source: Source, request: Request, progress: Progress) -> SourceReport:
    started = ctx.clock()
    # Said before the first byte is here: copying or asking for a document may take a while.
    progress("fetch", 0, None)
    with structlog.contextvars.bound_contextvars(room=ROOM, source=source.name):
        try:
            with _alone(ctx, source.name):
                report = _synced(ctx, source, request, progress)
        except Refused as error:
            report = _failed(source, Outcome.REFUSED, error)
        except (Transient, Permanent, Conflict, NotFound, BadRecord) as error:
            report = _failed(source, Outcome.FAILED, error)
        ended = ctx.clock()
        _log.info(
            "advisories.source_synced", outcome=report.outcome, document=report.document, error=report.error
        )
    with ctx.db.transaction() as conn:
        add_run(
            conn,
            room=ROOM,
            step="sync",
            source=source.name,
            started_at=started,
            ended_at=ended,
            outcome=report.outcome,
            counts=asdict(report.counts),
            detail=report.error or "; ".join(report.notes) or None,
        )
    return replace(report, seconds=(ended - started).total_seconds())


@contextmanager
def _alone(ctx: Needs, name: str) -> Iterator[None]:
    """Nobody else syncs this source meanwhile, on any machine. Raises Conflict when somebody does."""
    key = _LOCK_ROOM + zlib.crc32(name.encode())
    with ctx.db.connection(autocommit=True) as conn, try_lock(conn, key) as is_ours:
        if not is_ours:
            raise Conflict(f"another sync of {name} is running; wait for it to end")
        yield


def _failed(source: Source, outcome: Outcome, error: AssayError) -> SourceReport:
    _log.warning("advisories.sync_failed", source=source.name, outcome=outcome, reason=str(error))
    is_passing = isinstance(error, Transient | Conflict)
    return SourceReport(source.name, outcome, StageCounts(), 0.0, error=str(error), is_passing=is_passing)


def _synced(ctx: Needs, source: Source, request: Request, progress: Progress) -> SourceReport:
    fetched = _fetched(ctx, source, request, progress)
    try:
        report = _staged(ctx, source, fetched, request, progress)
    except Permanent as error:
        _set_aside(ctx, source, fetched, error)
        raise
    if fetched.is_listed:
        with ctx.db.transaction() as conn:
            store.release_documents(conn, source.name, fetched.scope)
    return report


def _staged(
    ctx: Needs, source: Source, fetched: Fetched, request: Request, progress: Progress
) -> SourceReport:
    if isinstance(source, ScoreSource):
        scores = stage_scores(
            ctx, source, fetched, full=request.full, accept_loss=request.accept_loss, progress=progress
        )
        outcome = Outcome.COMPLETED if scores.counts.read else Outcome.UNCHANGED
        notes = (*fetched.notes, *scores.notes)
        return SourceReport(source.name, outcome, scores.counts, 0.0, fetched.name, notes)
    last = staging.load_last(ctx, source, fetched)
    same = None if request.full else _staged_before(source, fetched, last)
    if same is not None:
        return SourceReport(source.name, Outcome.UNCHANGED, same, 0.0, fetched.name, fetched.notes)
    counts = staging.stage(
        ctx, source, fetched, last, full=request.full, accept_loss=request.accept_loss, progress=progress
    )
    return SourceReport(source.name, Outcome.COMPLETED, counts, 0.0, fetched.name, fetched.notes)


def _fetched(ctx: Needs, source: Source, request: Request, progress: Progress) -> Fetched:
    transport = source.transport
    is_own = request.origin is None and request.replay is None
    if not (is_own and isinstance(transport, Bucket) and isinstance(source, RecordSource)):
        return fetch(ctx, source, request, progress)
    if not request.full and not _is_begun(ctx, source, request.scope):
        partial = changes.fetch_changes(ctx, source, transport, request.scope, progress)
        if partial is not None:
            return partial
    # Asked before the archive is fetched: what changes in between is then asked for again, not missed.
    cursor = changes.newest_change(ctx, transport, request.scope)
    return replace(fetch(ctx, source, request, progress), cursor_at=cursor)


def _is_begun(ctx: Needs, source: RecordSource, scope: str) -> bool:
    """Whether only a full document can set the claims right again."""
    with ctx.db.transaction() as conn:
        return bool(store.find_begun(conn, source.name, scope))


def _staged_before(source: RecordSource, fetched: Fetched, last: staging.Last) -> StageCounts | None:
    """The counts of a document whose staging was finished, None when there is something to do."""
    listing = last.listing
    if not fetched.is_full or last.doubtful or listing is None:
        return None
    if listing.document != fetched.name or listing.reader_version != source.reader_version:
        return None
    bad = sum(entry.is_bad for entry in listing.entries.values())
    return StageCounts(read=listing.records, unchanged=listing.records - bad, quarantined=bad)


def _set_aside(ctx: Needs, source: Source, fetched: Fetched, error: Permanent) -> None:
    """Put a document that cannot be used as a whole into quarantine, where people look for what is missing."""
    reason = "refused" if isinstance(error, Refused) else "unreadable-document"
    bad = Bad(store.DOCUMENT + fetched.name[:16], None, BadRecord(reason, str(error)), None)
    with ctx.db.transaction() as conn:
        store.set_document_outcome(conn, fetched.id, "refused", str(error))
        store.quarantine(conn, source.name, fetched.scope, fetched.name, [bad], ctx.clock())


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay of the quarantine came to; `still_bad` are those that failed again, with the reason."""

    read_well: int
    still_bad: list[tuple[int, str, str]]
    merged: MergeCounts


def replay(
    ctx: Needs, source: str | None, ids: Sequence[int] | None, progress: Callable[[int, int], None]
) -> Replayed:
    """Read records in quarantine again with the present reader; what reads well becomes a claim.

    Raises Conflict while one of their sources is being synced.
    """
    with ctx.db.transaction() as conn:
        found = store.find_quarantined(conn, source, ids)
    read_well = 0
    still_bad: list[tuple[int, str, str]] = []
    with ExitStack() as locks:
        for name in sorted({name for _, name in found}):
            locks.enter_context(_alone(ctx, name))
        for start in range(0, len(found), _REPLAYED_AT_ONCE):
            keys = [key for key, _ in found[start : start + _REPLAYED_AT_ONCE]]
            read_well += _replay_some(ctx, keys, still_bad)
    merged = catalog.merge(ctx, progress)
    return Replayed(read_well, still_bad, merged)


@task("advisories.replay", subject="source")
def background_replay(
    ctx: Needs, job: Running, *, source: str | None = None, ids: list[int] | None = None
) -> None:
    """Replay records in quarantine in a worker. Raises Transient while one of their sources is being synced."""
    try:
        replay(ctx, source, ids, lambda done, total: job.progress(done, total, "catalog: merge"))
    except Conflict as error:
        raise Transient(str(error)) from error


def _replay_some(ctx: Needs, keys: Sequence[int], still_bad: list[tuple[int, str, str]]) -> int:
    good: list[Quarantined] = []
    with ctx.db.transaction() as conn:
        for entry in store.load_quarantine(conn, keys):
            try:
                _replay_one(ctx, conn, entry)
                good.append(entry)
            except BadRecord as error:
                still_bad.append((entry.id, error.reason, error.detail))
        for name, scope in {(entry.source, entry.scope) for entry in good}:
            places = [entry.locator for entry in good if (entry.source, entry.scope) == (name, scope)]
            store.mark_good(conn, name, scope, places)
        store.release_ids(conn, [entry.id for entry in good])
    return len(good)


def _replay_one(ctx: Needs, conn: Connection, entry: Quarantined) -> None:
    source = ctx.sources.get(entry.source)
    if not isinstance(source, RecordSource) or entry.raw is None or entry.record_id is None:
        raise BadRecord(entry.reason, f"{entry.detail} (its bytes were not kept: sync {entry.source} again)")
    if entry.reason.startswith("duplicate"):
        raise BadRecord(entry.reason, entry.detail)
    candidate = staging.read_record(source, entry.record_id, entry.locator, entry.raw)
    incoming = [staging.to_incoming(source, candidate)]
    catalog.submit(conn, entry.source, entry.document, incoming, ctx.clock())


def drop(conn: Connection, ids: Sequence[int]) -> int:
    """Forget records in quarantine; they come back if their document is read in full again. Returns how many."""
    return store.release_ids(conn, ids)
