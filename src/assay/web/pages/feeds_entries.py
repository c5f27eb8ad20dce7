"""Entries of feeds: how far each is, and its text as received."""

from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Request, Response

from assay.bootstrap import Context
from assay.domain.numbers import LARGEST_ID
from assay.domain.wording import counted
from assay.kit.db import Connection
from assay.pipelines.feeds.commands import entries as commands
from assay.pipelines.feeds.model.entries import Status
from assay.pipelines.feeds.queries import entries as queries
from assay.pipelines.feeds.queries.sources import list_sources
from assay.web.api.feeds import acting
from assay.web.changing import Change
from assay.web.guard import Analyst, Viewer
from assay.web.pages.acting import Back, act
from assay.web.problems import Refused
from assay.web.reading import Reading
from assay.web.rendering import Rendering

_PAGE = 50
_EXCERPT = 20_000

_Key = Annotated[int, Path(ge=1, le=LARGEST_ID)]
_Text = Annotated[str, Query(max_length=2_000)]


def router(ctx: Context, read: Reading, show: Rendering) -> APIRouter:
    """The pages below `/feeds/entries`."""
    routes = APIRouter(prefix="/feeds/entries", include_in_schema=False)

    @routes.get("")
    def every(
        request: Request,
        who: Viewer,
        *,
        status: _Text = "",
        source: _Text = "",
        q: _Text = "",
        monitored: bool = False,
        before: Annotated[int | None, Query(ge=1, le=LARGEST_ID)] = None,
    ) -> Response:
        if status and status not in list(Status):
            raise Refused(400, f"no entry is {status!r}; there are {', '.join(Status)}")

        def asked(conn: Connection) -> list[queries.Entry]:
            return queries.list_entries(
                conn,
                status=Status(status) if status else None,
                source=source or None,
                is_monitored=monitored,
                words=q or None,
                before=before,
                limit=_PAGE + 1,
            )

        found, counts, sources = read(
            lambda conn: (asked(conn), queries.count_entries(conn), list_sources(conn, is_every=True))
        )
        return show(
            request,
            "feeds/entries.html",
            who,
            entries=found[:_PAGE],
            next_before=found[_PAGE - 1].id if len(found) > _PAGE else None,
            counts=counts.told(),
            sources=[one.name for one in sources],
            statuses=list(Status),
            filters={
                "status": status,
                "source": source,
                "q": q,
                "monitored": "true" if monitored else "",
            },
        )

    @routes.get("/{key}")
    def one(request: Request, who: Viewer, key: _Key) -> Response:
        entry, raw = read(lambda conn: queries.get_entry(conn, key))
        excerpt = raw[:_EXCERPT].decode(errors="backslashreplace")
        return show(
            request, "feeds/entry.html", who, entry=entry, excerpt=excerpt, more=max(0, len(raw) - _EXCERPT)
        )

    _add_retry(routes, ctx)
    return routes


def _add_retry(routes: APIRouter, ctx: Context) -> None:
    @routes.post("/retry")
    def retry(
        request: Request,
        who: Analyst,
        back: Back,
        key: Annotated[int | None, Form(ge=1, le=LARGEST_ID)] = None,
    ) -> Response:
        def deed(change: Change) -> str:
            retried = commands.retry_failed(acting(ctx, change), ids=None if key is None else [key])
            return f"{counted(retried, 'entry', 'entries')} will be tried again"

        return act(ctx, request, who, back, deed)
