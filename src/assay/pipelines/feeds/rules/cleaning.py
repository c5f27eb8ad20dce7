"""An entry as it came, made readable: whatever its format, the same kind of text with the same promises.

Nothing that a stranger sends makes it fail: what is broken is read as plain text.
"""

import re
from datetime import datetime
from pathlib import PurePosixPath
from typing import NamedTuple
from urllib.parse import urlsplit

from assay.pipelines.feeds.model.extraction import Prose
from assay.pipelines.feeds.rules import bulletins, mail, markdown, markup
from assay.pipelines.feeds.rules.dates import read_date
from assay.pipelines.feeds.rules.plain_text import LONGEST, MOST_BYTES, decoded, seen, tidy

_KINDS = {
    "text/html": "html",
    "application/xhtml+xml": "html",
    "text/markdown": "markdown",
    "text/x-markdown": "markdown",
    "message/rfc822": "mail",
    "application/mbox": "mail",
    "application/yaml": "yaml",
    "application/x-yaml": "yaml",
    "text/yaml": "yaml",
    "text/x-yaml": "yaml",
    "application/json": "json",
    "text/json": "json",
    "application/xml": "html",
    "text/xml": "html",
}
_ENDINGS = {
    ".html": "html", ".htm": "html", ".xhtml": "html", ".md": "markdown", ".markdown": "markdown", ".eml": "mail",
    ".mbox": "mail", ".yml": "yaml", ".yaml": "yaml", ".json": "json",
}  # fmt: skip
_HTML = re.compile(
    r"\s*(?:<!doctype html|<html|<head|<body|<(?:p|div|h[1-6]|ul|table|article|section)[\s>])", re.IGNORECASE
)
_PUBLISHED = frozenset(
    [
        "published",
        "published_at",
        "date_published",
        "datepublished",
        "publication_date",
        "publish_date",
        "announced",
        "date",
        "released",
        "release_date",
        "created",
        "pubdate",
        "disclosed",
    ]
)
_MODIFIED = frozenset(
    [
        "modified",
        "modified_at",
        "date_modified",
        "datemodified",
        "updated",
        "updated_at",
        "last_modified",
        "lastmodified",
    ]
)
_LONGEST_TITLE = 500
_LONGEST_FIRST_LINE = 200
_MOST_LINKS = 500
_MOST_FACTS = 2_000
_SPACE = re.compile(r"\s+")


class _Read(NamedTuple):
    """What a format's reader found."""

    title: str | None
    body: str
    links: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    hidden: int = 0
    was_cut: bool = False


def clean(raw: bytes, media_type: str, title: str | None, address: str | None) -> Prose:
    """The entry as readable text with its title in front; never raises.

    A stated media type decides the format; for text of no particular kind the address's ending does, then the content.
    """
    was_cut = len(raw) > MOST_BYTES
    found = _read(raw[:MOST_BYTES], media_type, address)
    head, head_removed, head_hidden = seen(_without_markup(title or found.title or ""))
    head = _SPACE.sub(" ", tidy(head))[:_LONGEST_TITLE].strip()
    body, removed, hidden = seen(found.body[: 2 * LONGEST])
    body = tidy(body)
    if head:
        body = _without_title(body, head)
    else:
        head, body = _first_line(body)
    text = f"{head}\n\n{body}" if head and body else head or body
    is_longer = len(text) > LONGEST or len(found.body) > 2 * LONGEST
    facts = _facts(found.facts, address)
    return Prose(
        text=text[:LONGEST].rstrip(" \n") if is_longer else text,
        title_end=len(head) if body else 0 if not title and not found.title else len(head),
        links=_links(found.links, address),
        facts=facts,
        published=_moment(facts, _PUBLISHED),
        modified=_moment(facts, _MODIFIED),
        removed=removed + head_removed,
        was_cut=was_cut or is_longer or found.was_cut,
        hidden=hidden + head_hidden + found.hidden,
    )


