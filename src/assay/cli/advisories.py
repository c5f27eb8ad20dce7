"""What people ask of the advisories pipeline: sync sources, look at them, look after the quarantine."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from assay.cli.arguments import Before, By, check_known, requests_for, who_decides, with_newest
from assay.cli.audited import note_change
from assay.cli.exits import ExitCode
from assay.cli.invocation import AsJson, current
from assay.cli.output import note, print_json, show, write_bytes
from assay.domain.numbers import LARGEST_ID

if TYPE_CHECKING:
    from collections.abc import Mapping

    from assay.cli.invocation import Invocation
    from assay.pipelines.advisories.commands import Request


quarantine = typer.Typer(help="Records that could not be used: look at them, replay them, drop them.")


def add_to(app: typer.Typer) -> None:
    """Put these commands into the program."""
    app.command("sync", cls=_Sync)(sync)
    app.command("sources")(sources)
    app.add_typer(quarantine, name="quarantine")


_AcceptLoss = Annotated[
    bool, typer.Option("--accept-loss", help="Believe a listing that lost more than a tenth of its records.")
]
_Background = Annotated[
    bool, typer.Option("--background", help="Leave it to the workers, one job a source, and end at once.")
]


class _Sync(TyperCommand):
    """`sync`, whose `--replay` may stand alone."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, with_newest(args))


def sync(
    ctx: typer.Context,
    *,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="SOURCE", help="All of them if none is named.")
    ] = None,
    origins: Annotated[
        list[str] | None,
        typer.Option(
            "--from",
            metavar="[SOURCE=]PATH|URL",
            help="Read from here instead of the source's own address. May be given for several sources.",
        ),
    ] = None,
    ecosystem: Annotated[
        str | None, typer.Option(help="Only this ecosystem, of sources that have them.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Read every record again, changed or not.")] = False,
    replay: Annotated[
        str | None,
        typer.Option(
            metavar="[DOCUMENT]",
            help="Read a document fetched before, without the network; the newest if none is named.",
        ),
    ] = None,
    accept_loss: _AcceptLoss = False,
    background: _Background = False,
    as_json: AsJson = False,
) -> None:
    """Bring the catalog up to date with its sources."""
    from assay import bootstrap
    from assay.cli.screens import syncing
    from assay.pipelines.advisories import commands
    from assay.pipelines.advisories.model import Repository, ScoreSource

    invocation = current(ctx)
    settings = invocation.settings()
    known = bootstrap.loading.load_sources(settings)
    requests = requests_for(
        known,
        names or [],
        origins or [],
        ecosystem=ecosystem,
        replay=replay,
        full=full,
        accept_loss=accept_loss,
    )
    if background:
        _leave_to_workers(invocation, requests, as_json=as_json)
        return
    repositories = frozenset(name for name, entry in known.items() if isinstance(entry.transport, Repository))
    with invocation.working(settings, repositories) as (context, progress):
        report = commands.sync(context, requests, retention=settings.retention, progress=progress)
    if as_json:
        print_json(syncing.sync_json(report))
    else:
        scores = frozenset(name for name, entry in known.items() if isinstance(entry, ScoreSource))
        show(*syncing.sync_screen(report, scores))
    if not syncing.is_well(report):
        raise typer.Exit(ExitCode.NOT_WELL)


def _leave_to_workers(invocation: "Invocation", requests: "Mapping[str, Request]", *, as_json: bool) -> None:
    from assay.cli.screens.jobs import deferred_json, deferred_screen
    from assay.jobs.deferring import put
    from assay.pipelines.advisories.commands import background_sync

    with invocation.open() as context, context.db.transaction() as conn:
        made = {
            name: put(conn, background_sync, {"source": name, **asdict(one)})
            for name, one in requests.items()
        }
    if as_json:
        print_json(deferred_json(made))
    else:
        show(*deferred_screen(made))


