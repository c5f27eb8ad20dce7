"""Figures: read off the tallies they say what counting the rows says, whatever was written before."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.catalog import commands, queries
from assay.catalog.model import Exploited, Scored, State
from assay.catalog.queries import HIGH_EPSS, Counts, Filters
from assay.domain.severity import Band
from assay.kit.db import Connection
from factories import NOW, V2, V31, V31_LOW, Arena, a_claim, a_severity, a_time, an_affected, take

NAMES = [f"CVE-2024-{1000 + number}" for number in range(8)]
FILTERS = st.builds(
    Filters,
    ecosystem=st.sampled_from([None, None, "PyPI", "npm", "none of it"]),
    source=st.sampled_from([None, None, "osv", "cve"]),
    min_severity=st.sampled_from([None, None, *Band]),
    severities=st.none() | st.lists(st.sampled_from([None, *Band]), max_size=3),
    exploited=st.sampled_from([None, None, True, False]),
    min_epss=st.sampled_from([None, None, HIGH_EPSS]),
    needs_review=st.sampled_from([None, None, True, False]),
    remediated=st.sampled_from([None, None, True, False]),
    states=st.none() | st.lists(st.sampled_from(list(State)), max_size=3),
    withdrawn=st.booleans(),
)


def a_record(name: str, dice: Any) -> Any:
    source = dice.choice(["osv", "cve", "kev"])
    if source == "kev":
        return a_claim(name, source="kev", exploited=Exploited(date(2024, 2, 1)))
    return a_claim(
        name,
        source=source,
        severity=tuple(map(a_severity, dice.sample([V2, V31, V31_LOW], dice.randrange(2)))),
        affected=tuple(
            an_affected("left", ecosystem=where)
            for where in dice.sample(["PyPI", "npm"], dice.randrange(3))
            if source == "osv"
        ),
        is_rejected=source == "cve" and dice.random() < 0.2,
        modified=a_time(dice.randrange(9)),
        confidence=dice.choice([0.5, 1.0]),
    )


def write_something(arena: Arena, dice: Any) -> None:
    """One of the things that change what is counted."""
    name = dice.choice(NAMES)
    what = dice.choice(["claims", "claims", "gone", "scores", "remediated", "rebuilt"])
    if what == "claims":
        take(
            arena.ctx,
            *{c.record_id: c for c in [a_record(dice.choice(NAMES), dice) for _ in range(3)]}.values(),
        )
        return
    with arena.ctx.db.transaction() as conn:
        if what == "gone":
            commands.tombstone(conn, dice.choice(["osv", "cve", "kev"]), [name], "left out", NOW)
        elif what == "scores":
            scores = [Scored(one, dice.choice([0.05, 0.1, 0.9]), 0.5) for one in NAMES if dice.random() < 0.7]
            commands.take_scores(conn, date(2024, 3, dice.randrange(1, 9)), None, f"{scores}", scores)
        elif what == "remediated" and queries.count(conn, Filters(withdrawn=True, text=name)).total:
            commands.remediate(conn, name, note="done", by="ada", now=NOW)
    if what in ("gone", "rebuilt"):
        run = commands.merge if what == "gone" else commands.rebuild
        run(arena.ctx, lambda *_: None)


def counted(conn: Connection, filters: Filters) -> Counts:
    """The same figures from the rows themselves: by a condition on time that lets everything pass."""
    return queries.count(conn, Filters(**{**fields(filters), "until": a_time(9000)}))


def fields(filters: Filters) -> Mapping[str, Any]:
    return {name: getattr(filters, name) for name in Filters.__slots__}


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(
    dice=st.randoms(use_true_random=False),
    steps=st.integers(1, 6),
    asked=st.lists(FILTERS, min_size=4, max_size=8),
)
def test_tallies_say_what_the_rows_say_after_any_history(
    arena: Arena, dice: Any, steps: int, asked: list[Filters]
):
    arena.clear()
    for _ in range(steps):
        write_something(arena, dice)
    with arena.ctx.db.transaction() as conn:
        assert set(queries.find_faults(conn).values()) == {0}
        for filters in asked:
            assert queries.count(conn, filters) == counted(conn, filters)


def test_a_merge_of_many_folds_the_tallies(arena: Arena, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("assay.catalog.tasks.merging.FEW", 1)
    arena.clear()
    take(arena.ctx, a_claim("DSA-1"))
    take(arena.ctx, a_claim("DSA-2"))
    with arena.ctx.db.transaction() as conn:
        assert conn.execute("SELECT number FROM catalog.tallies").fetchall() == [(2,)]


def test_a_rebuild_counts_anew_what_was_miscounted(arena: Arena):
    arena.clear()
    take(arena.ctx, a_claim("DSA-1"))
    with arena.ctx.db.transaction() as conn:
        conn.execute("UPDATE catalog.tallies SET number = 7")
    commands.rebuild(arena.ctx, lambda *_: None)
    with arena.ctx.db.transaction() as conn:
        assert queries.count(conn, Filters()).total == 1


@pytest.mark.parametrize("score", [0.0, 0.1, 3.9, 4.0, 6.9, 7.0, 8.9, 9.0, 10.0])
def test_a_least_score_loses_nothing_that_has_it(arena: Arena, score: float):
    arena.clear()
    take(
        arena.ctx, *(a_claim(f"DSA-{n}", severity=(a_severity(v),)) for n, v in enumerate([V2, V31, V31_LOW]))
    )
    with arena.ctx.db.transaction() as conn:
        hits = queries.search(conn, Filters(), limit=10).hits
        found = queries.search(conn, Filters(min_cvss=score), limit=10).hits
    assert {hit.name for hit in found} == {
        hit.name for hit in hits if hit.cvss_score is not None and hit.cvss_score >= score
    }
