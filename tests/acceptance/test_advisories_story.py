"""The whole way, as a person goes it: the real program, the embedded PostgreSQL, the repository's sample.

Every test leaves the catalog as it found it, so each can run alone.
"""

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from assay.kit import postgres

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "sample"
# Entries of the sample's files, counted without Assay.
RECORDS = {"osv": 1000, "gitlab": 500, "cve": 750, "kev": 126, "epss": 1660}
SYNC = (
    *("sync", "osv", "gitlab", "cve", "kev", "epss"),
    *("--from", f"osv={SAMPLE / 'osv.zip'}", "--from", f"gitlab={SAMPLE / 'gitlab.zip'}"),
    *("--from", f"cve={SAMPLE / 'cve.zip'}", "--from", f"kev={SAMPLE / 'kev.json.gz'}"),
    *("--from", f"epss={SAMPLE / 'epss.csv.gz'}"),
)
LOG4SHELL = "CVE-2021-44228"
SHIRO = "CVE-2016-4437"
ESCAPE = b"\x1b"


@dataclass(frozen=True, slots=True)
class Ended:
    """What a command wrote, and how it ended."""

    stdout: bytes
    stderr: bytes
    code: int

    @property
    def text(self) -> str:
        return self.stdout.decode()


class Assay:
    """The program, as a process of its own for each command."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("ASSAY_", "PYTHON"))
        }
        for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "TTY_COMPATIBLE"):
            kept.pop(name, None)
        self.environment = kept | {
            "ASSAY_HOME": str(self.home),
            # Workers cost more to start than the sample costs to read; two tests have some.
            "ASSAY_PROCESSES": "1",
            # One server for all commands of the story; the fixture stops it.
            "ASSAY_POSTGRES_KEEP_RUNNING": "1",
            "PYTHONPATH": str(ROOT / "src"),
            "TERM": "xterm-256color",
        }

    def start(self, *arguments: str, **options: Any) -> "subprocess.Popen[bytes]":
        environment = self.environment | options.pop("environment", {})
        return subprocess.Popen(
            [sys.executable, "-m", "assay", *arguments], env=environment, cwd=self.home.parent, **options
        )

    def __call__(self, *arguments: str, code: int = 0, **environment: str) -> Ended:
        process = self.start(
            *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, environment=environment
        )
        stdout, stderr = process.communicate(timeout=240)
        ended = Ended(stdout, stderr, process.returncode)
        assert ended.code == code, f"{arguments}: {ended.code}\n{ended.text}\n{stderr.decode()}"
        assert b"Traceback" not in stderr
        return ended

    def ask(self, *arguments: str, code: int = 0) -> Any:
        """The one JSON document that a command writes to stdout."""
        return json.loads(self(*arguments, "--json", code=code).stdout)

    def on_terminal(self, *arguments: str, **environment: str) -> bytes:
        """What a command writes to a terminal, stdout and stderr together."""
        ours, theirs = pty.openpty()
        try:
            process = self.start(
                *arguments, stdin=theirs, stdout=theirs, stderr=theirs, environment=environment
            )
        finally:
            os.close(theirs)
        written = b""
        with open(ours, "rb", buffering=0) as terminal:
            while True:
                try:
                    piece = terminal.read(65536)
                except OSError:  # Linux's way of saying that the other end is closed
                    break
                if not piece:
                    break
                written += piece
        assert process.wait(timeout=240) == 0, written
        return written

    def digest(self) -> str:
        """The fingerprint of all that the catalog says."""
        return self.ask("catalog", "stats")["digest"]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that the server's own user can enter: pytest's are private, and root's server is not root."""
    path = Path(tempfile.mkdtemp(prefix="assay story "))
    path.chmod(0o755)
    yield path
    postgres.stop(postgres.PostgresOptions(path / "home" / "postgres"))
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def assay(folder) -> Assay:
    return Assay(folder)


@pytest.fixture(scope="module")
def first(assay) -> Ended:
    """The first sync; what it wrote."""
    return assay(*SYNC, ASSAY_PROCESSES="2")


