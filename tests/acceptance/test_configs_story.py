"""A Splunk administrator's way: the real program, service and worker, the embedded PostgreSQL, the sample's `etc/`."""

import json
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from acceptance.test_advisories_story import SAMPLE, Assay
from assay.kit import postgres
from pipelines.configs.counting import count_archive

TREE = SAMPLE / "splunk-etc.tar.gz"


@pytest.fixture(scope="module")
def assay() -> Iterator[Assay]:
    path = Path(tempfile.mkdtemp(prefix="assay configs "))
    path.chmod(0o755)
    program = Assay(path)
    program("migrate")
    yield program
    postgres.stop(postgres.PostgresOptions(path / "home" / "postgres"))
    shutil.rmtree(path)


@pytest.fixture
def worker(assay) -> "Iterator[subprocess.Popen[bytes]]":
    """A worker with one process."""
    process = assay.start("worker", "--processes", "1", stderr=subprocess.DEVNULL)
    yield process
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=120) == 0


def until(ask: Callable[[], Any], seconds: float = 120) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := ask()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.2)
    return found


@pytest.mark.fault
def test_an_etc_is_uploaded_parsed_by_a_worker_and_explained(assay, worker):
    uploaded = json.loads(assay("configs", "upload", str(TREE), "--kind", "ds_etc", "--json").text)
    assert uploaded["status"] in ("stored", "parsing", "complete")

    def complete() -> Any:
        shown = json.loads(assay("configs", "show", uploaded["id"], "--json").text)
        assert shown["status"] != "failed", shown["error"]
        return shown if shown["status"] == "complete" else None

    run = until(complete)
    files, settings = count_archive(TREE)
    assert (run["counts"]["files"], run["counts"]["settings"]) == (files, settings)

    # Which file wins, and why?
    said = assay("configs", "effective", "latest", "inputs", "monitor:///var/log/secure").text
    assert "shadows security" in said
    assert "etc/system/local/inputs.conf" in said
    # Where does the data go? What is wrong? And all of it for those who were not here.
    assert "index security" in assay("configs", "routing", "latest", "--around", "linux_secure").text
    assert "webb_typo_index" in assay("configs", "lint", "latest", code=1).text
    assert "## Server classes" in assay("configs", "export", "latest").text

    # The job says what it was about, and the ledger what it came to.
    [job] = json.loads(assay("jobs", "list", "--task", "configs.parse", "--json").text)["jobs"]
    assert (job["status"], job["subject"]) == ("completed", uploaded["id"])

    # What cannot be read fails with a reason, and stays where a person sees it.
    broken = assay.home.parent / "broken.tgz"
    broken.write_bytes(TREE.read_bytes()[:20_000])
    failed = json.loads(assay("configs", "upload", str(broken), "--json").text)

    def given_up() -> Any:
        [shown] = [
            one for one in json.loads(assay("configs", "runs", "--json").text) if one["id"] == failed["id"]
        ]
        return shown["error"] if shown["status"] == "failed" else None

    assert "damaged or cut short" in until(given_up)
    assay("configs", "delete", failed["id"])
