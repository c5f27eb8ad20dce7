"""Sources of entries: where prose comes from, as people set it up at run time."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

SHORTEST = timedelta(minutes=1)
LONGEST = timedelta(hours=72)
"""Between two fetches of a source."""

USUAL_INTERVAL = timedelta(hours=1)

PERSISTENT = 20
"""So many failures in a row and a source is persistently failing."""

_LONGEST_BACKOFF = timedelta(hours=6)
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
"""What a source may be called."""

MOST_BAD = 1_000
"""So many entries of one fetch are set aside at most; a source with more is no source of this kind."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What sources may reach on this server, and how much they may give; sizes in bytes.

    `document_bytes` are of one document, `total_bytes` and `seconds` of one fetch. `roots` are folders.
    """

    roots: tuple[Path, ...] = ()
    document_bytes: int = 32 << 20
    total_bytes: int = 256 << 20
    seconds: float = 600.0
    retention: timedelta = timedelta(days=7)


class Kind(StrEnum):
    """How a source gives its entries."""

    FEED = "feed"
    """RSS, Atom or JSON Feed."""
    JSON = "json"
    """A REST interface that answers JSON, page by page."""
    PAGE = "page"
    """A web page: all of it, its sections, or what it links to."""
    FILES = "files"
    """A directory of this server, or an archive by path or address: text, Markdown, HTML, mail, YAML."""


class Health(StrEnum):
    """How a source does."""

    NEW = "new"
    """Never fetched yet."""
    WELL = "well"
    FAILING = "failing"
    PERSISTENTLY_FAILING = "persistently_failing"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source as it stands. `secret_names` are the header fields and `?parameters` whose values nobody is shown."""

    id: int
    name: str
    kind: Kind
    address: str
    options: Mapping[str, Any]
    secret_names: tuple[str, ...]
    interval_seconds: int
    is_enabled: bool
    next_at: datetime
    last_tried_at: datetime | None
    last_good_at: datetime | None
    failures: int
    last_error: str | None
    created_by: str
    created_at: datetime
    changed_at: datetime
    removed_at: datetime | None
    cursor: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def health(self) -> Health:
        """How it does."""
        if not self.is_enabled:
            return Health.DISABLED
        if self.failures:
            return Health.PERSISTENTLY_FAILING if self.failures >= PERSISTENT else Health.FAILING
        return Health.NEW if self.last_tried_at is None else Health.WELL

    @property
    def interval(self) -> timedelta:
        """Between two fetches."""
        return timedelta(seconds=self.interval_seconds)


@dataclass(frozen=True, slots=True)
class Quarantined:
    """An entry that its source gave and that could not be used."""

    place: str
    reason: str
    detail: str
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Fetched:
    """What one fetch came to; `is_unchanged` when the source had nothing else than before.

    `bad` counts the entries that were set aside. `error` is why it ended early, None when it did not.
    """

    source: str
    documents: int = 0
    read: int = 0
    new: int = 0
    changed: int = 0
    known: int = 0
    bad: int = 0
    is_unchanged: bool = False
    error: str | None = None


def wait_after_failures(failures: int, interval: timedelta, asked: timedelta | None = None) -> timedelta:
    """How long a source that failed so often in a row is left alone.

    Its interval, doubled with each failure up to six hours, and no less than the server asked for, up to 72 hours.
    """
    doubled = interval * (1 << min(failures - 1, 12))
    wait = max(interval, min(doubled, _LONGEST_BACKOFF))
    return max(wait, min(asked, LONGEST)) if asked is not None else wait