@pytest.fixture(scope="module")
def digest(assay, first) -> str:
    """The digest after the first sync."""
    return assay.digest()


def test_every_record_of_the_first_sync_is_accounted_for(assay, first):
    told = dict(
        re.findall(r"^(\w+) +([\d,]+ records = .*?quarantined) +[0-9a-f]{12}$", first.text, re.MULTILINE)
    )
    assert set(told) == RECORDS.keys() - {"epss"}
    claims = {name: found["live"] for name, found in assay.ask("catalog", "stats")["claims"].items()}
    quarantined = dict.fromkeys(RECORDS, 0)
    for entry in assay.ask("quarantine")["counts"]:
        quarantined[entry["source"]] += entry["records"]
    for name, line in told.items():
        read, kept, bad = (int(number.replace(",", "")) for number in re.findall(r"[\d,]+", line))
        assert read == RECORDS[name] == kept + bad
        assert (kept, bad) == (claims[name], quarantined[name])
    assert "1,660 scores = 1,660 taken + 0 quarantined" in first.text
    assert re.search(r"^merged  [\d,]+ added, 0 changed, 0 removed, 0 unchanged", first.text, re.MULTILINE)


def test_the_sample_is_what_it_is_counted_as():
    with zipfile.ZipFile(SAMPLE / "osv.zip") as archive:
        assert sum(name.endswith(".json") for name in archive.namelist()) == RECORDS["osv"]


def test_a_second_sync_changes_nothing(assay, digest):
    report = assay.ask(*SYNC)
    assert report["is_good"] is True
    for entry in report["sources"]:
        assert entry["outcome"] == "unchanged"
        assert (entry["new"], entry["changed"], entry["quarantined"], entry["tombstoned"]) == (0, 0, 0, 0)
        assert entry["unchanged"] == (0 if entry["source"] == "epss" else RECORDS[entry["source"]])
    assert [report["merge"][what] for what in ("added", "changed", "removed", "unchanged")] == [0, 0, 0, 0]
    assert assay.digest() == digest


def test_it_is_found_by_every_name(assay, digest):
    found = assay.ask("show", "GHSA-JFH8-C2JP-5V3Q")
    assert found["name"] == found["osv"]["id"] == LOG4SHELL
    assert "= osv:GHSA-jfh8-c2jp-5v3q" in assay("show", "cve-2021-44228", "--provenance").text
    assert "did you mean CVE-2021-44228?" in assay("show", "CVE-2021-4422", code=3).stderr.decode()


def test_a_search_is_read_to_its_end(assay, digest):
    names: list[str] = []
    cursor: tuple[str, ...] = ()
    while True:
        page = assay.ask("search", "--severity", "medium", "--limit", "500", *cursor)
        assert {hit["severity"] for hit in page["hits"]} <= {"medium", "high", "critical"}
        names += [hit["name"] for hit in page["hits"]]
        if page["next_cursor"] is None:
            break
        cursor = ("--cursor", page["next_cursor"])
    assert len(names) > 500
    assert len(set(names)) == len(names)
    assert LOG4SHELL in names


def test_a_rebuild_and_a_policy_that_is_only_tried_change_nothing(assay, digest, folder):
    shipped = (ROOT / "src" / "assay" / "catalog" / "policy" / "merge.toml").read_text(encoding="utf-8")
    mine = folder / "mine.toml"
    mine.write_text(shipped.replace('"osv", "gitlab", "cve"', '"cve", "gitlab", "osv"'), encoding="utf-8")
    assert assay.ask("catalog", "policy", "diff", str(mine))["differing"] > 0
    rebuilt = assay.ask("catalog", "rebuild")
    assert rebuilt["digest_before"] == rebuilt["digest_after"] == digest


def test_a_pin_joins_two_cves_until_it_is_forgotten(assay, digest):
    try:
        told = assay("catalog", "pin", LOG4SHELL, SHIRO, "--reason", "to see what happens").text
        assert "1 changed, 1 removed" in told
        joined = assay.ask("show", LOG4SHELL)
        assert {joined["name"], *joined["aliases"]} >= {LOG4SHELL, SHIRO}
    finally:
        assay("catalog", "forget", SHIRO, LOG4SHELL)
    assert assay.digest() == digest


