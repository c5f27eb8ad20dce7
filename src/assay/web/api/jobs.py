"""`/v1/jobs`: what waits, runs and was given up, and what is done about it."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response

from assay.auth.model import Role
from assay.bootstrap import Context
from assay.domain.numbers import LARGEST_ID
from assay.jobs import commands, queries
from assay.jobs.commands import Handled
from assay.jobs.model import Attempt, State
from assay.jobs.queries import Filters
from assay.kit.db import Connection
from assay.web.answers import as_json, responses
from assay.web.api.operations import shown
from assay.web.bodies import AnyBody, described
from assay.web.changing import changing
from assay.web.guard import Analyst, Viewer
from assay.web.problems import Refused
from assay.web.reading import Reading

_JOB = {
    "id": 12,
    "task": "advisories.sync",
    "room": "advisories",
    "subject": "osv",
    "status": "failed",
    "priority": 0,
    "retry_count": 3,
    "max_retries": 3,
    "error_message": "https://osv.example.org/all.zip answered 503",
    "created_at": "2026-03-01T10:13:00Z",
    "started_at": "2026-03-01T10:21:07Z",
    "completed_at": "2026-03-01T10:21:09Z",
    "updated_at": "2026-03-01T10:21:09Z",
    "progress": {"done": 0, "total": None, "message": "osv: fetch"},
}
_ATTEMPT = {
    "number": 4,
    "outcome": "error",
    "host": "worker-1",
    "started_at": "2026-03-01T10:21:07Z",
    "ended_at": "2026-03-01T10:21:09Z",
    "error_kind": "Transient",
    "error": "https://osv.example.org/all.zip answered 503",
}
_STATS = {
    "tasks": [
        {
            "task": "advisories.sync",
            "pending": 0,
            "processing": 1,
            "retrying": 0,
            "failed": 1,
            "completed_last_hour": 4,
            "failed_last_hour": 1,
            "oldest_waiting_seconds": None,
            "wait_seconds": 0.02,
            "run_seconds": 31.5,
        }
    ],
    "workers_alive": 2,
    "unserved_queues": [],
}

_Id = Annotated[int, Path(ge=1, le=LARGEST_ID, description="The job's number.")]


class Chosen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which dead letters; all that match every one that is given. `all` is said when none is."""

    task: str | None = None
    subject: str | None = None
    error: str | None = None
    all: bool = False
    reason: str | None = None

    def filters(self) -> Filters:
        """The same for the room. Raises Refused where nothing was chosen, or everything and something."""
        is_filtered = any(one is not None for one in (self.task, self.subject, self.error))
        if is_filtered is self.all:
            raise Refused(400, "say which with task, subject or error, or say all")
        return Filters(None, self.task, self.subject, self.error)


