"""composer.lock of Composer 1 and 2 (composer: doc/01-basic-usage.md, doc/04-schema.md)."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import msgspec

from assay.domain.entries import each, json_path
from assay.domain.integrity import sri
from assay.domain.plain import from_json
from assay.domain.purl import purl_of
from assay.domain.shapes import shaped
from assay.errors import BadRecord
from assay.pipelines.packages.model import Format, Inventory, Origin, Package, Scope, inventory_of

_ECOSYSTEM = "Packagist"
_HOME = re.compile(r"(?:[a-z0-9-]+\.)*packagist\.org")
_BRANCH = re.compile(r"dev-|.*-dev$", re.IGNORECASE)


class _Location(msgspec.Struct):
    type: str | None = None
    url: str | None = None
    reference: str | None = None
    shasum: str | None = None


class _Entry(msgspec.Struct):
    name: str
    version: str
    source: _Location | None = None
    dist: _Location | None = None
    # PHP writes an empty mapping as an empty list.
    require: Any = None
    replace: Any = None
    provide: Any = None
    license: Any = None
    notification_url: Any = msgspec.field(name="notification-url", default=None)


class _Lock(msgspec.Struct):
    packages: list[Any] = []
    packages_dev: list[Any] | None = msgspec.field(name="packages-dev", default=None)
    plugin_api_version: Any = msgspec.field(name="plugin-api-version", default=None)
    content_hash: Any = msgspec.field(name="content-hash", default=None)
    hash: Any = None


def read(path: str, content: bytes) -> Inventory:
    """Every package; the file does not tell which are direct.

    The version of the format is Composer's plugin API, which files of Composer 1 lack.
    """
    lock = shaped(from_json(content), _Lock, is_whole=False)
    if not (lock.packages or lock.packages_dev or lock.content_hash or lock.hash):
        raise BadRecord("no-packages", f"{path} has neither packages nor a content hash")
    entries, refused = each(_places(lock), lambda place, raw: (place, raw[0], shaped(raw[1], _Entry)))
    own: dict[str, tuple[str, tuple[Scope, _Entry]]] = {}
    for place, scope, entry in entries:
        own.setdefault(_key(entry), (place, (scope, entry)))
    keys = _keys([entry for _, (_, entry) in own.values()])
    packages, unnamed = each(own.values(), lambda place, entry: _package(place, *entry, keys))
    version = lock.plugin_api_version
    return inventory_of(
        FORMAT.name, packages, refused + unnamed, version=version if isinstance(version, str) else None
    )


def _places(lock: _Lock) -> Iterator[tuple[str, tuple[Scope, Any]]]:
    for index, raw in enumerate(lock.packages):
        yield json_path("packages", index), (Scope.RUNTIME, raw)
    for index, raw in enumerate(lock.packages_dev or ()):
        yield json_path("packages-dev", index), (Scope.DEV, raw)


def _key(entry: _Entry) -> str:
    return f"{entry.name.lower()}@{entry.version}"


def _keys(entries: list[_Entry]) -> dict[str, str]:
    """Which package fulfils a requirement of that name: the package itself, else one that replaces or provides it."""
    found = {entry.name.lower(): _key(entry) for entry in reversed(entries)}
    for entry in entries:
        for stands_for in (entry.replace, entry.provide):
            for name in stands_for if isinstance(stands_for, dict) else ():
                found.setdefault(name.lower(), _key(entry))
    return found


def _package(place: str, scope: Scope, entry: _Entry, keys: dict[str, str]) -> Package:
    origin, qualifiers = _origin(entry)
    source, dist = entry.source or _Location(), entry.dist or _Location()
    is_commit = origin is Origin.GIT or bool(_BRANCH.match(entry.version))
    needs = entry.require if isinstance(entry.require, dict) else {}
    licences = entry.license if isinstance(entry.license, list) else [entry.license]
    key = _key(entry)
    return Package(
        key=key,
        ecosystem=_ECOSYSTEM,
        name=entry.name,
        version=entry.version,
        purl=purl_of(_ECOSYSTEM, entry.name, entry.version, qualifiers),
        place=place,
        commit=(source.reference or dist.reference) if is_commit else None,
        scope=scope,
        origin=origin,
        resolved=dist.url or source.url,
        integrity=(sri("sha1", dist.shasum),) if dist.shasum else (),
        licences=tuple(licence for licence in licences if isinstance(licence, str)),
        requires=tuple(
            dict.fromkeys(keys[name.lower()] for name in needs if keys.get(name.lower(), key) != key)
        ),
    )


def _origin(entry: _Entry) -> tuple[Origin, dict[str, str]]:
    """A registry names itself by the address where it counts installations; repositories have none."""
    source, dist = entry.source or _Location(), entry.dist or _Location()
    if isinstance(entry.notification_url, str) and entry.notification_url:
        host = _host(entry.notification_url)
        if _HOME.fullmatch(host):
            return Origin.REGISTRY, {}
        return Origin.OTHER_REGISTRY, {"repository_url": f"https://{host}" if host else ""}
    if "path" in {dist.type, source.type}:
        return Origin.PATH, {}
    if source.url:
        pinned = f"@{source.reference}" if source.reference else ""
        return Origin.GIT, {"vcs_url": f"{source.type or 'git'}+{source.url}{pinned}"}
    # What says nothing of where it comes from would come from Packagist.
    return (Origin.URL, {"download_url": dist.url}) if dist.url else (Origin.REGISTRY, {})


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


FORMAT = Format(
    name="composer.lock",
    title="composer.lock",
    ecosystem=_ECOSYSTEM,
    names=("composer.lock",),
    read=read,
)
