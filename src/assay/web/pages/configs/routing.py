"""Where data goes, to be looked at: a click on a station shows only what leads to it and where it goes on."""

from collections import Counter
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response

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


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for; what is empty does not matter. `station` is one station's id."""

    q: str
    kind: str
    station: str
    target: Target
    server_class: str

    def values(self) -> dict[str, Any]:
        """The same for the address of another page."""
        said = {name: getattr(self, name) for name in self.__slots__}
        return {**said, "target": "" if self.target is Target.INSTANCE else self.target.value}

    def of(self, whole: Graph) -> Graph:
        """What is asked for of all there is."""
        if self.station:
            return whole.at(self.station)
        return whole.around(self.q, self.kind) if self.q or self.kind else whole


def asked_of(
    q: Text = "",
    kind: Literal["", "input", "sourcetype", "props", "transform", "index", "queue", "output", "server"] = "",
    station: Text = "",
    target: Target = Target.INSTANCE,
    server_class: Text = "",
) -> Asked:
    """What the address asks for."""
    return Asked(q, kind, station, target, server_class)


def add_to(routes: APIRouter, archive: Archive) -> None:
    """The page at `/configs/<run>/routing`."""

    @routes.get("/{run_id:uuid}/routing")
    def routing(
        request: Request,
        who: Viewer,
        run_id: RunId,
        asked: Annotated[Asked, Depends(asked_of)],
        form: Annotated[Literal["", "csv", "json", "md", "mermaid"], Query(alias="format")] = "",
    ) -> Response:
        run, (whole, numbers) = archive.ask(
            run_id, lambda conn, run: (_whole(archive, conn, run, asked), numbers_of(conn, run))
        )
        graph = asked.of(whole)
        if form == "mermaid":
            headers = {
                "Content-Disposition": f'attachment; filename="{run.id}.mmd"',
                "Cache-Control": "no-store",
            }
            content = answering.mermaid(graph).encode("utf-8", "replace")
            return Response(content, 200, headers, "text/plain; charset=utf-8")
        if form:
            return saved(run, "routing", _table(run, graph), form)
        return archive.page(
            request,
            who,
            "routing",
            run,
            tab="routing",
            graph=graph,
            edges=list(graph.edges)[:_LISTED],
            drawing=_drawn(f"/configs/{run.id}/routing", graph, asked.values()),
            most=_MOST,
            chosen=whole.nodes.get(asked.station),
            kinds=KINDS,
            counts=Counter(node.kind for node in whole.nodes.values()),
            stations=_stations(graph),
            total=len(whole.nodes),
            targets=TARGETS,
            target=asked.target,
            numbers=numbers,
            values=asked.values(),
        )


def _whole(archive: Archive, conn: Connection, run: Run, asked: Asked) -> Graph:
    view = answering.view_of(conn, run, target=asked.target, server_class=asked.server_class or None)
    return archive.kept(("routing", run.number, view), lambda: answering.data_routes(conn, run, view))


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