class Why(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a person decided so, for those who come later."""

    reason: str | None = None


def router(ctx: Context, read: Reading) -> APIRouter:
    """The surface. Viewers look; analysts see arguments and tracebacks as well, and retry, discard and cancel."""
    routes = APIRouter(prefix="/v1/jobs", tags=["Jobs"])
    _add_lists(routes, read)
    _add_many(routes, ctx)
    _add_one(routes, read)
    _add_changes(routes, ctx)
    return routes


def _add_lists(routes: APIRouter, read: Reading) -> None:
    @routes.get(
        "",
        summary="Jobs, newest first",
        responses=responses(
            "Jobs, and what to send as `before` for the next page; null on the last one.",
            {"jobs": [_JOB], "next_before": 12},
            400,
        ),
    )
    def listed(
        _: Viewer,
        *,
        status: Annotated[State | None, Query(description="In this state only.")] = None,
        task: Annotated[str | None, Query(description="Of this task only, e.g. advisories.sync.")] = None,
        subject: Annotated[str | None, Query(description="About this only, e.g. a source.")] = None,
        error: Annotated[str | None, Query(description="With this text in the newest error.")] = None,
        limit: Annotated[int, Query(ge=1, le=1000, description="Jobs at most.")] = 50,
        before: Annotated[
            int | None, Query(ge=1, le=LARGEST_ID, description="Only those with a smaller number.")
        ] = None,
    ) -> Response:
        filters = Filters(status, task, subject, error)
        found = read(lambda conn: queries.list_jobs(conn, filters, limit=limit + 1, before=before))
        page = found[:limit]
        following = page[-1].id if len(found) > limit else None
        return as_json({"jobs": [shown(job) for job in page], "next_before": following})

    @routes.get(
        "/stats",
        summary="Jobs in figures, task by task",
        responses=responses("Times are seconds; those of the last hour, null where there were none.", _STATS),
    )
    def stats(_: Viewer) -> Response:
        found = read(queries.stats)
        return as_json(
            {
                "tasks": [asdict(one) for one in found.tasks],
                "workers_alive": sum(one.is_alive for one in found.workers),
                "unserved_queues": found.unserved_queues,
            }
        )


def _add_many(routes: APIRouter, ctx: Context) -> None:
    asked = {"task": "advisories.sync", "error": "No space left"}

    @routes.post(
        "/retry",
        summary="Give all dead letters of a task, subject or error their attempts again",
        responses=responses(
            "The jobs that wait again. `replaced` stay as they are: another one of their kind waits already.",
            {"retried": [12, 15], "replaced": 0},
            400,
        ),
        openapi_extra=described(asked),
    )
    def retry(request: Request, who: Analyst, body: AnyBody) -> Response:
        chosen = body.read(Chosen)
        filters = chosen.filters()
        with changing(ctx, request, who) as change:
            handled = commands.retry_matching(change.conn, filters, who.name)
            change.note("jobs.retry", "many", {**_told(chosen), "jobs": len(handled.ids)})
        return _handled("retried", handled)

    @routes.post(
        "/discard",
        summary="Mark all dead letters of a task, subject or error as dealt with",
        responses=responses(
            "The jobs that count as cancelled now.", {"discarded": [12, 15], "replaced": 0}, 400
        ),
        openapi_extra=described(asked | {"reason": "the mirror is gone for good"}),
    )
    def discard(request: Request, who: Analyst, body: AnyBody) -> Response:
        chosen = body.read(Chosen)
        filters = chosen.filters()
        with changing(ctx, request, who) as change:
            handled = commands.discard_matching(change.conn, filters, who.name, chosen.reason)
            change.note("jobs.discard", "many", {**_told(chosen), "jobs": len(handled.ids)})
        return _handled("discarded", handled)


def _add_one(routes: APIRouter, read: Reading) -> None:
    @routes.get(
        "/{job_id}",
        summary="One job with its attempts, and what people did to it",
        responses=responses(
            "The job. `arguments` and each attempt's `traceback` are there for analysts only.",
            {**_JOB, "arguments": {"source": "osv"}, "attempts": [_ATTEMPT], "interventions": []},
            404,
        ),
    )
    def one(who: Viewer, job_id: _Id) -> Response:
        return as_json(read(lambda conn: _one(conn, job_id, in_full=who.may(Role.ANALYST))))


def _add_changes(routes: APIRouter, ctx: Context) -> None:
    def change_one(
        verb: str, request: Request, who: Analyst, job_id: int, act: Callable[[Connection], object]
    ) -> Response:
        with changing(ctx, request, who) as change:
            act(change.conn)
            change.note(f"jobs.{verb}", job_id)
            return as_json(_one(change.conn, job_id, in_full=True))

    changed = responses("The job as it is now.", {**_JOB, "status": "pending"}, 400, 404, 409)

    @routes.post("/{job_id}/retry", summary="Give a dead letter all its attempts again", responses=changed)
    def retry(request: Request, who: Analyst, job_id: _Id) -> Response:
        def act(conn: Connection) -> None:
            if commands.retry(conn, [job_id], who.name).replaced:
                raise Refused(409, f"job {job_id} is left as it is: another one of its kind waits already")

        return change_one("retry", request, who, job_id, act)

    @routes.post(
        "/{job_id}/discard",
        summary="Mark a dead letter as dealt with",
        responses=changed,
        openapi_extra=described({"reason": "the mirror is gone for good"}),
    )
    def discard(request: Request, who: Analyst, job_id: _Id, body: AnyBody) -> Response:
        why = body.read(Why) if body.unpacked().strip() else Why()
        return change_one(
            "discard",
            request,
            who,
            job_id,
            lambda conn: commands.discard(conn, [job_id], who.name, why.reason),
        )

    @routes.post(
        "/{job_id}/cancel",
        summary="Cancel a job that waits, or ask one that runs to end at its next report of progress",
        responses=changed,
    )
    def cancel(request: Request, who: Analyst, job_id: _Id) -> Response:
        return change_one(
            "cancel", request, who, job_id, lambda conn: commands.cancel(conn, [job_id], who.name)
        )


def _told(chosen: Chosen) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(chosen).items() if value}


def _handled(what: str, handled: Handled) -> Response:
    return as_json({what: handled.ids, "replaced": handled.replaced})


def _one(conn: Connection, job_id: int, *, in_full: bool) -> dict[str, Any]:
    job = queries.get_job(conn, job_id)
    told = shown(job) | {
        "queue": job.queue,
        "not_before": job.not_before,
        "is_being_cancelled": job.is_being_cancelled,
        "host": job.host,
        "attempts": [_attempt(each, in_full=in_full) for each in queries.list_attempts(conn, job_id)],
        "interventions": [asdict(each) for each in queries.list_interventions(conn, job_id)],
    }
    return told | {"arguments": job.args} if in_full else told


def _attempt(one: Attempt, *, in_full: bool) -> dict[str, Any]:
    told = asdict(one)
    if not in_full:
        del told["traceback"]
    return told
