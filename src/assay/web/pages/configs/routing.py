"""Where data goes, to be looked at: a click on a station shows only what leads to it and where it goes on."""

from collections import Counter
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from assay.domain.splunk.places import Target
from assay.kit.db import Connection
from assay.pipelines.configs.commands import answering
from assay.pipelines.configs.commands.answering import Edge, Graph, Node
from assay.pipelines.configs.commands.exporting import Table
from assay.pipelines.configs.model import Run
from assay.web.guard import Viewer
from assay.web.pages.configs.archive import Archive, RunId, Text, numbers_of, saved
from assay.web.pages.configs.effective import TARGETS
from assay.web.routing_chart import picture

# More stations than that are no picture but a carpet: whoever looks chooses one first.
_MOST = 160
_LISTED = 300
KINDS = ("input", "sourcetype", "props", "transform", "index", "queue", "output", "server")
_COLUMNS = ("from_kind", "from", "to_kind", "to", "by", "depends_on_event", "is_missing")


def add_to(routes: APIRouter, archive: Archive) -> None:
    """The page at `/configs/<run>/routing`."""

    @routes.get("/{run_id:uuid}/routing")
    def routing(
        request: Request,
        who: Viewer,
        run_id: RunId,
        *,
        q: Text = "",
        kind: Literal[
            "", "input", "sourcetype", "props", "transform", "index", "queue", "output", "server"
        ] = "",
        station: Text = "",
        target: Target = Target.INSTANCE,
        server_class: Text = "",
        form: Annotated[Literal["", "csv", "json", "md", "mermaid"], Query(alias="format")] = "",
    ) -> Response:
        def ask(conn: Connection, run: Run) -> tuple[Graph, dict[str, int]]:
            view = answering.view_of(conn, run, target=target, server_class=server_class or None)
            key = ("routing", run.number, view)
            whole = archive.kept(key, lambda: answering.data_routes(conn, run, view))
            return whole, dict(numbers_of(conn, run))

        run, (whole, numbers) = archive.ask(run_id, ask)
        graph = whole.at(station) if station else whole.around(q, kind) if q or kind else whole
        if form == "mermaid":
            headers = {
                "Content-Disposition": f'attachment; filename="{run.id}.mmd"',
                "Cache-Control": "no-store",
            }
            content = answering.mermaid(graph).encode("utf-8", "replace")
            return Response(content, 200, headers, "text/plain; charset=utf-8")
        if form:
            return saved(run, "routing", _table(run, graph), form)
        values = {
            "q": q,
            "kind": kind,
            "station": station,
            "target": "" if target is Target.INSTANCE else target.value,
            "server_class": server_class,
        }
        return archive.page(
            request,
            who,
            "routing",
            run,
            tab="routing",
            graph=graph,
            edges=list(graph.edges)[:_LISTED],
            drawing=_drawn(f"/configs/{run.id}/routing", graph, values),
            most=_MOST,
            chosen=whole.nodes.get(station),
            kinds=KINDS,
            counts=Counter(node.kind for node in whole.nodes.values()),
            stations=_stations(graph),
            total=len(whole.nodes),
            targets=TARGETS,
            target=target,
            numbers=numbers,
            values=values,
        )


def _drawn(path: str, graph: Graph, values: dict[str, Any]) -> Any:
    """The picture, where there are few enough stations for one."""
    if not 0 < len(graph.nodes) <= _MOST:
        return None
    kept = {name: values[name] for name in ("target", "server_class") if values[name]}
    return picture(graph, lambda node: f"{path}?{urlencode({'station': node.id, **kept})}", values["station"])


def _stations(graph: Graph) -> dict[str, list[Node]]:
    """Where one may begin, by kind."""
    return {
        kind: sorted(
            (node for node in graph.nodes.values() if node.kind == kind), key=lambda node: node.name
        )[:_LISTED]
        for kind in ("input", "sourcetype", "index")
    }


def _table(run: Run, graph: Graph) -> Table:
    return Table(f"Where data goes in {run.label}", _COLUMNS, [_row(graph, edge) for edge in graph.edges])


def _row(graph: Graph, edge: Edge) -> dict[str, Any]:
    source, target = graph.nodes[edge.source], graph.nodes[edge.target]
    return {
        "from_kind": source.kind,
        "from": source.name,
        "to_kind": target.kind,
        "to": target.name,
        "by": edge.label,
        "depends_on_event": edge.is_possible,
        "is_missing": target.is_missing,
    }
