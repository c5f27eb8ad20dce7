"""`/admin/processing`: process what waits, see how far it is, start and stop what does it by itself, purge."""

from dataclasses import asdict
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Request, Response

from assay.auth.model import Principal
from assay.bootstrap import Context
from assay.jobs import schedules
from assay.jobs.schedules import Schedule
from assay.kit.db import Connection
from assay.pipelines.feeds.commands.entries import purge as purge_entries
from assay.pipelines.feeds.commands.processing import SCHEDULE, process_now
from assay.pipelines.feeds.model.entries import Status
from assay.pipelines.feeds.queries.entries import count_entries
from assay.pipelines.feeds.queries.reviewing import count_standing
from assay.web.addresses import address_of
from assay.web.answers import as_json, responses, schema_of
from assay.web.bodies import AnyBody, described
from assay.web.changing import changing
from assay.web.guard import Admin
from assay.web.reading import Reading

_STATS = {
    "processed": 50,
    "created": 31,
    "updated": 4,
    "failed": 1,
    "skipped": 6,
    "duplicates": 9,
    "purged": 0,
    "duration_seconds": 1.2,
}
_STATUS = {
    "raw_entries": {"pending": 12, "processing": 0, "completed": 810, "failed": 1, "total": 823},
    "vulnerabilities": {"total": 640, "needs_review": 120, "approved": 520},
}
_SCHEDULER = {
    "running": True,
    "interval": "every 5m",
    "is_changed": False,
    "next_run_at": "2026-03-01T10:15:00Z",
    "last_run_at": "2026-03-01T10:10:00Z",
    "last_job_id": 12,
    "last_status": "completed",
    "last_error": None,
}


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many entries to process at most; as the settings say where nothing is said."""

    batch_size: Annotated[int, msgspec.Meta(ge=1, le=100)] | None = None


class Age(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For how many days completed entries are kept."""

    days: Annotated[int, msgspec.Meta(ge=1, le=90)] = 7


def router(ctx: Context, read: Reading) -> APIRouter:
    """The surface, for administrators."""
    routes = APIRouter(prefix="/admin/processing", tags=["Processing of feeds"])
    _add_processing(routes, ctx, read)
    _add_scheduler(routes, ctx, read)

    @routes.post(
        "/purge",
        summary="Forget entries that were completed long enough ago",
        description="What waits or failed stays, however old; so does what was read out of those that go.",
        responses=responses(
            "How many went.", {"message": "purged 12 entries", "stats": {"purged": 12}, "purged": 12}, 400
        ),
        openapi_extra=described({"days": 7}, schema_of(Age)),
    )
    def purge(request: Request, who: Admin, body: AnyBody) -> Response:
        days = body.read(Age).days if body.unpacked().strip() else Age().days
        purged = purge_entries(ctx, who, days, address_of(request))
        said = f"purged {purged} {'entry' if purged == 1 else 'entries'}"
        return as_json({"message": said, "stats": {"purged": purged}, "purged": purged})

    return routes


def _add_processing(routes: APIRouter, ctx: Context, read: Reading) -> None:
    @routes.post(
        "/trigger",
        summary="Process one batch now",
        description="In the service itself, without waiting for a worker, and answered when it is done. What workers "
        "process at that moment stays theirs: nothing is processed twice.",
        responses=responses("What it came to.", {"message": "processed 50 entries", "stats": _STATS}, 400),
        openapi_extra=described({"batch_size": 50}, schema_of(Wanted)),
    )
    def trigger(request: Request, who: Admin, body: AnyBody) -> Response:
        size = body.read(Wanted).batch_size if body.unpacked().strip() else None
        stats = process_now(ctx, size)
        with changing(ctx, request, who) as change:
            change.note(
                "processing.trigger", "entries", {"processed": stats.processed, "failed": stats.failed}
            )
        said = f"processed {stats.processed} {'entry' if stats.processed == 1 else 'entries'}"
        return as_json({"message": said if stats.processed else "nothing waits", "stats": asdict(stats)})

    @routes.get(
        "/status",
        summary="How far the entries are, and how the vulnerabilities stand that they speak of",
        description="`approved` are those that stand: sure enough by themselves, or approved by a person.",
        responses=responses("The counts.", _STATUS),
    )
    def status(_: Admin) -> Response:
        return as_json(read(_status))


def _status(conn: Connection) -> dict[str, dict[str, int]]:
    entries = count_entries(conn)
    counts = {status.value: entries.of(status) for status in Status}
    return {
        "raw_entries": {**counts, "total": entries.total},
        "vulnerabilities": asdict(count_standing(conn)),
    }


def _add_scheduler(routes: APIRouter, ctx: Context, read: Reading) -> None:
    shown = responses("The schedule as it is now, on every machine and at once.", _SCHEDULER)

    @routes.get("/scheduler", summary="Whether and when entries are processed by themselves", responses=shown)
    def scheduler(_: Admin) -> Response:
        return as_json(_shown(read(lambda conn: schedules.get_known(conn, ctx.schedules, SCHEDULE))))

    @routes.post("/scheduler/start", summary="Have entries processed by themselves", responses=shown)
    def start(request: Request, who: Admin) -> Response:
        return _turned(ctx, request, who, is_on=True)

    @routes.post("/scheduler/stop", summary="Have entries wait until somebody starts it", responses=shown)
    def stop(request: Request, who: Admin) -> Response:
        return _turned(ctx, request, who, is_on=False)


def _turned(ctx: Context, request: Request, who: Principal, *, is_on: bool) -> Response:
    with changing(ctx, request, who) as change:
        schedules.declare(change.conn, ctx.schedules)
        one = schedules.get_schedule(change.conn, SCHEDULE)
        if one.is_paused is is_on:
            (schedules.resume if is_on else schedules.pause)(change.conn, SCHEDULE, who.name)
            change.note("schedules.resume" if is_on else "schedules.pause", SCHEDULE)
        return as_json(_shown(schedules.get_schedule(change.conn, SCHEDULE)))


def _shown(one: Schedule) -> dict[str, Any]:
    return {
        "running": not one.is_paused and one.spec != "off",
        "interval": one.spec,
        "is_changed": one.is_changed,
        "next_run_at": None if one.is_paused else one.next_run_at,
        "last_run_at": one.last_run_at,
        "last_job_id": one.last_job_id,
        "last_status": one.last_status,
        "last_error": one.last_error,
    }
