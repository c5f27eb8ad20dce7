"""What may be asked of the catalog now: take claims, merge, rebuild, decide about names, try a policy."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from assay.catalog import store, tasks
from assay.catalog.model import Claim, Scored
from assay.catalog.queries import Vulnerability, catalog_digest, get, merged_by
from assay.catalog.rules.explaining import FieldWord, Word, explain_fields
from assay.catalog.rules.grouping import pair
from assay.catalog.rules.marking import merging_mark
from assay.catalog.rules.merged import Provenance
from assay.catalog.rules.policy import Policy, read_policy
from assay.catalog.tasks import MergeCounts, Needs
from assay.domain.identifiers import normalise
from assay.errors import Conflict, NotFound
from assay.jobs.running import Running
from assay.jobs.task import task
from assay.kit.compression import compress
from assay.kit.db import Connection, reserve, writable
from assay.kit.spool import Spool

# A percentile that moved less than this since it was last kept is not kept again: percentiles of all CVEs
# shift a little every day while the scores stand still.
PERCENTILE_DRIFT = 0.005

Progress = Callable[[int, int], None]

__all__ = [
    "FieldWord",
    "Incoming",
    "MergeCounts",
    "PolicyDiff",
    "Rebuilt",
    "ScoresTaken",
    "Submitted",
    "Word",
    "decide",
    "explain",
    "has_scores",
    "is_merged_under",
    "merge",
    "merge_later",
    "policy_diff",
    "purge",
    "rebuild",
    "remediate",
    "submit",
    "take_scores",
    "tombstone",
    "undecide",
    "unremediate",
]


class Incoming(NamedTuple):
    """A record as its pipeline hands it over: the claim it was read as, that as JSON, its bytes, their fingerprint."""

    claim: Claim
    reading: bytes
    raw: bytes
    content_hash: bytes


@dataclass(frozen=True, slots=True)
class Submitted:
    """What came of some records: claims that are new, that changed (restored ones included), that did neither."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0


def submit(
    conn: Connection,
    source: str,
    document: str,
    records: Sequence[Incoming],
    now: datetime,
    *,
    spool: Spool | None = None,
) -> Submitted:
    """Take records of one source as claims, in the caller's transaction, and mark what changed for merging.

    The same record with the same content changes nothing. Record ids must be distinct. With a spool the merge finds
    the new claims as they were read, and need not read them again.
    """
    known = store.known_claims(conn, source, [record.claim.record_id for record in records])
    fresh = [record for record in records if record.claim.record_id not in known]
    changed, back = [], []
    for record in records:
        held = known.get(record.claim.record_id)
        if held is None:
            continue
        if held.content_hash != record.content_hash:
            changed.append((held.id, record))
        elif held.is_tombstoned:
            back.append(held.id)
    keys = reserve(conn, "catalog.claims_id_seq", len(fresh)) if fresh else []

    def rows(keyed: Iterable[tuple[int, Incoming]]) -> list[store.ClaimRow]:
        return [
            (
                key,
                source,
                record.claim.record_id,
                list(record.claim.identifiers),
                compress(record.raw),
                record.content_hash,
                document,
                record.claim.confidence,
                now,
            )
            for key, record in keyed
        ]

    if fresh:
        places = spool.put([record.reading for record in fresh]) if spool is not None else None
        store.add_claims(conn, rows(zip(keys, fresh, strict=True)), places)
    if changed:
        store.replace_claims(conn, rows(changed))
    if back:
        store.restore_claims(conn, back, document, now)
    moved = len(changed) + len(back)
    return Submitted(len(fresh), moved, len(records) - len(fresh) - moved)


def tombstone(conn: Connection, source: str, record_ids: Sequence[str], reason: str, now: datetime) -> int:
    """Mark a source's records as gone; the claims stay and come back with their record. Returns how many."""
    return store.tombstone_claims(conn, source, record_ids, reason, now) if record_ids else 0


