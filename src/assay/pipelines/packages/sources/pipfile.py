"""Pipfile.lock (Pipfile specifications 1 to 6)."""

from typing import Any

import msgspec

from assay.domain.entries import each, json_path, mapping, mapping_of, rows_of, string, string_of, strings_of
from assay.domain.integrity import sri_of
from assay.domain.origins import Locator, of_index, without_credentials
from assay.domain.packages import normalise_name
from assay.domain.plain import from_json
from assay.domain.purl import purl_of
from assay.domain.python_names import checked_name, requirement
from assay.errors import BadRecord
from assay.pipelines.packages.model import ORIGINS, Format, Inventory, Package, Scope, inventory_of

_SCOPES = list(Scope)
_META = "_meta"


def read(path: str, content: bytes) -> Inventory:
    """The packages of all categories. One that stands in several with the same version is one package.

    The file tells neither what the project asks for nor what requires what.
    """
    document = mapping(from_json(content), path)
    if _META not in document and "default" not in document:
        raise BadRecord("not-this-format", f"{path} has neither `_meta` nor `default`")
    meta = mapping_of(document, _META)
    indexes = {
        str(one.get("name")): string_of(one, "url")
        for one in rows_of(meta, "sources")
        if isinstance(one, dict)
    }
    entries: list[tuple[str, tuple[str, str | None, Any]]] = []
    for category, group in document.items():
        if category == _META:
            continue
        if isinstance(group, dict):
            entries += [(json_path(category, name), (category, name, entry)) for name, entry in group.items()]
        else:
            entries.append((json_path(category), (category, None, group)))

    def read_one(place: str, one: tuple[str, str | None, Any]) -> Package:
        category, name, entry = one
        if name is None:
            raise BadRecord("wrong-type", f"the category {category} is no mapping")
        return _package(place, category, name, entry, indexes)

    packages, faults = each(entries, read_one)
    spec = meta.get("pipfile-spec")
    return inventory_of(
        FORMAT.name, _merged(packages), faults, version=str(spec) if isinstance(spec, int | str) else None
    )


def _package(place: str, category: str, name: str, value: Any, indexes: dict[str, str | None]) -> Package:
    checked_name(name)
    entry = {"version": value} if isinstance(value, str) else mapping(value, name)
    locator, qualifiers = _located(entry, indexes)
    version = _version(string_of(entry, "version")) if locator.kind != "git" else None
    key = f"{normalise_name('PyPI', name)}@{version or locator.commit or locator.url or ''}".rstrip("@")
    hashes = strings_of(entry, "hashes") or tuple([one for one in [string_of(entry, "hash")] if one])
    return Package(
        key=key,
        ecosystem="PyPI",
        name=name,
        version=version,
        purl=purl_of("PyPI", name, version, qualifiers),
        place=place,
        commit=locator.commit,
        scope={"default": Scope.RUNTIME, "develop": Scope.DEV}.get(category, Scope.OPTIONAL),
        origin=ORIGINS[locator.kind],
        resolved=locator.url,
        integrity=tuple(dict.fromkeys([sri_of(one) for one in hashes])),
    )


def _version(wanted: str | None) -> str | None:
    """The version of `==1.0`; `*` and ranges pin none."""
    found = requirement(f"a{wanted}") if wanted else None
    return found.version if found else None


def _located(entry: dict[str, Any], indexes: dict[str, str | None]) -> tuple[Locator, dict[str, str]]:
    if git := string_of(entry, "git"):
        locator = Locator("git", without_credentials(git), string_of(entry, "ref"))
        return locator, locator.qualifiers()
    if local := string_of(entry, "path"):
        return Locator("path", local), {}
    if file := string_of(entry, "file"):
        locator = Locator(
            "url" if "://" in file and not file.startswith("file:") else "path", without_credentials(file)
        )
        return locator, locator.qualifiers()
    name = string_of(entry, "index")
    # Without a name of an index pipenv takes the first.
    url = indexes.get(name) if name else next(iter(indexes.values()), None)
    kind, qualifiers = of_index(string(url, "the index") if url else None)
    return Locator(kind), qualifiers


def _merged(packages: tuple[Package, ...]) -> tuple[Package, ...]:
    found: dict[str, Package] = {}
    for package in packages:
        other = found.setdefault(package.key, package)
        if _SCOPES.index(package.scope) < _SCOPES.index(other.scope):
            found[package.key] = msgspec.structs.replace(other, scope=package.scope)
    return tuple(found.values())


FORMAT = Format(
    name="pipfile",
    title="Pipfile.lock",
    ecosystem="PyPI",
    names=("Pipfile.lock",),
    read=read,
    recognises=lambda start: b'"_meta"' in start and b'"pipfile-spec"' in start,
)
