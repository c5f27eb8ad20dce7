"""Merging: claims that are marked dirty become curated vulnerabilities.

    merge        finds everything a dirty claim can touch, cuts it into parts that do not touch each other
    merge_part   one part in one transaction: read, group, merge, compare, write
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import Protocol

import structlog

from assay.catalog import store
from assay.catalog.model import Readers, decode_claim
from assay.catalog.rules.grouping import Decisions, Naming, alias_groups, components
from assay.catalog.rules.merging import Held, Merged, merge as merge_claims
from assay.catalog.rules.policy import Policy
from assay.catalog.rules.replacing import Plan, Replacement, plan_replacements
from assay.errors import BadRecord
from assay.kit.clock import Clock
from assay.kit.compression import compress, decompress
from assay.kit.db import Connection, Database, reserve
from assay.kit.pool import Pool

# Claims per part: enough to make a transaction worth its round trips, few enough to stay small in memory.
_PART = 400
# Below this many claims starting other processes costs more than they save.
_FEW = 1_500
_LOOKUP = 20_000
# In characters of up to four bytes: PostgreSQL indexes rows of up to 2,704 bytes and texts of up to 1 MiB of words.
_LONGEST_NAME = 300
_MOST_WORDS = 100_000
# One merge at a time in a database; the number is arbitrary and must not change.
_LOCK = 7_231_901_145

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


@dataclass(frozen=True, slots=True)
class Part:
    """Claims that can be merged without looking at any other claim, and the marks that this settles.

    `names` are all names that the claims give, `former` those that they gave before. With `rewrites` the rows of
    what did not change are written as well.
    """

    claims: list[int]
    dirty: list[int]
    names: set[str]
    former: list[str]
    rewrites: bool = False


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
class _Gathered:
    """Every claim that the dirty ones can touch, by its names."""

    namings: list[tuple[int, list[str]]] = field(default_factory=list)
    dirty_of: dict[int, list[int]] = field(default_factory=dict)
    former_of: dict[int, list[str]] = field(default_factory=dict)


def merge(ctx: Needs, progress: Callable[[int, int], None], *, rewrites: bool = False) -> MergeCounts:
    """Bring the curated vulnerabilities up to date with the claims, and say what changed.

    Safe to interrupt: a part that was committed is done, the others stay marked. Another merge in the same
    database is waited for.
    """
    counts = MergeCounts()
    with ctx.db.connection(autocommit=True) as conn:
        conn.execute("SELECT pg_advisory_lock(%s::bigint)", (_LOCK,))
        while True:
            outcome = _merge_dirty(ctx, conn, progress, rewrites=rewrites)
            counts.add(outcome)
            if not outcome.postponed:
                return counts


def _merge_dirty(
    ctx: Needs, conn: Connection, progress: Callable[[int, int], None], *, rewrites: bool
) -> MergeCounts:
    """Merge what is marked dirty now."""
    decisions = store.load_decisions(conn)
    gathered = _gather(conn, decisions)
    parts = [replace(part, rewrites=rewrites) for part in _cut(gathered, decisions)]
    counts = MergeCounts()
    total = len(gathered.namings)
    done = 0
    progress(done, total)
    for size, outcome in ctx.pool.map(ctx, merge_part, parts, inline=total < _FEW):
        counts.add(outcome)
        done += size
        progress(done, total)
    return counts


def _gather(conn: Connection, decisions: Decisions) -> _Gathered:
    """The dirty claims and all others that share a name with them, directly or through others."""
    gathered = _Gathered()
    names: set[str] = set()
    held: set[int] = set()
    for dirty in store.load_dirty(conn):
        gathered.dirty_of.setdefault(dirty.claim_id, []).append(dirty.id)
        if dirty.former:
            gathered.former_of.setdefault(dirty.claim_id, []).extend(dirty.former)
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


def _cut(gathered: _Gathered, decisions: Decisions) -> Iterator[Part]:
    """Whole components, those that people pinned together as one, packed into parts of about the same size."""
    # A claim's former names belong to its component as well: whoever holds them now may have to let go.
    wide = [(claim, [*names, *gathered.former_of.get(claim, ())]) for claim, names in gathered.namings]
    part = Part([], [], set(), [])
    for positions in components(wide, decisions.pins):
        for position in positions:
            claim = wide[position][0]
            part.claims.append(claim)
            part.names.update(gathered.namings[position][1])
            part.dirty.extend(gathered.dirty_of.get(claim, ()))
            part.former.extend(gathered.former_of.get(claim, ()))
        if len(part.claims) >= _PART:
            yield part
            part = Part([], [], set(), [])
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
        claim_id: Held(claim_id, decode_claim(decompress(reading)))
        for claim_id, reading in store.load_readings(conn, part.dirty).items()
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
    names = {name for entry in held.values() for name in entry.claim.identifiers}.union(part.former)
    touched = store.load_touched(conn, sorted(names))
    plan = plan_replacements(merged, touched, decisions.bans)
    if part.rewrites:
        plan = replace(plan, replacements=[replace(entry, is_unchanged=False) for entry in plan.replacements])
    now = ctx.clock()
    if plan.removed:
        store.remove_vulnerabilities(conn, plan.removed, now)
    asserted: dict[str, list[int]] = {}
    for claim_id in sorted(held):
        for name in held[claim_id].claim.identifiers:
            asserted.setdefault(name, []).append(claim_id)
    counts.changed = _write(conn, plan, touched, asserted, now)
    store.delete_dirty(conn, part.dirty)
    counts.removed = len(plan.removed)
    counts.added = sum(entry.key is None for entry in plan.replacements)
    counts.unchanged = len(plan.replacements) - counts.changed - counts.added
    return counts


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
            _log.warning("catalog.claim_unreadable", source=row.source, record_id=row.record_id, reason=str(error))
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


def _renamed(plan: Plan, touched: Iterable[store.Touched], asserted: dict[str, list[int]]) -> dict[str, int]:
    """Names of unchanged vulnerabilities that other claims give now than before, with the keys they find.

    An alias may move from one claim to another without a trace in the document. Who gives it decides what is
    gathered with whom next time.
    """
    before = {name: said for entry in touched for name, said in zip(entry.names, entry.asserted_by, strict=True)}
    return {
        name: entry.key
        for entry in plan.replacements
        if entry.is_unchanged and entry.key is not None
        for name in entry.merged.identifiers
        if before.get(name) != " ".join(map(str, asserted[name]))
    }


def _write(
    conn: Connection, plan: Plan, touched: Sequence[store.Touched], asserted: dict[str, list[int]], now: datetime
) -> int:
    """Write curated vulnerabilities: new ones under new keys, changed ones under the key they had.

    Returns how many of the latter say something else than before.
    """
    fresh = iter(reserve(conn, "catalog.vulnerabilities_id_seq", sum(e.key is None for e in plan.replacements)))
    keys = [entry.key if entry.key is not None else next(fresh) for entry in plan.replacements]
    write = [(key, entry) for key, entry in zip(keys, plan.replacements, strict=True) if not entry.is_unchanged]
    replaced = [entry.key for _, entry in write if entry.key is not None]
    before = store.load_documents(conn, replaced) if replaced else {}
    changed = {key for key, entry in write if entry.key is not None and not _says(entry.merged, before.get(key))}
    renamed = _renamed(plan, touched, asserted)
    # A name may still lead to a vulnerability that no claim of this part speaks of any more.
    names = [*renamed, *(name for _, entry in write for name in entry.merged.identifiers)]
    store.clear_vulnerabilities(conn, replaced, [*names, *(name for name, _ in plan.former)])
    scores = store.load_scores(conn, [entry.merged.name for _, entry in write])
    since = {entry.id: entry.changed_at for entry in touched if entry.id not in changed}
    rows = [_row(key, entry, scores.get(entry.merged.name), since.get(key, now)) for key, entry in write]
    store.add_vulnerabilities(conn, rows)
    store.add_finished(conn, ((key, compress(e.merged.document), e.merged.provenance) for key, e in write))
    given = [(name, key, asserted[name]) for key, entry in write for name in entry.merged.identifiers]
    given.extend((name, key, asserted[name]) for name, key in renamed.items())
    store.add_identifiers(conn, [*given, *((name, keys[position], []) for name, position in plan.former)])
    store.add_affected(conn, ((*package, key) for key, entry in write for package in _matchable(entry.merged)))
    store.add_changes(conn, [_change(key, e, before.get(key), now) for key, e in write if e.key is None or key in changed])
    return len(changed)


def _says(merged: Merged, before: tuple[bytes, bytes] | None) -> bool:
    """Whether a vulnerability said just this before."""
    return before is not None and (decompress(before[0]), before[1]) == (merged.document, merged.provenance)


def _change(
    key: int, entry: Replacement, before: tuple[bytes, bytes] | None, now: datetime
) -> tuple[int, datetime, str, list[str] | None, bytes | None]:
    if entry.key is None:
        return key, now, "added", None, None
    if before is None:
        return key, now, "changed", None, None
    return key, now, "changed", entry.changed_fields(decompress(before[0])), before[0]


def _row(
    key: int, entry: Replacement, scored: tuple[float, float | None] | None, changed_at: datetime
) -> store.VulnerabilityRow:
    merged = entry.merged
    epss, percentile = scored if scored is not None else (None, None)
    return (
        key,
        _clean(merged.name),
        merged.state.value,
        _clean(merged.summary),
        merged.severity.value if merged.severity is not None else None,
        merged.cvss.version if merged.cvss is not None else None,
        merged.cvss.value if merged.cvss is not None else None,
        _clean(merged.cvss_vector),
        merged.published,
        merged.modified,
        merged.withdrawn,
        epss,
        percentile,
        merged.exploited is not None,
        merged.exploited.added_on if merged.exploited is not None else None,
        list(merged.sources),
        list(merged.claims),
        merged.confidence,
        merged.needs_review,
        entry.remediated_at,
        changed_at,
        entry.digest,
        _words(merged),
    )


def _clean(text: str | None) -> str | None:
    """PostgreSQL's text cannot hold NUL; the finished document keeps it."""
    return text.replace("\x00", "") if text is not None and "\x00" in text else text


