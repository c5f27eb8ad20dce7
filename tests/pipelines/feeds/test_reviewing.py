"""What people decide outranks what was read, whatever comes later; the catalog is told, and the queue is in order."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from assay.bootstrap import Context
from assay.catalog import commands as catalog
from assay.catalog.queries import get
from assay.errors import Conflict, NotFound, Permanent
from assay.kit.db import Connection
from assay.pipelines.feeds.commands import reviewing
from assay.pipelines.feeds.commands.reviewing import Review
from assay.pipelines.feeds.model.entries import Outcome
from assay.pipelines.feeds.model.extraction import Doubt
from assay.pipelines.feeds.model.review import Edits, Filters, State
from assay.pipelines.feeds.queries.reviewing import (
    after_cursor,
    count_standing,
    count_to_review,
    cursor_of,
    get_item,
    list_lines,
    next_in_queue,
)
from assay.pipelines.feeds.tasks.naming import gather
from assay.pipelines.feeds.tasks.publishing import publish
from conftest import MakeContext
from pipelines.feeds.scenes import NOW, a_source, an_entry, counts, said, settled, states, value


@pytest.fixture
def ctx(make_context: MakeContext) -> Context:
    """A Context of this test's own, on the machine's clock."""
    return make_context()


def read(
    ctx: Context, *extractions: Any, key: str = "1", feed: str = "curl", hours: int = 0, **how: Any
) -> list[int]:
    """The numbers of what was read out of an entry and told to the catalog."""
    with ctx.db.transaction() as conn:
        entry = an_entry(conn, key, feed=feed, raw=msgspec.json.encode(extractions), **how)
        now = NOW + timedelta(hours=hours)
        done = settled(conn, entry, *extractions, now=now)
        publish(conn, done.touched, now)
        return sorted(done.touched)


def decide(ctx: Context, what: Any, *args: Any, **kwargs: Any) -> Any:
    with ctx.db.transaction() as conn:
        return what(Review(conn, "ada", NOW + timedelta(hours=1), ctx.language), *args, **kwargs)


def merged(ctx: Context) -> None:
    catalog.merge(ctx, lambda _done, _total: None)


def document(ctx: Context, name: str) -> Any:
    """The vulnerability as the catalog tells it now."""
    merged(ctx)
    with ctx.db.transaction() as conn:
        found = get(conn, name)
    return found, msgspec.json.decode(found.document)


def test_a_sure_one_is_a_claim_and_a_doubtful_one_asks_for_review(ctx: Context):
    read(ctx, said())
    read(ctx, said("CVE-2024-2", confidence=0.6), key="2")
    found, told = document(ctx, "CVE-2026-9545")
    assert (found.needs_review, told["affected"][0]["package"]["name"]) == (False, "libcurl")
    assert document(ctx, "CVE-2024-2")[0].needs_review
    assert scan(ctx) == ["CVE-2026-9545"]
    with ctx.db.transaction() as conn:
        assert (count_to_review(conn), msgspec.to_builtins(count_standing(conn))) == (
            1,
            {"total": 2, "needs_review": 1, "approved": 1},
        )


def test_a_feed_that_repeats_itself_does_not_make_its_vendor_known(ctx: Context):
    doubted = {"doubts": (Doubt.UNKNOWN_VENDOR,), "vendor": value("Project curl"), "confidence": 0.79}
    (number,) = read(ctx, said("CVE-2024-9", **doubted))
    merged(ctx)
    gather(ctx)
    with ctx.db.transaction() as conn:
        assert "project curl" not in ctx.dictionary.names(conn).vendors
    # Once a person stands by it, it is known.
    decide(ctx, reviewing.approve, number)
    merged(ctx)
    gather(ctx)
    with ctx.db.transaction() as conn:
        assert "project curl" in ctx.dictionary.names(conn).vendors


def scan(ctx: Context) -> list[str]:
    """What the match table finds for curl's package."""
    with ctx.db.transaction() as conn:
        rows = conn.execute(
            "SELECT DISTINCT v.name FROM catalog.affected "
            "JOIN catalog.vulnerabilities AS v ON v.id = vulnerability_id ORDER BY 1"
        ).fetchall()
    return [row[0] for row in rows]


