"""An analyst's way with feeds: the real program and workers, feeds with validators, a dead model, a killed worker."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from acceptance.test_advisories_story import SAMPLE, Assay
from assay.kit import postgres
from patience import until
from pipelines.feeds.bulletins import ARCHIVE, bulletins
from servers import Document, Web, web_server

ATOM = {"Content-Type": "application/atom+xml"}
OCSP = "CVE-2024-0853"


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    """Where the feeds and the archive of bulletins are fetched from, each with its validator."""
    with web_server() as found:
        for number, (name, content) in enumerate(bulletins().items()):
            if name.endswith(".rss"):
                found.documents[f"/{Path(name).name}"] = Document(content, etag=f'"{number}"', headers=ATOM)
        found.documents["/feeds.tar.gz"] = Document(ARCHIVE.read_bytes(), etag='"archive"')
        yield found


@pytest.fixture(scope="module")
def assay(web: Web) -> Iterator[Assay]:
    """The program, with a catalog that knows names, and a language model's server that is not there."""
    path = Path(tempfile.mkdtemp(prefix="assay feeds "))
    path.chmod(0o755)
    program = Assay(path)
    program.environment |= {
        "ASSAY_FEEDS__REACHABLE": '["127.0.0.1"]',
        "OLLAMA_BASE_URL": "http://127.0.0.1:9",
        "OLLAMA_MODEL": "no-such-model",
        "LLM_BATCH_SIZE": "5",
    }
    program("sync", "cve", "--from", f"cve={SAMPLE / 'cve.zip'}")
    yield program
    postgres.stop(postgres.PostgresOptions(path / "home" / "postgres"))
    shutil.rmtree(path)


class Worker:
    """A supervisor with its processes, which may all be killed at once."""

    def __init__(self, assay: Assay) -> None:
        self.process = assay.start(
            "worker", "--processes", "2", stderr=subprocess.DEVNULL, start_new_session=True
        )

    def kill(self) -> None:
        """As the power does."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=240) == 0


def told(assay: Assay, *arguments: str) -> Any:
    return json.loads(assay(*arguments, "--json").text)


def entries(assay: Assay, status: str) -> int:
    """How many have this status, or in all (`total`), at one moment."""
    return int(told(assay, "feeds", "entries", "--limit", "1")["counts"][status])


@pytest.mark.fault
def test_what_feeds_say_ends_as_claims_and_in_review_whatever_dies_on_the_way(assay: Assay, web: Web):
    names = []
    for path in web.documents:
        name = path.strip("/").partition(".")[0]
        kind = "feed" if path.endswith(".rss") else "files"
        assay("feeds", "source", "add", name, f"{web.url}{path}", "--kind", kind, "--by", "ada")
        names.append(name)
    worker = Worker(assay)
    try:
        assay("schedules", "run", "feeds")
        until(lambda: {one["last_good_at"] is not None for one in sources(assay)} == {True})
        waiting = entries(assay, "total")
        assert waiting > 40
        assay("schedules", "run", "feeds-processing")
        until(lambda: entries(assay, "completed") > 0)
    finally:
        worker.kill()
    before = entries(assay, "completed")
    worker = Worker(assay)
    try:
        # What the dead one had taken is taken again, by its own job or by the next.
        until(
            lambda: (assay("schedules", "run", "feeds-processing"), entries(assay, "completed") == waiting)[
                1
            ],
            480,
        )
        assert before <= waiting
        assert entries(assay, "failed") == entries(assay, "pending") == 0
        until(lambda: OCSP in assay("search", OCSP).text)
        check_once(assay)
        review(assay)
        until(lambda: "ada, about" in assay("show", OCSP, "--provenance").text)
        # Nothing of it is fetched or read again while nothing changed.
        assay("feeds", "source", "run", names[0])
        assert "if-none-match" in web.asked[-1].headers
        assert entries(assay, "pending") == 0
    finally:
        worker.stop()


def sources(assay: Assay) -> list[dict[str, Any]]:
    found = told(assay, "feeds", "source", "list")
    return found["sources"] if isinstance(found, dict) else found


def check_once(assay: Assay) -> None:
    """Every extraction is there once, those of vendors that the catalog does not know wait for a person."""
    lines = [
        one
        for state in ("accepted", "in_review", "skipped")
        for one in told(assay, "feeds", "review", "list", "--state", state, "--limit", "1000")["items"]
    ]
    assert len({(one["feed"], one["identifier"], one["title"]) for one in lines}) == len(lines)
    unknown = [one for one in lines if "unknown_vendor" in one["doubts"]]
    assert {one["state"] for one in unknown} <= {"in_review", "skipped"}


def review(assay: Assay) -> None:
    """A person stands by what the bulletin says, in their own words."""
    [line] = [
        one
        for state in ("in_review", "accepted")
        for one in told(assay, "feeds", "review", "list", "--state", state, "--words", OCSP)["items"]
    ]
    shown = assay("feeds", "review", "show", str(line["id"])).text
    assert "Words that support it" in shown
    assay("feeds", "review", "edit", str(line["id"]), "--vendor", "curl", "--approve", "--by", "ada")
    assay("feeds", "review", "approve", str(line["id"]), "--by", "ada", code=1)
    assert "review.approve" in assay("audit").text
