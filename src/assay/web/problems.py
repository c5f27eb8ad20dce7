"""What a client is told when something is wrong: problem details (RFC 9457), or its own protocol's words."""

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlencode, urlsplit

import msgspec
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from assay.auth.model import TooSoon
from assay.errors import AssayError, Conflict, Forbidden, NotFound, Transient
from assay.web.answers import title_of

_log = structlog.get_logger()

# gRPC's codes for HTTP's, as OSV's API writes them (google.rpc.Code).
_GRPC = {400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 413: 8, 415: 3, 429: 8, 500: 13, 503: 14, 504: 4}
_OSV_PATHS = ("/v1/query", "/v1/querybatch", "/v1/vulns/")
_NPM_PATHS = "/-/npm/"
_METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
_RETRY_SECONDS = "5"
_STATUS = {NotFound: 404, Conflict: 409, TooSoon: 429, Forbidden: 403}


class Refused(Exception):  # noqa: N818 - an answer to the client, not a fault
    """The request is answered with this status and this sentence."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = dict(headers or {})


def add_to(app: FastAPI) -> None:
    """Let the application answer every error in the words of the surface it happened on."""

    @app.exception_handler(Refused)
    def refused(request: Request, error: Refused) -> Response:
        if error.status == 401 and _is_page(request):
            return _to_sign_in(request)
        return problem(request, error.status, error.message, error.headers)

    @app.exception_handler(HTTPException)
    def http(request: Request, error: HTTPException) -> Response:
        headers = dict(error.headers or {})
        if "Allow" in headers:
            headers["Allow"] = _allowed(request)
        return problem(request, error.status_code, str(error.detail), headers)

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:
        said = "; ".join(
            f"{'.'.join(str(part) for part in entry['loc'])}: {entry['msg']}" for entry in error.errors()
        )
        return problem(request, 400, said)

    @app.exception_handler(NotFound)
    @app.exception_handler(Conflict)
    @app.exception_handler(Forbidden)
    def answered(request: Request, error: AssayError) -> Response:
        status = next(status for kind, status in _STATUS.items() if isinstance(error, kind))
        headers = {"Retry-After": str(error.seconds)} if isinstance(error, TooSoon) else None
        return problem(request, status, str(error), headers)

    @app.exception_handler(Transient)
    def passing(request: Request, error: Transient) -> Response:
        _log.error("unavailable", path=request.url.path, error=str(error))
        return problem(request, 503, str(error), {"Retry-After": _RETRY_SECONDS})

    @app.exception_handler(Exception)
    def bug(request: Request, _error: Exception) -> Response:
        # What went wrong is in the log (access.py), and nobody else's business.
        return problem(request, 500, "the service failed to answer; its log says why")


def _allowed(request: Request) -> str:
    """What may be done with a path, by all of its routes: Starlette names the first one's methods only."""
    return ", ".join(
        method
        for method in _METHODS
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL
            for route in request.app.routes
        )
    )


def _is_page(request: Request) -> bool:
    """Whether a person in a browser waits for a page, rather than a program for an answer."""
    if "hx-request" in request.headers:
        return True
    return request.method == "GET" and "text/html" in request.headers.get("accept", "")


def _to_sign_in(request: Request) -> Response:
    """Where to sign in, and to come back from. htmx goes there with the whole page."""
    if "hx-request" in request.headers:
        there = urlsplit(request.headers.get("hx-current-url", "/"))
        return Response(status_code=401, headers={"HX-Redirect": _sign_in(there.path, there.query)})
    return Response(status_code=303, headers={"Location": _sign_in(request.url.path, request.url.query)})


def _sign_in(path: str, query: str) -> str:
    return f"/sign-in?{urlencode({'next': f'{path}?{query}' if query else path})}"


def problem(
    request: Request, status: int, message: str, headers: Mapping[str, str] | None = None
) -> Response:
    """The answer to a request that cannot be served."""
    path = request.url.path
    if path.startswith(_OSV_PATHS):
        body: dict[str, object] = {"code": _GRPC.get(status, 2), "message": message}
        kind = "application/json"
    elif path.startswith(_NPM_PATHS):
        body, kind = {"error": message}, "application/json"
    else:
        title = title_of(status)
        body = {"type": "about:blank", "title": title, "status": status, "detail": message, "instance": path}
        # Starlette's own refusals say nothing else.
        if message in (title, HTTPStatus(status).phrase):
            del body["detail"]
        kind = "application/problem+json"
    content = b"" if request.method == "HEAD" else msgspec.json.encode(body)
    return Response(content, status, dict(headers or {}), kind)
