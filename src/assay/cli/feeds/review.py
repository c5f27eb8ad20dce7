"""What a person asks about the queue of review, and what they decide: `assay feeds review`."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.arguments import By, who_decides
from assay.cli.audited import note_change
from assay.cli.invocation import AsJson, current
from assay.cli.output import note, print_json, show
from assay.domain.numbers import LARGEST_ID
from assay.domain.wording import counted

if TYPE_CHECKING:
    from assay.pipelines.feeds.commands.reviewing import Review
    from assay.pipelines.feeds.model.review import Edits, Filters, Item


review = typer.Typer(
    help="Review: what was read out of feeds, in the order in which people should look.", no_args_is_help=True
)


class Standing(StrEnum):
    """How an extraction may stand; the room's own words, without which `--help` would have to load it."""

    ACCEPTED = "accepted"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    REJECTED = "rejected"
    SKIPPED = "skipped"
    SUPERSEDED = "superseded"


_Number = Annotated[
    int, typer.Argument(min=1, max=LARGEST_ID, metavar="ID", help="As `assay feeds review list` lists it.")
]
_Numbers = Annotated[
    list[int] | None,
    typer.Argument(min=1, max=LARGEST_ID, metavar="ID", help="As `assay feeds review list` lists them."),
]
_Note = Annotated[str | None, typer.Option("--note", metavar="TEXT", help="Why, for those who ask later.")]
_Feed = Annotated[str | None, typer.Option(metavar="NAME", help="From this source of entries only.")]
_Doubt = Annotated[str | None, typer.Option(help="With this doubt only, e.g. unknown_vendor.")]
_Monitored = Annotated[
    bool | None, typer.Option("--monitored/--unmonitored", help="What touches a monitored product, or not.")
]
_AtLeast = Annotated[float | None, typer.Option(min=0, max=1, help="At least this sure.")]
_AtMost = Annotated[float | None, typer.Option(min=0, max=1, help="At most this sure.")]
_Words = Annotated[str | None, typer.Option("--words", help="With these words in the name or the title.")]
_All = Annotated[bool, typer.Option("--all", help="All that wait and that the options choose, 500 at most.")]
_Lines = list[str] | None


def add_to(feeds: typer.Typer) -> None:
    """Put these commands into `assay feeds`."""
    feeds.add_typer(review, name="review")


@review.command("list")
def review_list(
    ctx: typer.Context,
    *,
    state: Annotated[Standing, typer.Option(help="What stands like this.")] = Standing.IN_REVIEW,
    feed: _Feed = None,
    doubt: _Doubt = None,
    monitored: _Monitored = None,
    at_least: _AtLeast = None,
    at_most: _AtMost = None,
    words: _Words = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Lines at most.")] = 50,
    cursor: Annotated[str | None, typer.Option(help="From where the page before ended.")] = None,
    as_json: AsJson = False,
) -> None:
    """List what waits for a person: what is monitored, then the surest, then the oldest."""
    from assay.cli.screens.review import review_screen
    from assay.pipelines.feeds.queries import reviewing

    filters = _filters(state, feed, doubt, monitored, at_least, at_most, words)
    try:
        after = None if cursor is None else reviewing.after_cursor(cursor)
    except ValueError:
        raise typer.BadParameter("it is none of ours", param_hint="--cursor") from None
    with current(ctx).open() as context, context.db.transaction() as conn:
        found = reviewing.list_lines(conn, filters, limit=limit + 1, after=after)
        waiting = reviewing.count_to_review(conn)
        now = context.clock()
    page = found[:limit]
    following = reviewing.cursor_of(page[-1]) if len(found) > limit else None
    if as_json:
        print_json({"items": page, "next_cursor": following, "waiting": waiting})
        return
    if page:
        show(review_screen(page, now))
    else:
        note("nothing is like this")
    if following is not None:
        note(f"more: the same with --cursor {following}")


def _filters(
    state: Standing,
    feed: str | None,
    doubt: str | None,
    monitored: bool | None,
    at_least: float | None,
    at_most: float | None,
    words: str | None,
) -> "Filters":
    from assay.pipelines.feeds.model.extraction import Doubt
    from assay.pipelines.feeds.model.review import Filters, State

    if doubt is not None and doubt not in list(Doubt):
        raise typer.BadParameter(f"there are {', '.join(Doubt)}", param_hint="--doubt")
    named = None if doubt is None else Doubt(doubt)
    return Filters(State(state.value), feed, named, monitored, at_least, at_most, words)


@review.command("show")
def review_show(ctx: typer.Context, number: _Number, as_json: AsJson = False) -> None:
    """Show one with the words of its text that support each field."""
    from assay.pipelines.feeds.queries.reviewing import get_item

    with current(ctx).open() as context, context.db.transaction() as conn:
        _tell(get_item(conn, number), as_json=as_json)


def _add_decision(action: str, said: str) -> None:
    """A command that decides about some at once."""

    @review.command(action, help=said)
    def decide(
        ctx: typer.Context,
        numbers: _Numbers = None,
        *,
        every: _All = False,
        feed: _Feed = None,
        doubt: _Doubt = None,
        monitored: _Monitored = None,
        at_least: _AtLeast = None,
        at_most: _AtMost = None,
        words: _Words = None,
        reason: _Note = None,
        by: By = None,
        as_json: AsJson = False,
    ) -> None:
        filters = _filters(Standing.IN_REVIEW, feed, doubt, monitored, at_least, at_most, words)
        _decide_many(ctx, action, numbers, filters if every else None, reason, by, as_json=as_json)


