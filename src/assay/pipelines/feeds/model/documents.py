"""Documents of a source, and what a reader makes of one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from assay.pipelines.feeds.model.entries import Received
from assay.pipelines.feeds.model.sources import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What a source gave: a web address or a path within a directory or archive, and the bytes.

    `headers` are what the server said of it, names in small letters.
    """

    address: str
    content: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def media_type(self) -> str:
        """What the server calls it, without parameters; empty where it does not say."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class Bad:
    """An entry that cannot be used: where it stood, the reason in one word, the details for people."""

    place: str
    reason: str
    detail: str
    raw: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What stood in one document, in its order.

    `following` is the address of the next page. `links` are addresses whose documents are read with `link_options`.
    `mark` is from where the next fetch goes on, None where that is as before.
    """

    entries: tuple[Received, ...] = ()
    bad: tuple[Bad, ...] = ()
    following: str | None = None
    links: tuple[str, ...] = ()
    link_options: msgspec.Struct | None = None
    mark: str | None = None


def left_out(document: Document, count: int, most: int) -> tuple[Bad, ...]:
    """What is said of a document that holds more entries than are read of one; nothing of any other."""
    if count <= most:
        return ()
    said = f"{count:,} entries, of which the first {most:,} are read: narrow the address, or ask for pages"
    return (Bad(document.address, "too-many", said),)


class Reader(Protocol):
    """How one kind of source is read. Pure: whoever calls it fetches."""

    @property
    def kind(self) -> Kind: ...

    @property
    def options(self) -> type[msgspec.Struct]:
        """What may be said of a source of this kind."""
        ...

    def first(self, address: str, options: Any, mark: str | None) -> str:
        """What to ask first, given the mark of the last fetch."""
        ...

    def read(self, document: Document, options: Any) -> Listing:
        """The entries of one document. Raises BadRecord when it is none of this kind."""
        ...
