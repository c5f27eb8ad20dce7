"""Keeping house: what dead processes ran is taken from them, once, and nobody is buried alive."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from assay.jobs import queries
from assay.jobs.deferring import defer
from assay.jobs.housekeeping import Housekeeper, Loss, Steadiness, remove_old
from assay.jobs.ledger import Outcome, add_run, last_runs
from assay.jobs.model import AttemptEnd
from assay.jobs.retention import remove_old_jobs
from assay.kit.db import Connection, Database
from jobs import hands, shop

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def db(fresh_url: str):
    database = Database(fresh_url)
    yield database
    database.close()


def a_keeper(clock: list[float] | None = None) -> Housekeeper:
    clock = clock or [0.0]
    return Housekeeper(shop.TASKS, random.Random(1), stale_seconds=20, monotonic=lambda: clock[0])


def bury(conn: Connection, keeper: Housekeeper) -> int:
    """What a tick does to the dead, without waiting until the server is known to be up for long."""
    return keeper._bury(conn)


def status(conn: Connection, job: int) -> tuple[str, str | None]:
    found = hands.row(conn, job)
    return found["status"], found["error_message"]


def test_the_jobs_of_a_silent_worker_run_again_and_those_of_others_go_on(conn: Connection):
    jobs = [defer(conn, shop.work, n=n) for n in range(3)]
    dead, alive = hands.a_worker(conn, silent_for=21, host="elsewhere"), hands.a_worker(conn, silent_for=19)
    for worker in (dead, dead, alive):
        assert hands.take(conn, worker) is not None
    assert bury(conn, a_keeper()) == 2
    assert [status(conn, job)[0] for job in jobs] == ["pending", "pending", "processing"]
    (attempt,) = queries.list_attempts(conn, jobs[0])
    assert (attempt.number, attempt.outcome, attempt.host) == (1, "crash", "elsewhere")
    assert "no sign of life for 20 seconds" in attempt.error
    assert [worker.id for worker in queries.list_workers(conn)] == [alive]
    assert bury(conn, a_keeper()) == 0


def test_alone_in_its_process_a_crash_uses_up_an_attempt(conn: Connection):
    job, keeper = defer(conn, shop.poison), a_keeper()
    for count in range(1, 5):
        worker = hands.a_worker(conn)
        conn.execute("UPDATE jobs.procrastinate_jobs SET scheduled_at = now() WHERE scheduled_at IS NOT NULL")
        assert hands.take(conn, worker).starts == count
        assert keeper.bury_worker(conn, Loss(worker, "its process was ended by SIGKILL")) == 1
        assert hands.row(conn, job)["status"] == ("failed" if count == 4 else "retrying")
    assert [one.outcome for one in queries.list_attempts(conn, job)] == ["crash"] * 4
    assert queries.get_job(conn, job).crashes == 4


def test_the_one_for_which_a_process_was_ended_pays_and_its_neighbours_do_not(conn: Connection):
    late, beside = defer(conn, shop.hang), defer(conn, shop.work, n=1)
    worker = hands.a_worker(conn)
    hands.take(conn, worker)
    hands.take(conn, worker)
    a_keeper().bury_worker(conn, Loss(worker, "past its limit", late, AttemptEnd.TIMEOUT))
    assert status(conn, late) == ("retrying", "past its limit")
    assert status(conn, beside)[0] == "pending"
    assert [one.outcome for one in queries.list_attempts(conn, late)] == ["timeout"]
    assert [one.outcome for one in queries.list_attempts(conn, beside)] == ["returned"]
    assert queries.list_workers(conn) == []


def test_a_job_that_its_worker_never_heard_of_is_given_to_another_at_no_cost(conn: Connection):
    job, worker = defer(conn, shop.work, n=1), hands.a_worker(conn)
    hands.take(conn, worker)
    conn.execute(
        "UPDATE jobs.procrastinate_jobs SET started_at = now() - interval '14 s' WHERE id = %s", (job,)
    )
    assert bury(conn, a_keeper()) == 0
    conn.execute(
        "UPDATE jobs.procrastinate_jobs SET started_at = now() - interval '16 s' WHERE id = %s", (job,)
    )
    conn.execute("UPDATE jobs.procrastinate_workers SET running = ARRAY[%s]::bigint[]", (job,))
    assert bury(conn, a_keeper()) == 0
    conn.execute("UPDATE jobs.procrastinate_workers SET running = '{}'")
    assert bury(conn, a_keeper()) == 1
    assert status(conn, job)[0] == "pending"
    assert [worker.id for worker in queries.list_workers(conn)] == [worker]


def test_a_job_far_past_its_limit_is_taken_from_a_worker_that_seems_well(conn: Connection):
    job, worker = defer(conn, shop.hang), hands.a_worker(conn)
    hands.take(conn, worker)
    conn.execute("UPDATE jobs.procrastinate_workers SET running = ARRAY[%s]::bigint[]", (job,))
    conn.execute(
        "UPDATE jobs.procrastinate_jobs SET started_at = now() - interval '62 s' WHERE id = %s", (job,)
    )
    assert bury(conn, a_keeper()) == 1
    assert status(conn, job)[0] == "retrying"
    assert [one.outcome for one in queries.list_attempts(conn, job)] == ["timeout"]


def test_what_its_task_owns_at_this_moment_is_left_alone(db: Database):
    with db.transaction() as conn:
        defer(conn, shop.work, n=1)
        worker = hands.a_worker(conn, silent_for=60)
        ticket = hands.take(conn, worker)
    keeper = a_keeper()
    with db.connection() as owner, db.connection() as other:
        held = hands.held(ticket, db)
        held.own(owner)
        assert bury(other, keeper) == 0
        held.complete(owner)
        owner.commit()
        assert bury(other, keeper) == 0
        assert hands.row(other, ticket.job_id)["status"] == "completed"


def test_one_keeps_house_at_a_time(db: Database):
    with db.transaction() as conn:
        job = defer(conn, shop.work.having(delay_seconds=0.001), n=1)
    with db.connection() as first:
        assert a_keeper()._is_our_turn(first)
        assert a_keeper().tick(db) == (0, 0)
        first.rollback()
    assert a_keeper().tick(db) == (0, 1)
    with db.transaction() as conn:
        assert queries.get_job(conn, job).not_before is None


def test_what_is_due_rises_and_who_listens_is_told(db: Database):
    with db.transaction() as conn:
        soon, later = (
            defer(conn, shop.work.having(delay_seconds=s, priority=5), n=1) for s in (0.001, 3_600)
        )
    with db.connection(autocommit=True) as heard:
        heard.execute("LISTEN procrastinate_any_queue_v1")
        assert a_keeper().tick(db) == (0, 1)
        assert len(list(heard.notifies(timeout=120, stop_after=1))) == 1
    with db.transaction() as conn:
        kept = dict(conn.execute("SELECT id, priority FROM jobs.procrastinate_jobs").fetchall())
    assert kept == {soon: 5, later: 5 - 1_000}


class Clock:
    """Two clocks, as a machine and its database have them."""

    def __init__(self) -> None:
        self.steady = Steadiness(20)
        self.ours = 0.0
        self.theirs = NOW

    def look(self, seconds: float, *, theirs: float | None = None, up: float = 1e6) -> bool:
        """A look after so many seconds, of which the database saw as many unless told."""
        self.ours += seconds
        self.theirs += timedelta(seconds=seconds if theirs is None else theirs)
        return self.steady.heard(self.theirs, self.theirs - timedelta(seconds=up), self.ours)


def test_on_a_calm_day_the_silent_are_buried_at_once():
    clock = Clock()
    assert [clock.look(1) for _ in range(3)] == [True] * 3


def test_after_an_outage_all_are_given_the_time_to_speak():
    clock = Clock()
    clock.look(1)
    clock.steady.interrupted(clock.ours)
    assert [clock.look(1) for _ in range(19)] == [False] * 19
    assert clock.look(1)


@pytest.mark.parametrize(("ours", "theirs"), [(1, 3_600), (1, -3_600), (3_600, 3_600), (11, 11), (1, 7)])
def test_so_they_are_after_a_clock_was_set_or_a_machine_slept(ours, theirs):
    clock = Clock()
    assert clock.look(1)
    assert not clock.look(ours, theirs=theirs)
    for _ in range(19):
        assert not clock.look(1)
    assert clock.look(1)


def test_and_while_the_server_has_just_come_up():
    assert not Clock().look(1, up=19)
    assert Clock().look(1, up=20)


def finished(db: Database, count: int, days: float, state: str) -> None:
    with db.transaction() as conn:
        conn.execute(
            "INSERT INTO jobs.procrastinate_jobs (queue_name, task_name, status, completed_at)"
            " SELECT 'default', 'shop.nothing', %s::jobs.procrastinate_job_status,"
            " %s::timestamptz - make_interval(days => 1) * %s"
            " FROM generate_series(1, %s)",
            (state, NOW, days, count),
        )


def test_what_ended_long_ago_goes_and_dead_letters_stay(db: Database):
    finished(db, 4_001, 15, "succeeded")
    for state in ("succeeded", "cancelled", "failed"):
        finished(db, 1, 15, state)
        finished(db, 1, 13, state)
    with db.transaction() as conn:
        waiting = defer(conn, shop.nothing)
    done: list[int] = []
    removed = remove_old(
        db, NOW, jobs_after=timedelta(days=14), runs_after=timedelta(days=400), progress=done.append
    )
    assert (removed.jobs, removed.runs) == (4_003, 0)
    assert done == [2_000, 4_000, 4_003, 4_003]
    with db.transaction() as conn:
        left = conn.execute(
            "SELECT status, count(*) FROM jobs.processing_tasks GROUP BY 1 ORDER BY 1"
        ).fetchall()
        assert left == [("cancelled", 1), ("completed", 1), ("failed", 2), ("pending", 1)]
        assert hands.row(conn, waiting)["status"] == "pending"


def test_the_newest_run_of_each_kind_stays_however_old(db: Database):
    with db.transaction() as conn:
        for source, day in (("osv", 500), ("osv", 450), ("osv", 10), ("kev", 700), ("kev", 600), (None, 900)):
            at = NOW - timedelta(days=day)
            add_run(
                conn, room="advisories", step="sync", source=source, started_at=at, ended_at=at,
                outcome=Outcome.COMPLETED, counts={"day": day},
            )  # fmt: skip
    removed = remove_old(db, NOW, jobs_after=timedelta(days=14), runs_after=timedelta(days=400))
    assert removed.runs == 3
    with db.transaction() as conn:
        assert sorted(run.counts["day"] for run in last_runs(conn, "advisories")) == [10, 600, 900]


def test_the_task_writes_its_line_in_the_ledger(db: Database):
    finished(db, 3, 15, "succeeded")
    needs = shop.Shop(db, shop.TASKS, clock=lambda: NOW)
    with db.transaction() as conn:
        defer(conn, shop.nothing)
        ticket = hands.take(conn, hands.a_worker(conn))
    remove_old_jobs.function(needs, hands.held(ticket, db))
    with db.transaction() as conn:
        (run,) = last_runs(conn, "jobs")
    assert (run.step, run.outcome, run.counts) == ("retention", "completed", {"jobs": 3, "runs": 0})
