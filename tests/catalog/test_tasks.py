"""Merging in the database: whatever the order and the interruptions, the same claims come to the same catalog."""

import random
import threading
import zipfile
from contextlib import suppress
from dataclasses import replace
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.bootstrap import Context
from assay.catalog import commands, queries
from assay.catalog.commands import Incoming
from assay.catalog.model import Claim, encode_claim
from assay.catalog.tasks import merging
from assay.domain.identifiers import is_cve, normalise_all
from assay.domain.osv import Affected, Range
from assay.errors import NotFound
from assay.kit.compression import compress
from assay.pipelines.advisories.sources import osv
from factories import (
    NOW,
    Arena,
    a_claim,
    a_time,
    an_affected,
    quiet,
    read_claim,
    submit,
    take,
)

SAMPLE = Path(__file__).resolve().parents[2] / "sample" / "osv.zip"


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
    return final, [shuffled[start:end] for start, end in pairwise(edges)]


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
        patch.setattr(merging, "_PART", part)
        arena.clear()
        for batch in batches:
            perform(ctx, batch)
            commands.merge(ctx, quiet)
            assert faults(ctx) == {}
        came = picture(ctx)
        arena.clear()
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
    arena.clear()
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


@settings(max_examples=20)
@given(history=decided_histories(), part=st.sampled_from([1, 400]))
def test_decisions_come_to_the_same_whenever_they_are_taken(arena: Arena, history, part: int):
    ctx = arena.ctx
    final, batches, earlier, last = history
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merging, "_PART", part)
        arena.clear()
        for batch, decisions in zip(batches, earlier, strict=True):
            perform(ctx, batch)
            decide(ctx, decisions)
            commands.merge(ctx, quiet)
        held = in_force(ctx)
        decide(ctx, dict.fromkeys(held.keys() - last.keys(), "undo"))
        # A ban may hide a name, and nobody can be asked to pin what is not there.
        commands.merge(ctx, quiet)
        decide(ctx, {two: kind for two, kind in last.items() if held.get(two) != kind})
        commands.merge(ctx, quiet)
        assert in_force(ctx) == last
        came = picture(ctx)
        arena.clear()
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


