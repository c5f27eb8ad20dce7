"""Walking through an archive: folder, file, stanza, setting with its line, and whether the line has any effect."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response

from assay.domain.splunk.conf import Setting, Stanza
from assay.domain.splunk.layers import GLOBAL, Context, Effective, Winner
from assay.domain.splunk.places import Area, Kind, Place, Target
from assay.kit.db import Connection
from assay.pipelines.configs import queries
from assay.pipelines.configs.commands import answering
from assay.pipelines.configs.commands.exporting import Table, table
from assay.pipelines.configs.model import Run
from assay.pipelines.configs.queries import ConfFile, View
from assay.web.guard import Viewer
from assay.web.pages.configs.archive import Archive, Format, RunId, Text, numbers_of, saved

_STANZAS = 60
_HITS = 200
_EXPORTED = 100_000
# The machine on which files of an area have effect.
_TARGETS = {
    Area.DEPLOYMENT: Target.DEPLOYMENT,
    Area.MANAGER: Target.MANAGER,
    Area.SHCLUSTER: Target.SHCLUSTER,
    Area.SHCLUSTER_USER: Target.SHCLUSTER,
    Area.PACKAGE: Target.PACKAGES,
}
_FOLDER_COLUMNS = ("path", "conf", "scope", "bytes", "stanzas", "settings")
_HIT_COLUMNS = ("path", "line", "area", "app", "conf", "stanza", "key", "value")


def add_to(routes: APIRouter, archive: Archive) -> None:
    """The tree, the files in it, and the search over all of it."""
    _add_tree(routes, archive)
    _add_file(routes, archive)
    _add_search(routes, archive)


def _add_tree(routes: APIRouter, archive: Archive) -> None:
    @routes.get("/{run_id:uuid}/files")
    def files(
        request: Request,
        who: Viewer,
        run_id: RunId,
        *,
        area: Area | Literal[""] = "",
        app: Text = "",
        owner: Text = "",
        q: Text = "",
        form: Format = "",
    ) -> Response:
        run, (folders, found, apps) = archive.ask(
            run_id,
            lambda conn, run: (
                queries.list_folders(conn, run, q),
                [] if area == "" else queries.list_folder(conn, run, area, app, owner),
                {(one.area, one.app): one for one in queries.list_apps(conn, run.number)},
            ),
        )
        if form:
            rows = [_file_row(one) for one in found]
            return saved(run, "files", Table(f"Files of {run.label}", _FOLDER_COLUMNS, rows), form)
        return archive.page(
            request,
            who,
            "files",
            run,
            tab="files",
            folders=folders,
            files=found,
            apps=apps,
            values={"area": area, "app": app, "owner": owner, "q": q},
        )


def _file_row(file: ConfFile) -> dict[str, object]:
    return {
        "path": file.path,
        "conf": file.place.name,
        "scope": file.place.scope,
        "bytes": file.bytes,
        "stanzas": file.stanzas,
        "settings": file.settings,
    }


def _add_file(routes: APIRouter, archive: Archive) -> None:
    @routes.get("/{run_id:uuid}/files/{number}")
    def file(
        request: Request,
        who: Viewer,
        run_id: RunId,
        number: Annotated[int, Path(ge=0, le=2**31 - 1)],
        line: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
    ) -> Response:
        run, shown = archive.ask(run_id, lambda conn, run: _shown(conn, run, number, line))
        return archive.page(request, who, "file", run, tab="files", per_page=_STANZAS, **shown)


def _shown(conn: Connection, run: Run, number: int, line: int) -> dict[str, Any]:
    """A part of a file, and of each of its settings what became of it on the machine that the file is for."""
    file = queries.get_file(conn, run, number)
    part = queries.load_file(conn, run, file, line=line, limit=_STANZAS)
    view = _view_of(file.place)
    names = {one.name for one in part.stanzas}
    resolved = None if view is None else answering.effective(conn, run, file.place.name, view, names)
    return {
        "file": file,
        "part": part,
        "stanzas": [
            (one, [(said, _winner(resolved, one, said)) for said in one.settings]) for one in part.stanzas
        ],
        "view": view,
        "is_disabled": any(
            not one.is_enabled and (one.area, one.app) == (file.place.area.value, file.place.app)
            for one in queries.list_apps(conn, run.number)
        ),
        "numbers": numbers_of(conn, run, file.place.name),
    }


def _view_of(place: Place) -> View | None:
    """Whose configuration a file is part of; None for permissions, which are no configuration."""
    if place.kind is not Kind.CONF:
        return None
    context = Context(place.app, place.user) if place.user else GLOBAL
    return View(_TARGETS.get(place.area, Target.INSTANCE), context)


def _winner(resolved: Effective | None, stanza: Stanza, said: Setting) -> Winner | None:
    """What holds in the place of a setting; None where its file takes no part."""
    merged = None if resolved is None else resolved.stanzas.get(stanza.name)
    return None if merged is None else merged.settings.get(said.key)


def _add_search(routes: APIRouter, archive: Archive) -> None:
    @routes.get("/{run_id:uuid}/search")
    def search(
        request: Request,
        who: Viewer,
        run_id: RunId,
        *,
        q: Text = "",
        regex: Text = "",
        conf: Text = "",
        app: Text = "",
        form: Format = "",
    ) -> Response:
        most = _EXPORTED if form else _HITS

        def ask(conn: Connection, run: Run) -> dict[str, Any]:
            hits = (
                queries.search(
                    conn,
                    run,
                    text=q or None,
                    regex=regex or None,
                    conf=conf or None,
                    app=app or None,
                    limit=most + 1,
                )
                if q or regex
                else []
            )
            return {
                "hits": hits[:most],
                "is_cut": len(hits) > most,
                "confs": [one.conf for one in queries.list_confs(conn, run)],
                "numbers": numbers_of(conn, run) if hits and not form else {},
            }

        run, found = archive.ask(run_id, ask)
        if form:
            return saved(run, "search", table(f"Found in {run.label}", _HIT_COLUMNS, found["hits"]), form)
        values = {"q": q, "regex": regex, "conf": conf, "app": app}
        return archive.page(request, who, "search", run, tab="search", values=values, most=most, **found)
