"""`/v1/vulnerabilities`: the curated vulnerabilities in pages, what they count up to, and all of them as a file."""

from collections.abc import Iterable
from datetime import UTC, date
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from assay.bootstrap import Context
from assay.catalog import queries as catalog
from assay.catalog.queries import Counts, Hit, Overview
from assay.errors import Conflict
from assay.kit.db import Connection
from assay.web.answers import responses, shaped
from assay.web.editions import Editions, headers, is_known, unchanged
from assay.web.filters import FilterQuery, ListQuery, SortQuery, TrendQuery
from assay.web.listed import Listed, as_csv, as_lines, listed
from assay.web.problems import Refused
from assay.web.reading import Reading

_ITEM = {
    "name": "CVE-2021-44228",
    "state": "published",
    "summary": "Remote code injection in Log4j",
    "severity": "critical",
    "cvss_score": 10.0,
    "epss": 0.94,
    "epss_percentile": 0.9999,
    "exploited": True,
    "exploited_on": "2021-12-10",
    "published_at": "2021-12-10T00:40:56Z",
    "modified_at": "2026-02-06T14:14:26Z",
    "sources": ["osv", "gitlab", "cve", "kev"],
    "needs_review": False,
    "remediated_at": None,
    "url": "/v1/vulnerabilities/CVE-2021-44228",
}
_COUNTS = {
    "total": 51010,
    "is_exact": True,
    "severities": {
        "critical": 4895,
        "high": 15204,
        "medium": 17850,
        "low": 1901,
        "none": 25,
        "unrated": 11135,
    },
    "exploited": 1404,
    "high_epss": 601,
    "needs_review": 0,
    "remediated": 3,
    "sources": {"osv": 30911, "cve": 22104},
    "ecosystems": {"npm": 4154, "PyPI": 3915},
}
_TREND = [{"day": "2026-03-01", "severities": {"critical": 1, "high": 4}}]
_NOT_A_CURSOR = 400


class Page(msgspec.Struct, frozen=True):
    """A page. `next` and `previous` are the addresses of the pages beside it, null where there is none."""

    vulnerabilities: list[Listed]
    next_cursor: str | None
    previous_cursor: str | None
    next: str | None
    previous: str | None


class Trend(msgspec.Struct, frozen=True):
    """Days, oldest first; severities that nobody was published with are left out."""

    trend: list[catalog.Day]


def router(ctx: Context, read: Reading, editions: Editions) -> APIRouter:
    """The surface."""
    routes = APIRouter(tags=["Vulnerabilities"])
    _add_lists(routes, editions)
    _add_figures(routes, ctx, editions)
    _add_files(routes, ctx, read, editions)
    return routes


def _add_lists(routes: APIRouter, editions: Editions) -> None:
    following = {"next_cursor": "WyJtb2RpZm...", "previous_cursor": None}
    links = {"next": "/v1/vulnerabilities?kev=true&cursor=WyJtb2RpZm...", "previous": None}

    @routes.get(
        "/v1/vulnerabilities",
        summary="Vulnerabilities, a page at a time",
        responses=shaped(
            "A page, and where the pages beside it are; the header `Link` says that too.",
            Page,
            {"vulnerabilities": [_ITEM], **following, **links},
            400,
        ),
    )
    def find(request: Request, asked: Annotated[ListQuery, Query()]) -> Response:
        def make(conn: Connection) -> bytes:
            try:
                page = catalog.search(
                    conn,
                    asked.filters(conn),
                    sort=asked.sort,
                    descending=asked.descending,
                    limit=asked.limit,
                    cursor=asked.cursor,
                )
            except Conflict as error:
                raise Refused(_NOT_A_CURSOR, str(error)) from error
            return msgspec.json.encode(
                Page(
                    [listed(hit) for hit in page.hits],
                    page.next_cursor,
                    page.previous_cursor,
                    _beside(request, page.next_cursor),
                    _beside(request, page.previous_cursor),
                )
            )

        return _linked(editions.answer(request, make))


def _linked(answer: Response) -> Response:
    """The answer with the neighbours of its page in a header (RFC 8288), for clients that follow links."""
    if answer.status_code == 200:
        page = msgspec.json.decode(answer.body, type=_Neighbours)
        links = [
            f'<{url}>; rel="{rel}"' for rel, url in (("next", page.next), ("prev", page.previous)) if url
        ]
        if links:
            answer.headers["Link"] = ", ".join(links)
    return answer


