"""Trying another merge policy on everything, without writing."""

from collections.abc import Iterator

from assay.catalog import store
from assay.catalog.rules.policy import Policy
from assay.catalog.rules.replacing import plan_replacements
from assay.catalog.tasks.merging import (
    FEW,
    Gathered,
    Needs,
    Part,
    cut,
    merge_groups,
    names_of,
    read_claims,
)
from assay.kit.compression import decompress


def try_policy(ctx: Needs, policy: Policy) -> Iterator[tuple[int, int, list[tuple[str, list[str]]], int]]:
    """Merge everything under another policy and write nothing.

    Yields, part by part: claims done, claims in all, the vulnerabilities that would differ with the fields that
    would, and how many were looked at.
    """
    with ctx.db.connection(autocommit=True) as conn:
        gathered = Gathered(namings=list(store.all_namings(conn)))
        decisions = store.load_decisions(conn)
    parts = [(part, policy) for part in cut(gathered, decisions)]
    total = len(gathered.namings)
    done = 0
    for size, differences, seen in ctx.pool.map(ctx, try_part, parts, few=total < FEW):
        done += size
        yield done, total, differences, seen


def try_part(ctx: Needs, item: tuple[Part, Policy]) -> tuple[int, list[tuple[str, list[str]]], int]:
    """The vulnerabilities of one part that another policy would change, with the fields it would change."""
    part, policy = item
    with ctx.db.transaction() as conn:
        held, _ = read_claims(store.load_claims(conn, part.claims), ctx.readers)
        decisions = store.load_decisions(conn)
        merged = merge_groups(held, decisions, policy)
        touched = store.load_touched(conn, names_of(held, ()))
        plan = plan_replacements(merged, touched, decisions.bans)
        differing = [entry for entry in plan.replacements if not entry.is_unchanged and entry.key is not None]
        before = store.load_documents(conn, [entry.key for entry in differing if entry.key is not None])
    differences = []
    for entry in differing:
        document = before.get(entry.key) if entry.key is not None else None
        fields = entry.changed_fields(decompress(document[0])) if document is not None else []
        differences.append((entry.merged.name, fields or ["provenance"]))
    return len(part.claims), differences, len(merged)
