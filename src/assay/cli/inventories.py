"""What was kept with `assay scan --save`: list it, show it, forget it, and ask what hits it since."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.arguments import By, since_when, who_decides
from assay.cli.audited import note_change
from assay.cli.exits import ExitCode
from assay.cli.invocation import AsJson, current
from assay.cli.output import print_json, show, spoken
from assay.domain.wording import counted

if TYPE_CHECKING:
    from assay.kit.db import Connection

inventories = typer.Typer(
    help="Packages that were kept: list them, show them, forget them.", no_args_is_help=True
)


def add_to(app: typer.Typer) -> None:
    """Put these commands into the program."""
    app.command("hits")(hits)
    app.add_typer(inventories, name="inventories")


@contextmanager
def reading(ctx: typer.Context) -> "Iterator[tuple[Connection, datetime]]":
    """One transaction on the database, and the present moment; nothing else that Assay may need is loaded."""
    from assay import bootstrap
    from assay.kit.clock import utc_now

    settings = current(ctx).settings()
    with bootstrap.open_database(settings) as database, database.transaction() as conn:
        yield conn, utc_now()


def hits(
    ctx: typer.Context,
    *,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="SEQ|DATE|AGE",
            help="What changed after this line of the catalog's log, or since then; since an inventory was saved "
            "if not said.",
        ),
    ] = None,
    inventory: Annotated[str | None, typer.Option(metavar="NAME", help="Only of this inventory.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show which kept packages are affected by what the catalog changed."""
    from assay.cli.screens import packages as screens
    from assay.pipelines.packages.commands import keeping

    with reading(ctx) as (conn, now):
        after = None if since is None else int(since) if since.isdecimal() else since_when(since, now)
        found = keeping.hits(conn, since=after, inventory=inventory)
    if as_json:
        print_json([asdict(hit) for hit in found])
    else:
        show(*screens.hits_screen(found))
    if found:
        raise typer.Exit(ExitCode.NOT_WELL)


@inventories.command("list")
def inventories_list(ctx: typer.Context, as_json: AsJson = False) -> None:
    """List what was kept with `assay scan --save NAME`."""
    from assay.cli.screens.packages import inventories_screen
    from assay.pipelines.packages import queries

    with reading(ctx) as (conn, now):
        found = queries.list_inventories(conn)
    if as_json:
        print_json([_without_id(entry) for entry in found])
    else:
        show(inventories_screen(found, now))


_Name = Annotated[str, typer.Argument(metavar="NAME", help="As `assay inventories list` lists it.")]


@inventories.command("show")
def inventories_show(ctx: typer.Context, name: _Name, as_json: AsJson = False) -> None:
    """Show the packages of one."""
    from assay.cli.screens.packages import inventory_screen
    from assay.pipelines.packages import queries

    with reading(ctx) as (conn, now):
        found = queries.get_inventory(conn, name)
        packages = queries.list_packages(conn, found)
    if as_json:
        listed = [
            {**asdict(entry), "files": [found.files[place] for place in entry.files]} for entry in packages
        ]
        print_json({**_without_id(found), "packages": listed})
    else:
        show(*inventory_screen(found, packages, now))


@inventories.command("delete")
def inventories_delete(ctx: typer.Context, name: _Name, by: By = None, as_json: AsJson = False) -> None:
    """Forget one."""
    from assay.pipelines.packages.commands import keeping

    who = who_decides(by)
    with reading(ctx) as (conn, _):
        gone = keeping.delete(conn, name)
        note_change(conn, who, "packages.forget", name, {"packages": gone})
    if as_json:
        print_json({"deleted": name, "packages": gone})
    else:
        show(spoken(f"{name} is forgotten, with {counted(gone, 'package')}"))


def _without_id(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in type(row).__slots__ if name != "id"}
