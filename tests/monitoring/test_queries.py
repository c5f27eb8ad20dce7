"""The present, as it is read off the jobs room's tables."""

from datetime import UTC, datetime, timedelta

import pytest

from assay.jobs.ledger import Outcome
from assay.jobs.schedules import Declared, declare, pause
from assay.kit.db import Connection
from assay.monitoring import queries
from assay.monitoring.model import Thresholds
from monitoring.floor import TASK, a_run, a_worker, begun, ended, failed_attempt, waiting

NAME = TASK.name


@pytest.fixture
def now(conn: Connection) -> datetime:
    return conn.execute("SELECT now()").fetchone()[0].astimezone(UTC)


def test_an_empty_installation_has_nothing_to_show(conn, now):
    seen = queries.picture(conn, Thresholds(), now)
    assert (seen.queues, seen.tasks, seen.rates, seen.workers, seen.sources, seen.alive) == (
        (),
        (),
        (),
        (),
        (),
        0,
    )


def test_queues(conn):
    waiting(conn)
    late = waiting(conn)
    delayed = waiting(conn)
    begun(conn)
    ended(conn)
    conn.execute(
        "UPDATE jobs.procrastinate_jobs SET updated_at = now() - interval '90 seconds' WHERE id = %s", (late,)
    )
    conn.execute(
        "UPDATE jobs.procrastinate_jobs SET scheduled_at = now() + interval '1 hour', "
        "updated_at = now() - interval '1 day' WHERE id = %s",
        (delayed,),
    )
    (queue,) = queries.list_queues(conn)
    assert (queue.queue, queue.ready, queue.delayed, queue.active) == (TASK.queue, 2, 1, 1)
    assert queue.oldest_waiting_seconds == pytest.approx(90, abs=5)


def test_a_queue_is_unserved_when_every_worker_serves_others(conn):
    waiting(conn)
    assert [one.is_served for one in queries.list_queues(conn)] == [True]
    a_worker(conn, queues=["other"])
    a_worker(conn, silent=99, queues=None)
    found = {one.queue: one.is_served for one in queries.list_queues(conn)}
    assert found == {TASK.queue: False, "other": True}
    a_worker(conn, queues=None)
    assert all(one.is_served for one in queries.list_queues(conn))


def test_tasks(conn):
    waiting(conn)
    again = waiting(conn)
    conn.execute("UPDATE jobs.procrastinate_jobs SET attempts = 1 WHERE id = %s", (again,))
    running = begun(conn)
    conn.execute(
        "UPDATE jobs.procrastinate_jobs SET started_at = now() - interval '45 minutes', hard_seconds = 3600 "
        "WHERE id = %s",
        (running,),
    )
    ended(conn, "failed")
    (task,) = queries.list_tasks(conn)
    assert (task.task, task.pending, task.retrying, task.processing, task.failed) == (NAME, 1, 1, 1, 1)
    assert task.longest_share == pytest.approx(0.75, abs=0.01)
    assert task.last_error == "it broke"


def test_rates_look_back_so_many_minutes(conn):
    job = ended(conn)
    for _ in range(3):
        failed_attempt(conn, job)
    failed_attempt(conn, job, "returned", None)
    conn.execute(
        "UPDATE jobs.attempts SET ended_at = now() - interval '2 hours' "
        "WHERE id = (SELECT min(id) FROM jobs.attempts)"
    )
    (rate,) = queries.list_rates(conn, 60)
    assert (rate.task, rate.good, rate.bad) == (NAME, 1, 2)
    (rate,) = queries.list_rates(conn, 180)
    assert rate.share == 0.75


def test_workers(conn):
    a_worker(conn)
    a_worker(conn, silent=60)
    assert sorted(one.is_alive for one in queries.list_workers(conn)) == [False, True]


def test_sources_with_their_failures_since_the_last_good_run(conn, now):
    for minutes, outcome in (
        (9, Outcome.COMPLETED),
        (6, Outcome.FAILED),
        (4, Outcome.REFUSED),
        (2, Outcome.FAILED),
    ):
        a_run(conn, now - timedelta(minutes=minutes), outcome, detail=f"{minutes} minutes ago")
    a_run(conn, now, Outcome.UNCHANGED, source="kev")
    a_run(conn, now, step="replay", source="osv")
    a_run(conn, now, room="feeds", source="blog", outcome=Outcome.FAILED)
    a_run(conn, now, room="catalog", step="merge", source=None)
    found = {one.subject: one for one in queries.list_sources(conn, 3)}
    assert list(found) == ["advisories osv replay", "advisories kev", "advisories osv", "feeds blog"]
    osv = found["advisories osv"]
    assert (osv.failures, osv.refusals, osv.last_outcome) == (3, 1, "failed")
    assert (osv.good_at, osv.last_detail) == (now - timedelta(minutes=9), "2 minutes ago")
    assert (found["advisories kev"].failures, found["advisories kev"].good_at) == (0, now)
    assert (found["feeds blog"].failures, found["feeds blog"].good_at) == (1, None)


def test_a_source_may_miss_some_runs_of_its_schedule(conn, now):
    at = now - timedelta(minutes=5)
    for source in ("osv", "kev", "epss", "cve", "other"):
        a_run(conn, at, source=source)
    declare(
        conn,
        [
            Declared("osv", "advisories.sync", "every 2h", {"source": "osv"}),
            Declared("kev", "advisories.sync", "0 6 * * *", {"source": "kev"}),
            Declared("epss", "advisories.sync", "off", {"source": "epss"}),
            Declared("cve", "advisories.sync", "every 1h", {"source": "cve"}),
            Declared("feed", "feeds.sync", "every 1h", {"source": "other"}),
        ],
    )
    pause(conn, "cve", "eve")
    allowed = {one.source: one.allowed_seconds for one in queries.list_sources(conn, 3)}
    assert allowed["osv"] == 3 * 7200 + 900
    third = (at.replace(hour=6, minute=0, second=0, microsecond=0) + timedelta(days=2 + (at.hour >= 6))) - at
    assert allowed["kev"] == pytest.approx(third.total_seconds() + 900, abs=1)
    assert (allowed["epss"], allowed["cve"], allowed["other"]) == (None, None, None)
