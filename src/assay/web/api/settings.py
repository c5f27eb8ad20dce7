"""`/v1/settings`: what may be changed while everything runs, with what the file and the environment say beside it."""

from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response

from assay.bootstrap import Context
from assay.jobs.choices import list_choices
from assay.web.answers import as_json, shaped
from assay.web.bodies import AnyBody, described
from assay.web.changeable import Setting, change_settings, shown
from assay.web.changing import changing
from assay.web.guard import Admin, Viewer
from assay.web.reading import Reading

_EXAMPLE = {
    "name": "alerts.backlog",
    "description": "Jobs ready in one queue, for 5 minutes",
    "value": 500,
    "default": 1000,
    "is_changed": True,
    "changed_by": "ada",
    "changed_at": "2026-03-01T10:13:00Z",
}


class Shown(msgspec.Struct, frozen=True):
    """Every setting that may be changed, by name."""

    settings: list[Setting]


def router(ctx: Context, read: Reading) -> APIRouter:
    """The surface. Viewers look, administrators change; workers take changes up by themselves."""
    routes = APIRouter(prefix="/v1/settings", tags=["Settings"])
    about = "The settings. A worker takes a change up when it next looks, without a restart."

    @routes.get(
        "",
        summary="The settings that may be changed at run time",
        responses=shaped(about, Shown, {"settings": [_EXAMPLE]}),
    )
    def listed(_: Viewer) -> Response:
        return as_json(Shown(shown(ctx, read(list_choices))))

    @routes.patch(
        "",
        summary="Change some of them; null is what the file and the environment say",
        responses=shaped(about, Shown, {"settings": [_EXAMPLE]}, 400),
        openapi_extra=described({"alerts.backlog": 500, "retention_days": None}),
    )
    def patch(request: Request, who: Admin, body: AnyBody) -> Response:
        wanted = body.read(dict[str, Any])
        with changing(ctx, request, who) as change:
            change_settings(ctx, change, wanted)
            return as_json(Shown(shown(ctx, list_choices(change.conn))))

    return routes
