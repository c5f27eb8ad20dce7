"""Bulletins that are written as data (YAML, JSON, a front matter) as readable text and as facts.

A key that is a vulnerability's name begins a section, prose stands as paragraphs, everything else as `Key: value`.
"""

import re
import tomllib
from collections.abc import Mapping
from typing import Any, NamedTuple

from assay.domain.plain import from_toml, from_yaml, read_json
from assay.errors import BadRecord
from assay.pipelines.feeds.rules.identifiers import mentions
from assay.pipelines.feeds.rules.markup import escape_unknown, has_markup, readable
from assay.pipelines.feeds.rules.plain_text import LONGEST

_TITLES = ("title", "headline", "subject", "name", "summary")
_PROSE = frozenset(
    [
        "description",
        "details",
        "detail",
        "summary",
        "content",
        "body",
        "text",
        "html",
        "note",
        "notes",
        "abstract",
        "overview",
        "value",
        "content_html",
        "content_text",
        "impact_details",
        "workaround",
        "solution",
    ]
)
_FRONT = re.compile(
    r"\A\s*(?:---[ \t]*\n(?P<yaml>.*?\n)(?:---|\.\.\.)[ \t]*(?:\n|\Z)|\+\+\+[ "
    r"\t]*\n(?P<toml>.*?\n)\+\+\+[ \t]*(?:\n|\Z)|```toml[ \t]*\n(?P<fenced>.*?\n)```[ \t]*(?:\n|\Z))",
    re.DOTALL,
)
_COMMENT = re.compile(r"\A\s*#+[ \t]*([^\n]{1,200})")
_URL = re.compile(r"https?://\S{1,2000}", re.IGNORECASE)
_DEEPEST = 30
_MOST_FACTS = 200
_MOST_NAMES = 2_000
_LONGEST_FACT = 500
_SHORT = 80


class Bulletin(NamedTuple):
    """What a bulletin of data says: `body` is prose and fields, in the order in which they were written."""

    title: str | None
    body: str
    links: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    hidden: int


def from_yaml_text(text: str) -> Bulletin | None:
    """A YAML bulletin; None for text that is no mapping or list in YAML."""
    try:
        value = from_yaml(text.encode("utf-8", "replace"))
    except BadRecord:
        return None
    if not isinstance(value, dict | list):
        return None
    comment = _COMMENT.match(text)
    found = of_value(value)
    return found if comment is None else found._replace(facts=(("comment", comment[1].strip()), *found.facts))


def from_json_text(text: str) -> Bulletin | None:
    """A JSON bulletin; None for text that is no JSON object, list or string."""
    try:
        value = read_json(text)
    except BadRecord:
        return None
    return of_value(value) if isinstance(value, dict | list | str) and value else None


def front_matter(text: str) -> tuple[Bulletin, str] | None:
    """The fields in front of a Markdown text, and the text after them; None without any."""
    match = _FRONT.match(text)
    if match is None:
        return None
    try:
        written = match["toml"] or match["fenced"]
        value = (
            from_toml(written.encode("utf-8", "replace"))
            if written
            else from_yaml(match["yaml"].encode("utf-8", "replace"))
        )
    except (BadRecord, tomllib.TOMLDecodeError):
        return None
    return (of_value(value), text[match.end() :]) if isinstance(value, dict) else None


def of_value(value: Any) -> Bulletin:
    """A value of YAML or JSON; what lies deeper than thirty levels is left out."""
    title, title_key = None, None
    if isinstance(value, dict):
        title_key = next(
            (key for key in _TITLES if isinstance(value.get(key), str) and value[key].strip()), None
        )
        title = value[title_key] if title_key is not None else None
        # A summary of several sentences is a text, not a title.
        if title is not None and title_key == "summary" and len(title) > 200:
            title, title_key = None, None
    writing = _Writing()
    writing.value(value, "", 0, skipped=title_key)
    return Bulletin(
        None if title is None else " ".join(title.split()),
        "".join(writing.parts),
        tuple(writing.links),
        tuple(writing.facts),
        writing.hidden,
    )


class _Writing:
    """The text, the facts and the addresses so far. It stops at the length that is read at all."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.links: dict[str, None] = {}
        self.facts: list[tuple[str, str]] = []
        self.hidden = 0
        self._length = 0

    def value(self, value: Any, path: str, level: int, *, skipped: str | None = None) -> None:
        if level > _DEEPEST or self._length > LONGEST:
            return
        if isinstance(value, Mapping):
            for key, inner in value.items():
                if key == skipped:
                    self._fact(path, str(key), inner)
                else:
                    self._member(str(key), inner, path, level)
        elif isinstance(value, list | tuple):
            for inner in value:
                self._item(inner, path, level)
        elif value is not None:
            self._write(f"\n\n{self._readable(str(value))}\n\n")

    def _member(self, key: str, value: Any, path: str, level: int) -> None:
        here = f"{path}.{key}" if path else key
        if isinstance(value, Mapping) and mentions(key):
            self._section(key, value, here, level)
            return
        if isinstance(value, Mapping | list | tuple):
            short = (
                [str(one) for one in value if isinstance(one, str | int | float)]
                if not isinstance(value, Mapping)
                else []
            )
            if (
                short
                and len(short) == len(value)
                and all(len(one) <= _SHORT and "\n" not in one for one in short)
            ):
                self._fact(path, key, ", ".join(short))
                self._write(f"{_shown(key)}: {', '.join(map(self._readable, short))}\n")
                return
            if value:
                self._write(f"\n{_shown(key)}:\n")
                self.value(value, here, level + 1)
            return
        self._scalar(key, value, path)

    def _scalar(self, key: str, value: Any, path: str) -> None:
        if value is None or value == "":
            return
        self._fact(path, key, value)
        text = self._readable(str(value))
        if key.lower() in _PROSE or "\n" in text.strip() or len(text) > 300:
            self._write(f"\n\n{text}\n\n")
        else:
            self._write(f"{_shown(key)}: {text.strip()}\n")

    def _section(self, name: str, value: Mapping[str, Any], path: str, level: int) -> None:
        """A vulnerability's own section: its name and title on a line, then its fields."""
        title_key = next((key for key in _TITLES if isinstance(value.get(key), str)), None)
        title = f": {' '.join(self._readable(value[title_key]).split())}" if title_key is not None else ""
        if len(self.facts) < _MOST_NAMES:
            self.facts.append((f"{path}.id", name))
        self._write(f"\n\n{name}{title}\n")
        self.value(value, path, level + 1, skipped=title_key)

    def _item(self, value: Any, path: str, level: int) -> None:
        if isinstance(value, Mapping | list | tuple):
            self._write("\n")
            self.value(value, path, level + 1)
        elif value is not None:
            self._write(f"- {self._readable(str(value)).strip()}\n")

    def _readable(self, text: str) -> str:
        for match in _URL.finditer(text) if "://" in text else ():
            self.links.setdefault(match[0], None)
        if not has_markup(text) and "&" not in text:
            return text
        page = readable(escape_unknown(text))
        self.hidden += page.hidden
        self.links.update(dict.fromkeys(page.links))
        return page.text

    def _fact(self, path: str, key: str, value: Any) -> None:
        if len(self.facts) < _MOST_FACTS and isinstance(value, str | int | float):
            self.facts.append((f"{path}.{key}" if path else key, str(value)[:_LONGEST_FACT]))

    def _write(self, text: str) -> None:
        self.parts.append(text)
        self._length += len(text)


def _shown(key: str) -> str:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", key).replace("_", " ").strip()
    return words[:1].upper() + words[1:]
