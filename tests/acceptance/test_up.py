"""`assay up`: everything starts, the link signs in once, what dies comes back, and Ctrl-C leaves nothing behind."""

import contextlib
import getpass
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from acceptance.test_advisories_story import Assay
from assay.kit import postgres
from browser import Browser
from patience import until


@pytest.fixture(scope="module")
def assay() -> Iterator[Assay]:
    path = Path(tempfile.mkdtemp(prefix="assay up "))
    path.chmod(0o755)
    program = Assay(path)
    del program.environment["ASSAY_POSTGRES_KEEP_RUNNING"]
    program.environment["ASSAY_WORKER_PROCESSES"] = "1"
    yield program
    postgres.stop(postgres.PostgresOptions(path / "home" / "postgres"))
    shutil.rmtree(path)


class Up:
    """A running `assay up`, in a process group of its own as a terminal gives one."""

    def __init__(self, assay: Assay, *arguments: str) -> None:
        self.process = assay.start(
            "up", "--port", "0", "--json", *arguments, stdout=subprocess.PIPE, start_new_session=True
        )
        assert self.process.stdout is not None
        written = b""
        while not written.endswith(b"}\n"):
            line = self.process.stdout.readline()
            assert line, f"it ended with {self.process.wait()}"
            written += line
        self.told: dict[str, Any] = json.loads(written)
        self.url: str = self.told["url"]
        self.family = psutil.Process(self.process.pid).children(recursive=True)

    def serving(self, port: int) -> list[psutil.Process]:
        """The children with which somebody is connected."""
        found = []
        for child in psutil.Process(self.process.pid).children(recursive=True):
            try:
                connections = child.net_connections("inet")
            except psutil.Error:
                continue
            if any(one.status == psutil.CONN_ESTABLISHED and one.laddr.port == port for one in connections):
                found.append(child)
        return found

    def relatives(self) -> list[psutil.Process]:
        """Every process that descends from it, seen at any time."""
        with contextlib.suppress(psutil.NoSuchProcess):
            self.family += psutil.Process(self.process.pid).children(recursive=True)
        return self.family


def is_running(assay: Assay) -> bool:
    return postgres.status(postgres.PostgresOptions(assay.home / "postgres")).is_running


def all_gone(processes: list[psutil.Process]) -> bool:
    return not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in processes)


def ends_in_order(up: Up, assay: Assay, number: signal.Signals) -> None:
    """All of it ends well when its group hears the signal, and nothing is left."""
    family = up.relatives()
    os.killpg(up.process.pid, number)
    assert up.process.wait(timeout=90) == 0
    assert until(lambda: all_gone(family))
    assert not is_running(assay)


def answers(browser: Browser, path: str) -> int | None:
    try:
        return browser.get(path).status_code
    except httpx2.TransportError:
        return None


def test_a_whole_day(assay):
    up = Up(assay)
    try:
        port = int(up.url.rstrip("/").rpartition(":")[2])
        with Browser(up.url) as browser:
            assert browser.get(up.told["sign_in"]).status_code == 303
            assert browser.get("/v1/me").json()["role"] == "admin"
            with Browser(up.url) as second:
                assert second.get(up.told["sign_in"]).status_code == 403
            again = assay.ask("users", "link", getpass.getuser())["link"]
            assert again.startswith(f"{up.url}sign-in/link?token=")
            until(lambda: browser.get("/v1/worker/health").json()["status"] == "ok")
            taken = assay("up", "--port", str(port), code=2)
            assert taken.stdout == b""
            assert b"--port" in taken.stderr
            [web] = up.serving(port)
            web.kill()
            # The session outlives the process that began it.
            assert until(lambda: answers(browser, "/v1/me")) == 200
            [other] = up.serving(port)
            assert other.pid != web.pid
        ends_in_order(up, assay, signal.SIGINT)
    finally:
        up.process.kill()
        up.process.wait()
        up.process.stdout.close()


def test_a_terminal_that_closes_ends_it_in_order(assay):
    up = Up(assay)
    try:
        ends_in_order(up, assay, signal.SIGHUP)
    finally:
        up.process.kill()
        up.process.wait()
        up.process.stdout.close()


def test_nothing_outlives_it_when_it_is_killed(assay):
    up = Up(assay, "--no-worker")
    try:
        with Browser(up.url) as browser:
            assert browser.get(up.told["sign_in"]).status_code == 303
        family = up.relatives()
        up.process.kill()
        up.process.wait()
        assert until(lambda: all_gone(family))
    finally:
        up.process.stdout.close()
    # The server is found by whoever starts next, and stopped by whoever leaves last.
    assert [one["name"] for one in assay.ask("users", "list")]
    assert not is_running(assay)
