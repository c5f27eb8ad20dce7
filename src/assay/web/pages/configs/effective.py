"""What holds: a configuration with the value that wins, where it stands, and what it hides."""

from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from assay.domain.splunk.places import Target
from assay.kit.db import Connection
from assay.pipelines.configs import queries
from assay.pipelines.configs.commands import answering
from assay.pipelines.configs.commands.exporting import EFFECTIVE_COLUMNS, Table, effective_rows
from assay.pipelines.configs.model import Run
from assay.web.guard import Viewer
from assay.web.pages.configs.archive import Archive, Format, PageNumber, RunId, Text, numbers_of, saved

_STANZAS = 25
TARGETS = {
    Target.INSTANCE: "this machine",
    Target.DEPLOYMENT: "a client of deployment-apps",
    Target.MANAGER: "a peer of its cluster",
    Target.SHCLUSTER: "a search head cluster member",
    Target.PACKAGES: "apps that lie packed in the archive",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for; what is empty does not matter."""

    conf: str
    stanza: str
    target: Target
    app: str
    user: str
    server_class: str
    inherited: bool

    def values(self, conf: str) -> dict[str, Any]:
        """The same for the address of another page, with the configuration that was found."""
        said = {name: getattr(self, name) for name in self.__slots__}
        return {**said, "conf": conf, "target": "" if self.target is Target.INSTANCE else self.target.value}


def asked_of(
    conf: Text = "",
    stanza: Text = "",
    target: Target = Target.INSTANCE,
    app: Text = "",
    user: Text = "",
    server_class: Text = "",
    *,
    inherited: bool = False,
) -> Asked:
    """What the address asks for."""
    return Asked(conf, stanza, target, app, user, server_class, inherited)


def add_to(routes: APIRouter, archive: Archive) -> None:
    """The page at `/configs/<run>/effective`."""

    @routes.get("/{run_id:uuid}/effective")
    def effective(
        request: Request,
        who: Viewer,
        run_id: RunId,
        asked: Annotated[Asked, Depends(asked_of)],
        page: PageNumber = 1,
        form: Format = "",
    ) -> Response:
        number = None if form else page
        run, found = archive.ask(run_id, lambda conn, run: _found(conn, run, asked, number))
        part = found["part"]
        if form:
            rows = list(effective_rows(part.conf, part.stanzas))
            title = f"What {part.conf}.conf comes to in {run.label}"
            return saved(run, part.conf, Table(title, EFFECTIVE_COLUMNS, rows), form)
        return archive.page(
            request,
            who,
            "effective",
            run,
            tab="effective",
            values=asked.values(part.conf),
            targets=TARGETS,
            chosen=asked.target,
            page=page,
            pages=max(1, -(-part.total // _STANZAS)),
            per_page=_STANZAS,
            **found,
        )


def _found(conn: Connection, run: Run, asked: Asked, page: int | None) -> dict[str, Any]:
    """The stanzas of a page, or of all pages, and what there is to choose from."""
    confs = queries.list_confs(conn, run)
    name = asked.conf.removesuffix(".conf") or _first([one.conf for one in confs])
    view = answering.view_of(
        conn,
        run,
        target=asked.target,
        app=asked.app,
        user=asked.user,
        server_class=asked.server_class or None,
    )
    choice = answering.Choice(text=asked.stanza)
    if page is not None:
        choice = replace(choice, skip=(page - 1) * _STANZAS, limit=_STANZAS)
    apps = queries.list_apps(conn, run.number)
    return {
        "part": answering.part(conn, run, name, view, choice, is_expanded=asked.inherited),
        "confs": confs,
        "apps": sorted({one.app for one in apps if one.area in ("app", "peer-app")}),
        "numbers": numbers_of(conn, run, name),
    }


def _first(confs: list[str]) -> str:
    """What is asked for before anything was chosen."""
    return next(
        (one for one in ("inputs", "props", "server") if one in confs), confs[0] if confs else "inputs"
    )
