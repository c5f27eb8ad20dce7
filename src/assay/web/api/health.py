"""`/health`: whether the process lives, whether it can answer, and how old each source's data is."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from fastapi import APIRouter, Response

from assay.bootstrap import Context
from assay.errors import Transient
from assay.jobs.ledger import Run, last_runs
from assay.kit.db import Connection
from assay.pipelines.advisories import queries as advisories
from assay.web.reading import Reading


class Freshness(msgspec.Struct, frozen=True):
    """How a source stands. `fetched_at` is when it last gave a document that could be used."""

    source: str
    fetched_at: datetime | None
    age_seconds: int | None
    last_run: str | None
    last_run_at: datetime | None


def router(ctx: Context, read: Reading) -> APIRouter:
    """The surface: everything at `/health`, and for orchestrators `/health/live` and `/health/ready`."""
    routes = APIRouter(prefix="/health", tags=["Health"])

    def look() -> tuple[bool, list[Freshness], str | None]:
        try:
            fetched, runs = read(_standing)
        except Transient as error:
            return False, [], str(error)
        now = ctx.clock()
        return True, [_fresh(name, fetched, runs, now) for name in ctx.sources], None

    @routes.get("", summary="Live, ready, and how fresh each source is; 503 when it cannot answer")
    def health() -> Response:
        is_ready, sources, reason = look()
        told: dict[str, Any] = {"live": True, "ready": is_ready, "sources": sources}
        if reason is not None:
            told["reason"] = reason
        return _json(told, is_ready=is_ready)

    @routes.get("/live", summary="The process answers")
    async def live() -> Response:
        return _json({"live": True}, is_ready=True)

    @routes.get("/ready", summary="The database answers; 503 when it does not")
    def ready() -> Response:
        is_ready, _, _ = look()
        return _json({"ready": is_ready}, is_ready=is_ready)

    return routes


def _standing(conn: Connection) -> tuple[Mapping[str, datetime], Mapping[str | None, Run]]:
    runs: dict[str | None, Run] = {}
    for run in last_runs(conn, "advisories"):
        other = runs.get(run.source)
        if other is None or other.ended_at < run.ended_at:
            runs[run.source] = run
    return advisories.list_freshness(conn), runs


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
