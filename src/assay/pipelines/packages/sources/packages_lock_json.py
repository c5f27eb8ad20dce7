"""packages.lock.json of NuGet, versions 1 and 2 (NuGet documentation, "Locking dependencies")."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from assay.domain.entries import each, json_path, string
from assay.domain.plain import from_json
from assay.domain.purl import purl_of
from assay.domain.shapes import shaped
from assay.errors import BadRecord
from assay.pipelines.packages.model import Format, Inventory, Origin, Package, inventory_of

_ECOSYSTEM = "NuGet"


class _Entry(msgspec.Struct):
    type: str
    resolved: str | None = None
    content_hash: str | None = msgspec.field(name="contentHash", default=None)
    dependencies: dict[str, Any] | None = None


class _Lock(msgspec.Struct):
    dependencies: dict[str, Any]
    version: int | None = None


@dataclass(slots=True)
class _Found:
    """One version of a package over all frameworks."""

    place: str
    name: str
    version: str | None
    types: set[str] = field(default_factory=set)
    hashes: dict[str, None] = field(default_factory=dict)
    needs: dict[str, None] = field(default_factory=dict)


Frameworks = dict[str, dict[str, str]]


def read(path: str, content: bytes) -> Inventory:
    """Every package once per version, over all frameworks; projects of the same solution without a version.

    `contentHash` is over the package without its signature, which the registry adds, so it is kept as
    `contentHash:<base64>` and does not verify a download.
    """
    document = from_json(content)
    if not isinstance(document, dict) or not isinstance(document.get("dependencies"), dict):
        raise BadRecord("no-packages", f"{path} has no `dependencies` by framework")
    lock = shaped(document, _Lock, is_whole=False)
    entries, refused = each(_places(lock.dependencies), _entry)
    keys: Frameworks = {}
    for framework, name, entry, _ in entries:
        keys.setdefault(framework, {})[name.lower()] = _key(name, entry)
    found: dict[str, _Found] = {}
    for framework, name, entry, place in entries:
        package = found.setdefault(_key(name, entry), _Found(place, name, entry.resolved))
        package.types.add(entry.type)
        if entry.content_hash:
            package.hashes[f"contentHash:{entry.content_hash}"] = None
        package.needs.update(_needs(framework, entry, keys))
    packages, unnamed = each(((package.place, (key, package)) for key, package in found.items()), _package)
    return inventory_of(
        FORMAT.name, packages, refused + unnamed, version=None if lock.version is None else str(lock.version)
    )


def _places(frameworks: dict[str, Any]) -> Iterable[tuple[str, tuple[str, str, Any]]]:
    for framework, packages in frameworks.items():
        if not isinstance(packages, dict):
            yield json_path("dependencies", framework), (framework, "", packages)
            continue
        for name, entry in packages.items():
            yield json_path("dependencies", framework, name), (framework, name, entry)


def _entry(place: str, entry: tuple[str, str, Any]) -> tuple[str, str, _Entry, str]:
    framework, name, raw = entry
    string(name, "a package's name")
    read_entry = shaped(raw, _Entry)
    if read_entry.resolved is None and read_entry.type != "Project":
        raise BadRecord("no-version", f"{name} is not resolved to a version")
    return framework, name, read_entry, place


def _key(name: str, entry: _Entry) -> str:
    return f"{name.lower()}@{entry.resolved or entry.type.lower()}"


def _needs(framework: str, entry: _Entry, keys: Frameworks) -> dict[str, None]:
    """What the entry needs, by key; the section of a platform (`net6.0/linux-x64`) lists only what differs there."""
    own = keys[framework]
    general = keys.get(framework.partition("/")[0], {})
    wanted = (name.lower() for name in entry.dependencies or ())
    return {key: None for name in wanted if (key := own.get(name) or general.get(name))}


def _package(place: str, entry: tuple[str, _Found]) -> Package:
    key, found = entry
    is_project = "Project" in found.types
    return Package(
        key=key,
        ecosystem=_ECOSYSTEM,
        name=found.name,
        version=found.version,
        purl=purl_of(_ECOSYSTEM, found.name, found.version),
        place=place,
        # The project itself or one that it refers to may refer to a project.
        is_direct=None if is_project else "Direct" in found.types,
        origin=Origin.PATH if is_project else Origin.REGISTRY,
        integrity=tuple(found.hashes),
        requires=tuple(needed for needed in found.needs if needed != key),
    )


FORMAT = Format(
    name="packages.lock.json",
    title="packages.lock.json",
    ecosystem=_ECOSYSTEM,
    names=("packages.lock.json", "packages.*.lock.json"),
    read=read,
)
