"""OSV's API: `/v1/query`, `/v1/querybatch`, `/v1/vulns/{id}`, in the shape that osv.dev's clients expect.

Answers are put together from records as they are stored, which nothing decodes on the way.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Response
from fastapi.responses import StreamingResponse

from assay.catalog import queries as catalog
from assay.kit.db import Connection
from assay.web.answers import refusals_as
from assay.web.api.osv_matching import find
from assay.web.api.osv_queries import Asked, Batch, Query, read_batch, read_query, token_after
from assay.web.bodies import AnyBody, Body, described
from assay.web.problems import Refused
from assay.web.reading import Reading

# osv.dev's own limits; pip-audit reads one page only, so they are never made smaller.
MOST_IN_QUERY = 3000
MOST_IN_BATCH_ITEM = 1000

_LONGEST_ID = 100
# Records that are in memory at a time. An answer of no more than these is sent in one piece.
_SLICE = 200
_JSON = "application/json"
_EXAMPLE = {"package": {"ecosystem": "PyPI", "name": "jinja2"}, "version": "3.1.2"}


def router(read: Reading) -> APIRouter:
    """The surface, answered by these connections."""
    routes = APIRouter(tags=["OSV"], responses=refusals_as({"code": 5, "message": "Vulnerability not found"}))

    @routes.post(
        "/v1/query",
        summary="Vulnerabilities that affect a package version or a commit",
        openapi_extra=described(_EXAMPLE),
    )
    def query(body: AnyBody) -> Response:
        return _answer_query(read, read_query(None if _is_nothing(body) else body.read(Query)))

    @routes.post(
        "/v1/querybatch",
        summary="The same for up to 1,000 packages, answered by ids",
        openapi_extra=described({"queries": [_EXAMPLE]}),
    )
    def querybatch(body: AnyBody) -> Response:
        asked = read_batch(Batch() if _is_nothing(body) else body.read(Batch))
        if not asked:
            return _nothing()
        return Response(read(lambda conn: _batch_answer(conn, asked)), media_type=_JSON)

    @routes.get("/v1/vulns/{id}", summary="One vulnerability by its id, withdrawn ones included")
    def vulnerability(identifier: Annotated[str, Path(alias="id")]) -> Response:
        if len(identifier) > _LONGEST_ID:
            raise Refused(400, "ID is too long")
        found = read(lambda conn: catalog.find_document(conn, identifier))
        if found is None:
            raise Refused(404, "Vulnerability not found")
        if not found.is_record:
            names = " ".join(found.names)
            raise Refused(404, f"Vulnerability not found, but the following aliases were: {names}")
        return Response(found.document, media_type=_JSON)

    return routes


def _is_nothing(body: Body) -> bool:
    return body.unpacked().strip() in {b"", b"null"}


def _answer_query(read: Reading, asked: Asked | None) -> Response:
    if asked is None:
        return _nothing()

    def begin(conn: Connection) -> tuple[Sequence[int], str | None, Mapping[int, bytes]]:
        [found] = find(conn, [asked])
        page, following = _page(found, asked.after, MOST_IN_QUERY)
        return page, following, catalog.documents(conn, page) if 0 < len(page) <= _SLICE else {}

    page, following, records = read(begin)
    if not page:
        return _nothing()
    if len(page) > _SLICE:
        return StreamingResponse(_streamed(read, page, following), media_type=_JSON)
    return Response(_item([records[key] for key in page if key in records], following), media_type=_JSON)


def _batch_answer(conn: Connection, asked: Sequence[Asked | None]) -> bytes:
    pages = [
        _page(found, -1 if query is None else query.after, MOST_IN_BATCH_ITEM)
        for query, found in zip(asked, find(conn, asked), strict=True)
    ]
    stamps = catalog.find_stamps(conn, {key for page, _ in pages for key in page})
    vulns = {
        key: b'{"id":%b,"modified":"%b"}' % (msgspec.json.encode(name), modified.encode())
        for key, (name, modified) in stamps.items()
    }
    return b'{"results":[%b]}' % b",".join(
        _item([vulns[key] for key in page if key in vulns], following) for page, following in pages
    )


def _nothing() -> Response:
    return Response(b"{}", media_type=_JSON)


def _page(found: Sequence[int], after: int, most: int) -> tuple[Sequence[int], str | None]:
    """The vulnerabilities behind the last one of the page before, and the token of the next page if there is one."""
    rest = [key for key in found if key > after]
    return rest[:most], token_after(rest[most - 1]) if len(rest) > most else None


def _item(vulns: Sequence[bytes], following: str | None) -> bytes:
    """The answer to one query, put together from finished JSON."""
    fields = [b'"vulns":[%b]' % b",".join(vulns)] if vulns else []
    if following is not None:
        fields.append(b'"next_page_token":"%b"' % following.encode())
    return b"{%b}" % b",".join(fields)


def _streamed(read: Reading, page: Sequence[int], following: str | None) -> Iterator[bytes]:
    """`{"vulns":[...]}`; a record that is merged away meanwhile is left out."""
    joint = b'{"vulns":['
    for start in range(0, len(page), _SLICE):
        keys = page[start : start + _SLICE]
        records = read(lambda conn, keys=keys: catalog.documents(conn, keys))  # type: ignore[misc]
        for key in keys:
            if key in records:
                yield joint
                yield records[key]
                joint = b","
    if joint != b",":
        yield joint
    yield b"]" if following is None else b'],"next_page_token":"%b"' % following.encode()
    yield b"}"
