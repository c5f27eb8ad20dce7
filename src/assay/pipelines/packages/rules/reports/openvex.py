"""A scan as an OpenVEX 0.2.0 document (openvex/spec, OPENVEX-SPEC.md).

A package is `not_affected` only where a person said so, with their reason; what is not known is `under_investigation`.
"""

import json
from typing import Any

from assay.pipelines.packages.model import Circumstances, Finding, Scan, Standing
from assay.pipelines.packages.rules.reports.serialising import as_json
from assay.pipelines.packages.rules.reports.wording import advice, grouped, one_line, timestamp, unique_id


def write(scan: Scan, facts: Circumstances) -> str:
    """One statement for each vulnerability, and for each reason to ignore it."""
    moment = timestamp(facts.now)
    statements = [_statement(first, entries) for first, entries in grouped(scan.findings)]
    body: dict[str, Any] = {
        "author": facts.program,
        "timestamp": moment,
        "version": 1,
        "tooling": f"{facts.program} {facts.version}",
        "statements": statements,
    }
    head = {"@context": "https://openvex.dev/ns/v0.2.0", "@id": unique_id(json.dumps(body)).urn}
    return as_json(head | body)


def _statement(first: Finding, entries: list[Finding]) -> dict[str, Any]:
    said = first.vulnerability
    vulnerability: dict[str, Any] = {"name": said.name}
    if said.summary:
        vulnerability["description"] = one_line(said.summary)
    if said.aliases:
        vulnerability["aliases"] = list(said.aliases)
    products = [
        {"@id": purl, "identifiers": {"purl": purl}} for purl in dict.fromkeys(e.purl for e in entries)
    ]
    return {"vulnerability": vulnerability, "products": products, **_status(first, entries)}


def _status(first: Finding, entries: list[Finding]) -> dict[str, str]:
    if first.ignored is not None:
        return {"status": "not_affected", "impact_statement": one_line(first.ignored)}
    advised = one_line(" ".join(dict.fromkeys(advice(entry) for entry in entries)))
    if first.standing is Standing.UNKNOWN:
        return {"status": "under_investigation", "status_notes": advised}
    return {"status": "affected", "action_statement": advised}
