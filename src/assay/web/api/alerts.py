"""`/v1/alerts`: what is wrong, who was told, and who looks after it."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response

from assay.bootstrap import Context
from assay.domain.numbers import LARGEST_ID
from assay.kit.db import Connection
from assay.monitoring import commands, queries
from assay.monitoring.model import AlertState, Rule
from assay.web.answers import as_json, responses
from assay.web.bodies import AnyBody, described
from assay.web.changing import changing
from assay.web.guard import Analyst, Viewer
from assay.web.reading import Reading

_ALERT = {
    "id": 3,
    "rule": "source_failing",
    "subject": "advisories osv",
    "severity": "warning",
    "state": "open",
    "value": 3.0,
    "threshold": 3.0,
    "message": "advisories osv failed 3 times in a row: https://osv.example.org/all.zip answered 503",
    "breached_at": "2026-03-01T10:21:09Z",
    "seen_at": "2026-03-01T10:25:00Z",
    "opened_at": "2026-03-01T10:22:00Z",
    "calm_since": None,
    "acknowledged_at": None,
    "acknowledged_by": None,
    "note": None,
    "resolved_at": None,
}
_DELIVERY = {
    "channel": "mail",
    "event": "alert.opened",
    "created_at": "2026-03-01T10:22:00Z",
    "tries": 1,
    "sent_at": "2026-03-01T10:22:01Z",
    "error": None,
}

_Id = Annotated[int, Path(ge=1, le=LARGEST_ID, description="The alert's number.")]


class Note(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody says about an alert, for those who ask later."""

    note: str | None = None


def router(ctx: Context, read: Reading) -> APIRouter:
    """The surface. Viewers look, analysts acknowledge. Where notices go is never shown, only the channel's name."""
    routes = APIRouter(prefix="/v1/alerts", tags=["Alerts"])

    _add_list(routes, read)
    _add_one(routes, ctx, read)
    return routes


def _add_list(routes: APIRouter, read: Reading) -> None:
    @routes.get(
        "",
        summary="Alerts that are not over, newest first",
        responses=responses(
            "Alerts, what to send as `before` for the next page, and when the last look was: null when nobody "
            "has looked, because no worker has run yet.",
            {"alerts": [_ALERT], "next_before": None, "looked_at": "2026-03-01T10:25:00Z"},
            400,
        ),
    )
    def listed(
        _: Viewer,
        *,
        state: Annotated[AlertState | None, Query(description="In this state only.")] = None,
        rule: Annotated[Rule | None, Query(description="Of this rule only.")] = None,
        every: Annotated[bool, Query(alias="all", description="Those that are over too.")] = False,
        limit: Annotated[int, Query(ge=1, le=1000, description="Alerts at most.")] = 50,
        before: Annotated[
            int | None, Query(ge=1, le=LARGEST_ID, description="Only those with a smaller number.")
        ] = None,
    ) -> Response:
        def look(conn: Connection) -> dict[str, Any]:
            found = queries.list_alerts(
                conn, state=state, rule=rule, every=every, before=before, limit=limit + 1
            )
            page = found[:limit]
            return {
                "alerts": page,
                "next_before": page[-1].id if len(found) > limit else None,
                "looked_at": queries.observed_at(conn),
            }

        return as_json(read(look))


def _add_one(routes: APIRouter, ctx: Context, read: Reading) -> None:
    @routes.get(
        "/{alert_id}",
        summary="One alert, and who was told about it",
        responses=responses(
            "The alert with its notices, oldest first.", {**_ALERT, "deliveries": [_DELIVERY]}, 404
        ),
    )
    def one(_: Viewer, alert_id: _Id) -> Response:
        return as_json(read(lambda conn: _one(conn, alert_id)))

    @routes.post(
        "/{alert_id}/acknowledge",
        summary="Say that somebody looks after an alert; it is told again only when it is over",
        responses=responses(
            "The alert as it is now.",
            {**_ALERT, "state": "acknowledged", "acknowledged_by": "ada", "deliveries": [_DELIVERY]},
            400,
            404,
            409,
        ),
        openapi_extra=described({"note": "the mirror is down until noon"}),
    )
    def acknowledge(request: Request, who: Analyst, alert_id: _Id, body: AnyBody) -> Response:
        said = body.read(Note) if body.unpacked().strip() else Note()
        with changing(ctx, request, who) as change:
            commands.look_after(change.conn, alert_id, who.name, said.note, ctx.clock())
            change.note("alerts.acknowledge", alert_id, {"note": said.note} if said.note else None)
            return as_json(_one(change.conn, alert_id))


def _one(conn: Connection, alert_id: int) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(queries.get_alert(conn, alert_id))
    told["deliveries"] = [
        {
            "channel": each.channel,
            "event": each.notice.payload.get("type"),
            "created_at": each.created_at,
            "tries": each.tries,
            "sent_at": each.sent_at,
            "error": each.error,
        }
        for each in queries.list_deliveries(conn, alert_id)
    ]
    return told
