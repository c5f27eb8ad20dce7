"""A scan as JSON of its own: everything that is known, for programs."""

from typing import Any

from assay.pipelines.packages.model import Circumstances, Finding, Occurrence, Scan
from assay.pipelines.packages.rules.reports.serialising import as_json
from assay.pipelines.packages.rules.reports.wording import WHY_UNCHECKED, counted_severities, timestamp


def write(scan: Scan, facts: Circumstances) -> str:
    """The whole scan."""
    return as_json(document(scan, facts))


def document(scan: Scan, facts: Circumstances) -> dict[str, Any]:
    """The whole scan in JSON's own types."""
    return {
        "program": {"name": facts.program, "version": facts.version},
        "scanned_at": timestamp(facts.now),
        "verdict": facts.verdict,
        "data": {
            "change_seq": scan.change_seq,
            "freshness": {name: timestamp(moment) for name, moment in facts.freshness.items()},
        },
        "summary": {
            "files": len(scan.files),
            "packages": len(scan.subjects),
            "findings": len(scan.counted),
            "severities": dict(counted_severities(scan.counted)),
            "unknown": sum(entry.standing.value == "unknown" for entry in scan.counted),
            "ignored": len(scan.findings) - len(scan.counted),
            "not_checked": len(scan.skipped),
            "errors": len(scan.unreadable) + sum(len(file.faults) for file in scan.files),
        },
        "files": [
            {
                "path": file.path,
                "format": file.format,
                "format_version": file.version,
                "packages": file.packages,
                "faults": [
                    {"place": fault.place, "reason": fault.reason, "detail": fault.detail}
                    for fault in file.faults
                ],
            }
            for file in scan.files
        ],
        "errors": [
            {"path": entry.path, "reason": entry.reason, "detail": entry.detail} for entry in scan.unreadable
        ],
        "findings": [_finding(entry) for entry in scan.findings],
        "not_checked": [
            {
                "name": entry.name,
                "version": entry.version,
                "purl": entry.purl,
                "file": entry.file,
                "place": entry.place,
                "reason": entry.why.value,
                "detail": WHY_UNCHECKED[entry.why],
            }
            for entry in scan.skipped
        ],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    vulnerability = finding.vulnerability
    return {
        "package": {
            "ecosystem": finding.ecosystem,
            "name": finding.name,
            "version": finding.version,
            "purl": finding.purl,
        },
        "vulnerability": {
            "id": vulnerability.name,
            "aliases": list(vulnerability.aliases),
            "state": vulnerability.state,
            "summary": vulnerability.summary,
            "severity": vulnerability.severity,
            "cvss": {"score": _rounded(vulnerability.cvss_score, 1), "vector": vulnerability.cvss_vector},
            "epss": {
                "score": _rounded(vulnerability.epss, 5),
                "percentile": _rounded(vulnerability.epss_percentile, 5),
            },
            "is_exploited": vulnerability.is_exploited,
            "published_at": None
            if vulnerability.published_at is None
            else timestamp(vulnerability.published_at),
            "modified_at": None
            if vulnerability.modified_at is None
            else timestamp(vulnerability.modified_at),
        },
        "standing": finding.standing.value,
        "fixed": finding.fixed,
        "ignored": finding.ignored,
        "occurrences": [_occurrence(entry) for entry in finding.occurrences],
    }


def _occurrence(entry: Occurrence) -> dict[str, Any]:
    return {
        "file": entry.file,
        "place": entry.place,
        "line": entry.line,
        "scope": entry.scope.value,
        "is_direct": entry.is_direct,
        "path": list(entry.path),
        "ignored": entry.ignored,
    }


def _rounded(value: float | None, digits: int) -> float | None:
    """PostgreSQL's `real` has some seven digits; the rest is noise."""
    return None if value is None else round(value, digits)
