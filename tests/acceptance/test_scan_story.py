"""A project is scanned as a person does it: the real program, the embedded PostgreSQL, the repository's sample."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from acceptance.test_advisories_story import SAMPLE, Assay
from assay.kit import postgres

# What a scan has no use for, and what would double the time that it takes to start.
HEAVY = ("obstore", "httpx2", "multiprocessing", "structlog", "fastapi", "uvicorn", "defusedxml.lxml")


@pytest.fixture(scope="module")
def assay() -> Iterator[Assay]:
    """An Assay that has synced the sample's OSV records."""
    path = Path(tempfile.mkdtemp(prefix="assay scan "))
    path.chmod(0o755)
    program = Assay(path)
    program("sync", "osv", "--from", f"osv={SAMPLE / 'osv.zip'}")
    yield program
    postgres.stop(postgres.PostgresOptions(path / "home" / "postgres"))
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def pin(assay) -> tuple[str, str, str]:
    """(package of npm, version, vulnerability) of the sample, found by the program itself."""
    for hit in assay.ask("search", "--ecosystem", "npm", "--severity", "high", "--limit", "200")["hits"]:
        document = json.loads(assay("show", hit["name"], "--raw", "osv").stdout)
        for affected in document["affected"]:
            package = affected.get("package", {})
            events = [event for span in affected.get("ranges", ()) for event in span["events"]]
            if package.get("ecosystem") == "npm" and {"introduced": "0"} in events and len(events) == 2:
                return package["name"], "0.0.1", hit["name"]
    raise AssertionError("the sample has no such record")


@pytest.fixture
def project(tmp_path, pin) -> Path:
    name, version, _ = pin
    lock = {
        "name": "web",
        "lockfileVersion": 3,
        "packages": {"": {"name": "web"}, f"node_modules/{name}": {"version": version}},
    }
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "package-lock.json").write_text(json.dumps(lock, indent=2))
    return tmp_path


def test_a_project_is_scanned_kept_and_lived_with(assay, project, pin):
    name, version, identifier = pin
    found = assay("scan", str(project), "--save", "web", code=1)
    assert identifier in found.text
    report = project / "assay.sarif"
    assay("scan", str(project), "--format", "sarif", "--output", str(report), code=1)
    [run] = json.loads(report.read_text())["runs"]
    assert identifier in {result["ruleId"] for result in run["results"]}
    ids = {entry["vulnerability"]["id"] for entry in assay.ask("scan", str(project), code=1)["findings"]}
    rules = "".join(f'[[ignore]]\nid = "{one}"\nreason = "tests only"\n' for one in ids)
    (project / ".assay-ignore.toml").write_text(rules)
    assert b"data: osv" in assay("scan", str(project), "--require-fresh", "1h").stderr
    assert assay.ask("hits") == []
    hits = assay.ask("hits", "--since", "0", code=1)
    assert (name, version, identifier) in {
        (hit["name"], hit["version"], hit["vulnerability"]["name"]) for hit in hits
    }


def test_a_terminal_shows_a_table_and_nothing_is_left_of_it_in_a_pipe(assay, project, pin):
    shown = assay.on_terminal("scan", str(project), "--fail-on", "none")
    assert pin[2].encode() in shown
    assert b"\x1b[" in shown
    assert b"\x1b" not in assay("scan", str(project), code=1).stdout


def test_a_scan_loads_only_what_it_needs(assay, project):
    environment = {"PYTHONPROFILEIMPORTTIME": "1"}
    told = assay("scan", str(project), code=1, **environment).stderr.decode()
    loaded = {
        line.rpartition("|")[2].strip() for line in told.splitlines() if line.startswith("import time:")
    }
    assert "assay.pipelines.packages.commands.scanning" in loaded
    assert sorted(name for name in HEAVY if name in loaded) == []


def test_a_tree_with_a_hostile_name_is_scanned(assay, project, pin):
    folder = os.fsencode(project) + b"/\xff\x1b[2J"
    os.mkdir(folder)
    shutil.copy(project / "web" / "package-lock.json", folder + b"/package-lock.json")
    (project / "web" / "package-lock.json").unlink()
    for form in ("table", "json", "sarif", "cyclonedx", "openvex", "markdown", "html"):
        ended = assay("scan", str(project), "--format", form, code=1)
        assert pin[2].encode() in ended.stdout
        assert b"\x1b" not in ended.stdout + ended.stderr
