"""go.mod: the modules that a Go module requires (Go Modules Reference, "go.mod files").

Since Go 1.17 that is every module of the build; before, the direct ones only.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from assay.domain.entries import each
from assay.domain.plain import text
from assay.domain.purl import purl_of
from assay.errors import BadRecord
from assay.pipelines.packages.model import Format, Inventory, Origin, Package, inventory_of

_ECOSYSTEM = "Go"
_DIRECTIVES = frozenset(
    ("module", "go", "toolchain", "godebug", "require", "exclude", "replace", "retract", "tool", "ignore")
)
_TOKEN = re.compile(r'\s*(?:(//.*)|"((?:[^"\\]|\\.)*)"|`([^`]*)`|(=>|[()])|((?:(?!//|=>)[^\s"`()])+)|(.))')
_GO = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})(?:\.([0-9]{1,4}))?(?:(alpha|beta|rc)([0-9]{1,4}))?")
# From here on the go line is the least release that may build the module, not only a version of the language.
_FIRST_BINDING = (1, 21)
_LOCAL = re.compile(r"\.{0,2}[/\\]|\.{1,2}$|[A-Za-z]:[/\\]")


class _Line(NamedTuple):
    verb: str
    words: tuple[str, ...]
    is_indirect: bool


class _Replacement(NamedTuple):
    path: str
    version: str | None


_Lines = tuple[tuple[str, _Line], ...]
Replacements = dict[tuple[str, str | None], _Replacement]


def read(path: str, content: bytes) -> Inventory:
    """Every required module, replaced ones as their replacement, and the Go standard library as `stdlib`.

    A module replaced by a folder has that path and no version: what stands there is not told. `exclude` and `retract`
    say what must not be chosen and pin nothing.
    """
    lines, refused = each(_statements(text(content)), _line)
    if not any(line.verb in {"module", "go", "require"} for _, line in lines):
        raise BadRecord("not-go-mod", f"{path} has no module, go or require line")
    replacements, badly_replaced = _replacements(lines)
    requires = [(place, line) for place, line in lines if line.verb == "require"]
    packages, unnamed = each(requires, lambda place, line: _package(place, line, replacements))
    own: dict[str, Package] = {}
    for package in (*_standard_library(lines), *packages):
        own.setdefault(package.key, package)
    return inventory_of(FORMAT.name, tuple(own.values()), refused + badly_replaced + unnamed)


def _statements(content: str) -> Iterable[tuple[str, tuple[str, str]]]:
    """The lines with the block they stand in (`require` for those between its parentheses, else empty)."""
    block = ""
    for number, line in enumerate(content.split("\n"), 1):
        code = line.partition("//")[0].strip()
        opening = re.fullmatch(r"(\w+)\s*\(", code)
        if opening and not block:
            block = opening[1]
        elif code == ")":
            block = ""
        elif code:
            yield f"line {number}", (block, line)


def _line(place: str, statement: tuple[str, str]) -> tuple[str, _Line]:
    block, content = statement
    words = [block] if block else []
    comment = ""
    for match in _TOKEN.finditer(content.rstrip()):
        comment, quoted, raw, mark, word, stray = match.groups()
        if stray:
            raise BadRecord("not-go-mod", f"stray {stray!r} in {content.strip()[:200]!r}")
        if not comment:
            words.append(quoted if quoted is not None else raw if raw is not None else mark or word)
    if words[0] not in _DIRECTIVES:
        raise BadRecord("not-go-mod", f"unknown directive {words[0][:50]!r}")
    if words[0] == "require" and len(words) != 3:
        raise BadRecord("not-go-mod", f"not `require module version`: {content.strip()[:200]!r}")
    marks = (comment or "").split()
    is_indirect = marks[:1] == ["//"] and (marks[1:] == ["indirect"] or marks[1:2] == ["indirect;"])
    return place, _Line(words[0], tuple(words[1:]), is_indirect)


def _replacements(lines: _Lines) -> tuple[Replacements, tuple[tuple[str, str, str], ...]]:
    found: Replacements = {}

    def replacement(_: str, words: tuple[str, ...]) -> None:
        arrow = words.index("=>") if "=>" in words else 0
        old, new = words[:arrow], words[arrow + 1 :]
        if len(old) not in {1, 2} or len(new) not in {1, 2}:
            raise BadRecord(
                "not-go-mod", f"not `replace module => module version`: {' '.join(words)[:200]!r}"
            )
        found[old[0], old[1] if len(old) == 2 else None] = _Replacement(
            new[0], new[1] if len(new) == 2 else None
        )

    _, refused = each(((place, line.words) for place, line in lines if line.verb == "replace"), replacement)
    return found, refused


def _package(place: str, line: _Line, replacements: Replacements) -> Package:
    required, version = line.words
    # One for that version goes before one for every version.
    replaced = replacements.get((required, version)) or replacements.get((required, None))
    name, pinned, alias, resolved, origin = required, version or None, None, None, Origin.REGISTRY
    if replaced and (replaced.version is None or _LOCAL.match(replaced.path)):
        pinned, resolved, origin = None, replaced.path, Origin.PATH
    elif replaced:
        name, pinned = replaced.path, replaced.version
        alias = required if name != required else None
    return Package(
        key=f"{required}@{version}",
        ecosystem=_ECOSYSTEM,
        name=name,
        version=pinned,
        purl=purl_of(_ECOSYSTEM, name, pinned),
        place=place,
        alias=alias,
        is_direct=not line.is_indirect,
        origin=origin,
        resolved=resolved,
    )


def _standard_library(lines: _Lines) -> Iterable[Package]:
    """The least Go release that may build the module: the higher one of `toolchain` and, from 1.21, `go`."""
    best: tuple[tuple[int, ...], str, str] | None = None
    for place, line in lines:
        if line.verb not in {"go", "toolchain"} or len(line.words) != 1:
            continue
        # A toolchain's own suffix (`go1.21.3-custom`) names who built it.
        match = _GO.fullmatch(line.words[0].removeprefix("go").partition("-")[0])
        if match is None or (line.verb == "go" and (int(match[1]), int(match[2])) < _FIRST_BINDING):
            continue
        order, version = _release(match)
        if best is None or order > best[0]:
            best = order, version, place
    if best:
        _, version, place = best
        yield Package(
            key=f"stdlib@{version}",
            ecosystem=_ECOSYSTEM,
            name="stdlib",
            version=version,
            purl=purl_of(_ECOSYSTEM, "stdlib", version),
            place=place,
            is_direct=True,
        )


def _release(match: re.Match[str]) -> tuple[tuple[int, ...], str]:
    """A Go release's order and its number as the advisories for `stdlib` write it: `1.22rc1` is `1.22.0-rc.1`."""
    major, minor, patch, stage, stage_number = match.groups()
    order = (int(major), int(minor), int(patch or 0), ("alpha", "beta", "rc", None).index(stage))
    suffix = f"-{stage}.{stage_number}" if stage else ""
    return (*order, int(stage_number or 0)), f"{int(major)}.{int(minor)}.{int(patch or 0)}{suffix}"


FORMAT = Format(name="go.mod", title="go.mod", ecosystem=_ECOSYSTEM, names=("go.mod",), read=read)
