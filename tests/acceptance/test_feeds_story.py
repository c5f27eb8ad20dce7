"""Prose on its way in: the real program, worker and server with ETags, real feeds; and a worker that is killed."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from acceptance.test_advisories_story import Assay
from assay.kit import postgres
from assay.kit.db import Database
from patience import until
from pipelines.feeds.bulletins import bulletins
from servers import Asked, Document, Web, web_server

PUB = bulletins()["feeds/atom/pub-2023-07.rss"]
ERLANG = bulletins()["feeds/atom/erlang-2024-03.rss"]


@pytest.fixture(scope="module")
def assay() -> Iterator[Assay]:
    path = Path(tempfile.mkdtemp(prefix="assay feeds "))
    path.chmod(0o755)
    program = Assay(path)
    program.environment |= {"ASSAY_FEEDS__REACHABLE": '["127.0.0.1"]', "NO_PROXY": "127.0.0.1"}
    program("migrate")
    yield program
    postgres.stop(postgres.PostgresOptions(path / "home" / "postgres"))
    shutil.rmtree(path)


@pytest.fixture
def worker(assay: Assay) -> "Iterator[subprocess.Popen[bytes]]":
    """A worker with one process."""
    process = assay.start("worker", "--processes", "1", stderr=subprocess.DEVNULL)
    yield process
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=240) == 0


@pytest.fixture
def web() -> Iterator[Web]:
    with web_server() as web:
        web.documents["/pub.atom"] = Document(PUB, etag='"1"')
        web.documents["/erlang.atom"] = Document(ERLANG, etag='"1"')
        yield web


def fetched(assay: Assay, name: str) -> Any:
    """The source once it was fetched well, as the program shows it."""
    options = postgres.PostgresOptions(assay.home / "postgres", keep_running=True)
    asked = "SELECT last_good_at FROM feeds.sources WHERE name = %s AND last_good_at IS NOT NULL"
    with postgres.EmbeddedPostgres(options) as url, Database(url).connection(autocommit=True) as conn:
        until(lambda: conn.execute(asked, (name,)).fetchone())
    return json.loads(assay("feeds", "source", "show", name, "--json").text)


@pytest.mark.fault
def test_a_feed_is_fetched_when_its_time_has_come_and_then_only_what_is_new(
    assay: Assay, worker: "subprocess.Popen[bytes]", web: Web
) -> None:
    assay("feeds", "source", "add", "pub", f"{web.url}/pub.atom", "--interval", "1m")
    # The schedule does it every minute; here nobody waits for that.
    assay("schedules", "run", "feeds")
    found = fetched(assay, "pub")
    assert (found["health"], found["entries"]["pending"]) == ("well", 5)
    assay("feeds", "source", "run", "pub", "--later")
    until(lambda: len(web.asked) >= 2)
    assert web.asked[1].headers["if-none-match"] == '"1"'
    [job] = json.loads(assay("jobs", "list", "--task", "feeds.fetch", "--limit", "1", "--json").text)["jobs"]
    assert job["subject"] == "pub"


@pytest.mark.fault
def test_a_worker_that_is_killed_in_the_middle_of_a_fetch_loses_nothing(
    assay: Assay, worker: "subprocess.Popen[bytes]", web: Web
) -> None:
    killed: list[int] = []
    port = int(web.url.rpartition(":")[2])

    def kill_once(_: Asked) -> None:
        for child in () if killed else psutil.Process(worker.pid).children(recursive=True):
            if any(one.raddr and one.raddr.port == port for one in child.net_connections("inet")):
                killed.append(child.pid)
                os.kill(child.pid, signal.SIGKILL)

    web.on_request = kill_once
    assay("feeds", "source", "add", "erlang", f"{web.url}/erlang.atom")
    assay("feeds", "source", "run", "erlang", "--later")
    found = fetched(assay, "erlang")
    assert killed
    assert len(web.asked) >= 2
    # Four advisories stand in this feed more than once, as they are.
    assert (found["health"], found["entries"]["total"]) == ("well", 15)
