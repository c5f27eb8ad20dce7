"""`/v1/feeds/review`: what was read out of feeds, in the order in which people should look, and what they decide."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response

from assay.auth.model import Principal
from assay.bootstrap import Context
from assay.domain.numbers import LARGEST_ID
from assay.errors import NotFound
from assay.kit.db import Connection
from assay.pipelines.feeds.commands import reviewing
from assay.pipelines.feeds.commands.reviewing import MOST_AT_ONCE, Review
from assay.pipelines.feeds.model.extraction import Doubt
from assay.pipelines.feeds.model.review import Edits, Filters, Item, Line, State
from assay.pipelines.feeds.queries import reviewing as queries
from assay.web.answers import as_json, responses, schema_of, shaped
from assay.web.api.review_examples import DECIDED, EDITS, ITEM, LINE, Shown, shown
from assay.web.bodies import AnyBody, described
from assay.web.changing import Change, changing
from assay.web.guard import Analyst, Viewer
from assay.web.problems import Refused
from assay.web.reading import Reading

_Key = Annotated[int, Path(ge=1, le=LARGEST_ID, description="The extraction's number.")]
_Note = Annotated[str, msgspec.Meta(max_length=4_000)]


class Page(msgspec.Struct, frozen=True):
    """A page of the queue; `waiting` is how many wait in all, whatever the filters."""

    items: list[Line]
    next_cursor: str | None
    waiting: int


class Approval(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What goes with an approval. With `seen`, the item's `changed_at`, one that was read anew since is refused."""

    edits: Edits | None = None
    note: _Note | None = None
    seen: datetime | None = None


class Rejection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What goes with a rejection."""

    note: _Note | None = None
    seen: datetime | None = None


class Reassignment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which vulnerability it is really about."""

    identifier: Annotated[str, msgspec.Meta(min_length=3, max_length=200)]
    note: _Note | None = None
    seen: datetime | None = None


class Chosen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which of those that wait; what is not said does not matter."""

    feed: str | None = None
    doubt: Doubt | None = None
    is_monitored: bool | None = None
    at_least: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    at_most: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    words: Annotated[str, msgspec.Meta(max_length=200)] | None = None


class Bulk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One decision about many: those of `ids`, or those that wait and that `filter` finds, 500 at most."""

    action: Literal["approve", "reject"]
    ids: Annotated[list[int], msgspec.Meta(max_length=MOST_AT_ONCE)] | None = None
    filter: Chosen | None = None
    note: _Note | None = None


def router(ctx: Context, read: Reading) -> APIRouter:
    """The surface. Viewers look, analysts decide; every decision is in the audit log."""
    routes = APIRouter(prefix="/v1/feeds/review", tags=["Review of feeds"])
    _add_reading(routes, read)
    _add_decisions(routes, ctx)
    _add_bulk(routes, ctx)
    return routes


def _add_reading(routes: APIRouter, read: Reading) -> None:
    @routes.get(
        "",
        summary="What waits for a person, or stands in another way",
        description="What waits comes in the order in which people should look: what is monitored, then the "
        "surest, then the oldest; with another `state` the newest come first.",
        responses=shaped("A page.", Page, {"items": [LINE], "next_cursor": "MTowLjY6MTI", "waiting": 1}, 400),
    )
    def listed(
        _: Viewer,
        state: Annotated[State, Query(description="What stands like this.")] = State.IN_REVIEW,
        feed: Annotated[str | None, Query(max_length=200, description="From this source of entries.")] = None,
        doubt: Annotated[Doubt | None, Query(description="With this reason to look.")] = None,
        monitored: Annotated[bool | None, Query(description="What touches a monitored product.")] = None,
        at_least: Annotated[float | None, Query(ge=0, le=1, description="At least this sure.")] = None,
        at_most: Annotated[float | None, Query(ge=0, le=1, description="At most this sure.")] = None,
        q: Annotated[str | None, Query(max_length=200, description="Words of the name or the title.")] = None,
        limit: Annotated[int, Query(ge=1, le=500, description="Lines at most.")] = 50,
        cursor: Annotated[
            str | None, Query(max_length=200, description="`next_cursor` of the page before.")
        ] = None,
    ) -> Response:
        filters = Filters(state, feed, doubt, monitored, at_least, at_most, q)
        after = None if cursor is None else _after(cursor)

        def look(conn: Connection) -> tuple[list[Line], int]:
            lines = queries.list_lines(conn, filters, limit=limit + 1, after=after)
            return lines, queries.count_to_review(conn)

        lines, waiting = read(look)
        following = queries.cursor_of(lines[limit - 1]) if len(lines) > limit else None
        return as_json(Page(lines[:limit], following, waiting))

    @routes.get(
        "/{number}",
        summary="One extraction with its text, and the places that support each field",
        description="Places are characters of `text`, from `start` up to `end`.",
        responses=shaped("The extraction.", Shown, ITEM, 404),
    )
    def one(_: Viewer, number: _Key) -> Response:
        return as_json(shown(read(lambda conn: queries.get_item(conn, number))))


