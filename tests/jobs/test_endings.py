"""How jobs end: fenced, with every attempt's error, and shown to operators in the words of the view."""

from datetime import timedelta

import pytest

from assay.errors import Permanent, Transient
from assay.jobs import queries
from assay.jobs.deferring import defer
from assay.jobs.model import Cancelled, Lost, OutOfTime
from assay.kit.db import Connection, Database
from jobs import hands, shop

COLUMNS = (
    "id task room subject status priority retry_count max_retries error_message"
    " created_at started_at completed_at"
)


def test_the_view_has_the_columns_that_operators_rely_on(conn: Connection):
    job = defer(conn, shop.fail, how="bug")
    assert list(hands.row(conn, job)) == [*COLUMNS.split(), "updated_at"]


def test_a_life_without_errors(conn: Connection):
    job = defer(conn, shop.fail, how="bug")
    assert (hands.row(conn, job)["status"], hands.row(conn, job)["subject"]) == ("pending", "bug")
    ticket = hands.take(conn, hands.a_worker(conn))
    found = hands.row(conn, job)
    assert (found["status"], found["completed_at"]) == ("processing", None)
    assert found["started_at"] is not None
    assert hands.finish(conn, ticket) == 1
    found = hands.row(conn, job)
    assert (found["status"], found["retry_count"], found["error_message"]) == ("completed", 0, None)
    assert found["completed_at"] is not None


def test_a_life_with_retries_and_a_dead_letter(conn: Connection):
    worker, job = hands.a_worker(conn), defer(conn, shop.fail, how="transient")
    for retry in range(3):
        assert hands.fail(conn, hands.take(conn, worker), Transient(f"down {retry}"), wait=0)
        found = hands.row(conn, job)
        assert (found["status"], found["retry_count"], found["error_message"]) == (
            "retrying",
            retry + 1,
            f"down {retry}",
        )
    assert hands.fail(conn, hands.take(conn, worker), Transient("down for good"), wait=0)
    found = hands.row(conn, job)
    assert (found["status"], found["retry_count"], found["max_retries"]) == ("failed", 3, 3)
    attempts = queries.list_attempts(conn, job)
    assert [(one.number, one.outcome, one.error) for one in attempts] == [
        (1, "error", "down 0"),
        (2, "error", "down 1"),
        (3, "error", "down 2"),
        (4, "error", "down for good"),
    ]
    assert all("Transient: down" in one.traceback and one.host == "here" for one in attempts)


def test_a_permanent_error_is_a_dead_letter_at_once(conn: Connection):
    job = defer(conn, shop.fail, how="permanent")
    hands.fail(conn, hands.take(conn, hands.a_worker(conn)), Permanent("correct it"))
    found = hands.row(conn, job)
    assert (found["status"], found["retry_count"], found["error_message"]) == ("failed", 0, "correct it")


def test_a_retry_that_waits_stands_behind_what_is_ready_and_keeps_its_priority(conn: Connection):
    worker, job = hands.a_worker(conn), defer(conn, shop.fail.having(priority=9), how="transient")
    hands.fail(conn, hands.take(conn, worker), Transient("down"), wait=60)
    kept = conn.execute("SELECT priority FROM jobs.procrastinate_jobs WHERE id = %s", (job,)).fetchone()
    assert (kept[0], hands.row(conn, job)["priority"]) == (9 - 1_000, 9)
    assert hands.take(conn, worker) is None
    # Due, and not yet raised by anybody: an idle worker finds it all the same, and it is itself again.
    conn.execute(
        "UPDATE jobs.procrastinate_jobs SET scheduled_at = now() - interval '1 s' WHERE id = %s", (job,)
    )
    assert hands.take(conn, worker).job_id == job
    kept = conn.execute(
        "SELECT priority, scheduled_at FROM jobs.procrastinate_jobs WHERE id = %s", (job,)
    ).fetchone()
    assert kept == (9, None)


def test_whoever_lost_a_job_can_neither_end_it_nor_write_for_it(conn: Connection, database: Database):
    worker, job = hands.a_worker(conn), defer(conn, shop.fail, how="transient")
    frozen = hands.take(conn, worker)
    conn.execute("UPDATE jobs.procrastinate_jobs SET status = 'todo' WHERE id = %s", (job,))
    second = hands.take(conn, worker)
    assert (second.job_id, second.starts) == (job, 2)
    assert hands.finish(conn, frozen) == 0
    assert not hands.fail(conn, frozen, Transient("late"))
    for refused in (hands.held(frozen, database).own, hands.held(frozen, database).complete):
        with pytest.raises(Lost):
            refused(conn)
    assert hands.row(conn, job)["status"] == "processing"
    hands.held(second, database).own(conn)
    hands.held(second, database).complete(conn)
    assert hands.row(conn, job)["status"] == "completed"
    assert (
        hands.finish(conn, second) == 0
    )  # its worker finds that it has ended with the task's own transaction


