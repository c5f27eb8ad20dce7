"""`assay configs`: Splunk configuration archives come in and go; configs_asking has the questions."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.arguments import By, who_decides
from assay.cli.exits import ExitCode
from assay.cli.invocation import AsJson, current
from assay.cli.output import note, print_json, show, spoken
from assay.domain.wording import counted

if TYPE_CHECKING:
    from assay.kit.db import Connection
    from assay.pipelines.configs.model import Run, UploadKind
    from assay.pipelines.configs.queries import View

configs = typer.Typer(
    help="Splunk configuration archives: upload them, ask what holds and why.", no_args_is_help=True
)

RunName = Annotated[
    str, typer.Argument(metavar="RUN", help="An id, the beginning of one, a label, or `latest`.")
]
ConfName = Annotated[str | None, typer.Option("--conf", metavar="CONF", help="Only this configuration.")]


@contextmanager
def reading(ctx: typer.Context, run: str) -> "Iterator[tuple[Connection, Run]]":
    """One transaction on the database, and the complete run that is meant."""
    from assay import bootstrap
    from assay.pipelines.configs import queries

    with bootstrap.open_database(current(ctx).settings()) as database, database.transaction() as conn:
        yield conn, queries.complete_run(conn, run)


@configs.command("upload")
def upload(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A tar, zip, .spl, .tgz, or one .conf file.")],
    *,
    kind: Annotated[
        str | None,
        typer.Option(
            metavar="KIND",
            help="instance_etc, ds_etc, app_bundle or single_conf; told by the name if not said.",
        ),
    ] = None,
    label: Annotated[
        str, typer.Option(metavar="TEXT", help="What to call it; the file's name if not said.")
    ] = "",
    now: Annotated[
        bool, typer.Option("--now", help="Parse it in this very process; otherwise a worker does.")
    ] = False,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Upload a configuration archive to be parsed."""
    from assay.auth.model import Kind, Principal, Role
    from assay.cli.screens.configs import run_screen
    from assay.pipelines.configs.commands import uploading

    chosen = _kind(kind, file.name)
    with current(ctx).working() as (context, progress), file.open("rb") as source:
        stored = uploading.keep(context.uploads, iter(lambda: source.read(1 << 20), b""))
        done = uploading.note(
            context,
            stored,
            kind=chosen,
            label=label,
            file_name=file.name,
            who=Principal(Kind.LOCAL, who_decides(by), Role.ADMIN),
            is_deferred=not now,
        )
        run = done.run
        if now and run.status != "complete":
            run = uploading.parse_now(
                context, run, lambda members: progress("configs", "parse", members, None)
            )
    if as_json:
        print_json({**run.shown(), "is_new": done.is_new})
    else:
        show(run_screen(run))
        if not done.is_new:
            note("the same upload was here already")
        if run.status == "stored":
            note(f"a worker will parse it; `assay configs show {str(run.id)[:8]}` tells how far it is")


def _kind(said: str | None, name: str) -> "UploadKind":
    from assay.pipelines.configs.model import UploadKind

    if said is None:
        lowered = name.lower()
        if lowered.endswith(".conf"):
            return UploadKind.SINGLE_CONF
        return UploadKind.APP_BUNDLE if lowered.endswith(".spl") else UploadKind.INSTANCE_ETC
    try:
        return UploadKind(said)
    except ValueError:
        raise typer.BadParameter(f"there are {', '.join(UploadKind)}", param_hint="--kind") from None


@configs.command("runs")
def runs(
    ctx: typer.Context,
    *,
    label: Annotated[str | None, typer.Option(metavar="TEXT", help="Only runs of this label.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List what was uploaded, the newest first."""
    from assay import bootstrap
    from assay.cli.screens.configs import runs_screen
    from assay.kit.clock import utc_now
    from assay.pipelines.configs import queries

    with bootstrap.open_database(current(ctx).settings()) as database, database.transaction() as conn:
        found = queries.list_runs(conn, label=label, limit=limit)
    if as_json:
        print_json([run.shown() for run in found])
    else:
        show(runs_screen(found, utc_now()))


@configs.command("show")
def show_run(ctx: typer.Context, run: RunName = "latest", as_json: AsJson = False) -> None:
    """Show how far a run is, what is in it and what was odd about its files."""
    from assay import bootstrap
    from assay.cli.screens.configs import confs_screen, problems_screen, run_screen
    from assay.pipelines.configs import queries

    with bootstrap.open_database(current(ctx).settings()) as database, database.transaction() as conn:
        found = queries.find_run(conn, run)
        confs = queries.list_confs(conn, found)
        problems = queries.list_problems(conn, found)
    if as_json:
        print_json({**found.shown(), "confs": confs, "problems": problems})
    else:
        show(run_screen(found), confs_screen(confs), *([problems_screen(problems)] if problems else []))
    if found.status == "failed":
        raise typer.Exit(ExitCode.NOT_WELL)


@configs.command("delete")
def delete(ctx: typer.Context, run: RunName, *, by: By = None, as_json: AsJson = False) -> None:
    """Forget a run, and its upload where no other run is of it."""
    from assay.auth.model import Kind, Principal, Role
    from assay.pipelines.configs.commands import uploading

    with current(ctx).open() as context:
        gone = uploading.forget(context, run, Principal(Kind.LOCAL, who_decides(by), Role.ADMIN))
    if as_json:
        print_json({"deleted": str(gone.id), "label": gone.label})
    else:
        show(spoken(f"{gone.label} is forgotten, with {counted(gone.counts.get('settings', 0), 'setting')}"))


def view(
    conn: "Connection",
    run: "Run",
    *,
    target: str = "instance",
    app: str | None = None,
    user: str | None = None,
    server_class: str | None = None,
) -> "View":
    """Whose configuration the options mean."""
    from assay.pipelines.configs.commands import answering

    return answering.view_of(
        conn, run, target=target, app=app or "", user=user or "", server_class=server_class
    )
