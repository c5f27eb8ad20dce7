"""The whole `assay scan` process on 2,700 packages, beside Trivy and pip-audit on the same advisories.

    python benchmarks/scanning.py FOLDER [--trivy BINARY] [--pip-audit PROGRAM] [--rounds N] [--packages N]
        [--home HOME]

FOLDER holds osv.zip and lockfiles.tar.gz. `make peers` installs both others; without its option each is left out. Trivy
has a database of the same records, pip-audit asks `assay serve` on the same catalog. The embedded PostgreSQL runs
already, as it does beside a service; what its start costs is printed by itself. Each difference in the findings is
printed with the reason for it.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import peers
import pip_audits
from assay.bootstrap import build, database_url
from assay.catalog import queries
from assay.handover import SOCKET
from assay.pipelines.advisories import commands
from assay.pipelines.advisories.commands import Request
from assay.settings import Settings
from differences import Found, explain
from pins import Pins, inventories, npm_pins, pypi_pins, write_lock, write_pylock
from service import served

# pip-audit asks about one package after the other, which takes as long as all other measurements together.
_SLOW_ROUNDS = 3
_TIMES_PIP_AUDIT = 10
_LAUNCH = Path(__file__).parent / "launch.py"


@dataclass(frozen=True, slots=True)
class Ended:
    """One process: seconds from start to end, processor seconds, peak bytes, what it wrote."""

    seconds: float
    cpu: float
    peak: int
    output: bytes


def run(words: list[str], environment: Mapping[str, str]) -> Ended:
    """Run a process and measure it, as its parent is told by the kernel."""
    with tempfile.NamedTemporaryFile("r") as report:
        launched = [sys.executable, "-I", "-S", str(_LAUNCH), report.name, *words]
        ended = subprocess.run(launched, capture_output=True, env=dict(environment), check=True)
        code, seconds, cpu, peak = report.read().split()
    if code not in ("0", "1", "3"):
        raise SystemExit(f"{words[0]} ended with {code}: {ended.stderr.decode()[-500:]}")
    return Ended(float(seconds), float(cpu), int(peak), ended.stdout)


def show(name: str, ended: list[Ended]) -> float:
    """The median of some runs, the best of them, processor seconds and the peak."""
    middle = statistics.median(entry.seconds for entry in ended)
    best = min(entry.seconds for entry in ended)
    cpu = statistics.median(entry.cpu for entry in ended)
    peak = max(entry.peak for entry in ended) / 2**20
    print(
        f"  {name:44} median {middle:6.3f} s  best {best:6.3f} s  processor {cpu:6.3f} s  peak {peak:4.0f} MB"
    )
    return middle


def assay_findings(output: bytes) -> Found:
    """(package, version, vulnerability) of Assay's answer, without what is only not known."""
    return {
        (entry["package"]["name"], entry["package"]["version"], entry["vulnerability"]["id"])
        for entry in json.loads(output)["findings"]
        if entry["standing"] == "affected"
    }


def fill(home: Path, archive: Path) -> None:
    """Sync the records, unless the home has them."""
    with build(Settings(home=home)) as ctx:  # type: ignore[call-arg]  # the rest has defaults
        with ctx.db.transaction() as conn:
            if queries.last_change(conn):
                return
        requests = {"osv": Request(origin=str(archive))}
        report = commands.sync(ctx, requests, retention=ctx.settings.retention, progress=lambda *_: None)
        if not report.is_good:
            raise SystemExit(f"the sync failed: {report}")


def names(home: Path, ids: set[str]) -> dict[str, tuple[str, str]]:
    """The curated vulnerability of each advisory, and its state."""
    with build(Settings(home=home)) as ctx, ctx.db.transaction() as conn:  # type: ignore[call-arg]  # as above
        found = {}
        for identifier in ids:
            number = queries.find_id(conn, identifier)
            if number is not None:
                brief = queries.find_briefs(conn, [number])[number]
                found[identifier] = brief.name, brief.state
    return found


@dataclass(frozen=True, slots=True)
class Bench:
    """What the comparisons share: the catalog, its records, and the vulnerability of each advisory."""

    home: Path
    archive: Path
    work: Path
    environment: Mapping[str, str]
    of: Mapping[str, tuple[str, str]]
    rounds: int

    def compare(self, ecosystem: str, peer: str, ours: Found, raw: Found) -> None:
        """Print what both found, and why they differ; several advisories of `raw` may be one vulnerability."""
        of = {**names(self.home, {entry[2] for entry in raw}), **self.of}
        theirs = {(name, version, of.get(identifier, (identifier,))[0]) for name, version, identifier in raw}
        print(
            f"  {len(raw)} findings of {peer} are {len(theirs)} vulnerabilities, {len(ours)} of Assay; "
            f"{len(theirs & ours)} found by both"
        )
        explain(self.archive, ecosystem, peer, ours, theirs, of)


def scan_command(lock: Path) -> list[str]:
    """The program as its users start it."""
    return [sys.executable, "-m", "assay", "scan", str(lock), "--json"]


