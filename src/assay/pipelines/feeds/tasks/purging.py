"""Purging entries that are done with."""

from collections.abc import Callable
from datetime import datetime, timedelta

from assay.errors import Permanent
from assay.jobs.ledger import Outcome, add_run
from assay.jobs.running import Running
from assay.jobs.task import task
from assay.pipelines.feeds.model import ROOM
from assay.pipelines.feeds.store import entries as store
from assay.pipelines.feeds.tasks.fetching import QUEUE
from assay.pipelines.feeds.tasks.needs import Needs

SHORTEST, LONGEST = timedelta(days=1), timedelta(days=90)
# A source that has not listed an entry for so long will not bring it back.
_REMEMBERED = timedelta(days=180)
_AT_ONCE = 5_000


@task("feeds.purge", queue=QUEUE, unique=True)
def purge(ctx: Needs, job: Running) -> None:
    """Purge what was completed long enough ago, and write down how much that was."""
    started_at = ctx.clock()
    purged = purge_entries(ctx, ctx.feeds.retention, lambda done: job.progress(done, None, "purge"))
    with ctx.db.transaction() as conn:
        job.own(conn)
        add_run(
            conn,
            room=ROOM,
            step="purge",
            source=None,
            started_at=started_at,
            ended_at=ctx.clock(),
            outcome=Outcome.COMPLETED if purged else Outcome.UNCHANGED,
            counts={"purged": purged} if purged else {},
        )


def purge_entries(ctx: Needs, older: timedelta, progress: Callable[[int], None] = lambda _: None) -> int:
    """How many entries were purged that had been completed before; those that wait or failed stay, however old.

    Each part is committed by itself. Raises Permanent for an age that is not allowed.
    """
    if not SHORTEST <= older <= LONGEST:
        raise Permanent(f"entries are kept for 1 to 90 days, not for {older.total_seconds() / 86_400:g}")
    now = ctx.clock()
    purged = 0
    while True:
        with ctx.db.transaction() as conn:
            some = store.purge(conn, now - older, now.date(), most=_AT_ONCE)
        purged += some
        progress(purged)
        if some < _AT_ONCE:
            break
    _forget(ctx, now)
    return purged


def _forget(ctx: Needs, now: datetime) -> None:
    with ctx.db.transaction() as conn:
        store.forget_purged(conn, (now - _REMEMBERED).date())
