"""Merging in the database: whatever the order and the interruptions, the same claims come to the same catalog."""

from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.bootstrap import Context, build
from assay.catalog import commands, queries, tasks
from assay.catalog.model import Claim
from assay.domain.identifiers import is_cve
from assay.errors import NotFound
from assay.settings import Settings
from conftest import Server
from factories import (
    NOW,
    a_time,
    an_affected,
    quiet,
    reading_claims,
    submit,
)


class Arena:
    """A Context whose printed form is short: Hypothesis prints what a test was given."""

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx


def picture(ctx: Context) -> tuple[str, dict[str, tuple[str, int]]]:
    """What the catalog says: its digest, and for each name that a claim gives what it finds and how many give it."""
    with ctx.db.transaction() as conn:
        rows = conn.execute(
            "SELECT i.identifier, v.name, cardinality(i.asserted_by) FROM catalog.identifiers AS i "
            "JOIN catalog.vulnerabilities AS v ON v.id = i.vulnerability_id WHERE i.asserted_by <> '{}'"
        ).fetchall()
        return queries.catalog_digest(conn), {row[0]: (row[1], row[2]) for row in rows}


def faults(ctx: Context) -> dict[str, int]:
    with ctx.db.transaction() as conn:
        return {name: count for name, count in queries.find_faults(conn).items() if count}


def clear(ctx: Context) -> None:
    with ctx.db.transaction() as conn:
        tables = conn.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'catalog'").fetchall()
        for (table,) in tables:
            conn.execute(f"DELETE FROM catalog.{table}")  # tables have no foreign keys; quicker than TRUNCATE


@pytest.fixture(scope="module")
def arena(server: Server, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    """A Context on one database for many examples, each of which begins by clearing it."""
    from conftest import _create, _drop

    name = f"{template}_arena"
    _create(server, name, template)
    home = tmp_path_factory.mktemp("home")
    with build(Settings(home=home, database_url=server.database_url(name), processes=1)) as ctx:
        yield Arena(reading_claims(ctx))
    _drop(server, name)


NAMES = ("CVE-2024-1000", "CVE-2024-2000", "GHSA-a", "GHSA-b", "PYSEC-1", "GO-1")
RECORDS = ("osv:r1", "osv:r2", "osv:r3", "gitlab:r1", "cve:r1", "record:r1")


@st.composite
def versions(draw: st.DrawFn, record: str) -> Claim:
    """One version of a record: what it says may be anything, which record it is stays."""
    source, _, record_id = record.partition(":")
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True))
    own = names[0] if draw(st.booleans()) else None
    return Claim(
        source=source,
        record_id=record_id,
        own=own,
        aliases=tuple(names[1:] if own else names),
        modified=draw(st.none() | st.sampled_from([a_time(1), a_time(2)])),
        summary=draw(st.sampled_from([None, "one", "two"])),
        affected=draw(
            st.sampled_from([(), (an_affected("a"),), (an_affected("a", fixed="2"), an_affected("b"))])
        ),
        withdrawn=draw(st.sampled_from([None, None, a_time(3)])),
    )


@st.composite
def histories(draw: st.DrawFn) -> tuple[dict[str, tuple[Claim, bool]], list[list[tuple[str, Claim | None]]]]:
    """The final version of some records and whether each is a tombstone, and steps that lead there, in batches."""
    records = draw(st.lists(st.sampled_from(RECORDS), min_size=1, unique=True))
    final = {}
    steps: list[tuple[str, Claim | None]] = []
    for record in records:
        last = draw(versions(record))
        is_gone = draw(st.booleans()) and draw(st.booleans())
        final[record] = (last, is_gone)
        earlier = draw(st.lists(st.none() | versions(record), max_size=2))
        steps.extend((record, step) for step in [*earlier, last, *([None] if is_gone else [])])
    # A shuffle that keeps the order of each record's own steps.
    order = draw(st.permutations([record for record, _ in steps]))
    own_steps = {record: iter([step for name, step in steps if name == record]) for record in records}
    shuffled = [(record, next(own_steps[record])) for record in order]
    cuts = sorted(draw(st.lists(st.integers(0, len(shuffled)), max_size=3)))
    edges = [0, *cuts, len(shuffled)]
    return final, [shuffled[start:end] for start, end in zip(edges, edges[1:], strict=False)]


def perform(ctx: Context, batch: list[tuple[str, Claim | None]]) -> None:
    with ctx.db.transaction() as conn:
        for record, claim in batch:
            if claim is None:
                source, _, record_id = record.partition(":")
                commands.tombstone(conn, source, [record_id], "gone", NOW)
            else:
                submit(conn, claim)


