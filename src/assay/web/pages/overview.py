"""The overview: what is new, what matters, where it comes from, and whether the system is healthy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import APIRouter, Request, Response

from assay.bootstrap import Context
from assay.catalog import queries as catalog
from assay.catalog.queries import Brief, Hit, Overview, Sort
from assay.domain.wording import counted
from assay.jobs import queries as jobs
from assay.kit.db import Connection
from assay.monitoring import queries as monitoring
from assay.monitoring.model import Alert
from assay.pipelines.packages import queries as packages
from assay.pipelines.packages.queries import KeptHit, KeptInventory
from assay.web.guard import Viewer
from assay.web.pages.remembering import Remembered
from assay.web.pages.trending import DAYS, Trend, recent
from assay.web.reading import Reading
from assay.web.rendering import Rendering
from assay.web.standings import Shown, list_shown

_FEW = 6
_HITS = 8
_NEW = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Concern:
    """Something that an operator should look at, and where."""

    text: str
    address: str


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the page tells. Of the hits only some are there; `hits` counts them."""

    overview: Overview
    trend: Trend
    sources: Sequence[Shown]
    alerts: Sequence[Alert]
    open_alerts: int
    stats: jobs.Stats
    exploited: Sequence[Hit]
    likely: Sequence[Hit]
    is_likely_new: bool
    inventories: Sequence[KeptInventory]
    hits: int
    newest_hits: Sequence[tuple[KeptHit, Brief]]

    @property
    def concerns(self) -> list[Concern]:
        """What is wrong with the system, worst first; nothing where all is well."""
        return list(_concerns(self))


def router(ctx: Context, read: Reading, show: Rendering) -> APIRouter:
    """The page at `/`."""
    routes = APIRouter(include_in_schema=False)
    figures = Remembered()

    @routes.get("/")
    def overview(request: Request, who: Viewer) -> Response:
        now = ctx.clock()
        return show(request, "overview.html", who, facts=read(lambda conn: _facts(ctx, conn, now, figures)))

    return routes


def _facts(ctx: Context, conn: Connection, now: datetime, figures: Remembered) -> Facts:
    today = now.date()
    found = figures(conn, ("overview", today), lambda: catalog.overview(conn, today=today, days=DAYS))
    likely = figures(conn, ("likely", today), lambda: _likely(conn, now - _NEW))
    inventories = packages.list_inventories(conn)
    hits = packages.find_hits(conn) if inventories else []
    newest = sorted(hits, key=lambda hit: hit.seq, reverse=True)[:_HITS]
    briefs: Mapping[int, Brief] = (
        catalog.find_briefs(conn, {hit.vulnerability_id for hit in newest}) if newest else {}
    )
    return Facts(
        overview=found,
        trend=figures(conn, ("trend", today), lambda: recent(conn, catalog.Filters(), today, found.trend)),
        sources=list_shown(ctx, conn),
        alerts=monitoring.list_alerts(conn, limit=_FEW),
        open_alerts=sum(number for *_, number in monitoring.count_alerts(conn)),
        stats=jobs.stats(conn),
        exploited=figures(conn, "exploited", lambda: catalog.newly_exploited(conn, _FEW)),
        likely=likely or figures(conn, "likeliest", lambda: _likely(conn, None)),
        is_likely_new=bool(likely),
        inventories=inventories,
        hits=len(hits),
        newest_hits=[(hit, briefs[hit.vulnerability_id]) for hit in newest if hit.vulnerability_id in briefs],
    )


def _likely(conn: Connection, since: datetime | None) -> Sequence[Hit]:
    """What is likeliest to be exploited, of what was published since a moment."""
    filters = catalog.Filters(published_since=since, min_epss=0.000_001)
    return catalog.search(conn, filters, sort=Sort.EPSS, limit=_FEW).hits


def _concerns(facts: Facts) -> list[Concern]:
    found = []
    if facts.open_alerts:
        found.append(Concern(f"{counted(facts.open_alerts, 'alert')} not over", "/alerts"))
    for health in ("failing", "stale"):
        names = [one.name for one in facts.sources if one.health == health]
        if names:
            found.append(Concern(f"{', '.join(names)} {health}", "/sources"))
    failed = sum(one.failed for one in facts.stats.tasks)
    if failed:
        found.append(Concern(counted(failed, "dead letter"), "/jobs?status=failed"))
    if not any(one.is_alive for one in facts.stats.workers):
        found.append(Concern("no worker is running", "/jobs"))
    return found
