"""The queue of review: what waits for a person, and one extraction beside its text, decided with a key or a button."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path, Query, Request, Response
from fastapi.responses import HTMLResponse

from assay.bootstrap import Context
from assay.domain.numbers import LARGEST_ID
from assay.domain.wording import counted
from assay.errors import Conflict
from assay.kit.db import Connection
from assay.pipelines.feeds.commands import reviewing
from assay.pipelines.feeds.model.extraction import Doubt
from assay.pipelines.feeds.model.review import Edits, Filters, Item, Line, State
from assay.pipelines.feeds.queries import reviewing as queries
from assay.web.api.review import note_decision, reviewing_by
from assay.web.changing import Change
from assay.web.guard import Analyst, Viewer
from assay.web.pages.acting import Back, act
from assay.web.pages.marking import first_pieces, pieces
from assay.web.problems import Refused
from assay.web.reading import Reading
from assay.web.rendering import Rendering

_PAGE = 50
_MOST_SHOWN = 200_000
# Name of a field, what it is called, how many lines it has, what it looks like.
FIELDS = (
    ("title", "Title", 1, ""),
    ("vendor", "Vendor", 1, ""),
    ("product", "Product", 1, ""),
    ("ranges", "Affected versions", 3, "One a line, such as >= 1.0, < 2.0"),
    ("packages", "Packages", 2, "One a line: an ecosystem and a name, such as npm lodash"),
    ("severity", "Severity", 1, "low, medium, high or critical"),
    ("vectors", "CVSS vectors", 2, "One a line"),
    ("cwes", "Weaknesses", 2, "One a line, such as CWE-79"),
    ("aliases", "Other names", 2, "One a line"),
    ("references", "References", 3, "One address a line"),
    ("summary", "Summary", 4, ""),
)
DOUBTS = {
    Doubt.ORDERS: "the text gives orders to a program",
    Doubt.NO_NAME: "nobody named it",
    Doubt.UNKNOWN_VENDOR: "the catalog does not know the vendor",
    Doubt.CONFLICT: "the text contradicts itself",
    Doubt.MODEL_ONLY: "only a language model says so",
    Doubt.INCOMPLETE: "something that counts is not told",
    Doubt.MODEL_FAILED: "the language model did not answer",
}

_Key = Annotated[int, Path(ge=1, le=LARGEST_ID)]
_Text = Annotated[str, Query(max_length=200)]
_Line = Annotated[str, Form(max_length=2_000)]
_Lines = Annotated[str, Form(max_length=200_000)]
_Note = Annotated[str, Form(max_length=4_000)]
# The edition that the form showed; a form that does not say is taken at its word.
_Seen = Annotated[str, Form(max_length=64)]


def router(ctx: Context, read: Reading, show: Rendering) -> APIRouter:
    """The pages below `/feeds/review`."""
    routes = APIRouter(prefix="/feeds/review", include_in_schema=False)
    _add_list(routes, ctx, read, show)
    _add_decisions(routes, ctx)

    @routes.get("/{number}")
    def one(request: Request, who: Viewer, number: _Key) -> Response:
        item, following, before = read(lambda conn: _beside(conn, number))
        places = queries.places_of(item.shown)
        marked = pieces(item.prose.text[:_MOST_SHOWN], places)
        return show(
            request,
            "review/item.html",
            who,
            item=item,
            values=reviewing.as_edits(item.shown),
            fields=FIELDS,
            doubts=DOUBTS,
            pieces=marked,
            first=first_pieces(marked),
            sure={name: _sure(item, name) for name, *_ in FIELDS},
            is_cut=len(item.prose.text) > _MOST_SHOWN or item.prose.was_cut,
            following=following,
            before=before,
            here=f"/feeds/review/{number}",
        )

    return routes


def _beside(conn: Connection, number: int) -> tuple[Item, int | None, int | None]:
    item = queries.get_item(conn, number)
    return item, queries.next_in_queue(conn, item), queries.before_in_queue(conn, item)


def _sure(item: Item, name: str) -> float | None:
    """How sure a field is; of a list its least sure entry."""
    value = getattr(item.shown, name)
    found = [one.confidence for one in (value if isinstance(value, tuple) else (value,)) if one is not None]
    return min(found, default=None)


def _add_list(routes: APIRouter, ctx: Context, read: Reading, show: Rendering) -> None:
    @routes.get("/count")
    def count(_: Viewer) -> Response:
        waiting = read(queries.count_to_review)
        return HTMLResponse(f"{waiting:,}" if waiting else "", headers={"Cache-Control": "no-store"})

    @routes.get("")
    def listed(
        request: Request,
        who: Viewer,
        state: State = State.IN_REVIEW,
        feed: _Text = "",
        doubt: _Text = "",
        monitored: bool = False,
        q: _Text = "",
        cursor: _Text = "",
    ) -> Response:
        filters = _filters(state, feed, doubt, q, monitored=monitored)
        after = _after(cursor)
        lines, states, feeds = read(
            lambda conn: (
                queries.list_lines(conn, filters, limit=_PAGE + 1, after=after),
                queries.count_states(conn),
                queries.list_feeds(conn),
            )
        )
        return show(
            request,
            "review/list.html",
            who,
            lines=lines[:_PAGE],
            following=_following(lines),
            states=states,
            feeds=feeds,
            doubts=DOUBTS,
            filters={"state": state.value, "feed": feed, "doubt": doubt, "monitored": monitored, "q": q},
        )

    @routes.post("/bulk")
    def bulk(
        request: Request,
        who: Analyst,
        back: Back,
        action: Annotated[str, Form(pattern="^(approve|reject)$")],
        number: Annotated[list[int] | None, Form()] = None,
        every: Annotated[bool, Form()] = False,
        feed: _Line = "",
        doubt: _Line = "",
        monitored: Annotated[bool, Form()] = False,
        q: _Line = "",
    ) -> Response:
        def deed(change: Change) -> str:
            chosen = number or []
            if every:
                filters = _filters(State.IN_REVIEW, feed, doubt, q, monitored=monitored)
                chosen = reviewing.found_by(change.conn, filters)
            return _bulk(ctx, change, action, chosen)

        return act(ctx, request, who, back, deed)


def _filters(state: State, feed: str, doubt: str, words: str, *, monitored: bool) -> Filters:
    if doubt and doubt not in list(Doubt):
        raise Refused(400, f"there is no doubt called {doubt!r}; there are {', '.join(Doubt)}")
    return Filters(
        state=state,
        feed=feed or None,
        doubt=Doubt(doubt) if doubt else None,
        is_monitored=monitored or None,
        words=words.strip() or None,
    )


def _after(cursor: str) -> queries.After | None:
    try:
        return queries.after_cursor(cursor) if cursor else None
    except ValueError as error:
        raise Refused(400, "this address is none of ours: begin with the first page") from error


def _following(lines: Sequence[Line]) -> str | None:
    return queries.cursor_of(lines[_PAGE - 1]) if len(lines) > _PAGE else None


def _bulk(ctx: Context, change: Change, action: str, chosen: Sequence[int]) -> str:
    if not chosen:
        raise Refused(400, "nothing was chosen: tick some, or all that the filter finds")
    decide = reviewing.approve_many if action == "approve" else reviewing.reject_many
    # The list that was ticked may be old: what somebody decided about since stays decided.
    done = decide(reviewing_by(ctx, change), chosen, undecided=True)
    change.note(f"review.{action}", "many", {"items": len(done.ids), "note": ""})
    said = "approved" if action == "approve" else "rejected"
    others = f"; {counted(len(done.refused), 'other')} had been decided about before" if done.refused else ""
    return f"{counted(len(done.ids), 'extraction')} {said}{others}"


def _typed(
    title: _Line = "",
    vendor: _Line = "",
    product: _Line = "",
    severity: _Line = "",
    summary: _Lines = "",
    ranges: _Lines = "",
    packages: _Lines = "",
    vectors: _Lines = "",
    cwes: _Lines = "",
    aliases: _Lines = "",
    references: _Lines = "",
) -> Edits:
    return Edits(
        title=title,
        vendor=vendor,
        product=product,
        severity=severity,
        summary=summary,
        ranges=ranges.splitlines(),
        packages=packages.splitlines(),
        vectors=vectors.splitlines(),
        cwes=cwes.splitlines(),
        aliases=aliases.splitlines(),
        references=references.splitlines(),
    )


_Typed = Annotated[Edits, Depends(_typed)]


def _unchanged(ctx: Context, change: Change, number: int, seen: str) -> reviewing.Review:
    """The review of an item that is still what the form showed. Raises Conflict where it is not."""
    review = reviewing_by(ctx, change)
    if seen and review.item(number).edition != seen:
        raise Conflict(
            "it was decided about, edited or read anew while you looked at it: this is how it stands now, "
            "and nothing of yours was kept"
        )
    return review


def _decided(change: Change, action: str, item: Item, note: str | None) -> str:
    note_decision(change, action, item, note)
    return f"{item.identifier} from {item.feed}: {item.state.value.replace('_', ' ')}"


def _add_decisions(routes: APIRouter, ctx: Context) -> None:
    @routes.post("/{number}/approve")
    def approve(
        request: Request,
        who: Analyst,
        number: _Key,
        back: Back,
        edits: _Typed,
        seen: _Seen = "",
        note: _Note = "",
    ) -> Response:
        def deed(change: Change) -> str:
            item = reviewing.approve(_unchanged(ctx, change, number, seen), number, edits, note=note)
            return _decided(change, "approve", item, note)

        return act(ctx, request, who, back, deed, failed=_here(number))

    @routes.post("/{number}/reject")
    def reject(
        request: Request, who: Analyst, number: _Key, back: Back, seen: _Seen = "", note: _Note = ""
    ) -> Response:
        def deed(change: Change) -> str:
            item = reviewing.reject(_unchanged(ctx, change, number, seen), number, note=note)
            return _decided(change, "reject", item, note)

        return act(ctx, request, who, back, deed, failed=_here(number))

    @routes.post("/{number}/reassign")
    def reassign(
        request: Request,
        who: Analyst,
        number: _Key,
        back: Back,
        identifier: _Line = "",
        seen: _Seen = "",
        note: _Note = "",
    ) -> Response:
        def deed(change: Change) -> str:
            item = reviewing.reassign(
                _unchanged(ctx, change, number, seen), number, identifier.strip(), note=note
            )
            return _decided(change, "reassign", item, note)

        return act(ctx, request, who, back, deed, failed=_here(number))

    _add_second_thoughts(routes, ctx)


def _add_second_thoughts(routes: APIRouter, ctx: Context) -> None:
    @routes.post("/{number}/edit")
    def edit(request: Request, who: Analyst, number: _Key, edits: _Typed, seen: _Seen = "") -> Response:
        def deed(change: Change) -> str:
            item = reviewing.edit(_unchanged(ctx, change, number, seen), number, edits)
            note_decision(change, "edit", item, None)
            return "saved" if item.state is State.APPROVED else "saved; it holds once somebody approves it"

        return act(ctx, request, who, _here(number), deed)

    @routes.post("/{number}/reopen")
    def reopen(request: Request, who: Analyst, number: _Key) -> Response:
        def deed(change: Change) -> str:
            return _decided(change, "reopen", reviewing.reopen(reviewing_by(ctx, change), number), None)

        return act(ctx, request, who, _here(number), deed)


def _here(number: int) -> str:
    return f"/feeds/review/{number}"
