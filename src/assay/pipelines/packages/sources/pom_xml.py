"""pom.xml of Maven 3 and 4, read alone: without its parents, its BOMs and what they manage (maven.apache.org, POM)."""

import re
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import NamedTuple
from xml.etree.ElementTree import Element

from assay.domain.entries import each
from assay.domain.plain import from_xml
from assay.domain.purl import purl_of
from assay.errors import BadRecord
from assay.pipelines.packages.model import Fault, Format, Inventory, Origin, Package, Scope

_ECOSYSTEM = "Maven"
_PROPERTY = re.compile(r"\$\{([^${}]+)\}")
# No honest chain of properties is longer, and no coordinate.
_DEEPEST = 40
_LONGEST = 1_000
# Values that only the machine or the command line has.
_OUTSIDE = ("env.", "java.", "os.", "user.", "file.", "maven.", "settings.", "sun.")
_OUTSIDE_NAMES = frozenset(("revision", "sha1", "changelist", "basedir"))
_EXACT = re.compile(r"\[\s*([^\[\](),\s]+)\s*\]")
_FLOATING = re.compile(r"[\[(].*|LATEST|RELEASE", re.DOTALL)
_SCOPES = {"test": Scope.DEV, "provided": Scope.PEER}


class _UnknownError(Exception):
    """A property has no value here. `is_fault` if it can have none anywhere."""

    def __init__(self, detail: str, *, is_fault: bool) -> None:
        super().__init__(detail)
        self.is_fault = is_fault


class _Values:
    """What `${...}` stands for, in the model or in one of its profiles."""

    def __init__(self, properties: MutableMapping[str, str], *, has_parent: bool) -> None:
        self._properties = properties
        self._has_parent = has_parent
        self._known: dict[str, str] = {}

    def within(self, properties: Mapping[str, str]) -> "_Values":
        """The values within a profile, whose properties go before the model's."""
        return _Values(ChainMap(dict(properties), self._properties), has_parent=self._has_parent)

    def expand(self, text: str, depth: int = 0) -> str:
        """The text with its properties' values; raises _UnknownError."""
        if depth > _DEEPEST:
            raise _UnknownError("properties that refer to each other", is_fault=True)
        found = _PROPERTY.sub(lambda match: self._value(match[1].strip(), depth), text)
        if len(found) > _LONGEST:
            raise _UnknownError(f"a value of more than {_LONGEST} characters", is_fault=True)
        return found

    def _value(self, name: str, depth: int) -> str:
        if name not in self._known:
            raw = self._properties.get(name)
            if raw is None:
                is_outside = name in _OUTSIDE_NAMES or name.startswith(_OUTSIDE)
                raise _UnknownError(
                    f"the property {name[:100]!r} has no value here",
                    is_fault=not (self._has_parent or is_outside),
                )
            self._known[name] = self.expand(raw, depth + 1)
        return self._known[name]


class _Section(NamedTuple):
    """One list of dependencies: the model's, or a profile's."""

    place: str
    element: Element
    values: _Values
    is_optional: bool = False


class _Coordinates(NamedTuple):
    """What Maven tells dependencies apart by."""

    group: str
    artifact: str
    type: str = "jar"
    classifier: str = ""


@dataclass(frozen=True, slots=True)
class _Dependency:
    place: str
    coordinates: _Coordinates
    version: str | None
    scope: str | None
    is_optional: bool
    system_path: str | None
    unknown: _UnknownError | None
    """Why the version is not known although something is written there."""


