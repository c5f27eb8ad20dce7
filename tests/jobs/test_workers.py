"""Workers as processes of their own: what they do with tasks that end badly, and how they end themselves."""

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
from psycopg import sql

from assay.jobs import commands, queries
from assay.jobs.deferring import defer, defer_many
from assay.kit.db import Database
from assay.kit.roles import grant
from jobs import shop, storm
from patience import until

pytestmark = pytest.mark.fault

# Far more than anything takes on a machine that is not busy with something else.
PATIENCE = 240.0


class Yard:
    """A database with the shop's tables, and the machines that serve it."""

    def __init__(self, url: str) -> None:
        self.db = Database(url)
        self.machines: list[storm.Machine] = []
        with self.db.transaction() as conn:
            conn.execute(shop.SCHEMA.encode())

    def start(self, **changes: Any) -> storm.Machine:
        machine = storm.Machine(self.db.url, {"processes": 1, "level": "error"} | changes)
        self.machines.append(machine)
        return machine

    def defer(self, task: Any, **args: Any) -> int:
        with self.db.transaction() as conn:
            return defer(conn, task, **args)

    def job(self, job_id: int) -> queries.Job:
        with self.db.transaction() as conn:
            return queries.get_job(conn, job_id)

    def attempts(self, job_id: int) -> list[queries.Attempt]:
        with self.db.transaction() as conn:
            return queries.list_attempts(conn, job_id)

    def workers(self) -> list[queries.WorkerRow]:
        with self.db.transaction() as conn:
            return queries.list_workers(conn)

    def ended(self, job_id: int, seconds: float = PATIENCE) -> queries.Job:
        until(lambda: self.job(job_id).completed_at, seconds)
        return self.job(job_id)

    def pids(self, table: str = "done") -> list[int]:
        with self.db.transaction() as conn:
            return [
                row[0]
                for row in conn.execute(f"SELECT pid FROM shop.{table} ORDER BY at".encode()).fetchall()
            ]

    def close(self) -> None:
        for machine in self.machines:
            machine.close()
        self.db.close()


@pytest.fixture
def yard(fresh_url: str) -> Iterator[Yard]:
    made = Yard(fresh_url)
    yield made
    made.close()


def test_tasks_that_end_badly_end_as_they_should(yard: Yard):
    jobs = {how: yard.defer(shop.fail, how=how) for how in ("transient", "permanent", "record", "bug")}
    healed = yard.defer(shop.fail, how="transient", until=3)
    late, poison, hang = yard.defer(shop.late), yard.defer(shop.poison), yard.defer(shop.hang)
    good = yard.defer(shop.work, n=1)
    with yard.db.transaction() as conn:
        conn.execute(
            "UPDATE jobs.procrastinate_jobs SET task_name = 'shop.from_a_newer_version', max_retries = 0 WHERE id = %s",
            (newer := defer(conn, shop.nothing),),
        )
    yard.start(processes=2)
    ends = {how: (yard.ended(job).status, len(yard.attempts(job))) for how, job in jobs.items()}
    assert ends == {
        "transient": ("failed", 4),
        "permanent": ("failed", 1),
        "record": ("failed", 1),
        "bug": ("failed", 4),
    }
    assert (yard.ended(healed).status, len(yard.attempts(healed))) == ("completed", 2)
    assert "hunter2" not in str(yard.attempts(jobs["permanent"]))
    assert yard.ended(late).error_message.startswith(f"job {late} is past its soft limit")
    assert [one.outcome for one in (yard.ended(poison) and yard.attempts(poison))] == ["crash"] * 4
    assert yard.job(poison).error_message == "its process was ended by SIGKILL"
    assert [one.outcome for one in (yard.ended(hang) and yard.attempts(hang))] == ["timeout"] * 2
    assert len(set(yard.pids("begun"))) > 5  # each of those six attempts took a process with it
    assert yard.ended(good).status == "completed"
    assert "which this worker runs" in yard.ended(newer).error_message