@settings(max_examples=40)
@given(history=histories(), part=st.sampled_from([1, 400]))
def test_every_history_that_ends_in_the_same_claims_ends_in_the_same_catalog(
    arena: Arena, history, part: int
):
    ctx = arena.ctx
    final, batches = history
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks.merging, "_PART", part)
        clear(ctx)
        for batch in batches:
            perform(ctx, batch)
            commands.merge(ctx, quiet)
            assert faults(ctx) == {}
        came = picture(ctx)
        clear(ctx)
        ordered = sorted(final)
        perform(ctx, [(record, final[record][0]) for record in ordered])
        perform(ctx, [(record, None) for record in ordered if final[record][1]])
        commands.merge(ctx, quiet)
    expected = picture(ctx)
    assert came[1] == expected[1]
    assert came[0] == expected[0]
    given_names = {name for claim, _ in final.values() for name in claim.identifiers}
    assert came[1].keys() == given_names
    found: dict[str, set[str]] = {}
    for name, (vulnerability, _) in came[1].items():
        found.setdefault(vulnerability, set()).add(name)
    assert all(sum(map(is_cve, names)) <= 1 for names in found.values())


@settings(max_examples=15)
@given(history=histories())
def test_a_rebuild_finds_nothing_to_do_after_any_history(arena: Arena, history):
    ctx = arena.ctx
    _, batches = history
    clear(ctx)
    for batch in batches:
        perform(ctx, batch)
        commands.merge(ctx, quiet)
    before = picture(ctx)
    rebuilt = commands.rebuild(ctx, quiet)
    assert rebuilt.digest_before == rebuilt.digest_after == before[0]
    assert (rebuilt.counts.added, rebuilt.counts.changed, rebuilt.counts.removed, rebuilt.orphans) == (
        0,
        0,
        0,
        0,
    )
    assert picture(ctx) == before


KINDS = ("pin", "ban")
Step = tuple[str, Claim | None] | tuple[str, tuple[str, str]]


@st.composite
def decided_histories(draw: st.DrawFn):
    """A history, and decisions taken and taken back between its batches; the last ones are in force at the end."""
    final, batches = draw(histories())
    pairs = st.lists(st.sampled_from(NAMES), min_size=2, max_size=2, unique=True).map(
        lambda two: tuple(sorted(two))
    )
    given_names = {name for claim, _ in final.values() for name in claim.identifiers}
    last = draw(st.dictionaries(pairs, st.sampled_from(KINDS), max_size=2))
    # A pin on a name that nobody gives is refused.
    last = {two: kind for two, kind in last.items() if kind == "ban" or set(two) <= given_names}
    earlier = [draw(st.dictionaries(pairs, st.sampled_from((*KINDS, "undo")), max_size=2)) for _ in batches]
    return final, batches, earlier, last


def decide(ctx: Context, decisions) -> None:
    for two, kind in decisions.items():
        with suppress(NotFound), ctx.db.transaction() as conn:
            if kind == "undo":
                commands.undecide(conn, two)
            else:
                commands.decide(conn, kind, two, reason="test", by="test", now=NOW)


def in_force(ctx: Context) -> dict[tuple[str, str], str]:
    with ctx.db.transaction() as conn:
        return {(one.left, one.right): one.kind for one in queries.list_decisions(conn)}


@settings(max_examples=40)
@given(history=decided_histories(), part=st.sampled_from([1, 400]))
def test_decisions_come_to_the_same_whenever_they_are_taken(arena: Arena, history, part: int):
    ctx = arena.ctx
    final, batches, earlier, last = history
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks.merging, "_PART", part)
        clear(ctx)
        for batch, decisions in zip(batches, earlier, strict=True):
            perform(ctx, batch)
            decide(ctx, decisions)
            commands.merge(ctx, quiet)
        held = in_force(ctx)
        decide(ctx, dict.fromkeys(held.keys() - last.keys(), "undo"))
        decide(ctx, {two: kind for two, kind in last.items() if held.get(two) != kind})
        commands.merge(ctx, quiet)
        assert in_force(ctx) == last
        came = picture(ctx)
        clear(ctx)
        perform(ctx, [(record, claim) for record, (claim, _) in sorted(final.items())])
        perform(ctx, [(record, None) for record, (_, is_gone) in sorted(final.items()) if is_gone])
        commands.merge(ctx, quiet)
        decide(ctx, last)
        commands.merge(ctx, quiet)
    assert came == picture(ctx)
    where = {name: vulnerability for name, (vulnerability, _) in came[1].items()}
    for two, kind in last.items():
        if kind == "ban" and set(two) <= where.keys() and len(last) == 1:
            assert where[two[0]] != where[two[1]]
        if kind == "pin" and set(two) <= where.keys():
            assert where[two[0]] == where[two[1]]
    rebuilt = commands.rebuild(ctx, quiet)
    assert (rebuilt.counts.added, rebuilt.counts.changed, rebuilt.counts.removed, rebuilt.orphans) == (
        0,
        0,
        0,
        0,
    )
    assert came == picture(ctx)