def main(arguments: list[str]) -> None:
    """Run everything and print it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--trivy", type=Path)
    parser.add_argument("--pip-audit", type=Path)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--packages", type=int, default=2700)
    parser.add_argument("--home", type=Path)
    chosen = parser.parse_args(arguments)
    work = Path(tempfile.mkdtemp(prefix="assay-bench-"))
    work.chmod(0o755)
    try:
        measure(chosen, work)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def measure(chosen: argparse.Namespace, work: Path) -> None:
    """Everything, in a folder of its own."""
    home = chosen.home or work / "home"
    archive = chosen.folder / "osv.zip"
    fill(home, archive)
    read = inventories(chosen.folder / "lockfiles.tar.gz", work / "locks")
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(sys.path[1:]),
        "ASSAY_HOME": str(home),
    }
    of = names(home, {record["id"] for record in peers.records(archive)})
    bench = Bench(home, archive, work, environment, of, chosen.rounds)
    trivy = chosen.trivy
    if trivy is not None and (lacking := peers.lacking()):
        print(f"Trivy is left out: {lacking}")
        trivy = None
    beside_trivy(bench, npm_pins(read)[: chosen.packages], trivy)
    if chosen.pip_audit is not None:
        beside_pip_audit(bench, pypi_pins(read)[: chosen.packages], chosen.pip_audit)


@contextmanager
def serving(home: Path) -> Iterator[tuple[str, int]]:
    """The service, once a process stands by for commands; its address."""
    with served(home, 1) as address:
        while not (home / SOCKET).exists():
            time.sleep(0.05)
        yield address


def beside_trivy(bench: Bench, pins: Pins, trivy: Path | None) -> None:
    """`assay scan` of a package-lock, and `trivy fs` of the same one where there is a Trivy."""
    lock = bench.work / "web" / "package-lock.json"
    lock.parent.mkdir()
    write_lock(lock, pins)
    print(
        f"{len(pins):,} real pins of npm packages in one package-lock, {lock.stat().st_size / 2**20:.1f} MB"
    )
    scan = scan_command(lock)
    started = show(
        "assay scan, PostgreSQL started and stopped", [run(scan, bench.environment) for _ in range(3)]
    )
    other = None
    if trivy is not None:
        peers.write_database(bench.archive, bench.work / "trivy")
        other = peers.command(trivy, bench.work / "trivy", lock)
    ours, theirs, bare = [], [], []
    with database_url(Settings(home=bench.home)):  # type: ignore[call-arg]  # the rest has defaults
        run(scan, bench.environment)
        alone = [run(scan, bench.environment) for _ in range(bench.rounds)]
        with serving(bench.home):
            for _ in range(bench.rounds):  # in turns, so that noise meets all of them
                bare.append(run([sys.executable, "-c", "pass"], bench.environment))
                ours.append(run(scan, bench.environment))
                if other is not None:
                    theirs.append(run(other, bench.environment))
    floor = show("python -c pass (the floor)", bare)
    show("assay scan by itself, PostgreSQL running", alone)
    middle = show("assay scan while assay serve runs", ours)
    print(
        "    (its processor and peak are the caller's own: the work is done by a process that stands by, as above)"
    )
    found = assay_findings(ours[-1].output)
    print(f"  {len(found)} findings; {middle / floor:.1f} times the floor")
    print(f"  PostgreSQL's start and stop cost {started - middle:.2f} s")
    if theirs:
        spent = show("trivy fs", theirs)
        print(
            f"  assay / trivy {middle / spent:.2f} (promise: below 1: {'kept' if middle < spent else 'BROKEN'})"
        )
        bench.compare("npm", "Trivy", found, peers.findings(theirs[-1].output))


def beside_pip_audit(bench: Bench, pins: Pins, pip_audit: Path) -> None:
    """`assay scan` of a pylock.toml, and `pip-audit` of the same one, which asks the service on the same catalog."""
    lock = bench.work / "python" / "pylock.toml"
    lock.parent.mkdir()
    write_pylock(lock, pins)
    print(f"{len(pins):,} real pins of PyPI packages in one pylock.toml")
    scan, ours, theirs = scan_command(lock), [], []
    # The server runs for all of them: the service would only share it with a process that holds it too.
    with (
        database_url(Settings(home=bench.home)),  # type: ignore[call-arg]  # the rest has defaults
        serving(bench.home) as (host, port),
    ):
        audit = pip_audits.command(pip_audit, lock.parent, f"http://{host}:{port}/v1/query")
        clean = {"PATH": os.environ["PATH"], "HOME": str(bench.work), "NO_PROXY": "*"}
        run(scan, bench.environment)
        for _ in range(_SLOW_ROUNDS):
            ours.append(run(scan, bench.environment))
            theirs.append(run(audit, clean))
    middle = show("assay scan while assay serve runs", ours)
    spent = show("pip-audit, its own process only", theirs)
    ratio = spent / middle
    print(
        f"  pip-audit / assay {ratio:.1f} (promise: at least {_TIMES_PIP_AUDIT}: "
        f"{'kept' if ratio >= _TIMES_PIP_AUDIT else 'BROKEN'})"
    )
    found, skipped = pip_audits.findings(theirs[-1].output)
    if skipped:
        print(f"  pip-audit skipped {len(skipped)}: {Counter(skipped.values())}")
    bench.compare("PyPI", "pip-audit", assay_findings(ours[-1].output), found)


if __name__ == "__main__":
    main(sys.argv[1:])
