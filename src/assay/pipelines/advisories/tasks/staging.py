"""Staging: the records of a document that changed become claims, the bad ones go to quarantine."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import chain
from typing import Protocol

import structlog

from assay.catalog import commands as catalog
from assay.catalog.commands import Incoming
from assay.catalog.model import encode_claim
from assay.errors import BadRecord, Permanent
from assay.kit.archive import Archive, Limits, Member, open_archive
from assay.kit.db import Connection
from assay.kit.spool import Spool
from assay.pipelines.advisories import store
from assay.pipelines.advisories.model import Entry, RecordSource, Refused
from assay.pipelines.advisories.rules import (
    UNREAD,
    Candidate,
    Reading,
    as_listed,
    batches,
    choose_copy,
    content_hash,
    plan_reading,
    refusal,
)
from assay.pipelines.advisories.store import Bad, Listing
from assay.pipelines.advisories.tasks import unfinished
from assay.pipelines.advisories.tasks.fetching import EVERYTHING, Fetched
from assay.pipelines.advisories.tasks.needs import Needs, Progress
from assay.pipelines.advisories.tasks.parts import Part, PartOutcome
from assay.pipelines.advisories.tasks.splitting import SplitDocument

# Records and bytes per part: one transaction, and what a worker holds in memory at a time.
_PART = 500
_PART_BYTES = 12 << 20
# Below this many records starting other processes costs more than they save.
_FEW = 2_500

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class StageCounts:
    """What came of a document's records. read = new + changed + unchanged + quarantined."""

    read: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    quarantined: int = 0
    tombstoned: int = 0


@dataclass(frozen=True, slots=True)
class Last:
    """What was known before a document: the last listing, and the records that an unfinished one left in doubt."""

    listing: Listing | None
    doubtful: frozenset[str]


class Readable(Protocol):
    """Anything whose members can be read."""

    def read(self, member: Member) -> bytes: ...


def load_last(ctx: Needs, source: RecordSource, fetched: Fetched) -> Last:
    """What the last document of the scope left."""
    with ctx.db.transaction() as conn:
        listing = store.find_listing(conn, source.name, fetched.scope)
        return Last(listing, unfinished.records(conn, source.name, fetched))


def stage(
    ctx: Needs,
    source: RecordSource,
    fetched: Fetched,
    last: Last,
    *,
    full: bool,
    accept_loss: bool,
    progress: Progress,
) -> StageCounts:
    """Bring the catalog's claims up to date with a document, reading only what changed since the last one.

    `full` reads everything again. Raises Refused, with nothing applied, for a listing that cannot be believed.
    Each part commits by itself; killed in between, the next run reads again and finds most of it done.
    """
    listing, doubtful = last.listing, last.doubtful
    with open_archive(fetched.address) as archive:
        split = _split(source, archive) if source.split is not None else None
        members = split.members() if split is not None else archive.members()
    # Asked several times for each member, of this listing and the last.
    locate = cache(split.locate if split is not None else as_listed(source.locate))
    before = listing.entries if listing is not None else {}
    is_same_reader = listing is not None and listing.reader_version == source.reader_version
    usable = unfinished.doubted(before, doubtful, locate) if is_same_reader and not full else {}
    reading = plan_reading(members, locate, usable or _names_only(before), is_full=fetched.is_full)
    gone = _gone(ctx, source, fetched, reading, locate, accept_loss=accept_loss)
    if doubtful:
        listed = {locate(member.name) for member in members}
        gone += _nowhere(ctx, source, fetched, sorted(doubtful - listed - set(gone)), locate)
    if fetched.is_full:
        with ctx.db.transaction() as conn:
            store.set_document_outcome(conn, fetched.id, "begun")
    counts = StageCounts(read=reading.records, unchanged=reading.unchanged, quarantined=reading.kept_bad)
    bad, unread = _stage_parts(ctx, source, fetched, reading, split, counts, progress)
    _finish(ctx, source, fetched, listing, _Outcome(reading, locate, gone, bad, unread), counts)
    return counts


def _names_only(entries: Mapping[str, Entry]) -> Mapping[str, Entry]:
    """A last listing that still says which records there were, but whose fingerprints fit nothing."""
    return {name: Entry(UNREAD, entry.is_bad) for name, entry in entries.items()}


def _split(source: RecordSource, archive: Archive) -> SplitDocument:
    assert source.split is not None
    members = archive.members()
    named = [member for member in members if source.locate(member.name) is not None] or members
    if len(named) != 1:
        raise Permanent(
            f"{source.name}: its document is one file, but {len(named)} were found; name the right one"
        )
    try:
        return SplitDocument(source.split(archive.read(named[0])))
    except BadRecord as error:
        raise Permanent(f"{source.name}: the document cannot be read: {error}") from error


