"""`/v1/schedules`: what runs by itself and when, changed while it runs."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Request, Response

from assay.auth.model import Principal
from assay.bootstrap import Context
from assay.jobs import schedules
from assay.jobs.schedules import Schedule
from assay.web.answers import as_json, responses
from assay.web.bodies import AnyBody, described
from assay.web.changing import Change, changing
from assay.web.guard import Admin, Analyst, Viewer
from assay.web.reading import Reading

_SCHEDULE = {
    "name": "osv",
    "task": "advisories.sync",
    "arguments": {"source": "osv"},
    "spec": "every 30m",
    "declared_spec": "13 * * * *",
    "is_changed": True,
    "is_paused": False,
    "jitter_seconds": 60.0,
    "grace_seconds": 900.0,
    "next_run_at": "2026-03-01T10:43:12Z",
    "last_run_at": "2026-03-01T10:13:09Z",
    "last_job_id": 12,
    "last_status": "completed",
    "missed": 0,
    "last_error": None,
}
_SPEC = "A cron expression of five fields in UTC, or `every 30m`, or `off`; null for what the settings say."

_Name = Annotated[str, Path(max_length=200, description="The schedule's name, e.g. a source.")]


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A schedule as somebody wants it, whatever it was before."""

    spec: str | None = None
    paused: bool = False


class Changed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody wants to be otherwise; the rest stays as it is."""

    spec: str | msgspec.UnsetType | None = msgspec.UNSET
    paused: bool | msgspec.UnsetType = msgspec.UNSET


def router(ctx: Context, read: Reading) -> APIRouter:
    """The surface. Viewers look, analysts run one now, administrators change them."""
    routes = APIRouter(prefix="/v1/schedules", tags=["Schedules"])

    @routes.get(
        "",
        summary="What runs by itself, when it ran last and when it runs next",
        responses=responses("Every schedule, by name. Times are UTC.", {"schedules": [_SCHEDULE]}),
    )
    def listed(_: Viewer) -> Response:
        found = read(lambda conn: schedules.list_known(conn, ctx.schedules))
        return as_json({"schedules": [_shown(one) for one in found]})

    @routes.get(
        "/{name}",
        summary="One schedule",
        responses=responses("The schedule.", _SCHEDULE, 404),
    )
    def one(_: Viewer, name: _Name) -> Response:
        return as_json(_shown(read(lambda conn: schedules.get_known(conn, ctx.schedules, name))))

    _add_changes(routes, ctx)
    return routes


def _add_changes(routes: APIRouter, ctx: Context) -> None:
    changed = responses("The schedule as it is now, on every machine and at once.", _SCHEDULE, 400, 404)

    @routes.put(
        "/{name}",
        summary="Set when one runs, and whether it is paused",
        description=_SPEC,
        responses=changed,
        openapi_extra=described({"spec": "every 30m", "paused": False}),
    )
    def put(request: Request, who: Admin, name: _Name, body: AnyBody) -> Response:
        wanted = body.read(Wanted)
        return _change(ctx, request, who, name, Changed(wanted.spec, wanted.paused))

    @routes.patch(
        "/{name}",
        summary="Change when one runs, or pause or resume it",
        description=_SPEC + " What is not sent stays as it is.",
        responses=changed,
        openapi_extra=described({"paused": True}),
    )
    def patch(request: Request, who: Admin, name: _Name, body: AnyBody) -> Response:
        return _change(ctx, request, who, name, body.read(Changed))

    @routes.post(
        "/{name}/run",
        status_code=202,
        summary="Run one now; its next time stays",
        responses=responses(
            "The job that runs it, which may have waited already.",
            {"job": 13, "url": "/v1/jobs/13"},
            400,
            404,
            status=202,
        ),
    )
    def run(request: Request, who: Analyst, name: _Name) -> Response:
        with changing(ctx, request, who) as change:
            schedules.declare(change.conn, ctx.schedules)
            job = schedules.run_now(change.conn, ctx.tasks, name, who.name)
            change.note("schedules.run", name, {"job": job})
        return as_json({"job": job, "url": f"/v1/jobs/{job}"}, 202)


def _change(ctx: Context, request: Request, who: Principal, name: str, wanted: Changed) -> Response:
    with changing(ctx, request, who) as change:
        # No worker may have run yet, and then nobody has written the schedules down.
        schedules.declare(change.conn, ctx.schedules)
        _apply(ctx, change, schedules.get_schedule(change.conn, name), wanted)
        return as_json(_shown(schedules.get_schedule(change.conn, name)))


def _apply(ctx: Context, change: Change, one: Schedule, wanted: Changed) -> None:
    conn, by = change.conn, change.who.name
    chosen = one.spec if one.is_changed else None
    if wanted.spec is not msgspec.UNSET and wanted.spec != chosen:
        schedules.choose(conn, ctx.schedules, one.name, wanted.spec, by)
        change.note("schedules.set", one.name, {"spec": wanted.spec, "before": one.spec})
    if wanted.paused is not msgspec.UNSET and wanted.paused is not one.is_paused:
        (schedules.pause if wanted.paused else schedules.resume)(conn, one.name, by)
        change.note("schedules.pause" if wanted.paused else "schedules.resume", one.name)


def _shown(one: Schedule) -> Mapping[str, Any]:
    told = asdict(one)
    told["arguments"] = told.pop("args")
    del told["due_at"]
    return told
