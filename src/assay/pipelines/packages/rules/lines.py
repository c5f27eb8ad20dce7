"""The lines of a file at which its packages stand, from the places that its reader gave."""

import re
from collections.abc import Collection, Iterator, Mapping

_LINE = re.compile(r"\blines? (\d+)")
# `$.packages["node_modules/a"].version`, `packages[3]`, `$['a']`.
_SEGMENT = re.compile(r"""\.?([^.\[\]"']+)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]|\['([^']*)'\]""")
_MARK = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]')
_UNESCAPED = re.compile(r"\\(.)")


def lines(content: str, places: Collection[str]) -> Mapping[str, int]:
    """The line, from 1, of each place that says its line or is a path into a JSON document.

    For a document that is no JSON, and for a path that leads nowhere, there is none.
    """
    found: dict[str, int] = {}
    wanted: dict[tuple[str, ...], str] = {}
    for entry in places:
        said = _LINE.search(entry)
        if said:
            found[entry] = int(said[1])
        elif segments := _segments(entry):
            wanted[segments] = entry
    if wanted and content.lstrip()[:1] in ("{", "["):
        line, at = 1, 0
        for path, offset in _entries(content):
            place = wanted.get(path)
            if place is not None:
                line, at = line + content.count("\n", at, offset), offset
                found.setdefault(place, line)
    return found


def _segments(place: str) -> tuple[str, ...]:
    rest = place.removeprefix("$")
    segments: list[str] = []
    end = 0
    for match in _SEGMENT.finditer(rest):
        if match.start() != end:
            return ()
        end = match.end()
        name, index, quoted, single = match.groups()
        segments.append(name or index or single or _UNESCAPED.sub(r"\1", quoted[1:-1] if quoted else ""))
    return tuple(segments) if end == len(rest) else ()


def _entries(content: str) -> Iterator[tuple[tuple[str, ...], int]]:
    """(path, offset) of every member of every object and every item of every array of a JSON text, in order."""
    path: list[str] = []
    counters: list[int | None] = []  # None in an object, the present index in an array
    name: tuple[str, int] | None = None
    for match in _MARK.finditer(content):
        mark, at = match[0], match.start()
        if mark in "{[":
            is_array = mark == "["
            if counters and counters[-1] is not None:
                path[-1:] = [str(counters[-1])]
                yield tuple(path), at
            counters.append(0 if is_array else None)
            path.append("")
        elif mark in "}]":
            if counters:
                counters.pop()
                path.pop()
        elif mark == ":" and name is not None and path:
            path[-1] = name[0]
            yield tuple(path), name[1]
        elif mark == "," and counters and counters[-1] is not None:
            counters[-1] += 1
        if mark[0] == '"':
            name = _UNESCAPED.sub(r"\1", mark[1:-1]), at
