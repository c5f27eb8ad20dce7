"""REST interfaces that answer JSON: where the entries stand, and how the next page is asked for."""

import re
from hashlib import blake2b
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec

from assay.domain.moments import read_moment
from assay.domain.plain import from_json
from assay.domain.web_address import web_address
from assay.errors import BadRecord
from assay.pipelines.feeds.model.documents import Bad, Document, Listing, left_out
from assay.pipelines.feeds.model.entries import Received
from assay.pipelines.feeds.model.sources import Kind

_MOST_ITEMS = 10_000
# Asked in this order where nobody says which field names an entry.
_KEYS = ("id", "guid", "uuid", "key", "url")
_MARKUP = re.compile(r"</?(p|br|div|ul|li|h[1-6]|table|a|pre|strong|em|span)\b", re.IGNORECASE)
# Matches `<https://example.org/?page=2>; rel="next"` (RFC 8288).
_LINK = re.compile(r"<([^<>]*)>((?:\s*;\s*[^\s=;,]+\s*=\s*(?:\"[^\"]*\"|[^\s\";,]+))*)")
_NEXT = re.compile(r";\s*rel\s*=\s*\"?(?:[^\";,]*\s)?next(?=[\s\";,]|$)", re.IGNORECASE)

Path = Annotated[str, msgspec.Meta(max_length=300)]
"""A JSON pointer (`/data/items`, RFC 6901), or names with dots between them (`data.items`); empty is the whole."""


