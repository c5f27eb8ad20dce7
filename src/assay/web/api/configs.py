"""Configuration archives: uploading them, how far they are, and the questions to them."""

from collections.abc import AsyncGenerator
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from assay.bootstrap import Context
from assay.errors import Permanent
from assay.kit.db import writable
from assay.pipelines.configs import queries
from assay.pipelines.configs.commands import uploading
from assay.pipelines.configs.model import UploadKind
from assay.web.addresses import address_of
from assay.web.answers import as_json, responses, title_of
from assay.web.api import configs_examples as examples
from assay.web.api import configs_questions as questions
from assay.web.api.configs_questions import RunId, Text
from assay.web.guard import Analyst, Viewer
from assay.web.problems import Refused
from assay.web.reading import Reading

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
                        "file": {
                            "type": "string",
                            "format": "binary",
                            "description": "tar (plain, gzip, Zstandard, xz), zip, .spl and .tgz, or one .conf file.",
                        },
                        "type": {
                            "type": "string",
                            "enum": list(UploadKind),
                            "default": UploadKind.INSTANCE_ETC,
                            "description": "What it is: `etc/` of an instance or of a deployment server, packed "
                            "apps, or one file.",
                        },
                        "label": {
                            "type": "string",
                            "description": "What people call it; the file's name if it is left out.",
                        },
                    },
                }
            }
        },
    }
}
_REFUSED = {
    413: f"The upload is larger than {uploading.MOST_BYTES >> 20} MiB.",
    415: "The upload is not sent as multipart/form-data.",
}


def router(ctx: Context, read: Reading) -> APIRouter:
    """The surface. Runs are named by uuids, which no other run's number can be."""
    routes = APIRouter(tags=["Configurations"])
    _add_upload(routes, ctx)
    _add_forget(routes, ctx)
    _add_runs(routes, read)
    questions.add_to(routes, read)
    return routes


def _add_upload(routes: APIRouter, ctx: Context) -> None:
    told = responses("The new run, which waits for a worker.", examples.UPLOADED, 400, 409, status=202)
    again = {**examples.RUN, "is_new": False, "url": examples.UPLOADED["url"]}
    there = {
        "description": "The run that is there already: the same bytes under the same label.",
        "content": {"application/json": {"example": again}},
    }

    @routes.post(
        "/v1/uploads",
        status_code=202,
        summary="Upload a configuration archive; a worker parses it, and `/v1/runs/{id}` tells how far it is",
        responses={200: there, **told, **{code: _problem(code, about) for code, about in _REFUSED.items()}},
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
            name = writable(file.filename.replace("\\", "/").rpartition("/")[2])

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
                    address=address_of(request),
                )

            try:
                done = await run_in_threadpool(keep)
            except Permanent as error:
                raise Refused(400, str(error)) from error
        finally:
            await form.close()
        shown = {**done.run.shown(), "is_new": done.is_new, "url": f"/v1/runs/{done.run.id}"}
        return as_json(shown, 202 if done.is_new else 200)


def _problem(code: int, about: str) -> dict[str, Any]:
    """The same that `responses` says of other problems, for what only an upload may be refused for."""
    told = {
        "type": "about:blank",
        "title": title_of(code),
        "status": code,
        "detail": about,
        "instance": "/v1/uploads",
    }
    content = {"application/problem+json": {"schema": {"type": "object"}, "example": told}}
    return {"description": about, "content": content}


def _add_forget(routes: APIRouter, ctx: Context) -> None:
    @routes.delete(
        "/v1/configs/runs/{run_id:uuid}",
        summary="Forget a run, and its upload",
        responses=responses(
            "What was forgotten; the upload is kept while another run is of it. "
            "A run that is being parsed is not forgotten.",
            examples.FORGOTTEN,
            *(404, 409),
        ),
    )
    def forget(request: Request, run_id: RunId, who: Analyst) -> Response:
        gone = uploading.forget(ctx, str(run_id), who, address_of(request))
        return as_json({"deleted": str(gone.id), "label": gone.label})


async def _form(request: Request) -> FormData:
    """The parts of a request, its size looked at before and while it is read."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
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
    @routes.get(
        "/v1/runs/{run_id:uuid}",
        summary="How far a run is: stored, parsing, complete, failed",
        responses=responses(
            "The run. `seconds` are those from upload to complete, `error` says why it failed.",
            examples.RUN,
            404,
        ),
    )
    def run(run_id: RunId, _who: Viewer) -> Response:
        return as_json(read(lambda conn: queries.get_run(conn, run_id).shown()))

    @routes.get(
        "/v1/configs/runs",
        summary="What was uploaded, the newest first",
        responses=responses(
            "Runs, and what to send as `before` for the next page; null on the last one.", examples.RUNS, 400
        ),
    )
    def runs(
        _who: Viewer,
        *,
        label: Annotated[Text | None, Query(max_length=200, description="Under this label only.")] = None,
        before: Annotated[
            int | None, Query(ge=1, le=2**62, description="The cursor of the page before.")
        ] = None,
        limit: Annotated[int, Query(ge=1, le=500, description="Runs at most.")] = 50,
    ) -> Response:
        found = read(lambda conn: queries.list_runs(conn, label=label, before=before, limit=limit + 1))
        page = found[:limit]
        cursor = page[-1].number if len(found) > limit else None
        return as_json({"runs": [one.shown() for one in page], "next_cursor": cursor})
