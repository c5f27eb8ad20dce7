"""The run ledger: one row a task, the newest of each source and step, and nothing that contradicts itself."""

import random
from datetime import timedelta
from typing import Any

import pytest

from assay.errors import NotFound, Permanent
from assay.jobs.deferring import defer
from assay.jobs.housekeeping import Housekeeper, Loss
from assay.jobs.ledger import Outcome, Run, add_run, last_runs
from assay.jobs.model import AttemptEnd, Cancelled
from assay.jobs.running import Running
from assay.jobs.task import Registry, task
from assay.kit.clock import utc_now
from assay.kit.db import Connection, Database
from factories import NOW
from jobs import hands


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


@task("test.read", subject="source", step="read")
def read(_: Any, __: Running, *, source: str) -> None:
    """Read a source, and write a row of the ledger for it."""


@task("test.count", subject="source")
def count(_: Any, __: Running, *, source: str) -> None:
    """Count something that no row is written for."""


class Worked:
    """A database in which jobs are begun and ended by hand, each in a transaction of its own."""

    def __init__(self, url: str) -> None:
        self.db = Database(url)

    def begun(self, chosen: Any = read) -> hands.Ticket:
        with self.db.transaction() as conn:
            defer(conn, chosen, source="osv")
        with self.db.transaction() as conn:
            ticket = hands.take(conn, hands.a_worker(conn))
        assert ticket is not None
        return ticket

    def wrote(self, outcome: Outcome) -> None:
        with self.db.transaction() as conn:
            now = utc_now()
            a_run(conn, room="test", step="read", started_at=now, ended_at=now, outcome=outcome)

    def failed(self, ticket: hands.Ticket, error: Exception) -> None:
        with self.db.transaction() as conn:
            assert hands.fail(conn, ticket, error)

    def crashed(self, ticket: hands.Ticket, end: AttemptEnd = AttemptEnd.CRASH) -> None:
        keeper = Housekeeper(Registry([read, count]), random.Random(1))
        guilty = ticket.job_id if end is AttemptEnd.TIMEOUT else None
        with self.db.transaction() as conn:
            assert keeper.bury_worker(conn, Loss(ticket.worker_id, "it was killed", guilty, end)) == 1

    def runs(self) -> list[Run]:
        with self.db.transaction() as conn:
            return last_runs(conn, "test")


@pytest.fixture
def worked(fresh_url: str):
    made = Worked(fresh_url)
    yield made
    made.db.close()


def test_an_attempt_that_ended_before_it_wrote_its_row_has_one(worked: Worked):
    worked.failed(worked.begun(), NotFound("no source is called 'osv'"))
    (run,) = worked.runs()
    assert (run.room, run.step, run.source, run.outcome) == ("test", "read", "osv", "failed")
    assert (run.detail, run.counts) == ("no source is called 'osv'", {})
    assert run.started_at <= run.ended_at


@pytest.mark.parametrize("end", [AttemptEnd.CRASH, AttemptEnd.TIMEOUT])
def test_and_one_whose_process_died(worked: Worked, end: AttemptEnd):
    worked.crashed(worked.begun(), end)
    assert [(run.outcome, run.detail) for run in worked.runs()] == [("failed", "it was killed")]


def test_what_the_task_wrote_itself_stands_alone(worked: Worked):
    ticket = worked.begun()
    worked.wrote(Outcome.REFUSED)
    worked.failed(ticket, Permanent("a tenth of it would go"))
    assert [run.outcome for run in worked.runs()] == ["refused"]
    with worked.db.transaction() as conn:
        assert conn.execute("SELECT count(*) FROM jobs.runs").fetchone() == (1,)


def test_a_row_of_an_earlier_attempt_is_not_this_ones(worked: Worked):
    worked.wrote(Outcome.COMPLETED)
    worked.failed(worked.begun(), Permanent("gone"))
    assert [run.detail for run in worked.runs()] == ["gone"]


def test_what_was_cancelled_or_is_of_no_step_writes_none(worked: Worked):
    worked.failed(worked.begun(), Cancelled("enough"))
    worked.failed(worked.begun(count), Permanent("gone"))
    assert worked.runs() == []


def test_a_step_has_a_subject():
    with pytest.raises(ValueError, match="no subject"):
        task("test.alone", step="read")(lambda ctx, job: None)
