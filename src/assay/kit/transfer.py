"""What fetching over HTTP and from a bucket have in common: results, and when to try again."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import random as _random
from typing import TypeVar

from assay.errors import NotFound, Permanent, Transient
from assay.kit.files import Stored

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Validators:
    """What the server named this version of the document; sent back to ask whether there is a newer one.

    `last_modified` is an HTTP date, as the server wrote it.
    """

    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A document that is now in the file store, the address that gave it, and how to ask for the next one."""

    stored: Stored
    validators: Validators
    url: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """A small document in memory, decoded: the address that gave it, and the header fields that came with it.

    `headers` have their names in small letters.
    """

    body: bytes
    validators: Validators
    url: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class NotModified:
    """The server still has the version that the caller's validators name."""

    validators: Validators


class Absent(Permanent, NotFound):
    """The server says that it has no such document."""


class Interrupted(Transient):
    """One attempt failed in passing.

    `retry_after` is what the server asked to wait, in seconds; `advanced` says that the attempt brought the
    transfer further, so that a slow link is not given up while it still delivers.
    """

    def __init__(self, message: str, retry_after: float | None = None, *, advanced: bool = False) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.advanced = advanced


class TooSlow(Interrupted):
    """The answer was not there in the time that it may take."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """How often, and after how many seconds, a failed attempt is repeated.

    The wait before retry n is drawn evenly from 0 to min(cap, first * 2^(n-1)) (full jitter), and is never
    shorter than what the server asked for. A server that asks for more than `patience_seconds` is left to a
    later run.
    """

    retries: int = 5
    first_seconds: float = 1.0
    cap_seconds: float = 60.0
    patience_seconds: float = 120.0


def wait_seconds(backoff: Backoff, failures: int, draw: float, retry_after: float | None) -> float:
    """How long to wait after this many failures in a row (from 1); `draw` is a random number in [0, 1)."""
    # 2.0 ** 1024 would overflow; the cap is reached long before.
    ceiling = min(backoff.cap_seconds, backoff.first_seconds * 2.0 ** min(failures - 1, 62))
    return max(ceiling * draw, retry_after or 0.0)


@dataclass(frozen=True, slots=True)
class Persistence:
    """Repeats an attempt until it succeeds, fails for good, or the retries are used up."""

    backoff: Backoff
    sleep: Callable[[float], None] = time.sleep
    random: Callable[[], float] = _random

    def run(self, attempt: Callable[[], T]) -> T:
        """The attempt's result; the last Interrupted when all retries failed."""
        failures = 0
        while True:
            try:
                return attempt()
            except Interrupted as error:
                failures = 1 if error.advanced else failures + 1
                if (
                    failures > self.backoff.retries
                    or (error.retry_after or 0.0) > self.backoff.patience_seconds
                ):
                    raise
                self.sleep(wait_seconds(self.backoff, failures, self.random(), error.retry_after))
