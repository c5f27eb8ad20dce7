"""poetry.lock, from Poetry 0.12 to 2.x (lock versions without a number, 1.0, 1.1, 2.0, 2.1)."""

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
from assay.domain.integrity import sri, sri_of
from assay.domain.origins import Locator, of_index, without_credentials
from assay.domain.plain import from_toml, text
from assay.domain.purl import purl_of
from assay.domain.python_names import Keys, checked_name
from assay.domain.reach import unrequired
from assay.errors import BadRecord
from assay.pipelines.packages.model import ORIGINS, Format, Inventory, Package, Scope, inventory_of

_PATHS = frozenset(("directory", "file"))


def read(path: str, content: bytes) -> Inventory:
    """The packages of a poetry.lock. It does not say what the project asks for; what nothing else requires, it does."""
    found = text(content)
    document = from_toml(content)
    metadata = mapping_of(document, "metadata")
    if not metadata or ("lock_version" in metadata and "lock-version" not in metadata):
        raise BadRecord("not-this-format", f"{path} has no `metadata` of Poetry's")
    entries = rows_of(document, "package")
    names = Keys(entries)
    edges = {key: _ends(entry, names) for key, entry in zip(names.keys, entries, strict=True)}
    roots = unrequired(edges)

    def read_one(place: str, index: int) -> Package:
        entry = mapping(entries[index], "the package")
        name = checked_name(string(entry.get("name"), "name"))
        version = string_of(entry, "version")
        locator, qualifiers = _located(mapping_of(entry, "source"))
        key = names.keys[index]
        return Package(
            key=key,
            ecosystem="PyPI",
            name=name,
            version=version,
            purl=purl_of("PyPI", name, version, qualifiers),
            place=place,
            commit=locator.commit,
            scope=_scope(entry),
            is_direct=True if key in roots else None,
            origin=ORIGINS[locator.kind],
            resolved=locator.url,
            integrity=_integrity(entry, metadata, is_alone=len(names.named(name)) == 1),
            requires=edges[key],
        )

    places = header_places(found, "[[package]]", len(entries), "package")
    packages, faults = each(list(zip(places, range(len(entries)), strict=True)), read_one)
    return inventory_of(FORMAT.name, packages, faults, version=string_of(metadata, "lock-version"))


def _ends(entry: Any, names: Keys) -> tuple[str, ...]:
    wanted = entry.get("dependencies") if isinstance(entry, dict) else None
    ends = [key for name in wanted if name for key in names.named(name)] if isinstance(wanted, dict) else []
    return tuple(dict.fromkeys(ends))


def _located(source: dict[str, Any]) -> tuple[Locator, dict[str, str]]:
    """Origin, and the qualifiers of the package URL. `legacy` is another index; without a source it is PyPI."""
    kind, url = string_of(source, "type"), string_of(source, "url")
    if kind == "git":
        commit = string_of(source, "resolved_reference") or string_of(source, "reference")
        git = Locator("git", without_credentials(url) if url else None, commit)
        return git, git.qualifiers()
    if kind in _PATHS:
        return Locator("path", url), {}
    if kind == "url":
        file = Locator("url", without_credentials(url) if url else None)
        return file, file.qualifiers()
    index, qualifiers = of_index(url)
    return Locator(index), qualifiers


def _scope(entry: dict[str, Any]) -> Scope:
    """From `groups` (2.1) or `category` (before 2.0); a package of an extra is `optional`."""
    groups = strings_of(entry, "groups")
    category = string_of(entry, "category")
    if (groups and "main" not in groups) or (category and category != "main"):
        return Scope.DEV
    return Scope.OPTIONAL if entry.get("optional") is True else Scope.RUNTIME


def _integrity(entry: dict[str, Any], metadata: dict[str, Any], *, is_alone: bool) -> tuple[str, ...]:
    """The hashes of its files: at the package (2.x), in `metadata.files` (1.x) or in `metadata.hashes` (before)."""
    name, version = str(entry["name"]), entry.get("version")
    files = rows_of(entry, "files") or rows_of(mapping_of(metadata, "files"), name)
    if files:
        told = [
            (string_of(one, "file") or "", string_of(one, "hash")) for one in files if isinstance(one, dict)
        ]
        # 1.x lists the files of all versions of a name in one place.
        marks = (f"-{version}-", f"-{version}.")
        hashes = [
            value for file, value in told if value and (is_alone or any(mark in file for mark in marks))
        ]
        return tuple(dict.fromkeys([sri_of(value) for value in hashes]))
    plain = strings_of(mapping_of(metadata, "hashes"), name) if is_alone else ()
    return tuple(dict.fromkeys([sri("sha256", value) for value in plain]))


FORMAT = Format(
    name="poetry",
    title="poetry.lock",
    ecosystem="PyPI",
    names=("poetry.lock",),
    read=read,
    recognises=lambda start: b"@generated by Poetry" in start,
)
