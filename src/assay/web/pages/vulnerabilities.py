"""The vulnerabilities: found by filters that stand in the address, counted, drawn, and written out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, NamedTuple

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse

from assay.auth.model import SavedFilter
from assay.auth.queries import saved_filters
from assay.bootstrap import Context
from assay.catalog import queries as catalog
from assay.catalog.model import State
from assay.catalog.queries import Counts, Hit, Sort
from assay.domain.severity import Band
from assay.kit.db import Connection
from assay.pipelines.feeds.queries.products import touched_among, watch_edition
from assay.web.guard import Viewer
from assay.web.listed import as_csv, as_lines
from assay.web.monitored import narrowed
from assay.web.pages.remembering import Remembered
from assay.web.pages.saved import PAGE
from assay.web.pages.trending import Trend, recent
from assay.web.reading import Reading
from assay.web.rendering import Rendering

_PAGE = 50
_EXPORTED = 1000
_PERIODS = {
    "1d": timedelta(days=1),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "365d": timedelta(days=365),
}

_Figures = tuple[Counts, Trend, list[str]]

_Text = Annotated[str, Query(max_length=300)]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for, as it was typed; what is empty does not matter."""

    q: str
    ecosystem: str
    package: str
    severity: tuple[str, ...]
    exploited: str
    epss: str
    source: str
    state: str
    review: str
    remediated: str
    monitored: str
    modified: str
    published: str
    sort: Sort
    order: str

    @property
    def is_descending(self) -> bool:
        """Which way; names begin with A, everything else with the newest or the worst."""
        return self.order == "desc" or (self.order == "" and self.sort is not Sort.NAME)

    def filters(self, now: datetime, conn: Connection) -> catalog.Filters:
        """For the catalog."""
        chosen = catalog.Filters(
            text=self.q.strip() or None,
            ecosystem=self.ecosystem.strip() or None,
            package=self.package.strip() or None,
            severities=[None if word == "unrated" else Band(word) for word in self.severity] or None,
            exploited=_answer(self.exploited),
            min_epss=float(self.epss) if self.epss else None,
            needs_review=_answer(self.review),
            remediated=_answer(self.remediated),
            since=_since(self.modified, now),
            published_since=_since(self.published, now),
            source=self.source.strip() or None,
            states=[State(self.state)] if self.state not in ("", "all") else None,
            withdrawn=self.state == "all",
        )
        return narrowed(conn, chosen, _answer(self.monitored))

    def figures(self) -> "Asked":
        """The same for counters and trend, which have no order."""
        return replace(self, sort=Sort.MODIFIED, order="")

    def values(self) -> dict[str, Any]:
        """What is not as it is without saying, for the address of another page."""
        said = {name: getattr(self, name) for name in self.__slots__}
        if self.sort is Sort.MODIFIED:
            del said["sort"]
        return {name: value for name, value in said.items() if value not in ("", ())}


def _answer(word: str) -> bool | None:
    return {"yes": True, "no": False}.get(word)


def _since(period: str, now: datetime) -> datetime | None:
    return now - _PERIODS[period] if period else None


def asked_of(
    q: _Text = "",
    ecosystem: _Text = "",
    package: _Text = "",
    severity: Annotated[
        list[Literal["critical", "high", "medium", "low", "none", "unrated"]], Query(max_length=6)
    ] = [],  # noqa: B006 - FastAPI copies it
    exploited: Literal["", "yes", "no"] = "",
    epss: Annotated[str, Query(pattern=r"^(0?\.\d{1,6}|0|1|1\.0)?$")] = "",
    source: _Text = "",
    state: Literal["", "published", "disputed", "withdrawn", "rejected", "all"] = "",
    review: Literal["", "yes", "no"] = "",
    remediated: Literal["", "yes", "no"] = "",
    monitored: Literal["", "yes", "no"] = "",
    modified: Literal["", "1d", "7d", "30d", "365d"] = "",
    published: Literal["", "1d", "7d", "30d", "365d"] = "",
    sort: Sort = Sort.MODIFIED,
    order: Literal["", "asc", "desc"] = "",
) -> Asked:
    """What the address asks for."""
    return Asked(
        q, ecosystem, package, tuple(dict.fromkeys(severity)), exploited, epss, source, state, review, remediated,
        monitored, modified, published, sort, order,
    )  # fmt: skip


class _Found(NamedTuple):
    """What one look at the catalog gives the page; `touched` are those that touch a watched product."""

    page: catalog.Page
    counts: catalog.Counts
    trend: Trend
    ecosystems: Sequence[str]
    saved: Sequence[SavedFilter]
    touched: frozenset[int]


def router(ctx: Context, read: Reading, show: Rendering) -> APIRouter:
    """The list at `/vulnerabilities`, and what it writes out."""
    routes = APIRouter(prefix="/vulnerabilities", include_in_schema=False)
    figures = Remembered()
    _add_exports(routes, ctx, read)

    @routes.get("")
    def every(
        request: Request,
        who: Viewer,
        asked: Annotated[Asked, Depends(asked_of)],
        cursor: Annotated[str, Query(max_length=400)] = "",
    ) -> Response:
        now = ctx.clock()
        today = now.date()

        def question(conn: Connection) -> _Found:
            looked = catalog.look_up(conn, asked.filters(now, conn))
            page = catalog.search(
                conn,
                looked,
                sort=asked.sort,
                descending=asked.is_descending,
                limit=_PAGE,
                cursor=cursor or None,
            )

            def count() -> _Figures:
                return (
                    catalog.count(conn, looked),
                    recent(conn, looked, today),
                    catalog.list_ecosystems(conn),
                )

            known = (asked.figures(), today, watch_edition(conn) if asked.monitored else None)
            saved = [] if who.person_id is None else saved_filters(conn, who.person_id, PAGE)
            touched = touched_among(conn, [hit.id for hit in page.hits])
            return _Found(page, *figures(conn, known, count), saved, touched)

        found = read(question)
        return show(
            request,
            "vulnerabilities/list.html",
            who,
            asked=asked,
            values=asked.values(),
            **found._asdict(),
            sources=list(ctx.sources),
            sorts=list(Sort),
        )

    return routes


def _add_exports(routes: APIRouter, ctx: Context, read: Reading) -> None:
    @routes.get("/export.{kind}")
    def export(
        who: Viewer, asked: Annotated[Asked, Depends(asked_of)], kind: Literal["csv", "json"]
    ) -> Response:
        del who
        now = ctx.clock()
        pages = _pages(read, asked, read(lambda conn: asked.filters(now, conn)))
        written, media = (
            (as_csv(pages), "text/csv") if kind == "csv" else (as_lines(pages), "application/json")
        )
        headers = {
            "Content-Disposition": f'attachment; filename="vulnerabilities.{kind}"',
            "Cache-Control": "no-store",
        }
        return StreamingResponse(written, media_type=media, headers=headers)


def _pages(read: Reading, asked: Asked, filters: catalog.Filters) -> Iterator[list[Hit]]:
    """All that passes the filters, a page at a time: no transaction waits for a slow reader."""
    cursor: str | None = None
    while True:

        def question(conn: Connection, cursor: str | None = cursor) -> catalog.Page:
            return catalog.search(
                conn, filters, sort=asked.sort, descending=asked.is_descending, limit=_EXPORTED, cursor=cursor
            )

        page = read(question)
        yield page.hits
        cursor = page.next_cursor
        if cursor is None:
            return
