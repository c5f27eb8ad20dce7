"""Merging: claims that are marked dirty become curated vulnerabilities.

merge        finds everything a dirty claim can touch, cuts it into parts that do not touch each other
merge_part   one part in one transaction: read, group, merge, compare, write
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Protocol

import structlog

from assay.catalog import store
from assay.catalog.model import MERGE_LOCK, Decisions, Readers, decode_claim
from assay.catalog.rules.grouping import Naming, alias_groups, components
from assay.catalog.rules.marking import merging_mark
from assay.catalog.rules.merged import Held, Merged
from assay.catalog.rules.merging import merge as merge_claims
from assay.catalog.rules.policy import Policy
from assay.catalog.rules.replacing import plan_replacements
from assay.catalog.tasks.writing import write
from assay.errors import BadRecord
from assay.kit.clock import Clock
from assay.kit.compression import decompress
from assay.kit.db import Connection, Database
from assay.kit.pool import Pool
from assay.kit.spool import Spool

# Claims per part: enough to make a transaction worth its round trips, few enough to stay small in memory.
_PART = 1_000
# Below this many claims starting other processes costs more than they save.
FEW = 3_000
_LOOKUP = 20_000

_log = structlog.get_logger(__name__)


class Needs(Protocol):
    """What merging is given."""

    @property
    def db(self) -> Database: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def pool(self) -> Pool: ...
    @property
    def readers(self) -> Readers: ...
    @property
    def policy(self) -> Policy: ...
    @property
    def spool(self) -> Spool: ...


@dataclass(frozen=True, slots=True)
class Part:
    """Claims that can be merged without looking at any other claim, and the marks that this settles.

    `names` are all names that the claims give, `former` those that they gave before. With `rewrites` the rows of
    what did not change are written as well. `is_first` says that the catalog held no name at all when the merge
    began, so there is nothing to replace.
    """

    claims: list[int]
    dirty: list[int]
    names: set[str]
    former: list[str]
    rewrites: bool = False
    is_first: bool = False


@dataclass(slots=True)
class MergeCounts:
    """What a merge came to, in curated vulnerabilities; `unreadable` and `postponed` count claims."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    unreadable: int = 0
    postponed: int = 0

    def add(self, other: "MergeCounts") -> None:
        """Count another part's outcome in."""
        self.added += other.added
        self.changed += other.changed
        self.removed += other.removed
        self.unchanged += other.unchanged
        self.unreadable += other.unreadable
        self.postponed += other.postponed


@dataclass(slots=True)
class Gathered:
    """Every claim that the dirty ones can touch, by its names."""

    namings: list[tuple[int, list[str]]] = field(default_factory=list)
    dirty_of: dict[int, list[int]] = field(default_factory=dict)
    former_of: dict[int, list[str]] = field(default_factory=dict)
    is_first: bool = False


def merge(ctx: Needs, progress: Callable[[int, int], None], *, rewrites: bool = False) -> MergeCounts:
    """Bring the curated vulnerabilities up to date with the claims, and say what changed.

    Safe to interrupt: a part that was committed is done, the others stay marked. Another merge in the same
    database is waited for.
    """
    counts = MergeCounts()
    with ctx.db.connection(autocommit=True) as conn:
        conn.execute("SELECT pg_advisory_lock(%s::bigint)", (MERGE_LOCK,))
        while True:
            outcome = _merge_dirty(ctx, conn, progress, rewrites=rewrites)
            counts.add(outcome)
            if not outcome.postponed:
                break
        if counts.added + counts.changed >= FEW:
            # PostgreSQL would do it by itself, a minute or more after the first scan has waited for it.
            store.vacuum_what_is_read(conn)
    return counts


def _merge_dirty(
    ctx: Needs, conn: Connection, progress: Callable[[int, int], None], *, rewrites: bool
) -> MergeCounts:
    """Merge what is marked dirty now."""
    decisions = store.load_decisions(conn)
    spooled = ctx.spool.names()
    gathered = _gather(conn, decisions)
    if gathered.namings and not store.note_merging(conn, merging_mark(ctx.policy), is_all=gathered.is_first):
        _log.warning("catalog.merged_by_several", advice="run `assay catalog rebuild`")
    parts = [replace(part, rewrites=rewrites) for part in cut(gathered, decisions)]
    counts = MergeCounts()
    total = len(gathered.namings)
    done = 0
    progress(done, total)
    for size, outcome in ctx.pool.map(ctx, merge_part, parts, few=total < FEW):
        counts.add(outcome)
        done += size
        progress(done, total)
    if not counts.postponed:
        ctx.spool.drop(spooled)
    return counts


def _gather(conn: Connection, decisions: Decisions) -> Gathered:
    """The dirty claims and all others that share a name with them, directly or through others."""
    gathered = Gathered(is_first=not store.has_names(conn))
    names: set[str] = set()
    held: set[int] = set()
    for dirty in store.load_dirty(conn):
        gathered.dirty_of.setdefault(dirty.claim_id, []).append(dirty.id)
        if dirty.former:
            gathered.former_of.setdefault(dirty.claim_id, []).extend(dirty.former)
        if not gathered.is_first:
            names.update(dirty.names, dirty.former)
        if dirty.claim_id not in held:
            held.add(dirty.claim_id)
            gathered.namings.append((dirty.claim_id, dirty.names))
    todo = names
    while todo:
        fresh: set[str] = set()
        for claim_id, their_names in _claims_that_name(conn, _with_pinned(todo, decisions)):
            if claim_id not in held:
                held.add(claim_id)
                gathered.namings.append((claim_id, their_names))
                fresh.update(their_names)
        todo = fresh - names
        names |= fresh
    return gathered


