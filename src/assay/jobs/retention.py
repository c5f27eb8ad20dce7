"""The nightly task that deletes what ended long ago."""

from datetime import timedelta
from typing import Protocol

from assay.jobs.choices import JOBS_RETENTION_DAYS, RUNS_RETENTION_DAYS, days_chosen
from assay.jobs.housekeeping import remove_old
from assay.jobs.ledger import Outcome, add_run
from assay.jobs.running import Running
from assay.jobs.task import task
from assay.kit.clock import Clock
from assay.kit.db import Database


class Needs(Protocol):
    """The frozen Context, as this task sees it."""

    @property
    def db(self) -> Database: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def jobs_retention(self) -> timedelta: ...
    @property
    def runs_retention(self) -> timedelta: ...


@task("jobs.remove_old", unique=True, priority=-10)
def remove_old_jobs(ctx: Needs, job: Running) -> None:
    """Delete completed and cancelled jobs and rows of the run ledger that are older than their retention time."""
    started = ctx.clock()
    with ctx.db.transaction() as conn:
        jobs_after = days_chosen(conn, JOBS_RETENTION_DAYS, ctx.jobs_retention)
        runs_after = days_chosen(conn, RUNS_RETENTION_DAYS, ctx.runs_retention)
    removed = remove_old(
        ctx.db,
        started,
        jobs_after=jobs_after,
        runs_after=runs_after,
        progress=lambda done: job.progress(done, None, "deleting"),
    )
    with ctx.db.transaction() as conn:
        add_run(
            conn,
            room="jobs",
            step="retention",
            source=None,
            started_at=started,
            ended_at=ctx.clock(),
            outcome=Outcome.COMPLETED if removed.jobs or removed.runs else Outcome.UNCHANGED,
            counts={"jobs": removed.jobs, "runs": removed.runs},
        )
