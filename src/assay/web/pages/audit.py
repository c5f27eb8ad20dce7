"""The audit log: what people and tokens changed."""

from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from assay.auth import queries
from assay.auth.model import Kind
from assay.auth.queries import AuditFilter
from assay.bootstrap import Context
from assay.domain.numbers import LARGEST_ID
from assay.web.guard import Admin
from assay.web.reading import Reading
from assay.web.rendering import Rendering

_PAGE = 100
_PERIODS = {"1d": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30)}

_Text = Annotated[str, Query(max_length=300)]


def router(ctx: Context, read: Reading, show: Rendering) -> APIRouter:
    """The page at `/audit`."""
    routes = APIRouter(prefix="/audit", include_in_schema=False)

    @routes.get("")
    def every(
        request: Request,
        who: Admin,
        name: _Text = "",
        kind: Literal["", "person", "token", "local"] = "",
        action: _Text = "",
        subject: _Text = "",
        period: Literal["", "1d", "7d", "30d"] = "",
        before: Annotated[int | None, Query(ge=1, le=LARGEST_ID)] = None,
    ) -> Response:
        since = ctx.clock() - _PERIODS[period] if period else None
        wanted = AuditFilter(
            name.strip() or None, Kind(kind) if kind else None, action.strip() or None, subject.strip() or None,
            since=since,
        )  # fmt: skip
        found = read(lambda conn: queries.list_records(conn, wanted, before=before, limit=_PAGE + 1))
        filters = {"name": name, "kind": kind, "action": action, "subject": subject}
        return show(
            request,
            "audit.html",
            who,
            records=found[:_PAGE],
            next_before=found[_PAGE - 1].id if len(found) > _PAGE else None,
            filters={**filters, "period": period},
            exported={**filters, "since": since.isoformat(timespec="seconds") if since else ""},
        )

    return routes
