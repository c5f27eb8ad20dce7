"""Answers that are the same until the catalog says something else: tagged (RFC 9110, 8.8.3), and made once."""

from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b
from threading import Lock

from fastapi import Request, Response

from assay import __version__
from assay.catalog.queries import edition
from assay.kit.db import Connection
from assay.pipelines.feeds.queries.products import watch_edition
from assay.web.reading import Reading

_JSON = "application/json"
# Whoever asks again is told within a round trip whether what they have is still so.
_CACHING = "private, no-cache"
_MOST_KEPT = 512
_MOST_BYTES = 32 << 20


class Editions:
    """Answers to questions about the catalog, by its edition.

    An answer that is kept is not made again while the edition stands; of several requests for the same one, one makes
    it and the others wait for it.
    """

    def __init__(self, read: Reading) -> None:
        self._read = read
        self._mutex = Lock()
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0
        self._made: dict[str, Lock] = {}

    def answer(
        self,
        request: Request,
        make: Callable[[Connection], bytes],
        *,
        also: str = "",
        kind_of: Callable[[bytes], str] = lambda _: _JSON,
    ) -> Response:
        """What `make` makes, or 304 where the client has it. `also` is what it depends on besides query and catalog."""
        tag = self.tag(request, also)
        if is_known(request, tag):
            return unchanged(tag)
        content = self._find(tag)
        if content is None:
            with self._turn(tag):
                content = self._find(tag)
                if content is None:
                    content = self._read(make)
                    self._keep(tag, content)
        return Response(content, headers=headers(tag), media_type=kind_of(content))

    def tag(self, request: Request, also: str = "") -> str:
        """The entity tag of what is asked now. It is weak: packed in several ways the answer means the same."""
        number = self._read(edition)
        if "monitored" in request.query_params:
            also = f"{also} {self._read(watch_edition)}"
        asked = f"{__version__} {number} {request.url.path}?{request.url.query} {also}"
        return f'W/"{number}-{blake2b(asked.encode(), digest_size=8).hexdigest()}"'

    def _find(self, tag: str) -> bytes | None:
        with self._mutex:
            content = self._kept.get(tag)
            if content is not None:
                self._kept.move_to_end(tag)
            return content

    def _keep(self, tag: str, content: bytes) -> None:
        with self._mutex:
            self._kept[tag] = content
            self._bytes += len(content)
            while self._kept and (len(self._kept) > _MOST_KEPT or self._bytes > _MOST_BYTES):
                self._bytes -= len(self._kept.popitem(last=False)[1])

    def _turn(self, tag: str) -> Lock:
        with self._mutex:
            if len(self._made) > _MOST_KEPT:
                # Whoever holds one of these goes on holding it; at worst an answer is made twice.
                self._made.clear()
            return self._made.setdefault(tag, Lock())


def is_known(request: Request, tag: str) -> bool:
    """Whether the client has what it asks for (RFC 9110, 13.1.2: weak comparison)."""
    said = request.headers.get("if-none-match", "")
    known = [one.strip().removeprefix("W/") for one in said.split(",")]
    return said.strip() == "*" or tag.removeprefix("W/") in known


def headers(tag: str) -> dict[str, str]:
    """What an answer says about how long it holds."""
    return {"ETag": tag, "Cache-Control": _CACHING}


def unchanged(tag: str) -> Response:
    """The answer to a client that has it."""
    return Response(status_code=304, headers=headers(tag))
