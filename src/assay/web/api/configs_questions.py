"""The questions to a configuration archive that a worker has parsed."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from pydantic import AfterValidator

from assay.domain.splunk.places import Target
from assay.kit.db import Connection, writable
from assay.pipelines.configs import queries
from assay.pipelines.configs.commands import answering, exporting, installed
from assay.pipelines.configs.model import Run
from assay.web.answers import as_json, responses
from assay.web.api import configs_examples as examples
from assay.web.archives import asked, complete
from assay.web.guard import Viewer
from assay.web.problems import Refused
from assay.web.reading import Reading

Answer = TypeVar("Answer")

Text = Annotated[str, AfterValidator(writable)]
"""What is looked up in the database, which cannot hold everything that a URL can."""
RunId = Annotated[UUID, Path(description="The run's id, as its upload was answered.")]

_Conf = Annotated[
    Text | None, Query(max_length=200, description="Of this configuration only, e.g. `inputs`.")
]
_Target = Annotated[
    Target,
    Query(
        description="Whose configuration: of the machine itself, of a client that is given its deployment apps, "
        "of a peer of its cluster, of a member of its search head cluster, or of packed apps."
    ),
]
_ServerClass = Annotated[
    Text | None,
    Query(max_length=1000, description="Of a client that is given the apps of this server class."),
]


def add_to(routes: APIRouter, read: Reading) -> None:
    """Let viewers ask. Every question is about a run that is complete; one about another run contradicts that."""
    _add_effective(routes, read)
    _add_search(routes, read)
    _add_routing(routes, read)
    _add_inventory(routes, read)
    _add_serverclasses(routes, read)
    _add_judgements(routes, read)


def _add_effective(routes: APIRouter, read: Reading) -> None:
    told = responses(
        "Stanzas by name, each setting with the value that holds, where it stands, and what it shadows; "
        "as CSV a line for each setting, as `btool` what `splunk btool list --debug` prints.",
        examples.EFFECTIVE,
        *(400, 404, 409),
    )

    @routes.get(
        "/v1/configs/runs/{run_id:uuid}/effective/{conf}",
        summary="What a configuration comes to: the value that holds, its place, and what it shadows",
        responses=_also(told, {"text/csv": examples.EFFECTIVE_CSV, "text/plain": examples.EFFECTIVE_BTOOL}),
    )
    def effective(
        run_id: RunId,
        conf: Annotated[Text, Path(description="The configuration, e.g. `inputs` or `inputs.conf`.")],
        _who: Viewer,
        *,
        stanza: Annotated[
            list[Text] | None, Query(description="This stanza only; may be given several times.")
        ] = None,
        target: _Target = Target.INSTANCE,
        app: Annotated[Text, Query(max_length=200, description="As it is seen from within this app.")] = "",
        user: Annotated[
            Text, Query(max_length=200, description="As it is for this user of the app; needs `app`.")
        ] = "",
        server_class: _ServerClass = None,
        inherited: Annotated[
            bool, Query(description="With what the stanzas inherit from `[default]` and their like.")
        ] = False,
        limit: Annotated[
            int | None,
            Query(ge=1, le=10_000, description="Stanzas at most; `total` says how many there are."),
        ] = None,
        skip: Annotated[int, Query(ge=0, le=10_000_000, description="Stanzas to leave out before them.")] = 0,
        form: Annotated[
            Literal["json", "csv", "btool"], Query(alias="format", description="How it is written.")
        ] = "json",
    ) -> Response:
        def ask(conn: Connection, run: Run) -> str | answering.Part:
            view = answering.view_of(conn, run, target=target, app=app, user=user, server_class=server_class)
            if form == "btool":
                found = answering.effective(conn, run, conf, view, stanza)
                return answering.listing(found, stanza, home="/opt/splunk")
            chosen = answering.Choice(names=stanza, skip=skip, limit=limit)
            return answering.part(conn, run, conf, view, chosen, is_expanded=inherited)

        answer = asked(read, run_id, ask)
        if isinstance(answer, str):
            return _text(answer, "text/plain")
        if form == "csv":
            rows = exporting.effective_rows(answer.conf, answer.stanzas)
            return _text(exporting.as_csv(exporting.EFFECTIVE_COLUMNS, rows), "text/csv")
        return as_json(answer)


def _add_search(routes: APIRouter, read: Reading) -> None:
    @routes.get(
        "/v1/configs/runs/{run_id:uuid}/search",
        summary="Settings in which a text occurs",
        responses=responses(
            "Settings, in the order of the archive. Secrets are found by their key or fingerprint only.",
            examples.HITS,
            *(400, 404, 409),
        ),
    )
    def search(
        run_id: RunId,
        _who: Viewer,
        *,
        q: Annotated[
            Text | None,
            Query(max_length=1000, description="In a stanza, key or value, in letters of any case."),
        ] = None,
        regex: Annotated[
            Text | None, Query(max_length=1000, description="A regular expression as PostgreSQL reads it.")
        ] = None,
        conf: _Conf = None,
        app: Annotated[Text | None, Query(max_length=200, description="In this app only.")] = None,
        limit: Annotated[int, Query(ge=1, le=10_000, description="Settings at most.")] = 1000,
    ) -> Response:
        if not q and not regex:
            raise Refused(400, "say what to look for: `q` for a text, `regex` for an expression")
        return _ask(
            read,
            run_id,
            lambda conn, run: {
                "hits": queries.search(conn, run, text=q, regex=regex, conf=conf, app=app, limit=limit)
            },
        )


def _add_routing(routes: APIRouter, read: Reading) -> None:
    told = responses(
        "Stations and the ways between them; one that is possible depends on the event.",
        examples.ROUTING,
        *(400, 404, 409),
    )

    @routes.get(
        "/v1/configs/runs/{run_id:uuid}/routing",
        summary="Where data goes, as a graph or as Mermaid draws it",
        responses=_also(told, {"text/plain": examples.ROUTING_MERMAID}),
    )
    def routing(
        run_id: RunId,
        _who: Viewer,
        *,
        around: Annotated[
            Text | None,
            Query(
                max_length=1000,
                description="Only what leads to stations with this in their name, or on from them.",
            ),
        ] = None,
        target: _Target = Target.INSTANCE,
        server_class: _ServerClass = None,
        form: Annotated[
            Literal["json", "mermaid"], Query(alias="format", description="How it is written.")
        ] = "json",
    ) -> Response:
        def ask(conn: Connection, run: Run) -> answering.Graph:
            view = answering.view_of(conn, run, target=target, server_class=server_class)
            return answering.data_routes(conn, run, view, around)

        graph = asked(read, run_id, ask)
        if form == "mermaid":
            return _text(answering.mermaid(graph), "text/plain")
        return as_json({"nodes": list(graph.nodes.values()), "edges": list(graph.edges)})


def _add_inventory(routes: APIRouter, read: Reading) -> None:
    @routes.get(
        "/v1/configs/runs/{run_id:uuid}/confs",
        summary="What is in a run, and what was odd about it",
        responses=responses(
            "Configurations by name, and the places that Splunk reads otherwise than people think.",
            examples.CONFS,
            *(404, 409),
        ),
    )
    def confs(run_id: RunId, _who: Viewer) -> Response:
        return _ask(
            read,
            run_id,
            lambda conn, run: {
                "confs": queries.list_confs(conn, run),
                "problems": queries.list_problems(conn, run),
            },
        )

    @routes.get(
        "/v1/configs/runs/{run_id:uuid}/objects/{kind}",
        summary="Well-known stanzas in types",
        responses=responses(
            "Stanzas by name. `fields` are those that are well known, as numbers, lists and truth values.",
            examples.OBJECTS,
            *(400, 404, 409),
        ),
    )
    def objects(
        run_id: RunId,
        kind: Annotated[str, Path(description=f"One of {', '.join(answering.KINDS)}.")],
        _who: Viewer,
        *,
        target: _Target = Target.INSTANCE,
    ) -> Response:
        def ask(conn: Connection, run: Run) -> Mapping[str, Any]:
            view = answering.view_of(conn, run, target=target)
            return {"objects": answering.typed(conn, run, kind, view)}

        return _ask(read, run_id, ask)

    @routes.get(
        "/v1/configs/runs/{run_id:uuid}/apps",
        summary="Apps as packages, matched against the catalog",
        responses=responses(
            "Apps by area and name, and Splunk itself as `splunk`, each with what the catalog knows of that version. "
            "`confidence` is how sure the names of app and product are alike, `why` says how; `is_unknown` where the "
            "version cannot be compared. `records` is how many vulnerabilities of the catalog name a product of "
            "Splunk: of none nothing can be concluded.",
            examples.APPS,
            *(404, 409),
        ),
    )
    def apps(run_id: RunId, _who: Viewer) -> Response:
        return _ask(read, run_id, installed.installed)


def _add_serverclasses(routes: APIRouter, read: Reading) -> None:
    @routes.get(
        "/v1/configs/runs/{run_id:uuid}/serverclasses",
        summary="Which class gives which apps",
        responses=responses(
            "Server classes with their apps and those clients that they take, and for each client its apps.",
            examples.SERVER_CLASSES,
            *(400, 404, 409),
        ),
    )
    def serverclasses(
        run_id: RunId,
        _who: Viewer,
        *,
        client: Annotated[
            list[str] | None, Query(description="Clients as name,ip,dns,host,instance,machine,package")
        ] = None,
    ) -> Response:
        known = [answering.Client(*one.split(",")[:7]) for one in client or ()]

        def ask(conn: Connection, run: Run) -> Mapping[str, Any]:
            classes = answering.server_classes(conn, run, known)
            return {"server_classes": classes, "clients": answering.deliveries(classes, known)}

        return _ask(read, run_id, ask)


def _add_judgements(routes: APIRouter, read: Reading) -> None:
    @routes.get(
        "/v1/configs/runs/{run_id:uuid}/lint",
        summary="What is wrong, or odd",
        responses=responses(
            "Findings: `rule` says which kind, `severity` how much it matters.",
            examples.FINDINGS,
            *(400, 404, 409),
        ),
    )
    def lint(
        run_id: RunId,
        _who: Viewer,
        *,
        since: Annotated[
            UUID | None,
            Query(description="An older run: tell also which changed defaults local settings hide."),
        ] = None,
    ) -> Response:
        def ask(conn: Connection, run: Run) -> Mapping[str, Any]:
            older = None if since is None else complete(conn, since)
            return {"findings": answering.lint(conn, run, older)}

        return _ask(read, run_id, ask)

    @routes.get(
        "/v1/configs/runs/{run_id:uuid}/report",
        summary="The whole run as a Markdown report",
        response_class=Response,
        responses=responses("", None, 404, 409)
        | _also({200: {"description": "Markdown."}}, {"text/markdown": examples.REPORT}),
    )
    def report(run_id: RunId, _who: Viewer) -> Response:
        return _text(asked(read, run_id, exporting.report), "text/markdown")

    @routes.get(
        "/v1/configs/diff",
        summary="What differs between two runs",
        responses=responses(
            "Settings that differ; what is not there is null.", examples.DIFFERENCES, *(400, 404, 409)
        ),
    )
    def diff(
        before: Annotated[UUID, Query(description="The id of the older run.")],
        after: Annotated[UUID, Query(description="The id of the newer run.")],
        _who: Viewer,
        *,
        effective: Annotated[
            bool, Query(description="Only what holds on the machine in the end, wherever it stands.")
        ] = False,
        conf: _Conf = None,
    ) -> Response:
        def ask(conn: Connection, first: Run) -> Mapping[str, Any]:
            second = complete(conn, after)
            return {
                "differences": answering.differences(conn, first, second, only_effective=effective, conf=conf)
            }

        return _ask(read, before, ask)


def _also(told: dict[int | str, dict[str, Any]], texts: Mapping[str, str]) -> dict[int | str, dict[str, Any]]:
    """The description of an answer that may also be text, by the text's type, with an example of each."""
    written = {kind: {"schema": {"type": "string"}, "example": text} for kind, text in texts.items()}
    good = told[200]
    return {**told, 200: {**good, "content": {**good.get("content", {}), **written}}}


def _ask(read: Reading, run_id: UUID, question: Callable[[Connection, Run], Any]) -> Response:
    return as_json(asked(read, run_id, question))


def _text(text: str, kind: str) -> Response:
    content = text.encode("utf-8", "replace")
    return Response(content, 200, {"Cache-Control": "no-store"}, f"{kind}; charset=utf-8")
