"""HTML as readable text: paragraphs, lists and rows of tables on lines of their own, addresses beside it."""

import re
from html import unescape
from typing import NamedTuple
from urllib.parse import urljoin

from selectolax.lexbor import LexborHTMLParser, LexborNode

_DROPPED = frozenset(
    [
        "script",
        "style",
        "template",
        "noscript",
        "svg",
        "math",
        "head",
        "nav",
        "iframe",
        "object",
        "embed",
        "canvas",
        "audio",
        "video",
        "select",
        "button",
        "input",
        "textarea",
        "form",
        "dialog",
    ]
)
_PARAGRAPHS = frozenset(
    [
        "p",
        "div",
        "section",
        "article",
        "header",
        "footer",
        "main",
        "aside",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "ul",
        "ol",
        "dl",
        "table",
        "pre",
        "blockquote",
        "figure",
        "hr",
        "details",
        "address",
        "fieldset",
        "center",
    ]
)
_LINES = frozenset(
    ["br", "tr", "li", "dt", "dd", "caption", "summary", "option", "thead", "tbody", "figcaption"]
)
_HIDES = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d]*[1-9])|opacity\s*:\s*0(?![.\d]*[1-9])",
    re.IGNORECASE,
)
_SPACE = re.compile(r"[ \t\r\n\f]+")
_MOST_NODES = 100_000
_MOST_LINKS = 500


class Page(NamedTuple):
    """A page's text, its title, the addresses in it, what its head says, and how many hidden characters it had."""

    text: str
    title: str | None
    links: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    hidden: int
    was_cut: bool


def readable(html: str, address: str | None = None, *, keep_lines: bool = False) -> Page:
    """The page that a browser would show, or its main part where it says which that is.

    `keep_lines` keeps the line ends of the text itself, for markup inside Markdown and mails.
    """
    if _is_too_deep(html):
        return Page(unescape(_TAG.sub(" ", html)), None, (), (), 0, was_cut=True)
    tree = LexborHTMLParser(html)
    root = tree.body or tree.root
    if root is None:
        return Page("", None, (), (), 0, was_cut=False)
    mains = tree.css("main, [role=main]") or tree.css("article")
    if len(mains) == 1 and len(mains[0].text(deep=True)) > 200:
        root = mains[0]
    walk = _Walk(address, keep_lines=keep_lines)
    walk.through(root)
    title = tree.css_first("head > title")
    heading = tree.css_first("h1")
    named = _text_of(heading) or _text_of(title)
    return Page(walk.text(), named, tuple(walk.links), tuple(_facts(tree)), walk.hidden, walk.was_cut)


# The parser's time grows with the square of the depth: 40,000 open elements, 200 kB, take 5.5 s (selectolax 1.0).
_DEEPEST = 1_000
_TAG = re.compile(r"<(?P<ends>/?)(?P<name>[a-z][a-z0-9]*)[^<>]*>", re.IGNORECASE)
_ENDS_ITSELF = frozenset(
    (
        "p",
        "li",
        "td",
        "th",
        "tr",
        "dt",
        "dd",
        "br",
        "hr",
        "img",
        "meta",
        "link",
        "input",
        "option",
        "col",
        "wbr",
        "source",
    )
)


def _is_too_deep(html: str) -> bool:
    """Whether more elements are open at once than any honest page has."""
    if html.count("<") <= _DEEPEST:
        return False
    depth = 0
    for tag in _TAG.finditer(html):
        if tag["name"].lower() not in _ENDS_ITSELF:
            depth = max(0, depth - 1) if tag["ends"] else depth + 1
            if depth > _DEEPEST:
                return True
    return False


def _text_of(node: LexborNode | None) -> str | None:
    text = _SPACE.sub(" ", node.text(deep=True)).strip() if node is not None else ""
    return text or None


def _facts(tree: LexborHTMLParser) -> list[tuple[str, str]]:
    found = []
    for node in tree.css("meta[content]")[:100]:
        attributes = node.attributes
        name = attributes.get("property") or attributes.get("name") or attributes.get("itemprop") or ""
        content = attributes.get("content") or ""
        if name.lower() in _META and content:
            found.append((_META[name.lower()], content[:500]))
    return found


_META = {
    "article:published_time": "published",
    "article:modified_time": "modified",
    "datepublished": "published",
    "datemodified": "modified",
    "dcterms.created": "published",
    "date": "published",
    "last-modified": "modified",
    "author": "author",
    "description": "description",
}


