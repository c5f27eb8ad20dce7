"""`/health`: whether the process lives, whether it can answer, and how old each source's data is."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from fastapi import APIRouter, Depends, Request, Response

from assay.auth.model import Role
from assay.bootstrap import Context
from assay.errors import Permanent, Transient
from assay.jobs import queries as jobs
from assay.jobs.ledger import Run, last_runs
from assay.kit import migrate
from assay.kit.db import Connection
from assay.monitoring import queries as monitoring
from assay.pipelines.advisories import queries as advisories
from assay.web.answers import refusals
from assay.web.guard import everybody, principal
from assay.web.problems import Refused
from assay.web.reading import Reading

_NOT_READY: dict[int | str, dict[str, Any]] = {
    503: {"description": "It cannot answer now.", "content": {"application/json": {}}}
}


class Freshness(msgspec.Struct, frozen=True):
    """How a source stands. `fetched_at` is when it last gave a document that could be used."""

    source: str
    fetched_at: datetime | None
    age_seconds: int | None
    last_run: str | None
    last_run_at: datetime | None


class Standing(NamedTuple):
    """What the database says. `pending` are migrations that it lacks."""

    fetched: Mapping[str, datetime]
    runs: Mapping[str | None, Run]
    pending: int
    workers: int
    alerts: int


def router(ctx: Context, read: Reading) -> APIRouter:
    """The surface: everything at `/health`, and for orchestrators `/health/live` and `/health/ready`."""
    routes = APIRouter(
        prefix="/health", tags=["Health"], dependencies=[Depends(everybody)], responses=refusals()
    )

    def look() -> tuple[Standing | None, str | None]:
        try:
            standing = read(_standing)
        except (Transient, Permanent) as error:
            return None, str(error)
        if standing.pending:
            return standing, f"the database lacks {standing.pending} migration(s): run `assay migrate`"
        return standing, None

    @routes.get(
        "",
        summary="Live, ready, and for those who are signed in the checks and sources; 503 when not ready",
        responses=_NOT_READY,
    )
    def health(request: Request) -> Response:
        standing, reason = look()
        if not _may_know(request):
            return _json({"live": True, "ready": reason is None}, is_ready=reason is None)
        told: dict[str, Any] = {
            "live": True,
            "ready": reason is None,
            # No worker and an alert are an operator's business: who only asks is answered as well as ever.
            "checks": {
                "database": standing is not None,
                "migrations": standing is not None and not standing.pending,
                "workers": 0 if standing is None else standing.workers,
                "alerts": 0 if standing is None else standing.alerts,
            },
            "sources": [] if standing is None else _sources(ctx, standing),
        }
        if reason is not None:
            told["reason"] = reason
        return _json(told, is_ready=reason is None)

    @routes.get("/live", summary="The process answers")
    async def live() -> Response:
        return _json({"live": True}, is_ready=True)

    @routes.get(
        "/ready",
        summary="The database answers and has every migration; 503 when it does not",
        responses=_NOT_READY,
    )
    def ready() -> Response:
        _, reason = look()
        return _json({"ready": reason is None}, is_ready=reason is None)

    return routes


def _may_know(request: Request) -> bool:
    """Whether somebody is told more than that it works. Nobody is where the database cannot be asked who they are."""
    try:
        return principal(request).may(Role.VIEWER)
    except (Refused, Transient, Permanent):
        return False


def _standing(conn: Connection) -> Standing:
    runs: dict[str | None, Run] = {}
    pending = len(migrate.pending(conn, migrate.history()))
    if pending:
        return Standing({}, {}, pending, 0, 0)
    for run in last_runs(conn, "advisories"):
        other = runs.get(run.source)
        if other is None or other.ended_at < run.ended_at:
            runs[run.source] = run
    alive = sum(one.is_alive for one in jobs.list_workers(conn))
    alerts = sum(number for *_, number in monitoring.count_alerts(conn))
    return Standing(advisories.list_freshness(conn), runs, pending, alive, alerts)


def _sources(ctx: Context, standing: Standing) -> list[Freshness]:
    now = ctx.clock()
    return [_fresh(name, standing.fetched, standing.runs, now) for name in ctx.sources]


def _fresh(
    name: str, fetched: Mapping[str, datetime], runs: Mapping[str | None, Run], now: datetime
) -> Freshness:
    at, run = fetched.get(name), runs.get(name)
    return Freshness(
        source=name,
        fetched_at=at,
        age_seconds=None if at is None else max(0, int((now - at).total_seconds())),
        last_run=None if run is None else run.outcome,
        last_run_at=None if run is None else run.ended_at,
    )


def _json(told: Mapping[str, Any], *, is_ready: bool) -> Response:
    return Response(
        msgspec.json.encode(told),
        status_code=200 if is_ready else 503,
        media_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
