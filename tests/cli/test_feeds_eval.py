"""`assay feeds eval` on the repository's sample and on texts of one's own."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest

from assay.cli.exits import ExitCode
from conftest import _create, _drop
from llm_server import MODEL

SAMPLE = str(Path(__file__).parents[2] / "sample" / "cve.zip")
OSV = SAMPLE.replace("cve.zip", "osv.zip")
LINES = [
    {
        "name": "CVE-2026-1001",
        "title": "Rocket reads files",
        "text": "A vulnerability in Acme Rocket before 1.2 allows remote attackers to read files.",
        "vendor": "Acme",
        "product": ["Rocket", "Rocket Server"],
        "fixed": ["1.2"],
        "published": "2026-02-03",
    },
    {"text": "We are hiring.", "vendor": "Umbrella"},
]


@pytest.fixture(scope="module")
def loaded(server, template) -> Iterator[dict[str, str]]:
    """The environment of an Assay without a catalog."""
    name = f"{template}_cli_eval"
    _create(server, name, template)
    with tempfile.TemporaryDirectory() as home:
        yield {"ASSAY_HOME": home, "ASSAY_DATABASE_URL": server.database_url(name), "ASSAY_PROCESSES": "1"}
    _drop(server, name)


def test_a_cve_archive_teaches_with_its_older_records_and_is_measured_on_its_newer_ones(assay, ask):
    (report,) = ask("feeds", "eval", "--data", SAMPLE, "--most", "60")
    fields = {row["field"]: row for row in report["fields"]}
    assert report["method"] == "rules"
    assert report["names"] > 500
    assert fields["identifier"]["right"] == 1.0
    assert fields["vendor"]["labels"] > 40
    assert fields["vendor"]["right"] > 0.4
    assert 0.0 <= report["review"]["caught"] <= 1.0
    assert sum(one["count"] for one in fields["vendor"]["curve"]) <= fields["vendor"]["labels"]
    shown = assay("feeds", "eval", "--data", SAMPLE, "--most", "20").stdout
    assert "calibration error" in shown
    assert "wrong ones caught by review" in shown


def test_texts_of_ones_own_are_measured_with_the_names_of_this_installation(assay, ask, tmp_path):
    path = tmp_path / "own.jsonl"
    path.write_text("\n".join(map(json.dumps, LINES)))
    (report,) = ask("feeds", "eval", "--data", str(path), "--since", "2026-01-01", "--catalog")
    fields = {row["field"]: row for row in report["fields"]}
    assert report["texts"] == 2
    assert report["names"] == 0
    assert fields["vendor, new"]["labels"] == 2
    assert fields["vendor"]["accepted"] == 0.0
    assert fields["fixed_version"]["right"] == 1.0
    said = assay("feeds", "eval", "--data", str(path), "--catalog")
    assert "assay sync cve" in said.stderr
    assert "own texts, rules: 2 texts, a dictionary of 0 names" in said.stdout


def test_records_in_a_folder_are_read(ask, tmp_path):
    with ZipFile(SAMPLE) as archive:
        names = [name for name in archive.namelist() if name.endswith(".json")][:8]
        for name in names:
            archive.extract(name, tmp_path)
    (report,) = ask("feeds", "eval", "--data", str(tmp_path), "--most", "5")
    assert 1 <= report["texts"] <= 8


def test_what_cannot_be_measured_on_is_said(assay, tmp_path):
    path = tmp_path / "own.jsonl"
    path.write_text('{"text": "a"}\n{"texts": "b"}\n')
    said = assay("feeds", "eval", "--data", str(path), code=ExitCode.WRONG).stderr
    assert "own.jsonl, line 2" in said
    (tmp_path / "broken.zip").write_bytes(b"PK no archive")
    assert (
        "no archive"
        in assay("feeds", "eval", "--data", str(tmp_path / "broken.zip"), code=ExitCode.WRONG).stderr
    )
    said = assay("feeds", "eval", "--data", str(tmp_path / "none.zip"), code=ExitCode.WRONG).stderr
    assert "none.zip" in said
    said = assay("feeds", "eval", "--data", SAMPLE, "--since", "2031-01-01", code=ExitCode.WRONG).stderr
    assert "choose an earlier day" in said
    for day in ("soon", "2026-13-01", "7x"):
        said = assay("feeds", "eval", "--data", SAMPLE, "--since", day, code=ExitCode.WRONG).stderr
        assert "neither a date such as 2024-05-01 nor an age such as 7d" in said


def test_a_model_that_nobody_configured_is_not_asked(assay):
    said = assay("feeds", "eval", "--data", SAMPLE, "--most", "3", "--model", code=ExitCode.WRONG).stderr
    assert "assay llm" in said


def test_with_a_model_both_methods_are_shown(assay, tmp_path, language_server):
    path = tmp_path / "own.jsonl"
    path.write_text(json.dumps(LINES[0]))
    environment = {"OLLAMA_BASE_URL": language_server.url, "OLLAMA_MODEL": MODEL}
    shown = assay("feeds", "eval", "--data", str(path), "--model", "--json", **environment)
    assert (
        "1 question to the model, "
        in assay("feeds", "eval", "--data", str(path), "--model", **environment).stderr
    )
    alone, together = json.loads(shown.stdout)
    assert (alone["method"], together["method"]) == ("rules", "rules and model")
    assert [row["field"] for row in alone["fields"]] == [row["field"] for row in together["fields"]]
    vendors = [row for row in together["fields"] if row["field"] == "vendor"]
    assert vendors[0]["accepted"] == 0.0


def test_osv_records_are_a_kind_of_their_own(ask, assay):
    reports = ask("feeds", "eval", "--data", OSV, "--data", SAMPLE, "--most", "120")
    kinds = {report["kind"]: report for report in reports}
    assert kinds.keys() == {"CVE records", "OSV records"}
    fields = {row["field"]: row for row in kinds["OSV records"]["fields"]}
    assert fields["identifier"]["right"] > 0.95
    assert fields["product"]["labels"] > 10
    assert fields["fixed_version"]["right"] > 0.6
    assert sum(report["texts"] for report in reports) <= 120
    assert "OSV records, rules: " in assay("feeds", "eval", "--data", OSV, "--most", "20").stdout
