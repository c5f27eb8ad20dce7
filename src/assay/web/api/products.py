"""`/v1/products`: what is watched. What touches it is found with `monitored=true` in every list."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response

from assay.bootstrap import Context
from assay.domain.numbers import LARGEST_ID
from assay.kit.db import Connection
from assay.pipelines.feeds.commands import products as commands
from assay.pipelines.feeds.model.products import Imported, Product, ProductOrigin, Wanted
from assay.pipelines.feeds.queries import products as queries
from assay.pipelines.packages.queries import get_inventory, list_packages
from assay.web.answers import as_json, responses, schema_of, shaped
from assay.web.bodies import AnyBody, described
from assay.web.changing import changing
from assay.web.guard import Analyst, Viewer
from assay.web.reading import Reading

_PRODUCT = {
    "id": 7,
    "vendor": "Apache",
    "product": "HTTP Server",
    "purl": None,
    "shown": "Apache HTTP Server",
    "origin": "person",
    "note": "our front door",
    "created_by": "ada",
    "created_at": "2026-03-01T10:13:00Z",
    "touched": 312,
}
_IMPORTED = {
    "added": 2,
    "known": 1,
    "refused": [
        {"line": 4, "text": "pkg:nothing", "reason": "'pkg:nothing' is no package URL of an ecosystem"}
    ],
}
_CSV = "vendor,product,purl,note\nApache,HTTP Server,,our front door\n,,pkg:npm/lodash,\n"

_Key = Annotated[int, Path(ge=1, le=LARGEST_ID, description="As the list tells it.")]


class Listed(msgspec.Struct, frozen=True):
    """A page, by name. `touched` counts vulnerabilities; it is null until they were looked for."""

    products: list[Product]
    total: int
    next_after: int | None


class Named(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be watched: a vendor, a product (of the vendor where one is given), or a package by its purl."""

    vendor: str | None = None
    product: str | None = None
    purl: str | None = None
    note: str | None = None


class FromInventory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An inventory that was kept by a scan."""

    inventory: str


def router(ctx: Context, read: Reading) -> APIRouter:
    """The surface. Viewers look, analysts change."""
    routes = APIRouter(prefix="/v1/products", tags=["Monitored products"])
    _add_changes(routes, ctx)
    _add_imports(routes, ctx)

    @routes.get(
        "",
        summary="What is watched, by name",
        responses=shaped(
            "A page; `next_after` is the `after` of the next one.",
            Listed,
            {"products": [_PRODUCT], "total": 1, "next_after": None},
            404,
        ),
    )
    def listed(
        _: Viewer,
        q: Annotated[str | None, Query(max_length=300, description="In the name.")] = None,
        limit: Annotated[int, Query(ge=1, le=1000, description="Products a page.")] = 100,
        after: Annotated[
            int | None, Query(ge=1, le=LARGEST_ID, description="From behind this one on.")
        ] = None,
    ) -> Response:
        def question(conn: Connection) -> Listed:
            last = None if after is None else queries.get_product(conn, after)
            found = queries.list_products(conn, text=q, after=last, limit=limit + 1)
            page = found[:limit]
            more = page[-1].id if len(found) > limit else None
            return Listed(page, queries.count_products(conn), more)

        return as_json(read(question))

    @routes.get("/{key}", summary="One of them", responses=shaped("The product.", Product, _PRODUCT, 404))
    def one(_: Viewer, key: _Key) -> Response:
        return as_json(read(lambda conn: queries.get_product(conn, key)))

    return routes


def _add_changes(routes: APIRouter, ctx: Context) -> None:
    @routes.post(
        "",
        status_code=201,
        summary="Watch a vendor, a product or a package",
        responses=shaped("It was watched already; nothing changed.", Product, _PRODUCT)
        | shaped(
            "The product; workers look for what touches it.",
            Product,
            {**_PRODUCT, "touched": None},
            400,
            status=201,
        ),
        openapi_extra=described(
            {"vendor": "Apache", "product": "HTTP Server", "note": "our front door"}, schema_of(Named)
        ),
    )
    def add(request: Request, who: Analyst, body: AnyBody) -> Response:
        named = body.read(Named)
        with changing(ctx, request, who) as change:
            wanted = Wanted(named.vendor, named.product, named.purl, named.note)
            key, read = commands.add(change.conn, wanted, who, ctx.clock(), address=change.address)
            found = queries.find_product(change.conn, read)
        return as_json(found, 200 if key is None else 201)

    @routes.delete(
        "/{key}",
        summary="Watch it no more",
        status_code=204,
        responses=responses("It is gone.", None, 404, status=204),
    )
    def remove(request: Request, who: Analyst, key: _Key) -> Response:
        with changing(ctx, request, who) as change:
            commands.remove(change.conn, [key], who, address=change.address)
        return Response(status_code=204)


def _add_imports(routes: APIRouter, ctx: Context) -> None:
    about = "What came of it. `refused` are lines that could not be used, each with its reason; the others are watched."

    @routes.post(
        "/import",
        summary="Watch what the lines of a CSV file name",
        responses=shaped(about, Imported, _IMPORTED, 400),
        openapi_extra=described(_CSV, {"type": "string"}, kind="text/csv"),
    )
    def import_csv(request: Request, who: Analyst, body: AnyBody) -> Response:
        content = body.unpacked()
        with changing(ctx, request, who) as change:
            return as_json(
                commands.import_csv(change.conn, content, who, ctx.clock(), address=change.address)
            )

    @routes.post(
        "/from-inventory",
        summary="Watch the packages of an inventory that was kept",
        responses=shaped(about, Imported, {**_IMPORTED, "refused": []}, 400, 404),
        openapi_extra=described({"inventory": "shop"}, schema_of(FromInventory)),
    )
    def from_inventory(request: Request, who: Analyst, body: AnyBody) -> Response:
        name = body.read(FromInventory).inventory
        with changing(ctx, request, who) as change:
            purls = [one.purl for one in list_packages(change.conn, get_inventory(change.conn, name))]
            came = commands.import_purls(
                change.conn,
                purls,
                ProductOrigin.SCAN,
                who,
                ctx.clock(),
                note=f"from inventory {name}",
                address=change.address,
            )
            return as_json(came)
