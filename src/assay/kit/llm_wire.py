"""One request to a server of language models: how long it may take, when it is repeated, what its refusals mean."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import msgspec

from assay.errors import AssayError, Permanent, Transient
from assay.kit.http import Http, HttpOptions
from assay.kit.llm import LlmOptions, TooLong
from assay.kit.transfer import Interrupted, TooSlow

T = TypeVar("T")

_MAX_BYTES = 4 << 20
# How long lists and versions may take: nothing is computed for them.
_QUICK_SECONDS = 15.0
_TOO_LONG = re.compile(r"context (length|size|window)|exceed_context|too long|maximum context", re.IGNORECASE)


class _Detail(msgspec.Struct):
    """An error in the words of OpenAI."""

    message: str = ""


class _Complaint(msgspec.Struct):
    """An error in the words of either: a sentence, or an object with one."""

    error: str | _Detail | None = None


@dataclass(frozen=True, slots=True)
class Wire:
    """A server that speaks JSON over HTTP."""

    http: Http
    base: str
    headers: Mapping[str, str]
    options: LlmOptions

    def get(self, path: str, kind: type[T]) -> T:
        """What the server tells of itself; errors as in `post`."""
        return self._decoded(path, self._repeated("GET", path, None, _QUICK_SECONDS), kind)

    def post(self, path: str, body: Mapping[str, Any], kind: type[T]) -> T:
        """The answer to a body, asked again once where connection or server failed, but not where it was slow."""
        sent = msgspec.json.encode(body)
        return self._decoded(path, self._repeated("POST", path, sent, self.options.answer_seconds), kind)

    def _repeated(self, method: str, path: str, body: bytes | None, seconds: float) -> bytes:
        try:
            return self._once(method, path, body, seconds)
        except TooSlow:
            raise
        except Transient:
            time.sleep(self.options.pause_seconds)
            return self._once(method, path, body, seconds)

    def _once(self, method: str, path: str, body: bytes | None, seconds: float) -> bytes:
        fields = {"Content-Type": "application/json", **self.headers}
        try:
            status, content = self.http.ask(
                method, self.base + path, body, fields, seconds=seconds, max_bytes=_MAX_BYTES
            )
        except TooSlow:
            raise
        except Interrupted as error:
            raise Interrupted(f"the model server does not answer ({error}): is it running there?") from error
        if status != 200:
            raise self._refusal(status, content)
        return content

    def _decoded(self, path: str, content: bytes, kind: type[T]) -> T:
        said = complaint(content)
        if said:
            raise Transient(f"the model server at {self.base} answered 200 and said: {said}")
        try:
            return msgspec.json.decode(content, type=kind)
        except msgspec.DecodeError as error:
            raise Permanent(
                f"{self.base}{path} answers nothing that {self.options.kind} servers answer ({error}): "
                "check the address and the kind of the server"
            ) from error

    def _refusal(self, status: int, content: bytes) -> AssayError:
        """What it asks of us that the server said no."""
        words = complaint(content)
        said = f"the model server at {self.base} answered {status}" + (f": {words}" if words else "")
        if status in (400, 413) and words and _TOO_LONG.search(words):
            return TooLong(said)
        if status in (408, 425, 429) or status >= 500:
            return Interrupted(said)
        if status in (401, 403):
            return Permanent(
                f"{said}; set ASSAY_LLM__API_KEY, and ASSAY_LLM__ADDRESS to the address that the key is for"
            )
        if status == 404:
            return Permanent(f"{said}; {self._missing(words)}")
        if 300 <= status < 400:
            return Permanent(f"{said}; it is elsewhere, and redirects are not followed: correct the address")
        return Permanent(f"{said}; check the model, its server and what it supports")

    def _missing(self, words: str | None) -> str:
        """What to do about a 404. One without a word about it does not come from the server's own code."""
        if not words:
            return f"this is no {self.options.kind} server: check its address and kind"
        if self.options.kind == "ollama":
            return f"run `ollama pull {self.options.model}` there, or choose a model that it has"
        return f"choose a model that it has; {self.options.model!r} is none"


def open_http(options: LlmOptions) -> Http:
    """The way to the server. One on this machine is never asked through a proxy: that would be the proxy's own."""
    is_here = (urlsplit(options.address).hostname or "") in ("localhost", "127.0.0.1", "::1")
    return Http(
        HttpOptions(
            connect_seconds=options.connect_seconds,
            read_seconds=options.answer_seconds,
            proxy=None if is_here else options.proxy,
            trust_environment=not is_here,
            authorities=options.authorities,
        )
    )


def complaint(content: bytes) -> str | None:
    """The server's own words about what went wrong, on one line of at most 300 characters."""
    try:
        found = msgspec.json.decode(content, type=_Complaint).error
    except msgspec.DecodeError:
        return None
    text = found.message if isinstance(found, _Detail) else found
    return " ".join(text.split())[:300] if text else None


class Spoken:
    """What the surfaces of every server share: its address, the key that is sent along, and closing the connections."""

    def __init__(self, options: LlmOptions, http: Http, base: str) -> None:
        self.options = options
        self._http = http
        headers = {"Authorization": f"Bearer {options.api_key}"} if options.api_key else {}
        self._wire = Wire(http, base, headers, options)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()
