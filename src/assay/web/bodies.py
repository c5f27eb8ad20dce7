"""Bodies of requests: never larger than the limit, packed or not, whatever their Content-Type says."""

import zlib
from collections.abc import Mapping
from typing import Annotated, TypeVar

import msgspec
from fastapi import Depends, Request

from assay.kit.gunzip import CutShortError, inflated
from assay.web.problems import Refused

Shape = TypeVar("Shape")

LIMIT = 32 << 20
"""Bytes, as they come in and again when they are unpacked."""

_PACKED = frozenset(("gzip", "x-gzip"))
_PLAIN = frozenset(("", "identity"))


class Body:
    """A request's body as it came in, and how it is packed."""

    __slots__ = ("_encoding", "_raw", "_unpacked")

    def __init__(self, raw: bytes, encoding: str) -> None:
        self._raw = raw
        self._encoding = encoding
        self._unpacked: bytes | None = None

    def unpacked(self) -> bytes:
        """The body, unpacked once. Raises Refused for what is no gzip and for what is too large unpacked.

        npm and bun pack what they send; some proxies unpack it and leave the header.
        """
        if self._unpacked is None:
            is_plain = self._encoding in _PLAIN or not self._raw.startswith(b"\x1f\x8b")
            self._unpacked = self._raw if is_plain else _inflated(self._raw)
        return self._unpacked

    def read(self, shape: type[Shape]) -> Shape:
        """The body as JSON of this shape. Raises Refused that says where it differs."""
        try:
            return msgspec.json.decode(self.unpacked(), type=shape)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Refused(400, f"invalid JSON: {error}") from error


def _inflated(raw: bytes) -> bytes:
    pieces, size = [], 0
    try:
        for piece in inflated((raw,)):
            size += len(piece)
            if size > LIMIT:
                raise _too_large()
            pieces.append(piece)
    except (zlib.error, CutShortError) as error:
        raise Refused(400, f"the body is no gzip: {error}") from error
    return b"".join(pieces)


async def _body(request: Request) -> Body:
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding not in _PLAIN | _PACKED:
        raise Refused(415, f"the body is packed with {encoding}; send it plain or as gzip")
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > LIMIT:
        raise _too_large()
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > LIMIT:
            raise _too_large()
        pieces.append(piece)
    return Body(b"".join(pieces), encoding)


def _too_large() -> Refused:
    return Refused(413, f"the body is larger than {LIMIT >> 20} MiB; send less at once")


def described(
    example: object, schema: Mapping[str, object] | None = None, *, kind: str = "application/json"
) -> dict[str, object]:
    """What the interface's description says of a body, which is read whatever its Content-Type."""
    shape = {"type": "object"} if schema is None else schema
    return {"requestBody": {"required": True, "content": {kind: {"schema": shape, "example": example}}}}


AnyBody = Annotated[Body, Depends(_body)]
