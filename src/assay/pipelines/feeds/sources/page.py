"""Web pages: a whole page, its sections, or the pages that it links to."""

from collections.abc import Iterator
from datetime import datetime
from hashlib import blake2b
from typing import Annotated

import msgspec
from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

from assay.domain.moments import read_moment
from assay.domain.web_address import web_address, without_fragment
from assay.errors import BadRecord
from assay.pipelines.feeds.model.documents import Bad, Document, Listing
from assay.pipelines.feeds.model.entries import Received
from assay.pipelines.feeds.model.sources import Kind

_HTML = {"text/html", "application/xhtml+xml", "application/xml", "text/xml", ""}
_PLAIN = {"text/plain", "text/markdown"}
# What a reader of the page does not see, and what changes without the page saying anything else.
_UNSEEN = "script, style, noscript, template, svg, iframe, head"

Selector = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may be said of a page, in CSS selectors; without any the whole page is one entry.

    `sections` are the parts of which each is an entry, `title` and `date` stand within one. `links` are the anchors
    whose pages are an entry each. `content` is the part of a whole page that matters.
    """

    sections: Selector | None = None
    links: Selector | None = None
    content: Selector | None = None
    title: Selector | None = None
    date: Selector | None = None
    max_links: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 50

    def __post_init__(self) -> None:
        if self.sections is not None and self.links is not None:
            raise ValueError("a page gives `sections` or `links`, not both")
        empty = LexborHTMLParser("<p></p>")
        for name in ("sections", "links", "content", "title", "date"):
            selector = getattr(self, name)
            if selector is not None:
                try:
                    empty.css(selector)
                except SelectolaxError as error:
                    raise ValueError(f"`{name}` is no CSS selector: {error}") from None


class _Page:
    kind = Kind.PAGE
    options = Options

    def first(self, address: str, options: Options, mark: str | None) -> str:  # noqa: ARG002 - the protocol's
        """The page's own address."""
        return address

    def read(self, document: Document, options: Options) -> Listing:
        """The entries of a page. BadRecord: `not-a-page`, `nothing-found` where the page is not what it was."""
        if document.media_type in _PLAIN:
            return Listing(entries=(_plain(document),))
        if document.media_type not in _HTML:
            raise BadRecord("not-a-page", f"{document.address} is {document.media_type}, which is not read")
        tree = LexborHTMLParser(document.content)
        if options.links is not None:
            return _links(document, tree, options, options.links)
        if options.sections is not None:
            return _sections(document, tree, options, options.sections)
        return Listing(entries=(_whole(document, tree, options),))


READER = _Page()


def _plain(document: Document) -> Received:
    return Received(
        key=document.address, media_type=document.media_type, raw=document.content, address=document.address
    )


def _links(document: Document, tree: LexborHTMLParser, options: Options, selector: str) -> Listing:
    found = [link for node in tree.css(selector) for link in _addresses(node, document.address)]
    if not found:
        raise BadRecord(
            "nothing-found", f"no link of {document.address} fits `{selector}`: correct the selector"
        )
    return Listing(
        links=tuple(dict.fromkeys(found))[: options.max_links],
        link_options=Options(content=options.content, title=options.title, date=options.date),
    )


def _addresses(node: LexborNode, base: str) -> Iterator[str]:
    """The address that an anchor leads to, or those of the anchors in it."""
    for anchor in [node] if node.tag == "a" else node.css("a[href]"):
        whole = web_address(base, anchor.attributes.get("href"))
        if whole is not None and without_fragment(whole) != without_fragment(base):
            yield without_fragment(whole)


def _sections(document: Document, tree: LexborHTMLParser, options: Options, selector: str) -> Listing:
    entries: list[Received] = []
    bad: list[Bad] = []
    for number, node in enumerate(tree.css(selector), 1):
        raw = (node.html or "").encode(errors="replace")
        text = _text(node)
        if not text:
            bad.append(Bad(f"{document.address} section {number}", "empty", "it has no text", raw))
            continue
        anchor = node.attributes.get("id")
        link = next(_addresses(node, document.address), None)
        name = anchor or link or blake2b(text.encode(errors="replace"), digest_size=16).hexdigest()
        entries.append(
            Received(
                key=f"{document.address}#{name}" if name != link else name,
                media_type="text/html",
                raw=raw,
                address=f"{document.address}#{anchor}" if anchor else link or document.address,
                title=_chosen(node, options.title or "h1, h2, h3, h4, h5, h6"),
                published_at=_moment(node, options.date),
                sameness=text.encode(errors="replace"),
            )
        )
    if not entries and not bad:
        raise BadRecord(
            "nothing-found", f"no part of {document.address} fits `{selector}`: correct the selector"
        )
    return Listing(entries=tuple(entries), bad=tuple(bad))


def _whole(document: Document, tree: LexborHTMLParser, options: Options) -> Received:
    root = tree.root
    part = None if options.content is None else tree.css_first(options.content)
    if options.content is not None and part is None:
        raise BadRecord(
            "nothing-found", f"no part of {document.address} fits `{options.content}`: correct the selector"
        )
    title = None if root is None else _chosen(root, options.title or "h1") or _chosen(root, "title")
    published = None if root is None else _moment(root, options.date)
    if part is not None:
        raw, media_type = (part.html or "").encode(errors="replace"), "text/html"
    else:
        raw, media_type = document.content, _with_charset(document)
    text = _text(part or root)
    if not text:
        raise BadRecord("empty", f"{document.address} has no text: it may be made by a script in a browser")
    return Received(
        key=document.address,
        media_type=media_type,
        raw=raw,
        address=document.address,
        title=title,
        published_at=published,
        sameness=text.encode(errors="replace"),
    )


def _with_charset(document: Document) -> str:
    """The media type, with the encoding that only the server knows of."""
    said = document.headers.get("content-type", "").lower().partition("charset=")[2].strip(" \"';")
    return f"text/html; charset={said}" if said and said not in ("utf-8", "utf8") else "text/html"


def _text(node: LexborNode | None) -> str:
    """What a reader sees, on one line. The node itself stays as it is."""
    if node is None:
        return ""
    copy = LexborHTMLParser(node.html or "")
    for unseen in copy.css(_UNSEEN):
        unseen.decompose()
    return " ".join(copy.root.text(separator=" ").split()) if copy.root is not None else ""


def _chosen(node: LexborNode, selector: str) -> str | None:
    found = node.css_first(selector)
    return " ".join(found.text(separator=" ").split()) or None if found is not None else None


def _moment(node: LexborNode, selector: str | None) -> datetime | None:
    found = node.css_first(selector or "time[datetime]")
    if found is None:
        return None
    return read_moment(found.attributes.get("datetime") or " ".join(found.text().split()))