def test_progress_is_seen_and_a_running_job_can_be_cancelled(yard: Yard):
    job = yard.defer(shop.slow, n=1, steps=100_000)
    yard.start()
    until(lambda: (yard.job(job).progress_done or 0) > 3)
    shown = yard.job(job)
    assert (shown.status, shown.progress_total, shown.host) == ("processing", 100_000, yard.workers()[0].host)
    assert shown.progress_message == f"step {shown.progress_done}"
    with yard.db.transaction() as conn:
        commands.cancel(conn, [job], "ann")
    assert yard.ended(job).status == "cancelled"
    assert yard.ended(yard.defer(shop.work, n=1)).status == "completed"


def test_a_stopped_machine_hands_back_what_it_cannot_finish(yard: Yard):
    machine = yard.start(grace_seconds=0.5)
    job = yard.defer(shop.slow, n=1, steps=100_000)
    until(lambda: yard.job(job).status == "processing")
    machine.process.send_signal(signal.SIGTERM)
    assert machine.process.wait(PATIENCE) == 0
    found = yard.job(job)
    assert (found.status, found.retry_count, found.not_before) == ("pending", 0, None)
    assert [one.outcome for one in yard.attempts(job)] == ["returned"]
    assert yard.workers() == []


def test_and_finishes_what_it_can(yard: Yard):
    machine = yard.start(grace_seconds=60)
    job = yard.defer(shop.work, n=1, seconds=5)
    waiting = yard.defer(shop.work, n=2)
    until(lambda: yard.job(job).status == "processing")
    machine.process.send_signal(signal.SIGINT)
    assert machine.process.wait(PATIENCE) == 0
    assert (yard.job(job).status, yard.job(waiting).status) == ("completed", "pending")


def test_a_killed_supervisor_takes_its_workers_with_it_in_order(yard: Yard):
    machine = yard.start(grace_seconds=0.5, processes=2)
    until(lambda: len(yard.workers()) == 2)
    job = yard.defer(shop.slow, n=1, steps=100_000)
    until(lambda: yard.job(job).status == "processing")
    below = machine.workers()
    machine.kill()
    _, alive = psutil.wait_procs(below, timeout=PATIENCE)
    assert alive == []
    assert (yard.job(job).status, yard.workers()) == ("pending", [])


def test_a_worker_makes_room_for_a_fresh_one_after_its_tasks(yard: Yard):
    with yard.db.transaction() as conn:
        jobs = defer_many(conn, shop.work, [{"n": n} for n in range(6)])
    yard.start(recycle_after=2)
    until(lambda: all(yard.job(job).completed_at for job in jobs))
    pids = yard.pids()
    assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [2, 2, 2]
    assert [attempt for job in jobs for attempt in yard.attempts(job)] == []


def test_a_worker_that_grows_is_replaced_and_its_task_pays(yard: Yard):
    job = yard.defer(shop.grow, megabytes=400)
    yard.start(memory_bytes=200 << 20)
    found = yard.ended(job)
    assert found.status == "failed"
    assert "MB of memory, the limit is 200 MB" in found.error_message
    assert len(yard.attempts(job)) == 2
    assert yard.ended(yard.defer(shop.work, n=1)).status == "completed"


def test_a_worker_serves_the_queues_that_it_was_given(yard: Yard):
    yard.start(queues=["elsewhere"])
    until(lambda: len(yard.workers()) == 1)
    here = yard.defer(shop.work, n=1)
    with yard.db.transaction() as conn:
        there = defer(conn, shop.work, n=2)
        conn.execute("UPDATE jobs.procrastinate_jobs SET queue_name = 'elsewhere' WHERE id = %s", (there,))
    assert yard.ended(there).status == "completed"
    with yard.db.transaction() as conn:
        assert queries.stats(conn).unserved_queues == ["default"]
    assert yard.job(here).status == "pending"


