"""What happens by itself: every night, what nobody can use any more is removed."""

from typing import Protocol

from assay.auth import store
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


@task("auth.remove_old", unique=True, priority=-10)
def remove_old_sign_ins(ctx: Needs, _job: Running) -> None:
    """Remove sessions, links, tries and journeys that have ended, and tokens that ended a year ago."""
    started = ctx.clock()
    with ctx.db.transaction() as conn:
        removed = store.remove_old(conn, started)
        add_run(
            conn,
            room="auth",
            step="retention",
            source=None,
            started_at=started,
            ended_at=ctx.clock(),
            outcome=Outcome.COMPLETED if any(removed.values()) else Outcome.UNCHANGED,
            counts=removed,
        )
