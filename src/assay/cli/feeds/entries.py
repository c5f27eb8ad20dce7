"""`assay feeds entries` and their kin: what came, as received, and how far it is."""

from typing import Annotated

import typer

from assay.cli.arguments import Before, By, who_decides
from assay.cli.feeds.acting import acting, reading
from assay.cli.invocation import AsJson, current
from assay.cli.output import note, print_json, show, spoken, write_bytes
from assay.domain.numbers import LARGEST_ID
from assay.domain.wording import counted

_Entry = Annotated[
    int,
    typer.Argument(
        min=1, max=LARGEST_ID, metavar="ENTRY", help="Its number, as `assay feeds entries` lists it."
    ),
]


def add_to(app: typer.Typer) -> None:
    """Put these commands into `assay feeds`."""
    app.command("entries")(entries)
    app.command("show-entry")(show_entry)
    app.command("retry")(retry)
    app.command("purge")(purge)


def entries(
    ctx: typer.Context,
    *,
    status: Annotated[
        str | None, typer.Option(metavar="STATUS", help="pending, processing, completed or failed.")
    ] = None,
    source: Annotated[str | None, typer.Option(metavar="NAME", help="Only of this source.")] = None,
    title: Annotated[
        str | None, typer.Option(metavar="WORDS", help="With these letters in the title.")
    ] = None,
    monitored: Annotated[
        bool, typer.Option("--monitored", help="Only those that mention what is watched.")
    ] = False,
    before: Before = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Entries at most.")] = 25,
    as_json: AsJson = False,
) -> None:
    """List what came, newest first."""
    from assay.cli.screens.feeds import entries_screen
    from assay.kit.clock import utc_now
    from assay.pipelines.feeds.model.entries import Status
    from assay.pipelines.feeds.queries.entries import count_entries, list_entries

    if status is not None and status not in list(Status):
        raise typer.BadParameter(f"{status!r} is none of {', '.join(Status)}", param_hint="--status")
    with reading(ctx) as conn:
        found = list_entries(
            conn,
            status=None if status is None else Status(status),
            source=source,
            is_monitored=monitored,
            words=title,
            before=before,
            limit=limit + 1,
        )
        counts = count_entries(conn)
    following = found[limit - 1].id if len(found) > limit else None
    if as_json:
        shown = [one.shown() for one in found[:limit]]
        print_json({"entries": shown, "counts": counts.told(), "next_before": following})
        return
    show(*entries_screen(found[:limit], counts, utc_now()))
    if following is not None:
        note(f"There are more: --before {following}")


def show_entry(
    ctx: typer.Context,
    entry: _Entry,
    *,
    raw: Annotated[
        bool, typer.Option("--raw", help="Write its bytes as received, and nothing else.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show one entry with its text as received."""
    from assay.cli.screens.feeds import entry_screen
    from assay.kit.clock import utc_now
    from assay.pipelines.feeds.queries.entries import get_entry

    with reading(ctx) as conn:
        found, content = get_entry(conn, entry)
    if raw:
        write_bytes(content)
    elif as_json:
        print_json({**found.shown(), "text": content.decode(errors="backslashreplace")})
    else:
        show(*entry_screen(found, content, utc_now()))


def retry(
    ctx: typer.Context,
    entry: Annotated[
        list[int] | None,
        typer.Argument(min=1, max=LARGEST_ID, metavar="ENTRY", help="Their numbers; all if not said."),
    ] = None,
    *,
    source: Annotated[str | None, typer.Option(metavar="NAME", help="Only those of this source.")] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Have entries that were given up tried again, as if they were new."""
    from assay.pipelines.feeds.commands.entries import retry_failed

    with acting(ctx, by) as (_, act):
        retried = retry_failed(act, ids=entry or None, source=source)
    if as_json:
        print_json({"retried": retried})
    else:
        show(spoken(counted(retried, "entry", "entries"), " will be tried again"))


def purge(
    ctx: typer.Context,
    *,
    days: Annotated[
        int | None,
        typer.Option(min=1, max=90, help="Older than so many days; ASSAY_FEEDS__RETENTION_DAYS if not said."),
    ] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Purge completed entries. Those that wait or failed stay, and so does all that was read out of any."""
    from assay.auth.model import Kind, Principal, Role
    from assay.pipelines.feeds.commands import entries as commands

    with current(ctx).open() as context:
        purged = commands.purge(context, Principal(Kind.LOCAL, who_decides(by), Role.ADMIN), days)
    if as_json:
        print_json({"purged": purged})
    else:
        show(spoken(counted(purged, "entry", "entries"), " purged"))
