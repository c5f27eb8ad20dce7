"""The lines of a file at which its packages stand, from the places that its reader gave."""

import re
from collections.abc import Collection, Iterator, Mapping

_LINE = re.compile(r"\blines? (\d+)")
# `$.packages["node_modules/a"].version`, `packages[3]`, `$['a']`.
_SEGMENT = re.compile(r"""\.?([^.\[\]"']+)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]|\['([^']*)'\]""")
_MARK = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\]:,]')
# Possessive, so that no text is looked at twice: a quarter of the time.
_NAME = re.compile(r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"\s*+:')
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
        found.update(_numbered(content, _offsets(content, wanted)))
    return found


def _offsets(content: str, wanted: Mapping[tuple[str, ...], str]) -> dict[str, int]:
    """Where the member or item of each path begins, by place."""
    # Most are members whose name stands in the file once, which one quick look at the names tells.
    last = {path[-1] for path in wanted}
    seen: dict[str, list[int]] = {name: [] for name in last}
    for match in _NAME.finditer(content):
        name = match[1] if "\\" not in match[1] else _UNESCAPED.sub(r"\1", match[1])
        if name in seen:
            seen[name].append(match.start())
    found = {place: seen[path[-1]][0] for path, place in wanted.items() if len(seen[path[-1]]) == 1}
    if len(found) < len(wanted):
        for path, offset in _entries(content, last):
            if path in wanted:
                found[wanted[path]] = offset
    return found


def _numbered(content: str, offsets: Mapping[str, int]) -> dict[str, int]:
    """The line of each offset, from 1."""
    found: dict[str, int] = {}
    line, at = 1, 0
    for place, offset in sorted(offsets.items(), key=lambda entry: entry[1]):
        line, at = line + content.count("\n", at, offset), offset
        found[place] = line
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


def _entries(content: str, last: Collection[str]) -> Iterator[tuple[tuple[str, ...], int]]:
    """(path, offset) of every member and item of a JSON text, in order, whose own name is one of `last`."""
    path: list[str] = []
    counters: list[int | None] = []  # None in an object, the present index in an array
    name: tuple[str, int] | None = None
    for match in _MARK.finditer(content):
        mark, at = match[0], match.start()
        if mark in "{[":
            if counters and counters[-1] is not None:
                path[-1] = str(counters[-1])
                if path[-1] in last:
                    yield tuple(path), at
            counters.append(0 if mark == "[" else None)
            path.append("")
        elif mark in "}]" and counters:
            counters.pop()
            path.pop()
        elif mark == ":" and name is not None and path:
            path[-1] = name[0]
            if name[0] in last:
                yield tuple(path), name[1]
        elif mark == "," and counters and counters[-1] is not None:
            counters[-1] += 1
        if mark[0] == '"':
            name = _UNESCAPED.sub(r"\1", mark[1:-1]), at