def purge(conn: Connection, now: datetime, retention: timedelta) -> int:
    """Delete claims that have been tombstones for longer than the retention; returns how many."""
    return store.purge_claims(conn, now - retention)


def merge(ctx: Needs, progress: Progress) -> MergeCounts:
    """Bring the curated vulnerabilities up to date with the claims."""
    return tasks.merge(ctx, progress)


@task("catalog.merge", unique=True)
def merge_later(ctx: Needs, job: Running) -> None:
    """Merge in a worker, after somebody decided about names."""
    tasks.merge(ctx, lambda done, total: job.progress(done, total, "merge"))


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild came to; equal digests say that the catalog was what its claims make it."""

    counts: MergeCounts
    orphans: int
    digest_before: str
    digest_after: str


def rebuild(ctx: Needs, progress: Progress) -> Rebuilt:
    """Derive every curated vulnerability from the claims again, without the network.

    Keys, change log and people's decisions stay. Every row is written anew, so that no damage outlasts it;
    what says the same as before counts as unchanged.
    """
    with ctx.db.transaction() as conn:
        before = catalog_digest(conn)
        lost = store.orphans(conn)
        if lost:
            store.remove_vulnerabilities(conn, lost, ctx.clock())
        store.delete_stranded(conn)
        store.mark_all_dirty(conn)
        store.note_merging(conn, merging_mark(ctx.policy), is_all=True)
    counts = tasks.merge(ctx, progress, rewrites=True)
    with ctx.db.transaction() as conn:
        unreached = store.nameless(conn)
        if unreached:
            store.remove_vulnerabilities(conn, unreached, ctx.clock())
            lost += unreached
        store.tally_anew(conn)
        store.count_edition(conn)
        return Rebuilt(counts, len(lost), before, catalog_digest(conn))


def is_merged_under(conn: Connection, policy: Policy) -> bool:
    """Whether everything that the catalog shows was merged as this release merges under this policy."""
    return merged_by(conn) in (None, merging_mark(policy))


@dataclass(frozen=True, slots=True)
class ScoresTaken:
    """What came of a day of scores: how many, rows kept as history, curated rows that show another score.

    `had` is how many scores were in force before, and `dropped` how many of those the day no longer lists.
    """

    scores: int
    kept: int
    shown: int
    is_newest: bool
    had: int
    dropped: int


def has_scores(conn: Connection, day: date, document: str) -> bool:
    """Whether this very document's scores were taken for the day."""
    return store.find_score_day(conn, day) == document


def take_scores(
    conn: Connection, day: date, model: str | None, document: str, scores: Iterable[Scored]
) -> ScoresTaken:
    """Take one day of EPSS scores: into the history, and in force when no newer day is known.

    Days may come in any order and again; the history then tells the same.
    """
    counted = _Counted(scores)
    store.stage_scores(conn, counted)
    later = store.next_score_day(conn, day)
    if later is not None:
        store.carry_scores(conn, day, later, PERCENTILE_DRIFT)
    if store.find_score_day(conn, day) is not None:
        store.delete_history_day(conn, day)
    newest = store.newest_score_day(conn)
    kept = store.add_score_history(conn, day, PERCENTILE_DRIFT)
    if later is not None:
        store.drop_repeated_scores(conn, later, PERCENTILE_DRIFT)
    is_newest = newest is None or day >= newest
    had, dropped = store.count_lost_scores(conn) if is_newest else (0, 0)
    shown = store.apply_scores(conn, day) if is_newest else 0
    store.add_score_day(conn, day, model, document, counted.count)
    store.count_edition(conn)
    return ScoresTaken(counted.count, kept, shown, is_newest, had, dropped)


class _Counted:
    """Scores on their way through, counted."""

    def __init__(self, scores: Iterable[Scored]) -> None:
        self._scores = scores
        self.count = 0

    def __iter__(self) -> Any:
        for entry in self._scores:
            self.count += 1
            yield entry


