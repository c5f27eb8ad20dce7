"""What programs ask about workers, tasks and syncs, and how they start a sync."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Path, Request, Response

from assay.auth.model import Role
from assay.bootstrap import Context
from assay.domain.numbers import LARGEST_ID
from assay.jobs import commands as jobs_commands
from assay.jobs import queries as jobs
from assay.jobs.ledger import Run, last_runs
from assay.jobs.model import Job, State
from assay.jobs.schedules import Schedule, list_schedules
from assay.kit.db import Connection
from assay.monitoring import queries as monitoring
from assay.monitoring.model import QueueRow
from assay.pipelines.advisories.commands import ROOM, background_sync
from assay.web.answers import as_json, refusals
from assay.web.bodies import AnyBody
from assay.web.changing import Change, changing
from assay.web.guard import Analyst, needs
from assay.web.problems import Refused
from assay.web.reading import Reading

_ACTIVE_MOST = 100


class SyncRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be synced: all sources where none is named."""

    sources: list[str] = []
    full: bool = False


def router(ctx: Context, read: Reading) -> APIRouter:
    """The surface. What it shows are jobs without their arguments and tracebacks."""
    routes = APIRouter(
        tags=["Operations"],
        dependencies=[Depends(needs(Role.VIEWER))],
        responses=refusals(401, 403),
    )
    _add_worker(routes, read)

    @routes.get(
        "/api/jobs/status", summary="Each source's last and next sync, and the jobs that are not over"
    )
    def status() -> Response:
        return as_json(read(lambda conn: _status(ctx, conn)))

    @routes.post(
        "/api/jobs/sync",
        status_code=202,
        summary="Have sources synced by the workers",
    )
    def sync(request: Request, who: Analyst, body: AnyBody) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            raise Refused(415, "send the request as application/json")
        asked = body.read(SyncRequest)
        unknown = [name for name in asked.sources if name not in ctx.sources]
        if unknown:
            raise Refused(404, f"no source is called {unknown[0]!r}; there are {', '.join(ctx.sources)}")
        with changing(ctx, request, who) as change:
            jobs_made = _defer(ctx, change, asked)
        return as_json({"jobs": jobs_made}, status=202)

    return routes


def _add_worker(routes: APIRouter, read: Reading) -> None:
    @routes.get("/v1/worker/health", summary="Workers, active tasks, queue depth and the oldest waiting job")
    def health() -> Response:
        return as_json(read(_worker_health))

    @routes.get("/v1/worker/tasks/{task_id}", summary="One job with its attempts")
    def task(task_id: Annotated[int, Path(ge=1, le=LARGEST_ID)]) -> Response:
        def look(conn: Connection) -> dict[str, Any]:
            return shown(jobs.get_job(conn, task_id)) | {
                "attempts": [
                    {
                        "number": one.number,
                        "outcome": one.outcome,
                        "started_at": one.started_at,
                        "ended_at": one.ended_at,
                        "error_kind": one.error_kind,
                        "error": one.error,
                    }
                    for one in jobs.list_attempts(conn, task_id)
                ]
            }

        return as_json(read(look))


def _worker_health(conn: Connection) -> dict[str, Any]:
    workers = jobs.list_workers(conn)
    queues = monitoring.list_queues(conn)
    waits = [one.oldest_waiting_seconds for one in queues if one.oldest_waiting_seconds is not None]
    return {
        "status": _verdict(any(one.is_alive for one in workers), queues),
        "workers": [
            {
                "id": one.id,
                "host": one.host,
                "pid": one.pid,
                "version": one.version,
                "queues": one.queues,
                "concurrency": one.concurrency,
                "active_tasks": one.running,
                "started_at": one.started_at,
                "last_heartbeat": one.last_heartbeat,
                "is_alive": one.is_alive,
            }
            for one in workers
        ],
        "active_tasks": sum(one.active for one in queues),
        "queue_depth": sum(one.ready for one in queues),
        "oldest_waiting_seconds": max(waits, default=None),
        "queues": [
            {
                "queue": one.queue,
                "depth": one.ready,
                "delayed": one.delayed,
                "active": one.active,
                "oldest_waiting_seconds": one.oldest_waiting_seconds,
                "is_served": one.is_served,
            }
            for one in queues
        ],
    }


def _verdict(is_any_alive: bool, queues: tuple[QueueRow, ...]) -> str:
    if not is_any_alive:
        return "down"
    return "ok" if all(one.is_served for one in queues) else "degraded"


def shown(job: Job) -> dict[str, Any]:
    """A job without what it is given and what went wrong inside it."""
    return {
        "id": job.id,
        "task": job.task,
        "room": job.room,
        "subject": job.subject,
        "status": job.status.value,
        "priority": job.priority,
        "retry_count": job.retry_count,
        "max_retries": job.max_retries,
        "error_message": job.error_message,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "completed_at": job.completed_at,
        "updated_at": job.updated_at,
        "progress": {"done": job.progress_done, "total": job.progress_total, "message": job.progress_message},
    }


def _status(ctx: Context, conn: Connection) -> dict[str, Any]:
    tasks = monitoring.list_tasks(conn)
    active = [
        job
        for state in (State.PROCESSING, State.RETRYING, State.PENDING)
        for job in jobs.list_jobs(conn, jobs.Filters(status=state), limit=_ACTIVE_MOST)
    ]
    schedules = {
        one.args.get("source"): one for one in list_schedules(conn) if one.task == background_sync.name
    }
    runs = {run.source: run for run in last_runs(conn, ROOM) if run.step == "sync"}
    return {
        "counts": {
            name: sum(getattr(one, name) for one in tasks)
            for name in ("pending", "retrying", "processing", "failed")
        },
        "sources": [_source(name, schedules.get(name), runs.get(name), active) for name in ctx.sources],
        "active": [shown(job) for job in active],
    }


def _source(name: str, schedule: Schedule | None, run: Run | None, active: list[Job]) -> dict[str, Any]:
    mine = [job for job in active if job.task == background_sync.name and job.subject == name]
    last: Mapping[str, Any] | None = None
    if run is not None:
        last = {
            "outcome": run.outcome,
            "started_at": run.started_at,
            "ended_at": run.ended_at,
            "counts": run.counts,
            "detail": run.detail,
        }
    next_run: datetime | None = None if schedule is None or schedule.is_paused else schedule.next_run_at
    return {
        "source": name,
        "job": shown(mine[0]) if mine else None,
        "schedule": None if schedule is None else schedule.spec,
        "is_paused": schedule is not None and schedule.is_paused,
        "next_run_at": next_run,
        "last_run": last,
    }


def _defer(ctx: Context, change: Change, asked: SyncRequest) -> list[dict[str, Any]]:
    names = list(dict.fromkeys(asked.sources)) or list(ctx.sources)
    made = []
    for name in names:
        args = {"source": name, "full": asked.full}
        job = jobs_commands.run(change.conn, ctx.tasks, background_sync.name, args, change.who.name)
        change.note("sources.run", name, {"job": job.id, "full": asked.full})
        made.append({"id": job.id, "source": name, "is_new": job.is_new, "url": f"/v1/worker/tasks/{job.id}"})
    return made
