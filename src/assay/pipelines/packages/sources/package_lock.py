"""npm's package-lock.json and npm-shrinkwrap.json, versions 1 to 3, and the shrinkwrap files before them.

Versions 2 and 3 have `packages` by their place in `node_modules`; 1 has a tree of `dependencies`, which 2 repeats
for older clients (npm, package-lock.json, "File Format"). A tree's nodes get the keys that 2 would give them, so
that both are resolved alike: a name is looked for in the nearest `node_modules`, outwards.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from assay.domain.entries import each, json_path, mapping, mapping_of, members, string, string_of
from assay.domain.npm_names import checked_name, is_version, real_name
from assay.domain.origins import Locator, locate
from assay.domain.plain import from_json
from assay.domain.purl import purl_of
from assay.domain.reach import unrequired
from assay.errors import BadRecord
from assay.pipelines.packages.model import ORIGINS, Format, Inventory, Package, Scope, inventory_of

_MODULES = "node_modules/"
# The deepest of 13 real files nests 9 packages.
_DEEPEST = 100
# Of a place in `node_modules`: 100 names outwards are looked at for each name that an entry requires.
_LONGEST_KEY = 2_000
_LONGEST_NAME = 500
_BUN = re.compile(rb'"workspaces"\s*:\s*\{\s*""\s*:')
_REGISTRY = Locator("registry")
_USES = ("dependencies", "optionalDependencies", "peerDependencies")


def read(path: str, content: bytes) -> Inventory:
    """The packages of a package-lock. Directories of the same project are packages from a path; the root is none."""
    document = mapping(from_json(content), path)
    number = document.get("lockfileVersion")
    version = str(number) if isinstance(number, int | float) else None
    if "packages" in document:
        packages, faults = _installed(mapping_of(document, "packages"))
    elif "dependencies" in document:
        packages, faults = _tree(mapping_of(document, "dependencies"))
    elif version or "requires" in document:
        packages, faults = (), ()
    else:
        raise BadRecord("not-this-format", "neither `packages`, `dependencies` nor `lockfileVersion`")
    return inventory_of(FORMAT.name, packages, faults, version=version)


def _installed(
    entries: dict[str, Any],
) -> tuple[tuple[Package, ...], tuple[tuple[str, str, str], ...]]:
    """Versions 2 and 3: the key is the place, and the empty one is the project."""
    resolution = _Resolution(entries)
    projects = [key for key in entries if _MODULES not in key]
    direct = {found for key in projects for found in resolution.ends(key)}

    def read_one(place: str, key: str) -> Package | None:
        entry = mapping(entries[key], "the entry")
        if not key or entry.get("link") is True:
            return None
        called = _name_at(key)
        version = string_of(entry, "version")
        locator = _located(_said(entry, "resolved"), is_local=called is None)
        name = string_of(entry, "name") or called or key.rpartition("/")[2]
        return _package(
            key, name, version, place, entry, locator,
            alias=called if called != name else None,
            is_direct=key in direct,
            requires=resolution.ends(key),
            integrity=_said(entry, "integrity"),
        )  # fmt: skip

    return each(members(entries, "packages"), read_one)


def _tree(tree: dict[str, Any]) -> tuple[tuple[Package, ...], tuple[tuple[str, str, str], ...]]:
    """Version 1: a tree of names. It does not say what the project itself asks for."""
    places: dict[str, str] = {}
    entries: dict[str, Any] = {}
    for key, place, entry in _walk(tree):
        places[key], entries[key] = place, entry
    resolution = _Resolution(entries)
    # Before npm 5 no entry said what it requires; what is nested below it is not all of that.
    is_told = any(isinstance(entry, dict) and "requires" in entry for entry in entries.values())
    roots = unrequired({key: resolution.ends(key) for key in entries}) if is_told else frozenset()

    def read_one(place: str, key: str) -> Package | None:
        entry = mapping(entries[key], "the entry")
        called = _name_at(key) or key
        written = string(entry.get("version"), "version")
        name, alias = real_name(called, written)
        _, _, aliased = (
            written.removeprefix("npm:").rpartition("@") if written.startswith("npm:") else ("",) * 3
        )
        version: str | None = aliased or written
        locator = _located(_said(entry, "resolved"))
        if not is_version(version or "") and (elsewhere := locate(written)):
            locator = elsewhere
            version = _version_in(elsewhere)
        return _package(
            key, name, version, place, entry, locator,
            alias=alias,
            is_direct=True if key in roots and key.count(_MODULES) == 1 else None,
            requires=resolution.ends(key),
            integrity=_said(entry, "integrity"),
        )  # fmt: skip

    return each([(places[key], key) for key in entries], read_one)


def _walk(tree: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """(key, place, entry) of every node of version 1's tree, parents first, in the file's order."""
    stack = [("", json_path("dependencies"), iter(tree.items()))]
    while stack:
        inside, above, entries = stack[-1]
        name, entry = next(entries, (None, None))
        if name is None:
            stack.pop()
            continue
        key = f"{inside}{_MODULES}{name}"
        place = above + json_path(name)[1:]
        yield key, place, entry
        inner = entry.get("dependencies") if isinstance(entry, dict) else None
        if isinstance(inner, dict):
            if len(stack) > _DEEPEST:
                raise BadRecord("too-deep", f"{place[:200]}: packages nested more than {_DEEPEST} deep")
            stack.append((f"{key}/", f"{place}.dependencies", iter(inner.items())))


def _package(
    key: str, name: str, version: str | None, place: str, entry: dict[str, Any], locator: Locator, **more: Any
) -> Package:
    integrity = more.pop("integrity")
    checked_name(name)
    if version is not None:
        string(version, "version")
    return Package(
        key=key,
        ecosystem="npm",
        name=name,
        version=version,
        purl=purl_of("npm", name, version, locator.qualifiers()),
        place=place,
        commit=locator.commit,
        scope=_scope(entry),
        origin=ORIGINS[locator.kind],
        resolved=locator.url,
        integrity=tuple(integrity.split()) if integrity else (),
        licences=_licences(entry),
        **more,
    )


def _said(entry: dict[str, Any], key: str) -> str | None:
    """npm 6 writes `false` for what it does not know of a bundled package."""
    return None if entry.get(key) is False else string_of(entry, key)


def _located(resolved: str | None, *, is_local: bool = False) -> Locator:
    if is_local:
        return Locator("path", resolved)
    if resolved is None:
        return _REGISTRY
    return (locate(resolved) if resolved else None) or Locator("registry", resolved)


def _version_in(locator: Locator) -> str | None:
    """The version that the file name of a registry's tarball gives; version 1 has the address in its place."""
    if locator.kind in {"registry", "other-registry"} and locator.url:
        file = locator.url.rpartition("/")[2][:_LONGEST_NAME]
        found = re.search(r"-(v?\d+\.\d+\.\d+.*)\.tgz$", file)
        return found[1] if found else None
    return None


