"""Syncs that are killed, and databases that are: the next run ends where an undisturbed one does."""

import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from psycopg import sql

from assay.bootstrap import Context, build
from assay.jobs.ledger import Outcome
from assay.kit.compression import decompress
from assay.kit.postgres import EmbeddedPostgres, PostgresOptions
from assay.pipelines.advisories.commands import Request
from assay.settings import Settings
from pipelines.advisories import builders as b

pytestmark = pytest.mark.fault

# A sync of the sample as a person starts it: its own process, two workers, settings from the environment.
_SYNC = """
import sys
from assay import settings
from assay.bootstrap import build
from assay.catalog.tasks import merging
from assay.pipelines.advisories.commands import Request
from assay.pipelines.advisories.tasks import staging
from pipelines.advisories import builders as b

# So little is read in one process; as much as a real source has is shared by workers.
merging.FEW = staging._FEW = 100

with build(settings.load()) as ctx:
    print("ready", flush=True)
    origins = dict(zip(sys.argv[1::2], sys.argv[2::2]))
    report = b.sync_all(ctx, {name: Request(origin=path) for name, path in origins.items()})
    print("done", b.digest(ctx), flush=True)
sys.exit(0 if report.is_good else 1)
"""


Origins = dict[str, str]


@pytest.fixture(scope="session")
def origins(tmp_path_factory: pytest.TempPathFactory) -> Origins:
    """Half of the sample, every source of it."""
    folder = tmp_path_factory.mktemp("half")
    found = {name: str(path) for name, path in b.ORIGINS.items()}
    for name in ("osv", "gitlab", "cve"):
        members = list(b.members_of(b.ORIGINS[name]).items())
        found[name] = str(b.zip_of(folder / f"{name}.zip", members[::2]))
    return found


def requests(origins: Origins) -> dict[str, Request]:
    return {name: Request(origin=origin) for name, origin in origins.items()}