def _with_pinned(names: set[str], decisions: Decisions) -> Iterator[str]:
    yield from names
    for left, right in decisions.pins | decisions.bans:
        if left in names:
            yield right
        elif right in names:
            yield left


def _claims_that_name(conn: Connection, names: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    todo = iter(names)
    while batch := list(islice(todo, _LOOKUP)):
        yield from store.claims_that_name(conn, batch)


def cut(gathered: Gathered, decisions: Decisions) -> Iterator[Part]:
    """Whole components, those that people pinned together as one, packed into parts of about the same size."""
    # A claim's former names belong to its component as well: whoever holds them now may have to let go.
    former_of = gathered.former_of
    wide = [
        (claim, [*names, *former_of[claim]] if claim in former_of else names)
        for claim, names in gathered.namings
    ]
    part = Part([], [], set(), [], is_first=gathered.is_first)
    for positions in components(wide, decisions.pins):
        for position in positions:
            claim = wide[position][0]
            part.claims.append(claim)
            part.names.update(gathered.namings[position][1])
            part.dirty.extend(gathered.dirty_of.get(claim, ()))
            part.former.extend(gathered.former_of.get(claim, ()))
        if len(part.claims) >= _PART:
            yield part
            part = Part([], [], set(), [], is_first=gathered.is_first)
    if part.claims:
        yield part


def merge_part(ctx: Needs, part: Part) -> tuple[int, MergeCounts]:
    """Merge one part and commit it; returns how many claims it had and what came of them."""
    with ctx.db.transaction() as conn:
        # As in staging: a part that is lost with the machine is still marked dirty.
        conn.execute("SET LOCAL synchronous_commit = off")
        outcome = _merge_part(conn, ctx, part)
    return len(part.claims), outcome


def _merge_part(conn: Connection, ctx: Needs, part: Part) -> MergeCounts:
    counts = MergeCounts()
    held = {
        claim_id: Held(claim_id, decode_claim(reading))
        for claim_id, reading in ctx.spool.get(store.find_readings(conn, part.dirty)).items()
    }
    unread = [claim_id for claim_id in part.claims if claim_id not in held]
    if unread:
        stored = store.load_claims(conn, unread)
        if any(not part.names.issuperset(row.names) for row in stored):
            # Somebody submitted a claim anew after it was gathered, and it now speaks of what another part holds.
            # Its new mark stays, and so do the others of this part: together they are gathered again.
            counts.postponed = len(part.claims)
            return counts
        others, counts.unreadable = read_claims(stored, ctx.readers)
        held |= others
    decisions = store.load_decisions(conn)
    merged = merge_groups(held, decisions, ctx.policy)
    touched = [] if part.is_first else store.load_touched(conn, names_of(held, part.former))
    plan = plan_replacements(merged, touched, decisions.bans)
    if part.rewrites:
        plan = replace(plan, replacements=[entry._replace(is_unchanged=False) for entry in plan.replacements])
    now = ctx.clock()
    if plan.removed:
        store.remove_vulnerabilities(conn, plan.removed, now)
    asserted: dict[str, list[int]] = {}
    for claim_id in sorted(held):
        for name in held[claim_id].claim.identifiers:
            asserted.setdefault(name, []).append(claim_id)
    counts.changed = write(conn, plan, touched, asserted, now, is_first=part.is_first)
    store.delete_dirty(conn, part.dirty)
    counts.removed = len(plan.removed)
    counts.added = sum(entry.key is None for entry in plan.replacements)
    counts.unchanged = len(plan.replacements) - counts.changed - counts.added
    if part.rewrites or not all(entry.is_unchanged for entry in plan.replacements) or plan.removed:
        store.count_edition(conn)
    return counts


def names_of(held: dict[int, Held], former: Sequence[str]) -> list[str]:
    """Every name that these claims give or gave."""
    return sorted({name for entry in held.values() for name in entry.claim.identifiers}.union(former))


def read_claims(stored: Iterable[store.Stored], readers: Readers) -> tuple[dict[int, Held], int]:
    """Claims from their raw records, by id, and how many could not be read.

    What a newer reader refuses stays a claim, and its vulnerability goes on without it.
    """
    held: dict[int, Held] = {}
    unreadable = 0
    for row in stored:
        try:
            claim = readers[row.source](row.record_id, decompress(row.raw))
        except (BadRecord, KeyError) as error:
            unreadable += 1
            _log.warning(
                "catalog.claim_unreadable", source=row.source, record_id=row.record_id, reason=str(error)
            )
        else:
            held[row.id] = Held(row.id, claim, row.tombstoned_at)
    return held, unreadable


def merge_groups(held: dict[int, Held], decisions: Decisions, policy: Policy) -> list[Merged]:
    """The curated vulnerabilities of some whole components, in no particular order."""
    namings = [Naming(entry.id, entry.claim.own, entry.claim.identifiers) for entry in held.values()]
    return [
        merge_claims(group.identifiers, [held[claim] for claim in group.claims], policy)
        for group in alias_groups(namings, decisions)
    ]
