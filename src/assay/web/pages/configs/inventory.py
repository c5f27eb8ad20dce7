"""What there is: well-known stanzas in types, who is given which apps, and the apps with their vulnerabilities."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from assay.kit.db import Connection
from assay.pipelines.configs import queries
from assay.pipelines.configs.commands import answering, installed
from assay.pipelines.configs.commands.exporting import Table
from assay.pipelines.configs.model import Run
from assay.web.guard import Viewer
from assay.web.pages.configs.archive import Archive, Format, PageNumber, RunId, Text, numbers_of, saved

_PAGE = 100
_CLIENT = ("name", "ip", "dns", "host", "instance", "machine_type", "package_type")
_OBJECT_COLUMNS = ("name", "app", "is_disabled", "path", "line")
_CLASS_COLUMNS = (
    "server_class",
    "app",
    "is_present",
    "version",
    "whitelist",
    "blacklist",
    "clients",
    "path",
    "line",
)
_APP_COLUMNS = ("area", "name", "version", "is_enabled", "purl", "vulnerabilities")


def add_to(routes: APIRouter, archive: Archive) -> None:
    """The lists, the server classes and the apps."""
    _add_lists(routes, archive)
    _add_serverclasses(routes, archive)
    _add_apps(routes, archive)


def _add_lists(routes: APIRouter, archive: Archive) -> None:
    @routes.get("/{run_id:uuid}/lists")
    def lists(
        request: Request,
        who: Viewer,
        run_id: RunId,
        *,
        kind: Text = "inputs",
        q: Text = "",
        page: PageNumber = 1,
        form: Format = "",
    ) -> Response:
        run, (everything, numbers) = archive.ask(
            run_id,
            lambda conn, run: (answering.typed(conn, run, kind), numbers_of(conn, run, kind)),
        )
        found = [one for one in everything if q.lower() in one.name.lower() or q.lower() in one.app.lower()]
        if form:
            fields = sorted({key for one in found for key in one.fields})
            rows = [{**{name: getattr(one, name) for name in _OBJECT_COLUMNS}, **one.fields} for one in found]
            columns = (*_OBJECT_COLUMNS, *(one for one in fields if one not in _OBJECT_COLUMNS))
            return saved(run, kind, Table(f"{kind} of {run.label}", columns, rows), form)
        skip = (page - 1) * _PAGE
        return archive.page(
            request,
            who,
            "lists",
            run,
            tab="lists",
            kind=kind,
            kinds=answering.KINDS,
            found=found[skip : skip + _PAGE],
            total=len(found),
            page=page,
            pages=max(1, -(-len(found) // _PAGE)),
            numbers=numbers,
            values={"kind": kind, "q": q},
        )


def _add_serverclasses(routes: APIRouter, archive: Archive) -> None:
    @routes.get("/{run_id:uuid}/serverclasses")
    def serverclasses(
        request: Request,
        who: Viewer,
        run_id: RunId,
        clients: Annotated[Text, Query(max_length=6000)] = "",
        form: Format = "",
    ) -> Response:
        known = [_client(line) for line in clients.splitlines() if line.strip()]
        run, (classes, numbers) = archive.ask(
            run_id,
            lambda conn, run: (
                answering.server_classes(conn, run, known),
                numbers_of(conn, run, "serverclass"),
            ),
        )
        if form:
            rows = [row for one in classes for row in _class_rows(one)]
            return saved(
                run, "serverclasses", Table(f"Server classes of {run.label}", _CLASS_COLUMNS, rows), form
            )
        return archive.page(
            request,
            who,
            "serverclasses",
            run,
            tab="serverclasses",
            classes=classes,
            given=answering.deliveries(classes, known),
            clients=clients,
            numbers=numbers,
            values={"clients": clients},
        )


def _client(line: str) -> answering.Client:
    """A client as one line of its names and types, separated by commas."""
    return answering.Client(*(part.strip() for part in line.split(",")[: len(_CLIENT)]))


def _class_rows(one: answering.ServerClass) -> list[dict[str, Any]]:
    """One line per app that the class gives; one for a class that gives none."""
    own = {
        "server_class": one.name,
        "whitelist": one.filter.whitelist,
        "blacklist": one.filter.blacklist,
        "clients": one.clients,
        "path": one.path,
        "line": one.line,
    }
    given = [
        {**own, "app": app.name, "is_present": app.is_present, "version": app.version} for app in one.apps
    ]
    return given or [own]


def _add_apps(routes: APIRouter, archive: Archive) -> None:
    @routes.get("/{run_id:uuid}/apps")
    def apps(request: Request, who: Viewer, run_id: RunId, form: Format = "") -> Response:
        def ask(conn: Connection, run: Run) -> dict[str, Any]:
            found = installed.installed(conn, run)
            return {
                "installed": found.apps,
                "is_known": found.records > 0,
                "known": {(one.area, one.app): one for one in queries.list_apps(conn, run.number)},
            }

        run, found = archive.ask(run_id, ask)
        if form:
            rows = [_app_row(one) for one in found["installed"]]
            return saved(run, "apps", Table(f"Apps of {run.label}", _APP_COLUMNS, rows), form)
        return archive.page(request, who, "apps", run, tab="apps", **found)


def _app_row(one: installed.Installed) -> dict[str, Any]:
    names = [known.name for known in one.vulnerabilities]
    return {**{name: getattr(one, name) for name in _APP_COLUMNS}, "vulnerabilities": names}
