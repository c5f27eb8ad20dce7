"""Configuration archives: uploading them, how far they are, and the questions to them."""

from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Annotated, Any, TypeVar
from uuid import UUID

import msgspec
from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from assay.bootstrap import Context
from assay.domain.splunk.layers import Effective
from assay.errors import Conflict, Permanent
from assay.kit.db import Connection
from assay.pipelines.configs import queries
from assay.pipelines.configs.commands import answering, exporting, uploading
from assay.pipelines.configs.model import Run, UploadKind
from assay.web.guard import Analyst, Viewer
from assay.web.problems import Refused
from assay.web.reading import Reading

Answer = TypeVar("Answer")

# Besides the file: its name, the boundaries, two short fields.
_SPARE = 1 << 20
_CHUNK = 1 << 20
_UPLOAD = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "type": {"type": "string", "enum": list(UploadKind)},
                        "label": {"type": "string"},
                    },
                }
            }
        },
    }
}


def router(ctx: Context, read: Reading) -> APIRouter:
    """The surface. Runs are named by uuids, which no other run's number can be."""
    routes = APIRouter(tags=["Configurations"])
    _add_uploads(routes, ctx)
    _add_runs(routes, read)
    _add_effective(routes, read)
    _add_questions(routes, read)
    _add_lists(routes, read)
    return routes


def _add_uploads(routes: APIRouter, ctx: Context) -> None:
    @routes.post(
        "/v1/uploads",
        status_code=202,
        summary="Upload a configuration archive; a worker parses it, and `/v1/runs/{id}` tells how far it is",
        openapi_extra=_UPLOAD,
    )
    async def upload(request: Request, who: Analyst) -> Response:
        form = await _form(request)
        file = form.get("file")
        try:
            if not isinstance(file, UploadFile) or not file.filename:
                raise Refused(400, "send the archive as the part `file`, with its name")
            kind = _kind(form.get("type"))
            label = form.get("label")
            name = file.filename.replace("\\", "/").rpartition("/")[2]
            address = None if request.client is None else request.client.host

            def keep() -> uploading.Uploaded:
                source = file.file
                stored = uploading.keep(ctx.uploads, iter(lambda: source.read(_CHUNK), b""))
                return uploading.note(
                    ctx,
                    stored,
                    kind=kind,
                    label=label if isinstance(label, str) else "",
                    file_name=name,
                    who=who,
                    address=address,
                )

            try:
                done = await run_in_threadpool(keep)
            except Permanent as error:
                raise Refused(400, str(error)) from error
            except Conflict as error:
                raise Refused(409, str(error)) from error
        finally:
            await form.close()
        told = {**done.run.shown(), "is_new": done.is_new, "url": f"/v1/runs/{done.run.id}"}
        return _json(told, 202 if done.is_new else 200)

    @routes.delete("/v1/configs/runs/{run_id:uuid}", summary="Forget a run, and its upload")
    def forget(request: Request, run_id: UUID, who: Analyst) -> Response:
        address = None if request.client is None else request.client.host
        try:
            gone = uploading.forget(ctx, str(run_id), who, address)
        except Conflict as error:
            raise Refused(409, str(error)) from error
        return _json({"deleted": str(gone.id), "label": gone.label})


