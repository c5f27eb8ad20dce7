"""What holds for every answer and every request, whatever the route: headers, sizes, numbers."""

from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assay.web.addresses import address_of
from assay.web.limits import Limiter
from assay.web.problems import Refused, problem

# No script, style or picture but our own files, nothing inline, no frames; forms go to ourselves. Charts are inline SVG
# with attributes rather than styles. htmx must be told to add no style of its own and to evaluate nothing:
# <meta name="htmx-config" content='{"includeIndicatorStyles": false, "allowEval": false}'>
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_ONLY_HTTPS = "max-age=31536000"
# Forms of pages: what people type.
_FORM = 1 << 20


class Shield:
    """Wraps the application: too many and too large requests end here, and every answer gets its headers."""

    def __init__(self, app: ASGIApp, limiter: Limiter, upload: int) -> None:
        self._app = app
        self._limiter = limiter
        self._upload = upload

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        shielded = _with_headers(send, is_https=request.url.scheme == "https")
        limit = self._limit(request)
        try:
            self._limiter.take_from(address_of(request))
            _check_length(request, limit)
        except Refused as refused:
            answer = problem(request, refused.status, refused.message, refused.headers)
            await answer(scope, receive, shielded)
            return
        await self._app(scope, _counted(receive, limit), shielded)

    def _limit(self, request: Request) -> int:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        return min(_FORM, self._upload) if kind == "application/x-www-form-urlencoded" else self._upload


def _with_headers(send: Send, *, is_https: bool) -> Send:
    async def shielded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            if is_https:
                headers.setdefault("Strict-Transport-Security", _ONLY_HTTPS)
        await send(message)

    return shielded


def _check_length(request: Request, limit: int) -> None:
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > limit:
        raise Refused(413, _too_large(limit), {"Connection": "close"})


def _counted(receive: Receive, limit: int) -> Receive:
    size = 0

    async def counted() -> Message:
        nonlocal size
        message = await receive()
        if message["type"] == "http.request":
            size += len(message.get("body", b""))
            if size > limit:
                # Of the one kind that FastAPI passes on while it reads a form.
                raise HTTPException(413, _too_large(limit))
        return message

    return counted


def _too_large(limit: int) -> str:
    return f"the body is larger than {limit >> 20} MiB; send less at once"
