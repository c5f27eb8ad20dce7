"""One log line per request, and the only place where a bug in a handler is logged."""

import time
from typing import Any

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = structlog.get_logger()


class AccessLog:
    """Wraps the whole application; what a handler did not expect ends here, after the client was answered."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, sent = 0, 0
        started = time.perf_counter()

        async def watched(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
            elif message["type"] == "http.response.body":
                sent += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception:  # noqa: BLE001 - the last place before the server, which would only log it again
            _log.exception("request failed", **_told(scope))
        finally:
            milliseconds = round((time.perf_counter() - started) * 1000, 2)
            _log.info("request", **_told(scope), status=status, bytes=sent, ms=milliseconds)


def _told(scope: Scope) -> dict[str, Any]:
    client = scope.get("client")
    return {"method": scope["method"], "path": scope["path"], "client": client[0] if client else None}
