"""`/v1/scans`, `/v1/inventories`, `/v1/hits`: lockfiles and SBOMs against the catalog, kept ones asked again."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response

from assay import __version__
from assay.bootstrap import Context
from assay.domain.numbers import LARGEST_ID
from assay.errors import Permanent
from assay.kit.db import Connection
from assay.pipelines.advisories.queries import list_freshness
from assay.pipelines.packages import queries
from assay.pipelines.packages.commands import keeping, reporting, scanning
from assay.pipelines.packages.commands import reading as files
from assay.pipelines.packages.commands.keeping import Hit
from assay.pipelines.packages.commands.reading import Collected
from assay.pipelines.packages.commands.reporting import Report
from assay.pipelines.packages.commands.scanning import FailOn
from assay.pipelines.packages.model import Circumstances
from assay.pipelines.packages.queries import KeptInventory
from assay.web.answers import as_json, responses, shaped
from assay.web.bodies import AnyBody, Body
from assay.web.changing import changing
from assay.web.guard import Analyst, Viewer
from assay.web.parameters import Moment
from assay.web.problems import Refused
from assay.web.reading import Reading

_KINDS = {
    Report.SARIF: "application/sarif+json",
    Report.CYCLONEDX: "application/vnd.cyclonedx+json",
    Report.MARKDOWN: "text/markdown; charset=utf-8",
    Report.HTML: "text/html; charset=utf-8",
}
_SENT: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "A lockfile or an SBOM, as it is; also packed with gzip.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
_INVENTORY = {
    "name": "shop",
    "packages": 412,
    "files": ["package-lock.json"],
    "saved_at": "2026-03-01T10:13:00Z",
    "change_seq": 51637,
}

_Name = Annotated[str, Path(max_length=200, description="The inventory's name.")]
_File = Annotated[
    str, Query(max_length=300, description="What the file is called; most formats are told by that.")
]
_Format = Annotated[
    str | None, Query(max_length=100, description="Its format where the name does not tell, e.g. spdx.")
]


class Inventory(msgspec.Struct, frozen=True):
    """Packages that were kept; `change_seq` is the catalog's log at that time."""

    name: str
    packages: int
    files: list[str]
    saved_at: datetime
    change_seq: int


class Inventories(msgspec.Struct, frozen=True):
    """What was kept, by name."""

    inventories: list[Inventory]


class Package(msgspec.Struct, frozen=True):
    """One version of one package, and the files that list it."""

    ecosystem: str
    name: str
    version: str
    purl: str
    is_unplaced: bool
    files: list[str]


class Whole(Inventory, frozen=True):
    """An inventory with its packages."""

    contents: list[Package]


class Hits(msgspec.Struct, frozen=True):
    """Kept packages that vulnerabilities affect which changed since then."""

    hits: list[Hit]


def router(read: Reading, ctx: Context) -> APIRouter:
    """Scanning, which changes nothing; whoever may read advisories may do it."""
    routes = APIRouter(tags=["Packages"])

    @routes.post(
        "/v1/scans",
        summary="What affects the packages of a lockfile or an SBOM",
        responses=responses("The report.", {"verdict": "findings", "findings": []}, 400, 409),
        openapi_extra=_SENT,
    )
    def scan(
        body: AnyBody,
        *,
        filename: _File = "",
        file_format: Annotated[_Format, Query(alias="format")] = None,
        report: Annotated[Report, Query(description="As which document the answer comes.")] = Report.JSON,
        fail_on: Annotated[
            list[FailOn] | None, Query(description="What makes the verdict `findings`; any if not said.")
        ] = None,
    ) -> Response:
        collected = _collected(filename, body, file_format)
        done, freshness = read(lambda conn: _scanned(conn, collected))
        verdict = scanning.verdict(done, frozenset(fail_on or [FailOn.ANY]))
        facts = Circumstances(ctx.clock(), "Assay", __version__, verdict.value, freshness)
        content = reporting.report(report, reporting.located(done, collected), facts)
        told = {"Cache-Control": "no-store"}
        if report is Report.HTML:
            # It is made of a stranger's texts, and no page of this service.
            told["Content-Disposition"] = 'attachment; filename="scan.html"'
        return Response(content, headers=told, media_type=_KINDS.get(report, "application/json"))

    return routes