def test_what_nobody_named_is_no_vulnerability_before_a_person_approves_it(ctx: Context):
    (number,) = read(ctx, said(None, confidence=0.9))
    with ctx.db.transaction() as conn:
        item = get_item(conn, number)
    assert item.identifier == "x_ASSAY-2026-1"
    merged(ctx)
    with ctx.db.transaction() as conn, pytest.raises(NotFound):
        get(conn, item.identifier)
    decide(ctx, reviewing.approve, number)
    found, _ = document(ctx, item.identifier)
    assert (found.needs_review, found.sources) == (False, ["person"])
    # The same entry again gets no other name.
    assert read(ctx, said(None, confidence=0.4)) == [number]


def test_an_approval_with_edits_outranks_whatever_is_read_later(ctx: Context):
    (number,) = read(ctx, said(confidence=0.5, summary=value("read")))
    decide(ctx, reviewing.approve, number, Edits(vendor="Haxx", summary=""), note="looked at curl's page")
    found, told = document(ctx, "CVE-2026-9545")
    assert told["database_specific"]["assay"]["products"][0]["vendor"] == "Haxx"
    # What the person left empty stays empty.
    assert ("details" in told, found.needs_review, found.confidence) == (False, False, 1.0)
    # The vendor edits the page, and it is read with all confidence.
    read(ctx, said(confidence=1.0, vendor=value("Attacker"), summary=value("new")), hours=2)
    after = document(ctx, "CVE-2026-9545")[1]
    assert after["database_specific"]["assay"]["products"][0]["vendor"] == "Haxx"
    with ctx.db.transaction() as conn:
        item = get_item(conn, number)
        assert (item.state, item.is_changed_since, item.extracted.vendor.value) == (
            State.APPROVED,
            True,
            "Attacker",
        )
        fields = {one.field: one for one in catalog.explain(ctx, conn, "CVE-2026-9545")}
    assert fields["products"].by.said_by == "ada, about curl “exposing HTTP/3 early data”"
    assert "curl" in fields["products"].by.quotes
    # Without the tables of this room everything is merged the same.
    with ctx.db.transaction() as conn:
        conn.execute("TRUNCATE feeds.sources CASCADE")
    rebuilt = catalog.rebuild(ctx, lambda _done, _total: None)
    assert rebuilt.digest_before == rebuilt.digest_after


def test_a_rejection_lets_the_next_best_speak_and_is_not_undone_by_reading_again(ctx: Context):
    (worse,) = read(ctx, said(confidence=0.85, vendor=value("first")), feed="a")
    better = read(ctx, said(confidence=0.9, vendor=value("second")), feed="b")
    with ctx.db.transaction() as conn:
        assert states(conn) == {"a/CVE-2026-9545": "skipped", "b/CVE-2026-9545": "accepted"}
    (number,) = set(better) - {worse}
    decide(ctx, reviewing.reject, number, note="about another curl")
    assert document(ctx, "CVE-2026-9545")[1]["database_specific"]["assay"]["products"][0]["vendor"] == "first"
    read(ctx, said(confidence=1.0, vendor=value("second")), feed="b")
    with ctx.db.transaction() as conn:
        assert states(conn) == {"a/CVE-2026-9545": "accepted", "b/CVE-2026-9545": "rejected"}
        row = conn.execute("SELECT reason FROM catalog.claims WHERE tombstoned_at IS NOT NULL").fetchone()
    assert row == ("rejected by ada: about another curl",)
    # Taken back it waits for a person, and says nothing beside what stands.
    assert decide(ctx, reviewing.reopen, number).state is State.IN_REVIEW
    assert document(ctx, "CVE-2026-9545")[1]["database_specific"]["assay"]["products"][0]["vendor"] == "first"