def test_a_broken_record_waits_until_it_is_mended(assay, digest, folder):
    broken = folder / "broken.zip"
    with (
        zipfile.ZipFile(SAMPLE / "osv.zip") as sample,
        zipfile.ZipFile(broken, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        spoilt = sample.namelist()[0]
        for name in sample.namelist():
            raw = sample.read(name)
            archive.writestr(name, raw[: len(raw) // 2] if name == spoilt else raw)
        whole = sample.read(spoilt)
    try:
        assert (
            "1,000 records = 999 claims + 1 quarantined" in assay("sync", "osv", "--from", str(broken)).text
        )
        [record] = assay.ask("quarantine")["records"]
        assert (record["locator"], record["reason"]) == (spoilt, "not-json")
        assert assay("quarantine", "show", str(record["id"]), "--raw").stdout == whole[: len(whole) // 2]
        assert assay.ask("quarantine", "replay", str(record["id"]), code=1)["read_well"] == 0
    finally:
        mended = assay("sync", "osv", "--from", str(SAMPLE / "osv.zip")).text
    assert "1,000 records = 1,000 claims + 0 quarantined" in mended
    assert assay.digest() == digest


def test_the_installation_is_well(assay, digest):
    health = assay.ask("doctor")
    assert health["is_healthy"] is True
    assert [finding["what"] for finding in health["findings"]] == [
        *(
            "home",
            "settings",
            "disk",
            "git",
            "embedded",
            "database",
            "migrations",
            "catalog",
            "merging",
            "quarantine",
            "sources",
            "language model",
        )
    ]
    assert {finding["grade"] for finding in health["findings"]} <= {"ok", "warning"}


def test_escape_codes_are_for_terminals_that_want_them(assay, first):
    assert ESCAPE not in first.stdout + first.stderr
    assert ESCAPE in assay.on_terminal("show", LOG4SHELL)
    assert ESCAPE not in assay.on_terminal("show", LOG4SHELL, NO_COLOR="1")
    bars = assay.on_terminal("sync", "kev", "--full", "--from", str(SAMPLE / "kev.json.gz"))
    assert "━".encode() in bars
    assert b"126 records = 126 claims" in bars


def test_progress_is_told_in_lines_where_there_is_no_terminal(first):
    lines = first.stderr.decode().splitlines()
    assert [line.partition(",")[0] for line in lines if line.startswith(("osv: read", "catalog: merge"))] == [
        "osv: read 1",
        "catalog: merge 2",
    ]
    assert len(lines) < 20


def test_a_stopped_sync_loses_nothing(assay, digest):
    process = assay.start(
        *SYNC,
        "--full",
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        environment={"ASSAY_PROCESSES": "2"},
    )
    assert process.stderr is not None
    # The first step has ended: the workers are at it. A terminal sends Ctrl-C to the whole group.
    first_line = process.stderr.readline()
    assert b"osv: read" in first_line
    os.killpg(process.pid, signal.SIGINT)
    _, stderr = process.communicate(timeout=240)
    assert process.returncode == 130
    assert b"Nothing is lost" in stderr
    assert b"Traceback" not in stderr
    assert assay.ask(*SYNC)["is_good"] is True
    assert assay.digest() == digest


def test_a_reader_who_leaves_is_no_error(assay, digest):
    process = assay.start(
        "search", "--limit", "1000", "--json", stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    with process.stderr as said:
        assert said.read() == b""
    assert process.wait(timeout=240) == 141


@pytest.mark.parametrize("line", ["--help", "version"])
def test_what_needs_no_database_loads_none(assay, line):
    loud = {"psycopg", "obstore", "httpx2", "rich", "structlog", "msgspec", "assay.bootstrap"}
    process = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "assay", line],
        env=assay.environment,
        capture_output=True,
        check=True,
    )
    imported = {entry.rpartition("|")[2].strip() for entry in process.stderr.decode().splitlines()}
    assert "typer" in imported
    assert imported & loud == set()
