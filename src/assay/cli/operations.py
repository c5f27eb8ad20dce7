"""What an operator asks: bring the database up to date, say what is wrong, say which version this is."""

import platform
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay import __version__
from assay.cli.exits import ExitCode
from assay.cli.invocation import AsJson, current
from assay.cli.output import print_json, show, spoken
from assay.domain.wording import counted

if TYPE_CHECKING:
    from assay.kit.migrate import Migration


def add_to(app: typer.Typer) -> None:
    """Put these commands into the program."""
    app.command("migrate")(migrate)
    app.command("doctor")(doctor)
    app.command("version")(version)


def migrate(
    ctx: typer.Context,
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; end with 1 when something is pending.")
    ] = False,
    role: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Then let this role of the database do what workers do, and no more."
        ),
    ] = None,
    read_only: Annotated[
        bool,
        typer.Option(
            "--read-only",
            help="With --role: let it read, passwords and sessions excepted, and change nothing.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring the database's tables up to date."""
    from assay import bootstrap
    from assay.cli.progress import busy
    from assay.kit import migrate as migrations
    from assay.kit.db import Database
    from assay.kit.roles import grant

    if (check and role is not None) or (read_only and role is None):
        raise typer.BadParameter("--check changes nothing, and --read-only is about a --role")
    settings = current(ctx).settings()
    known = migrations.history()
    with (
        busy("Migrating"),
        bootstrap.database_url(settings) as url,
        Database(url).connection(autocommit=True) as conn,
    ):
        pending = migrations.pending(conn, known) if check else []
        applied = [] if check else migrations.migrate(conn, known)
        if role is not None:
            grant(conn, role, may_write=not read_only, private=("auth",))
    if as_json:
        print_json({"version": known[-1].version, "applied": _named(applied), "pending": _named(pending)})
    else:
        show(*_lines(applied, pending, known[-1]))
        if role is not None:
            show(
                spoken(
                    f"The role {role} may {'read' if read_only else 'do what workers do'}, and nothing else."
                )
            )
    if pending:
        raise typer.Exit(ExitCode.NOT_WELL)


def _named(migrations: "list[Migration]") -> list[dict[str, Any]]:
    return [{"version": entry.version, "name": entry.name} for entry in migrations]


def _lines(applied: "list[Migration]", pending: "list[Migration]", newest: "Migration") -> list[Any]:
    told = [spoken(("applied  ", "green"), f"{entry.version:04d} {entry.name}") for entry in applied]
    told += [spoken(("pending  ", "yellow"), f"{entry.version:04d} {entry.name}") for entry in pending]
    if pending:
        return [*told, spoken(f"{counted(len(pending), 'migration')} pending: run `assay migrate`")]
    return [*told, spoken((f"The database is up to date ({newest.version:04d} {newest.name}).", "green"))]


def doctor(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Look at everything that Assay depends on, and say what to do about what is wrong."""
    from assay.cli.health import examine
    from assay.cli.progress import busy
    from assay.cli.screens.health import Grade, health_json, health_screen

    invocation = current(ctx)
    with busy("Examining"):
        findings = examine(invocation.settings())
    if as_json:
        print_json(health_json(findings))
    else:
        show(*health_screen(findings))
    if any(finding.grade is Grade.FAILED for finding in findings):
        raise typer.Exit(ExitCode.NOT_WELL)


def version(as_json: AsJson = False) -> None:
    """Say which version of Assay this is."""
    if as_json:
        print_json(
            {"assay": __version__, "python": platform.python_version(), "platform": platform.platform()}
        )
    else:
        tell_version()


def tell_version() -> None:
    """Write the version as people quote it."""
    typer.echo(f"assay {__version__} (Python {platform.python_version()})")