def test_what_only_a_rejected_extraction_said_is_withdrawn(ctx: Context):
    (number,) = read(ctx, said())
    decide(ctx, reviewing.reject, number)
    assert document(ctx, "CVE-2026-9545")[0].state == "withdrawn"
    decide(ctx, reviewing.reopen, number)
    found, _ = document(ctx, "CVE-2026-9545")
    assert (found.state, found.needs_review) == ("published", True)


def test_what_is_reassigned_speaks_of_the_other_vulnerability_only(ctx: Context):
    (number,) = read(ctx, said(confidence=0.5))
    item = decide(ctx, reviewing.reassign, number, "cve-2024-77", note="a typing error of theirs")
    assert (item.identifier, item.state) == ("CVE-2024-77", State.APPROVED)
    assert document(ctx, "CVE-2024-77")[0].sources == ["person"]
    assert document(ctx, "CVE-2026-9545")[0].state == "withdrawn"
    # Read again it is still about the other one.
    assert read(ctx, said(confidence=0.99)) == [number]
    assert document(ctx, "CVE-2026-9545")[0].state == "withdrawn"
    assert decide(ctx, reviewing.reopen, number).identifier == "CVE-2026-9545"
    assert document(ctx, "CVE-2026-9545")[0].state == "published"
    for wrong in ("nonsense", "x_ASSAY-2026-1"):
        with pytest.raises(Permanent):
            decide(ctx, reviewing.reassign, number, wrong)


def test_a_draft_is_kept_and_published_by_the_approval_only(ctx: Context):
    (number,) = read(ctx, said(confidence=0.5))
    decide(ctx, reviewing.edit, number, Edits(product="libcurl"))
    assert document(ctx, "CVE-2026-9545")[1]["database_specific"]["assay"]["products"][0]["product"] == "curl"
    decide(ctx, reviewing.approve, number)
    assert (
        document(ctx, "CVE-2026-9545")[1]["database_specific"]["assay"]["products"][0]["product"] == "libcurl"
    )
    # Of what is approved an edit holds at once.
    decide(ctx, reviewing.edit, number, Edits(product="curl tool"))
    assert (
        document(ctx, "CVE-2026-9545")[1]["database_specific"]["assay"]["products"][0]["product"]
        == "curl tool"
    )


def test_what_contradicts_how_things_stand_is_refused(ctx: Context):
    (number,) = read(ctx, said(confidence=0.5))
    with pytest.raises(Conflict, match="nobody decided"):
        decide(ctx, reviewing.reopen, number)
    with pytest.raises(Conflict, match="look at it again"):
        decide(ctx, reviewing.approve, number, seen=NOW.replace(year=2020))
    decide(ctx, reviewing.approve, number, seen=NOW)
    with pytest.raises(Conflict, match="ada has approved it already"):
        decide(ctx, reviewing.approve, number)
    decide(ctx, reviewing.reject, number)
    with pytest.raises(Conflict, match="reopen"):
        decide(ctx, reviewing.edit, number, Edits(product="x"))
    with pytest.raises(NotFound):
        decide(ctx, reviewing.reject, number + 1)


def test_many_are_decided_at_once_and_those_that_cannot_be_are_named(ctx: Context):
    numbers = [read(ctx, said(f"CVE-2024-{n}", confidence=0.5), key=str(n))[0] for n in range(1, 4)]
    decide(ctx, reviewing.reject, numbers[0])
    done = decide(ctx, reviewing.reject_many, numbers)
    assert (done.ids, list(done.refused)) == (numbers[1:], numbers[:1])
    with pytest.raises(Permanent, match="too many"):
        decide(ctx, reviewing.approve_many, range(1, 1_000))


def test_an_approval_puts_others_that_wait_behind_it(ctx: Context):
    (one,) = read(ctx, said(confidence=0.6), feed="a")
    both = read(ctx, said(confidence=0.7, vendor=value("other")), feed="b")
    (two,) = set(both) - {one}
    decide(ctx, reviewing.reopen, decide(ctx, reviewing.reject, one).id)
    decide(ctx, reviewing.approve, two)
    with ctx.db.transaction() as conn:
        assert states(conn) == {"a/CVE-2026-9545": "skipped", "b/CVE-2026-9545": "approved"}