def _gone(
    ctx: Needs,
    source: RecordSource,
    fetched: Fetched,
    reading: Reading[Member],
    locate: Callable[[str], str | None],
    *,
    accept_loss: bool,
) -> list[str]:
    """Records that the last listing had and this one lacks. Raises Refused where those are too many to believe."""
    had = reading.had
    if fetched.is_full:
        records, lost = reading.records, reading.gone
    elif fetched.all_records is not None:
        records, lost = len(fetched.all_records), sorted(had - fetched.all_records)
    elif not reading.records:
        raise Refused(
            f"{source.name}: {fetched.address.name} is no record of it, by its name; name another file"
        )
    else:
        return []
    gone = _nowhere(ctx, source, fetched, lost, locate)
    why = refusal(records, len(gone), len(had), accept_loss=accept_loss)
    if why is not None:
        raise Refused(f"{source.name}: the document {fetched.name[:12]} was refused: {why}")
    return gone


def _nowhere(
    ctx: Needs, source: RecordSource, fetched: Fetched, lost: list[str], locate: Callable[[str], str | None]
) -> list[str]:
    """The lost records that no other scope of the source lists.

    What everything lacks is gone, though: an ecosystem that nobody asks for any more would keep it for ever.
    """
    if not lost or fetched.scope == EVERYTHING:
        return lost
    with ctx.db.transaction() as conn:
        elsewhere = {locate(name) for name in store.names_of_other_scopes(conn, source.name, fetched.scope)}
    return [record_id for record_id in lost if record_id not in elsewhere]


