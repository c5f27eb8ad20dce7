"""Packages, findings and scans for tests: every field has a default, a test names the ones that matter to it."""

from datetime import UTC, datetime
from typing import Any

from assay.pipelines.packages.model import (
    Circumstances,
    Finding,
    Occurrence,
    Package,
    Scan,
    ScannedFile,
    Standing,
    Subject,
    Vulnerability,
)

NOW = datetime(2026, 11, 22, 4, 5, 6, 789, tzinfo=UTC)
FACTS = Circumstances(NOW, "Assay", "0.1.0", "findings", {"osv": datetime(2026, 11, 22, 3, tzinfo=UTC)})


def a_package(name: str = "left-pad", version: str | None = "1.0.0", **said: Any) -> Package:
    """A package of npm; its key is its name, and its purl follows from both."""
    written = {
        "key": name,
        "ecosystem": "npm",
        "purl": f"pkg:npm/{name}" + (f"@{version}" if version is not None else ""),
        "place": f"$.packages['node_modules/{name}']",
    }
    return Package(**(written | {"name": name, "version": version} | said))


def a_vulnerability(name: str = "CVE-2024-0001", **said: Any) -> Vulnerability:
    """A vulnerability that is rated high."""
    written: dict[str, Any] = {
        "aliases": ("GHSA-aaaa-bbbb-cccc",),
        "summary": "Something is wrong",
        "severity": "high",
        "cvss_score": 7.5,
        "cvss_vector": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H",
        "epss": 0.0123,
        "published_at": datetime(2024, 1, 2, tzinfo=UTC),
    }
    return Vulnerability(name, **(written | said))


def an_occurrence(file: str = "web/package-lock.json", **said: Any) -> Occurrence:
    """A place in a file."""
    return Occurrence(file, **({"place": "$.packages['node_modules/left-pad']"} | said))


def a_finding(name: str = "left-pad", version: str = "1.0.0", **said: Any) -> Finding:
    """A package of npm that a vulnerability affects."""
    written: dict[str, Any] = {
        "ecosystem": "npm",
        "purl": f"pkg:npm/{name}@{version}",
        "vulnerability": a_vulnerability(),
        "standing": Standing.AFFECTED,
        "fixed": "1.0.1",
        "occurrences": (an_occurrence(),),
    }
    return Finding(name=name, version=version, **(written | said))


def a_scan(*findings: Finding, **said: Any) -> Scan:
    """A scan of one file in which these were found."""
    subjects = {
        (entry.ecosystem, entry.name, entry.version): Subject(
            entry.ecosystem, entry.name, entry.version, entry.purl, entry.occurrences
        )
        for entry in findings
    }
    files = (ScannedFile("web/package-lock.json", "package-lock", "3", len(subjects)),)
    return Scan(**({"files": files, "subjects": tuple(subjects.values()), "findings": findings} | said))