def _after(cursor: str) -> queries.After:
    try:
        return queries.after_cursor(cursor)
    except ValueError as error:
        raise Refused(400, "this cursor is none of ours: begin without one") from error


def _add_decisions(routes: APIRouter, ctx: Context) -> None:
    answered = shaped("The extraction as it is now; a job merges.", Shown, ITEM, 400, 404, 409)

    @routes.post(
        "/{number}/approve",
        summary="Stand by one, as it is or as edited",
        responses=answered,
        openapi_extra=described({"edits": EDITS, "note": "checked with the vendor"}, schema_of(Approval)),
    )
    def approve(request: Request, who: Analyst, number: _Key, body: AnyBody) -> Response:
        said = body.read(Approval)
        return _decided(
            ctx, request, who, "approve", said.note,
            lambda review: reviewing.approve(review, number, said.edits, note=said.note, seen=said.seen),
        )  # fmt: skip

    @routes.post(
        "/{number}/reject",
        summary="Say that one is wrong; it does not come back when it is read again",
        responses=answered,
        openapi_extra=described({"note": "about another product"}, schema_of(Rejection)),
    )
    def reject(request: Request, who: Analyst, number: _Key, body: AnyBody) -> Response:
        said = body.read(Rejection)
        return _decided(
            ctx, request, who, "reject", said.note,
            lambda review: reviewing.reject(review, number, note=said.note, seen=said.seen),
        )  # fmt: skip

    @routes.post(
        "/{number}/reassign",
        summary="Say that one is about another vulnerability, and stand by it",
        responses=answered,
        openapi_extra=described({"identifier": "CVE-2024-3094"}, schema_of(Reassignment)),
    )
    def reassign(request: Request, who: Analyst, number: _Key, body: AnyBody) -> Response:
        said = body.read(Reassignment)
        return _decided(
            ctx, request, who, "reassign", said.note,
            lambda review: reviewing.reassign(review, number, said.identifier, note=said.note, seen=said.seen),
        )  # fmt: skip

    @routes.post("/{number}/reopen", summary="Take a decision back", responses=answered)
    def reopen(request: Request, who: Analyst, number: _Key) -> Response:
        return _decided(ctx, request, who, "reopen", None, lambda review: reviewing.reopen(review, number))

    @routes.patch(
        "/{number}",
        summary="Edit one; it holds once somebody approves it, of an approved one at once",
        responses=answered,
        openapi_extra=described(EDITS, schema_of(Edits)),
    )
    def edit(request: Request, who: Analyst, number: _Key, body: AnyBody) -> Response:
        edits = body.read(Edits)
        return _decided(ctx, request, who, "edit", None, lambda review: reviewing.edit(review, number, edits))


def _add_bulk(routes: APIRouter, ctx: Context) -> None:
    @routes.post(
        "/bulk",
        summary="Approve or reject many at once",
        description="By `ids`, or by a `filter` over those that wait. One that contradicts how things stand is left "
        "out and named under `refused`, and the others are decided.",
        responses=responses("Those that were decided about.", DECIDED, 400, 404),
        openapi_extra=described(
            {"action": "reject", "filter": {"feed": "blog", "at_most": 0.2}}, schema_of(Bulk)
        ),
    )
    def bulk(request: Request, who: Analyst, body: AnyBody) -> Response:
        said = body.read(Bulk)
        if (said.ids is None) is (said.filter is None):
            raise Refused(400, "say either `ids` or a `filter`")
        with changing(ctx, request, who) as change:
            review = reviewing_by(ctx, change)
            ids = said.ids if said.ids is not None else _found(change.conn, said.filter)
            decide = reviewing.approve_many if said.action == "approve" else reviewing.reject_many
            done = decide(review, ids, note=said.note)
            change.note(f"review.{said.action}", "many", {"items": len(done.ids), "note": said.note or ""})
            refused = {str(number): why for number, why in done.refused.items()}
            return as_json({"ids": done.ids, "refused": refused})


def _found(conn: Connection, chosen: Chosen | None) -> list[int]:
    assert chosen is not None
    filters = Filters(
        State.IN_REVIEW,
        chosen.feed,
        chosen.doubt,
        chosen.is_monitored,
        chosen.at_least,
        chosen.at_most,
        chosen.words,
    )
    found = reviewing.found_by(conn, filters)
    if not found:
        raise NotFound("nothing that waits is like this")
    return found


def reviewing_by(ctx: Context, change: Change) -> Review:
    """The person of a change at work on the queue."""
    return Review(change.conn, change.who.name, ctx.clock(), ctx.language)


def _decided(
    ctx: Context,
    request: Request,
    who: Principal,
    action: str,
    note: str | None,
    decide: Callable[[Review], Item],
) -> Response:
    with changing(ctx, request, who) as change:
        item = decide(reviewing_by(ctx, change))
        note_decision(change, action, item, note)
        told: Any = shown(item)
    return as_json(told)


def note_decision(change: Change, action: str, item: Item, note: str | None) -> None:
    """Write a decision into the audit log."""
    detail = {"identifier": item.identifier, "feed": item.feed, "note": note or ""}
    change.note(f"review.{action}", item.id, detail)
