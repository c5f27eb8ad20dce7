"""Reading public objects from a bucket: whole documents into the store, many small ones at once."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from random import random as _random
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError, NotModifiedError, PermissionDeniedError, UnauthenticatedError
from obstore.store import GCSStore, LocalStore, MemoryStore, from_url

from assay import __version__
from assay.errors import AssayError, Permanent
from assay.kit.files import DEFAULT_MAX_BYTES, Files
from assay.kit.progress import Progress, silent
from assay.kit.transfer import (
    Absent,
    Backoff,
    Downloaded,
    Interrupted,
    NotModified,
    Persistence,
    Validators,
)

if TYPE_CHECKING:  # obstore declares these types for checkers only
    from obstore import GetOptions, GetResult
    from obstore.store import ClientConfig, ObjectStore, RetryConfig

_STATUS = re.compile(r"non-2xx status code: (\d{3})")
_PASSING = frozenset({408, 425, 429})
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class BucketOptions:
    """How buckets are reached.

    `endpoint` replaces the address of Google's service (a private mirror of it). `body_seconds` bounds one
    request with its whole body. With `proxy` unset, the environment's proxies count. `resumes` is how often
    the library itself goes on with a body that broke off, before `backoff` repeats the whole request.
    """

    endpoint: str | None = None
    user_agent: str = f"assay/{__version__}"
    connect_seconds: float = 10.0
    read_seconds: float = 60.0
    body_seconds: float = 3600.0
    proxy: str | None = None
    resumes: int = 3
    resume_seconds: float = 0.5
    backoff: Backoff = field(default_factory=Backoff)


class Bucket:
    """One bucket (or any folder that obstore can read), without credentials. Threads may share it."""

    def __init__(
        self,
        store: ObjectStore,
        url: str,
        backoff: Backoff,
        *,
        sleep: Callable[[float], None] = time.sleep,
        random: Callable[[], float] = _random,
    ) -> None:
        self._store = store
        self._url = url
        self._persistence = Persistence(backoff, sleep, random)

    def download(
        self,
        name: str,
        files: Files,
        *,
        validators: Validators | None = None,
        progress: Progress = silent,
        max_bytes: int = DEFAULT_MAX_BYTES,
    ) -> Downloaded | NotModified:
        """The object, in the store; NotModified when it is still the version of `validators`.

        A body that breaks off is continued within this call, not across calls. Raises Absent where there is
        no such object, Transient when every retry failed, Permanent for what a person must correct.
        """
        try:
            return self._persistence.run(lambda: self._download(name, files, validators, progress, max_bytes))
        except NotModifiedError:
            return NotModified(validators or Validators())

    def get(self, name: str, *, max_bytes: int = 64 << 20) -> bytes:
        """The bytes of a small object; errors as in `download`."""
        return self._persistence.run(lambda: self._get(name, max_bytes))

    def get_many(
        self, names: Iterable[str], concurrency: int = 16, *, max_bytes: int = 64 << 20
    ) -> Iterator[tuple[str, bytes | AssayError]]:
        """Each object, or why it could not be had, in the order of the names.

        At most `concurrency` objects are on their way and as many again wait to be taken, whatever the number
        of names.
        """

        def fetch(name: str) -> bytes | AssayError:
            try:
                return self.get(name, max_bytes=max_bytes)
            except AssayError as error:
                return error

        waiting: deque[tuple[str, Future[bytes | AssayError]]] = deque()
        with ThreadPoolExecutor(concurrency, thread_name_prefix="bucket") as pool:
            try:
                for name in names:
                    waiting.append((name, pool.submit(fetch, name)))
                    if len(waiting) >= 2 * concurrency:
                        first, future = waiting.popleft()
                        yield first, future.result()
                while waiting:
                    first, future = waiting.popleft()
                    yield first, future.result()
            finally:
                for _, future in waiting:
                    future.cancel()

    def _download(
        self, name: str, files: Files, validators: Validators | None, progress: Progress, max_bytes: int
    ) -> Downloaded:
        with self._trouble(name):
            result = obstore.get(self._store, name, options=_conditions(validators))
        meta = result.meta
        self._limit(name, meta["size"], max_bytes)
        stored = files.add_stream(self._chunks(name, result, progress), max_bytes=max_bytes)
        if stored.bytes != meta["size"]:
            files.remove(stored.sha256)
            raise Interrupted(f"{self._shown(name)} ended after {stored.bytes:,} of {meta['size']:,} bytes")
        modified = format_datetime(meta["last_modified"].astimezone(UTC), usegmt=True)
        return Downloaded(stored, Validators(meta["e_tag"], modified), self._shown(name))

    def _chunks(self, name: str, result: GetResult, progress: Progress) -> Iterator[bytes]:
        done, total = 0, result.meta["size"]
        stream = result.stream(min_chunk_size=_CHUNK)
        while True:
            with self._trouble(name):
                chunk = next(stream, None)
            if chunk is None:
                return
            done += len(chunk)
            progress(done, total)
            # The stream's chunks are the library's own buffers, whatever its type stub says.
            yield bytes(chunk)

    def _get(self, name: str, max_bytes: int) -> bytes:
        with self._trouble(name):
            result = obstore.get(self._store, name)
            self._limit(name, result.meta["size"], max_bytes)
            return bytes(result.bytes())

    def _limit(self, name: str, size: int, max_bytes: int) -> None:
        if size > max_bytes:
            raise Permanent(
                f"{self._shown(name)} has {size:,} bytes, and {max_bytes:,} are the limit: "
                "raise the limit of this source if that is right"
            )

    def _shown(self, name: str) -> str:
        return f"{self._url.rstrip('/')}/{name}"

    @contextmanager
    def _trouble(self, name: str) -> Iterator[None]:
        try:
            yield
        except NotModifiedError:
            raise
        except (BaseError, OSError, ValueError) as error:
            raise _meant(error, self._shown(name)) from error


def open_bucket(
    url: str,
    options: BucketOptions | None = None,
    *,
    sleep: Callable[[float], None] = time.sleep,
    random: Callable[[], float] = _random,
) -> Bucket:
    """The bucket at `gs://...`, read anonymously, or what else obstore reads (`https://`, `file:///`)."""
    options = options or BucketOptions()
    try:
        store = _store(url, options)
    except (BaseError, ValueError, OSError) as error:
        raise Permanent(f"{url} is not the address of a bucket: {_first_line(error)}") from error
    return Bucket(store, url, options.backoff, sleep=sleep, random=random)


def _store(url: str, options: BucketOptions) -> ObjectStore:
    if url.startswith("file:"):
        return LocalStore.from_url(url)
    if url.startswith("memory:"):
        return MemoryStore()
    client, retry = _client(url, options), _retry(options)
    if url.startswith("gs:"):
        if options.endpoint is None:
            return GCSStore.from_url(url, skip_signature=True, client_options=client, retry_config=retry)
        return GCSStore.from_url(
            url, skip_signature=True, base_url=options.endpoint, client_options=client, retry_config=retry
        )
    return from_url(url, client_options=client, retry_config=retry)


def _client(url: str, options: BucketOptions) -> ClientConfig:
    client: ClientConfig = {
        "user_agent": options.user_agent,
        "connect_timeout": timedelta(seconds=options.connect_seconds),
        "read_timeout": timedelta(seconds=options.read_seconds),
        "timeout": timedelta(seconds=options.body_seconds),
        "allow_http": (options.endpoint or url).startswith("http:"),
    }
    if options.proxy is not None:
        client["proxy_url"] = options.proxy
    return client


def _retry(options: BucketOptions) -> RetryConfig:
    return {
        "max_retries": options.resumes,
        "retry_timeout": timedelta(seconds=options.body_seconds),
        "backoff": {
            "init_backoff": timedelta(seconds=options.resume_seconds),
            "max_backoff": timedelta(seconds=options.resume_seconds * 8),
            "base": 2,
        },
    }


def _conditions(validators: Validators | None) -> GetOptions | None:
    if validators is None:
        return None
    if validators.etag is not None:
        return {"if_none_match": validators.etag}
    modified = _date(validators.last_modified)
    return None if modified is None else {"if_modified_since": modified}


def _date(text: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(text or "")
    except ValueError:
        return None


def _meant(error: Exception, where: str) -> AssayError:
    """What an error of the library asks of us; it says the status of an answer only in its text."""
    said = f"{where}: {_first_line(error)}"
    if isinstance(error, FileNotFoundError):
        return Absent(f"{said}: the object is not there; check its name, the source may have moved")
    if isinstance(error, PermissionDeniedError | UnauthenticatedError):
        return Permanent(f"{said}: the bucket is not public; check its name")
    if isinstance(error, ValueError):
        return Permanent(f"{said}: this is not a usable object name")
    if "Header missing from response" in said:
        return Permanent(f"{said}: this server is no object store; fetch the address as a plain download")
    status = _STATUS.search(str(error))
    if status is not None and int(status[1]) < 500 and int(status[1]) not in _PASSING:
        return Permanent(f"{said}: check the address of the bucket")
    return Interrupted(said)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].strip()
