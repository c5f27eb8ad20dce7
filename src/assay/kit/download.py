"""One document on its way into the store: what to ask for, and what to make of the answer."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import BinaryIO

import httpx2

from assay.errors import Permanent
from assay.kit import http_answer as answer
from assay.kit.checksums import Digests, Promised, promised
from assay.kit.files import Files, Stored, disk_trouble
from assay.kit.partial import Kept, Partial
from assay.kit.progress import Progress
from assay.kit.transfer import Downloaded, Interrupted, NotModified, Validators

# A try that brought this much further does not count as a failure of the server.
_ADVANCE = 1 << 20

Ask = Callable[[str, Mapping[str, str], Mapping[str, str]], AbstractContextManager[httpx2.Response]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The document that is asked for, and what it must not exceed and must match."""

    url: str
    validators: Validators | None
    max_bytes: int
    sha256: str | None
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Body:
    """What the answer says of its body: where it begins in the document, and the document's whole length."""

    offset: int
    total: int | None
    promise: Promised


class Download:
    """The attempts to fetch one document, each going on where the one before was cut off."""

    def __init__(self, wanted: Wanted, files: Files, partial: Partial, progress: Progress, ask: Ask) -> None:
        self._wanted = wanted
        self._files = files
        self._partial = partial
        self._progress = progress
        self._ask = ask
        kept = partial.kept()
        self._furthest = kept[0] if kept else 0

    def attempt(self) -> Downloaded | NotModified:
        """The document, or Interrupted with whatever came kept for the next attempt."""
        wanted = self._wanted
        kept = self._partial.kept()
        fields = {"Accept-Encoding": "identity", **answer.conditions(wanted.validators)}
        if kept is not None:
            fields |= {"Range": f"bytes={kept[0]}-", "If-Range": kept[1].validator}
        with self._ask(wanted.url, fields, wanted.headers) as response:
            if response.status_code == 304 and wanted.validators is not None:
                self._partial.drop()
                return NotModified(wanted.validators)
            body = self._accepted(response, kept)
            digests, size = self._received(response, body)
            stored = self._checked(digests, size, body)
            return Downloaded(stored, answer.validators_of(response.headers), str(response.url))

    def _accepted(self, response: httpx2.Response, kept: tuple[int, Kept] | None) -> _Body:
        headers = response.headers
        length = answer.length_of(headers)
        if response.status_code == 206 and kept is not None:
            found = answer.range_of(headers)
            if not _continues(kept, found, answer.validators_of(headers)):
                self._partial.drop()
                raise Interrupted(f"{self._where} sent another part than was asked for", advanced=False)
            total = (found[1] if found else None) or kept[1].total
            body = _Body(kept[0], total, _promise(headers, whole=False))
        elif response.status_code == 200:
            validator = answer.strong(answer.validators_of(headers))
            self._partial.start(None if validator is None else Kept(validator, length))
            body = _Body(0, length, _promise(headers, whole=True))
        elif response.status_code in (206, 416):
            self._partial.drop()
            raise Interrupted(
                f"{self._where} answered {response.status_code}: starting again from the beginning"
            )
        else:
            raise answer.refusal(response)
        if body.total is not None and body.total > self._wanted.max_bytes:
            self._give_up_size(body.total)
        return body

    def _received(self, response: httpx2.Response, body: _Body) -> tuple[Digests, int]:
        digests, size = Digests(body.promise), body.offset
        if body.offset > 0:
            for chunk in self._partial.chunks():
                digests.feed(chunk)
        with disk_trouble(self._files.root):
            file = self._partial.path.open("ab")
        try:
            for chunk in response.iter_raw():
                size += len(chunk)
                if size > self._wanted.max_bytes:
                    self._give_up_size(None)
                self._write(file, chunk)
                digests.feed(chunk)
                self._progress(size, body.total)
            self._write(file, b"", is_last=True)
        except httpx2.TransportError as error:
            raise answer.transport_trouble(error, self._wanted.url, advanced=self._advanced(size)) from error
        finally:
            # On a full disk close() fails too; what it could not write is fetched again.
            with suppress(OSError):
                file.close()
        return digests, size

    def _checked(self, digests: Digests, size: int, body: _Body) -> Stored:
        if body.total is not None and size < body.total:
            raise Interrupted(
                f"{self._where} ended after {size:,} of {body.total:,} bytes", advanced=self._advanced(size)
            )
        broken = digests.broken_promise()
        if broken is None and body.total is not None and size > body.total:
            broken = f"{size:,} bytes came, {body.total:,} were announced"
        wanted = self._wanted.sha256
        if broken is None and wanted is not None and digests.sha256 != wanted.lower():
            if body.offset == 0:
                self._partial.drop()
                raise Permanent(
                    f"{self._where} has the SHA-256 {digests.sha256}, expected was {wanted}: "
                    "find out which of the two is right"
                )
            broken = "the resumed document has another SHA-256 than expected"
        if broken is not None:
            self._partial.drop()
            raise Interrupted(f"{self._where} arrived damaged: {broken}")
        stored = self._files.adopt(self._partial.path, Stored(digests.sha256, size))
        self._partial.drop()
        return stored

    def _write(self, file: BinaryIO, chunk: bytes, *, is_last: bool = False) -> None:
        try:
            with disk_trouble(self._files.root):
                file.write(chunk)
                if is_last:
                    file.flush()
        except Permanent:
            self._partial.drop()
            raise

    def _give_up_size(self, total: int | None) -> None:
        self._partial.drop()
        size = "more" if total is None else f"{total:,} bytes"
        raise Permanent(
            f"{self._where} has {size}, and {self._wanted.max_bytes:,} bytes are the limit: "
            "raise the limit of this source if that is right"
        )

    def _advanced(self, size: int) -> bool:
        advanced = size >= self._furthest + _ADVANCE
        if advanced:
            self._furthest = size
        return advanced

    @property
    def _where(self) -> str:
        return answer.shown(self._wanted.url)


def _continues(kept: tuple[int, Kept], found: tuple[int, int | None] | None, now: Validators) -> bool:
    """Whether the part that was sent goes on exactly where the kept bytes of the same version end."""
    if found is None or found[0] != kept[0]:
        return False
    totals = {total for total in (found[1], kept[1].total) if total is not None}
    named = {now.etag, now.last_modified} - {None}
    return len(totals) <= 1 and (not named or kept[1].validator in named)


def _promise(headers: httpx2.Headers, *, whole: bool) -> Promised:
    """The checksums of the whole document. Content-MD5 is of this body alone; Google's are of what it stores,
    which is not what it sends when it inflates a document stored as gzip."""
    stored = headers.get("x-goog-stored-content-encoding", "identity")
    sent = headers.get("content-encoding", "identity")
    fields = headers.get_list("x-goog-hash") if stored == sent else []
    return promised(fields, headers.get("content-md5") if whole else None)
