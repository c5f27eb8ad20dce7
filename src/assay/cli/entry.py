"""`assay` itself: its global options, and how it starts and ends."""

import signal
import sys
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from assay.cli import (
    access,
    advisories,
    backups,
    catalog,
    configs_asking,
    feeds,
    inventories,
    jobs,
    language,
    monitoring,
    operations,
    packages,
    schedules,
    serving,
    up,
    worker,
)
from assay.cli.exits import Terminated, reported
from assay.cli.invocation import Invocation, current


class Root(TyperGroup):
    """The program, in which every error becomes one line and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        ctx.obj = Invocation()
        with reported(ctx.obj):
            return super().invoke(ctx)


# Help without Rich: with it `--help` takes four times as long, and looks the same in every log.
app = typer.Typer(
    name="assay",
    cls=Root,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _tell_version(asked: bool) -> None:
    if asked:
        operations.tell_version()
        raise typer.Exit


@app.callback()
def assay(
    ctx: typer.Context,
    home: Annotated[
        Path | None, typer.Option(metavar="PATH", help="The home folder, in the place of ASSAY_HOME.")
    ] = None,
    verbose: Annotated[
        int,
        typer.Option(
            "--verbose", "-v", count=True, show_default=False, help="Log more, show where errors come from."
        ),
    ] = 0,
    _version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Raw security advisories in, one curated catalog out."""
    invocation = current(ctx)
    invocation.home = home
    invocation.verbosity = verbose
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


advisories.add_to(app)
catalog.add_to(app)
packages.add_to(app)
inventories.add_to(app)
configs_asking.add_to(app)
serving.add_to(app)
jobs.add_to(app)
schedules.add_to(app)
monitoring.add_to(app)
feeds.add_to(app)
language.add_to(app)
worker.add_to(app)
access.add_to(app)
up.add_to(app)
operations.add_to(app)
backups.add_to(app)


@cache
def program() -> Any:
    """What Typer makes of the functions: it takes longer than some commands, so it is kept where several run."""
    return typer.main.get_command(app)


def run() -> None:
    """Run the command line that this process was given, and end with its exit code."""
    # A terminal that cannot show a letter gets its number, not an error.
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # both are text files here
    signal.signal(signal.SIGTERM, _terminate)
    # A terminal that closes asks for the end as well, unless nohup has said otherwise.
    if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, _pass_on)
    program()(prog_name="assay")


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise Terminated


def _pass_on(_number: int, _frame: FrameType | None) -> None:
    # Whoever listens for SIGTERM by then hears it.
    signal.raise_signal(signal.SIGTERM)
