"""pubspec.lock of Dart and Flutter (dart.dev, "The pubspec file"; pub: lib/src/lock_file.dart)."""

import re
from typing import Any

import msgspec

from assay.domain.entries import each, json_path, string
from assay.domain.integrity import sri
from assay.domain.plain import from_yaml
from assay.domain.purl import purl_of
from assay.domain.shapes import shaped
from assay.errors import BadRecord
from assay.pipelines.packages.model import Format, Inventory, Origin, Package, Scope, inventory_of

_ECOSYSTEM = "Pub"
_HOME = re.compile(r"https?://(?:www\.)?pub\.(?:dev|dartlang\.org)/?")
_ORIGINS = {"hosted": Origin.REGISTRY, "git": Origin.GIT, "path": Origin.PATH, "sdk": Origin.PATH}


class _Description(msgspec.Struct):
    name: str | None = None
    url: str | None = None
    sha256: str | None = None
    path: str | None = None
    resolved_ref: str | None = msgspec.field(name="resolved-ref", default=None)


class _Entry(msgspec.Struct):
    version: str
    source: str
    dependency: str | None = None
    description: Any = None


def read(path: str, content: bytes) -> Inventory:
    """Every package; what comes with an SDK (`flutter`) has the origin path.

    Only direct packages have a scope in the file, so a transitive one counts as needed at run time.
    """
    document = from_yaml(content)
    if not isinstance(document, dict) or not isinstance(document.get("packages", {}), dict | None):
        raise BadRecord("no-packages", f"{path} has no mapping of packages")
    if not document.keys() & {"packages", "sdks", "sdk"}:
        raise BadRecord("no-packages", f"{path} has neither packages nor an SDK")
    packages, refused = each(
        (
            (json_path("packages", name), (name, raw))
            for name, raw in (document.get("packages") or {}).items()
        ),
        _package,
    )
    return inventory_of(FORMAT.name, packages, refused)


def _package(place: str, named: tuple[str, Any]) -> Package:
    name, raw = named
    string(name, "a package's name")
    entry = shaped(raw, _Entry)
    if entry.source not in _ORIGINS:
        raise BadRecord("unknown-source", f"{name} comes from {entry.source[:100]!r}")
    # Short forms: the name of a hosted package or an SDK, or the folder.
    told = (
        shaped(entry.description, _Description)
        if isinstance(entry.description, dict)
        else _Description(path=entry.description if isinstance(entry.description, str) else None)
    )
    origin, qualifiers = _ORIGINS[entry.source], {}
    resolved = told.path if entry.source == "path" else told.url
    if entry.source == "git" and told.url:
        pinned = f"@{told.resolved_ref}" if told.resolved_ref else ""
        qualifiers = {"vcs_url": f"git+{told.url}{pinned}"}
    elif entry.source == "hosted" and told.url and not _HOME.fullmatch(told.url):
        origin, qualifiers = Origin.OTHER_REGISTRY, {"repository_url": told.url}
    elif entry.source == "hosted":
        resolved = None
    real = (told.name if entry.source == "hosted" else None) or name
    return Package(
        key=name,
        ecosystem=_ECOSYSTEM,
        name=real,
        version=entry.version,
        purl=purl_of(_ECOSYSTEM, real, entry.version, qualifiers),
        place=place,
        alias=name if name != real else None,
        commit=told.resolved_ref if origin is Origin.GIT else None,
        scope=Scope.DEV if entry.dependency == "direct dev" else Scope.RUNTIME,
        # `direct overridden` may be a direct dependency or any other one.
        is_direct={"direct main": True, "direct dev": True, "transitive": False}.get(entry.dependency or ""),
        origin=origin,
        resolved=resolved,
        integrity=(sri("sha256", told.sha256),) if told.sha256 else (),
    )


FORMAT = Format(
    name="pubspec.lock",
    title="pubspec.lock",
    ecosystem=_ECOSYSTEM,
    names=("pubspec.lock",),
    read=read,
)