def _matchable(merged: Merged) -> Iterable[tuple[str, str]]:
    """The packages to look up by. No registry has names that are too long for an index row (2,704 bytes)."""
    if not any("\x00" in name or len(name) > _LONGEST_NAME for package in merged.packages for name in package):
        return merged.packages
    plain = dict.fromkeys((_clean(ecosystem) or "", _clean(name) or "") for ecosystem, name in merged.packages)
    return [package for package in plain if max(map(len, package)) <= _LONGEST_NAME]


def _words(merged: Merged) -> str:
    """What a text search looks at. A few hundred package names say as much as all 23,000 would."""
    packages = " ".join(dict.fromkeys(name for _, name in merged.packages[:200]))
    return (_clean(f"{merged.headline} {packages}") or "")[:_MOST_WORDS]


def try_policy(ctx: Needs, policy: Policy) -> Iterator[tuple[int, int, list[tuple[str, list[str]]], int]]:
    """Merge everything under another policy and write nothing.

    Yields, part by part: claims done, claims in all, the vulnerabilities that would differ with the fields that
    would, and how many were looked at.
    """
    with ctx.db.connection(autocommit=True) as conn:
        gathered = _Gathered(namings=list(store.all_namings(conn)))
        decisions = store.load_decisions(conn)
    parts = [(part, policy) for part in _cut(gathered, decisions)]
    total = len(gathered.namings)
    done = 0
    for size, differences, seen in ctx.pool.map(ctx, try_part, parts, inline=total < _FEW):
        done += size
        yield done, total, differences, seen


def try_part(ctx: Needs, item: tuple[Part, Policy]) -> tuple[int, list[tuple[str, list[str]]], int]:
    """The vulnerabilities of one part that another policy would change, with the fields it would change."""
    part, policy = item
    with ctx.db.transaction() as conn:
        held, _ = read_claims(store.load_claims(conn, part.claims), ctx.readers)
        merged = merge_groups(held, store.load_decisions(conn), policy)
        names = {name for entry in held.values() for name in entry.claim.identifiers}
        touched = store.load_touched(conn, sorted(names))
        plan = plan_replacements(merged, touched)
        differing = [entry for entry in plan.replacements if not entry.is_unchanged and entry.key is not None]
        before = store.load_documents(conn, [entry.key for entry in differing if entry.key is not None])
    differences = []
    for entry in differing:
        fields = entry.changed_fields(decompress(before[entry.key][0])) if entry.key in before else []
        differences.append((entry.merged.name, fields or ["provenance"]))
    return len(part.claims), differences, len(merged)