def test_what_an_entry_does_not_say_any_more_speaks_no_longer(conn: Connection):
    entry = an_entry(conn)
    assert counts(settled(conn, entry, said(), said("CVE-2024-2"))) == {"created": 2}
    again = an_entry(conn, raw=b"edited")
    done = settled(conn, again, said("CVE-2024-2"), said("CVE-2024-3"))
    assert (counts(done), done.outcomes) == ({"created": 1, "duplicates": 1}, {again.id: Outcome.CLAIMED})
    publish(conn, done.touched, NOW)
    assert states(conn) == {
        "curl/CVE-2026-9545": "superseded", "curl/CVE-2024-2": "accepted", "curl/CVE-2024-3": "accepted",
    }  # fmt: skip
    # And says it again when it does.
    assert counts(settled(conn, an_entry(conn, raw=b"back"), said())) == {"updated": 1}


def test_the_same_reading_twice_changes_nothing(conn: Connection):
    entry = an_entry(conn)
    settled(conn, entry, said(), said(None))
    before = conn.execute("SELECT * FROM feeds.extractions ORDER BY id").fetchall()
    done = settled(conn, entry, said(), said(None))
    assert (counts(done), done.touched, done.outcomes) == (
        {"duplicates": 2},
        set(),
        {entry.id: Outcome.DUPLICATE},
    )
    assert conn.execute("SELECT * FROM feeds.extractions ORDER BY id").fetchall() == before


def test_outcomes_say_what_an_entry_was(conn: Connection):
    a_source(conn)
    for number, (extractions, outcome) in enumerate(
        [((), Outcome.NOT_ADVISORY), ((said(None),), Outcome.CANDIDATE), ((said(),), Outcome.CLAIMED)]
    ):
        entry = an_entry(conn, str(number))
        assert settled(conn, entry, *extractions).outcomes == {entry.id: outcome}


def test_an_alias_is_the_same_vulnerability(conn: Connection):
    settled(conn, an_entry(conn, "1", feed="a"), said(aliases=(value("GHSA-aaaa-bbbb-cccc"),)))
    done = settled(
        conn, an_entry(conn, "1", feed="b"), said("GHSA-aaaa-bbbb-cccc", confidence=0.85, vendor=value("x"))
    )
    assert counts(done) == {"skipped": 1}


def test_the_queue_is_in_the_order_in_which_people_should_look(conn: Connection):
    for number, (confidence, is_monitored) in enumerate(
        [(0.3, False), (0.7, False), (0.1, True), (0.7, False)]
    ):
        doubts = (Doubt.CONFLICT,) if number == 3 else ()
        settled(
            conn,
            an_entry(conn, str(number), is_monitored=is_monitored),
            said(f"CVE-2024-{number}", confidence=confidence, doubts=doubts),
        )
    order = ["CVE-2024-2", "CVE-2024-1", "CVE-2024-3", "CVE-2024-0"]
    assert [one.identifier for one in list_lines(conn, Filters(), limit=10)] == order
    paged, after = [], None
    while lines := list_lines(conn, Filters(), limit=1, after=after):
        paged += [one.identifier for one in lines]
        after = after_cursor(cursor_of(lines[-1]))
    assert paged == order
    first = list_lines(conn, Filters(), limit=1)[0]
    number, seen = first.id, []
    for _ in order:
        seen.append(number)
        number = next_in_queue(conn, get_item(conn, number))
    assert (len(set(seen)), number) == (4, first.id)
    for filters, found in [
        (Filters(doubt=Doubt.CONFLICT), ["CVE-2024-3"]),
        (Filters(is_monitored=True), ["CVE-2024-2"]),
        (Filters(at_least=0.5), ["CVE-2024-1", "CVE-2024-3"]),
        (Filters(at_most=0.2), ["CVE-2024-2"]),
        (Filters(words="2024-0"), ["CVE-2024-0"]),
        (Filters(words="%"), []),
        (Filters(feed="other"), []),
        (Filters(state=State.ACCEPTED), []),
    ]:
        assert [one.identifier for one in list_lines(conn, filters, limit=10)] == found, filters
