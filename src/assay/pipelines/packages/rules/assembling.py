"""What of some inventories can be looked up, each version of a package once, and what cannot, and why."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from assay.domain.packages import normalise_name
from assay.pipelines.packages.model import (
    Finding,
    Inventory,
    Occurrence,
    Origin,
    Package,
    Scan,
    Skipped,
    Subject,
    Unchecked,
)
from assay.pipelines.packages.rules.paths import paths

_ELSEWHERE = {Origin.GIT: Unchecked.GIT, Origin.URL: Unchecked.URL, Origin.PATH: Unchecked.PATH}


@dataclass(frozen=True, slots=True)
class Questions:
    """What to ask the catalog: versions of packages, and commits with the packages that are pinned to them."""

    subjects: tuple[Subject, ...]
    commits: tuple[tuple[str, Subject], ...]
    skipped: tuple[Skipped, ...]


def why_unchecked(package: Package) -> Unchecked | None:
    """Why the catalog cannot be asked about a package by name and version, None where it can.

    A registry of somebody's own is taken for a mirror: its packages have the public one's names.
    """
    if package.origin is not Origin.REGISTRY and package.origin in _ELSEWHERE:
        return _ELSEWHERE[package.origin]
    if package.ecosystem is None:
        return Unchecked.NO_ECOSYSTEM
    return Unchecked.NO_VERSION if package.version is None else None


def questions(inventories: Iterable[tuple[str, Inventory]]) -> Questions:
    """What to ask about the packages of some files, in their order."""
    asked: dict[tuple[str, str, str], tuple[Package, list[Occurrence]]] = {}
    commits: dict[tuple[str, str], tuple[Package, list[Occurrence]]] = {}
    skipped: list[Skipped] = []
    for file, inventory in inventories:
        ways = paths(inventory.packages)
        for package in inventory.packages:
            at = Occurrence(file, package.place, package.scope, package.is_direct, ways.get(package.key, ()))
            if package.commit is not None:
                commits.setdefault((package.commit, package.name), (package, []))[1].append(at)
            why = why_unchecked(package)
            if why is not None:
                skipped.append(Skipped(package.name, package.version, package.purl, file, package.place, why))
            elif package.ecosystem is not None and package.version is not None:
                key = package.ecosystem, normalise_name(package.ecosystem, package.name), package.version
                asked.setdefault(key, (package, []))[1].append(at)
    return Questions(
        tuple(_subject(package, places) for package, places in asked.values()),
        tuple((key[0], _subject(package, places)) for key, (package, places) in commits.items()),
        tuple(skipped),
    )


def _subject(package: Package, places: Sequence[Occurrence]) -> Subject:
    version = package.version or package.commit or ""
    return Subject(package.ecosystem or "GIT", package.name, version, package.purl, tuple(places))


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings as people read them: exploited ones first, then the worst, then by package and name."""
    return tuple(sorted(findings, key=_urgency))


_RANKS = {"critical": 0, "high": 1, "medium": 2, "low": 3, "none": 5}


def _urgency(finding: Finding) -> tuple[object, ...]:
    vulnerability = finding.vulnerability
    return (
        finding.standing.value,
        not vulnerability.is_exploited,
        _RANKS.get(vulnerability.severity or "", 4),
        -(vulnerability.cvss_score or 0.0),
        -(vulnerability.epss or 0.0),
        finding.ecosystem,
        finding.name,
        finding.version,
        vulnerability.name,
    )


def with_lines(scan: Scan, lines: Mapping[tuple[str, str], int]) -> Scan:
    """The scan with the line of each place of its findings that is known, by file and place."""
    return replace(
        scan,
        findings=tuple(
            replace(
                finding,
                occurrences=tuple(
                    msgspec.structs.replace(entry, line=lines.get((entry.file, entry.place)))
                    for entry in finding.occurrences
                ),
            )
            for finding in scan.findings
        ),
    )
