"""npm's audit: the bulk endpoint that npm, pnpm, yarn and bun ask, and the one that older clients fall back to."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response

from assay.catalog import queries as catalog
from assay.catalog.queries.matching import Brief, Pin
from assay.domain.osv import Document
from assay.kit.db import Connection
from assay.web.answers import refusals_as
from assay.web.api.npm_advisories import SEVERITIES, Advisory, advisory, patched, read_record
from assay.web.api.npm_trees import Installed, Tree, installed
from assay.web.bodies import AnyBody, described
from assay.web.reading import Reading

Bulk = dict[str, list[str]]

# Records in memory at a time.
_READ = 500


class _Found(msgspec.Struct, frozen=True):
    """What affects some versions of one package."""

    brief: Brief
    record: Document
    advisory: Advisory
    versions: frozenset[str]


def router(read: Reading) -> APIRouter:
    """The surface, answered by these connections."""
    routes = APIRouter(
        prefix="/-/npm/v1/security", tags=["npm audit"], responses=refusals_as({"error": "invalid JSON"})
    )

    @routes.post(
        "/advisories/bulk",
        summary="What affects versions of npm packages",
        openapi_extra=described({"undici": ["5.28.3"]}),
    )
    def bulk(request: Request, body: AnyBody) -> Response:
        asked = body.read(Bulk)
        found = read(lambda conn: _find(conn, asked, str(request.base_url)))
        return _json({name: [entry.advisory for entry in entries] for name, entries in found.items()})

    @routes.post(
        "/audits/quick",
        summary="What affects a tree of npm packages, as npm 6 asks",
        openapi_extra=described({"dependencies": {"undici": {"version": "5.28.3"}}}),
    )
    @routes.post(
        "/audits", summary="What affects a tree of npm packages, as yarn 1 asks", include_in_schema=False
    )
    def audit(request: Request, body: AnyBody) -> Response:
        packages = list(installed(body.read(Tree)))
        asked: Bulk = {}
        for package in packages:
            versions = asked.setdefault(package.name, [])
            if package.version not in versions:
                versions.append(package.version)
        found = read(lambda conn: _find(conn, asked, str(request.base_url)))
        return _json(_report(packages, found))

    return routes


def _json(value: Any) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")


def _find(conn: Connection, asked: Bulk, service: str) -> dict[str, list[_Found]]:
    """What affects each package that is affected by anything; what is not known is not told."""
    pins = [Pin("npm", name, version) for name, versions in asked.items() for version in versions]
    affected: dict[tuple[str, int], set[str]] = {}
    for finding in catalog.match(conn, pins) if pins else ():
        if not finding.is_unknown:
            pin = pins[finding.position]
            affected.setdefault((pin.name, finding.vulnerability_id), set()).add(pin.version or "")
    briefs = catalog.find_briefs(conn, {key for _, key in affected})
    packages: dict[int, list[str]] = {}
    for name, key in affected:
        packages.setdefault(key, []).append(name)
    found: dict[str, list[_Found]] = {}
    keys = sorted(packages.keys() & briefs.keys())
    for start in range(0, len(keys), _READ):
        for key, document in sorted(catalog.documents(conn, keys[start : start + _READ]).items()):
            record = read_record(document)
            for name in packages[key]:
                versions = affected[name, key]
                told = advisory(briefs[key], record, name, sorted(versions), service)
                found.setdefault(name, []).append(_Found(briefs[key], record, told, frozenset(versions)))
    return found


def _report(packages: Sequence[Installed], found: Mapping[str, Sequence[_Found]]) -> dict[str, Any]:
    """The whole report of the older endpoints; an advisory that affects two packages is told once for each."""
    places: dict[str, list[Installed]] = {}
    for package in packages:
        places.setdefault(package.name, []).append(package)
    advisories: dict[str, dict[str, Any]] = {}
    counts: Counter[str] = Counter()
    for name, entries in found.items():
        for entry in entries:
            hit = [package for package in places[name] if package.version in entry.versions]
            counts[entry.advisory.severity] += len(hit)
            key = str(entry.brief.id)
            advisories[key if key not in advisories else f"{key}:{name}"] = _told(name, entry, hit)
    dev = sum(package.dependency.dev for package in packages)
    optional = sum(package.dependency.optional for package in packages)
    return {
        "actions": [],
        "advisories": advisories,
        "muted": [],
        "metadata": {
            "vulnerabilities": {severity: counts[severity] for severity in SEVERITIES},
            "dependencies": len(packages) - dev - optional,
            "devDependencies": dev,
            "optionalDependencies": optional,
            "totalDependencies": len(packages),
        },
    }


def _told(name: str, found: _Found, packages: Sequence[Installed]) -> dict[str, Any]:
    record, told = found.record, found.advisory
    names = (record.id, *record.aliases)
    mended = patched(record.affected, name)
    return {
        **msgspec.to_builtins(told),
        "module_name": name,
        "patched_versions": mended,
        "findings": [
            {
                "version": version,
                "paths": [package.path for package in packages if package.version == version],
                "dev": all(package.dependency.dev for package in packages if package.version == version),
                "optional": all(
                    package.dependency.optional for package in packages if package.version == version
                ),
                "bundled": all(
                    package.dependency.bundled for package in packages if package.version == version
                ),
            }
            for version in sorted({package.version for package in packages})
        ],
        "overview": record.details or told.title,
        "recommendation": "None" if mended.startswith("<") else f"Upgrade to version {mended[2:]} or later",
        "references": "\n".join(f"- {reference.url}" for reference in record.references),
        "cves": [other for other in names if other.startswith("CVE-")],
        "github_advisory_id": next((other for other in names if other.startswith("GHSA-")), None),
        "access": "public",
        "created": record.published or record.modified,
        "updated": record.modified,
        "deleted": None,
        "found_by": {"name": ", ".join(credit.name for credit in record.credits)},
        "reported_by": {"name": ""},
        "metadata": {},
    }
