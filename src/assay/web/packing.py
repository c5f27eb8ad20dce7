"""Answers packed with zstd or gzip (RFC 8878, RFC 1952) for clients that say they take them (RFC 9110, 12.5.3)."""

import zlib
from typing import Protocol

import zstandard
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Below this many bytes a packed answer is hardly smaller.
_WORTH_IT = 600
_TEXTS = ("text/", "application/json", "application/problem+json", "application/yaml", "image/svg+xml")
# Each event must arrive when it is sent.
_NEVER = "text/event-stream"
# Both are quick: answers are made for one reader, and the machine that makes them has little time.
_ZSTD_LEVEL = 3
_GZIP_LEVEL = 4
_GZIP_FRAME = 31


class _Packer(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


class Packed:
    """Wraps an application: what it sends is packed piece by piece, so that nothing is kept in memory for it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        coding = chosen_coding(Headers(scope=scope).get("accept-encoding", ""))
        await self._app(scope, receive, _Sending(send, coding, is_head=scope["method"] == "HEAD"))


class _Sending:
    """What one answer is sent through. Its beginning waits for the first piece: is packing worth it?"""

    def __init__(self, send: Send, coding: str | None, *, is_head: bool) -> None:
        self._send = send
        self._coding = coding
        self._is_head = is_head
        self._start: Message | None = None
        self._packer: _Packer | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
        elif message["type"] == "http.response.body":
            await self._body(message)
        else:
            await self._send(message)

    async def _body(self, message: Message) -> None:
        content, more = message.get("body", b""), message.get("more_body", False)
        if self._start is not None:
            start, self._start = self._start, None
            self._begin(start, content, more=more)
            await self._send(start)
        if self._packer is not None:
            content = self._packer.compress(content)
            if not more:
                content += self._packer.flush()
            elif not content:
                return
        await self._send({"type": "http.response.body", "body": content, "more_body": more})

    def _begin(self, start: Message, content: bytes, *, more: bool) -> None:
        """Write into the beginning how the rest is packed, if it is."""
        headers = MutableHeaders(raw=start["headers"])
        start["headers"] = headers.raw
        kind = headers.get("content-type", "")
        if not kind.startswith(_TEXTS) or kind.startswith(_NEVER) or start["status"] in {204, 206, 304}:
            return
        headers.add_vary_header("Accept-Encoding")
        is_small = not more and len(content) < _WORTH_IT
        if self._coding is None or is_small or self._is_head or "content-encoding" in headers:
            return
        self._packer = _packer(self._coding)
        headers["Content-Encoding"] = self._coding
        del headers["Content-Length"]


def _packer(coding: str) -> _Packer:
    if coding == "zstd":
        return zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compressobj()
    return zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_FRAME)


def chosen_coding(accepted: str) -> str | None:
    """`zstd` or `gzip`, whichever a client likes better, zstd where it likes both; None for neither."""
    weights: dict[str, float] = {}
    for part in accepted.lower().split(","):
        name, _, said = part.partition(";")
        weights[name.strip()] = _weight(said)
    any_other = weights.get("*", 0.0)
    found = {coding: weights.get(coding, any_other) for coding in ("zstd", "gzip")}
    best = max(found, key=found.__getitem__)
    return best if found[best] > 0 else None


def _weight(said: str) -> float:
    name, _, value = said.partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
