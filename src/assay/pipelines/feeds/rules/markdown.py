"""Markdown as readable text: without its marks for headings, stress and links; lists, tables and code as they are."""

import html
import re
from collections.abc import Callable
from typing import NamedTuple

from assay.pipelines.feeds.rules.markup import escape_unknown, has_markup, readable

# CommonMark 0.31: fenced code blocks (4.5), code spans (6.1), links (6.3), autolinks (6.5), headings (4.2, 4.3).
_CODE = re.compile(
    r"(?:^|(?<=\n))(?P<fence>`{3,}+|~{3,}+)[^\n]*\n(?:.*?\n)??(?:[ \t]*(?P=fence)[^\n]*(?=\n|$)|\Z)"
    r"|(?<!`)(?P<ticks>`{1,2}+)(?!`)[^\n]{1,500}?(?<!`)(?P=ticks)(?!`)",
    re.DOTALL,
)
_LINK = re.compile(
    r"!?\[(?P<shown>(?:[^\[\]\n]|\[[^\[\]\n]{0,100}\]){0,500})\]\(\s*<?(?P<target>[^\s()<>]{1,2000}(?"
    r":\([^\s()]{0,200}\)[^\s()<>]{0,500})?)>?(?:\s+[\"'][^\"'\n]{0,300}[\"'])?\s*\)"
)
_DEFINITION = re.compile(
    r"(?:^|(?<=\n))[ ]{0,3}\[[^\[\]\n]{1,200}\]:[ \t]*<?(\S{1,2000}?)>?[ \t]*(?:[\"'(][^\n]{0,300})?(?=\n|$)"
)
_AUTOLINK = re.compile(r"<((?:https?|ftp)://[^\s<>]{1,2000})>", re.IGNORECASE)
_HEADING = re.compile(r"(?:^|(?<=\n))[ ]{0,3}#{1,6}[ \t]+([^\n]*?)[ \t]*#*[ \t]*(?=\n|$)")
_FIRST = re.compile(
    r"\s*(?:[ ]{0,3}#{1,2}[ \t]+(?P<atx>[^\n]+?)[ \t]*#*|(?P<setext>[^\n#>|\s-][^\n]{0,300})\n[ "
    r"]{0,3}=+)[ \t]*(?:\n|$)"
)
_UNDERLINE = re.compile(r"(?<=[^\n])\n[ ]{0,3}(?:=+|-{3,})[ \t]*(?=\n|$)")
_STRESS = re.compile(r"(?<![\w*])(\*\*|__)(?=\S)([^\n*]{1,300}?)(?<=\S)\1(?![\w*])")
_ESCAPED = re.compile(r"\\([\\`*_{}\[\]()#+.!<>|~-])")


class Page(NamedTuple):
    """Text without marks, the title of its first heading, the addresses behind its words, and its hidden characters."""

    text: str
    title: str | None
    links: tuple[str, ...]
    hidden: int


def readable_markdown(text: str, address: str | None = None) -> Page:
    """The text as it would be read aloud; HTML in it is shown as HTML is."""
    links: dict[str, None] = {}
    hidden = 0
    text = _AUTOLINK.sub(r"\1", text)
    if has_markup(_CODE.sub("", text)):
        page = readable(_outside_code(text), address, keep_lines=True)
        text, hidden = page.text, page.hidden
        links.update(dict.fromkeys(page.links))
    first = _FIRST.match(text)
    title = None
    if first is not None:
        title = first["atx"] or first["setext"]
        text = text[first.end() :]

    def shown(match: re.Match[str]) -> str:
        if match["target"][:4].lower() in {"http", "ftp:"}:
            links.setdefault(match["target"], None)
        return "" if match[0].startswith("!") else match["shown"]

    text = _without_marks(text, shown)
    for definition in _DEFINITION.finditer(text):
        if definition[1][:4].lower() == "http":
            links.setdefault(definition[1], None)
    return Page(text, None if title is None else _without_marks(title, shown), tuple(links), hidden)


def _outside_code(text: str) -> str:
    """The text as HTML: what is code, or begins no element, is escaped."""
    parts = []
    at = 0
    for match in _CODE.finditer(text):
        parts += [escape_unknown(text[at : match.start()]), html.escape(match[0], quote=False)]
        at = match.end()
    parts.append(escape_unknown(text[at:]))
    return "".join(parts)


def _without_marks(text: str, shown: Callable[[re.Match[str]], str]) -> str:
    parts = []
    at = 0
    for match in _CODE.finditer(text):
        parts += [_plain(text[at : match.start()], shown), match[0]]
        at = match.end()
    parts.append(_plain(text[at:], shown))
    return "".join(parts)


def _plain(text: str, shown: Callable[[re.Match[str]], str]) -> str:
    text = _LINK.sub(shown, text) if "](" in text else text
    text = _HEADING.sub(r"\1", text) if "#" in text else text
    text = _UNDERLINE.sub("", text)
    text = _STRESS.sub(r"\2", text) if "**" in text or "__" in text else text
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text
