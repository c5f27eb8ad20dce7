"""EPSS in the catalog: the newest day is in force, the history holds changes only, days may come in any order."""

from collections.abc import Mapping
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.bootstrap import Context
from assay.catalog import commands, queries
from assay.catalog.commands import PERCENTILE_DRIFT, ScoresTaken
from assay.catalog.model import Scored
from assay.kit.db import Connection, Database
from factories import a_claim, reading_claims, take

DAY = date(2024, 3, 1)
CVE = "CVE-2024-1000"


def day(number: int) -> date:
    return DAY + timedelta(days=number)


def score(
    conn: Connection, when: date, document: str | None = None, **scores: float | tuple[float, float] | None
) -> ScoresTaken:
    """Take a day of scores, `A=0.1` for CVE A; a pair has the percentile too."""
    rows = []
    for name, value in scores.items():
        if value is not None:
            told, percentile = value if isinstance(value, tuple) else (value, None)
            rows.append(Scored(name, told, percentile))
    return commands.take_scores(conn, when, "v2024", document or f"doc {when}", rows)


def kept(conn: Connection, cve: str = "A") -> list[tuple[date, float, float | None]]:
    return [
        (entry.scored_on, round(entry.score, 6), entry.percentile and round(entry.percentile, 6))
        for entry in queries.list_scores(conn, cve)
    ]


def in_force(conn: Connection) -> Mapping[str, tuple[float, float | None, date]]:
    rows = conn.execute("SELECT cve, score, percentile, scored_on FROM catalog.epss_scores").fetchall()
    return {row[0]: (round(row[1], 6), row[2] and round(row[2], 6), row[3]) for row in rows}


def test_the_history_keeps_changes_only(conn: Connection):
    assert score(conn, day(0), A=0.1, B=0.2) == ScoresTaken(
        2, kept=2, shown=0, is_newest=True, had=0, dropped=0
    )
    assert score(conn, day(1), A=0.1, B=0.3).kept == 1
    assert score(conn, day(2), A=0.1, B=0.3).kept == 0
    assert score(conn, day(3), A=0.2, B=0.3).kept == 1
    assert kept(conn) == [(day(0), 0.1, None), (day(3), 0.2, None)]
    assert kept(conn, "B") == [(day(0), 0.2, None), (day(1), 0.3, None)]


def test_a_percentile_that_hardly_moves_is_not_kept_again(conn: Connection):
    score(conn, day(0), A=(0.1, 0.500))
    assert score(conn, day(1), A=(0.1, 0.504)).kept == 0
    # Measured from what was kept last, so that small steps do not add up unseen.
    assert score(conn, day(2), A=(0.1, 0.508)).kept == 1
    assert score(conn, day(3), A=(0.1, 0.508 - PERCENTILE_DRIFT - 0.001)).kept == 1
    assert [entry[2] for entry in kept(conn)] == [0.5, 0.508, 0.502]


def test_a_percentile_that_comes_or_goes_is_a_change(conn: Connection):
    score(conn, day(0), A=0.1)
    assert score(conn, day(1), A=(0.1, 0.5)).kept == 1
    assert score(conn, day(2), A=(0.1, 0.5)).kept == 0
    assert score(conn, day(3), A=0.1).kept == 1
    assert [entry[2] for entry in kept(conn)] == [None, 0.5, None]


def test_the_newest_day_is_in_force_whatever_comes_after_it(conn: Connection):
    score(conn, day(5), A=0.5, B=0.1)
    late = score(conn, day(1), A=0.1, C=0.9)
    assert (late.is_newest, late.shown) == (False, 0)
    assert in_force(conn) == {"A": (0.5, None, day(5)), "B": (0.1, None, day(5))}
    assert kept(conn) == [(day(1), 0.1, None), (day(5), 0.5, None)]


def test_a_cve_that_the_newest_day_no_longer_lists_has_no_score(conn: Connection):
    score(conn, day(0), A=0.1, B=0.2)
    taken = score(conn, day(1), A=0.1)
    assert (taken.had, taken.dropped) == (2, 1)
    assert in_force(conn).keys() == {"A"}
    assert kept(conn, "B") == [(day(0), 0.2, None)]


def test_a_day_that_is_published_again_replaces_itself(conn: Connection):
    score(conn, day(0), A=0.1)
    score(conn, day(1), "first", A=0.2, B=0.2)
    assert commands.has_scores(conn, day(1), "first")
    score(conn, day(1), "second", A=0.1, C=0.3)
    assert kept(conn) == [(day(0), 0.1, None)]
    assert kept(conn, "B") == []
    assert in_force(conn).keys() == {"A", "C"}
    assert not commands.has_scores(conn, day(1), "first")
    assert commands.has_scores(conn, day(1), "second")
    assert not commands.has_scores(conn, day(2), "second")


