"""`/v1/decisions`: which names people pinned together or keep apart, whatever the sources say."""

from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Path, Request, Response

from assay.bootstrap import Context
from assay.catalog import commands, queries
from assay.catalog.commands import merge_later
from assay.catalog.queries import Decision
from assay.jobs import commands as jobs_commands
from assay.web.answers import as_json, responses, schema_of, shaped
from assay.web.bodies import AnyBody, described
from assay.web.changing import Change, changing
from assay.web.guard import Analyst, Viewer
from assay.web.reading import Reading

_DECISION = {
    "kind": "ban",
    "left": "CVE-2020-1",
    "right": "GHSA-aaaa-bbbb-cccc",
    "reason": "the advisory names the wrong CVE",
    "decided_by": "ada",
    "decided_at": "2026-03-01T10:13:00Z",
}
_JOB = {"job": 12, "url": "/v1/jobs/12"}

_Name = Annotated[str, Path(max_length=200, description="An identifier.")]


class Decisions(msgspec.Struct, frozen=True):
    """Every decision, oldest first."""

    decisions: list[Decision]


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is decided about two names: `pin` makes them one vulnerability, `ban` two."""

    kind: Literal["pin", "ban"]
    left: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    right: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]


def router(ctx: Context, read: Reading) -> APIRouter:
    """The surface. Viewers look, analysts decide; a job merges afterwards."""
    routes = APIRouter(prefix="/v1/decisions", tags=["Decisions"])

    @routes.get(
        "",
        summary="Pins and bans, oldest first",
        responses=shaped("The decisions.", Decisions, {"decisions": [_DECISION]}),
    )
    def listed(_: Viewer) -> Response:
        return as_json(Decisions(read(queries.list_decisions)))

    @routes.post(
        "",
        status_code=202,
        summary="Pin two names together, or keep them apart",
        responses=responses("The job that merges what this touches.", _JOB, 400, 404, 409, status=202),
        openapi_extra=described(
            {"kind": "ban", "left": "CVE-2020-1", "right": "GHSA-aaaa-bbbb-cccc", "reason": "wrong CVE"},
            schema_of(Wanted),
        ),
    )
    def decide(request: Request, who: Analyst, body: AnyBody) -> Response:
        wanted = body.read(Wanted)
        names = (wanted.left, wanted.right)
        with changing(ctx, request, who) as change:
            commands.decide(
                change.conn, wanted.kind, names, reason=wanted.reason, by=who.name, now=ctx.clock()
            )
            change.note(f"catalog.{wanted.kind}", " ".join(names), {"reason": wanted.reason})
            return _merging(ctx, change)

    @routes.delete(
        "/{left}/{right}",
        status_code=202,
        summary="Take a pin or ban back",
        responses=responses("The job that merges what this touches.", _JOB, 404, 409, status=202),
    )
    def undecide(request: Request, who: Analyst, left: _Name, right: _Name) -> Response:
        with changing(ctx, request, who) as change:
            commands.undecide(change.conn, (left, right))
            change.note("catalog.undecide", f"{left} {right}")
            return _merging(ctx, change)

    return routes


def _merging(ctx: Context, change: Change) -> Response:
    job = jobs_commands.run(change.conn, ctx.tasks, merge_later.name, {}, change.who.name)
    return as_json({"job": job.id, "url": f"/v1/jobs/{job.id}"}, 202)