class _Walk:
    """A walk through the nodes in their order, without recursion: pages nest as deep as they like."""

    def __init__(self, address: str | None, *, keep_lines: bool) -> None:
        self.parts: list[str] = []
        self.links: dict[str, None] = {}
        self.hidden = 0
        self.was_cut = False
        self._address = address
        self._keeps = keep_lines
        self._preformatted = 0

    def text(self) -> str:
        return "".join(self.parts)

    def through(self, root: LexborNode) -> None:
        stack: list[tuple[LexborNode, bool]] = [(root, False)]
        count = 0
        while stack:
            node, is_left = stack.pop()
            if is_left:
                self._leave(node)
                continue
            count += 1
            if count > _MOST_NODES:
                self.was_cut = True
                return
            if self._enter(node):
                stack.append((node, True))
                children = []
                child = node.child
                while child is not None:
                    children.append((child, False))
                    child = child.next
                stack.extend(reversed(children))

    def _enter(self, node: LexborNode) -> bool:
        """Writes what stands before a node's children; False where they are not shown."""
        tag = node.tag
        if tag == "-text":
            self._write(node.text_content or "")
            return False
        if not tag or tag[0] in "-_!" or tag in _DROPPED:
            return tag == "-document"
        if self._is_hidden(node):
            self.hidden += len(_SPACE.sub(" ", node.text(deep=True)).strip())
            return False
        if tag in _PARAGRAPHS:
            self.parts.append("\n\n")
        elif tag in _LINES:
            if tag == "br" or not self.parts or not self.parts[-1].endswith("\n"):
                self.parts.append("\n")
            if tag == "li":
                self.parts.append("- ")
        elif tag in {"td", "th"} and node.prev is not None and _has_cell_before(node):
            self.parts.append(" | ")
        elif tag == "a":
            self._link(node)
        self._preformatted += tag == "pre"
        return True

    def _leave(self, node: LexborNode) -> None:
        if node.tag == "pre":
            self._preformatted -= 1
        if node.tag in _PARAGRAPHS:
            self.parts.append("\n\n")
        elif node.tag in _LINES and node.tag != "br":
            self.parts.append("\n")

    def _write(self, text: str) -> None:
        if self._preformatted or self._keeps:
            self.parts.append(text)
            return
        text = _SPACE.sub(" ", text)
        if text == " " and (not self.parts or self.parts[-1].endswith((" ", "\n"))):
            return
        self.parts.append(text.lstrip() if self.parts and self.parts[-1].endswith("\n") else text)

    def _is_hidden(self, node: LexborNode) -> bool:
        attributes = node.attributes
        if not attributes:
            return False
        style = attributes.get("style")
        return "hidden" in attributes or (style is not None and _HIDES.search(style) is not None)

    def _link(self, node: LexborNode) -> None:
        target = (node.attributes.get("href") or "").strip()
        if not target or target[0] == "#" or len(self.links) >= _MOST_LINKS:
            return
        if self._address:
            try:
                target = urljoin(self._address, target)
            except ValueError:
                return
        if target[:7].lower() == "http://" or target[:8].lower() == "https://":
            self.links.setdefault(target, None)


def _has_cell_before(node: LexborNode) -> bool:
    before = node.prev
    while before is not None:
        if before.tag in {"td", "th"}:
            return True
        before = before.prev
    return False


_MARKED = re.compile(
    r"<(?:/?(?:p|div|br|h[1-6]|ul|ol|li|a|table|tr|td|th|pre|code|em|strong|b|i|span|blockquote|dl|dt|dd|section|article|html|body|img|hr|sup|sub|main|tt|kbd|details|summary|center|font|u)(?:\s[^<>]{0,2000})?/?)>",
    re.IGNORECASE,
)


def has_markup(text: str) -> bool:
    """Whether a text has elements of HTML in it."""
    return "<" in text and _MARKED.search(text) is not None


def escape_unknown(text: str) -> str:
    """The text with every `<` that begins no known element made a plain character: `List<String>`, `<user>`."""
    kept = []
    at = 0
    for match in _MARKED.finditer(text):
        kept += [text[at : match.start()].replace("<", "&lt;"), match[0]]
        at = match.end()
    kept.append(text[at:].replace("<", "&lt;"))
    return "".join(kept)
