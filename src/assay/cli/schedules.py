"""What an operator asks about schedules: when tasks run by themselves, and how to change that."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.arguments import By, who_decides
from assay.cli.audited import note_change
from assay.cli.invocation import AsJson, current
from assay.cli.output import print_json, show

if TYPE_CHECKING:
    from assay.bootstrap import Context
    from assay.kit.db import Connection

schedules = typer.Typer(help="Schedules: what runs by itself, and when.", no_args_is_help=True)

_Name = Annotated[str, typer.Argument(metavar="NAME", help="As `assay schedules list` lists it.")]


def add_to(app: typer.Typer) -> None:
    """Put these commands into the program."""
    app.add_typer(schedules, name="schedules")


@contextmanager
def _declared(ctx: typer.Context) -> "Iterator[tuple[Context, Connection]]":
    """The Context, and a connection on which every schedule of this program is known, workers or not."""
    from assay.jobs.schedules import declare

    with current(ctx).open() as context, context.db.transaction() as conn:
        declare(conn, context.schedules)
        yield context, conn


@schedules.command("list")
def schedules_list(ctx: typer.Context, as_json: AsJson = False) -> None:
    """List what runs by itself, when it ran last and when it runs next."""
    from assay.cli.screens.schedules import schedules_screen
    from assay.jobs.schedules import list_schedules

    with _declared(ctx) as (context, conn):
        found = list_schedules(conn)
        now = context.clock()
    if as_json:
        print_json(found)
    else:
        show(*schedules_screen(found, now))


@schedules.command("pause")
def schedules_pause(ctx: typer.Context, name: _Name, by: By = None, as_json: AsJson = False) -> None:
    """Let one wait until it is resumed."""
    from assay.jobs.schedules import pause

    with _declared(ctx) as (context, conn):
        who = who_decides(by)
        pause(conn, name, who)
        note_change(conn, who, "schedules.pause", name)
        _tell(context, conn, name, as_json=as_json)


@schedules.command("resume")
def schedules_resume(ctx: typer.Context, name: _Name, by: By = None, as_json: AsJson = False) -> None:
    """Let one run again, from its next time on."""
    from assay.jobs.schedules import resume

    with _declared(ctx) as (context, conn):
        who = who_decides(by)
        resume(conn, name, who)
        note_change(conn, who, "schedules.resume", name)
        _tell(context, conn, name, as_json=as_json)


@schedules.command("set")
def schedules_set(
    ctx: typer.Context,
    name: _Name,
    spec: Annotated[
        str | None,
        typer.Argument(
            metavar="WHEN",
            help="A cron expression in UTC, or 'every 30m', or off; in quotes. Nothing with --default.",
        ),
    ] = None,
    default: Annotated[bool, typer.Option("--default", help="As the settings have it.")] = False,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Change when one runs, on every machine and at once."""
    from assay.jobs.schedules import choose, get_schedule

    if (spec is None) is not default:
        raise typer.BadParameter("say when, or --default", param_hint="WHEN")
    with _declared(ctx) as (context, conn):
        who = who_decides(by)
        before = get_schedule(conn, name).spec
        choose(conn, context.schedules, name, spec, who)
        note_change(conn, who, "schedules.set", name, {"spec": spec, "before": before})
        _tell(context, conn, name, as_json=as_json)


@schedules.command("run")
def schedules_run(ctx: typer.Context, name: _Name, by: By = None, as_json: AsJson = False) -> None:
    """Run one now; its next time stays."""
    from assay.jobs.schedules import run_now

    with _declared(ctx) as (context, conn):
        who = who_decides(by)
        job = run_now(conn, context.tasks, name, who)
        note_change(conn, who, "schedules.run", name, {"job": job})
        _tell(context, conn, name, as_json=as_json)


def _tell(context: "Context", conn: "Connection", name: str, *, as_json: bool) -> None:
    from assay.cli.screens.schedules import schedules_screen
    from assay.jobs.schedules import get_schedule

    found = get_schedule(conn, name)
    if as_json:
        print_json(found)
    else:
        show(*schedules_screen([found], context.clock()))
