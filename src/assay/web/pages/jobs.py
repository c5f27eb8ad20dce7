"""The jobs: a board by state, dead letters, and one job with everything that went wrong."""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Query, Request, Response

from assay.bootstrap import Context
from assay.domain.numbers import LARGEST_ID
from assay.domain.wording import counted
from assay.jobs import commands
from assay.jobs import queries as jobs
from assay.jobs.model import Job, State
from assay.kit.db import Connection
from assay.web.changing import Change
from assay.web.guard import Analyst, Viewer
from assay.web.pages.acting import Back, act
from assay.web.reading import Reading
from assay.web.rendering import Rendering

_PAGE = 50
_CARDS = 8
_BOARD = (State.PENDING, State.PROCESSING, State.RETRYING, State.FAILED, State.COMPLETED)

_Key = Annotated[int, Path(ge=1, le=LARGEST_ID)]
_Text = Annotated[str, Query(max_length=200)]
_Typed = Annotated[str, Form(max_length=200)]


def router(ctx: Context, read: Reading, show: Rendering) -> APIRouter:
    """The pages below `/jobs`."""
    routes = APIRouter(prefix="/jobs", include_in_schema=False)
    _add_changes(routes, ctx)

    @routes.get("")
    def board(
        request: Request,
        who: Viewer,
        status: State | None = None,
        task: _Text = "",
        subject: _Text = "",
        error: _Text = "",
        before: Annotated[int | None, Query(ge=1, le=LARGEST_ID)] = None,
    ) -> Response:
        filters = jobs.Filters(status, task or None, subject or None, error or None)
        is_list = filters != jobs.Filters() or before is not None
        stats = read(jobs.stats)
        values = {"status": status, "task": task, "subject": subject, "error": error}
        shared: dict[str, Any] = {
            "stats": stats,
            "totals": _totals(stats),
            "filters": values,
            "states": list(State),
        }
        if not is_list:
            return show(request, "jobs/board.html", who, columns=read(_columns), **shared)
        found = read(lambda conn: jobs.list_jobs(conn, filters, limit=_PAGE + 1, before=before))
        return show(
            request,
            "jobs/list.html",
            who,
            jobs=found[:_PAGE],
            next_before=found[_PAGE - 1].id if len(found) > _PAGE else None,
            **shared,
        )

    @routes.get("/{job_id}")
    def job(request: Request, who: Viewer, job_id: _Key) -> Response:
        found, attempts, done = read(
            lambda conn: (
                jobs.get_job(conn, job_id),
                jobs.list_attempts(conn, job_id),
                jobs.list_interventions(conn, job_id),
            )
        )
        is_live = found.status in (State.PENDING, State.PROCESSING, State.RETRYING)
        return show(request, "jobs/job.html", who, job=found, attempts=attempts, done=done, is_live=is_live)

    return routes


def _columns(conn: Connection) -> list[tuple[State, list[Job]]]:
    return [(state, jobs.list_jobs(conn, jobs.Filters(state), limit=_CARDS)) for state in _BOARD]


def _totals(stats: jobs.Stats) -> dict[str, int]:
    """How many jobs there are in each state; of the completed ones those of the last hour."""
    fields = {
        State.PENDING: "pending",
        State.PROCESSING: "processing",
        State.RETRYING: "retrying",
        State.FAILED: "failed",
        State.COMPLETED: "completed_last_hour",
    }
    return {state.value: sum(getattr(one, field) for one in stats.tasks) for state, field in fields.items()}


def _add_changes(routes: APIRouter, ctx: Context) -> None:
    @routes.post("/retry")
    def retry_matching(
        request: Request,
        who: Analyst,
        back: Back,
        task: _Typed = "",
        subject: _Typed = "",
        error: _Typed = "",
    ) -> Response:
        filters = jobs.Filters(None, task or None, subject or None, error or None)

        def deed(change: Change) -> str:
            done = commands.retry_matching(change.conn, filters, who.name)
            change.note("jobs.retry", "dead letters", {**replace(filters).values(), "jobs": len(done.ids)})
            return f"{counted(len(done.ids), 'dead letter')} will be tried again" + _replaced(done)

        return act(ctx, request, who, back, deed)

    @routes.post("/{job_id}/retry")
    def retry(request: Request, who: Analyst, job_id: _Key, back: Back) -> Response:
        def deed(change: Change) -> str:
            done = commands.retry(change.conn, [job_id], who.name)
            change.note("jobs.retry", f"job {job_id}")
            return (
                f"job {job_id} will be tried again"
                if done.ids
                else f"job {job_id} needs no retry" + _replaced(done)
            )

        return act(ctx, request, who, back, deed)

    @routes.post("/{job_id}/discard")
    def discard(
        request: Request,
        who: Analyst,
        job_id: _Key,
        back: Back,
        reason: Annotated[str, Form(max_length=500)] = "",
    ) -> Response:
        def deed(change: Change) -> str:
            commands.discard(change.conn, [job_id], who.name, reason.strip() or None)
            change.note("jobs.discard", f"job {job_id}", {"reason": reason.strip()})
            return f"job {job_id} was discarded; it can still be retried from its page"

        return act(ctx, request, who, back, deed)

    @routes.post("/{job_id}/cancel")
    def cancel(request: Request, who: Analyst, job_id: _Key, back: Back) -> Response:
        def deed(change: Change) -> str:
            now = commands.cancel(change.conn, [job_id], who.name)[job_id]
            change.note("jobs.cancel", f"job {job_id}")
            if now is State.CANCELLED:
                return f"job {job_id} is cancelled"
            return f"job {job_id} is asked to end at its next report of progress"

        return act(ctx, request, who, back, deed)


def _replaced(done: commands.Handled) -> str:
    return (
        f"; {counted(done.replaced, 'other')} wait already as jobs of the same kind" if done.replaced else ""
    )
