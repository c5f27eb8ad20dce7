"""uv.lock (version 1, all revisions)."""

from collections.abc import Iterable, Iterator
from typing import Any

from assay.domain.entries import each, header_places, mapping, mapping_of, rows_of, string, string_of
from assay.domain.integrity import sri_of
from assay.domain.origins import Locator, commit_in, of_index, without_credentials
from assay.domain.plain import from_toml, text
from assay.domain.purl import purl_of
from assay.domain.python_names import Keys, checked_name
from assay.domain.reach import weights
from assay.errors import BadRecord
from assay.pipelines.packages.model import ORIGINS, Format, Inventory, Package, Scope, inventory_of

# In the order of the weights with which the reach is found.
_SCOPES = list(Scope)
_PROJECT = ("editable", "virtual")
_LOCAL = (*_PROJECT, "directory", "path")


def read(path: str, content: bytes) -> Inventory:
    """The packages of a uv.lock. Members of the workspace are packages from a path; the project at its root is none."""
    found = text(content)
    document = from_toml(content)
    entries = rows_of(document, "package") or rows_of(document, "distribution")
    version, revision = document.get("version"), document.get("revision")
    if not isinstance(version, int) or ("package" not in document and "requires-python" not in document):
        raise BadRecord("not-this-format", f"{path} has no `version` of uv's")
    names = Keys(entries)
    uses = _all_uses(entries, names)
    projects = [key for key, entry in zip(names.keys, entries, strict=True) if _is_project(entry)]
    wanted = rows_of(mapping_of(document, "manifest"), "requirements")
    roots = [use for key in projects for use in uses[key]]
    roots += [(key, 0) for one in wanted if isinstance(one, dict) for key in names.named(one.get("name"))]
    reached = weights(roots, uses)
    direct = {key for key, _ in roots}

    def read_one(place: str, index: int) -> Package | None:
        entry = mapping(entries[index], "the package")
        name = checked_name(string(entry.get("name"), "name"))
        source = _source(entry)
        if any(source.get(kind) in {".", ""} for kind in _PROJECT):
            return None
        key, told = names.keys[index], string_of(entry, "version")
        files = [one for one in (entry.get("sdist"), *rows_of(entry, "wheels")) if isinstance(one, dict)]
        locator, qualifiers = _located(source, files)
        hashes = [string_of(one, "hash") for one in files]
        return Package(
            key=key,
            ecosystem="PyPI",
            name=name,
            version=told,
            purl=purl_of("PyPI", name, told, qualifiers),
            place=place,
            commit=locator.commit,
            scope=_SCOPES[reached.get(key, 0)],
            is_direct=key in direct if roots else None,
            origin=ORIGINS[locator.kind],
            resolved=locator.url,
            integrity=tuple(dict.fromkeys([sri_of(one) for one in hashes if one])),
            requires=tuple(dict.fromkeys([end for end, _ in uses[key] if end != key])),
        )

    header = "[[package]]" if "package" in document else "[[distribution]]"
    places = header_places(found, header, len(entries), "package")
    packages, faults = each(list(zip(places, range(len(entries)), strict=True)), read_one)
    return inventory_of(
        FORMAT.name,
        packages,
        faults,
        version=f"{version}.{revision}" if isinstance(revision, int) else str(version),
    )


def _source(entry: Any) -> dict[str, Any]:
    """Where the package comes from; the first lock files wrote `registry+https://...` as one text."""
    source = entry.get("source") if isinstance(entry, dict) else None
    if isinstance(source, str):
        kind, _, value = source.partition("+")
        return {kind: value}
    return source if isinstance(source, dict) else {}


def _is_project(entry: Any) -> bool:
    return any(kind in _source(entry) for kind in _PROJECT)


def _located(source: dict[str, Any], files: list[dict[str, Any]]) -> tuple[Locator, dict[str, str]]:
    """Origin with the address of the source archive or else the first wheel, and the package URL's qualifiers."""
    if git := string_of(source, "git"):
        url, _, fragment = git.partition("#")
        locator = Locator("git", without_credentials(url), commit_in(fragment))
        return locator, locator.qualifiers()
    for local in _LOCAL:
        if local in source:
            return Locator("path", string_of(source, local)), {}
    if archive := string_of(source, "url"):
        locator = Locator("url", without_credentials(archive))
        return locator, locator.qualifiers()
    first = next((one for one in [string_of(file, "url") for file in files] if one), None)
    kind, qualifiers = of_index(string_of(source, "registry"))
    return Locator(kind, without_credentials(first) if first else None), qualifiers


def _all_uses(entries: list[Any], names: Keys) -> dict[str, list[tuple[str, int]]]:
    """What each package requires, with the weights of their scopes; of its extras those that somebody asks for."""
    extras: dict[str, set[str]] = {}
    for entry in entries:
        for one, _ in _wanted(entry, None):
            asked = one.get("extra")
            for key in names.named(one.get("name"), one.get("version")):
                extras.setdefault(key, set()).update(
                    [
                        extra
                        for extra in (asked if isinstance(asked, list) else [asked])
                        if isinstance(extra, str)
                    ]
                )
    return {
        key: [
            (end, weight)
            for one, weight in _wanted(entry, None if _is_project(entry) else extras.get(key, set()))
            for end in names.named(one.get("name"), one.get("version"))
        ]
        for key, entry in zip(names.keys, entries, strict=True)
    }


def _wanted(entry: Any, extras: Iterable[str] | None) -> Iterator[tuple[dict[str, Any], int]]:
    """(requirement, weight) of an entry, with those of the extras that are named; None means all of them.

    An extra is optional to the project that offers it, and needed where it was asked for.
    """
    if not isinstance(entry, dict):
        return
    groups: list[tuple[Any, int]] = [(entry.get("dependencies"), 0)]
    for part, weight in (("optional-dependencies", Scope.OPTIONAL), ("dev-dependencies", Scope.DEV)):
        table = entry.get(part)
        for name, group in table.items() if isinstance(table, dict) else ():
            if extras is None:
                groups.append((group, _SCOPES.index(weight)))
            elif name in extras and weight is Scope.OPTIONAL:
                groups.append((group, 0))
    for group, level in groups:
        yield from [
            (one, level) for one in (group if isinstance(group, list) else ()) if isinstance(one, dict)
        ]


FORMAT = Format(
    name="uv",
    title="uv.lock",
    ecosystem="PyPI",
    names=("uv.lock",),
    read=read,
    recognises=lambda start: start.startswith(b"version = 1\n") and b"\nrequires-python = " in start,
)
