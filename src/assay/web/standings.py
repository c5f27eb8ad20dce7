"""The sources as the API and the pages tell of them."""

from dataclasses import dataclass

from assay.bootstrap import Context
from assay.jobs import queries as jobs
from assay.jobs.model import Job, State
from assay.jobs.schedules import Schedule, list_schedules
from assay.jobs.timing import OFF
from assay.kit.db import Connection
from assay.monitoring import queries as monitoring
from assay.monitoring.model import SourceRow
from assay.pipelines.advisories import queries
from assay.pipelines.advisories.commands import ROOM, background_sync
from assay.pipelines.advisories.queries import Standing


@dataclass(frozen=True, slots=True)
class Shown:
    """A source with all that its line tells. `health` is one word: fresh, stale, failing, never, off."""

    standing: Standing
    health: str
    schedule: Schedule | None
    job: Job | None
    health_row: SourceRow | None

    @property
    def name(self) -> str:
        """What everybody calls it."""
        return self.standing.source.name

    @property
    def is_enabled(self) -> bool:
        """Whether it runs by itself."""
        return self.schedule is not None and not self.schedule.is_paused and self.schedule.spec != OFF


def list_shown(ctx: Context, conn: Connection) -> list[Shown]:
    """Every source as its line tells of it."""
    now = ctx.clock()
    timings = {one.name: one for one in list_schedules(conn) if one.task == background_sync.name}
    after = monitoring.thresholds_chosen(conn, ctx.alerting.thresholds).stale_after_runs
    rows = {
        row.source: row
        for row in monitoring.list_sources(conn, after)
        if row.room == ROOM and row.step == "sync"
    }
    alive: dict[str | None, Job] = {}
    for state in (State.PENDING, State.RETRYING, State.PROCESSING):
        filters = jobs.Filters(state, task=background_sync.name)
        alive |= {job.subject: job for job in jobs.list_jobs(conn, filters, limit=len(ctx.sources) * 2)}
    shown = []
    for standing in queries.list_standings(conn, ctx.sources):
        name = standing.source.name
        row = rows.get(name)
        health = (
            "failing" if row is not None and row.failures else queries.freshness(standing.fetched_at, now)
        )
        shown.append(Shown(standing, health, timings.get(name), alive.get(name), row))
    return shown
