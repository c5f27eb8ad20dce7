"""What is watched: listed, added, imported from CSV or from a kept scan, and watched no more."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Query, Request, Response

from assay.bootstrap import Context
from assay.domain.numbers import LARGEST_ID
from assay.domain.wording import counted
from assay.kit.db import Connection
from assay.pipelines.feeds.commands import products as commands
from assay.pipelines.feeds.model.products import Imported, ProductOrigin, Wanted
from assay.pipelines.feeds.queries import products as queries
from assay.pipelines.packages.queries import get_inventory, list_inventories, list_packages
from assay.web.changing import Change
from assay.web.guard import Analyst, Viewer
from assay.web.pages.acting import Back, act
from assay.web.reading import Reading
from assay.web.rendering import Rendering

_PAGE = 100
# So many refused lines are told in the sentence about an import.
_TOLD = 5

_Text = Annotated[str, Form(max_length=300)]


def router(ctx: Context, read: Reading, show: Rendering) -> APIRouter:
    """The page at `/products`."""
    routes = APIRouter(prefix="/products", include_in_schema=False)
    _add_forms(routes, ctx)

    @routes.get("")
    def every(
        request: Request,
        who: Viewer,
        q: Annotated[str, Query(max_length=300)] = "",
        after: Annotated[int | None, Query(ge=1, le=LARGEST_ID)] = None,
    ) -> Response:
        def question(conn: Connection) -> dict[str, Any]:
            last = None if after is None else queries.get_product(conn, after)
            found = queries.list_products(conn, text=q.strip() or None, after=last, limit=_PAGE + 1)
            return {
                "products": found[:_PAGE],
                "more": found[_PAGE - 1].id if len(found) > _PAGE else None,
                "total": queries.count_products(conn),
                "inventories": list_inventories(conn),
            }

        return show(request, "products.html", who, q=q, **read(question))

    return routes


def _add_forms(routes: APIRouter, ctx: Context) -> None:
    @routes.post("")
    def add(
        request: Request, who: Analyst, back: Back, vendor: _Text = "", product: _Text = "", purl: _Text = "",
        note: Annotated[str, Form(max_length=1000)] = "",
    ) -> Response:  # fmt: skip
        def deed(change: Change) -> str:
            wanted = Wanted(vendor, product, purl, note)
            key, read = commands.add(change.conn, wanted, who, ctx.clock(), address=change.address)
            return f"{read.shown} is watched" + (" already" if key is None else "")

        return act(ctx, request, who, back, deed)

    @routes.post("/import")
    def import_csv(
        request: Request, who: Analyst, back: Back,
        lines: Annotated[str, Form(max_length=commands.MOST_PRODUCTS_BYTES)] = "",
    ) -> Response:  # fmt: skip
        def deed(change: Change) -> str:
            content = lines.encode(errors="replace")
            came = commands.import_csv(change.conn, content, who, ctx.clock(), address=change.address)
            return _sentence(came, "line")

        return act(ctx, request, who, back, deed)

    @routes.post("/from-inventory")
    def from_inventory(
        request: Request, who: Analyst, back: Back, inventory: Annotated[str, Form(max_length=300)] = ""
    ) -> Response:
        def deed(change: Change) -> str:
            purls = [one.purl for one in list_packages(change.conn, get_inventory(change.conn, inventory))]
            came = commands.import_purls(
                change.conn,
                purls,
                ProductOrigin.SCAN,
                who,
                ctx.clock(),
                note=f"from inventory {inventory}",
                address=change.address,
            )
            return _sentence(came, "package")

        return act(ctx, request, who, back, deed)

    @routes.post("/{key}/remove")
    def remove(
        request: Request, who: Analyst, back: Back, key: Annotated[int, Path(ge=1, le=LARGEST_ID)]
    ) -> Response:
        def deed(change: Change) -> str:
            (gone,) = commands.remove(change.conn, [key], who, address=change.address)
            return f"{gone} is watched no more"

        return act(ctx, request, who, back, deed)


def _sentence(came: Imported, what: str) -> str:
    said = f"{counted(came.added, 'product')} more watched"
    if came.known:
        said += f", {came.known:,} were watched already"
    if came.refused:
        reasons = "; ".join(f"{what} {one.line}: {one.reason}" for one in came.refused[:_TOLD])
        said += f", {counted(len(came.refused), what)} could not be used: {reasons}"
    return said