class Paging(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the next page is asked for.

    `page` and `offset` count the `parameter` up until a page has no entries; `next` is an address and `cursor` a value
    that stand at `at` in the answer; `link` is the header field. With `is_kept` the next fetch goes on from the last
    cursor, for interfaces that tell what is new since then.
    """

    by: Literal["page", "offset", "next", "link", "cursor"]
    parameter: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] | None = None
    at: Path | None = None
    start: Annotated[int, msgspec.Meta(ge=0)] | None = None
    size: Annotated[int, msgspec.Meta(ge=1, le=10_000)] | None = None
    size_parameter: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] | None = None
    is_kept: bool = False

    def __post_init__(self) -> None:
        if self.by in ("next", "cursor") and self.at is None:
            raise ValueError(f"paging by `{self.by}` needs `at`: where it stands in the answer")
        if self.is_kept and self.by != "cursor":
            raise ValueError("only a `cursor` can be kept")
        if (self.size is None) is not (self.size_parameter is None):
            raise ValueError("`size` and `size_parameter` belong together")

    @property
    def name(self) -> str:
        """The query parameter that is counted up or set."""
        return self.parameter or self.by

    @property
    def first(self) -> int:
        """What is counted from: pages from 1, entries from 0."""
        return self.start if self.start is not None else int(self.by == "page")


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may be said of an interface: where the list of entries stands, and within an entry each of its parts.

    Without `body` the entry itself is the text, as JSON. Without `key` the first of id, guid, uuid, key and url names
    it.
    """

    items: Path = ""
    key: Path | None = None
    title: Path | None = None
    body: Path | None = None
    address: Path | None = None
    published: Path | None = None
    media_type: Literal["text/plain", "text/html", "text/markdown"] | None = None
    paging: Paging | None = None
    max_pages: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 10


class _Rest:
    kind = Kind.JSON
    options = Options

    def first(self, address: str, options: Options, mark: str | None) -> str:
        """The address of the first page, or of what came since the mark."""
        paging = options.paging
        if paging is None:
            return address
        said: dict[str, str] = {}
        if paging.by in ("page", "offset"):
            said[paging.name] = str(paging.first)
        elif paging.is_kept and mark is not None:
            said[paging.name] = mark
        if paging.size is not None and paging.size_parameter is not None:
            said[paging.size_parameter] = str(paging.size)
        return _with(address, said)

    def read(self, document: Document, options: Options) -> Listing:
        """The entries of one page, in its order. BadRecord: `not-json`, `no-list`."""
        found = from_json(document.content)
        items = _at(found, options.items)
        if not isinstance(items, list):
            said = type(items).__name__ if items is not None else "nothing"
            raise BadRecord(
                "no-list", f"{document.address} has {said} at {options.items!r}, not a list of entries"
            )
        entries: list[Received] = []
        bad: list[Bad] = []
        for number, item in enumerate(items[:_MOST_ITEMS]):
            try:
                entries.append(_entry(item, options, document.address))
            except BadRecord as error:
                place = f"{document.address} {options.items or 'item'} {number}"
                bad.append(Bad(place, error.reason, error.detail, msgspec.json.encode(item)))
        bad += left_out(document, len(items), _MOST_ITEMS)
        paging = options.paging
        following = None if paging is None else _following(document, found, len(items), paging)
        mark = _cursor(found, paging) if paging is not None and paging.is_kept else None
        return Listing(entries=tuple(entries), bad=tuple(bad), following=following, mark=mark)


READER = _Rest()


def _entry(item: Any, options: Options, base: str) -> Received:
    body = item if options.body is None else _at(item, options.body)
    title = _line(_at(item, options.title)) if options.title is not None else None
    if body in (None, "", [], {}) and title is None:
        raise BadRecord("empty", f"it has no text at {options.body!r} and no title")
    media_type: str
    if isinstance(body, str):
        raw = body.encode(errors="replace")
        media_type = options.media_type or ("text/html" if _MARKUP.search(body) else "text/plain")
    else:
        raw, media_type = msgspec.json.encode(body), "application/json"
    key = _key(item, options.key)
    if options.key is not None and key is None:
        raise BadRecord("no-key", f"it has no name at {options.key!r}")
    address = _line(_at(item, options.address)) if options.address is not None else None
    return Received(
        key=key or blake2b(msgspec.json.encode(item, order="sorted"), digest_size=16).hexdigest(),
        media_type=media_type,
        raw=raw,
        address=web_address(base, address),
        title=title,
        published_at=read_moment(_at(item, options.published)) if options.published is not None else None,
    )


def _key(item: Any, path: str | None) -> str | None:
    if path is not None:
        return _line(_at(item, path))
    return next((key for name in _KEYS if (key := _line(_at(item, name)))), None)


def _line(value: Any) -> str | None:
    """A text or a number as one line, None for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return " ".join(str(value).split()) or None


def _at(value: Any, path: str) -> Any:
    """What stands there, None where nothing does."""
    for name in _names(path):
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list) and name.isdecimal() and len(name) < 9 and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value


def _names(path: str) -> list[str]:
    if path.startswith("/"):
        return [part.replace("~1", "/").replace("~0", "~") for part in path[1:].split("/")]
    return path.split(".") if path else []


def _following(document: Document, found: Any, count: int, paging: Paging) -> str | None:
    match paging.by:
        case "page" | "offset":
            if count == 0 or (paging.size is not None and count < paging.size):
                return None
            at = _number(document.address, paging)
            return _with(document.address, {paging.name: str(at + (1 if paging.by == "page" else count))})
        case "link":
            links = _LINK.finditer(document.headers.get("link", ""))
            return web_address(
                document.address, next((one[1] for one in links if _NEXT.search(one[2])), None)
            )
        case "next":
            return web_address(document.address, _line(_at(found, paging.at or "")))
        case "cursor":
            cursor = _cursor(found, paging)
            if cursor is None or count == 0:
                return None
            return _with(document.address, {paging.name: cursor})


def _cursor(found: Any, paging: Paging) -> str | None:
    return _line(_at(found, paging.at or ""))


def _number(address: str, paging: Paging) -> int:
    said = dict(parse_qsl(urlsplit(address).query, keep_blank_values=True)).get(paging.name, "")
    return int(said) if said.isdecimal() and len(said) < 12 else paging.first


def _with(address: str, said: dict[str, str]) -> str:
    """The address with these query parameters in the place of what they were."""
    if not said:
        return address
    parts = urlsplit(address)
    kept = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] not in said]
    return urlunsplit(parts._replace(query=urlencode([*kept, *said.items()]), fragment=""))
