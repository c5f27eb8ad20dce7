"""Files of a directory or an archive: text, Markdown, HTML, YAML, JSON, and mail (RFC 5322), alone or in an mbox."""

import re
from dataclasses import replace
from datetime import datetime
from email import policy
from email.errors import MessageError
from email.message import EmailMessage
from email.parser import BytesParser
from fnmatch import fnmatch
from pathlib import PurePosixPath
from typing import Annotated, Literal

import msgspec
from selectolax.lexbor import LexborHTMLParser

from assay.domain.moments import read_moment
from assay.errors import BadRecord
from assay.pipelines.feeds.model.documents import Bad, Document, Listing, left_out
from assay.pipelines.feeds.model.entries import Received
from assay.pipelines.feeds.model.sources import Kind

MAIL = "message/rfc822"
_TYPES = {
    **dict.fromkeys((".txt", ".text", ".asc", ".rst", ".adoc"), "text/plain"),
    **dict.fromkeys((".md", ".markdown", ".mdown"), "text/markdown"),
    **dict.fromkeys((".html", ".htm", ".xhtml"), "text/html"),
    **dict.fromkeys((".yml", ".yaml"), "application/yaml"),
    **dict.fromkeys((".eml", ".mbox", ".mail", ".mbx"), MAIL),
    ".json": "application/json",
}
_MOST_MESSAGES = 50_000
# Matches "From bippy-1.2.0 Mon Sep 17 00:00:00 2001", the line before each message of an mbox (RFC 4155). The first
# colon behind the address is the time's, so that no line is looked at twice.
_FROM = re.compile(rb"^From \S++ [^\n:]*+(?<=\d\d):\d\d[^\n]*\d{4}[^\n]*$", re.MULTILINE)
# Matches "Subject: ..." and its kin, by which a message without a line before it begins.
_HEADER = re.compile(rb"[A-Za-z][A-Za-z0-9-]*:[ \t]")
# Matches "title: ..." of a front matter or a YAML bulletin.
_SAID = re.compile(r"^(title|announced|published|date)[ \t]*:[ \t]*(\S.*)$", re.MULTILINE)
_HEADING = re.compile(r"^(?:#{1,3}[ \t]+(\S.*)|(\S.*)\n(?:={3,}|-{3,})[ \t]*)$", re.MULTILINE)
_START = 4_000

