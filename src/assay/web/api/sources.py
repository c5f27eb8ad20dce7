"""`/v1/sources` and `/v1/runs`: how fresh each source is, what its runs came to, when it runs, and running it now."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response

from assay.bootstrap import Context
from assay.domain.numbers import LARGEST_ID
from assay.errors import NotFound
from assay.jobs import commands as jobs_commands
from assay.jobs import schedules
from assay.jobs.ledger import Outcome, Run, list_runs
from assay.jobs.timing import OFF
from assay.kit.db import Connection
from assay.pipelines.advisories import queries
from assay.pipelines.advisories.commands import ROOM, background_sync
from assay.web.answers import as_json, responses, schema_of, shaped
from assay.web.bodies import AnyBody, described
from assay.web.changing import changing
from assay.web.guard import Admin, Analyst, Viewer
from assay.web.reading import Reading
from assay.web.standings import Shown, list_shown

_LAST_RUNS = 10
_RUN = {
    "id": 41,
    "room": "advisories",
    "step": "sync",
    "source": "osv",
    "started_at": "2026-03-01T10:13:00Z",
    "ended_at": "2026-03-01T10:13:31Z",
    "seconds": 31.0,
    "outcome": "completed",
    "counts": {"read": 35304, "new": 12, "changed": 7},
    "detail": None,
}
_SOURCE = {
    "name": "osv",
    "title": "OSV",
    "home": "https://osv.dev",
    "address": "gs://osv-vulnerabilities/all.zip",
    "licence": "CC-BY-4.0",
    "attribution": "OSV, CC-BY 4.0.",
    "health": "fresh",
    "fetched_at": "2026-03-01T10:13:00Z",
    "age_seconds": 1260.0,
    "records": 35304,
    "quarantined": 3,
    "failures": 0,
    "schedule": "13 * * * *",
    "declared_schedule": "13 * * * *",
    "is_enabled": True,
    "next_run_at": "2026-03-01T11:13:12Z",
    "job": None,
    "runs": [_RUN],
}

_Name = Annotated[str, Path(max_length=200, description="The source's name.")]


class RunRow(msgspec.Struct, frozen=True):
    """One ended run; `counts` are whole numbers by name (read, new, changed, ...)."""

    id: int
    room: str
    step: str
    source: str | None
    started_at: datetime
    ended_at: datetime
    seconds: float
    outcome: str
    counts: dict[str, int]
    detail: str | None


class SourceRow(msgspec.Struct, frozen=True):
    """A source. `health` is fresh, stale, failing or never; `job` the one that waits or runs; `runs` the last ones."""

    name: str
    title: str
    home: str
    address: str
    licence: str
    attribution: str
    health: str
    fetched_at: datetime | None
    age_seconds: float | None
    records: int
    quarantined: int
    failures: int
    schedule: str | None
    declared_schedule: str
    is_enabled: bool
    next_run_at: datetime | None
    job: int | None
    runs: list[RunRow]


class Sources(msgspec.Struct, frozen=True):
    """Every source."""

    sources: list[SourceRow]


class Runs(msgspec.Struct, frozen=True):
    """Runs, newest first, and what to send as `before` for older ones; null on the last page."""

    runs: list[RunRow]
    next_before: int | None


class RunRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a source is to be run: `full` reads everything again."""

    full: bool = False


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody wants to be otherwise; `schedule` null is what the settings say."""

    schedule: str | msgspec.UnsetType | None = msgspec.UNSET
    enabled: bool | msgspec.UnsetType = msgspec.UNSET


def router(ctx: Context, read: Reading) -> APIRouter:
    """The surface. Viewers look, analysts run one now, administrators change when it runs."""
    routes = APIRouter(tags=["Sources"])
    _add_lists(routes, ctx, read)
    _add_changes(routes, ctx)
    return routes


def _add_lists(routes: APIRouter, ctx: Context, read: Reading) -> None:
    @routes.get(
        "/v1/sources",
        summary="Every source: how fresh it is, when it runs, and its last runs",
        responses=shaped("The sources.", Sources, {"sources": [_SOURCE]}),
    )
    def every(_: Viewer) -> Response:
        return as_json(read(lambda conn: Sources([_shown(ctx, conn, one) for one in list_shown(ctx, conn)])))

    @routes.get(
        "/v1/sources/{name}",
        summary="One source",
        responses=shaped("The source.", SourceRow, _SOURCE, 404),
    )
    def one(_: Viewer, name: _Name) -> Response:
        return as_json(read(lambda conn: _one(ctx, conn, name)))

    @routes.get(
        "/v1/runs",
        summary="The run ledger: what every task came to, newest first",
        responses=shaped("Runs.", Runs, {"runs": [_RUN], "next_before": 41}, 400),
    )
    def runs(
        _: Viewer,
        *,
        room: Annotated[
            str | None, Query(max_length=100, description="Of this room, e.g. advisories.")
        ] = None,
        source: Annotated[str | None, Query(max_length=200, description="Of this source.")] = None,
        step: Annotated[str | None, Query(max_length=100, description="Of this step, e.g. sync.")] = None,
        outcome: Annotated[Outcome | None, Query(description="With this outcome.")] = None,
        limit: Annotated[int, Query(ge=1, le=1000, description="Runs at most.")] = 50,
        before: Annotated[
            int | None, Query(ge=1, le=LARGEST_ID, description="Only those with a smaller number.")
        ] = None,
    ) -> Response:
        found = read(
            lambda conn: list_runs(
                conn, room, source, step=step, outcome=outcome, before=before, limit=limit + 1
            )
        )
        following = found[limit - 1].id if len(found) > limit else None
        return as_json(Runs([_run(one) for one in found[:limit]], following))


def _add_changes(routes: APIRouter, ctx: Context) -> None:
    @routes.post(
        "/v1/sources/{name}/run",
        status_code=202,
        summary="Have a source synced by the workers now",
        responses=responses(
            "The job, which may have waited already.",
            {"job": 12, "is_new": True, "url": "/v1/jobs/12"},
            400,
            404,
            status=202,
        ),
        openapi_extra=described({"full": False}, schema_of(RunRequest)),
    )
    def run(request: Request, who: Analyst, name: _Name, body: AnyBody) -> Response:
        asked = body.read(RunRequest) if body.unpacked().strip() else RunRequest()
        _check(ctx, name)
        with changing(ctx, request, who) as change:
            args = {"source": name, "full": asked.full}
            job = jobs_commands.run(change.conn, ctx.tasks, background_sync.name, args, who.name)
            change.note("sources.run", name, {"job": job.id, "full": asked.full})
        return as_json({"job": job.id, "is_new": job.is_new, "url": f"/v1/jobs/{job.id}"}, 202)

    @routes.patch(
        "/v1/sources/{name}",
        summary="Change when a source runs, or whether it does",
        description="`schedule` is a cron expression of five fields in UTC, or `every 30m`, or `off`, or null for "
        "what the settings say; `enabled` false pauses it. What is not sent stays as it is.",
        responses=shaped("The source as it is now.", SourceRow, _SOURCE, 400, 404),
        openapi_extra=described({"schedule": "every 30m", "enabled": True}, schema_of(Wanted)),
    )
    def patch(request: Request, who: Admin, name: _Name, body: AnyBody) -> Response:
        wanted = body.read(Wanted)
        _check(ctx, name)
        with changing(ctx, request, who) as change:
            conn = change.conn
            # No worker may have run yet, and then nobody has written the schedules down.
            schedules.declare(conn, ctx.schedules)
            before = schedules.get_schedule(conn, name)
            chosen = before.spec if before.is_changed else None
            if wanted.schedule is not msgspec.UNSET and wanted.schedule != chosen:
                schedules.choose(conn, ctx.schedules, name, wanted.schedule, who.name)
                change.note("sources.schedule", name, {"spec": wanted.schedule, "before": before.spec})
            if wanted.enabled is not msgspec.UNSET and wanted.enabled is before.is_paused:
                (schedules.resume if wanted.enabled else schedules.pause)(conn, name, who.name)
                change.note("sources.enable" if wanted.enabled else "sources.disable", name)
            return as_json(_one(ctx, conn, name))


def _check(ctx: Context, name: str) -> None:
    if name not in ctx.sources:
        raise NotFound(f"no source is called {name!r}; there are {', '.join(ctx.sources)}")


def _one(ctx: Context, conn: Connection, name: str) -> SourceRow:
    _check(ctx, name)
    return next(_shown(ctx, conn, one) for one in list_shown(ctx, conn) if one.name == name)


def _shown(ctx: Context, conn: Connection, one: Shown) -> SourceRow:
    source, timing = one.standing.source, one.schedule
    fetched = one.standing.fetched_at
    is_off = timing is not None and timing.spec == OFF
    return SourceRow(
        name=one.name,
        title=source.title,
        home=source.home,
        address=queries.address(source),
        licence=source.licence,
        attribution=source.attribution,
        health=one.health,
        fetched_at=fetched,
        age_seconds=None if fetched is None else (ctx.clock() - fetched).total_seconds(),
        records=one.standing.records,
        quarantined=one.standing.quarantined,
        failures=0 if one.health_row is None else one.health_row.failures,
        schedule=source.schedule if timing is None else timing.spec,
        declared_schedule=_declared(ctx.schedules, source.name) or source.schedule,
        # Before the first worker nobody wrote the schedules down; they will be as the settings say.
        is_enabled=one.is_enabled if timing is not None else not is_off,
        next_run_at=None if timing is None or timing.is_paused or is_off else timing.next_run_at,
        job=None if one.job is None else one.job.id,
        runs=[_run(run) for run in list_runs(conn, ROOM, source.name, limit=_LAST_RUNS)],
    )


def _declared(known: tuple[schedules.Declared, ...], name: str) -> str | None:
    return next((one.spec for one in known if one.name == name), None)


def _run(one: Run) -> RunRow:
    counts: Mapping[str, Any] = one.counts
    return RunRow(
        one.id,
        one.room,
        one.step,
        one.source,
        one.started_at,
        one.ended_at,
        one.seconds,
        one.outcome,
        dict(counts),
        one.detail,
    )
