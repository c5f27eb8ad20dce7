"""`/v1/quarantine`: records that could not be used, why, their bytes, and reading them again."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response

from assay.bootstrap import Context
from assay.domain.numbers import LARGEST_ID
from assay.pipelines.advisories import queries
from assay.pipelines.advisories.queries import QuarantineRow
from assay.web import replaying
from assay.web.answers import as_json, responses, schema_of, shaped
from assay.web.bodies import AnyBody, described
from assay.web.changing import changing
from assay.web.guard import Analyst, Viewer
from assay.web.problems import Refused
from assay.web.reading import Reading

_MOST_IDS = 1000
_ROW = {
    "id": 7,
    "source": "gitlab",
    "scope": "",
    "document": "9f86d081884c7d65",
    "locator": "pypi/django/CVE-2020-1.yml",
    "record_id": "pypi/django/CVE-2020-1",
    "reason": "not-yaml",
    "detail": "line 3: mapping values are not allowed here",
    "bytes": 812,
    "first_at": "2026-03-01T10:13:00Z",
    "last_at": "2026-03-01T10:13:00Z",
    "times": 1,
}

_Id = Annotated[int, Path(ge=1, le=LARGEST_ID, description="The record's number in quarantine.")]


class Count(msgspec.Struct, frozen=True):
    """How many records of a source were set aside for a reason."""

    source: str
    reason: str
    records: int


class Listed(msgspec.Struct, frozen=True):
    """Records set aside, newest first; `counts` are of all of them, whatever the filters."""

    records: list[QuarantineRow]
    counts: list[Count]
    next_before: int | None


class Replay(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which records: some by number, those of a source, or with `all` every one."""

    ids: Annotated[list[int], msgspec.Meta(max_length=_MOST_IDS)] = []
    source: str | None = None
    all: bool = False


def router(ctx: Context, read: Reading) -> APIRouter:
    """The surface. Viewers look, analysts have them read again."""
    routes = APIRouter(prefix="/v1/quarantine", tags=["Quarantine"])
    _add_lists(routes, read)

    @routes.post(
        "/replay",
        status_code=202,
        summary="Have records read again by the workers; what reads well becomes a claim",
        responses=responses("The job.", {"job": 12, "url": "/v1/jobs/12"}, 400, 404, status=202),
        openapi_extra=described({"ids": [7, 9]}, schema_of(Replay)),
    )
    def replay(request: Request, who: Analyst, body: AnyBody) -> Response:
        asked = body.read(Replay)
        said = sum((bool(asked.ids), asked.source is not None, asked.all))
        with changing(ctx, request, who) as change:
            if said != 1:
                raise _unclear()
            job = replaying.replay(ctx, change, ids=asked.ids, source=asked.source)
        return as_json({"job": job, "url": f"/v1/jobs/{job}"}, 202)

    return routes


def _unclear() -> Refused:
    return Refused(400, "say which: ids, or a source, or all; one of them")


def _add_lists(routes: APIRouter, read: Reading) -> None:
    @routes.get(
        "",
        summary="Records that could not be used, newest first",
        responses=shaped(
            "A page, and what to send as `before` for the next one; null on the last.",
            Listed,
            {
                "records": [_ROW],
                "counts": [{"source": "gitlab", "reason": "not-yaml", "records": 1}],
                "next_before": None,
            },
            400,
        ),
    )
    def listed(
        _: Viewer,
        *,
        source: Annotated[str | None, Query(max_length=200, description="Of this source.")] = None,
        reason: Annotated[str | None, Query(max_length=200, description="For this reason.")] = None,
        limit: Annotated[int, Query(ge=1, le=1000, description="Records at most.")] = 50,
        before: Annotated[
            int | None, Query(ge=1, le=LARGEST_ID, description="Only those with a smaller number.")
        ] = None,
    ) -> Response:
        rows, counts = read(
            lambda conn: (
                queries.list_quarantine(conn, source=source, reason=reason, before=before, limit=limit + 1),
                queries.count_quarantine(conn),
            )
        )
        following = rows[limit - 1].id if len(rows) > limit else None
        return as_json(Listed(list(rows[:limit]), [Count(*one) for one in counts], following))

    @routes.get("/{record}", summary="One of them", responses=shaped("The record.", QuarantineRow, _ROW, 404))
    def one(_: Viewer, record: _Id) -> Response:
        return as_json(read(lambda conn: queries.get_quarantine(conn, record)))

    @routes.get(
        "/{record}/raw",
        response_class=Response,
        summary="Its bytes as the source wrote them",
        responses=responses("The bytes.", None, 404)
        | {200: {"description": "The bytes.", "content": {"application/octet-stream": {}}}},
    )
    def raw(_: Viewer, record: _Id) -> Response:
        content = read(lambda conn: queries.quarantined_bytes(conn, record))
        return Response(
            content,
            headers={
                "Cache-Control": "no-store",
                "Content-Disposition": f'attachment; filename="record-{record}"',
                "X-Content-Type-Options": "nosniff",
            },
            media_type="application/octet-stream",
        )
