"""Deferring: in the caller's transaction, once for a key, in the order of priority, never with wrong arguments."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from assay.errors import Permanent
from assay.jobs.deferring import defer, defer_many, put
from assay.jobs.queries import get_job
from assay.kit.db import Connection, Database
from jobs import hands, shop


def count(conn: Connection) -> int:
    row = conn.execute("SELECT count(*) FROM jobs.procrastinate_jobs").fetchone()
    assert row is not None
    return row[0]


def test_a_job_is_what_was_deferred(conn: Connection):
    job = get_job(conn, defer(conn, shop.work.having(priority=7, key="a key"), n=3, seconds=0.5))
    assert (job.task, job.room, job.subject, job.status) == ("shop.work", "shop", "3", "pending")
    assert (job.args, job.priority, job.key, job.max_retries) == ({"n": 3, "seconds": 0.5}, 7, "a key", 10)
    assert (job.retry_count, job.started_at, job.completed_at, job.error_message) == (0, None, None, None)


def test_it_shares_the_fate_of_its_transaction(fresh_url: str):
    db = Database(fresh_url)
    with pytest.raises(ZeroDivisionError), db.transaction() as conn:  # noqa: PT012 - both are the point
        defer(conn, shop.nothing)
        raise ZeroDivisionError
    with db.transaction() as conn:
        assert count(conn) == 0
        defer(conn, shop.nothing)
        with db.connection() as other:
            assert hands.take(other, hands.a_worker(other)) is None
    with db.transaction() as conn:
        assert hands.take(conn, hands.a_worker(conn)) is not None
    db.close()


def test_wrong_arguments_write_nothing_and_leave_the_transaction_whole(conn: Connection):
    with pytest.raises(Permanent):
        put(conn, shop.work, {"n": "three"})
    with pytest.raises(Permanent):
        defer_many(conn, shop.work, [{"n": 1}, {"m": 2}])
    assert count(conn) == 0
    defer(conn, shop.work, n=1)
    assert count(conn) == 1


def test_the_same_key_is_the_same_job_even_after_its_end(conn: Connection):
    task = shop.work.having(key="k")
    first = put(conn, task, {"n": 1})
    assert put(conn, task, {"n": 2}) == (first.id, False)
    ticket = hands.take(conn, hands.a_worker(conn))
    assert put(conn, task, {"n": 1}) == (first.id, False)
    hands.finish(conn, ticket)
    assert put(conn, task, {"n": 1}) == (first.id, False)
    assert put(conn, shop.fail.having(key="k"), {"how": "bug"}).is_new  # keys belong to their task


def test_a_cancelled_job_sets_its_key_free(conn: Connection):
    task = shop.work.having(key="k")
    first = put(conn, task, {"n": 1})
    conn.execute("UPDATE jobs.procrastinate_jobs SET status = 'cancelled' WHERE id = %s", (first.id,))
    assert put(conn, task, {"n": 1}).is_new


def test_many_leave_out_the_keys_that_exist_and_doubles(conn: Connection):
    put(conn, shop.work.having(key="1"), {"n": 1})
    made = defer_many(conn, shop.work, [{"n": n} for n in (0, 1, 2, 2)], keys=["0", "1", "2", "2"])
    assert len(made) == 2
    assert [get_job(conn, job_id).args["n"] for job_id in made] == [0, 2]
    assert defer_many(conn, shop.work, []) == []
    with pytest.raises(ValueError, match="every deferral"):
        defer_many(conn, shop.work, [{"n": 1}], keys=[])


def test_many_of_a_unique_task_become_one_each(conn: Connection):
    made = defer_many(conn, shop.alone, [{"place": "a"}, {"place": "b"}, {"place": "a"}])
    assert len(made) == 2


def test_of_the_same_arguments_one_waits_and_of_a_place_one_runs(conn: Connection):
    worker = hands.a_worker(conn)
    first = put(conn, shop.alone, {"place": "a"})
    assert put(conn, shop.alone, {"place": "a"}) == (first.id, False)
    other = put(conn, shop.alone, {"place": "a", "seconds": 1.0})
    assert other.is_new
    running = hands.take(conn, worker)
    assert running.job_id == first.id
    # The first runs: another one of it may wait, and neither that nor the other may run.
    assert put(conn, shop.alone, {"place": "a"}).is_new
    assert hands.take(conn, worker) is None
    elsewhere = put(conn, shop.alone, {"place": "b"})
    assert hands.take(conn, worker).job_id == elsewhere.id
    hands.finish(conn, running)
    assert hands.take(conn, worker).job_id == other.id


def test_the_same_key_from_many_sides_at_once_is_one_job(fresh_url: str):
    db, found = Database(fresh_url), []
    gate = threading.Barrier(8)

    def one() -> None:
        with db.connection() as conn:
            gate.wait()
            found.append(put(conn, shop.alone.having(key="k"), {"place": "a"}))
            conn.commit()

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({made.id for made in found}) == 1
    assert sum(made.is_new for made in found) == 1
    with db.transaction() as conn:
        assert count(conn) == 1
    db.close()


def test_higher_priorities_go_first_and_delayed_ones_wait(conn: Connection):
    soon = defer(conn, shop.work.having(delay_seconds=3_600, priority=100), n=0)
    low, high, middle = (defer(conn, shop.work.having(priority=at), n=1) for at in (-100, 100, 0))
    worker = hands.a_worker(conn)
    assert [hands.take(conn, worker).job_id for _ in range(3)] == [high, middle, low]
    assert hands.take(conn, worker) is None
    shown = get_job(conn, soon)
    assert (shown.priority, shown.status) == (100, "pending")
    assert shown.not_before > datetime.now(UTC) + timedelta(minutes=59)


def test_of_two_times_the_later_counts_and_a_past_one_does_not(conn: Connection):
    now = datetime.now(UTC)
    later = shop.work.having(delay_seconds=60, not_before=now + timedelta(days=1))
    assert get_job(conn, defer(conn, later, n=0)).not_before == now + timedelta(days=1)
    past = shop.work.having(not_before=now - timedelta(days=1))
    assert get_job(conn, defer(conn, past, n=0)).not_before is None


def test_who_listens_is_told_at_the_commit(fresh_url: str):
    db = Database(fresh_url)
    with db.connection(autocommit=True) as heard, db.connection() as conn:
        heard.execute("LISTEN procrastinate_any_queue_v1")
        defer(conn, shop.nothing)
        assert list(heard.notifies(timeout=0.05)) == []
        conn.commit()
        assert len(list(heard.notifies(timeout=120, stop_after=1))) == 1
    db.close()