_add_decision("approve", "Stand by some as they are; they are published as claims of a person.")
_add_decision("reject", "Say that some are wrong; reading their entries again does not bring them back.")


def _decide_many(
    ctx: typer.Context,
    action: str,
    numbers: list[int] | None,
    filters: "Filters | None",
    reason: str | None,
    by: str | None,
    *,
    as_json: bool,
) -> None:
    from assay.cli.exits import ExitCode
    from assay.pipelines.feeds.commands import reviewing

    if (not numbers) is (filters is None):
        raise typer.BadParameter("say which, or --all with what chooses them", param_hint="ID")
    with _at_work(ctx, by) as at_work:
        ids = (numbers or []) if filters is None else reviewing.found_by(at_work.conn, filters)
        decide = reviewing.approve_many if action == "approve" else reviewing.reject_many
        done = decide(at_work, ids, note=reason)
        subject = "many" if len(ids) != 1 else str(ids[0])
        note_change(at_work.conn, at_work.by, f"review.{action}", subject, {"items": len(done.ids)})
    if as_json:
        print_json(done)
    else:
        said = "approved" if action == "approve" else "rejected"
        note(f"{counted(len(done.ids), 'extraction')} {said}")
        for number, why in done.refused.items():
            note(f"{number} was not: {why}")
    if done.refused:
        raise typer.Exit(ExitCode.NOT_WELL)


@review.command("reassign")
def review_reassign(
    ctx: typer.Context,
    number: _Number,
    identifier: Annotated[str, typer.Argument(metavar="NAME", help="What it is about, e.g. a CVE id.")],
    reason: _Note = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Say that one is about another vulnerability, and stand by it under that name."""
    from assay.pipelines.feeds.commands import reviewing

    def decide(at_work: "Review") -> "Item":
        return reviewing.reassign(at_work, number, identifier, note=reason)

    _decide(ctx, "reassign", decide, by, as_json=as_json)


@review.command("reopen")
def review_reopen(ctx: typer.Context, number: _Number, by: By = None, as_json: AsJson = False) -> None:
    """Take a decision back: it waits for a person again."""
    from assay.pipelines.feeds.commands import reviewing

    _decide(ctx, "reopen", lambda at_work: reviewing.reopen(at_work, number), by, as_json=as_json)


@review.command("edit")
def review_edit(
    ctx: typer.Context,
    number: _Number,
    *,
    title: Annotated[str | None, typer.Option(help="The title; '' for none.")] = None,
    summary: Annotated[str | None, typer.Option(help="What it is, in prose.")] = None,
    vendor: Annotated[str | None, typer.Option(help="The vendor.")] = None,
    product: Annotated[str | None, typer.Option(help="The product.")] = None,
    severity: Annotated[str | None, typer.Option(help="low, medium, high or critical.")] = None,
    alias: Annotated[
        _Lines, typer.Option(help="Another name of it; all of them, as with what follows.")
    ] = None,
    package: Annotated[_Lines, typer.Option(help="An ecosystem and a name, e.g. 'npm lodash'.")] = None,
    versions: Annotated[
        _Lines, typer.Option("--range", help="Affected versions, e.g. '>= 1.0, < 2.0'.")
    ] = None,
    vector: Annotated[_Lines, typer.Option(help="A CVSS vector.")] = None,
    cwe: Annotated[_Lines, typer.Option(help="A weakness, e.g. CWE-79.")] = None,
    reference: Annotated[_Lines, typer.Option(help="An address.")] = None,
    approve: Annotated[bool, typer.Option("--approve", help="Stand by it as well.")] = False,
    reason: _Note = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Write something else in the place of what was read; it holds once somebody approves it.

    An option that may be repeated replaces the whole list; '' alone empties it.
    """
    from assay.pipelines.feeds.commands import reviewing

    edits = _edits(
        {"title": title, "summary": summary, "vendor": vendor, "product": product, "severity": severity},
        {
            "aliases": alias,
            "packages": package,
            "ranges": versions,
            "vectors": vector,
            "cwes": cwe,
            "references": reference,
        },
    )

    def decide(at_work: "Review") -> "Item":
        if approve:
            return reviewing.approve(at_work, number, edits, note=reason)
        return reviewing.edit(at_work, number, edits)

    _decide(ctx, "approve" if approve else "edit", decide, by, as_json=as_json)


def _edits(texts: dict[str, str | None], lists: dict[str, _Lines]) -> "Edits":
    from assay.pipelines.feeds.model.review import Edits

    given: dict[str, Any] = {name: value for name, value in (texts | lists).items() if value is not None}
    if not given:
        raise typer.BadParameter("say what is to be otherwise", param_hint="ID")
    return Edits(**given)


def _at_work(ctx: typer.Context, by: str | None) -> "AbstractContextManager[Review]":
    from contextlib import contextmanager

    from assay.pipelines.feeds.commands.reviewing import Review

    @contextmanager
    def opened() -> Any:
        with current(ctx).open() as context, context.db.transaction() as conn:
            yield Review(conn, who_decides(by), context.clock(), context.language)

    return opened()


def _decide(
    ctx: typer.Context, action: str, decide: "Callable[[Review], Item]", by: str | None, *, as_json: bool
) -> None:
    with _at_work(ctx, by) as at_work:
        item = decide(at_work)
        told = {"identifier": item.identifier, "feed": item.feed}
        note_change(at_work.conn, at_work.by, f"review.{action}", str(item.id), told)
    _tell(item, as_json=as_json)


def _tell(item: "Item", *, as_json: bool) -> None:
    from assay.cli.screens.review import item_json, item_screen

    if as_json:
        print_json(item_json(item))
    else:
        show(*item_screen(item))