def _scope(entry: Mapping[str, Any]) -> Scope:
    """npm's flags say that a package is there for nothing else; `devOptional` is for one or the other."""
    if entry.get("dev") is True:
        return Scope.DEV
    if entry.get("peer") is True:
        return Scope.PEER
    return (
        Scope.OPTIONAL if entry.get("optional") is True or entry.get("devOptional") is True else Scope.RUNTIME
    )


def _licences(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """`license` as text, as `{"type": ...}`, or as a list of either; anything else says nothing."""
    if "license" not in entry and "licenses" not in entry:
        return ()
    said = entry.get("license", entry.get("licenses"))
    found = [
        one.get("type") if isinstance(one, dict) else one
        for one in (said if isinstance(said, list) else [said])
    ]
    return tuple(
        [one.strip() for one in found if isinstance(one, str) and one.strip().isprintable() and one.strip()]
    )


def _name_at(key: str) -> str | None:
    """The name under which a place in `node_modules` is required; None for a place outside."""
    at = key.rfind(_MODULES)
    return key[at + len(_MODULES) :] if at >= 0 else None


class _Resolution:
    """Node's search for a required name: the nearest `node_modules`, outwards (Node.js, Modules, "Loading from
    node_modules folders")."""

    def __init__(self, entries: Mapping[str, Any]) -> None:
        self._entries = entries

    def ends(self, key: str) -> tuple[str, ...]:
        """The keys of what an entry requires, in its order. What is not installed (an optional peer) is left out."""
        entry = self._entries.get(key)
        if not isinstance(entry, dict) or len(key) > _LONGEST_KEY:
            return ()
        # Version 1 has names in `requires`; its `dependencies` are what is nested inside.
        requires = entry.get("requires")
        uses: list[Any] = [requires]
        if not isinstance(requires, dict):
            uses = [entry[use] for use in _USES if use in entry]
        if _MODULES not in key:
            uses.append(entry.get("devDependencies"))
        if not uses:
            return ()
        names = dict.fromkeys([name for use in uses if isinstance(use, dict) for name in use])
        found = dict.fromkeys([self._find(key, name) for name in names])
        return tuple([one for one in found if one and one != key])

    def _find(self, key: str, name: str) -> str | None:
        place = key
        for _ in range(_DEEPEST):
            found = f"{place}/{_MODULES}{name}" if place else f"{_MODULES}{name}"
            if found in self._entries:
                return self._target(found)
            if not place:
                return None
            at = place.rfind(_MODULES)
            place = place[: max(at - 1, 0)] if at >= 0 else place.rpartition("/")[0]
        return None

    def _target(self, key: str) -> str:
        """A link's entry says where the package really stands."""
        entry = self._entries[key]
        if isinstance(entry, dict) and entry.get("link") is True and entry.get("resolved") in self._entries:
            return str(entry["resolved"])
        return key


def _recognises(start: bytes) -> bool:
    """bun.lock has a `lockfileVersion` too, and its workspaces before its packages."""
    is_json = start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")
    return is_json and b'"lockfileVersion"' in start and _BUN.search(start) is None


FORMAT = Format(
    name="package-lock",
    title="npm package-lock.json and npm-shrinkwrap.json",
    ecosystem="npm",
    names=("package-lock.json", "npm-shrinkwrap.json", ".package-lock.json"),
    read=read,
    recognises=_recognises,
)
