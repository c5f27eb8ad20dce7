"""requirements.txt and constraints files (pip, "Requirements File Format").

pip-compile and uv write above or beside each package what asked for it (`# via flask`): these comments are the edges.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from assay.domain.entries import each, string
from assay.domain.integrity import sri_of
from assay.domain.origins import Locator, commit_in, of_index, without_credentials
from assay.domain.plain import text
from assay.domain.purl import purl_of
from assay.domain.python_names import Keys, checked_name, requirement
from assay.domain.reach import without_loose_ends
from assay.errors import BadRecord
from assay.pipelines.packages.model import Fault, Format, Inventory, Origin, Package

_COMMENT = re.compile(r"(?:^|\s)#(.*)$")
_OPTION = re.compile(r"(-[a-zA-Z]|--[a-z-]+)(?:\s*=\s*|\s+|(?<=^-[a-zA-Z]))?(.*)")
_INCLUDES = frozenset(("-r", "--requirement", "-c", "--constraint"))
_INDEXES = frozenset(("-i", "--index-url", "--pypi-url"))
_EDITABLE = frozenset(("-e", "--editable"))
_HASH = re.compile(r"--hash[=\s]\s*(\w+:[0-9A-Fa-f]+)")
_REMOTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?:///?|[^\\/\s])")
_ARCHIVES = (".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar")


class _Line(NamedTuple):
    """A logical line: its first physical line, what it asks for, and what its comments say it came through."""

    number: int
    content: str
    via: list[str]


class _Wanted(NamedTuple):
    """What a line asks for, before it has a key."""

    name: str | None
    version: str | None
    locator: Locator


def read(path: str, content: bytes) -> Inventory:
    """The packages of a requirements file. Only `==` and `===` pin a version."""
    lines = list(_lines(text(content)))
    includes: list[str] = []
    index: str | None = None
    asked: list[tuple[str, _Line]] = []
    refused: list[tuple[str, str, str]] = []
    for line in lines:
        option = _OPTION.fullmatch(line.content)
        name, value = (option[1], option[2].strip()) if option else ("", "")
        place = f"line {line.number}"
        if name in _INCLUDES and _REMOTE.match(value):
            refused.append((place, "remote-include", f"{without_credentials(value)} is not read"))
        elif name in _INCLUDES and value:
            includes.append(value)
        elif name in _INDEXES:
            index = value
        elif name in _EDITABLE or not option:
            asked.append((place, line._replace(content=value) if option else line))
    wanted = [_wanted(line.content) for _, line in asked]
    packages, faults = _packages(asked, wanted, index)
    if not packages and faults and not includes:
        raise BadRecord("not-this-format", f"{path} asks for no package; {faults[0][0]}: {faults[0][2]}")
    return Inventory(
        format=FORMAT.name,
        packages=without_loose_ends(packages),
        faults=tuple([Fault(*one) for one in (*refused, *faults)]),
        includes=tuple(dict.fromkeys(includes)),
    )


def _packages(
    asked: list[tuple[str, _Line]], wanted: list[_Wanted | None], index: str | None
) -> tuple[tuple[Package, ...], tuple[tuple[str, str, str], ...]]:
    keys = Keys([{"name": one.name, "version": one.version} if one else None for one in wanted])
    requires: dict[str, list[str]] = {}
    for (_, line), key in zip(asked, keys.keys, strict=True):
        for parent in line.via:
            for owner in keys.named(parent.partition("[")[0]):
                requires.setdefault(owner, []).append(key)
    marks = {mark for _, line in asked for mark in line.via}
    kind, qualifiers = of_index(index)

    def read_one(place: str, number: int) -> Package | None:
        line, one, key = asked[number][1], wanted[number], keys.keys[number]
        if one is None:
            raise BadRecord("not-a-requirement", f"{line.content[:100]!r} asks for no package")
        if one.name is None:
            return None
        checked_name(one.name)
        is_indexed = one.locator.kind == "registry"
        extra = qualifiers if is_indexed else one.locator.qualifiers()
        return Package(
            key=key,
            ecosystem="PyPI",
            name=one.name,
            version=string(one.version, "version") if one.version else None,
            purl=purl_of("PyPI", one.name, one.version, extra),
            place=place,
            commit=one.locator.commit,
            is_direct=_is_direct(line.via, marks),
            origin=Origin(kind if is_indexed else one.locator.kind),
            resolved=one.locator.url,
            integrity=tuple(dict.fromkeys([sri_of(found) for found in _HASH.findall(line.content)])),
            requires=tuple(dict.fromkeys([end for end in requires.get(key, ()) if end != key])),
        )

    return each([(place, number) for number, (place, _) in enumerate(asked)], read_one)


def _is_direct(via: list[str], marks: set[str]) -> bool | None:
    """As the comments tell: through a file (`-r a.in`, `project (pyproject.toml)`), or without one among others that
    have one. Old pip-compile wrote no files: there a package that others need may be asked for as well."""
    if not marks:
        return None
    if any(_is_file(one) for one in via) or not via:
        return True
    return False if any(_is_file(one) for one in marks) else None


def _is_file(mark: str) -> bool:
    return mark.startswith("-") or "(" in mark


def _lines(found: str) -> Iterator[_Line]:
    """Logical lines with what their comments say they came through; comments alone belong to the line above."""
    last: _Line | None = None
    pieces: list[str] = []
    start = 0
    is_via = False
    for number, line in enumerate([*found.split("\n"), ""], 1):
        start = start if pieces else number
        comment = _COMMENT.search(line)
        body = line[: comment.start()] if comment else line
        if comment is None and line.endswith("\\"):
            pieces.append(line[:-1])
            continue
        pieces.append(body)
        content = " ".join("".join(pieces).split())
        pieces = []
        if content:
            if last is not None:
                yield last
            last, is_via = _Line(start, content, []), False
        if comment is not None and last is not None:
            said = comment[1].strip()
            is_via = is_via or said == "via" or said.startswith("via ")
            if is_via:
                last.via.extend(one.strip() for one in said.removeprefix("via").split(",") if one.strip())
        elif not content:
            is_via = False
    if last is not None:
        yield last


def _wanted(content: str) -> _Wanted | None:
    """What a line without its comment asks for; None if that is no requirement."""
    bare = re.split(r"\s+--?[a-zA-Z]", content, maxsplit=1)[0].strip().strip("'\"")
    address = re.split(r"\s+;", bare, maxsplit=1)[0]
    if _REMOTE.match(address):
        return _addressed(None, address)
    found = requirement(bare)
    if found and found.url:
        return _addressed(found.name, found.url)
    is_archive = address.lower().endswith(_ARCHIVES)
    if found and not (is_archive and not found.specifiers):
        return _Wanted(found.name, found.version, Locator("registry"))
    local = re.sub(r"\[[^\]]*\]$", "", address)
    if "/" not in local and "\\" not in local and not is_archive and not local.startswith("."):
        return None
    return _local(None, local)


def _addressed(name: str | None, address: str) -> _Wanted:
    """A URL, or a repository (pip, "VCS Support"): `git+https://host/path@ref#egg=name&subdirectory=dir`."""
    address = without_credentials(address)
    url, _, fragment = address.partition("#")
    egg = re.search(r"(?:^|&)egg=([^&\[]+)", fragment)
    name = name or (egg[1] if egg else None)
    if url.lower().startswith("git+"):
        path, at, reference = url.rpartition("@")
        has_reference = bool(at) and "/" not in reference.partition("://")[2] and "://" in path
        repository = path if has_reference else url
        name = name or _last(repository).removesuffix(".git")
        return _Wanted(
            name, None, Locator("git", repository, commit_in(reference) if has_reference else None)
        )
    if url.lower().startswith("file:"):
        return _local(name, url)
    return _Wanted(name or _named_by_file(url), None, Locator("url", url))


def _local(name: str | None, path: str) -> _Wanted:
    """A path; the directory of the file itself is the project, which has no name here."""
    last = _last(path)
    if name is None and last not in {"", ".", ".."}:
        name = _named_by_file(path) if last.lower().endswith(_ARCHIVES) else last
    return _Wanted(name, None, Locator("path", path))


def _last(path: str) -> str:
    return re.split(r"[/\\:]", path.rstrip("/\\"))[-1]


def _named_by_file(path: str) -> str:
    """The name in a file's name: all before the first `-` that a digit follows."""
    last = _last(path.partition("?")[0])
    return re.split(r"-(?=\d)", last, maxsplit=1)[0] if re.search(r"-\d", last) else last.partition(".")[0]


FORMAT = Format(
    name="requirements",
    title="requirements.txt and constraints files of pip",
    ecosystem="PyPI",
    names=("*requirements*.txt", "*constraints*.txt", "requirements*.lock", "requirements*.pip"),
    read=read,
    recognises=lambda start: (
        re.search(rb"autogenerated by (?:pip-compile|uv)|^\s+--hash=sha", start, re.MULTILINE) is not None
    ),
)