@pytest.fixture
def ctx(arena: Arena) -> Context:
    arena.clear()
    return arena.ctx


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every component is a part of its own."""
    monkeypatch.setattr(merging, "_PART", 1)


def dirty(ctx: Context) -> int:
    with ctx.db.transaction() as conn:
        row = conn.execute("SELECT count(DISTINCT claim_id) FROM catalog.dirty_claims").fetchone()
    assert row is not None
    return row[0]


def key_of(ctx: Context, name: str) -> int:
    with ctx.db.transaction() as conn:
        return queries.get(conn, name).id


@pytest.mark.usefixtures("small_parts")
def test_pinned_components_are_merged_in_one_part(ctx: Context):
    take(ctx, a_claim("GHSA-a", aliases=["CVE-2024-1000"]), a_claim("GHSA-b"))
    decide(ctx, {("GHSA-a", "GHSA-b"): "pin"})
    commands.merge(ctx, quiet)
    assert key_of(ctx, "GHSA-a") == key_of(ctx, "GHSA-b")
    # Not only in the merge after the decision.
    take(ctx, a_claim("GHSA-b", summary="changed"))
    assert key_of(ctx, "GHSA-a") == key_of(ctx, "GHSA-b")
    commands.rebuild(ctx, quiet)
    assert key_of(ctx, "GHSA-a") == key_of(ctx, "GHSA-b")
    diff = commands.policy_diff(ctx, 'priority = ["osv"]\n[speaks_only_for]\nkev = ["exploited"]', "x", quiet)
    assert (diff.vulnerabilities, diff.differing) == (1, 0)


@pytest.mark.usefixtures("small_parts")
def test_a_pin_that_is_taken_back_leaves_the_key_with_the_name(ctx: Context):
    take(ctx, a_claim("GHSA-a"), a_claim("CVE-2024-1000", source="cve"))
    decide(ctx, {("CVE-2024-1000", "GHSA-a"): "pin"})
    commands.merge(ctx, quiet)
    key = key_of(ctx, "CVE-2024-1000")
    decide(ctx, {("CVE-2024-1000", "GHSA-a"): "undo"})
    commands.merge(ctx, quiet)
    assert key_of(ctx, "CVE-2024-1000") == key
    assert key_of(ctx, "GHSA-a") != key


class Refusing:
    """A reader for which one record is a bug: it raises what no reader may."""

    def __init__(self, record_id: str) -> None:
        self.record_id = record_id

    def __call__(self, record_id: str, raw: bytes) -> Claim:
        if record_id == self.record_id:
            raise ZeroDivisionError(record_id)
        return read_claim(record_id, raw)


@pytest.mark.usefixtures("small_parts")
def test_a_merge_that_is_interrupted_is_completed_by_the_next(ctx: Context):
    with ctx.db.transaction() as conn:
        submit(conn, *(a_claim(f"GHSA-{number}") for number in range(6)))
    broken = replace(ctx, readers={"osv": Refusing("GHSA-3")})
    with pytest.raises(ZeroDivisionError):
        commands.merge(broken, quiet)
    assert 0 < dirty(ctx) < 6
    done = 6 - dirty(ctx)
    counts = commands.merge(ctx, quiet)
    assert counts.added == 6 - done
    assert dirty(ctx) == 0
    assert faults(ctx) == {}


def test_a_claim_that_cannot_be_read_any_more_stops_nobody(ctx: Context):
    """The reader that ships with a newer program may refuse what an older one took."""
    take(
        ctx,
        a_claim("GHSA-a", aliases=["CVE-2024-1000"]),
        a_claim("CVE-2024-1000", source="cve"),
        a_claim("GO-1"),
    )
    with ctx.db.transaction() as conn:
        conn.execute(
            "UPDATE catalog.claims SET raw = %s WHERE record_id = 'GHSA-a'", (compress(b"no claim"),)
        )
    rebuilt = commands.rebuild(ctx, quiet)
    assert (rebuilt.counts.unreadable, rebuilt.counts.changed, rebuilt.counts.removed) == (1, 1, 0)
    assert key_of(ctx, "GO-1")
    assert key_of(ctx, "GHSA-a") == key_of(ctx, "CVE-2024-1000")


def test_a_claim_of_a_source_that_is_gone_stops_nobody(ctx: Context):
    take(ctx, a_claim("GHSA-a"), a_claim("GO-1", source="gitlab"))
    without = replace(ctx, readers={"osv": read_claim})
    rebuilt = commands.rebuild(without, quiet)
    assert (rebuilt.counts.unreadable, rebuilt.counts.removed) == (1, 0)
    assert key_of(ctx, "GO-1")


def test_a_claim_without_a_name_stops_nobody(ctx: Context):
    counts = take(ctx, a_claim(None, record_id="nameless", source="gitlab"), a_claim("GHSA-a"))
    assert (counts.added, dirty(ctx)) == (1, 0)


@pytest.mark.usefixtures("small_parts")
def test_a_claim_that_moves_while_others_are_merged_takes_nobody_out(ctx: Context):
    """Between gathering and merging, another sync lets a claim speak of what another part holds."""
    moving = a_claim("GHSA-a")
    take(
        ctx,
        moving,
        a_claim("PYSEC-1", aliases=["CVE-2024-1000"]),
        a_claim("GO-1", aliases=["PYSEC-1"], source="gitlab"),
    )
    with ctx.db.transaction() as conn:
        submit(conn, msgspec.structs.replace(moving, summary="changed"))

    def meanwhile(done: int, total: int) -> None:
        if done == 0 and not sent:
            sent.append(1)
            with ctx.db.connection() as conn:
                submit(conn, msgspec.structs.replace(moving, aliases=("PYSEC-1",)))
                conn.commit()

    sent: list[int] = []
    counts = commands.merge(ctx, meanwhile)
    assert sent
    assert counts.postponed == 1
    assert dirty(ctx) == 0
    assert len({key_of(ctx, name) for name in ("GHSA-a", "PYSEC-1", "GO-1", "CVE-2024-1000")}) == 1
    with ctx.db.transaction() as conn:
        assert len(queries.get(conn, "GHSA-a").claim_ids) == 3
    came = picture(ctx)
    commands.rebuild(ctx, quiet)
    assert picture(ctx) == came


def test_two_merges_at_once_do_the_work_once(ctx: Context):
    with ctx.db.transaction() as conn:
        submit(
            conn,
            *(a_claim(f"GHSA-{number}", aliases=[f"CVE-2024-{1000 + number // 2}"]) for number in range(40)),
        )
    outcomes = []
    threads = [threading.Thread(target=lambda: outcomes.append(commands.merge(ctx, quiet))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 3
    assert sum(outcome.added for outcome in outcomes) == 20
    assert sum(outcome.changed + outcome.removed for outcome in outcomes) == 0
    assert faults(ctx) == {}


def test_a_sync_during_a_merge_is_not_lost(ctx: Context):
    """Whatever is submitted while others merge is merged by somebody in the end."""
    names = [f"GHSA-{number}" for number in range(30)]

    def work(part: list[str]) -> None:
        for name in part:
            take(ctx, a_claim(name, aliases=[f"CVE-2024-{1000 + int(name[5:]) % 7}"]))

    threads = [threading.Thread(target=work, args=(names[start::3],)) for start in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    commands.merge(ctx, quiet)
    came = picture(ctx)
    assert (dirty(ctx), faults(ctx)) == (0, {})
    rebuilt = commands.rebuild(ctx, quiet)
    assert (rebuilt.counts.added, rebuilt.counts.changed, rebuilt.counts.removed) == (0, 0, 0)
    assert picture(ctx) == came


def noise(length: int) -> str:
    """Text that does not compress, as no index entry may be large."""
    return "".join(chr(97 + byte % 26) for byte in random.Random(1).randbytes(length))


ODD = {
    "a NUL in a package": {"affected": (an_affected("a\x00b"),)},
    "a NUL in an ecosystem": {"affected": (an_affected(ecosystem="npm\x00"),)},
    "a NUL in a summary": {"summary": "a\x00b", "details": "a\x00b"},
    "a long package": {"affected": (an_affected(noise(9_000)),)},
    "a long ecosystem": {"affected": (an_affected(ecosystem=noise(9_000)),)},
    "many packages": {"affected": tuple(an_affected(f"p{number}") for number in range(3_000))},
    "a package twice": {"affected": (an_affected("a"), an_affected("A"), an_affected("a", fixed="2"))},
    "a long summary": {"summary": " ".join(noise(30) + str(n) for n in range(60_000))},
    "long details": {"details": noise(3_000_000)},
    "a long repository": {
        "affected": (Affected(ranges=(Range("GIT", f"https://example.org/{noise(5_000)}"),)),)
    },
    "a long alias": {"aliases": normalise_all(["X-" + noise(9_000), "X-" + noise(198)])},
    "spellings of one package with a NUL": {"affected": (an_affected("a\x00b"), an_affected("ab"))},
    "many aliases": {"aliases": [f"X-{number}" for number in range(2_000)]},
    "an alias that looks like a number": {"aliases": ["CVE-2024-99999999999999999999"]},
    "year one": {"modified": a_time(-738_000), "published": a_time(-738_000)},
    "a huge year": {"affected": (an_affected(versions=[str(n) for n in range(23_000)]),)},
}


@pytest.mark.parametrize("said", ODD.values(), ids=ODD.keys())
def test_no_odd_record_stops_the_others(ctx: Context, said: dict):
    counts = take(ctx, a_claim("GHSA-odd", **said), a_claim("GHSA-a"))
    assert (counts.added, dirty(ctx)) == (2, 0)
    assert key_of(ctx, "GHSA-odd")
    assert key_of(ctx, "GHSA-a")
    rebuilt = commands.rebuild(ctx, quiet)
    assert rebuilt.counts.unchanged == 2
    assert faults(ctx) == {}


@pytest.mark.parametrize("is_spool_lost", [False, True], ids=["spooled", "spool lost"])
def test_the_sample_merges_alike_from_readings_and_from_raw_records_in_processes(make_context, is_spool_lost):
    """New claims are merged from the reading that came with them, rebuilt ones from their raw records."""
    ctx = make_context(processes=2)
    with zipfile.ZipFile(SAMPLE) as archive, ctx.db.transaction() as conn:
        records = []
        for member in archive.namelist():
            record_id = osv.locate(member)
            assert record_id is not None
            raw = archive.read(member)
            claim = osv.read(record_id, raw)
            records.append(Incoming(claim, encode_claim(claim), raw, blake2b(raw).digest()))
        commands.submit(conn, "osv", "doc", records, NOW, spool=ctx.spool)
    assert ctx.spool.names()
    if is_spool_lost:
        ctx.spool.drop(ctx.spool.names())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merging, "FEW", 1)
        counts = commands.merge(ctx, quiet)
        rebuilt = commands.rebuild(ctx, quiet)
    assert counts.added > 500
    assert ctx.spool.names() == []
    assert rebuilt.digest_before == rebuilt.digest_after
    assert (rebuilt.counts.unchanged, rebuilt.counts.changed) == (counts.added, 0)
    assert faults(ctx) == {}
