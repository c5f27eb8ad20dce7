"""pnpm-lock.yaml, versions 5.x, 6.x and 9.

A package's key is its "dependency path": `/name/1.0.0_peers` (5), `/name@1.0.0(peer@2.0.0)` (6),
`name@1.0.0(peer@2.0.0)` (9), or an address. From 9 on `packages` says what a package is and `snapshots` what it
requires, once per set of peers (pnpm's spec repository, lockfile/).

From pnpm 11 on the file may hold two YAML documents: first what pnpm itself needs to work on the project (its own
version, configuration packages), last the project's (pnpm.io, "Reading pnpm-lock.yaml").
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from assay.domain.entries import each, json_path, mapping, mapping_of, string_of
from assay.domain.npm_names import checked_name, is_version, split_descriptor
from assay.domain.origins import Locator, commit_in, locate
from assay.domain.plain import from_yaml, text
from assay.domain.purl import purl_of
from assay.domain.reach import weights
from assay.errors import BadRecord
from assay.pipelines.packages.model import ORIGINS, Format, Inventory, Package, Scope, inventory_of

# In the order of the weights with which the reach is found.
_SCOPES = list(Scope)
_GROUPS = {
    "dependencies": Scope.RUNTIME,
    "optionalDependencies": Scope.OPTIONAL,
    "devDependencies": Scope.DEV,
    "configDependencies": Scope.DEV,
    "packageManagerDependencies": Scope.DEV,
}
# A document begins with such a line or with the file (YAML 1.2.2, 9.1.2).
_DOCUMENT = re.compile(r"^(?=---(?:\s|\Z))", re.MULTILINE)
_MOST_DOCUMENTS = 2
_ENTRY_LINE = re.compile(r"  (\S.*?):(?: .*)?$")
# Of a line in which a key is looked for, because the search's time grows with the square.
_LONGEST_LINE = 2_000
# Version 5: `/name/1.0.0`, `/@scope/name/1.0.0_react@17.0.2`, `registry.example.org/name/1.0.0`.
_SLASHED = re.compile(
    r"(?P<host>[^/@]*)/(?P<name>(?:@[^/@]+/)?[^/@]+)/(?P<version>\d+\.\d+\.\d+[^/_]*)(?P<peers>_.*)?"
)


def read(path: str, content: bytes) -> Inventory:
    """The packages of a pnpm-lock.yaml. A set of peers makes a package of its own, as in the file.

    What pnpm itself needs is for development, unless the project has the same package.
    """
    version: str | None = None
    packages: dict[str, Package] = {}
    faults: list[tuple[str, str, str]] = []
    for document, found in _documents(path, text(content)):
        version = string_of(document, "lockfileVersion")
        if version is None and "packages" not in document:
            raise BadRecord("not-this-format", f"{path} has neither `lockfileVersion` nor `packages`")
        read_packages, refused = _packages(document, found)
        packages |= {package.key: package for package in read_packages}
        faults += refused
    return inventory_of(FORMAT.name, tuple(packages.values()), faults, version=version)


def _documents(path: str, found: str) -> list[tuple[dict[str, Any], str]]:
    """The YAML documents of a file, each with its text on the lines on which it stands there."""
    documents: list[tuple[dict[str, Any], str]] = []
    above = 0
    for part in _DOCUMENT.split(found, maxsplit=_MOST_DOCUMENTS + 1):
        placed = "\n" * above + part
        above += part.count("\n")
        value = from_yaml(placed.encode())
        if value is not None:
            documents.append((mapping(value, path), placed))
    if len(documents) > _MOST_DOCUMENTS:
        raise BadRecord("several-documents", f"{path} has more than {_MOST_DOCUMENTS} YAML documents")
    return documents or [({}, found)]


def _packages(
    document: dict[str, Any], found: str
) -> tuple[tuple[Package, ...], tuple[tuple[str, str, str], ...]]:
    """The packages of one document, and what of it could not be read."""
    described = mapping_of(document, "packages")
    snapshots = mapping_of(document, "snapshots") if "snapshots" in document else described
    entries = {key: _entry(key, described, snapshots) for key in snapshots}
    importers = mapping_of(document, "importers") or {".": document}
    uses = {key: list(_uses(entry, entries)) for key, entry in entries.items()}
    roots = [
        (end, _SCOPES.index(scope))
        for importer in importers.values()
        if isinstance(importer, dict)
        for group, scope in _GROUPS.items()
        for end in _ends(importer.get(group), entries)
    ]
    direct = {key for key, _ in roots}
    reached = weights(roots, uses)
    places = _places(found)

    def read_one(place: str, key: str) -> Package:
        entry = mapping(entries[key], "the entry")
        name, version, locator = _identity(key, entry)
        checked_name(name)
        integrity = string_of(mapping_of(entry, "resolution"), "integrity")
        return Package(
            key=key,
            ecosystem="npm",
            name=name,
            version=version,
            purl=purl_of("npm", name, version, locator.qualifiers()),
            place=place,
            commit=locator.commit,
            scope=_scope(entry, reached.get(key)),
            is_direct=key in direct if direct else None,
            origin=ORIGINS[locator.kind],
            resolved=locator.url,
            integrity=tuple(integrity.split()) if integrity else (),
            requires=tuple(dict.fromkeys([end for end, _ in uses[key] if end != key])),
        )

    section = "snapshots" if snapshots is not described else "packages"
    located = [(places.get((section, key)) or json_path(section, key), key) for key in entries]
    return each(located, read_one)


def _entry(key: str, described: Mapping[str, Any], snapshots: Mapping[str, Any]) -> Any:
    """A snapshot with what `packages` says of the package without its peers."""
    snapshot = snapshots[key]
    if snapshots is described:
        return snapshot
    base = described.get(key, described.get(_without_peers(key)))
    if isinstance(base, dict) and isinstance(snapshot, dict):
        return {**base, **snapshot}
    return snapshot if base is None or not isinstance(snapshot, dict) else base


def _identity(key: str, entry: dict[str, Any]) -> tuple[str, str | None, Locator]:
    """The registry's name, the version and the origin of a package, from its dependency path and its resolution."""
    resolution = mapping_of(entry, "resolution")
    locator = _located(resolution)
    name, version = _named(_without_peers(key))
    told, told_version = string_of(entry, "name"), string_of(entry, "version")
    if told or name is None:
        name = told or name
        version = told_version or version
    if name is None:
        raise BadRecord("bad-name", f"{key[:80]} gives no package name")
    if version is not None and not is_version(version):
        locator = locator or _reference(version)
        version = told_version
    if locator is None:
        locator = Locator("registry")
    return name, told_version or version, locator


