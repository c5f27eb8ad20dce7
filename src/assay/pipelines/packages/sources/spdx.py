"""SPDX 2.0 to 2.3 as JSON, YAML and tag-value text (ISO/IEC 5962:2021 and SPDX 2.3)."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from assay.domain.components import component_of
from assay.domain.entries import each, json_path
from assay.domain.integrity import sri
from assay.domain.plain import from_json, from_yaml, text
from assay.domain.shapes import shaped
from assay.errors import BadRecord
from assay.pipelines.packages.model import ORIGINS, Format, Inventory, Package, Scope, inventory_of

_VERSION = re.compile(r"SPDX-2\.[0-9]+")
_TAG = re.compile(r"([A-Za-z][A-Za-z0-9]*):[ \t]*(.*)")
_HEAD = re.compile(
    rb'"spdxVersion"\s*:|"SPDXID"\s*:|^spdxVersion:|^SPDXVersion:|spdx\.org/rdf/3', re.MULTILINE
)
_SPDX_3 = re.compile(r"https?://spdx\.org/rdf/3")
_UNTOLD = frozenset(("NOASSERTION", "NONE", ""))
# Whether the first element needs the second, or the other way round, and what for.
_NEEDS = {
    "DEPENDS_ON": Scope.RUNTIME, "DYNAMIC_LINK": Scope.RUNTIME, "STATIC_LINK": Scope.RUNTIME,
    "HAS_PREREQUISITE": Scope.RUNTIME,
}  # fmt: skip
_NEEDED_BY = {
    "DEPENDENCY_OF": Scope.RUNTIME, "RUNTIME_DEPENDENCY_OF": Scope.RUNTIME, "PREREQUISITE_FOR": Scope.RUNTIME,
    "OPTIONAL_DEPENDENCY_OF": Scope.OPTIONAL, "OPTIONAL_COMPONENT_OF": Scope.OPTIONAL,
    "PROVIDED_DEPENDENCY_OF": Scope.PEER, "BUILD_DEPENDENCY_OF": Scope.DEV, "BUILD_TOOL_OF": Scope.DEV,
    "DEV_DEPENDENCY_OF": Scope.DEV, "DEV_TOOL_OF": Scope.DEV, "TEST_DEPENDENCY_OF": Scope.DEV,
    "TEST_TOOL_OF": Scope.DEV,
}  # fmt: skip
_WIDEST = tuple(Scope)


class _Package(msgspec.Struct):
    id: str = msgspec.field(name="SPDXID")
    name: str | None = None
    version: str | None = msgspec.field(name="versionInfo", default=None)
    location: str | None = msgspec.field(name="downloadLocation", default=None)
    concluded: Any = msgspec.field(name="licenseConcluded", default=None)
    declared: Any = msgspec.field(name="licenseDeclared", default=None)
    checksums: Any = None
    references: Any = msgspec.field(name="externalRefs", default=None)


class _Document(NamedTuple):
    """A document of any syntax in the shape of the JSON one, its packages with their places."""

    version: str
    packages: list[tuple[str, Any]]
    relationships: list[Any]
    roots: set[str]


class _Graph(NamedTuple):
    """Who needs whom by SPDX id, what for, and what the document is about."""

    needs: dict[str, list[str]]
    scopes: dict[str, set[Scope]]
    roots: set[str]


def read(path: str, content: bytes) -> Inventory:
    """Every package, the described ones included, of which it is not told whether they are direct.

    Direct is what a described package depends on. A package without a package URL has no ecosystem. Files and
    snippets are not packages.
    """
    document = _document(path, content)
    read_packages, refused = each(document.packages, lambda place, raw: (place, shaped(raw, _Package)))
    own: dict[str, tuple[str, _Package]] = {}
    for place, part in read_packages:
        own.setdefault(part.id, (place, part))
    graph = _graph(document)
    packages, unnamed = each(own.values(), lambda place, part: _package(place, part, graph))
    direct = {key for root in graph.roots for key in graph.needs.get(root, ())}
    return inventory_of(
        FORMAT.name,
        tuple(
            msgspec.structs.replace(
                package, is_direct=_is_direct(package.key, direct, graph) if direct else None
            )
            for package in packages
        ),
        refused + unnamed,
        version=document.version.removeprefix("SPDX-"),
    )


def _is_direct(key: str, direct: set[str], graph: _Graph) -> bool | None:
    if key in direct:
        return True
    return False if key in graph.scopes and key not in graph.roots else None


def _document(path: str, content: bytes) -> _Document:
    found = text(content)
    start = found.lstrip()[:1]
    if start == "{":
        return _plain_document(path, from_json(content))
    if re.search(r"^SPDXVersion:", found, re.MULTILINE):
        return _tagged_document(path, found)
    if re.search(r"^[\"']?spdxVersion[\"']?:", found, re.MULTILINE):
        return _plain_document(path, from_yaml(content))
    raise BadRecord("not-spdx", f"{path} is neither SPDX JSON, YAML nor tag-value")


def _plain_document(path: str, document: Any) -> _Document:
    if not isinstance(document, dict):
        raise BadRecord("not-spdx", f"{path} is no SPDX document")
    if _SPDX_3.search(str(document.get("@context", ""))[:1_000]):
        raise BadRecord(
            "unsupported-version", f"{path} is SPDX 3, which is not read; export it as SPDX 2.3 or CycloneDX"
        )
    version = _checked_version(path, document.get("spdxVersion"))
    roots = set(_texts(document.get("documentDescribes")))
    return _Document(
        version,
        [(json_path("packages", index), raw) for index, raw in enumerate(_list(document.get("packages")))],
        _list(document.get("relationships")),
        roots,
    )


def _checked_version(path: str, version: Any) -> str:
    if not isinstance(version, str) or not _VERSION.fullmatch(version.strip()):
        raise BadRecord(
            "unsupported-version", f"{path} has no SPDX version from 2.0 to 2.3 but {str(version)[:50]!r}"
        )
    return version.strip()


def _tagged_document(path: str, content: str) -> _Document:
    """Tag-value text: a package is the tags from its name to the next package, file, snippet or licence."""
    version: str | None = None
    packages: list[tuple[str, dict[str, Any]]] = []
    relationships: list[dict[str, str]] = []
    package: dict[str, Any] | None = None
    for place, tag, value in _tags(content):
        if tag == "SPDXVersion":
            version = version or value
        elif tag == "PackageName":
            package = {"name": value, "checksums": [], "externalRefs": []}
            packages.append((place, package))
        elif tag in {"FileName", "SnippetSPDXID", "LicenseID"}:
            package = None
        elif tag == "Relationship":
            parts = value.split()
            if len(parts) == 3:
                names = ("spdxElementId", "relationshipType", "relatedSpdxElement")
                relationships.append(dict(zip(names, parts, strict=True)))
        elif package is not None:
            _add_tag(package, tag, value)
    return _Document(_checked_version(path, version), list(packages), list(relationships), set())


def _add_tag(package: dict[str, Any], tag: str, value: str) -> None:
    plain = {
        "SPDXID": "SPDXID", "PackageVersion": "versionInfo", "PackageDownloadLocation": "downloadLocation",
        "PackageLicenseConcluded": "licenseConcluded", "PackageLicenseDeclared": "licenseDeclared",
    }  # fmt: skip
    if tag in plain:
        package.setdefault(plain[tag], value)
    elif tag == "PackageChecksum":
        algorithm, _, digest = value.partition(":")
        package["checksums"].append({"algorithm": algorithm, "checksumValue": digest.strip()})
    elif tag == "ExternalRef":
        parts = value.split(maxsplit=2)
        if len(parts) == 3:
            package["externalRefs"].append({"referenceType": parts[1], "referenceLocator": parts[2]})


def _tags(content: str) -> Iterator[tuple[str, str, str]]:
    """Place, tag and value; a value between `<text>` and `</text>` may have several lines."""
    tag, place, block = "", "", list[str]()
    for number, line in enumerate(content.split("\n"), 1):
        if tag:
            block.append(line)
        else:
            match = _TAG.match(line.lstrip())
            if match is None:
                continue
            tag, place, block = match[1], f"line {number}", [match[2]]
            if not match[2].startswith("<text>"):
                yield place, tag, match[2].strip()
                tag = ""
                continue
        if "</text>" in line:
            yield place, tag, "\n".join(block).removeprefix("<text>").partition("</text>")[0].strip()
            tag = ""
    if tag:
        raise BadRecord("not-spdx", f"{place}: a <text> without its end")


def _graph(document: _Document) -> _Graph:
    graph = _Graph({}, {}, set(document.roots))
    for entry in document.relationships:
        first, kind, second = (
            (entry.get("spdxElementId"), entry.get("relationshipType"), entry.get("relatedSpdxElement"))
            if isinstance(entry, dict)
            else (None, None, None)
        )
        if not (isinstance(first, str) and isinstance(kind, str) and isinstance(second, str)):
            continue
        if kind in {"DESCRIBES", "DESCRIBED_BY"}:
            graph.roots.add(second if kind == "DESCRIBES" else first)
        elif kind in _NEEDS:
            graph.needs.setdefault(first, []).append(second)
            graph.scopes.setdefault(second, set()).add(_NEEDS[kind])
        elif kind in _NEEDED_BY:
            graph.needs.setdefault(second, []).append(first)
            graph.scopes.setdefault(first, set()).add(_NEEDED_BY[kind])
    return graph


def _package(place: str, part: _Package, graph: _Graph) -> Package:
    found = component_of(_purl(part), part.name, _told(part.version))
    scopes = {Scope.RUNTIME} if part.id in graph.roots else graph.scopes.get(part.id, {Scope.RUNTIME})
    licence = _told(part.concluded) or _told(part.declared)
    return Package(
        key=part.id,
        ecosystem=found.ecosystem,
        name=found.name,
        version=found.version,
        purl=found.purl,
        place=place,
        alias=found.alias,
        commit=found.commit,
        scope=min(scopes, key=_WIDEST.index),
        origin=ORIGINS[found.origin],
        resolved=found.resolved or _told(part.location),
        integrity=tuple(dict.fromkeys(_hashes(part))),
        licences=(licence,) if licence else (),
        requires=tuple(dict.fromkeys(key for key in graph.needs.get(part.id, ()) if key != part.id)),
    )


def _purl(part: _Package) -> str | None:
    for entry in _list(part.references):
        locator = entry.get("referenceLocator") if isinstance(entry, dict) else None
        if isinstance(locator, str) and entry.get("referenceType") == "purl":
            return locator
    return None


def _hashes(part: _Package) -> Iterable[str]:
    for entry in _list(part.checksums):
        if isinstance(entry, dict):
            algorithm, digest = entry.get("algorithm"), entry.get("checksumValue")
            if isinstance(algorithm, str) and isinstance(digest, str):
                yield sri(algorithm.strip(), digest.strip())


def _told(value: Any) -> str | None:
    return value if isinstance(value, str) and value not in _UNTOLD else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _texts(value: Any) -> Iterable[str]:
    return (entry for entry in _list(value) if isinstance(entry, str))


def _recognises(head: bytes) -> bool:
    plain = head.replace(b"\0", b"").replace(b"\r", b"\n")  # UTF-16, and a Mac's lines
    return bool(_HEAD.search(plain.lstrip(b"\xef\xbb\xbf\xff\xfe")))


FORMAT = Format(
    name="spdx",
    title="SPDX",
    ecosystem=None,
    names=("*.spdx", "*.spdx.json", "*.spdx.yaml", "*.spdx.yml"),
    read=read,
    recognises=_recognises,
)
