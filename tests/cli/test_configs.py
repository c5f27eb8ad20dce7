"""`assay configs` on the repository's sample."""

import csv
import io
import json
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.cli.exits import ExitCode
from conftest import _create, _drop

SAMPLE = str(Path(__file__).parents[2] / "sample" / "splunk-etc.tar.gz")


@pytest.fixture(scope="module")
def loaded(server, template) -> Iterator[dict[str, str]]:
    """The environment of an Assay without a catalog, which nothing here asks for."""
    name = f"{template}_cli_configs"
    _create(server, name, template)
    with tempfile.TemporaryDirectory() as home:
        yield {"ASSAY_HOME": home, "ASSAY_DATABASE_URL": server.database_url(name), "ASSAY_PROCESSES": "1"}
    _drop(server, name)


@pytest.fixture
def uploaded(assay, ask) -> str:
    """The id of the sample's run."""
    return ask("configs", "upload", SAMPLE, "--label", "sample", "--now")["id"]


def test_a_run_is_listed_and_shown(assay, ask, uploaded):
    assert ask("configs", "upload", SAMPLE, "--label", "sample", "--now")["is_new"] is False
    assert uploaded in [run["id"] for run in ask("configs", "runs", "--label", "sample")]
    shown = ask("configs", "show", uploaded[:8])
    assert (shown["status"], shown["counts"]["settings"]) == ("complete", 3811)
    assert "latin1.conf" in assay("configs", "show", "sample").stdout
    assert "sample" in assay("configs", "runs").stdout


def test_what_holds(assay, ask, uploaded):
    text = assay("configs", "effective", uploaded, "inputs", "monitor:///var/log/secure").stdout
    assert "shadows security" in text
    listing = assay("configs", "effective", uploaded, "inputs", "--btool", "--home", "/x").stdout
    assert "/x/etc/system/local/inputs.conf" in listing
    found = ask("configs", "effective", "sample", "outputs")
    assert found["conf"] == "outputs"
    assay("configs", "effective", "sample", "inputs", "monitor:///nothing", code=ExitCode.NOT_FOUND)
    assay("configs", "effective", "sample", "nothing", code=ExitCode.NOT_FOUND)
    assay("configs", "effective", "nobody", "inputs", code=ExitCode.NOT_FOUND)
    assert (
        "org_all_outputs"
        in assay("configs", "effective", "sample", "outputs", "--server-class", "web_tier").stdout
    )


def test_searching_listing_and_apps(assay, ask, uploaded):
    assert [hit["line"] for hit in ask("configs", "search", uploaded, "webb_typo")] == [14]
    assert "org_web_index" in assay("configs", "search", uploaded, "^webb_", "--regex").stdout
    assay("configs", "search", uploaded, "no such thing", code=ExitCode.NOT_WELL)
    assert "useACK=True" in assay("configs", "list", uploaded, "outputs").stdout
    assert {"ThreatHunting"} <= {one["name"] for one in ask("configs", "apps", uploaded)}


def test_clients_routes_and_findings(assay, ask, uploaded, tmp_path):
    clients = tmp_path / "clients.csv"
    clients.write_text("name,machine_type,comment\nweb1.example.test,linux-x86_64,x\n")
    given = ask("configs", "serverclass", uploaded, "--clients", str(clients))["clients"]
    assert "org_web_inputs" in given["web1.example.test"]
    assert "web_tier" in assay("configs", "serverclass", uploaded, "--clients", str(clients)).stdout
    clients.write_text("host\nx\n")
    assay("configs", "serverclass", uploaded, "--clients", str(clients), code=ExitCode.WRONG)
    assert assay("configs", "routing", uploaded, "--mermaid").stdout.startswith("flowchart LR")
    assert "maybe" in assay("configs", "routing", uploaded).stdout
    assay("configs", "lint", uploaded, code=ExitCode.NOT_WELL)
    only = json.loads(assay("configs", "lint", uploaded, "--rule", "missing-app", "--json", code=1).stdout)
    assert len(only) == 3


def test_two_runs_differ(assay, uploaded, tmp_path):
    changed = tmp_path / "changed.tar"
    with tarfile.open(SAMPLE) as old, tarfile.open(changed, "w") as new:
        for member in old:
            content = old.extractfile(member).read()
            if member.name.endswith("000_org_base/local/indexes.conf"):
                content = content.replace(b"maxTotalDataSizeMB = 5000", b"maxTotalDataSizeMB = 5001")
                member.size = len(content)
            new.addfile(member, io.BytesIO(content))
    assay("configs", "upload", str(changed), "--label", "changed", "--now")
    found = json.loads(assay("configs", "diff", "sample", "changed", "--effective", "--json", code=1).stdout)
    [one] = found
    assert (one["stanza"], one["key"], one["before"], one["after"]) == (
        "os",
        "maxTotalDataSizeMB",
        "5000",
        "5001",
    )
    assert "no differences" in assay("configs", "diff", "sample", "sample").stdout
    assert "5001" in assay("configs", "diff", "sample", "changed", code=1).stdout


def test_exports(assay, uploaded, tmp_path):
    report = tmp_path / "report.md"
    assay("configs", "export", uploaded, "--output", str(report))
    assert "## Findings" in report.read_text()
    text = assay("configs", "export", uploaded, "outputs", "--format", "csv").stdout
    assert [row["key"] for row in csv.DictReader(io.StringIO(text)) if row["stanza"] == "tcpout"]
    assert json.loads(assay("configs", "export", uploaded, "outputs", "--format", "json").stdout)
    assay("configs", "export", uploaded, "--format", "csv", code=ExitCode.WRONG)


def test_an_upload_waits_for_a_worker_or_says_why_it_failed(assay, ask, tmp_path):
    broken = tmp_path / "broken.tgz"
    broken.write_bytes(b"\x1f\x8b\x08 no")
    failed = assay("configs", "upload", str(broken), "--now", code=ExitCode.WRONG)
    assert "damaged or cut short" in failed.stderr
    assert ask("configs", "runs", "--label", "broken.tgz")[0]["status"] == "failed"
    assay("configs", "show", "broken.tgz", code=ExitCode.NOT_WELL)
    single = tmp_path / "outputs.conf"
    single.write_text("[tcpout]\ndefaultGroup = a\n")
    waits = ask("configs", "upload", str(single))
    assert (waits["status"], waits["kind"]) == ("stored", "single_conf")
    assay("configs", "lint", "outputs.conf", code=ExitCode.WRONG)
    assert "waits" not in assay("configs", "delete", "outputs.conf").stdout
    assay("configs", "show", "outputs.conf", code=ExitCode.NOT_FOUND)
    assay("configs", "upload", str(tmp_path / "nothing"), code=ExitCode.WRONG)
    assay("configs", "upload", str(single), "--kind", "moon", code=ExitCode.WRONG)