def test_the_same_day_again_is_the_same(conn: Connection):
    score(conn, day(0), A=0.1, B=(0.2, 0.9))
    score(conn, day(1), A=0.2, B=(0.2, 0.9))
    before = (kept(conn), kept(conn, "B"), in_force(conn))
    score(conn, day(1), A=0.2, B=(0.2, 0.9))
    score(conn, day(0), A=0.1, B=(0.2, 0.9))
    assert (kept(conn), kept(conn, "B"), in_force(conn)) == before


def test_an_older_day_that_arrives_late_does_not_leave_repeats_behind(conn: Connection):
    """Days 0 and 2 say 0.1 and 0.2; day 1, which said 0.2 already, makes the row of day 2 a repeat."""
    score(conn, day(0), A=0.1)
    score(conn, day(2), A=0.2)
    score(conn, day(1), A=0.2)
    assert kept(conn) == [(day(0), 0.1, None), (day(1), 0.2, None)]


def test_a_late_day_does_not_change_what_later_days_said(conn: Connection):
    score(conn, day(0), A=0.1)
    score(conn, day(2), A=0.1)
    score(conn, day(1), A=0.2)
    assert kept(conn) == [(day(0), 0.1, None), (day(1), 0.2, None), (day(2), 0.1, None)]
    # Published again without A: what day 2 said stays.
    score(conn, day(1), B=0.3)
    assert known_on(conn, day(2)) == 0.1


def known_on(conn: Connection, when: date) -> float | None:
    """What the history says the score was on a day."""
    rows = [entry for entry in kept(conn) if entry[0] <= when]
    return rows[-1][1] if rows else None


@settings(max_examples=40)
@given(scores=st.lists(st.sampled_from([0.1, 0.2, 0.3]), min_size=1, max_size=6), data=st.data())
def test_the_history_tells_every_day_whatever_the_order(
    database: Database, scores: list[float], data: st.DataObject
):
    order = data.draw(st.permutations(range(len(scores))))
    again = data.draw(
        st.lists(st.tuples(st.sampled_from(order), st.sampled_from([0.1, 0.2, 0.3])), max_size=2)
    )
    scores = [*scores]
    with database.connection() as conn:
        for number in order:
            score(conn, day(number), A=scores[number], B=0.5)
        for number, corrected in again:
            scores[number] = corrected
            score(conn, day(number), A=corrected, B=0.5)
        assert all(left[1] != right[1] for left, right in pairwise(kept(conn)))
        assert kept(conn, "B") == [(day(0), 0.5, None)]
        assert [known_on(conn, day(number)) for number in range(len(scores))] == scores
        assert in_force(conn)["A"][0] == scores[-1]
        conn.rollback()


@pytest.fixture
def ctx(ctx: Context) -> Context:
    return reading_claims(ctx)


def shown(ctx: Context, name: str = CVE) -> tuple[float | None, float | None]:
    with ctx.db.transaction() as conn:
        found = queries.get(conn, name)
    return found.epss and round(found.epss, 6), found.epss_percentile and round(found.epss_percentile, 6)


def test_scores_are_shown_on_the_curated_rows_and_change_no_document(ctx: Context):
    take(ctx, a_claim(CVE, source="cve"), a_claim("CVE-2024-2000", source="cve"))
    with ctx.db.transaction() as conn:
        before = queries.get(conn, CVE)
        digest = queries.catalog_digest(conn)
        assert score(conn, day(0), **{CVE: (0.25, 0.75), "CVE-2024-9999": 0.5}).shown == 1
    assert shown(ctx) == (0.25, 0.75)
    assert shown(ctx, "CVE-2024-2000") == (None, None)
    with ctx.db.transaction() as conn:
        after = queries.get(conn, CVE)
        assert (after.document, after.changed_at) == (before.document, before.changed_at)
        assert queries.catalog_digest(conn) == digest
        assert score(conn, day(1), **{CVE: (0.25, 0.75)}).shown == 0
        assert score(conn, day(2), **{CVE: (0.25, 0.76)}).shown == 1
        assert score(conn, day(1), **{CVE: (0.9, 0.9)}).shown == 0
    assert shown(ctx) == (0.25, 0.76)
    with ctx.db.transaction() as conn:
        assert score(conn, day(3), **{"CVE-2024-9999": 0.5}).shown == 1
    assert shown(ctx) == (None, None)


def test_a_vulnerability_that_comes_after_its_score_shows_it(ctx: Context):
    with ctx.db.transaction() as conn:
        score(conn, day(0), **{CVE: (0.25, 0.75)})
    take(ctx, a_claim("GHSA-a", aliases=[CVE]))
    assert shown(ctx) == (0.25, 0.75)
    take(ctx, a_claim("GHSA-a", aliases=[CVE], summary="changed"))
    assert shown(ctx) == (0.25, 0.75)


def test_a_vulnerability_that_loses_its_cve_id_loses_the_score(ctx: Context):
    with ctx.db.transaction() as conn:
        score(conn, day(0), **{CVE: 0.25})
    take(ctx, a_claim("GHSA-a", aliases=[CVE]))
    take(ctx, a_claim("GHSA-a"))
    assert shown(ctx, "GHSA-a") == (None, None)
