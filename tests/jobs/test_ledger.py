"""The run ledger: one row a task, the newest of each source and step, and nothing that contradicts itself."""

from datetime import timedelta
from typing import Any

import pytest

from assay.jobs.ledger import Outcome, add_run, last_runs
from assay.kit.db import Connection
from factories import NOW


def a_run(conn: Connection, **changed: Any) -> int:
    """Write a run that says something in every field."""
    values: dict[str, Any] = {
        "room": "advisories",
        "step": "sync",
        "source": "osv",
        "started_at": NOW,
        "ended_at": NOW + timedelta(seconds=1.5),
        "outcome": Outcome.COMPLETED,
        "counts": {"read": 3, "new": 0},
        "detail": "all's well",
    }
    return add_run(conn, **(values | changed))


def test_a_run_is_kept_as_it_was_told(conn: Connection):
    number = a_run(conn)
    (run,) = last_runs(conn, "advisories")
    assert (run.id, run.room, run.step, run.source, run.outcome) == (
        number,
        "advisories",
        "sync",
        "osv",
        "completed",
    )
    assert (run.started_at, run.seconds, run.counts, run.detail) == (
        NOW,
        1.5,
        {"read": 3, "new": 0},
        "all's well",
    )


def test_the_newest_of_each_source_and_step_is_shown(conn: Connection):
    a_run(conn, ended_at=NOW + timedelta(seconds=9), counts={"new": 2})
    a_run(conn, ended_at=NOW + timedelta(seconds=5), counts={"new": 1})
    a_run(conn, source="kev")
    a_run(conn, step="replay")
    a_run(conn, source=None, step="purge")
    a_run(conn, room="catalog", source=None, step="merge")
    shown = {(run.source, run.step): run.counts.get("new") for run in last_runs(conn, "advisories")}
    assert shown == {("osv", "sync"): 2, ("kev", "sync"): 0, ("osv", "replay"): 0, (None, "purge"): 0}
    assert [run.step for run in last_runs(conn, "catalog")] == ["merge"]
    assert last_runs(conn, "unheard of") == []


def test_a_clock_that_was_set_back_makes_a_run_of_no_length(conn: Connection):
    a_run(conn, ended_at=NOW - timedelta(hours=1))
    (run,) = last_runs(conn, "advisories")
    assert run.seconds == 0


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_can_be_written(conn: Connection, outcome: Outcome):
    a_run(conn, outcome=outcome, detail=None, counts={})
    (run,) = last_runs(conn, "advisories")
    assert (run.outcome, run.detail, run.counts) == (outcome, None, {})


def test_details_may_hold_any_text(conn: Connection):
    a_run(conn, detail="line\nline \\ ' \" € 😀")
    assert last_runs(conn, "advisories")[0].detail == "line\nline \\ ' \" € 😀"


def test_a_detail_with_a_nul_does_not_lose_the_run(conn: Connection):
    """An error message may quote the bytes that it is about."""
    a_run(conn, detail="bad byte \x00 at 3")
    assert last_runs(conn, "advisories")[0].detail == "bad byte  at 3"
