"""CycloneDX 1.0 to 1.7, JSON and XML (ECMA-424), read leniently: what is no component's identity is not looked at."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element

import msgspec

from assay.domain.components import Source, component_of
from assay.domain.entries import each
from assay.domain.integrity import sri
from assay.domain.plain import from_json, from_xml
from assay.domain.shapes import shaped
from assay.errors import BadRecord
from assay.pipelines.packages.model import ORIGINS, Format, Inventory, Package, Scope, inventory_of

_NAMESPACE = re.compile(r"\{http://cyclonedx\.org/schema/bom/(1\.[0-9]+)\}bom")
_JSON = re.compile(rb'"bomFormat"\s*:\s*"CycloneDX"|"http://cyclonedx\.org/schema/bom-1\.[0-9]+')
_XML = re.compile(rb"<[\w:]*bom\b[^>]*http://cyclonedx\.org/schema/bom/1\.")
# What is in a product without being a package of it, unless it has a package URL.
_NO_PACKAGES = frozenset(("cryptographic-asset", "data", "file"))
# `excluded` documents what is used in tests or otherwise not at run time (the specification, component/scope).
_SCOPES = {"optional": Scope.OPTIONAL, "excluded": Scope.DEV}
# What generators for npm and Composer say in properties of their own.
_DEVELOPMENT = frozenset(("cdx:npm:package:development", "cdx:composer:package:isDevRequirement"))
_TRIVY = "aquasecurity:trivy:Src"


class _Component(msgspec.Struct):
    name: str | None = None
    type: str | None = None
    ref: str | None = msgspec.field(name="bom-ref", default=None)
    group: str | None = None
    version: str | None = None
    scope: str | None = None
    purl: str | None = None
    hashes: Any = None
    licenses: Any = None
    references: Any = msgspec.field(name="externalReferences", default=None)
    properties: Any = None


class _Bom(NamedTuple):
    """A document of either syntax in the shape of the JSON one."""

    version: str | None
    root: str | None
    components: list[tuple[str, Any]]
    dependencies: dict[str, list[str]]


def read(path: str, content: bytes) -> Inventory:
    """Every component with those nested in it, without the one that the document is about.

    Direct is what that one depends on. Files and cryptographic assets count only with a package URL; a
    component without one has no ecosystem. Vulnerabilities in the document are not read.
    """
    start = content.lstrip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n")[:1]
    bom = _xml_bom(path, content) if start == b"<" else _json_bom(path, content)
    read_components, refused = each(bom.components, lambda place, raw: (place, shaped(raw, _Component)))
    components = [
        (place, part) for place, part in read_components if part.purl or part.type not in _NO_PACKAGES
    ]
    keys, by_ref = _keys([part for _, part in components])
    requires = {
        ref: tuple(dict.fromkeys(by_ref[needed] for needed in wanted if needed in by_ref and needed != ref))
        for ref, wanted in bom.dependencies.items()
    }
    # A reference that several components bear is the first one's.
    by_key = {key: requires[ref] for ref, key in by_ref.items() if ref in requires}
    direct = set(requires.get(bom.root or "", ()))
    needed = {key for wanted in requires.values() for key in wanted}
    packages, unnamed = each(
        ((place, (key, part)) for (place, part), key in zip(components, keys, strict=True)),
        lambda place, entry: _package(place, *entry, by_key.get(entry[0], ())),
    )
    return inventory_of(
        FORMAT.name,
        tuple(_placed(package, direct, needed) for package in packages),
        refused + unnamed,
        version=bom.version,
    )


def _placed(package: Package, direct: set[str], needed: set[str]) -> Package:
    """The package with its place in the graph, as far as the document has one."""
    is_direct = (package.key in direct if package.key in needed else None) if direct else None
    return msgspec.structs.replace(package, is_direct=is_direct)


def _json_bom(path: str, content: bytes) -> _Bom:
    document = from_json(content)
    if not isinstance(document, dict) or document.get("bomFormat") != "CycloneDX":
        raise BadRecord("not-cyclonedx", f"{path} is no CycloneDX document: no `bomFormat` of that name")
    subject = _dict(_dict(document.get("metadata")).get("component"))
    root = subject.get("bom-ref") or subject.get("purl")
    dependencies: dict[str, list[str]] = {}
    for entry in _dicts(document.get("dependencies")):
        if isinstance(entry.get("ref"), str):
            dependencies.setdefault(entry["ref"], []).extend(_texts(entry.get("dependsOn")))
    lists = [
        ("$.metadata.component.components", subject.get("components")),
        ("$.components", document.get("components")),
    ]
    version = document.get("specVersion")
    return _Bom(
        version if isinstance(version, str) else None,
        root if isinstance(root, str) else None,
        list(_walk(lists)),
        dependencies,
    )


def _walk(lists: list[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Every component after the one that it is nested in. Without recursion: documents choose their depth."""
    stack = lists[::-1]
    while stack:
        place, entries = stack.pop()
        if isinstance(entries, dict):
            yield place, entries
            if entries.get("components"):
                stack.append((f"{place}.components", entries["components"]))
        elif isinstance(entries, list):
            stack.extend(
                (f"{place}[{index}]", entry if isinstance(entry, dict) else _Wrong(entry))
                for index, entry in reversed(list(enumerate(entries)))
            )
        elif entries is not None:
            yield place, entries