def _reference(reference: str) -> Locator | None:
    return locate(reference) or Locator("url", reference)


def _located(resolution: dict[str, Any]) -> Locator | None:
    """Where `resolution` leads; None where it has a hash only, which is for the registry."""
    kind = string_of(resolution, "type")
    if kind == "git" or "repo" in resolution:
        commit = string_of(resolution, "commit")
        return Locator("git", string_of(resolution, "repo"), commit_in(commit or ""))
    if kind == "directory" or "directory" in resolution:
        return Locator("path", string_of(resolution, "directory"))
    tarball = string_of(resolution, "tarball")
    return (locate(tarball) or Locator("url", tarball)) if tarball else None


def _named(path: str) -> tuple[str | None, str | None]:
    """Name and version, or name and address, of a dependency path without peers."""
    slashed = _SLASHED.fullmatch(path)
    if slashed and is_version(slashed["version"]):
        return slashed["name"], slashed["version"]
    bare = path.removeprefix("/")
    name, version = split_descriptor(bare)
    is_name = name and (name.startswith("@") or "/" not in name) and ":" not in name
    return (name, version) if version and is_name else (None, bare)


def _without_peers(key: str) -> str:
    """A dependency path of version 6 or 9 without `(react@18.2.0)` and `(patch_hash=...)` at its end."""
    at = key.find("(")
    return key[:at] if at > 0 and key.endswith(")") else key


def _scope(entry: dict[str, Any], weight: int | None) -> Scope:
    """As the file flags it (`dev` until version 6, `optional`), otherwise as the project reaches it."""
    if "dev" in entry:
        if entry["dev"] is True:
            return Scope.DEV
        return Scope.OPTIONAL if entry.get("optional") is True else Scope.RUNTIME
    reached = _SCOPES[weight or 0]
    return Scope.OPTIONAL if reached is Scope.RUNTIME and entry.get("optional") is True else reached


def _uses(entry: Any, entries: Mapping[str, Any]) -> Iterable[tuple[str, int]]:
    """The keys of what an entry requires, with the weights of their scopes. Peers are among `dependencies`."""
    if isinstance(entry, dict):
        for group in ("dependencies", "optionalDependencies"):
            for end in _ends(entry.get(group), entries):
                yield end, _SCOPES.index(_GROUPS[group])


def _ends(group: Any, entries: Mapping[str, Any]) -> Iterable[str]:
    """The keys for a mapping of names to references, or to `{specifier, version}`."""
    for name, reference in group.items() if isinstance(group, dict) else ():
        wanted = reference.get("version") if isinstance(reference, dict) else reference
        if isinstance(wanted, str):
            for key in (f"/{name}/{wanted}", f"/{name}@{wanted}", f"{name}@{wanted}", wanted):
                if key in entries:
                    yield key
                    break


def _places(found: str) -> dict[tuple[str, str], str]:
    """The line of every key of a section."""
    places: dict[tuple[str, str], str] = {}
    section = ""
    for number, line in enumerate(found.split("\n"), 1):
        if line[:1].strip():
            section = line.partition(":")[0]
        elif len(line) < _LONGEST_LINE and (entry := _ENTRY_LINE.match(line)):
            places.setdefault((section, entry[1].strip("'\"")), f"line {number}")
    return places


FORMAT = Format(
    name="pnpm",
    title="pnpm-lock.yaml",
    ecosystem="npm",
    names=("pnpm-lock.yaml", "pnpm-lock.yml", "pnpm-lock.*.yaml"),
    read=read,
    recognises=lambda start: re.search(rb"^lockfileVersion: *'?\d", start, re.MULTILINE) is not None,
)
