"""Records of strangers: what is bad waits in quarantine, and no text has power over the terminal."""

import io
import json
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from assay.cli import app

NASTY = "\x1b]0;owned\x07\x1b[2J[bold]a\u202eb\nc"
GOOD = {
    "schema_version": "1.7.0",
    "id": "PYSEC-2024-1",
    "modified": "2024-01-02T00:00:00Z",
    "summary": NASTY,
    "details": NASTY,
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": NASTY},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": NASTY}]}],
        }
    ],
    "references": [{"type": "WEB", "url": f"https://example.org/{NASTY}"}],
}
BROKEN = b'{"id": "PYSEC-2024-2", \x1b[2J'


def zipped(members: dict[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        for name, content in members.items():
            writer.writestr(name, content)
    return archive.getvalue()


@pytest.fixture
def run(fresh_url, tmp_path):
    """Runs a command line on a database of this test's own."""

    def call(*arguments: str, code: int = 0) -> Result:
        environment = {
            "ASSAY_HOME": str(tmp_path / "home"),
            "ASSAY_DATABASE_URL": fresh_url,
            "ASSAY_PROCESSES": "1",
        }
        result = CliRunner().invoke(app, list(arguments), env=environment)
        assert result.exit_code == code, f"{result.exit_code}\n{result.stdout}\n{result.stderr}"
        assert "\x1b" not in result.output
        assert "\u202e" not in result.output
        return result

    return call


@pytest.fixture
def synced(run, tmp_path) -> Path:
    """A document with one good record and one that is none."""
    path = tmp_path / "all.zip"
    path.write_bytes(zipped({"PYSEC-2024-1.json": json.dumps(GOOD).encode(), "PYSEC-2024-2.json": BROKEN}))
    told = run("sync", "osv", "--from", str(path)).stdout
    assert "2 records = 1 claim + 1 quarantined" in told
    assert "1 added" in told
    return path


def test_a_text_that_a_terminal_would_obey_is_shown(run, synced):
    shown = run("show", "PYSEC-2024-1", "--provenance", "--history").stdout
    assert r"\x1b]0;owned\x07\x1b[2J[bold]a\u202eb c" in shown
    assert r"\x1b[2J[bold]a\u202eb" in run("search").stdout
    found = json.loads(run("show", "PYSEC-2024-1", "--json").stdout)
    assert found["summary"] == found["osv"]["details"] == NASTY


def test_a_bad_record_is_shown_with_its_bytes(run, synced):
    [record] = json.loads(run("quarantine", "--json").stdout)["records"]
    assert (record["source"], record["record_id"], record["reason"]) == ("osv", "PYSEC-2024-2", "not-json")
    listed = run("quarantine", "list", "--source", "osv", "--reason", "not-json").stdout
    assert "PYSEC-2024-2" in listed
    assert "1 record in quarantine: osv not-json 1" in listed
    shown = run("quarantine", "show", str(record["id"])).stdout
    assert r'{"id": "PYSEC-2024-2", \x1b[2J' in shown
    assert json.loads(run("quarantine", "show", str(record["id"]), "--json").stdout)["raw"] == BROKEN.decode()
    assert record["bytes"] == len(BROKEN), "as the source wrote them, not as they are kept"


def test_its_bytes_are_written_as_they_are(run, synced, fresh_url, tmp_path):
    [record] = json.loads(run("quarantine", "--json").stdout)["records"]
    environment = {"ASSAY_HOME": str(tmp_path / "home"), "ASSAY_DATABASE_URL": fresh_url}
    raw = CliRunner().invoke(app, ["quarantine", "show", str(record["id"]), "--raw"], env=environment)
    assert raw.stdout_bytes == BROKEN


def test_a_replay_says_what_is_still_bad(run, synced):
    [record] = json.loads(run("quarantine", "--json").stdout)["records"]
    assert "0 records read well, 1 still bad" in run("quarantine", "replay").stdout
    named = json.loads(run("quarantine", "replay", str(record["id"]), "--json", code=1).stdout)
    assert (named["read_well"], [entry["id"] for entry in named["still_bad"]]) == (0, [record["id"]])


def test_a_corrected_record_leaves_quarantine(run, synced, tmp_path):
    fixed = json.dumps(GOOD | {"id": "PYSEC-2024-2"}).encode()
    synced.write_bytes(zipped({"PYSEC-2024-1.json": json.dumps(GOOD).encode(), "PYSEC-2024-2.json": fixed}))
    assert "2 records = 2 claims + 0 quarantined" in run("sync", "osv", "--from", str(synced)).stdout
    assert "Quarantine is empty" in run("quarantine").stdout
    assert json.loads(run("show", "pysec-2024-2", "--json").stdout)["name"] == "PYSEC-2024-2"


def test_a_dropped_record_is_gone(run, synced):
    [record] = json.loads(run("quarantine", "--json").stdout)["records"]
    assert "1 record dropped" in run("quarantine", "drop", str(record["id"])).stdout
    assert json.loads(run("quarantine", "--json").stdout) == {
        "records": [],
        "counts": [],
        "next_before": None,
    }
    run("quarantine", "drop", str(record["id"]), code=3)


def test_who_dropped_a_record_is_in_the_audit_log(run, synced):
    [record] = json.loads(run("quarantine", "--json").stdout)["records"]
    run("quarantine", "drop", str(record["id"]), "--by", "eve")
    [row] = json.loads(run("audit", "--json").stdout)["rows"]
    assert (row["name"], row["action"], row["subject"]) == ("eve", "quarantine.drop", str(record["id"]))
    assert row["detail"]["reason"] == "not-json"


def test_pages_of_the_quarantine(run, tmp_path):
    path = tmp_path / "bad.zip"
    path.write_bytes(zipped({f"PYSEC-2024-{n}.json": BROKEN for n in range(1, 8)}))
    run("sync", "osv", "--from", str(path))
    found, before = [], []
    while True:
        page = json.loads(run("quarantine", "--limit", "3", "--json", *before).stdout)
        found += [record["id"] for record in page["records"]]
        if page["next_before"] is None:
            break
        before = ["--before", str(page["next_before"])]
    assert len(found) == len(set(found)) == 7
    assert found == sorted(found, reverse=True)
    assert "older ones: the same with --before" in run("quarantine", "--limit", "3").stderr


def test_a_document_that_cannot_be_believed_is_refused(run, tmp_path):
    path = tmp_path / "all.zip"
    path.write_bytes(
        zipped(
            {
                f"PYSEC-2024-{n}.json": json.dumps(GOOD | {"id": f"PYSEC-2024-{n}"}).encode()
                for n in range(1, 31)
            }
        )
    )
    run("sync", "osv", "--from", str(path))
    path.write_bytes(zipped({"PYSEC-2024-1.json": json.dumps(GOOD).encode()}))
    refused = run("sync", "osv", "--from", str(path), code=1).stdout
    assert "refused: " in refused
    assert "--accept-loss" in refused
    assert "1 document could not be used at all" in run("doctor").stdout
    told = json.loads(run("sync", "osv", "--from", str(path), "--accept-loss", "--json").stdout)
    assert told["sources"][0]["tombstoned"] == 29
    back = json.loads(run("sync", "osv", "--replay", "--json").stdout)["sources"][0]
    assert back["notes"] == [f"replayed {back['document'][:12]}"]