def read(path: str, content: bytes) -> Inventory:
    """Every dependency as direct, and what is managed without being one as optional.

    A managed version holds wherever the artifact is used: in modules, or below another dependency. Of the profiles
    those active by default count as the model's own; what others add is optional. A version that a missing parent or
    an imported BOM would give, that is a range, or that the command line sets is not known here and no fault.
    """
    root = from_xml(content)
    if _local(root) != "project":
        raise BadRecord("not-pom", f"{path} is no Maven project but <{_local(root)[:100]}>")
    parent = _child(root, "parent")
    values = _Values(_properties(root, parent), has_parent=parent is not None)
    sections = list(_sections(root, values))
    managed, badly_managed = each(_entries(sections, is_managed=True), _dependency)
    used, badly_used = each(_entries(sections, is_managed=False), _dependency)
    by_coordinates = {dependency.coordinates: dependency for dependency in managed}
    # Versions may come from elsewhere: it is no fault not to have one.
    is_incomplete = parent is not None or any(dependency.scope == "import" for dependency in managed)
    packages: dict[str, Package] = {}
    faults = [Fault(*fault) for fault in (*badly_managed, *badly_used)]
    for dependency in used:
        _add(
            packages,
            faults,
            _managed(dependency, by_coordinates),
            is_incomplete=is_incomplete,
            is_direct=True,
        )
    seen = {dependency.coordinates for dependency in used}
    for dependency in by_coordinates.values():
        if dependency.coordinates not in seen:
            _add(packages, faults, dependency, is_incomplete=is_incomplete, is_direct=None)
    model = _text(root, "modelVersion")
    return Inventory(
        format=FORMAT.name, version=model, packages=tuple(packages.values()), faults=tuple(faults)
    )


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _child(element: Element, name: str) -> Element | None:
    return next((child for child in element if _local(child) == name), None)


def _text(element: Element | None, name: str) -> str | None:
    found = None if element is None else _child(element, name)
    return None if found is None else (found.text or "").strip() or None


def _below(element: Element, *names: str) -> list[Element]:
    """The elements within the one that the names lead to."""
    found: Element | None = element
    for name in names:
        found = None if found is None else _child(found, name)
    return [] if found is None else list(found)


def _properties(root: Element, parent: Element | None) -> dict[str, str]:
    """The model's properties, and its coordinates under the names that Maven gives them."""
    own = _declared(root)
    coordinates = {
        "groupId": _text(root, "groupId") or _text(parent, "groupId"),
        "artifactId": _text(root, "artifactId"),
        "version": _text(root, "version") or _text(parent, "version"),
        "packaging": _text(root, "packaging") or "jar",
    }
    above = {f"parent.{name}": _text(parent, name) for name in ("groupId", "artifactId", "version")}
    found = {name: value for name, value in coordinates.items() if value} | own
    for prefix in ("pom.", "project."):
        found |= {f"{prefix}{name}": value for name, value in (coordinates | above).items() if value}
    return found


def _declared(element: Element) -> dict[str, str]:
    return {_local(entry): (entry.text or "").strip() for entry in _below(element, "properties")}


def _sections(root: Element, values: _Values) -> Iterator[_Section]:
    """The model with the profiles that are active by default, then the others."""
    profiles = [profile for profile in _below(root, "profiles") if _local(profile) == "profile"]
    active = [_text(_child(profile, "activation"), "activeByDefault") == "true" for profile in profiles]
    usual: dict[str, str] = {}
    for profile, is_active in zip(profiles, active, strict=True):
        if is_active:
            usual |= _declared(profile)
    values = values.within(usual)
    yield _Section("", root, values)
    for number, (profile, is_active) in enumerate(zip(profiles, active, strict=True), 1):
        own = values if is_active else values.within(_declared(profile))
        yield _Section(f"profiles/profile[{number}]/", profile, own, is_optional=not is_active)


def _entries(
    sections: Iterable[_Section], *, is_managed: bool
) -> Iterator[tuple[str, tuple[_Section, Element]]]:
    names = ("dependencyManagement", "dependencies") if is_managed else ("dependencies",)
    for section in sections:
        number = 0
        for element in _below(section.element, *names):
            if _local(element) == "dependency":
                number += 1
                yield f"{section.place}{'/'.join(names)}/dependency[{number}]", (section, element)