class _Wrong(NamedTuple):
    """An entry of a list of components that is none."""

    entry: Any


def _xml_bom(path: str, content: bytes) -> _Bom:
    root = from_xml(content)
    match = _NAMESPACE.fullmatch(root.tag)
    if match is None:
        raise BadRecord("not-cyclonedx", f"{path} is no CycloneDX document: its root is {root.tag[:100]!r}")
    space = root.tag.removesuffix("bom")
    subject = root.find(f"{space}metadata/{space}component")
    dependencies: dict[str, list[str]] = {}
    for entry in root.iterfind(f"{space}dependencies/{space}dependency"):
        wanted = (child.get("ref") for child in entry.iterfind(f"{space}dependency"))
        dependencies.setdefault(entry.get("ref", ""), []).extend(ref for ref in wanted if ref)
    found = [] if subject is None else list(_walk_xml("metadata/component", subject, space))[1:]
    for number, component in enumerate(root.iterfind(f"{space}components/{space}component"), 1):
        found.extend(_walk_xml(f"components/component[{number}]", component, space))
    return _Bom(
        match[1],
        None if subject is None else subject.get("bom-ref") or _child_text(subject, f"{space}purl"),
        found,
        dependencies,
    )


def _walk_xml(place: str, component: Element, space: str) -> Iterator[tuple[str, Any]]:
    stack = [(place, component)]
    while stack:
        place, element = stack.pop()
        yield place, _as_json(element, space)
        nested = list(enumerate(element.iterfind(f"{space}components/{space}component"), 1))
        stack.extend((f"{place}/components/component[{number}]", child) for number, child in reversed(nested))


def _child_text(element: Element, name: str) -> str | None:
    return (element.findtext(name) or "").strip() or None


def _as_json(element: Element, space: str) -> dict[str, Any]:
    """The component as the JSON syntax has it, without the components nested in it."""
    found: dict[str, Any] = {"type": element.get("type"), "bom-ref": element.get("bom-ref")}
    for child in element:
        name = child.tag.removeprefix(space)
        if name in _TEXTS:
            found.setdefault(name, (child.text or "").strip() or None)
        elif name in _ROWS:
            found.setdefault(name, [_ROWS[name](entry, space) for entry in child])
    return found


def _licence_row(entry: Element, space: str) -> dict[str, Any]:
    if entry.tag == f"{space}expression":
        return {"expression": entry.text}
    return {"license": {name: _child_text(entry, f"{space}{name}") for name in ("id", "name")}}


_TEXTS = frozenset(("name", "group", "version", "scope", "purl"))
_ROWS: dict[str, Callable[[Element, str], dict[str, Any]]] = {
    "hashes": lambda entry, _: {"alg": entry.get("alg"), "content": entry.text},
    "licenses": _licence_row,
    "externalReferences": lambda entry, space: {
        "type": entry.get("type"),
        "url": _child_text(entry, f"{space}url"),
    },
    "properties": lambda entry, _: {"name": entry.get("name"), "value": entry.text},
}


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _dicts(value: Any) -> Iterable[dict[str, Any]]:
    return (entry for entry in value if isinstance(entry, dict)) if isinstance(value, list) else ()


