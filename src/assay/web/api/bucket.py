"""OSV's bucket tree below `/osv/`: archives, lists and single records, as scanners that work offline fetch them."""

from base64 import b64encode
from collections.abc import Callable
from email.utils import format_datetime, parsedate_to_datetime
from hashlib import sha256
from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse

from assay.catalog import queries as catalog
from assay.errors import NotFound
from assay.kit.checksums import Crc32c
from assay.web.answers import as_file, refusals
from assay.web.exports import Exports, Kept, Wanted
from assay.web.reading import Reading

Handler = TypeVar("Handler", bound=Callable[..., Any])

_TYPES = {
    "zip": "application/zip",
    "csv": "text/csv; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
    "json": "application/json",
}


def router(read: Reading, exports: Exports) -> APIRouter:
    """The tree, from these connections and files."""
    routes = APIRouter(prefix="/osv", tags=["OSV bucket"], responses=refusals())

    def served(path: str, summary: str) -> Callable[[Handler], Handler]:
        return lambda handler: _serve(routes, path, summary, handler)

    @served("/ecosystems.txt", "The ecosystems, one a line")
    def ecosystems(request: Request) -> Response:
        return _file(request, exports.get(Wanted("ecosystems.txt")), "txt")

    @served("/all.zip", "Every record, withdrawn ones included")
    def everything(request: Request) -> Response:
        return _file(request, exports.get(Wanted("all.zip")), "zip")

    @served("/modified_id.csv", "When each record changed, newest first")
    def modified(request: Request) -> Response:
        return _file(request, exports.get(Wanted("modified_id.csv")), "csv")

    @served("/{ecosystem}/all.zip", "Every record of an ecosystem")
    def archive(request: Request, ecosystem: str) -> Response:
        return _file(request, exports.get(Wanted("all.zip", ecosystem)), "zip")

    @served("/{ecosystem}/modified_id.csv", "When each record of an ecosystem changed")
    def modified_in(request: Request, ecosystem: str) -> Response:
        return _file(request, exports.get(Wanted("modified_id.csv", ecosystem)), "csv")

    @served("/{ecosystem}/{name}.json", "One record")
    def record(request: Request, ecosystem: str, name: str) -> Response:
        document = read(lambda conn: catalog.find_exported(conn, ecosystem, name))
        if document is None:
            raise NotFound(f"no record {name!r} of the ecosystem {ecosystem!r} is known")
        return _record(request, document)

    return routes


def _serve(routes: APIRouter, path: str, summary: str, handler: Handler) -> Handler:
    """Answer GET and HEAD; the interface's description names each path once."""
    routes.head(path, include_in_schema=False)(handler)
    told = as_file(f"{summary}; 304 to whoever has it already.", _kind(path))
    return routes.get(path, summary=summary, response_class=Response, responses=told)(handler)


def _kind(path: str) -> str:
    """The media type of what a path gives, as the description of the interface names it."""
    return _TYPES[path.rpartition(".")[2]].partition(";")[0]


def _record(request: Request, document: bytes) -> Response:
    etag = f'"{sha256(document).hexdigest()[:32]}"'
    headers = {"ETag": etag, "X-Goog-Hash": f"crc32c={_checksum(document)}"}
    if _is_current(request, headers):
        return Response(status_code=304, headers=headers)
    return Response(document, headers=headers, media_type=_TYPES["json"])


def _file(request: Request, kept: Kept, kind: str) -> Response:
    headers = {
        "ETag": f'"{kept.bytes}-{kept.crc32c.rstrip("=")}"',
        "Last-Modified": format_datetime(kept.changed_at.replace(microsecond=0), usegmt=True),
        "X-Goog-Hash": f"crc32c={kept.crc32c}",
        "Cache-Control": "no-cache",
    }
    if _is_current(request, headers):
        return Response(status_code=304, headers=headers)
    return FileResponse(kept.path, headers=headers, media_type=_TYPES[kind])


def _is_current(request: Request, headers: dict[str, str]) -> bool:
    """Whether the client has this already (RFC 9110, section 13.2.2: an ETag outranks a date)."""
    known = request.headers.get("if-none-match")
    if known is not None:
        tags = {tag.strip().removeprefix("W/") for tag in known.split(",")}
        return "*" in tags or headers["ETag"] in tags
    since = request.headers.get("if-modified-since")
    if since is None or "Last-Modified" not in headers:
        return False
    try:
        return parsedate_to_datetime(headers["Last-Modified"]) <= parsedate_to_datetime(since)
    except (ValueError, TypeError):
        return False


def _checksum(document: bytes) -> str:
    crc = Crc32c()
    crc.update(document)
    return b64encode(crc.digest()).decode()
