"""Errors as pages, for people; programs get the problem details that every other surface gives."""

import json
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any

from fastapi import FastAPI, Request, Response

from assay.auth.model import PUBLIC, Principal
from assay.web.guard import principal
from assay.web.problems import Refused
from assay.web.rendering import Rendering

_Handler = Callable[[Request, Any], Response | Awaitable[Response]]

# Surfaces for programs, whatever they say that they accept.
_PROGRAMS = ("/v1/", "/-/", "/admin/", "/api/", "/health", "/metrics", "/openapi.json", "/static/")


def add_to(app: FastAPI, show: Rendering) -> None:
    """Let every answer that is a problem be a page where a person waits for one. Stands after every other handler."""
    for kind, handler in list(app.exception_handlers.items()):
        app.exception_handlers[kind] = _as_page(handler, show)


def _as_page(handler: _Handler, show: Rendering) -> _Handler:
    async def shown(request: Request, error: Exception) -> Response:
        found = handler(request, error)
        answer: Response = await found if isawaitable(found) else found
        if not _is_person(request) or answer.media_type != "application/problem+json" or not answer.body:
            return answer
        problem = json.loads(bytes(answer.body))
        headers = {
            name: value
            for name, value in answer.headers.items()
            if name not in ("content-type", "content-length")
        }
        detail = str(problem.get("detail") or problem["title"])
        return show(
            request,
            "error.html",
            _known(request),
            status=answer.status_code,
            headers=headers,
            code=answer.status_code,
            title=problem["title"],
            detail=detail[:1].upper() + detail[1:],
            again=_again(request),
        )

    return shown


def _is_person(request: Request) -> bool:
    path = request.url.path
    if path.startswith(_PROGRAMS) or request.method == "HEAD":
        return False
    return "hx-request" in request.headers or "text/html" in request.headers.get("accept", "")


def _known(request: Request) -> Principal:
    """Who it was, where that is known already: the database may be what failed."""
    if not hasattr(request.state, "principal"):
        return PUBLIC
    try:
        return principal(request)
    except Refused:
        return PUBLIC


def _again(request: Request) -> str:
    return f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
