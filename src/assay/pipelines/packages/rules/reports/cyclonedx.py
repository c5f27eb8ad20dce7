"""A scan as a CycloneDX 1.6 document: the packages as components, and the vulnerabilities that affect them."""

import json
from typing import Any

from assay.pipelines.packages.model import Circumstances, Finding, Scan, Standing, Subject, Vulnerability
from assay.pipelines.packages.rules.reports.serialising import as_json
from assay.pipelines.packages.rules.reports.wording import advice, grouped, one_line, timestamp, unique_id

_METHODS = (("CVSS:4", "CVSSv4"), ("CVSS:3.1", "CVSSv31"), ("CVSS:3", "CVSSv3"))


def write(scan: Scan, facts: Circumstances) -> str:
    """The whole scan. Packages that were not looked up are components too, and say why."""
    subjects = {reference(subject): _component(subject) for subject in (*scan.subjects, *_from_git(scan))}
    skipped: dict[str, dict[str, Any]] = {}
    for entry in scan.skipped:
        name = f"not-checked:{entry.purl}"
        skipped.setdefault(
            name,
            {
                "type": "library",
                "bom-ref": name,
                "name": one_line(entry.name),
                **({} if entry.version is None else {"version": one_line(entry.version)}),
                "properties": [{"name": "assay:not-checked", "value": entry.why.value}],
            },
        )
    body: dict[str, Any] = {
        "metadata": {
            "timestamp": timestamp(facts.now),
            "tools": {
                "components": [{"type": "application", "name": facts.program, "version": facts.version}]
            },
        },
        "components": [*subjects.values(), *skipped.values()],
        "vulnerabilities": [
            _vulnerability(first, entries, place)
            for place, (first, entries) in enumerate(grouped(scan.findings))
        ],
    }
    head = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": unique_id(json.dumps(body)).urn,
        "version": 1,
    }
    return as_json(head | body)


def reference(subject: Subject | Finding) -> str:
    """What names a package within the document."""
    return f"{subject.ecosystem}/{subject.name}@{subject.version}"


def _from_git(scan: Scan) -> list[Subject]:
    """What was found by its commit, and is among the packages that were not looked up by name."""
    return [
        Subject(entry.ecosystem, entry.name, entry.version, entry.purl, entry.occurrences)
        for entry in scan.findings
    ]


def _component(subject: Subject) -> dict[str, Any]:
    return {
        "type": "library",
        "bom-ref": reference(subject),
        "name": one_line(subject.name),
        "version": one_line(subject.version),
        "purl": subject.purl,
        "evidence": {
            "occurrences": [
                {"location": one_line(f"{entry.file}: {entry.place}")} for entry in subject.occurrences
            ]
        },
    }


def _vulnerability(first: Finding, entries: list[Finding], place: int) -> dict[str, Any]:
    said = first.vulnerability
    is_unknown = first.standing is Standing.UNKNOWN
    found: dict[str, Any] = {
        "bom-ref": f"vulnerability-{place}",
        "id": said.name,
        "references": [{"id": name, "source": {"name": name.partition("-")[0]}} for name in said.aliases],
        "ratings": _ratings(said),
        "description": one_line(said.summary or said.name),
        "recommendation": one_line(" ".join(dict.fromkeys(advice(entry) for entry in entries))),
        "affects": [
            {
                "ref": reference(entry),
                "versions": [
                    {
                        "version": one_line(entry.version),
                        "status": "unknown" if is_unknown else "affected",
                    }
                ],
            }
            for entry in entries
        ],
        "properties": _properties(said),
    }
    for name, moment in (("published", said.published_at), ("updated", said.modified_at)):
        if moment is not None:
            found[name] = timestamp(moment)
    if first.ignored is not None:
        found["analysis"] = {"state": "not_affected", "detail": one_line(first.ignored)}
    elif is_unknown:
        found["analysis"] = {"state": "in_triage"}
    return found


def _ratings(said: Vulnerability) -> list[dict[str, Any]]:
    rating: dict[str, Any] = {"severity": said.severity or "unknown"}
    if said.cvss_score is not None:
        rating["score"] = round(said.cvss_score, 1)
    if said.cvss_vector is not None:
        vector = said.cvss_vector
        rating["method"] = next((name for start, name in _METHODS if vector.startswith(start)), "CVSSv2")
        rating["vector"] = vector
    return [rating]


def _properties(said: Vulnerability) -> list[dict[str, str]]:
    found = [{"name": "assay:exploited", "value": "true" if said.is_exploited else "false"}]
    if said.epss is not None:
        found.append({"name": "assay:epss", "value": f"{said.epss:.5f}"})
    return found
