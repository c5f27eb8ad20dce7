"""mix.lock of Elixir: a map of Elixir terms, read without evaluating it (hex: lib/hex/utils.ex, `lock`)."""

import re
from bisect import bisect
from collections.abc import Iterator
from typing import Any, NamedTuple

from assay.domain.entries import each
from assay.domain.integrity import sri
from assay.domain.plain import DEEPEST, text
from assay.domain.purl import purl_of
from assay.errors import BadRecord
from assay.pipelines.packages.model import Format, Inventory, Origin, Package, inventory_of

_ECOSYSTEM = "Hex"
# Commas are blanks, as nothing hangs on them. The repetitions are possessive, so that no input is tried twice.
_TOKEN = re.compile(
    r"""(?:[\s,]++|\#[^\n]*+)*+(?:
      (?P<key>"(?:[^"\\]|\\.)*+":(?!:)|[A-Za-z_][\w@]*+[?!]?:(?!:))
    | (?P<text>"(?:[^"\\]|\\.)*+")
    | (?P<atom>:"(?:[^"\\]|\\.)*+"|:[A-Za-z_][\w@]*+[?!]?)
    | (?P<word>true|false|nil|-?[0-9][\w.]*+)
    | (?P<open>%\{|\{|\[) | (?P<close>\}|\]) | (?P<arrow>=>) | (?P<end>\Z))
    """,
    re.VERBOSE | re.DOTALL,
)
_CLOSING = {"%{": "}", "{": "}", "[": "]"}
_CONSTANTS = {"true": True, "false": False, "nil": None}


class _Pair(NamedTuple):
    """A key and its value, as keyword lists and maps have them; `offset` is that of the key."""

    key: str
    value: Any
    offset: int


class _Map(list[Any]):
    """The pairs of a map in their order."""


class _Frame:
    """A map, tuple or list that is being read."""

    def __init__(self, opening: str, offset: int) -> None:
        self.closing = _CLOSING[opening]
        self.offset = offset
        self._make = {"%{": _Map, "{": tuple, "[": list}[opening]
        self._items: list[Any] = []
        self._last = 0
        self._key: tuple[str, int] | None = None

    def key(self, name: str, offset: int) -> None:
        if self._key is not None:
            raise BadRecord("not-elixir", f"the key {self._key[0][:100]!r} has no value")
        self._key = name, offset

    def arrow(self) -> None:
        """What stood before `=>` is the key of what follows."""
        if self._key is not None or not self._items or not isinstance(self._items[-1], str):
            raise BadRecord("not-elixir", "`=>` without a key")
        self._key = self._items.pop(), self._last

    def add(self, value: Any, offset: int) -> None:
        if self._key is not None:
            value, self._key = _Pair(self._key[0], value, self._key[1]), None
        self._items.append(value)
        self._last = offset

    def value(self) -> Any:
        if self._key is not None:
            raise BadRecord("not-elixir", f"the key {self._key[0][:100]!r} has no value")
        return self._make(self._items)


def read(path: str, content: bytes) -> Inventory:
    """Every dependency by its application's name; the file tells neither scopes nor which are direct.

    Hex's outer checksum is of the downloaded archive. The inner one, alone in files from before 2019, is of parts of
    it, and kept as `hex-inner:<hexadecimal>`.
    """
    source = text(content)
    root = _term(source)
    if not isinstance(root, _Map):
        raise BadRecord("not-mix-lock", f"{path} is no map of dependencies")
    newlines = [match.start() for match in re.finditer("\n", source)]
    places = [
        (f"line {bisect(newlines, entry.offset) + 1}", (entry.key, entry.value))
        if isinstance(entry, _Pair)
        else (f"entry {number}", ("", entry))
        for number, entry in enumerate(root, 1)
    ]
    found, refused = each(places, _package)
    own: dict[str, Package] = {}
    for package in found:
        own.setdefault(package.key, package)
    return inventory_of(FORMAT.name, tuple(own.values()), refused)


