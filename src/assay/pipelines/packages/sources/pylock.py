"""pylock.toml (PyPA specification "pylock.toml", PEP 751)."""

import re
from typing import Any

from assay.domain.entries import (
    each,
    header_places,
    mapping,
    mapping_of,
    rows_of,
    string,
    string_of,
    strings_of,
)
from assay.domain.integrity import sri
from assay.domain.origins import Locator, of_index, without_credentials
from assay.domain.plain import from_toml, text
from assay.domain.purl import purl_of
from assay.domain.python_names import Keys, checked_name
from assay.domain.reach import unrequired
from assay.errors import BadRecord
from assay.pipelines.packages.model import ORIGINS, Format, Inventory, Package, Scope, inventory_of

# A marker of a real lock file has fewer than 20.
_MOST_CLAUSES = 100
_IN_GROUP = re.compile(r"""(['"])([^'"]*)\1\s+in\s+(dependency_groups|extras)""")


def read(path: str, content: bytes) -> Inventory:
    """The packages of a pylock.toml. It does not say what the project asks for; where `dependencies` are told, what
    nothing requires, it does."""
    found = text(content)
    document = from_toml(content)
    version = string_of(document, "lock-version")
    if version is None:
        raise BadRecord("not-this-format", f"{path} has no `lock-version`")
    entries = rows_of(document, "packages")
    defaults = frozenset(strings_of(document, "default-groups"))
    names = Keys(entries)
    edges = {key: _ends(entry, names) for key, entry in zip(names.keys, entries, strict=True)}
    roots = unrequired(edges)

    def read_one(place: str, index: int) -> Package | None:
        entry = mapping(entries[index], "the package")
        name = checked_name(string(entry.get("name"), "name"))
        directory = entry.get("directory")
        if isinstance(directory, dict) and directory.get("path") == ".":
            return None
        told, key = string_of(entry, "version"), names.keys[index]
        locator, qualifiers, hashes = _located(entry)
        return Package(
            key=key,
            ecosystem="PyPI",
            name=name,
            version=told,
            purl=purl_of("PyPI", name, told, qualifiers),
            place=place,
            commit=locator.commit,
            scope=_scope(string_of(entry, "marker"), defaults),
            is_direct=True if key in roots else None,
            origin=ORIGINS[locator.kind],
            resolved=without_credentials(locator.url) if locator.url else None,
            integrity=hashes,
            requires=edges[key],
        )

    places = header_places(found, "[[packages]]", len(entries), "packages")
    packages, faults = each(list(zip(places, range(len(entries)), strict=True)), read_one)
    return inventory_of(FORMAT.name, packages, faults, version=version)


def _ends(entry: Any, names: Keys) -> tuple[str, ...]:
    wanted = entry.get("dependencies") if isinstance(entry, dict) else None
    told = [one for one in wanted if isinstance(one, dict)] if isinstance(wanted, list) else []
    return tuple(
        dict.fromkeys([key for one in told for key in names.named(one.get("name"), one.get("version"))])
    )


def _located(entry: dict[str, Any]) -> tuple[Locator, dict[str, str], tuple[str, ...]]:
    """Origin, the qualifiers of the package URL, and hashes. The address is the archive's, the source archive's or
    else the first wheel's."""
    if vcs := mapping_of(entry, "vcs"):
        url = string_of(vcs, "url") or string_of(vcs, "path")
        kind = string_of(vcs, "type")
        git = Locator("git" if kind == "git" else "url", without_credentials(url) if url else None)
        git = git._replace(commit=string_of(vcs, "commit-id")) if kind == "git" else git
        return git, git.qualifiers(), ()
    if directory := mapping_of(entry, "directory"):
        return Locator("path", string_of(directory, "path")), {}, ()
    if archive := mapping_of(entry, "archive"):
        url = string_of(archive, "url")
        file = (
            Locator("url", without_credentials(url)) if url else Locator("path", string_of(archive, "path"))
        )
        return file, file.qualifiers(), _hashes([archive])
    sdist = mapping_of(entry, "sdist")
    files = [one for one in (sdist, *rows_of(entry, "wheels")) if isinstance(one, dict) and one]
    address = next((one for one in [string_of(file, "url") for file in files] if one), None)
    index, qualifiers = of_index(string_of(entry, "index"))
    return Locator(index, address), qualifiers, _hashes(files)


def _hashes(files: list[dict[str, Any]]) -> tuple[str, ...]:
    told = [(name, value) for file in files for name, value in mapping_of(file, "hashes").items()]
    return tuple(dict.fromkeys([sri(name, string(value, f"the {name} hash")) for name, value in told]))


def _scope(marker: str | None, defaults: frozenset[str]) -> Scope:
    """What a marker's clauses about groups and extras say, of those that all must hold.

    A package that only groups outside `default-groups` bring is for development, one that only extras bring optional.
    """
    scope = Scope.RUNTIME
    for clause in _conjuncts(marker or ""):
        told = _IN_GROUP.findall(clause)
        rest = re.sub(r"[()\s]|\bor\b|\band\b", "", _IN_GROUP.sub("", clause))
        if not told or rest:
            continue
        kinds = {kind for _, _, kind in told}
        if "extras" in kinds:
            scope = Scope.OPTIONAL if scope is Scope.RUNTIME else scope
        elif not {group for _, group, _ in told} & defaults:
            scope = Scope.DEV
    return scope


def _conjuncts(marker: str) -> list[str]:
    """The parts of a marker that all must hold: joined by `and`, outside of any `or`, in whatever parentheses."""
    found: list[str] = []
    waiting = [marker]
    for _ in range(_MOST_CLAUSES):
        if not waiting:
            break
        part = waiting.pop().strip()
        inner = _split(part[1:-1]) if part.startswith("(") and part.endswith(")") else []
        pieces = inner or _split(part)
        if inner or len(pieces) > 1:
            waiting += pieces
        elif pieces:
            found.append(part)
    return found


def _split(part: str) -> list[str]:
    """Split at each `and` of the outermost level; one piece where an `or` stands there; nothing where parentheses
    do not match."""
    pieces, depth, start, has_or = [], 0, 0, False
    for word in re.finditer(r"'[^']*'|\"[^\"]*\"|[()]|\b(?:and|or)\b", part):
        depth += {"(": 1, ")": -1}.get(word[0], 0)
        if depth < 0:
            return []
        has_or = has_or or (depth == 0 and word[0] == "or")
        if depth == 0 and word[0] == "and":
            pieces.append(part[start : word.start()])
            start = word.end()
    if depth:
        return []
    return [part] if has_or else [*pieces, part[start:]]


FORMAT = Format(
    name="pylock",
    title="pylock.toml (PEP 751)",
    ecosystem="PyPI",
    names=("pylock.toml", "pylock.*.toml"),
    read=read,
    recognises=lambda start: re.search(rb"^lock-version = [\"']1\.", start, re.MULTILINE) is not None,
)
