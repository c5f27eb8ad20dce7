"""Feeds: RSS 0.9x, 1.0 and 2.0, Atom (RFC 4287) and JSON Feed 1.1; what is nearly well-formed is read as well."""

import calendar
import io
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Annotated, Any

import feedparser
import msgspec
from selectolax.lexbor import LexborHTMLParser

from assay.domain.moments import read_moment
from assay.domain.plain import from_json
from assay.domain.web_address import web_address
from assay.errors import BadRecord
from assay.pipelines.feeds.model.documents import Bad, Document, Listing, left_out
from assay.pipelines.feeds.model.entries import Received
from assay.pipelines.feeds.model.sources import Kind

_MOST_ENTRIES = 10_000
_TYPES = {"text/html", "text/plain", "application/xhtml+xml"}
_JSON_FEED = "https://jsonfeed.org/version/"


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may be said of a feed: how many pages of it are read (RFC 5005, `next`), newest first."""

    max_pages: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 1


class _Feed:
    kind = Kind.FEED
    options = Options

    def first(self, address: str, options: Options, mark: str | None) -> str:  # noqa: ARG002 - the protocol's
        """The feed's own address."""
        return address

    def read(self, document: Document, options: Options) -> Listing:  # noqa: ARG002 - the protocol's
        """The entries, in the feed's order. BadRecord: `not-a-feed`."""
        if document.content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{":
            return _read_json(document)
        return _read_xml(document)


READER = _Feed()


def _read_xml(document: Document) -> Listing:
    # A stream, because feedparser takes bytes for the name of a file of this server.
    parsed = feedparser.parse(
        io.BytesIO(document.content),
        response_headers={**document.headers, "content-location": document.address},
        sanitize_html=False,
        resolve_relative_uris=False,
    )
    if not parsed.get("version") and not parsed.entries:
        why = parsed.get("bozo_exception") or "it begins with none of the elements of one"
        raise BadRecord(
            "not-a-feed", f"{document.address} is no feed ({str(why)[:200]}): correct the address"
        )
    entries: list[Received] = []
    bad: list[Bad] = []
    for number, entry in enumerate(parsed.entries[:_MOST_ENTRIES], 1):
        try:
            # A plain mapping: feedparser's own answers `updated` with `published`, and warns of it.
            entries.append(_entry(dict(entry), document.address))
        except BadRecord as error:
            place = f"{document.address} entry {number}"
            bad.append(Bad(place, error.reason, error.detail, str(dict(entry)).encode(errors="replace")))
    bad += left_out(document, len(parsed.entries), _MOST_ENTRIES)
    following = next(
        (link.get("href") for link in parsed.feed.get("links", ()) if link.get("rel") == "next"), None
    )
    return Listing(entries=tuple(entries), bad=tuple(bad), following=web_address(document.address, following))


def _entry(entry: Mapping[str, Any], base: str) -> Received:
    media_type, body = max(_bodies(entry), key=lambda one: len(one[1]), default=("text/plain", ""))
    title = _title(entry)
    address = web_address(base, _said(entry, "link"))
    if not body.strip() and title is None:
        raise BadRecord("empty", "it has neither a title nor a text")
    published = _moment(entry, "published") or _moment(entry, "updated")
    return _received(_said(entry, "id"), address, title, published, media_type, body)


def _received(
    key: str | None,
    address: str | None,
    title: str | None,
    published: datetime | None,
    media_type: str,
    body: str,
) -> Received:
    raw = body.encode(errors="replace")
    # Without a name of its own an entry is named by what it says; when that changes, it is another one.
    made = key or address or blake2b(f"{title}\0".encode(errors="replace") + raw, digest_size=16).hexdigest()
    return Received(
        key=made, media_type=media_type, raw=raw, address=address, title=title, published_at=published
    )


def _bodies(entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(media type, text) of everything that may be the entry's text."""
    for part in (*(entry.get("content") or ()), entry.get("summary_detail") or {}):
        value, kind = part.get("value") or "", part.get("type") or "text/html"
        yield (kind if kind in _TYPES else "text/html"), value


def _title(entry: Mapping[str, Any]) -> str | None:
    said = _said(entry, "title")
    if said is None:
        return None
    is_markup = (entry.get("title_detail") or {}).get("type") != "text/plain"
    text = _without_tags(said) if is_markup and ("<" in said or "&" in said) else said
    return " ".join(text.split()) or None


def _without_tags(markup: str) -> str:
    root = LexborHTMLParser(markup).body
    return markup if root is None else root.text()


def _said(entry: Mapping[str, Any], name: str) -> str | None:
    value = entry.get(name)
    return value.strip() or None if isinstance(value, str) else None


def _moment(entry: Mapping[str, Any], name: str) -> datetime | None:
    parsed = entry.get(f"{name}_parsed")
    if parsed is not None:
        try:
            return datetime.fromtimestamp(calendar.timegm(parsed), UTC)
        except (ValueError, OverflowError):
            return None
    return read_moment(_said(entry, name))


def _read_json(document: Document) -> Listing:
    found = from_json(document.content)
    if not isinstance(found, dict) or not str(found.get("version", "")).startswith(_JSON_FEED):
        raise BadRecord(
            "not-a-feed", f"{document.address} is JSON, and no JSON Feed: make it a source of the kind `json`"
        )
    items = found.get("items")
    listed = items if isinstance(items, list) else []
    entries: list[Received] = []
    bad: list[Bad] = []
    for number, item in enumerate(listed[:_MOST_ENTRIES], 1):
        try:
            entries.append(_json_entry(item, document.address))
        except BadRecord as error:
            raw = msgspec.json.encode(item)
            bad.append(Bad(f"{document.address} item {number}", error.reason, error.detail, raw))
    bad += left_out(document, len(listed), _MOST_ENTRIES)
    following = found.get("next_url")
    return Listing(
        entries=tuple(entries),
        bad=tuple(bad),
        following=web_address(document.address, following if isinstance(following, str) else None),
    )


def _json_entry(item: Any, base: str) -> Received:
    if not isinstance(item, dict):
        raise BadRecord("wrong-type", f"an item is an object, not {type(item).__name__}")
    said = {name: value for name, value in item.items() if isinstance(value, str) and value.strip()}
    html, text = said.get("content_html"), said.get("content_text")
    body = html or text or said.get("summary", "")
    if not body and "title" not in said:
        raise BadRecord("empty", "it has neither a title nor a text")
    key = item.get("id")
    return _received(
        str(key) if isinstance(key, str | int) and not isinstance(key, bool) and str(key) else None,
        web_address(base, said.get("url") or said.get("external_url")),
        said.get("title"),
        read_moment(said.get("date_published") or said.get("date_modified")),
        "text/html" if html else "text/plain",
        body,
    )
