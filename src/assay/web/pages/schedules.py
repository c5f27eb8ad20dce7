"""The schedules: when tasks run by themselves, changed, paused and run now."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request, Response

from assay.bootstrap import Context
from assay.jobs import schedules
from assay.kit.db import Connection
from assay.web.changing import Change
from assay.web.guard import Admin, Analyst, Viewer
from assay.web.pages.acting import Back, act
from assay.web.reading import Reading
from assay.web.rendering import Rendering

_Name = Annotated[str, Form(max_length=200)]


def router(ctx: Context, read: Reading, show: Rendering) -> APIRouter:
    """The pages below `/schedules`."""
    routes = APIRouter(prefix="/schedules", include_in_schema=False)

    @routes.get("")
    def every(
        request: Request,
        who: Viewer,
        edit: Annotated[str, Query(max_length=200)] = "",
        spec: Annotated[str, Query(max_length=200)] = "",
    ) -> Response:
        found = read(schedules.list_schedules)
        return show(request, "schedules.html", who, schedules=found, edited=edit, typed=spec)

    @routes.post("/run")
    def run(request: Request, who: Analyst, name: _Name, back: Back) -> Response:
        return act(ctx, request, who, back, lambda change: run_now(ctx, change, name))

    @routes.post("/pause")
    def pause(request: Request, who: Admin, name: _Name, back: Back) -> Response:
        return act(ctx, request, who, back, lambda change: pause_one(ctx, change, name))

    @routes.post("/resume")
    def resume(request: Request, who: Admin, name: _Name, back: Back) -> Response:
        return act(ctx, request, who, back, lambda change: resume_one(ctx, change, name))

    @routes.post("/change")
    def change_it(
        request: Request,
        who: Admin,
        name: _Name,
        back: Back,
        spec: Annotated[str, Form(max_length=200)] = "",
    ) -> Response:
        typed = spec.strip() or None
        again = f"{back.partition('?')[0]}?{urlencode({'edit': name, 'spec': spec})}"
        return act(ctx, request, who, back, lambda change: choose(ctx, change, name, typed), failed=again)

    return routes


def _known(ctx: Context, conn: Connection) -> None:
    """Every schedule of this program is in the table, whether or not a worker has started yet."""
    schedules.declare(conn, ctx.schedules)


def run_now(ctx: Context, change: Change, name: str) -> str:
    """Run it without waiting for its time."""
    _known(ctx, change.conn)
    job = schedules.run_now(change.conn, ctx.tasks, name, change.who.name)
    change.note("schedules.run", name, {"job": job})
    return f"job {job} runs {name}"


def pause_one(ctx: Context, change: Change, name: str) -> str:
    """Let it wait until it is resumed."""
    _known(ctx, change.conn)
    schedules.pause(change.conn, name, change.who.name)
    change.note("schedules.pause", name)
    return f"{name} waits until it is resumed"


def resume_one(ctx: Context, change: Change, name: str) -> str:
    """Let it run again."""
    _known(ctx, change.conn)
    schedules.resume(change.conn, name, change.who.name)
    change.note("schedules.resume", name)
    return f"{name} runs again, from its next time on"


def choose(ctx: Context, change: Change, name: str, spec: str | None) -> str:
    """Change when it runs; None takes that back."""
    _known(ctx, change.conn)
    schedules.choose(change.conn, ctx.schedules, name, spec, change.who.name)
    change.note("schedules.set", name, {"spec": spec})
    return f"{name} runs as the settings have it" if spec is None else f"{name} is set to {spec}"
