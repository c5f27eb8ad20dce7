"""A scan as SARIF 2.1.0 (OASIS standard, with Errata 01), as code scanning services read it."""

from hashlib import sha256
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from assay.pipelines.packages.model import Circumstances, Finding, Occurrence, Scan, Standing, Vulnerability
from assay.pipelines.packages.rules.reports.serialising import as_json
from assay.pipelines.packages.rules.reports.wording import (
    advice,
    first_occurrences,
    one_line,
    severity_of,
    timestamp,
    way,
)

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {"critical": "error", "high": "error", "medium": "warning", "low": "note", "none": "note"}
# What GitHub and its like sort by where there is no CVSS score.
_SCORES = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "2.0", "none": "0.0"}


def write(scan: Scan, facts: Circumstances) -> str:
    """The whole scan: one rule per vulnerability, one result per package and file, suppressed where it is ignored."""
    rules = {entry.vulnerability.name: entry.vulnerability for entry in scan.findings}
    order = {name: place for place, name in enumerate(rules)}
    run = {
        "tool": {
            "driver": {
                "name": facts.program,
                "version": facts.version,
                "rules": [_rule(entry) for entry in rules.values()],
            }
        },
        "invocations": [
            {
                "executionSuccessful": scan.is_complete,
                "endTimeUtc": timestamp(facts.now),
                "toolExecutionNotifications": _notifications(scan),
            }
        ],
        "columnKind": "unicodeCodePoints",
        "results": [
            _result(finding, entry, order[finding.vulnerability.name])
            for finding in scan.findings
            for entry in first_occurrences(finding)
        ],
    }
    return as_json({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})


def _rule(vulnerability: Vulnerability) -> dict[str, Any]:
    said = one_line(vulnerability.summary or vulnerability.name)
    names = ", ".join((vulnerability.name, *vulnerability.aliases))
    score = vulnerability.cvss_score
    security = _SCORES.get(vulnerability.severity or "") if score is None else f"{score:.1f}"
    tags = ["security", "vulnerability", *(["known-exploited"] if vulnerability.is_exploited else [])]
    return {
        "id": vulnerability.name,
        "shortDescription": {"text": said},
        "fullDescription": {"text": f"{said} ({names})"},
        "help": {
            "text": f"Known as {names}. `assay show {vulnerability.name}` tells all that is known of it."
        },
        "defaultConfiguration": {"level": _LEVELS.get(vulnerability.severity or "", "warning")},
        "properties": {"tags": tags, **({} if security is None else {"security-severity": security})},
    }


def _result(finding: Finding, entry: Occurrence, place: int) -> dict[str, Any]:
    vulnerability = finding.vulnerability
    is_unknown = finding.standing is Standing.UNKNOWN
    said = f"{finding.name} {finding.version} {'may be' if is_unknown else 'is'} affected by {vulnerability.name}"
    said += f": {vulnerability.summary}" if vulnerability.summary else ""
    chain = way(entry)
    told = [f"{one_line(said).rstrip('.')}.", one_line(advice(finding))]
    told += [f"It comes in by {one_line(chain)}."] if chain else []
    level = "note" if is_unknown else _LEVELS.get(vulnerability.severity or "", "warning")
    result: dict[str, Any] = {
        "ruleId": vulnerability.name,
        "ruleIndex": place,
        "level": level,
        "message": {"text": " ".join(told)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": uri(entry.file)},
                    "region": {"startLine": entry.line or 1},
                },
                "logicalLocations": [{"name": finding.name, "fullyQualifiedName": finding.purl}],
            }
        ],
        "partialFingerprints": {"assayFinding/v1": _fingerprint(finding, entry)},
        "properties": {
            "purl": finding.purl,
            "severity": severity_of(finding),
            "standing": finding.standing.value,
            "fixed": finding.fixed,
            "isExploited": vulnerability.is_exploited,
            "place": entry.place,
        },
    }
    if entry.ignored is not None:
        result["suppressions"] = [{"kind": "external", "justification": one_line(entry.ignored)}]
    return result


def _fingerprint(finding: Finding, entry: Occurrence) -> str:
    """The same when lines move, and for another version of the package."""
    said = (finding.ecosystem, finding.name, finding.vulnerability.name, PurePath(entry.file).as_posix())
    return sha256("\0".join(said).encode(errors="backslashreplace")).hexdigest()


def uri(path: str) -> str:
    """A path as a URI reference: relative ones stay relative to where the scan ran."""
    if path.startswith("pkg:") or path in ("-", "purl"):
        return {"-": "stdin", "purl": "purl"}.get(path, path)
    written = PurePath(path)
    if written.is_absolute():
        return written.as_uri()
    return quote(written.as_posix().encode(errors="surrogateescape"), safe="/")


def _notifications(scan: Scan) -> list[dict[str, Any]]:
    told = [_notification(entry.path, entry.reason, entry.detail) for entry in scan.unreadable]
    told += [
        _notification(file.path, fault.reason, f"{fault.place}: {fault.detail}")
        for file in scan.files
        for fault in file.faults
    ]
    return told


def _notification(path: str, reason: str, detail: str) -> dict[str, Any]:
    return {
        "level": "error",
        "descriptor": {"id": reason},
        "message": {"text": one_line(f"{path}: {detail}")},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": uri(path)}}}],
    }