def test_a_retry_gives_way_to_one_of_its_kind_that_waits(conn: Connection):
    worker = hands.a_worker(conn)
    first = defer(conn, shop.alone, place="a")
    ticket = hands.take(conn, worker)
    second = defer(conn, shop.alone, place="a")
    hands.fail(conn, ticket, Transient("again"))
    assert (hands.row(conn, first)["status"], hands.row(conn, second)["status"]) == ("cancelled", "pending")
    assert hands.take(conn, worker).job_id == second


def test_cancelled_while_it_ran(conn: Connection):
    job = defer(conn, shop.fail, how="transient")
    ticket = hands.take(conn, hands.a_worker(conn))
    hands.fail(conn, ticket, Cancelled("by a person"))
    assert hands.row(conn, job)["status"] == "cancelled"
    assert [one.outcome for one in queries.list_attempts(conn, job)] == ["cancelled"]


def test_an_error_in_a_job_that_is_being_cancelled_does_not_revive_it(conn: Connection):
    job = defer(conn, shop.fail, how="transient")
    ticket = hands.take(conn, hands.a_worker(conn))
    conn.execute("UPDATE jobs.procrastinate_jobs SET abort_requested = true WHERE id = %s", (job,))
    hands.fail(conn, ticket, Transient("down"))
    assert hands.row(conn, job)["status"] == "cancelled"


def test_progress_is_seen_while_it_runs_and_not_written_too_often(fresh_url: str):
    db, now = Database(fresh_url), [0.0]
    with db.transaction() as conn:
        job = defer(conn, shop.nothing)
        ticket = hands.take(conn, hands.a_worker(conn))
    held = hands.held(ticket, db, monotonic=lambda: now[0])

    def seen() -> tuple[int | None, int | None, str | None]:
        with db.transaction() as conn:
            found = queries.get_job(conn, job)
        return found.progress_done, found.progress_total, found.progress_message

    held.progress(1, 10, "osv: read\x00")
    assert seen() == (1, 10, "osv: read")
    held.progress(2, 10)
    assert seen() == (1, 10, "osv: read")
    now[0] = 1.0
    held.progress(3)
    assert seen() == (3, None, None)
    with db.transaction() as conn:
        held.own(conn)
        now[0] = 2.0
        held.progress(4)  # the row is locked by the task itself, and that is no reason to wait for ever
    held.check()
    assert seen()[0] == 3
    db.close()


def test_a_task_ends_when_it_must(fresh_url: str):
    db, now = Database(fresh_url), [0.0]
    with db.transaction() as conn:
        job = defer(conn, shop.nothing)
        ticket = hands.take(conn, hands.a_worker(conn))
    held = hands.held(ticket, db, soft_seconds=5.0, monotonic=lambda: now[0])
    held.check()
    now[0] = 5.1
    with pytest.raises(OutOfTime, match="soft limit of 5 seconds"):
        held.progress(1)
    with pytest.raises(Cancelled):
        hands.held(ticket, db, is_cancelled=lambda: True).check()
    lost = hands.held(ticket, db)
    with db.transaction() as conn:
        conn.execute("UPDATE jobs.procrastinate_jobs SET status = 'todo' WHERE id = %s", (job,))
    lost.progress(1)
    with pytest.raises(Lost):
        lost.check()
    db.close()


def test_without_a_database_the_work_goes_on():
    gone = Database("postgresql://nobody@127.0.0.1:1/none?connect_timeout=1")
    hands.held(hands.Ticket(1, "shop.nothing", {}, 1, 0, 3, 1), gone).progress(1)


def test_stats_count_what_is_there(conn: Connection):
    worker = hands.a_worker(conn)
    defer(conn, shop.fail, how="bug")
    hands.finish(conn, hands.take(conn, worker))
    hands.fail(conn, _next(conn, worker), Permanent("no"))
    hands.fail(conn, _next(conn, worker), Transient("later"))
    _next(conn, worker)
    defer(conn, shop.fail.having(priority=-1), how="bug")
    (figures,) = queries.stats(conn).tasks
    assert (figures.task, figures.completed_last_hour, figures.failed, figures.failed_last_hour) == (
        "shop.fail",
        1,
        1,
        1,
    )
    assert (figures.retrying, figures.processing, figures.pending) == (1, 1, 1)
    assert figures.oldest_waiting_seconds >= 0
    assert queries.stats(conn).unserved_queues == []
    conn.execute("UPDATE jobs.procrastinate_workers SET queues = '{other}'")
    assert queries.stats(conn).unserved_queues == ["default"]


def _next(conn: Connection, worker: int) -> hands.Ticket:
    defer(conn, shop.fail, how="bug")
    found = hands.take(conn, worker)
    assert found is not None
    return found


def test_a_job_cannot_take_negative_time(conn: Connection):
    job = defer(conn, shop.nothing)
    hands.finish(conn, hands.take(conn, hands.a_worker(conn)))
    found = queries.get_job(conn, job)
    assert found.completed_at - found.started_at >= timedelta(0)
