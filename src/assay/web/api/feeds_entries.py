"""`/v1/feeds/entries`: what sources of prose gave, as received, and how far its processing is."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response

from assay.bootstrap import Context
from assay.domain.numbers import LARGEST_ID
from assay.pipelines.feeds.commands import entries as commands
from assay.pipelines.feeds.model.entries import Status
from assay.pipelines.feeds.queries import entries as queries
from assay.pipelines.feeds.queries.entries import Entry
from assay.web.answers import as_json, responses, schema_of, shaped
from assay.web.api.feeds import acting
from assay.web.bodies import AnyBody, described
from assay.web.changing import changing
from assay.web.guard import Analyst, Viewer
from assay.web.reading import Reading

_ENTRY = {
    "id": 4711,
    "source": "vendor-news",
    "key": "tag:vendor.example.org,2026:7",
    "title": "CVE-2026-12345 in Anvil",
    "address": "https://vendor.example.org/security/7",
    "media_type": "text/html",
    "published_at": "2026-02-28T12:00:00Z",
    "received_at": "2026-03-01T10:13:00Z",
    "status": "completed",
    "attempts": 1,
    "next_attempt_at": "2026-03-01T10:13:00Z",
    "priority": 250,
    "is_monitored": False,
    "ended_at": "2026-03-01T10:15:00Z",
    "outcome": "claimed",
    "error": None,
    "document": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
}


class Entries(msgspec.Struct, frozen=True):
    """Entries, newest first, how many there are of each status, and what to send as `before` for older ones."""

    entries: list[Entry]
    counts: dict[str, int]
    next_before: int | None


class WholeEntry(msgspec.Struct, frozen=True):
    """An entry with its text as received; bytes that are no UTF-8 are written as `\\x..`."""

    entry: Entry
    text: str


class Again(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which entries that were given up are to be tried again: these, those of a source, or all."""

    ids: list[Annotated[int, msgspec.Meta(ge=1, le=LARGEST_ID)]] | None = None
    source: str | None = None


def router(ctx: Context, read: Reading) -> APIRouter:
    """The surface. Viewers look, analysts have entries tried again."""
    routes = APIRouter(tags=["Feeds"])
    _add_list(routes, read)
    _add_one(routes, ctx, read)
    return routes


def _add_list(routes: APIRouter, read: Reading) -> None:
    @routes.get(
        "/v1/feeds/entries",
        summary="Entries of feeds, newest first",
        responses=shaped(
            "Entries.",
            Entries,
            {
                "entries": [_ENTRY],
                "counts": {"pending": 2, "processing": 0, "completed": 118, "failed": 0, "total": 120},
                "next_before": 4711,
            },
            400,
        ),
    )
    def every(
        _: Viewer,
        *,
        status: Annotated[Status | None, Query(description="That are so far.")] = None,
        source: Annotated[str | None, Query(max_length=200, description="Of this source.")] = None,
        q: Annotated[
            str | None, Query(max_length=200, description="With these letters in the title.")
        ] = None,
        monitored: Annotated[bool, Query(description="Only those that mention what is watched.")] = False,
        limit: Annotated[int, Query(ge=1, le=500, description="Entries at most.")] = 50,
        before: Annotated[
            int | None, Query(ge=1, le=LARGEST_ID, description="Only those with a smaller number.")
        ] = None,
    ) -> Response:
        found, counts = read(
            lambda conn: (
                queries.list_entries(
                    conn,
                    status=status,
                    source=source,
                    is_monitored=monitored,
                    words=q,
                    before=before,
                    limit=limit + 1,
                ),
                queries.count_entries(conn),
            )
        )
        following = found[limit - 1].id if len(found) > limit else None
        return as_json(Entries(found[:limit], counts.told(), following))


def _add_one(routes: APIRouter, ctx: Context, read: Reading) -> None:
    @routes.get(
        "/v1/feeds/entries/{key}",
        summary="One entry with its text as received",
        responses=shaped("The entry.", WholeEntry, {"entry": _ENTRY, "text": "<p>Anvil before 2.4 ..."}, 404),
    )
    def one(
        _: Viewer, key: Annotated[int, Path(ge=1, le=LARGEST_ID, description="The entry's number.")]
    ) -> Response:
        entry, raw = read(lambda conn: queries.get_entry(conn, key))
        return as_json(WholeEntry(entry, raw.decode(errors="backslashreplace")))

    @routes.post(
        "/v1/feeds/entries/retry",
        summary="Have entries that were given up tried again, as if they were new",
        responses=responses("How many that are.", {"retried": 3}, 400, 404),
        openapi_extra=described({"source": "vendor-news"}, schema_of(Again)),
    )
    def retry(request: Request, who: Analyst, body: AnyBody) -> Response:
        wanted = body.read(Again) if body.unpacked().strip() else Again()
        with changing(ctx, request, who) as change:
            retried = commands.retry_failed(acting(ctx, change), ids=wanted.ids, source=wanted.source)
        return as_json({"retried": retried})