def test_a_connection_that_is_cut_costs_nothing(yard: Yard):
    """The write of a job's end is what an engine forgets: with its connections cut again and again none is lost."""
    with yard.db.transaction() as conn:
        jobs = defer_many(conn, shop.nothing, [{}] * 300)
    yard.start(concurrency=4)

    def cut() -> int:
        with yard.db.transaction() as conn:
            row = conn.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = 'assay worker'"
            ).fetchone()
        return row[0]

    for _ in range(6):
        until(cut)
        time.sleep(0.3)

    def is_done() -> bool:
        with yard.db.transaction() as conn:
            row = conn.execute(
                "SELECT count(*) FROM jobs.processing_tasks WHERE status = 'completed'"
            ).fetchone()
        return row[0] == len(jobs)

    until(is_done)
    with yard.db.transaction() as conn:
        starts = conn.execute("SELECT starts, count(*) FROM jobs.procrastinate_jobs GROUP BY 1").fetchall()
    # A fetch whose answer was cut off is handed back after 15 s; it costs no attempt.
    assert sum(count for _, count in starts) == 300
    assert {attempt.outcome for job in jobs for attempt in yard.attempts(job)} <= {"returned"}


def test_the_schedule_of_two_machines_runs_once(yard: Yard):
    for _ in range(2):
        yard.start(every="30m")

    def made() -> int:
        with yard.db.transaction() as conn:
            return len(queries.list_jobs(conn, queries.Filters(task="shop.work"), limit=10))

    until(lambda: made() == 1)
    for count in (2, 3):
        with yard.db.transaction() as conn:
            conn.execute(
                "UPDATE jobs.schedules SET due_at = due_at - interval '30 min',"
                " next_run_at = next_run_at - interval '30 min'"
            )
        until(lambda count=count: made() >= count)
    time.sleep(1.5)
    assert made() == 3


def test_a_worker_needs_few_rights(yard: Yard, server: Any):
    """What `assay migrate --role` grants is enough for a worker, on a role that owns nothing."""
    role = f"assay_worker_{os.urandom(3).hex()}"
    with yard.db.connection(autocommit=True) as conn:
        conn.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 's3cret'").format(sql.Identifier(role)))
        grant(conn, role, may_write=True)
    info = storm.psycopg.conninfo.conninfo_to_dict(yard.db.url)
    url = storm.psycopg.conninfo.make_conninfo(**{**info, "user": role, "password": "s3cret"})
    try:
        try:
            limited = Database(url)
            with limited.transaction() as conn:
                conn.execute("SELECT 1")
        except Exception as error:  # noqa: BLE001 - whatever keeps the role out
            pytest.skip(f"this server lets no other role in: {error}")
        with pytest.raises(storm.psycopg.errors.InsufficientPrivilege), limited.transaction() as conn:
            conn.execute("DROP TABLE jobs.runs")
        with pytest.raises(storm.psycopg.errors.InsufficientPrivilege), limited.transaction() as conn:
            conn.execute("CREATE TABLE jobs.mine (id int)")
        job, bad = yard.defer(shop.work, n=1), yard.defer(shop.fail, how="permanent")
        machine = storm.Machine(url, {"processes": 1, "every": "1h"})
        yard.machines.append(machine)
        assert yard.ended(job).status == "completed"
        assert yard.ended(bad).status == "failed"
        until(lambda: yard.defer(shop.nothing) and any(j.subject == "-1" for j in _works(yard)))
        limited.close()
    finally:
        for machine in yard.machines:
            machine.close()
        with yard.db.connection(autocommit=True) as conn:
            conn.execute(sql.SQL("DROP OWNED BY {}; DROP ROLE {}").format(*[sql.Identifier(role)] * 2))


def _works(yard: Yard) -> list[queries.Job]:
    with yard.db.transaction() as conn:
        return queries.list_jobs(conn, queries.Filters(task="shop.work"), limit=10)
