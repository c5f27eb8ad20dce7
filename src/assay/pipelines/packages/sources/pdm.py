"""pdm.lock (lock versions 2 to 4.5)."""

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
from assay.domain.integrity import sri_of
from assay.domain.origins import Locator, without_credentials
from assay.domain.plain import from_toml, text
from assay.domain.purl import purl_of
from assay.domain.python_names import Keys, checked_name, requirement
from assay.domain.reach import unrequired
from assay.errors import BadRecord
from assay.pipelines.packages.model import ORIGINS, Format, Inventory, Package, Scope, inventory_of

_ADDRESSES = ("git", "hg", "svn", "path", "url")


def read(path: str, content: bytes) -> Inventory:
    """The packages of a pdm.lock. A package with extras (`requests[socks]`), which PDM lists apart, is one with it.

    The file does not say what the project asks for: what nothing requires, it does.
    """
    found = text(content)
    document = from_toml(content)
    metadata = mapping_of(document, "metadata")
    version = string_of(metadata, "lock_version")
    if version is None and "content_hash" not in metadata:
        raise BadRecord("not-this-format", f"{path} has no `metadata` of PDM's")
    entries = rows_of(document, "package")
    owners = _owners(entries)
    names = Keys([entries[owner] if owner == index else None for index, owner in enumerate(owners)])
    edges: dict[str, tuple[str, ...]] = {}
    for entry, owner in zip(entries, owners, strict=True):
        key = names.keys[owner]
        ends = [end for end in _ends(entry, names) if end != key]
        edges[key] = tuple(dict.fromkeys([*edges.get(key, ()), *ends]))
    together: dict[int, list[Any]] = {}
    for entry, owner in zip(entries, owners, strict=True):
        together.setdefault(owner, []).append(entry)
    roots = unrequired(edges)

    def read_one(place: str, index: int) -> Package | None:
        entry = mapping(entries[index], "the package")
        name = checked_name(string(entry.get("name"), "name"))
        if owners[index] != index:
            return None
        told = string_of(entry, "version")
        locator = _located(entry)
        key = names.keys[index]
        hashes, first = _files(entry, metadata, name, told)
        if locator.kind == "registry" and first:
            locator = locator._replace(url=without_credentials(first))
        return Package(
            key=key,
            ecosystem="PyPI",
            name=name,
            version=told,
            purl=purl_of("PyPI", name, told, locator.qualifiers()),
            place=place,
            commit=locator.commit,
            scope=_scope(together[index]),
            is_direct=True if key in roots else None,
            origin=ORIGINS[locator.kind],
            resolved=locator.url,
            integrity=hashes,
            requires=edges[key],
        )

    places = header_places(found, "[[package]]", len(entries), "package")
    packages, faults = each(list(zip(places, range(len(entries)), strict=True)), read_one)
    return inventory_of(FORMAT.name, packages, faults, version=version)


def _owners(entries: list[Any]) -> list[int]:
    """For each entry the first one of the same package: itself, or the one that has it without extras."""
    first: dict[tuple[str, ...], int] = {}
    owners = list(range(len(entries)))
    # Those without extras first, so that they are the owners.
    for has_extras in (False, True):
        for index, entry in enumerate(entries):
            if isinstance(entry, dict) and bool(entry.get("extras")) is has_extras:
                mark = tuple(str(entry.get(part)) for part in ("name", "version", "revision", *_ADDRESSES))
                owners[index] = first.setdefault(mark, index) if has_extras else index
                first.setdefault(mark, index)
    return owners


def _ends(entry: Any, names: Keys) -> list[str]:
    wanted = entry.get("dependencies") if isinstance(entry, dict) else None
    found = [requirement(one) for one in wanted if isinstance(one, str)] if isinstance(wanted, list) else []
    return [key for one in found if one for key in names.named(one.name, one.version)]


def _located(entry: dict[str, Any]) -> Locator:
    if git := string_of(entry, "git"):
        return Locator(
            "git", without_credentials(git), string_of(entry, "revision") or string_of(entry, "ref")
        )
    if local := string_of(entry, "path"):
        return Locator("path", local)
    for kind in ("url", "hg", "svn"):
        if url := string_of(entry, kind):
            return Locator("path" if url.startswith("file:") else "url", without_credentials(url))
    return Locator("registry")


def _files(
    entry: dict[str, Any], metadata: dict[str, Any], name: str, version: str | None
) -> tuple[tuple[str, ...], str | None]:
    """The hashes of its files, and the address of the first; before version 4 they stand in `metadata.files`."""
    files = rows_of(entry, "files") or rows_of(mapping_of(metadata, "files"), f"{name} {version}")
    told = [one for one in files if isinstance(one, dict)]
    hashes = [string_of(one, "hash") for one in told]
    addresses = [string_of(one, "url") for one in told]
    return (
        tuple(dict.fromkeys([sri_of(one) for one in hashes if one])),
        next((one for one in addresses if one), None),
    )


def _scope(entries: list[dict[str, Any]]) -> Scope:
    """From the groups of all entries of a package: `default` is the project's own need, `dev` PDM's group for
    development; every other group can be an extra, which is wider. Without groups it is needed."""
    groups = {group for entry in entries for group in strings_of(entry, "groups")}
    if not groups or "default" in groups:
        return Scope.RUNTIME
    return Scope.DEV if groups == {"dev"} else Scope.OPTIONAL


FORMAT = Format(
    name="pdm",
    title="pdm.lock",
    ecosystem="PyPI",
    names=("pdm.lock", "pdm.*.lock"),
    read=read,
    recognises=lambda start: b"@generated by PDM" in start,
)