def _scanned(conn: Connection, collected: Collected) -> tuple[Any, Mapping[str, datetime]]:
    try:
        done = scanning.scan(conn, collected.inventories, collected.unreadable)
    except Permanent as error:
        raise Refused(409, str(error)) from error
    return done, list_freshness(conn)


def _collected(filename: str, body: Body, file_format: str | None) -> Collected:
    """What the body lists. Raises Refused for what cannot be read as a whole."""
    found = files.read_content(filename, body.unpacked(), file_format)
    if not found.inventories:
        said = "; ".join(f"{one.detail} ({one.reason})" for one in found.unreadable)
        raise Refused(400, f"the file cannot be read: {said}")
    return found


def keeping_router(ctx: Context, read: Reading) -> APIRouter:
    """What is kept. Viewers look, analysts keep and forget."""
    routes = APIRouter(tags=["Packages"])
    _add_lists(routes, ctx, read)

    @routes.put(
        "/v1/inventories/{name}",
        summary="Keep the packages of a lockfile or an SBOM, in the place of what was kept under the name",
        responses=responses("What came of it.", {"name": "shop", "packages": 412, "is_changed": True}, 400),
        openapi_extra=_SENT,
    )
    def keep(
        request: Request,
        who: Analyst,
        name: _Name,
        body: AnyBody,
        *,
        filename: _File = "",
        file_format: Annotated[_Format, Query(alias="format")] = None,
    ) -> Response:
        collected = _collected(filename, body, file_format)
        with changing(ctx, request, who) as change:
            saved = keeping.save(change.conn, name, collected.inventories, ctx.clock())
            change.note("packages.keep", name, {"packages": saved.packages})
        return as_json(saved)

    @routes.delete(
        "/v1/inventories/{name}",
        status_code=204,
        summary="Forget an inventory",
        responses=responses("It is forgotten.", None, 404, status=204),
    )
    def forget(request: Request, who: Analyst, name: _Name) -> Response:
        with changing(ctx, request, who) as change:
            gone = keeping.delete(change.conn, name)
            change.note("packages.forget", name, {"packages": gone})
        return Response(status_code=204)

    return routes


def _add_lists(routes: APIRouter, ctx: Context, read: Reading) -> None:
    @routes.get(
        "/v1/inventories",
        summary="What was kept",
        responses=shaped("The inventories, by name.", Inventories, {"inventories": [_INVENTORY]}),
    )
    def listed(_: Viewer) -> Response:
        found = read(queries.list_inventories)
        return as_json(Inventories([Inventory(**_told(one)) for one in found]))

    @routes.get(
        "/v1/inventories/{name}",
        summary="One of them with its packages",
        responses=shaped("The inventory.", Whole, {**_INVENTORY, "contents": []}, 404),
    )
    def one(_: Viewer, name: _Name) -> Response:
        def look(conn: Connection) -> Whole:
            found = queries.get_inventory(conn, name)
            packages = [
                Package(**(asdict(each) | {"files": [found.files[place] for place in each.files]}))
                for each in queries.list_packages(conn, found)
            ]
            return Whole(**_told(found), contents=packages)

        return as_json(read(look))

    @routes.get(
        "/v1/hits",
        summary="Which kept packages are affected by what the catalog changed",
        responses=shaped(
            "The hits; from when each inventory was kept on if not said.", Hits, {"hits": []}, 400, 409
        ),
    )
    def hits(
        _: Viewer,
        *,
        after: Annotated[
            int | None,
            Query(ge=0, le=LARGEST_ID, description="By changes behind this line of the catalog's log."),
        ] = None,
        since: Annotated[Moment | None, Query(description="By changes since this moment.")] = None,
        inventory: Annotated[str | None, Query(max_length=200, description="Of this inventory.")] = None,
    ) -> Response:
        if after is not None and since is not None:
            raise Refused(400, "say after or since, not both")
        try:
            # Keys of an older encoder may have to be made again, which a connection that only reads cannot.
            with ctx.db.transaction() as conn:
                found = keeping.hits(conn, since=after if since is None else since, inventory=inventory)
        except Permanent as error:
            raise Refused(409, str(error)) from error
        return as_json(Hits(found))


def _told(one: KeptInventory) -> dict[str, Any]:
    return {name: value for name, value in asdict(one).items() if name != "id"}
