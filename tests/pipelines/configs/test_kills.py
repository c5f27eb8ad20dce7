"""A live worker is killed at a dozen moments of a parse, and each time one complete run is what is left."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from assay.bootstrap import Context
from assay.jobs import queries as jobs
from assay.jobs.deferring import defer
from assay.pipelines.configs import queries
from assay.pipelines.configs.model import Run
from assay.pipelines.configs.tasks.parsing import parse
from patience import until
from pipelines.configs.making import note, parsed, tarred
from workers import live_worker

pytestmark = pytest.mark.fault

TABLES = ("files", "stanzas", "settings", "contents", "problems", "documented", "apps", "objects", "lookups")
# What the worker waits for when it dies, in the order of a parse: when it first looks at the run, when it takes it, at
# each table that it fills, and when only the line of the ledger is missing.
MOMENTS = {
    "looks": "LOCK TABLE configs.runs IN ACCESS EXCLUSIVE MODE",
    "takes": "SELECT FROM configs.runs FOR UPDATE",
    **{table: f"LOCK TABLE configs.{table} IN ACCESS EXCLUSIVE MODE" for table in TABLES},
    "ledger": "LOCK TABLE jobs.runs IN ACCESS EXCLUSIVE MODE",
}
TREE = {
    "etc/apps/a/default/app.conf": "[launcher]\nversion = 1.0\n",
    "etc/apps/a/local/inputs.conf": "[monitor:///x]\nindex = i\nno equals\n",
    "etc/apps/a/README/a.conf.spec": "[s]\nk = <string>\n",
    "etc/apps/a/metadata/local.meta": "[]\nexport = system\n",
    "etc/apps/a/lookups/a.csv": "host\n",
}


@pytest.fixture(scope="module")
def worker(ctx: Context) -> Iterator[None]:
    """A real worker, whose supervisor starts another process whenever one dies; meanwhile the others go on."""
    with live_worker(ctx, processes=3):
        yield


def rows(ctx: Context, run: Run) -> dict[str, int]:
    with ctx.db.transaction() as conn:
        return {
            table: conn.execute(
                f"SELECT count(*) FROM configs.{table} WHERE run = %s", (run.number,)
            ).fetchone()[0]
            for table in TABLES
        }


@contextmanager
def held(ctx: Context, lock: str) -> Iterator[None]:
    """Nobody gets past this lock within the block."""
    with ctx.db.connect() as conn:
        conn.execute(lock)
        yield
        conn.rollback()


def is_waiting(ctx: Context) -> bool:
    """Whether the worker waits for a lock."""
    with ctx.db.transaction() as conn:
        found = conn.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ).fetchone()
    return found[0] > 0


def worker_of(ctx: Context, job: int) -> int | None:
    """The process that runs a job, once one does."""
    with ctx.db.transaction() as conn:
        found = conn.execute(
            "SELECT w.pid FROM jobs.procrastinate_jobs AS j JOIN jobs.procrastinate_workers AS w ON w.id = j.worker_id "
            "WHERE j.id = %s",
            (job,),
        ).fetchone()
    return None if found is None else found[0]


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_worker_killed_in_the_middle_leaves_one_complete_run(ctx, worker, moment):
    expected = rows(ctx, parsed(ctx, TREE))
    assert all(expected.values()), "every table is filled, or a kill at it would be none"
    run = note(ctx, tarred(TREE), is_deferred=False).run
    with held(ctx, MOMENTS[moment]):
        with ctx.db.transaction() as conn:
            job = defer(conn, parse, run=str(run.id))
        # The workers' own housekeeping may wait for the same lock before one of them takes the job.
        until(lambda: worker_of(ctx, job) is not None and is_waiting(ctx))
        os.kill(worker_of(ctx, job), signal.SIGKILL)
    until(lambda: _job(ctx, job).completed_at)
    assert _job(ctx, job).status == "completed", _job(ctx, job).error_message
    with ctx.db.transaction() as conn:
        assert [one.outcome for one in jobs.list_attempts(conn, job)] == ["crash"]
        [found] = queries.list_runs(conn, label=run.label)
    assert (found.id, found.status, found.counts["settings"]) == (run.id, "complete", 2)
    assert rows(ctx, found) == expected


def _job(ctx: Context, number: int) -> jobs.Job:
    with ctx.db.transaction() as conn:
        return jobs.get_job(conn, number)
