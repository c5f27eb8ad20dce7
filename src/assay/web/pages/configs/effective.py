"""What holds: a configuration with the value that wins, where it stands, and what it hides."""

from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request, Response

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


def add_to(routes: APIRouter, archive: Archive) -> None:
    """The page at `/configs/<run>/effective`."""

    @routes.get("/{run_id:uuid}/effective")
    def effective(
        request: Request,
        who: Viewer,
        run_id: RunId,
        *,
        conf: Text = "",
        stanza: Text = "",
        target: Target = Target.INSTANCE,
        app: Text = "",
        user: Text = "",
        server_class: Text = "",
        inherited: bool = False,
        page: PageNumber = 1,
        form: Format = "",
    ) -> Response:
        def ask(conn: Connection, run: Run) -> dict[str, Any]:
            confs = queries.list_confs(conn, run)
            name = conf.removesuffix(".conf") or _first([one.conf for one in confs])
            view = answering.view_of(
                conn, run, target=target, app=app, user=user, server_class=server_class or None
            )
            choice = answering.Choice(text=stanza)
            if not form:
                choice = replace(choice, skip=(page - 1) * _STANZAS, limit=_STANZAS)
            part = answering.part(conn, run, name, view, choice, is_expanded=inherited)
            apps = queries.list_apps(conn, run.number)
            return {
                "part": part,
                "confs": confs,
                "apps": sorted({one.app for one in apps if one.area in ("app", "peer-app")}),
                "numbers": numbers_of(conn, run, name),
            }

        run, found = archive.ask(run_id, ask)
        part = found["part"]
        if form:
            rows = list(effective_rows(part.conf, part.stanzas))
            title = f"What {part.conf}.conf comes to in {run.label}"
            return saved(run, part.conf, Table(title, EFFECTIVE_COLUMNS, rows), form)
        values = {
            "conf": part.conf,
            "stanza": stanza,
            "target": "" if target is Target.INSTANCE else target.value,
            "app": app,
            "user": user,
            "server_class": server_class,
            "inherited": inherited,
        }
        return archive.page(
            request,
            who,
            "effective",
            run,
            tab="effective",
            values=values,
            targets=TARGETS,
            chosen=target,
            page=page,
            pages=max(1, -(-part.total // _STANZAS)),
            per_page=_STANZAS,
            **found,
        )


def _first(confs: list[str]) -> str:
    """What is asked for before anything was chosen."""
    return next(
        (one for one in ("inputs", "props", "server") if one in confs), confs[0] if confs else "inputs"
    )
