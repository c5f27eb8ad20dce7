"""The alerts: what is wrong, who was told, and who looks after it."""

from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Request, Response

from assay.bootstrap import Context
from assay.domain.numbers import LARGEST_ID
from assay.monitoring import commands
from assay.monitoring import queries as monitoring
from assay.monitoring.model import AlertState
from assay.web.changing import Change
from assay.web.guard import Analyst, Viewer
from assay.web.pages.acting import Back, act
from assay.web.reading import Reading
from assay.web.rendering import Rendering

_PAGE = 50

_Key = Annotated[int, Path(ge=1, le=LARGEST_ID)]


def router(ctx: Context, read: Reading, show: Rendering) -> APIRouter:
    """The pages below `/alerts`."""
    routes = APIRouter(prefix="/alerts", include_in_schema=False)

    @routes.get("")
    def every(
        request: Request,
        who: Viewer,
        state: Annotated[str, Query(pattern="^(current|open|acknowledged|resolved|all)$")] = "current",
        before: Annotated[int | None, Query(ge=1, le=LARGEST_ID)] = None,
    ) -> Response:
        wanted = None if state in ("current", "all") else AlertState(state)
        found, counts = read(
            lambda conn: (
                monitoring.list_alerts(
                    conn, state=wanted, every=state == "all", before=before, limit=_PAGE + 1
                ),
                monitoring.count_alerts(conn),
            )
        )
        totals = {
            name: sum(number for _, _, of, number in counts if of == name)
            for name in ("open", "acknowledged")
        }
        return show(
            request,
            "alerts/list.html",
            who,
            alerts=found[:_PAGE],
            next_before=found[_PAGE - 1].id if len(found) > _PAGE else None,
            state=state,
            totals=totals,
        )

    @routes.get("/{alert_id}")
    def one(request: Request, who: Viewer, alert_id: _Key) -> Response:
        alert, deliveries = read(
            lambda conn: (monitoring.get_alert(conn, alert_id), monitoring.list_deliveries(conn, alert_id))
        )
        return show(request, "alerts/alert.html", who, alert=alert, deliveries=deliveries)

    @routes.post("/{alert_id}/acknowledge")
    def acknowledge(
        request: Request,
        who: Analyst,
        alert_id: _Key,
        back: Back,
        note: Annotated[str, Form(max_length=2000)] = "",
    ) -> Response:
        def deed(change: Change) -> str:
            alert = commands.look_after(change.conn, alert_id, who.name, note.strip() or None, ctx.clock())
            change.note("alerts.acknowledge", f"alert {alert_id}", {"rule": alert.rule, "note": note.strip()})
            return f"you look after {alert.subject}; nobody is told again until it is over"

        return act(ctx, request, who, back, deed)

    return routes
