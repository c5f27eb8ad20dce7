"""pip-audit beside Assay: it asks an OSV service about one package after the other."""

import json
from pathlib import Path


def command(program: Path, folder: Path, address: str) -> list[str]:
    """pip-audit on the pylock.toml of a folder, with a service of one's own and without pip."""
    service = ["--vulnerability-service", "osv", "--osv-url", address]
    return [str(program), "--locked", *service, "--progress-spinner", "off", "--format", "json", str(folder)]


def findings(output: bytes) -> tuple[set[tuple[str, str, str]], dict[str, str]]:
    """(package, version, advisory) of its answer; and the packages that it skipped, with its reasons."""
    found, skipped = set(), {}
    for entry in json.loads(output)["dependencies"]:
        if "skip_reason" in entry:
            skipped[entry["name"]] = entry["skip_reason"]
        for vulnerability in entry.get("vulns", ()):
            found.add((entry["name"], entry["version"], vulnerability["id"]))
    return found, skipped