def _term(source: str) -> Any:
    """The one term of the source: maps, tuples and lists of text, atoms as text, numbers as text, constants."""
    root = _Frame("[", 0)
    stack = [root]
    for kind, token, offset in _tokens(source):
        if kind == "open":
            if len(stack) > DEEPEST:
                raise BadRecord("too-deep", f"terms nested more than {DEEPEST} deep")
            stack.append(_Frame(token, offset))
        elif kind == "close":
            closed = stack.pop()
            if not stack or closed.closing != token:
                raise BadRecord("not-elixir", f"unexpected {token!r} at {_line_of(source, offset)}")
            stack[-1].add(closed.value(), closed.offset)
        else:
            _plain(stack[-1], kind, token, offset)
    terms = root.value()
    if len(stack) != 1 or len(terms) != 1:
        raise BadRecord("not-elixir", "not one whole Elixir term")
    return terms[0]


def _plain(frame: _Frame, kind: str, token: str, offset: int) -> None:
    if kind == "key":
        frame.key(_unquoted(token[:-1]), offset)
    elif kind == "arrow":
        frame.arrow()
    else:
        frame.add(_CONSTANTS[token] if token in _CONSTANTS else _unquoted(token.removeprefix(":")), offset)


def _tokens(source: str) -> Iterator[tuple[str, str, int]]:
    end = 0
    for match in _TOKEN.finditer(source):
        if match.start() != end:
            break
        kind, end = str(match.lastgroup), match.end()
        if kind == "end":
            return
        start = match.start(kind)
        yield kind, source[start:end], start
    raise BadRecord("not-elixir", f"unexpected {source[end : end + 20]!r} at {_line_of(source, end)}")


def _line_of(source: str, offset: int) -> str:
    return f"line {source.count(chr(10), 0, offset) + 1}"


def _unquoted(token: str) -> str:
    """The characters of a quoted text; a word as it is. Escapes in lock files are of quotes and backslashes only."""
    if not token.startswith('"'):
        return token
    return re.sub(r"\\(.)", r"\1", token[1:-1], flags=re.DOTALL) if "\\" in token else token[1:-1]


def _package(place: str, entry: tuple[str, Any]) -> Package:
    app, term = entry
    if not isinstance(term, tuple) or len(term) < 3 or not all(isinstance(part, str) for part in term[:3]):
        raise BadRecord("wrong-type", f"{app}: not a tuple of a source, a name and a version")
    if term[0] == "hex":
        return _hex_package(place, app, term)
    if term[0] == "git":
        _, address, commit = term[:3]
        return Package(
            key=app,
            ecosystem=_ECOSYSTEM,
            name=app,
            version=None,
            purl=purl_of(_ECOSYSTEM, app, None, {"vcs_url": f"git+{address}@{commit}"}),
            place=place,
            commit=commit,
            origin=Origin.GIT,
            resolved=address,
        )
    raise BadRecord("unknown-source", f"{app} comes from {term[0][:100]!r}")


def _hex_package(place: str, app: str, term: tuple[Any, ...]) -> Package:
    """Of `{:hex, name, version, inner checksum, managers, dependencies, repository, outer checksum}`.

    Old files end after the version, or any later one.
    """
    _, name, version = term[:3]
    inner, _, needs, repository, outer = (*term[3:8], None, None, None, None, None)[:5]
    is_home = not isinstance(repository, str) or repository == "hexpm"
    integrity = None
    if isinstance(outer, str):
        integrity = sri("sha256", outer)
    elif isinstance(inner, str) and inner:
        integrity = f"hex-inner:{inner}"
    return Package(
        key=app,
        ecosystem=_ECOSYSTEM,
        name=name,
        version=version,
        purl=purl_of(_ECOSYSTEM, name, version, {} if is_home else {"repository_url": repository}),
        place=place,
        alias=app if app != name else None,
        origin=Origin.REGISTRY if is_home else Origin.OTHER_REGISTRY,
        resolved=None if is_home else repository,
        integrity=(integrity,) if integrity else (),
        requires=tuple(
            dict.fromkeys(
                need[0]
                for need in (needs if isinstance(needs, list) else ())
                if isinstance(need, tuple) and need and isinstance(need[0], str) and need[0] != app
            )
        ),
    )


FORMAT = Format(name="mix.lock", title="mix.lock", ecosystem=_ECOSYSTEM, names=("mix.lock",), read=read)