class _Neighbours(msgspec.Struct, frozen=True):
    next: str | None
    previous: str | None


def _beside(request: Request, cursor: str | None) -> str | None:
    if cursor is None:
        return None
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    return f"{request.url.path}?{urlencode([*kept, ('cursor', cursor)])}"


def _add_figures(routes: APIRouter, ctx: Context, editions: Editions) -> None:
    def today() -> date:
        return ctx.clock().astimezone(UTC).date()

    @routes.get(
        "/v1/vulnerabilities/counts",
        summary="How many vulnerabilities pass the filters, and how many of them are what",
        responses=shaped(
            f"Exact figures; but where more than {catalog.MOST_WORDED:,} vulnerabilities have the words that were "
            f"looked for, `is_exact` is false and these are figures of {catalog.MOST_WORDED:,} of them. "
            "High is an EPSS of 0.1 or more.",
            Counts,
            _COUNTS,
            400,
        ),
    )
    def counts(request: Request, asked: Annotated[FilterQuery, Query()]) -> Response:
        return editions.answer(
            request, lambda conn: msgspec.json.encode(catalog.count(conn, asked.filters(conn)))
        )

    @routes.get(
        "/v1/vulnerabilities/trend",
        summary="What passes the filters by the day it was published and by severity",
        responses=shaped("Days of UTC, oldest first.", Trend, {"trend": _TREND}, 400),
    )
    def trend(request: Request, asked: Annotated[TrendQuery, Query()]) -> Response:
        last = asked.to or today()

        def make(conn: Connection) -> bytes:
            return msgspec.json.encode(
                Trend(catalog.trend(conn, asked.filters(conn), until=last, days=asked.days))
            )

        return editions.answer(request, make, also=str(last))

    @routes.get(
        "/v1/overview",
        summary="What is new and what matters, of everything in force",
        responses=shaped(
            "`today` and `this_week` count what was published today (UTC) and in the seven days that end with it.",
            Overview,
            {"counts": _COUNTS, "today": 5, "this_week": 61, "trend": _TREND},
        ),
    )
    def overview(
        request: Request,
        days: Annotated[int, Query(ge=1, le=catalog.LONGEST_TREND, description="Days of the trend.")] = 30,
    ) -> Response:
        day = today()
        return editions.answer(
            request,
            lambda conn: msgspec.json.encode(catalog.overview(conn, today=day, days=days)),
            also=str(day),
        )


def _add_files(routes: APIRouter, ctx: Context, read: Reading, editions: Editions) -> None:
    def streamed(request: Request, asked: SortQuery, kind: str, write: Any) -> Response:
        tag = editions.tag(request)
        if is_known(request, tag):
            return unchanged(tag)
        name = f"vulnerabilities-{ctx.clock():%Y-%m-%d}.{kind.partition('/')[2]}"
        told = headers(tag) | {"Content-Disposition": f'attachment; filename="{name}"'}
        return StreamingResponse(write(_all(read, asked)), headers=told, media_type=kind)

    @routes.get(
        "/v1/vulnerabilities.csv",
        summary="All vulnerabilities that pass the filters as CSV",
        responses=responses("", None, 400)
        | {
            200: {"description": "A line for each, the first names the columns.", "content": {"text/csv": {}}}
        },
        response_class=StreamingResponse,
    )
    def csv(request: Request, asked: Annotated[SortQuery, Query()]) -> Response:
        return streamed(request, asked, "text/csv", as_csv)

    @routes.get(
        "/v1/vulnerabilities.json",
        summary="All vulnerabilities that pass the filters as one JSON list",
        responses=shaped("A list.", list[Listed], [_ITEM], 400),
        response_class=StreamingResponse,
    )
    def json(request: Request, asked: Annotated[SortQuery, Query()]) -> Response:
        return streamed(request, asked, "application/json", as_lines)


def _all(read: Reading, asked: SortQuery) -> Iterable[list[Hit]]:
    """Every page; no connection is held while the client reads. What changes meanwhile may be missed or come twice."""
    cursor: str | None = None
    while True:
        page = read(
            lambda conn, cursor=cursor: catalog.search(  # type: ignore[misc] # bound on purpose
                conn,
                asked.filters(conn),
                sort=asked.sort,
                descending=asked.descending,
                limit=1000,
                cursor=cursor,
            )
        )
        yield page.hits
        cursor = page.next_cursor
        if cursor is None:
            return