def _stage_parts(
    ctx: Needs,
    source: RecordSource,
    fetched: Fetched,
    reading: Reading[Member],
    split: SplitDocument | None,
    counts: StageCounts,
    progress: Progress,
) -> tuple[set[str], set[str]]:
    """Read and hand over everything that changed; returns the places of the bad records and of the unread ones."""
    total = sum(len(copies) for _, copies in reading.changed)
    address = fetched.address if split is None else None
    # Few records are a part for each process, rather than one part for one of them.
    most = min(_PART, total // ctx.pool.processes + 1)
    parts = [
        Part(source.name, fetched.scope, fetched.name, address, batch)
        for batch in batches(reading.changed, most=most, most_bytes=_PART_BYTES)
    ]
    outcomes: Iterable[PartOutcome]
    if split is not None:
        outcomes = (_stage_part(ctx, part, split) for part in parts)
    else:
        outcomes = ctx.pool.map(ctx, stage_part, parts, few=total < _FEW)
    bad = _quarantine_faulty(ctx, source, fetched, reading)
    unread = set(bad)
    counts.quarantined += len(bad)
    done = 0
    progress("read", done, total)
    for outcome in outcomes:
        counts.new += outcome.new
        counts.changed += outcome.changed
        counts.unchanged += outcome.unchanged
        counts.quarantined += len(outcome.bad)
        bad.update(outcome.bad)
        unread.update(outcome.unread)
        done += outcome.members
        progress("read", done, total)
    return bad, unread


def _quarantine_faulty(
    ctx: Needs, source: RecordSource, fetched: Fetched, reading: Reading[Member]
) -> set[str]:
    """Set aside what the archive itself says cannot be read."""
    if not reading.faulty:
        return set()
    bad = [
        Bad(
            member.name,
            record_id,
            BadRecord(member.fault or "unreadable", f"{member.name}: {member.fault}, {member.size:,} bytes"),
            None,
        )
        for record_id, member in reading.faulty
    ]
    with ctx.db.transaction() as conn:
        store.quarantine(conn, source.name, fetched.scope, fetched.name, bad, ctx.clock())
    return {entry.locator for entry in bad}


def stage_part(ctx: Needs, part: Part) -> PartOutcome:
    """Read one part of an archive, hand its claims over, and commit."""
    assert part.address is not None
    return _stage_part(ctx, part, ctx.archives.open(part.address, Limits()))


def _stage_part(ctx: Needs, part: Part, archive: Readable) -> PartOutcome:
    source = ctx.sources[part.source]
    assert isinstance(source, RecordSource)
    incoming: list[Incoming] = []
    bad: list[Bad] = []
    outcome = PartOutcome()
    for record_id, copies in part.records:
        outcome.members += len(copies)
        candidates = [found for member in copies if (found := _read(source, archive, record_id, member, bad))]
        if len(candidates) > 1:
            standing, others = choose_copy(candidates)
            bad.extend(Bad(other.locator, record_id, why, other.raw) for other, why in others)
        elif candidates:
            standing = candidates[0]
        else:
            continue
        incoming.append(to_incoming(source, standing))
    with ctx.db.transaction() as conn:
        submit_part(conn, part, incoming, bad, outcome, ctx.clock(), ctx.spool)
    return outcome


def to_incoming(source: RecordSource, candidate: Candidate) -> Incoming:
    """A record as the catalog takes it."""
    fingerprint = content_hash(
        candidate.raw, source.volatile, source.reader_version, marks=source.volatile_marks
    )
    return Incoming(candidate.claim, candidate.reading, candidate.raw, fingerprint)


def submit_part(
    conn: Connection,
    part: Part,
    incoming: list[Incoming],
    bad: list[Bad],
    outcome: PartOutcome,
    now: datetime,
    spool: Spool,
) -> None:
    """Hand a part's records over in the caller's transaction; a synchronous flush waits for the document's end."""
    # Nothing depends on a part being on disk before the listing is, which is committed last and flushes it all.
    conn.execute("SET LOCAL synchronous_commit = off")
    submitted = catalog.submit(conn, part.source, part.document, incoming, now, spool=spool)
    store.quarantine(conn, part.source, part.scope, part.document, bad, now)
    outcome.new = submitted.new
    outcome.changed = submitted.changed
    outcome.unchanged = submitted.unchanged
    outcome.bad = [entry.locator for entry in bad]
    outcome.unread = [entry.locator for entry in bad if entry.raw is None]


def _read(
    source: RecordSource, archive: Readable, record_id: str, member: Member, bad: list[Bad]
) -> Candidate | None:
    raw: bytes | None = None
    try:
        raw = archive.read(member)
        return read_record(source, record_id, member.name, raw)
    except BadRecord as error:
        bad.append(Bad(member.name, record_id, error, raw))
    return None


def read_record(source: RecordSource, record_id: str, locator: str, raw: bytes) -> Candidate:
    """The record as a candidate claim that names something. Raises BadRecord, also where the reader itself fails."""
    try:
        claim = source.read(record_id, raw)
        reading = encode_claim(claim)
    except BadRecord:
        raise
    except Exception as error:
        # A reader that fails in a way it does not know is a bug of ours; the record waits for the mend.
        _log.exception("advisories.reader_failed", source=source.name, record_id=record_id)
        raise BadRecord("reader-failed", f"{locator}: {type(error).__name__}: {error}") from error
    if not claim.identifiers:
        raise BadRecord("missing-id", f"{locator}: the record gives its vulnerability no name")
    return Candidate(locator, raw, claim, reading)


@dataclass(frozen=True, slots=True)
class _Outcome:
    reading: Reading[Member]
    locate: Callable[[str], str | None]
    gone: Sequence[str]
    bad: set[str]
    unread: set[str]

    def entries(self) -> dict[str, Entry]:
        """What was read, as the listing keeps it."""
        members = chain(
            (m for _, copies in self.reading.changed for m in copies), (m for _, m in self.reading.faulty)
        )
        return {
            member.name: Entry(
                UNREAD if member.name in self.unread else member.fingerprint, member.name in self.bad
            )
            for member in members
        }


def _finish(
    ctx: Needs,
    source: RecordSource,
    fetched: Fetched,
    last: Listing | None,
    outcome: _Outcome,
    counts: StageCounts,
) -> None:
    """Commit what can only be said at the end: what is gone, what is out of quarantine, and the listing."""
    read = outcome.entries()
    # What was not read again is as it was.
    entries = {**last.entries, **read} if last is not None else read
    if fetched.is_full:
        for name in entries.keys() - outcome.reading.names:
            del entries[name]
    elif outcome.gone:
        lost = set(outcome.gone)
        entries = {name: entry for name, entry in entries.items() if outcome.locate(name) not in lost}
    now = ctx.clock()
    with ctx.db.transaction() as conn:
        reason = f"not in {source.name}'s document {fetched.name[:16]}"
        counts.tombstoned = catalog.tombstone(conn, source.name, outcome.gone, reason, now)
        if fetched.is_listed:
            still_bad = [name for name, entry in entries.items() if entry.is_bad]
            store.release_others(conn, source.name, fetched.scope, still_bad)
            store.save_listing(
                conn,
                source=source.name,
                scope=fetched.scope,
                document=fetched.name if fetched.is_full else (last.document if last else fetched.name),
                reader_version=source.reader_version,
                entries=entries,
                records=len(entries),
                now=now,
                cursor_at=fetched.cursor_at,
            )
        else:
            good = sorted(name for name in read if name not in outcome.bad)
            store.release_locators(conn, source.name, fetched.scope, good)
        if fetched.is_full:
            store.settle_begun(conn, source.name, fetched.scope)
        store.set_document_outcome(conn, fetched.id, "staged")