def decide(
    conn: Connection, kind: str, names: tuple[str, str], *, reason: str, by: str, now: datetime
) -> None:
    """Pin two names together (`pin`) or keep them apart (`ban`), until somebody takes it back.

    The claims that give the names are marked for merging. Raises Conflict for a name twice, NotFound for a pin
    on a name that nobody gives.
    """
    left, right = _pair(names)
    reason = writable(reason)
    store.mark_names_dirty(conn, [left, right])
    for name in (left, right) if kind == "pin" else ():
        get(conn, name)
    store.save_decision(conn, kind, (left, right), reason, by, now)


def undecide(conn: Connection, names: tuple[str, str]) -> None:
    """Take a pin or ban back. Raises NotFound when there is none."""
    found = _pair(names)
    store.mark_names_dirty(conn, found)
    if not store.delete_decision(conn, found):
        raise NotFound(f"nobody decided anything about {found[0]} and {found[1]}")


def remediate(conn: Connection, identifier: str, *, note: str, by: str, now: datetime) -> Vulnerability:
    """Mark a vulnerability as remediated, until somebody takes it back; returns it as it was. Raises NotFound.

    It is said of the vulnerability's name, so it outlives merges, rebuilds and a new name.
    """
    found = get(conn, identifier)
    store.delete_remediation(conn, found.id)
    store.save_remediation(conn, found.id, found.name, writable(note), writable(by), now)
    store.count_edition(conn)
    return found


def unremediate(conn: Connection, identifier: str) -> Vulnerability:
    """Take back that a vulnerability is remediated; returns it as it was. Raises NotFound, also when nobody said so."""
    found = get(conn, identifier)
    if not store.delete_remediation(conn, found.id):
        raise NotFound(f"nobody marked {found.name} as remediated")
    store.count_edition(conn)
    return found


def _pair(names: tuple[str, str]) -> tuple[str, str]:
    left, right = (normalise(writable(name)) for name in names)
    if left is None or right is None or left == right:
        raise Conflict("a decision is about two different names")
    return pair(left, right)


def explain(ctx: Needs, conn: Connection, identifier: str) -> list[FieldWord]:
    """For each field of a vulnerability, who set it to what, and who said otherwise."""
    found = get(conn, identifier)
    held, _ = tasks.read_claims(store.load_claims(conn, found.claim_ids), ctx.readers)
    by_label = {f"{entry.claim.source}:{entry.claim.record_id}": entry.claim for entry in held.values()}
    provenance = msgspec.json.decode(found.provenance, type=Provenance)
    return explain_fields(provenance, by_label)


@dataclass(frozen=True, slots=True)
class PolicyDiff:
    """What another policy would change: vulnerabilities by changed field, and some of them by name."""

    vulnerabilities: int
    differing: int
    fields: dict[str, int]
    examples: list[tuple[str, list[str]]]


def policy_diff(ctx: Needs, text: str, name: str, progress: Progress, *, examples: int = 20) -> PolicyDiff:
    """Merge everything under another policy and compare, without changing anything."""
    return _compare(ctx, read_policy(text, name), progress, examples)


def _compare(ctx: Needs, policy: Policy, progress: Progress, examples: int) -> PolicyDiff:
    fields: dict[str, int] = {}
    found: list[tuple[str, list[str]]] = []
    total = differing = 0
    for done, of, differences, seen in tasks.try_policy(ctx, policy):
        total += seen
        differing += len(differences)
        found.extend(differences)
        for _, changed in differences:
            for entry in changed:
                fields[entry] = fields.get(entry, 0) + 1
        progress(done, of)
    found.sort()
    ordered = dict(sorted(fields.items(), key=lambda entry: (-entry[1], entry[0])))
    return PolicyDiff(total, differing, ordered, list(islice(found, examples)))