def sources(
    ctx: typer.Context,
    documents: Annotated[
        bool, typer.Option("--documents", help="List the documents that were fetched.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Documents at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show what is read, from where, under which licence, and when it was read last."""
    from assay.cli.screens import sources as screens
    from assay.pipelines.advisories import queries

    with current(ctx).open() as context, context.db.transaction() as conn:
        if documents:
            kept = queries.list_documents(conn, limit=limit)
            if as_json:
                print_json([asdict(entry) for entry in kept])
            else:
                show(screens.documents_screen(kept))
            return
        now = context.clock()
        standings = queries.list_standings(conn, context.sources)
    if as_json:
        print_json(screens.sources_json(standings, now))
    else:
        show(*screens.sources_screen(standings, now))


@quarantine.callback(invoke_without_command=True)
def quarantine_itself(
    ctx: typer.Context,
    *,
    source: Annotated[str | None, typer.Option(help="Of this source only.")] = None,
    reason: Annotated[str | None, typer.Option(help="For this reason only, e.g. not-json.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Records at most.")] = 50,
    before: Before = None,
    as_json: AsJson = False,
) -> None:
    """Records that could not be used. Without a command they are listed."""
    if ctx.invoked_subcommand is None:
        quarantine_list(ctx, source=source, reason=reason, limit=limit, before=before, as_json=as_json)
        return
    # The command behind them would not see them, and `--source kev replay` would replay what every source gave.
    for parameter in ctx.command.params:
        given = ctx.get_parameter_source(parameter.name or "")
        if given is not None and given.name == "COMMANDLINE":
            raise typer.BadParameter(
                f"write it behind `{ctx.invoked_subcommand}`", param_hint=parameter.opts[0]
            )


@quarantine.command("list")
def quarantine_list(
    ctx: typer.Context,
    *,
    source: Annotated[str | None, typer.Option(help="Of this source only.")] = None,
    reason: Annotated[str | None, typer.Option(help="For this reason only, e.g. not-json.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Records at most.")] = 50,
    before: Before = None,
    as_json: AsJson = False,
) -> None:
    """List them, newest first."""
    from assay.cli.screens.quarantine import quarantine_screen
    from assay.pipelines.advisories import queries

    with current(ctx).open() as context, context.db.transaction() as conn:
        check_known(context.sources, [source] if source else [])
        rows = queries.list_quarantine(conn, source=source, reason=reason, before=before, limit=limit + 1)
        counts = queries.count_quarantine(conn)
    page = rows[:limit]
    following = page[-1].id if len(rows) > limit else None
    if as_json:
        print_json(
            {
                "records": page,
                "counts": [
                    dict(zip(("source", "reason", "records"), entry, strict=True)) for entry in counts
                ],
                "next_before": following,
            }
        )
        return
    show(*quarantine_screen(page, counts))
    if following is not None:
        note(f"older ones: the same with --before {following}")


_Ids = Annotated[
    list[int],
    typer.Argument(min=1, max=LARGEST_ID, metavar="ID", help="As `assay quarantine` lists them."),
]


@quarantine.command("show")
def quarantine_show(
    ctx: typer.Context,
    key: Annotated[
        int, typer.Argument(min=1, max=LARGEST_ID, metavar="ID", help="As `assay quarantine` lists it.")
    ],
    raw: Annotated[
        bool, typer.Option("--raw", help="Write the record's bytes to stdout, and nothing else.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show one of them, with its bytes."""
    from assay.cli.screens.quarantine import record_screen
    from assay.pipelines.advisories import queries

    with current(ctx).open() as context, context.db.transaction() as conn:
        row = queries.get_quarantine(conn, key)
        kept = queries.quarantined_bytes(conn, key) if row.bytes is not None or raw else None
    if raw and kept is not None:
        write_bytes(kept)
    elif as_json:
        print_json({**asdict(row), "raw": None if kept is None else kept.decode("utf-8", "backslashreplace")})
    else:
        show(*record_screen(row, kept))


@quarantine.command("replay")
def quarantine_replay(
    ctx: typer.Context,
    keys: Annotated[
        list[int] | None,
        typer.Argument(min=1, max=LARGEST_ID, metavar="ID", help="All of them if none is named."),
    ] = None,
    source: Annotated[str | None, typer.Option(help="Of this source only.")] = None,
    as_json: AsJson = False,
) -> None:
    """Read them again with this version's readers; what reads well becomes a claim."""
    from assay.cli.screens import syncing
    from assay.pipelines.advisories import commands, queries

    with current(ctx).working() as (context, progress):
        check_known(context.sources, [source] if source else [])
        with context.db.transaction() as conn:
            for key in keys or ():
                queries.get_quarantine(conn, key)
        replayed = commands.replay(
            context, source, keys or None, lambda done, total: progress("catalog", "merge", done, total)
        )
    if as_json:
        print_json(syncing.replay_json(replayed))
    else:
        show(*syncing.replay_screen(replayed))
    if keys and replayed.still_bad:
        raise typer.Exit(ExitCode.NOT_WELL)


@quarantine.command("drop")
def quarantine_drop(ctx: typer.Context, keys: _Ids, by: By = None, as_json: AsJson = False) -> None:
    """Forget them. They come back if their document is read in full again."""
    from assay.cli.output import spoken
    from assay.domain.wording import counted
    from assay.pipelines.advisories import commands, queries

    who = who_decides(by)
    with current(ctx).open() as context, context.db.transaction() as conn:
        for key in keys:
            row = queries.get_quarantine(conn, key)
            told = {"source": row.source, "record": row.record_id, "reason": row.reason}
            note_change(conn, who, "quarantine.drop", str(key), told)
        dropped = commands.drop(conn, keys)
    if as_json:
        print_json({"dropped": dropped})
    else:
        show(spoken(f"{counted(dropped, 'record')} dropped"))
