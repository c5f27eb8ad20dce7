"""What is watched: listed, added, imported, taken from scans, and watched no more."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.arguments import By, who_decides
from assay.cli.exits import ExitCode
from assay.cli.invocation import AsJson, current
from assay.cli.output import complain, note, print_json, show, spoken
from assay.domain.numbers import LARGEST_ID
from assay.domain.wording import counted
from assay.errors import Permanent

if TYPE_CHECKING:
    from assay.auth.model import Principal
    from assay.bootstrap import Context
    from assay.kit.db import Connection
    from assay.pipelines.feeds.model.products import Imported

products = typer.Typer(help="Monitored products: vendors, products and packages.", no_args_is_help=True)

_STANDARD_INPUT = "-"


@contextmanager
def _changing(ctx: typer.Context, by: str | None) -> "Iterator[tuple[Context, Connection, Principal]]":
    """The Context, a transaction, and whoever uses this machine."""
    from assay.auth.model import Kind, Principal, Role

    with current(ctx).open() as context, context.db.transaction() as conn:
        yield context, conn, Principal(Kind.LOCAL, who_decides(by), Role.ADMIN)


@products.command("list")
def products_list(
    ctx: typer.Context,
    *,
    text: Annotated[
        str | None, typer.Argument(metavar="[TEXT]", help="Only those with this in the name.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=20_000, help="Products at most.")] = 1000,
    as_json: AsJson = False,
) -> None:
    """List what is watched, and how many vulnerabilities touch each."""
    from assay.cli.screens.products import products_screen
    from assay.pipelines.feeds.queries.products import count_products, list_products

    with current(ctx).open() as context, context.db.transaction() as conn:
        found = list_products(conn, text=text, limit=limit)
        total = count_products(conn)
    if as_json:
        print_json({"products": found, "total": total})
    elif found:
        show(*products_screen(found))
    else:
        note("nothing is watched" if text is None else "nothing of that name is watched")
    if len(found) == limit < total:
        note(f"{counted(total, 'product')} in all; --limit shows more")


@products.command("add")
def products_add(
    ctx: typer.Context,
    purl: Annotated[
        str | None, typer.Argument(metavar="[PURL]", help="A package, e.g. pkg:npm/lodash.")
    ] = None,
    *,
    vendor: Annotated[str | None, typer.Option(help="A vendor; alone all that is theirs.")] = None,
    product: Annotated[str | None, typer.Option(help="A product, of the vendor where one is given.")] = None,
    why: Annotated[str | None, typer.Option("--note", help="What for, for those who ask later.")] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Watch a vendor, a product or a package."""
    from assay.pipelines.feeds.commands.products import add
    from assay.pipelines.feeds.model.products import Wanted

    with _changing(ctx, by) as (context, conn, who):
        key, wanted = add(conn, Wanted(vendor, product, purl, why), who, context.clock())
    if as_json:
        print_json({"id": key, "shown": wanted.shown, "is_new": key is not None})
    else:
        show(spoken(f"{wanted.shown} is watched" + ("" if key is not None else " already")))


@products.command("remove")
def products_remove(
    ctx: typer.Context,
    keys: Annotated[
        list[int], typer.Argument(min=1, max=LARGEST_ID, metavar="ID...", help="As `list` lists them.")
    ],
    *,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Watch products no more."""
    from assay.pipelines.feeds.commands.products import remove

    with _changing(ctx, by) as (_, conn, who):
        gone = remove(conn, keys, who)
    if as_json:
        print_json({"removed": gone})
    else:
        for shown in gone:
            show(spoken(f"{shown} is watched no more"))


@products.command("import")
def products_import(
    ctx: typer.Context,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="CSV of vendor, product, purl, note; - for stdin.")
    ],
    *,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Watch what the lines of a CSV file name; end with 1 when a line could not be used."""
    from assay.pipelines.feeds.commands.products import MOST_PRODUCTS_BYTES, import_csv

    source = sys.stdin.buffer if file == _STANDARD_INPUT else None
    if source is not None:
        content = source.read(MOST_PRODUCTS_BYTES + 1)
    else:
        with Path(file).open("rb") as opened:
            content = opened.read(MOST_PRODUCTS_BYTES + 1)
    with _changing(ctx, by) as (context, conn, who):
        came = import_csv(conn, content, who, context.clock())
    _tell(came, "line", as_json=as_json)
    if came.refused:
        raise typer.Exit(ExitCode.NOT_WELL)


@products.command("from-scan")
def products_from_scan(
    ctx: typer.Context,
    paths: Annotated[
        list[str] | None, typer.Argument(metavar="[PATH...]", help="Lockfiles, SBOMs, folders of them.")
    ] = None,
    *,
    inventory: Annotated[
        str | None, typer.Option(metavar="NAME", help="What `assay scan --save` kept.")
    ] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Watch the packages of lockfiles and SBOMs, or of an inventory that was kept."""
    from assay.pipelines.feeds.commands.products import import_purls
    from assay.pipelines.feeds.model.products import ProductOrigin

    if bool(paths) == (inventory is not None):
        raise typer.BadParameter("name files or folders, or an --inventory")
    purls = _scanned(paths) if paths else []
    with _changing(ctx, by) as (context, conn, who):
        if inventory is not None:
            purls = _kept(conn, inventory)
        what = f"inventory {inventory}" if inventory is not None else ", ".join(paths or ())
        came = import_purls(conn, purls, ProductOrigin.SCAN, who, context.clock(), note=f"from {what}"[:1000])
    _tell(came, "package", as_json=as_json)


def _scanned(paths: list[str]) -> list[str]:
    """The purls of the packages of files and folders. Raises Permanent where there is none."""
    from assay.pipelines.packages.commands.reading import collect

    read = collect(paths)
    for one in read.unreadable:
        complain(f"{one.path}: {one.detail}")
    purls = [
        package.purl for _, inventory in read.inventories for package in inventory.packages if package.purl
    ]
    if not purls:
        raise Permanent(f"there are no packages in {', '.join(paths)}")
    return purls


def _kept(conn: "Connection", name: str) -> list[str]:
    from assay.pipelines.packages.queries import get_inventory, list_packages

    return [one.purl for one in list_packages(conn, get_inventory(conn, name))]


def _tell(came: "Imported", what: str, *, as_json: bool) -> None:
    if as_json:
        print_json(came)
        return
    for one in came.refused:
        complain(f"{what} {one.line}: {one.reason}")
    already = f", {came.known:,} were watched already" if came.known else ""
    wrong = f", {counted(len(came.refused), what)} could not be used" if came.refused else ""
    show(spoken(f"{counted(came.added, 'product')} more watched{already}{wrong}"))