def _read(raw: bytes, media_type: str, address: str | None) -> _Read:
    kind = _kind(raw, media_type, address)
    if kind == "mail":
        letter = mail.read(raw)
        return _Read(letter.subject, letter.body, letter.links, letter.facts, letter.hidden)
    text = decoded(raw, media_type).replace("\r\n", "\n").replace("\r", "\n")
    if kind == "html":
        page = markup.readable(text, address)
        return _Read(page.title, page.text, page.links, page.facts, page.hidden, page.was_cut)
    if kind in {"yaml", "json"}:
        bulletin = bulletins.from_yaml_text(text) if kind == "yaml" else bulletins.from_json_text(text)
        if bulletin is not None:
            return _Read(bulletin.title, bulletin.body, bulletin.links, bulletin.facts, bulletin.hidden)
    if kind == "markdown":
        return _markdown(text, address)
    return _Read(None, text)


def _kind(raw: bytes, media_type: str, address: str | None) -> str:
    essence = media_type.partition(";")[0].strip().lower()
    stated = _KINDS.get(essence) or (
        "json" if essence.endswith("+json") else "html" if essence.endswith("+xml") else None
    )
    if stated is not None:
        return stated
    try:
        path = urlsplit(address or "").path
    except ValueError:
        path = ""
    ending = _ENDINGS.get(PurePosixPath(path).suffix.lower())
    # A page about a file `x.json` is a page: only what the content can be, the ending decides.
    if ending in {"markdown", "yaml", "mail"}:
        return ending
    if mail.is_mail(raw):
        return "mail"
    start = decoded(raw[:2_000], media_type)
    if _HTML.match(start):
        return "html"
    if bulletins.front_matter(decoded(raw[:20_000], media_type).replace("\r\n", "\n")) is not None:
        return "markdown"
    return "json" if start.lstrip()[:1] in {"{", "["} else "plain"


def _markdown(text: str, address: str | None) -> _Read:
    front = bulletins.front_matter(text)
    fields = None
    if front is not None:
        fields, text = front
    page = markdown.readable_markdown(text, address)
    if fields is None:
        return _Read(page.title, page.text, page.links, hidden=page.hidden)
    return _Read(
        fields.title or page.title,
        # The fields are part of what can be quoted, so they stand in the text too.
        f"{fields.body}\n\n{page.text}",
        (*fields.links, *page.links),
        fields.facts,
        fields.hidden + page.hidden,
    )


def _without_markup(title: str) -> str:
    return markup.readable(markup.escape_unknown(title)).text if markup.has_markup(title) else title


def _first_line(body: str) -> tuple[str, str]:
    """The first line as a title, where it stands alone and is short, and the rest; else no title."""
    line, gap, rest = body.partition("\n\n")
    if gap and "\n" not in line and len(line) <= _LONGEST_FIRST_LINE:
        return line.strip(), rest
    return "", body


def _without_title(body: str, title: str) -> str:
    """The body without the title that it begins with, underlined or not."""
    if not title or not body.startswith(title):
        return body
    rest = body[len(title) :]
    line = rest.partition("\n")[0]
    if line.strip(" =#*-"):
        return body
    rest = rest[len(line) :].lstrip("\n")
    underline = rest.partition("\n")[0]
    return rest[len(underline) :].lstrip("\n") if underline and not underline.strip("=-") else rest


def _links(found: tuple[str, ...], address: str | None) -> tuple[str, ...]:
    links = dict.fromkeys(seen(link.strip())[0] for link in (address or "", *found))
    return tuple([link for link in links if link][:_MOST_LINKS])


def _facts(found: tuple[tuple[str, str], ...], address: str | None) -> tuple[tuple[str, str], ...]:
    pairs = [(key, value) for key, value in found if key != "address"]
    if address:
        pairs.insert(0, ("address", address))
    return tuple((_SPACE.sub(" ", seen(key)[0]), tidy(seen(value)[0])) for key, value in pairs[:_MOST_FACTS])


def _moment(facts: tuple[tuple[str, str], ...], keys: frozenset[str]) -> datetime | None:
    for key, value in facts:
        if key.rpartition(".")[2].lower().replace("-", "_") in keys:
            moment = read_date(value)
            if moment is not None:
                return moment
    return None
