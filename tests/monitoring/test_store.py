"""The totals: everything that ends is in them once, whatever happens around it."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from assay.jobs.housekeeping import remove_old
from assay.jobs.ledger import Outcome
from assay.kit.db import Connection, Database
from assay.monitoring import queries, store
from monitoring.floor import TASK, a_run, begun, ended, failed_attempt, waiting
from patience import until

NAME = TASK.name


def look(db: Database) -> int:
    with db.transaction() as conn:
        assert store.try_turn(conn)
        return store.observe(conn)


def ask(db: Database, question: str) -> int:
    with db.transaction() as conn:
        row = conn.execute(question).fetchone()
    assert row is not None
    return row[0]


def totals(db: Database) -> queries.Totals:
    with db.transaction() as conn:
        return queries.totals(conn)


@pytest.fixture
def db(ctx) -> Database:
    return ctx.db


def test_what_ended_is_counted_once(db):
    with db.transaction() as conn:
        for status in ("succeeded", "succeeded", "failed", "cancelled"):
            ended(conn, status)
        waiting(conn)
        begun(conn)
    assert look(db) == 4
    assert look(db) == 0
    assert totals(db).jobs == [(NAME, "cancelled", 1), (NAME, "completed", 2), (NAME, "failed", 1)]
    with db.transaction() as conn:
        ended(conn)
    assert look(db) == 1
    assert (NAME, "completed", 3) in totals(db).jobs


def test_times_fall_into_their_bars(db):
    with db.transaction() as conn:
        ended(conn, wait=0.04, run=0.2)
        ended(conn, wait=0.04, run=200)
        ended(conn, "failed", wait=7200, run=3)
        ended(conn, "cancelled", wait=1, run=1)
    look(db)
    bars = {(one.measure, one.bound): one.jobs for one in totals(db).times}
    assert bars == {
        ("wait", 0.05): 2,
        ("wait", float("inf")): 1,
        ("run", 0.25): 1,
        ("run", 300.0): 1,
        ("run", 5.0): 1,
    }
    seconds = {one.measure: 0.0 for one in totals(db).times}
    for one in totals(db).times:
        seconds[one.measure] += one.seconds
    assert seconds == pytest.approx({"wait": 7200.08, "run": 203.2}, abs=0.01)


def test_a_transaction_that_commits_late_is_counted_and_nothing_twice(db):
    """Its end carries the time of its beginning, and its number lies below those that were counted."""
    with db.connection() as late:
        ended(late)
        with db.transaction() as conn:
            ended(conn)
        assert look(db) == 1
        with db.transaction() as conn:
            ended(conn)
        assert look(db) == 1
        assert look(db) == 0
        late.commit()
    assert look(db) == 1
    assert look(db) == 0
    assert totals(db).jobs == [(NAME, "completed", 3)]
    # Other databases of the server have transactions too, and the horizon waits for them.
    assert until(lambda: look(db) == 0 and ask(db, "SELECT count(*) FROM monitoring.counted") == 0)


def test_a_savepoint_is_counted_with_its_transaction(db):
    """It has a number of its own, which is ended for those who ask while its transaction goes on."""
    with db.connection() as late:
        late.execute("SELECT pg_current_xact_id()")
        with late.transaction():
            ended(late)
        assert look(db) == 0
        late.commit()
    assert look(db) == 1
    assert look(db) == 0


def test_a_restored_dump_is_counted_from_its_last_look_on(db):
    with db.transaction() as conn:
        ended(conn)
    assert look(db) == 1
    with db.transaction() as conn:
        # Another server's numbers are lower than those that this database remembers.
        conn.execute("UPDATE monitoring.horizons SET horizon = horizon + 1000000000000")
    with db.transaction() as conn:
        ended(conn)
    assert look(db) == 1
    assert look(db) == 0
    assert totals(db).jobs == [(NAME, "completed", 2)]


def test_numbers_that_began_again_are_told_apart_by_their_epoch(db):
    """A row keeps 32 of the 64 bits; those above come from the present."""
    with db.transaction() as conn:
        ended(conn)
        row = conn.execute("SELECT pg_current_xact_id()::text::bigint").fetchone()
    assert row is not None
    assert look(db) == 1
    horizon = "SELECT horizon FROM monitoring.horizons WHERE kind = 'jobs'"
    until(lambda: look(db) == 0 and row[0] < ask(db, horizon))
    assert ask(db, horizon) < 2**32


def test_what_is_deleted_stays_in_the_totals(db):
    with db.transaction() as conn:
        ended(conn)
        a_run(conn, datetime.now(UTC) - timedelta(hours=1))
        a_run(conn, datetime.now(UTC))
    look(db)
    before = totals(db)
    removed = remove_old(
        db, datetime.now(UTC) + timedelta(days=1), jobs_after=timedelta(), runs_after=timedelta()
    )
    assert (removed.jobs, removed.runs) == (1, 1)
    assert look(db) == 0
    after = totals(db)
    assert (after.jobs, after.runs, after.times) == (before.jobs, before.runs, before.times)


def test_attempts_are_counted_by_what_went_wrong(db):
    with db.transaction() as conn:
        job = begun(conn)
        for outcome, kind in (
            ("error", "Transient"),
            ("error", "Transient"),
            ("crash", None),
            ("returned", None),
        ):
            failed_attempt(conn, job, outcome, kind)
    assert look(db) == 4
    assert look(db) == 0
    assert totals(db).attempts == [
        (NAME, "crash", "crash", 1),
        (NAME, "error", "Transient", 2),
        (NAME, "returned", "returned", 1),
    ]
    with db.transaction() as conn:
        failed_attempt(conn, job)
    assert look(db) == 1
    assert (NAME, "error", "Transient", 3) in totals(db).attempts


def test_runs_are_counted_with_what_they_counted(db):
    now = datetime.now(UTC)
    with db.transaction() as conn:
        a_run(conn, now)
        a_run(conn, now, counts={"read": 4, "odd": -1})
        a_run(conn, now, Outcome.FAILED, counts={})
        a_run(conn, now, source=None, room="catalog", step="merge", counts={"merged": 9})
    assert look(db) == 4
    assert look(db) == 0
    found = totals(db)
    assert found.runs == [
        ("advisories", "sync", "osv", "completed", 2, 2.0),
        ("advisories", "sync", "osv", "failed", 1, 1.0),
        ("catalog", "merge", "", "completed", 1, 1.0),
    ]
    assert found.records == [
        ("advisories", "sync", "osv", "new", 1),
        ("advisories", "sync", "osv", "read", 7),
        ("catalog", "merge", "", "merged", 9),
    ]


def test_one_process_looks_at_a_time(db):
    with db.transaction() as conn:
        assert store.try_turn(conn)
        with db.connection() as other:
            assert not store.try_turn(other)
    with db.connection() as other:
        assert store.try_turn(other)


def test_an_unresolved_alert_is_unique(conn: Connection):
    conn.execute(
        "INSERT INTO monitoring.alerts (rule, subject, severity, state, value, threshold, message, breached_at, "
        "seen_at, opened_at) VALUES ('backlog', 'q', 'warning', 'open', 1, 1, '', now(), now(), now())"
    )
    with pytest.raises(psycopg.errors.UniqueViolation):
        conn.execute(
            "INSERT INTO monitoring.alerts (rule, subject, severity, state, value, threshold, message, breached_at, "
            "seen_at) VALUES ('backlog', 'q', 'warning', 'pending', 1, 1, '', now(), now())"
        )