def _texts(value: Any) -> Iterable[str]:
    return (entry for entry in value if isinstance(entry, str)) if isinstance(value, list) else ()


def _keys(components: list[_Component]) -> tuple[list[str], dict[str, str]]:
    """A unique key for each, from its reference, its package URL or its name; and the keys by reference."""
    keys: list[str] = []
    taken: dict[str, int] = {}
    by_ref: dict[str, str] = {}
    for part in components:
        wanted = part.ref or part.purl or f"{part.group or ''}/{part.name}@{part.version}".lstrip("/")
        count = taken[wanted] = taken.get(wanted, 0) + 1
        while count > 1 and f"{wanted}#{count}" in taken:
            count += 1
        key = wanted if count == 1 else f"{wanted}#{count}"
        taken[wanted] = count
        taken.setdefault(key, 1)
        keys.append(key)
        if part.ref:
            by_ref.setdefault(part.ref, key)
        elif part.purl:  # documents before 1.2 have no references
            by_ref.setdefault(part.purl, key)
    return keys, by_ref


def _package(place: str, key: str, part: _Component, requires: tuple[str, ...]) -> Package:
    properties = {
        entry["name"]: entry.get("value")
        for entry in _dicts(part.properties)
        if isinstance(entry.get("name"), str)
    }
    name = "/".join(text for text in (part.group, part.name) if text)
    found = component_of(part.purl, name, part.version or None, _trivy_source(properties))
    scope = _SCOPES.get(part.scope or "", Scope.RUNTIME)
    if any(properties.get(name) == "true" for name in _DEVELOPMENT):
        scope = Scope.DEV
    return Package(
        key=key,
        ecosystem=found.ecosystem,
        name=found.name,
        version=found.version,
        purl=found.purl,
        place=place,
        alias=found.alias,
        commit=found.commit,
        scope=scope,
        origin=ORIGINS[found.origin],
        resolved=found.resolved or _distribution(part),
        integrity=tuple(dict.fromkeys(_hashes(part))),
        licences=tuple(dict.fromkeys(_licences(part))),
        requires=requires,
    )


def _trivy_source(properties: dict[str, Any]) -> Source | None:
    """The source package of a distribution's, which Trivy puts into properties."""
    name, epoch, version, release = (
        value if isinstance(value := properties.get(f"{_TRIVY}{part}"), str) else ""
        for part in ("Name", "Epoch", "Version", "Release")
    )
    if not name:
        return None
    prefix = f"{epoch}:" if epoch not in {"", "0"} else ""
    suffix = f"-{release}" if release else ""
    return Source(name, f"{prefix}{version}{suffix}" if version else None)


def _distribution(part: _Component) -> str | None:
    addresses = (entry.get("url") for entry in _dicts(part.references) if entry.get("type") == "distribution")
    return next((address for address in addresses if isinstance(address, str) and address), None)


def _hashes(part: _Component) -> Iterator[str]:
    for entry in _dicts(part.hashes):
        algorithm, digest = entry.get("alg"), entry.get("content")
        if isinstance(algorithm, str) and isinstance(digest, str):
            yield sri(algorithm.strip().lower().replace("sha-", "sha"), digest.strip())


def _licences(part: _Component) -> Iterator[str]:
    for entry in _dicts(part.licenses):
        licence = _dict(entry.get("license"))
        told = entry.get("expression") or licence.get("id") or licence.get("name")
        if isinstance(told, str):
            yield told


def _recognises(head: bytes) -> bool:
    plain = head.replace(b"\0", b"")  # UTF-16
    return bool(_JSON.search(plain) or _XML.search(plain))


FORMAT = Format(
    name="cyclonedx",
    title="CycloneDX",
    ecosystem=None,
    names=(
        "bom.json",
        "bom.xml",
        "*.cdx.json",
        "*.cdx.xml",
        "*.bom.json",
        "*.bom.xml",
        "*-cdx.json",
        "*-cdx.xml",
    ),
    read=read,
    recognises=_recognises,
)
