"""The sources: how fresh each is, its runs, when it runs, and the records of it that were set aside."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Path, Query, Request, Response

from assay.bootstrap import Context
from assay.domain.numbers import LARGEST_ID
from assay.errors import NotFound
from assay.jobs import commands as jobs_commands
from assay.jobs.ledger import list_runs
from assay.jobs.schedules import list_schedules
from assay.jobs.timing import OFF
from assay.kit.db import Connection
from assay.pipelines.advisories import queries
from assay.pipelines.advisories.commands import ROOM, background_sync
from assay.web.changing import Change
from assay.web.guard import Admin, Analyst, Viewer
from assay.web.pages import schedules
from assay.web.pages.acting import Back, act
from assay.web.reading import Reading
from assay.web.rendering import Rendering
from assay.web.replaying import replay
from assay.web.standings import list_shown

_PAGE = 50
_RUNS = 20
_EXCERPT = 4_000

_Name = Annotated[str, Path(max_length=200)]
_Text = Annotated[str, Query(max_length=200)]
_Before = Annotated[int | None, Query(ge=1, le=LARGEST_ID)]


def router(ctx: Context, read: Reading, show: Rendering) -> APIRouter:
    """The pages below `/sources`."""
    routes = APIRouter(prefix="/sources", include_in_schema=False)
    _add_quarantine(routes, ctx, read, show)
    _add_changes(routes, ctx)

    @routes.get("")
    def every(request: Request, who: Viewer) -> Response:
        found = read(lambda conn: list_shown(ctx, conn))
        return show(request, "sources/list.html", who, sources=found, is_live=any(one.job for one in found))

    @routes.get("/{name}")
    def one(
        request: Request, who: Viewer, name: _Name, before: _Before = None, edit: _Text = "", spec: _Text = ""
    ) -> Response:
        _check(ctx, name)
        found, runs, reasons = read(
            lambda conn: (
                list_shown(ctx, conn),
                list_runs(conn, ROOM, name, before=before, limit=_RUNS + 1),
                [entry for entry in queries.count_quarantine(conn) if entry[0] == name],
            )
        )
        return show(
            request,
            "sources/source.html",
            who,
            source=next(entry for entry in found if entry.name == name),
            address=queries.address(ctx.sources[name]),
            runs=runs[:_RUNS],
            next_before=runs[_RUNS - 1].id if len(runs) > _RUNS else None,
            reasons=reasons,
            edited=edit,
            typed=spec,
        )

    return routes


def _check(ctx: Context, name: str) -> None:
    if name not in ctx.sources:
        raise NotFound(f"no source is called {name!r}; there are {', '.join(ctx.sources)}")


def _add_quarantine(routes: APIRouter, ctx: Context, read: Reading, show: Rendering) -> None:
    @routes.get("/quarantine")
    def quarantine(
        request: Request, who: Viewer, source: _Text = "", reason: _Text = "", before: _Before = None
    ) -> Response:
        rows, counts = read(
            lambda conn: (
                queries.list_quarantine(
                    conn, source=source or None, reason=reason or None, before=before, limit=_PAGE + 1
                ),
                queries.count_quarantine(conn),
            )
        )
        return show(
            request,
            "sources/quarantine.html",
            who,
            rows=rows[:_PAGE],
            next_before=rows[_PAGE - 1].id if len(rows) > _PAGE else None,
            counts=counts,
            sources=list(ctx.sources),
            reasons=sorted({entry[1] for entry in counts}),
            filters={"source": source, "reason": reason},
        )

    @routes.post("/quarantine/replay")
    def replay_some(
        request: Request,
        who: Analyst,
        back: Back,
        source: Annotated[str, Form(max_length=200)] = "",
        key: Annotated[int | None, Form(ge=1, le=LARGEST_ID)] = None,
    ) -> Response:
        def deed(change: Change) -> str:
            ids = () if key is None else (key,)
            return f"job {replay(ctx, change, ids=ids, source=source or None)} reads the records again"

        return act(ctx, request, who, back, deed)

    @routes.get("/quarantine/{key}")
    def record(request: Request, who: Viewer, key: Annotated[int, Path(ge=1, le=LARGEST_ID)]) -> Response:
        row, raw = read(lambda conn: _record(conn, key))
        excerpt = None if raw is None else raw[:_EXCERPT].decode("utf-8", "backslashreplace")
        return show(
            request,
            "sources/record.html",
            who,
            row=row,
            excerpt=excerpt,
            more=0 if raw is None else max(0, len(raw) - _EXCERPT),
        )


def _record(conn: Connection, key: int) -> tuple[queries.QuarantineRow, bytes | None]:
    row = queries.get_quarantine(conn, key)
    return row, None if row.bytes is None else queries.quarantined_bytes(conn, key)


def _add_changes(routes: APIRouter, ctx: Context) -> None:
    @routes.post("/{name}/run")
    def run(
        request: Request, who: Analyst, name: _Name, back: Back, full: Annotated[bool, Form()] = False
    ) -> Response:
        _check(ctx, name)

        def deed(change: Change) -> str:
            arguments = {"source": name, "full": full}
            job = jobs_commands.run(change.conn, ctx.tasks, background_sync.name, arguments, who.name)
            change.note("sources.run", name, {"job": job.id, "full": full})
            return (
                f"job {job.id} syncs {name}"
                if job.is_new
                else f"{name} is being synced already, by job {job.id}"
            )

        return act(ctx, request, who, back, deed)

    @routes.post("/{name}/disable")
    def disable(request: Request, who: Admin, name: _Name, back: Back) -> Response:
        _check(ctx, name)
        return act(ctx, request, who, back, lambda change: schedules.pause_one(ctx, change, name))

    @routes.post("/{name}/enable")
    def enable(request: Request, who: Admin, name: _Name, back: Back) -> Response:
        _check(ctx, name)
        return act(ctx, request, who, back, lambda change: _enabled(ctx, change, name))

    @routes.post("/{name}/interval")
    def interval(
        request: Request, who: Admin, name: _Name, back: Back, spec: Annotated[str, Form(max_length=200)] = ""
    ) -> Response:
        _check(ctx, name)
        typed = spec.strip() or None
        again = f"/sources/{name}?{urlencode({'edit': name, 'spec': spec})}"
        return act(
            ctx, request, who, back, lambda change: schedules.choose(ctx, change, name, typed), failed=again
        )


def _enabled(ctx: Context, change: Change, name: str) -> str:
    """Let a source run by itself again; one that is off gets back the interval of the settings."""
    said = schedules.resume_one(ctx, change, name)
    if next(one for one in list_schedules(change.conn) if one.name == name).spec == OFF:
        said = schedules.choose(ctx, change, name, None)
    return said
