"""Fetching over HTTP: conditional, resumed, capped, checked, and patient with servers."""

import ssl
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from random import random as _random
from types import TracebackType
from typing import Self

import httpx2

from assay import __version__
from assay.errors import Permanent
from assay.kit import http_answer as answer
from assay.kit.download import Download, Wanted
from assay.kit.files import DEFAULT_MAX_BYTES, Files
from assay.kit.gunzip import CutShortError, inflated
from assay.kit.partial import partial_of
from assay.kit.progress import Progress, silent
from assay.kit.reach import GuardedTransport, Reach
from assay.kit.transfer import (
    Backoff,
    Downloaded,
    Fetched,
    NotModified,
    Persistence,
    TooSlow,
    Validators,
)

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class HttpOptions:
    """How this installation reaches the world.

    With `proxy` unset, `HTTPS_PROXY` and its kin count unless `trust_environment` is off. `authorities` is a
    PEM file that is trusted instead of the system's certificates. `busy_seconds` is how long to wait for
    another process that is fetching the same address. With `reach` only addresses are connected to that it allows.
    """

    user_agent: str = f"assay/{__version__}"
    connect_seconds: float = 10.0
    read_seconds: float = 60.0
    max_redirects: int = 5
    proxy: str | None = None
    trust_environment: bool = True
    authorities: Path | None = None
    busy_seconds: float = 600.0
    backoff: Backoff = field(default_factory=Backoff)
    reach: Reach | None = None