@dataclass
class Running:
    """A sync in a process of its own, and every process that it ever started."""

    process: subprocess.Popen[str]
    family: dict[int, psutil.Process] = field(default_factory=dict)

    def line(self) -> str:
        """The next line that it prints, empty when it has ended."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def look(self) -> None:
        """Take note of the processes that there are now."""
        with suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self.process.pid).children(recursive=True):
                self.family[child.pid] = child

    def wait(self, seconds: float) -> None:
        """Take note of its processes for so long, or until it ends."""
        end = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < end:
            self.look()
            time.sleep(min(0.02, max(0.0, end - time.monotonic())))

    def survivors(self, seconds: float) -> list[psutil.Process]:
        """Those of its children that are still there after some seconds."""
        _, alive = psutil.wait_procs(list(self.family.values()), timeout=seconds)
        return [child for child in alive if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]


@contextmanager
def syncing(home: Path, url: str | None, origins: Origins) -> Iterator[Running]:
    """A sync of the sample that has just begun."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    environment = kept | {
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "ASSAY_HOME": str(home),
        "ASSAY_PROCESSES": "2",
        "ASSAY_LOG_LEVEL": "error",
    }
    if url is not None:
        environment["ASSAY_DATABASE_URL"] = url
    with subprocess.Popen(
        [sys.executable, "-c", _SYNC, *(part for origin in origins.items() for part in origin)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        running = Running(process)
        try:
            assert running.line() == "ready", process.stderr.read() if process.stderr else ""
            yield running
        finally:
            process.kill()
            process.communicate()


_STATE = {
    # What is gone is dated with the moment at which that was found.
    "digests": "SELECT v.name, encode(v.digest, 'hex') FROM catalog.vulnerabilities AS v WHERE NOT EXISTS"
    " (SELECT 1 FROM catalog.claims AS c WHERE c.id = ANY (v.claim_ids) AND c.tombstoned_at IS NOT NULL) ORDER BY 1",
    "names": "SELECT i.identifier, v.name FROM catalog.identifiers AS i"
    " JOIN catalog.vulnerabilities AS v ON v.id = i.vulnerability_id ORDER BY 1",
    "claims": "SELECT source, record_id, identifiers, encode(content_hash, 'hex'), tombstoned_at IS NOT NULL, raw"
    " FROM catalog.claims ORDER BY source, record_id",
    "quarantine": "SELECT source, scope, document, locator, record_id, reason, detail, raw"
    " FROM advisories.quarantine ORDER BY source, scope, locator",
    "affected": "SELECT a.ecosystem, a.release, a.name, v.name, a.lower, a.upper, a.is_upper_included, a.is_live,"
    " a.listed FROM catalog.affected AS a JOIN catalog.vulnerabilities AS v ON v.id = a.vulnerability_id"
    " ORDER BY 1, 2, 3, 4, 5, 6",
    "commits": "SELECT encode(c.commit, 'hex'), v.name FROM catalog.commits AS c"
    " JOIN catalog.vulnerabilities AS v ON v.id = c.vulnerability_id ORDER BY 1, 2",
    "scores": "SELECT cve, score, percentile, scored_on FROM catalog.epss_scores ORDER BY cve",
    "history": "SELECT cve, scored_on, score, percentile FROM catalog.epss_history ORDER BY cve, scored_on",
    "shown": "SELECT name, epss, is_exploited, state FROM catalog.vulnerabilities ORDER BY name",
    "listings": "SELECT source, scope, document, records, reader_version, members"
    " FROM advisories.listings ORDER BY source, scope",
    "documents": "SELECT source, name, outcome FROM advisories.documents ORDER BY source, name",
    "dirty": "SELECT count(*) FROM catalog.dirty_claims",
}


def state(ctx: Context) -> dict[str, Any]:
    """Everything that a sync leaves behind, without keys and times, which depend on what happened before."""
    found: dict[str, Any] = {}
    with ctx.db.transaction() as conn:
        for name, query in _STATE.items():
            rows = conn.execute(query).fetchall()  # type: ignore[arg-type]
            if name in ("claims", "quarantine", "listings"):
                rows = [(*row[:-1], None if row[-1] is None else decompress(bytes(row[-1]))) for row in rows]
            found[name] = [tuple(map(str, row)) for row in rows]
    return found


@contextmanager
def database(server: Any, template: str) -> Iterator[str]:
    """A clone of a database."""
    name = f"fault_{os.urandom(4).hex()}"
    identifiers = sql.Identifier(name), sql.Identifier(template)
    server.run(sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(*identifiers))
    try:
        yield name
    finally:
        server.run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(identifiers[0]))


def settings(home: Path, url: str | None) -> Settings:
    return Settings(home=home, database_url=url, processes=1)  # type: ignore[call-arg]


def sync_before(ctx: Context, folder: Path, origins: Origins) -> None:
    """An older state of the sample: some records not there yet, some since gone, some with other words."""
    for name in ("osv", "gitlab", "cve"):
        members = b.members_of(Path(origins[name]))
        names = list(members)
        dice = random.Random(name)
        for absent in dice.sample(names, len(names) // 12):
            del members[absent]
        for other in dice.sample(list(members), len(names) // 12):
            members[other] = members[other].replace(b" the ", b" that ")
        members |= b.extra_members(name, 20)
        report = b.sync(ctx, name, b.zip_of(folder / f"{name}-before.zip", members))
        assert report.outcome is Outcome.COMPLETED, report.error


def test_kill_at_ten_moments_and_run_again(
    server: Any, template: str, tmp_path: Path, origins: Origins
) -> None:
    home = tmp_path / "home"
    with database(server, template) as before, database(server, template) as plain:
        with build(settings(home, server.database_url(before))) as ctx:
            sync_before(ctx, tmp_path, origins)
        with syncing(home, server.database_url(plain), origins) as running:
            started = time.monotonic()
            said = running.line()
            lasted = time.monotonic() - started
        assert said.startswith("done "), said
        with build(settings(home, server.database_url(plain))) as ctx:
            expected = {template: state(ctx)}
            assert said == f"done {b.digest(ctx)}"
        with database(server, before) as again, build(settings(home, server.database_url(again))) as ctx:
            assert b.sync_all(ctx, requests(origins)).is_good
            expected[before] = state(ctx)
        assert any("True" in claim for claim in expected[before]["claims"])  # the tombstones

        dice = random.Random(20241122)
        for tenth in range(10):
            start = (template, before)[tenth % 2]
            moment = lasted * (tenth + dice.random()) / 10
            with database(server, start) as name:
                url = server.database_url(name)
                killed_and_repeated(home, url, origins, moment, expected[start])


def killed_and_repeated(
    home: Path, url: str, origins: Origins, moment: float, expected: dict[str, Any]
) -> None:
    """Kill a sync some seconds after its beginning, run it again, and compare what is there then."""
    with syncing(home, url, origins) as running:
        running.wait(moment)
        running.look()
        running.process.kill()
        running.process.wait()
        assert running.survivors(10) == []
    with build(settings(home, url)) as ctx:
        report = b.sync_all(ctx, requests(origins))
        assert report.is_good, report
        for one in report.sources[:4]:
            counts = one.counts
            assert counts.read == counts.new + counts.changed + counts.unchanged + counts.quarantined
        found = state(ctx)
    for part, value in expected.items():
        assert found[part] == value, f"{part}, killed after {moment:.2f} s"
    assert list((home / "documents" / "incoming").iterdir()) == []


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that the embedded server's own user can enter."""
    folder = Path(tempfile.mkdtemp(prefix="assay-fault-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_database_killed_in_the_middle_and_run_again(
    server: Any, template: str, tmp_path: Path, reachable: Path, origins: Origins
) -> None:
    with database(server, template) as name, build(settings(tmp_path, server.database_url(name))) as ctx:
        b.sync_all(ctx, requests(origins))
        expected, digest = state(ctx), b.digest(ctx)
    with syncing(reachable, None, origins) as running:
        # Some of it is in, and some is not.
        wait_for_claims(reachable, 300)
        postmaster = int((reachable / "postgres" / "data" / "postmaster.pid").read_text().splitlines()[0])
        servers = [psutil.Process(postmaster), *psutil.Process(postmaster).children(recursive=True)]
        for process in servers:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(servers, timeout=10)
        _, said = running.process.communicate(timeout=60)
        assert running.process.returncode != 0
        # It says what happened, and does not call it a bug of its own.
        assert re.search(r"^(psycopg\.\S+|assay\.errors\.Transient): ", said, re.MULTILINE), said
    with syncing(reachable, None, origins) as running:
        assert running.line() == f"done {digest}"
        running.process.wait()
    with build(settings(reachable, None)) as ctx:
        assert state(ctx) == expected


def wait_for_claims(home: Path, count: int) -> None:
    """Until the embedded database below a home folder holds so many claims."""
    with (
        EmbeddedPostgres(PostgresOptions(home / "postgres")) as url,
        psycopg.connect(url, autocommit=True) as conn,
    ):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            row = conn.execute("SELECT count(*) FROM catalog.claims").fetchone()
            if row is not None and row[0] >= count:
                return
            time.sleep(0.01)
    raise AssertionError(f"the sync brought no {count} claims")