async def _form(request: Request) -> FormData:
    """The parts of a request, its size looked at before and while it is read."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise Refused(415, "send the upload as multipart/form-data")
    most = uploading.MOST_BYTES + _SPARE
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > most:
        raise Refused(413, f"an upload is at most {uploading.MOST_BYTES >> 20} MiB large")

    async def counted() -> AsyncGenerator[bytes, None]:
        size = 0
        async for chunk in request.stream():
            size += len(chunk)
            if size > most:
                raise Refused(413, f"an upload is at most {uploading.MOST_BYTES >> 20} MiB large")
            yield chunk

    try:
        return await MultiPartParser(request.headers, counted(), max_files=1, max_fields=10).parse()
    except MultiPartException as error:
        raise Refused(400, f"the parts of the request cannot be read: {error.message}") from error


def _kind(said: Any) -> UploadKind:
    try:
        return UploadKind(said or UploadKind.INSTANCE_ETC)
    except ValueError:
        raise Refused(
            400, f"no type of upload is called {said!r}; there are {', '.join(UploadKind)}"
        ) from None


def _add_runs(routes: APIRouter, read: Reading) -> None:
    @routes.get("/v1/runs/{run_id:uuid}", summary="How far a run is: stored, parsing, complete, failed")
    def run(run_id: UUID, _who: Viewer) -> Response:
        return _json(read(lambda conn: queries.get_run(conn, run_id).shown()))

    @routes.get("/v1/configs/runs", summary="What was uploaded, the newest first")
    def runs(
        _who: Viewer,
        label: Annotated[str | None, Query(max_length=200)] = None,
        before: Annotated[
            int | None, Query(ge=1, le=2**62, description="The cursor of the page before")
        ] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> Response:
        found = read(lambda conn: queries.list_runs(conn, label=label, before=before, limit=limit))
        cursor = found[-1].number if len(found) == limit else None
        return _json({"runs": [one.shown() for one in found], "next_cursor": cursor})

    @routes.get("/v1/configs/runs/{run_id:uuid}/confs", summary="What is in a run, and what was odd about it")
    def confs(run_id: UUID, _who: Viewer) -> Response:
        return _ask(
            read,
            run_id,
            lambda conn, one: {
                "confs": queries.list_confs(conn, one),
                "problems": queries.list_problems(conn, one),
            },
        )


Target = Annotated[str, Query(description="instance, deployment, manager, shcluster or packages")]
Short = Annotated[str, Query(max_length=200)]


def _add_effective(routes: APIRouter, read: Reading) -> None:
    @routes.get(
        "/v1/configs/runs/{run_id:uuid}/effective/{conf}",
        summary="What a configuration comes to: the value that holds, its place, and what it shadows",
    )
    def effective(
        run_id: UUID,
        conf: str,
        _who: Viewer,
        stanza: Annotated[list[str] | None, Query()] = None,
        target: Target = "instance",
        app: Short = "",
        user: Short = "",
        server_class: Annotated[str | None, Query(max_length=1000)] = None,
        inherited: bool = False,
        form: Annotated[str, Query(alias="format", pattern="^(json|csv|btool)$")] = "json",
    ) -> Response:
        def ask(conn: Connection, run: Run) -> tuple[Effective, list[dict[str, Any]]]:
            view = answering.view_of(conn, run, target=target, app=app, user=user, server_class=server_class)
            found = answering.effective(conn, run, conf, view, stanza)
            names = found.stanzas if stanza is None else [name for name in stanza if name in found.stanzas]
            return found, answering.shown(found, names, is_expanded=inherited)

        found, stanzas = _asked(read, run_id, ask)
        if form == "btool":
            text = answering.listing(found, stanza, home="/opt/splunk")
            return _text(text, "text/plain")
        if form == "csv":
            rows = exporting.effective_rows(found.conf, stanzas)
            return _text(exporting.as_csv(exporting.EFFECTIVE_COLUMNS, rows), "text/csv")
        return _json({"conf": found.conf, "stanzas": stanzas})


def _add_questions(routes: APIRouter, read: Reading) -> None:
    @routes.get("/v1/configs/runs/{run_id:uuid}/search", summary="Settings in which a text occurs")
    def search(
        run_id: UUID,
        _who: Viewer,
        q: Annotated[str | None, Query(max_length=1000)] = None,
        regex: Annotated[str | None, Query(max_length=1000)] = None,
        conf: Annotated[str | None, Query(max_length=200)] = None,
        app: Annotated[str | None, Query(max_length=200)] = None,
        limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
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

    @routes.get(
        "/v1/configs/runs/{run_id:uuid}/routing", summary="Where data goes, as a graph or as Mermaid draws it"
    )
    def routing(
        run_id: UUID,
        _who: Viewer,
        around: Annotated[str | None, Query(max_length=1000)] = None,
        target: Target = "instance",
        server_class: Annotated[str | None, Query(max_length=1000)] = None,
        form: Annotated[str, Query(alias="format", pattern="^(json|mermaid)$")] = "json",
    ) -> Response:
        def ask(conn: Connection, run: Run) -> answering.Graph:
            view = answering.view_of(conn, run, target=target, server_class=server_class)
            return answering.data_routes(conn, run, view, around)

        graph = _asked(read, run_id, ask)
        if form == "mermaid":
            return _text(answering.mermaid(graph), "text/plain")
        return _json({"nodes": list(graph.nodes.values()), "edges": list(graph.edges)})

    @routes.get("/v1/configs/diff", summary="What differs between two runs")
    def diff(
        before: UUID,
        after: UUID,
        _who: Viewer,
        effective: bool = False,
        conf: Annotated[str | None, Query(max_length=200)] = None,
    ) -> Response:
        def ask(conn: Connection, first: Run) -> Mapping[str, Any]:
            second = queries.complete_run(conn, after)
            return {
                "differences": answering.differences(conn, first, second, only_effective=effective, conf=conf)
            }

        return _ask(read, before, ask)


def _add_lists(routes: APIRouter, read: Reading) -> None:
    @routes.get("/v1/configs/runs/{run_id:uuid}/objects/{kind}", summary="Well-known stanzas in types")
    def objects(run_id: UUID, kind: str, _who: Viewer, target: Target = "instance") -> Response:
        def ask(conn: Connection, run: Run) -> Mapping[str, Any]:
            view = answering.view_of(conn, run, target=target)
            return {"objects": answering.typed(conn, run, kind, view)}

        return _ask(read, run_id, ask)

    @routes.get(
        "/v1/configs/runs/{run_id:uuid}/apps", summary="Apps as packages, matched against the catalog"
    )
    def apps(run_id: UUID, _who: Viewer) -> Response:
        return _ask(read, run_id, lambda conn, run: {"apps": answering.installed(conn, run)})

    @routes.get("/v1/configs/runs/{run_id:uuid}/serverclasses", summary="Which class gives which apps")
    def serverclasses(
        run_id: UUID,
        _who: Viewer,
        client: Annotated[
            list[str] | None, Query(description="Clients as name,ip,dns,host,instance,machine,package")
        ] = None,
    ) -> Response:
        known = [answering.Client(*one.split(",")[:7]) for one in client or ()]

        def ask(conn: Connection, run: Run) -> Mapping[str, Any]:
            classes = answering.server_classes(conn, run, known)
            return {"server_classes": classes, "clients": answering.deliveries(classes, known)}

        return _ask(read, run_id, ask)

    @routes.get("/v1/configs/runs/{run_id:uuid}/lint", summary="What is wrong, or odd")
    def lint(run_id: UUID, _who: Viewer, since: UUID | None = None) -> Response:
        def ask(conn: Connection, run: Run) -> Mapping[str, Any]:
            older = None if since is None else queries.complete_run(conn, since)
            return {"findings": answering.lint(conn, run, older)}

        return _ask(read, run_id, ask)

    @routes.get("/v1/configs/runs/{run_id:uuid}/report", summary="The whole run as a Markdown report")
    def report(run_id: UUID, _who: Viewer) -> Response:
        return _text(_asked(read, run_id, exporting.report), "text/markdown")


def _asked(read: Reading, run_id: UUID, question: Callable[[Connection, Run], Answer]) -> Answer:
    """The answer about a complete run. Raises Refused for one that is not, and for questions that make no sense."""

    def ask(conn: Connection) -> Answer:
        run = queries.get_run(conn, run_id)
        if run.status != "complete":
            raise Refused(409, f"the run is {run.status}" + (f": {run.error}" if run.error else ""))
        return question(conn, run)

    try:
        return read(ask)
    except Permanent as error:
        raise Refused(400, str(error)) from error


def _ask(read: Reading, run_id: UUID, question: Callable[[Connection, Run], Any]) -> Response:
    return _json(_asked(read, run_id, question))


def _json(told: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(told), status, {"Cache-Control": "no-store"}, "application/json")


def _text(text: str, kind: str) -> Response:
    content = text.encode("utf-8", "replace")
    return Response(content, 200, {"Cache-Control": "no-store"}, f"{kind}; charset=utf-8")
