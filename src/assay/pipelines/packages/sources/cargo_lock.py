"""Cargo.lock, versions 1 to 4 (cargo: src/cargo/core/resolver/encode.rs)."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec

from assay.domain.entries import each, header_places, json_path
from assay.domain.integrity import sri
from assay.domain.plain import from_toml, text
from assay.domain.purl import purl_of
from assay.domain.shapes import shaped
from assay.errors import BadRecord
from assay.pipelines.packages.model import Format, Inventory, Origin, Package, inventory_of

_ECOSYSTEM = "crates.io"
_CRATES_IO = frozenset(
    ("registry+https://github.com/rust-lang/crates.io-index", "sparse+https://index.crates.io/")
)
# `name`, `name 1.2.3` or `name 1.2.3 (registry+https://...)`, as much as it takes to be unambiguous.
_DEPENDENCY = re.compile(r"(\S+)(?: (\S+))?(?: \((.+)\))?")
_CHECKSUM = re.compile(r"checksum (\S+) (\S+) \((.+)\)")


class _Entry(msgspec.Struct):
    name: str
    version: str
    source: str | None = None
    checksum: str | None = None
    dependencies: tuple[str, ...] = ()


class _Lock(msgspec.Struct):
    version: int | None = None
    root: Any = None
    package: list[Any] = []
    metadata: dict[str, Any] = {}


def read(path: str, content: bytes) -> Inventory:
    """Every crate of the lock, those of the workspace included, whose origin is a path.

    Direct is what a crate on disk depends on: the lock does not say which of those belong to the workspace. Kinds of
    dependencies (dev, build, optional) are not in it either.
    """
    lock = shaped(from_toml(content), _Lock, is_whole=False)
    if not (lock.package or lock.root or lock.version):
        raise BadRecord("no-packages", f"{path} has neither packages nor a version of its format")
    read_entries, refused = each(_places(lock, content), lambda place, raw: (place, shaped(raw, _Entry)))
    entries = _without_repeats(read_entries)
    checksums = _old_checksums(lock.metadata)
    names = _Names(entry for _, entry in entries)
    requires = {id(entry): names.meant(entry) for _, entry in entries}
    # Cargo keeps no crate that nobody needs, so a crate without a parent is one of the workspace.
    needed = {key for keys in requires.values() for key in keys}
    direct = {key for _, entry in entries if entry.source is None for key in requires[id(entry)]}

    def package(place: str, entry: _Entry) -> Package:
        key = names.key(entry)
        origin, resolved, commit, qualifiers = _origin(entry.source)
        checksum = entry.checksum or checksums.get((entry.name, entry.version, entry.source or ""))
        return Package(
            key=key,
            ecosystem=_ECOSYSTEM,
            name=entry.name,
            version=entry.version,
            purl=purl_of(_ECOSYSTEM, entry.name, entry.version, qualifiers),
            place=place,
            commit=commit,
            is_direct=key in direct if key in needed else None,
            origin=origin,
            resolved=resolved,
            integrity=(sri("sha256", checksum),) if checksum else (),
            requires=requires[id(entry)],
        )

    packages, unnamed = each(entries, package)
    return inventory_of(FORMAT.name, packages, refused + unnamed, version=str(lock.version or 1))


def _places(lock: _Lock, content: bytes) -> Iterable[tuple[str, Any]]:
    """The packages with the lines of their headers; by path where the file is not as cargo writes it."""
    if lock.root is not None:
        yield json_path("root"), lock.root
    places = header_places(text(content), "[[package]]", len(lock.package), "package")
    yield from zip(places, lock.package, strict=True)


def _without_repeats(entries: Iterable[tuple[str, _Entry]]) -> list[tuple[str, _Entry]]:
    found: dict[tuple[str, str, str | None], tuple[str, _Entry]] = {}
    for place, entry in entries:
        found.setdefault((entry.name, entry.version, entry.source), (place, entry))
    return list(found.values())


def _old_checksums(metadata: dict[str, Any]) -> dict[tuple[str, str, str], str]:
    """Version 1 has the checksums in a table of their own; `<none>` is for git."""
    found = {}
    for key, value in metadata.items():
        match = _CHECKSUM.fullmatch(key)
        if match and isinstance(value, str) and value != "<none>":
            found[match[1], match[2], match[3]] = value
    return found


class _Names:
    """The keys of the packages under every description by which a dependency may mean them."""

    def __init__(self, entries: Iterable[_Entry]) -> None:
        entries = list(entries)
        self._sources = Counter((entry.name, entry.version) for entry in entries)
        self._keys: dict[tuple[str, ...], str | None] = {}
        for entry in entries:
            key = self.key(entry)
            by_version = (entry.name, entry.version)
            for description in ((entry.name,), by_version, (*by_version, _place_of(entry.source))):
                self._keys[description] = None if description in self._keys else key

    def key(self, entry: _Entry) -> str:
        """`name@version`, and the source where the version alone is not unique."""
        is_unique = self._sources[entry.name, entry.version] == 1
        return f"{entry.name}@{entry.version}" + ("" if is_unique else f" ({entry.source or 'path'})")

    def meant(self, entry: _Entry) -> tuple[str, ...]:
        """The keys that its dependencies mean, without those that the lock has not, or several of."""
        found: dict[str, None] = {}
        for wish in entry.dependencies:
            match = _DEPENDENCY.fullmatch(wish)
            if match is None:
                continue
            description = tuple(part for part in match.groups() if part is not None)
            if len(description) == 3:
                description = (*description[:2], _place_of(description[2]))
            key = self._keys.get(description)
            if key is not None and key != self.key(entry):
                found[key] = None
        return tuple(found)


def _place_of(source: str | None) -> str:
    """A source without the commit, which dependencies do not repeat."""
    return (source or "").partition("#")[0]


def _origin(source: str | None) -> tuple[Origin, str | None, str | None, dict[str, str]]:
    """Where from, the address, the commit, and what the package URL says of it."""
    if source is None:
        return Origin.PATH, None, None, {}
    if source in _CRATES_IO:
        return Origin.REGISTRY, None, None, {}
    kind, _, address = source.partition("+")
    address, _, commit = address.partition("#")
    if kind == "git":
        repository = address.partition("?")[0]
        pinned = f"@{commit}" if commit else ""
        return Origin.GIT, address, commit or None, {"vcs_url": f"git+{repository}{pinned}"}
    if kind in {"registry", "sparse"}:
        return Origin.OTHER_REGISTRY, address, None, {"repository_url": address}
    return Origin.PATH, address or None, None, {}


FORMAT = Format(
    name="cargo.lock",
    title="Cargo.lock",
    ecosystem=_ECOSYSTEM,
    names=("Cargo.lock",),
    read=read,
)