Pattern = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may be said of files: which count (`*.md`, by name or path), which do not, and what all of them are.

    Without `include` every file counts whose ending is known.
    """

    include: tuple[Pattern, ...] = ()
    exclude: tuple[Pattern, ...] = ()
    media_type: (
        Literal[
            "text/plain",
            "text/markdown",
            "text/html",
            "application/yaml",
            "application/json",
            "message/rfc822",
        ]
        | None
    ) = None

    def wants(self, path: str) -> bool:
        """Whether a file counts."""
        if any(_fits(path, pattern) for pattern in self.exclude):
            return False
        if self.include:
            return any(_fits(path, pattern) for pattern in self.include)
        return self.media_type is not None or PurePosixPath(path).suffix.lower() in _TYPES


def _fits(path: str, pattern: str) -> bool:
    return fnmatch(path, pattern) or ("/" not in pattern and fnmatch(PurePosixPath(path).name, pattern))


class _Files:
    kind = Kind.FILES
    options = Options

    def first(self, address: str, options: Options, mark: str | None) -> str:  # noqa: ARG002 - the protocol's
        """The directory's or archive's own address."""
        return address

    def read(self, document: Document, options: Options) -> Listing:
        """The entries of one file: one for each message of an mbox, else one."""
        if not document.content.strip():
            raise BadRecord("empty", f"{document.address} has nothing in it")
        suffix = PurePosixPath(document.address).suffix.lower()
        media_type = options.media_type or _TYPES.get(suffix, "text/plain")
        if media_type == MAIL:
            return _read_mail(document)
        if b"\0" in document.content[:_START]:
            raise BadRecord("not-text", f"{document.address} is no text")
        return Listing(entries=(_read_text(document, media_type),))


READER = _Files()


def _read_text(document: Document, media_type: str) -> Received:
    start = document.content[:_START].decode("utf-8-sig", errors="replace").replace("\r\n", "\n")
    title, published = _told(start, media_type, document.content)
    return Received(
        key=document.address,
        media_type=media_type,
        raw=document.content,
        title=title,
        published_at=published,
    )


def _told(start: str, media_type: str, content: bytes) -> tuple[str | None, datetime | None]:
    """The title and the moment, as far as the first lines tell them."""
    if media_type == "text/html":
        node = LexborHTMLParser(content).css_first("title")
        return (" ".join(node.text().split()) or None if node is not None else None), None
    said: dict[str, str] = {}
    front = start.partition("\n---")[0] if start.startswith("---") else ""
    for name, value in _SAID.findall(start if media_type == "application/yaml" else front):
        said.setdefault(name, value.strip().strip("'\""))
    moment = read_moment(said.get("announced") or said.get("published") or said.get("date"))
    if "title" in said or media_type == "application/yaml":
        return said.get("title"), moment
    heading = _HEADING.search(start[len(front) :]) if media_type in ("text/markdown", "text/plain") else None
    return (None if heading is None else (heading[1] or heading[2]).strip()), moment


def _read_mail(document: Document) -> Listing:
    messages = _messages(document.content)
    if not messages:
        raise BadRecord("not-mail", f"{document.address} begins neither with a header field nor with `From `")
    entries: list[Received] = []
    bad: list[Bad] = []
    seen: set[str] = set()
    for number, raw in enumerate(messages[:_MOST_MESSAGES], 1):
        place = document.address if len(messages) == 1 else f"{document.address}#{number}"
        try:
            entry = _message(raw, place)
        except BadRecord as error:
            bad.append(Bad(place, error.reason, error.detail, raw))
            continue
        # Two messages of one name are two all the same, where one of them is not the other once more.
        entries.append(entry if entry.key not in seen else replace(entry, key=place))
        seen.add(entry.key)
    bad += left_out(document, len(messages), _MOST_MESSAGES)
    return Listing(entries=tuple(entries), bad=tuple(bad))


def _messages(content: bytes) -> list[bytes]:
    """The messages of a file, without the lines between them."""
    if not content.startswith(b"From "):
        return [content] if _HEADER.match(content) else []
    places = [
        match
        for match in _FROM.finditer(content)
        if match.start() == 0 or content.endswith((b"\n\n", b"\r\n\r\n"), 0, match.start())
    ]
    ends = [*(match.start() for match in places[1:]), len(content)]
    # Without any place there is one end too many, and nothing between.
    cut = (content[match.end() : end].lstrip(b"\r\n") for match, end in zip(places, ends, strict=False))
    return [message for message in cut if message.strip()]


def _message(raw: bytes, place: str) -> Received:
    if not _HEADER.match(raw):
        raise BadRecord("not-mail", f"{place} begins with no header field")
    try:
        parsed = BytesParser(EmailMessage, policy=policy.default).parsebytes(raw, headersonly=True)
        subject, said, name = (_field(parsed, field) for field in ("subject", "date", "message-id"))
    except (MessageError, ValueError, LookupError, IndexError, AttributeError, TypeError) as error:
        # Python's parser of header fields raises these for hostile ones (3.11: `=?utf-8?b?` cut short and its kin).
        raise BadRecord("not-mail", f"{place}: a header field cannot be read: {error}") from None
    return Received(
        key=(name or "").strip("<> ") or place,
        media_type=MAIL,
        raw=raw,
        title=subject,
        published_at=read_moment(said),
    )


def _field(message: EmailMessage, name: str) -> str | None:
    value = message.get(name)
    return None if value is None else " ".join(str(value).split()) or None