class Http:
    """A pool of connections; threads may share it. Close it, or use it as a context manager."""

    def __init__(
        self,
        options: HttpOptions | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
        random: Callable[[], float] = _random,
    ) -> None:
        self._options = options or HttpOptions()
        self._persistence = Persistence(self._options.backoff, sleep, random)

    @cached_property
    def _client(self) -> httpx2.Client:
        # Reading the system's certificates takes a tenth of a second, and most commands fetch nothing.
        return _client(self._options)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        if "_client" in self.__dict__:
            self._client.close()

    def download(
        self,
        url: str,
        files: Files,
        *,
        validators: Validators | None = None,
        progress: Progress = silent,
        max_bytes: int = DEFAULT_MAX_BYTES,
        sha256: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Downloaded | NotModified:
        """The document, in the store; NotModified when the server still has the version of `validators`.

        The bytes are stored as sent: a gzip file stays one. What an earlier call (or a killed process) has
        fetched of the same version is not fetched again. Raises Transient when every retry failed, Permanent
        for what a person must correct (`Absent` for 404 and 410).
        """
        wanted = Wanted(url, validators, max_bytes, sha256, headers or {})
        with partial_of(files, url, self._options.busy_seconds) as partial:
            download = Download(wanted, files, partial, progress, self._answered)
            return self._persistence.run(download.attempt)

    def get(
        self,
        url: str,
        *,
        max_bytes: int = 16 << 20,
        headers: Mapping[str, str] | None = None,
        is_patient: bool = True,
    ) -> bytes:
        """The decoded body of a small document; errors as in `download`. Asked once where somebody waits for it."""
        if not is_patient:
            return self._get(url, max_bytes, headers or {})
        return self._persistence.run(lambda: self._get(url, max_bytes, headers or {}))

    def _get(self, url: str, max_bytes: int, headers: Mapping[str, str]) -> bytes:
        with self._answered(url, {"Accept-Encoding": "gzip"}, headers) as response:
            if response.status_code != 200:
                raise answer.refusal(response)
            try:
                return _small(response, max_bytes)
            except httpx2.TransportError as error:
                raise answer.transport_trouble(error, url) from error

    def fetch(
        self,
        url: str,
        *,
        validators: Validators | None = None,
        headers: Mapping[str, str] | None = None,
        max_bytes: int = 16 << 20,
        max_seconds: float = 60.0,
    ) -> Fetched | NotModified:
        """The decoded body with what the server says of it; NotModified when it still has that version.

        `max_seconds` is for one attempt, however slowly the server drips. Errors as in `download`.
        """
        return self._persistence.run(
            lambda: self._fetch(url, validators, headers or {}, max_bytes, max_seconds)
        )

    def _fetch(
        self,
        url: str,
        validators: Validators | None,
        private: Mapping[str, str],
        max_bytes: int,
        max_seconds: float,
    ) -> Fetched | NotModified:
        ends = time.monotonic() + max_seconds
        fields = {"Accept-Encoding": "gzip", **answer.conditions(validators)}
        with self._answered(url, fields, private) as response:
            if response.status_code == 304 and validators is not None:
                return NotModified(validators)
            if response.status_code != 200:
                raise answer.refusal(response)
            try:
                body = _small(response, max_bytes, ends)
            except httpx2.TransportError as error:
                raise answer.transport_trouble(error, url) from error
            return Fetched(
                body,
                answer.validators_of(response.headers),
                str(response.url),
                dict(response.headers),
            )

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Send a body once; any 2xx is success. A redirect is not followed: it would go to a place nobody named.

        Raises Transient for what may work later, Permanent for what a person must correct. Neither tells more of the
        address than its host: the path of a webhook is often a secret.
        """
        try:
            with self._client.stream("POST", url, content=body, headers=dict(headers)) as response:
                status = response.status_code
        except (httpx2.TransportError, httpx2.InvalidURL) as error:
            raise answer.transport_trouble(error, answer.origin(url)) from error
        if not 200 <= status < 300:
            raise answer.rejection(url, status)

    def exchange(
        self, url: str, body: bytes, headers: Mapping[str, str], *, max_bytes: int = 1 << 20
    ) -> bytes:
        """The decoded body of the answer to a body that is sent once; errors and redirects as in `post`."""
        fields = {"Accept-Encoding": "gzip", **headers}
        try:
            with self._client.stream("POST", url, content=body, headers=fields) as response:
                if 200 <= response.status_code < 300:
                    return _small(response, max_bytes)
                status = response.status_code
        except (httpx2.TransportError, httpx2.InvalidURL) as error:
            raise answer.transport_trouble(error, answer.origin(url)) from error
        raise answer.rejection(url, status)

    def ask(
        self,
        method: str,
        url: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        seconds: float,
        max_bytes: int = 1 << 20,
    ) -> tuple[int, bytes]:
        """Status and decoded body of the answer, whatever the server says, asked once and at its end within `seconds`.

        Redirects are not followed. Raises TooSlow past the time, Transient and Permanent as `post` does below HTTP.
        """
        deadline = time.monotonic() + seconds
        timeout = httpx2.Timeout(seconds, connect=min(seconds, self._options.connect_seconds))
        fields = {"Accept-Encoding": "gzip", **(headers or {})}
        try:
            with self._client.stream(method, url, content=body, headers=fields, timeout=timeout) as response:
                return response.status_code, _small(response, max_bytes, deadline)
        except httpx2.ReadTimeout as error:
            raise TooSlow(f"{answer.origin(url)} gave no answer within {seconds:g} seconds") from error
        except (httpx2.TransportError, httpx2.InvalidURL) as error:
            raise answer.transport_trouble(error, answer.origin(url)) from error

    @contextmanager
    def _answered(
        self, url: str, fields: Mapping[str, str], private: Mapping[str, str]
    ) -> Iterator[httpx2.Response]:
        """The answer at the end of all redirects, its body unread; `private` fields stay at the origin."""
        response = self._redirected(url, fields, private)
        try:
            yield response
        finally:
            response.close()

    def _redirected(self, url: str, fields: Mapping[str, str], private: Mapping[str, str]) -> httpx2.Response:
        try:
            request = self._client.build_request("GET", url, headers={**fields, **private})
            for _ in range(self._options.max_redirects + 1):
                response = self._client.send(request, stream=True)
                if response.status_code not in _REDIRECTS:
                    return response
                response.close()
                request = _next(request, response, private)
        except (httpx2.TransportError, httpx2.InvalidURL) as error:
            raise answer.transport_trouble(error, url) from error
        raise Permanent(
            f"{answer.shown(url)} redirects more than {self._options.max_redirects} times: correct it"
        )


def _next(request: httpx2.Request, response: httpx2.Response, private: Mapping[str, str]) -> httpx2.Request:
    following = response.next_request
    where = answer.shown(request.url)
    if following is None or following.url.scheme not in ("http", "https"):
        raise Permanent(f"{where} redirects to no usable address: correct the address of this source")
    if request.url.scheme == "https" and following.url.scheme == "http":
        raise Permanent(
            f"{where} redirects to the unencrypted {answer.shown(following.url)}, which is not followed: "
            "give the source an https address"
        )
    if following.url.origin != request.url.origin:
        for name in private:
            following.headers.pop(name, None)
    return following


def _small(response: httpx2.Response, max_bytes: int, deadline: float | None = None) -> bytes:
    """The body, inflated by hand: the library would inflate a bomb's first chunk without a limit.

    A server that sends a byte now and then never runs into a time limit of single reads: hence the deadline.
    """
    coding = response.headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("identity", "gzip", "x-gzip"):
        raise Permanent(
            f"{answer.shown(response.url)} sends its content as {coding}, which was not asked for"
        )
    body = bytearray()
    try:
        for chunk in response.iter_raw() if coding == "identity" else inflated(response.iter_raw()):
            body += chunk
            if len(body) > max_bytes:
                raise Permanent(
                    f"{answer.shown(response.url)} sends more than {max_bytes:,} bytes: not what was expected"
                )
            if deadline is not None and time.monotonic() > deadline:
                raise TooSlow(f"{answer.origin(str(response.url))} did not end its answer in time")
    except (zlib.error, CutShortError) as error:
        raise Permanent(f"{answer.shown(response.url)} sends a damaged gzip body: {error}") from error
    return bytes(body)


def _client(options: HttpOptions) -> httpx2.Client:
    try:
        verify = (
            True if options.authorities is None else ssl.create_default_context(cafile=options.authorities)
        )
        guarded = None
        if options.reach is not None:
            guarded = GuardedTransport(
                options.reach, verify, options.proxy, trust_environment=options.trust_environment
            )
        return httpx2.Client(
            headers={"User-Agent": options.user_agent, "Accept": "*/*"},
            timeout=httpx2.Timeout(options.read_seconds, connect=options.connect_seconds),
            verify=verify,
            proxy=None if guarded else options.proxy,
            trust_env=options.trust_environment,
            follow_redirects=False,
            transport=guarded,
        )
    except (OSError, ssl.SSLError) as error:
        raise Permanent(f"cannot read the certificates in {options.authorities}: {error}") from error
    except (ValueError, httpx2.InvalidURL) as error:
        raise Permanent(f"the proxy's address is not usable: {error}") from error