def _dependency(place: str, entry: tuple[_Section, Element]) -> _Dependency:
    section, element = entry

    def value(name: str) -> str | None:
        raw = _text(element, name)
        return None if raw is None else section.values.expand(raw)

    try:
        group, artifact = value("groupId"), value("artifactId")
        coordinates = _Coordinates(
            group or "", artifact or "", value("type") or "jar", value("classifier") or ""
        )
        scope, optional = value("scope"), value("optional")
    except _UnknownError as error:
        raise BadRecord("unknown-name", f"{_text(element, 'artifactId')}: {error}") from error
    if not (group and artifact):
        raise BadRecord("no-name", "a dependency without groupId or artifactId")
    version, unknown = None, None
    try:
        version = value("version")
    except _UnknownError as error:
        unknown = error
    return _Dependency(
        place=place,
        coordinates=coordinates,
        version=version,
        scope=scope,
        is_optional=section.is_optional or optional == "true",
        system_path=_text(element, "systemPath"),
        unknown=unknown,
    )


def _managed(dependency: _Dependency, managed: Mapping[_Coordinates, _Dependency]) -> _Dependency:
    """The dependency with the managed version and scope where it has none of its own."""
    found = managed.get(dependency.coordinates)
    if found is None:
        return dependency
    has_own = dependency.version is not None or dependency.unknown is not None
    return _Dependency(
        place=dependency.place,
        coordinates=dependency.coordinates,
        version=dependency.version if has_own else found.version,
        scope=dependency.scope or found.scope,
        is_optional=dependency.is_optional,
        system_path=dependency.system_path or found.system_path,
        unknown=dependency.unknown if has_own else found.unknown,
    )


def _add(
    packages: dict[str, Package],
    faults: list[Fault],
    dependency: _Dependency,
    *,
    is_incomplete: bool,
    is_direct: bool | None,
) -> None:
    """One more package. Of two with the same coordinates Maven takes the last; a profile's stays beside the model's."""
    try:
        package = _package(dependency, is_direct=is_direct)
    except BadRecord as error:
        faults.append(Fault(dependency.place, error.reason, error.detail))
        return
    other = packages.get(package.key)
    if other is not None and other.place.startswith("profiles/") != package.place.startswith("profiles/"):
        if other.version == package.version:
            return
        package = _package(dependency, is_direct=is_direct, suffix=f"@{package.version}")
    packages[package.key] = package
    name = package.name
    if dependency.unknown is not None and dependency.unknown.is_fault:
        faults.append(Fault(dependency.place, "unknown-version", f"{name}: {dependency.unknown}"))
    elif dependency.version is None and dependency.unknown is None and not is_incomplete:
        faults.append(Fault(dependency.place, "no-version", f"{name} has no version, and nothing manages it"))


def _package(dependency: _Dependency, *, is_direct: bool | None, suffix: str = "") -> Package:
    group, artifact, kind, classifier = dependency.coordinates
    name, version = f"{group}:{artifact}", _pinned(dependency.version)
    parts = [name, *((kind,) if kind != "jar" or classifier else ()), *((classifier,) if classifier else ())]
    qualifiers = {"type": kind if kind != "jar" else "", "classifier": classifier}
    is_system = dependency.scope == "system"
    return Package(
        key=":".join(parts) + suffix,
        ecosystem=_ECOSYSTEM,
        name=name,
        version=version,
        purl=purl_of(_ECOSYSTEM, name, version, qualifiers),
        place=dependency.place,
        scope=_SCOPES.get(dependency.scope or "")
        or (Scope.OPTIONAL if dependency.is_optional or is_direct is None else Scope.RUNTIME),
        is_direct=is_direct,
        origin=Origin.PATH if is_system else Origin.REGISTRY,
        resolved=dependency.system_path if is_system else None,
    )


def _pinned(version: str | None) -> str | None:
    """The version that is required exactly; None for a range, or for whatever is the latest."""
    if version is None:
        return None
    exact = _EXACT.fullmatch(version)
    if exact:
        return exact[1]
    return None if _FLOATING.fullmatch(version) else version


FORMAT = Format(
    name="pom.xml",
    title="pom.xml",
    ecosystem=_ECOSYSTEM,
    names=("pom.xml", "*.pom", "pom-*.xml"),
    read=read,
    recognises=lambda head: b"http://maven.apache.org/POM/" in head and b"<project" in head,
)
