"""Faults that are not about 200 tasks: the web process, the clocks, the schedules, the disk of the document store."""

import gzip
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from assay.jobs import commands
from assay.jobs.deferring import defer_many
from assay.jobs.queries import Filters
from assay.kit import postgres
from assay.kit.db import Database
from assay.kit.postgres import stop
from jobs import shop
from jobs.storm import (
    TASKS,
    Broken,
    Storm,
    ask,
    check,
    defer_all,
    done,
    inherited,
    is_quiet,
    rest,
    wait_until,
)
from servers import Document, web_server

SAMPLE = Path(__file__).parents[2] / "sample" / "kev.json.gz"
# Debian's package faketime: a library that gives a process another time, from a file, while it runs.
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
JUMPS = ("+3h", "-26h", "+400d", "+0")


class Skipped(Exception):  # noqa: N818 - nothing went wrong
    """The fault cannot be tried on this machine."""


@dataclass
class Service:
    """A web process that is killed and started again, and whoever asks it for syncs all the time."""

    command: list[str]
    answered: list[int] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    url: str = ""
    is_over: bool = False

    def start(self) -> subprocess.Popen[str]:
        """The process, once it answers."""
        process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True, env=inherited())
        assert process.stdout is not None
        self.url = process.stdout.readline().strip()
        return process

    def ask_on(self) -> None:
        """Ask for a sync again and again; what was answered is a promise."""
        while not self.is_over:
            request = urllib.request.Request(
                self.url + "api/jobs/sync", b'{"sources": ["kev"]}', {"Content-Type": "application/json"}
            )
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:
                    self.answered += [job["id"] for job in json.load(answer)["jobs"]]
            except urllib.error.HTTPError as error:
                self.refused.append(f"{error.code} {error.read().decode()}")
            except (OSError, ValueError):
                time.sleep(0.02)  # it is dead, or died while it answered


def kill_web(storm: Storm) -> str:
    """The web process is killed while it answers: every sync that was answered for runs, and ends well."""
    for machine in storm.machines:
        machine.close()
    with tempfile.TemporaryDirectory() as home, web_server() as source:
        source.documents["/kev.json"] = Document(gzip.decompress(SAMPLE.read_bytes()))
        kev = f"{source.url}/kev.json"
        service = Service([sys.executable, "-m", "jobs.web", storm.url, f"{home}/web", kev])
        settings = {"ASSAY_HOME": f"{home}/worker", "ASSAY_DATABASE_URL": storm.url, "ASSAY_PROCESSES": "1"}
        worker = subprocess.Popen(
            [sys.executable, "-m", "assay", "worker", "--processes", "1"],
            stderr=subprocess.DEVNULL,
            env={**inherited(), **settings, "ASSAY_SOURCES__KEV__URL": kev},
        )
        process = service.start()
        asking = threading.Thread(target=service.ask_on)
        asking.start()
        try:
            for kill in range(3):
                had = len(service.answered)
                wait_until(
                    lambda had=had: len(service.answered) > had + 3,
                    storm.patience,
                    f"answers before kill {kill}",
                )
                time.sleep(storm.dice.uniform(0, 0.3))
                process.kill()
                process.communicate()
                process = service.start()
            had = len(service.answered)
            wait_until(lambda: len(service.answered) > had, storm.patience, "an answer after the last kill")
            over = time.monotonic()
            service.is_over = True
            asking.join()
            wait_until(
                lambda: syncs(storm) == {"completed"}, storm.patience, f"syncs ended ({rest(storm.url)})"
            )
            recovery = time.monotonic() - over
        finally:
            service.is_over = True
            asking.join()
            process.kill()
            process.communicate()
            worker.send_signal(signal.SIGTERM)
            worker.wait(60)
    return check_syncs(storm, service, recovery)


def syncs(storm: Storm) -> set[str]:
    """The states that syncs are in."""
    rows = ask(storm.url, "SELECT DISTINCT status FROM jobs.processing_tasks WHERE task = 'advisories.sync'")
    return {row[0] for row in rows}


def check_syncs(storm: Storm, service: Service, recovery: float) -> str:
    """What became of everything that was answered. Raises Broken."""
    if service.refused:
        raise Broken(f"requests were refused: {service.refused[:3]}")
    kept = {
        row[0]
        for row in ask(storm.url, "SELECT id FROM jobs.processing_tasks WHERE task = 'advisories.sync'")
    }
    lost = sorted(set(service.answered) - kept)
    if lost:
        raise Broken(f"answered and then lost: {lost}")
    noted = ask(storm.url, "SELECT count(*) FROM auth.audit WHERE action = 'sources.run'")[0][0]
    # A kill may come between the commit and the answer, once each time.
    if not len(service.answered) <= noted <= len(service.answered) + 3:
        raise Broken(f"{noted} changes are in the audit log, {len(service.answered)} were answered")
    claims = ask(storm.url, "SELECT count(*) FROM catalog.claims WHERE source = 'kev'")[0][0]
    if not claims:
        raise Broken("the syncs came to nothing")
    asked = f"{len(service.answered)} requests answered for {len(kept)} jobs"
    return f"3 times, {asked}: all completed {recovery:4.1f} s later, none lost"


@contextmanager
def another_time() -> Iterator[tuple[dict[str, str], Callable[[str], None]]]:
    """An environment in which programs have the time that is set. Raises Skipped where there is no faketime."""
    if not FAKETIME.exists():
        raise Skipped("libfaketime (Debian's faketime) is not installed")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        said = Path(folder) / "time"

        def set_time(offset: str) -> None:
            fresh = said.with_suffix(".new")
            fresh.write_text(offset + "\n")
            fresh.chmod(0o644)
            fresh.replace(said)

        environment = {
            "LD_PRELOAD": str(FAKETIME),
            "FAKETIME_TIMESTAMP_FILE": str(said),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        set_time("+1d")
        told = subprocess.run(
            [sys.executable, "-c", "import time; print(time.time())"],
            env={**inherited(), **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        if not told.stdout or float(told.stdout) < time.time() + 80_000:
            raise Skipped(f"libfaketime does not work here: {told.stderr.strip()}")
        set_time("+0")
        yield environment, set_time


def jump_of_machine(storm: Storm) -> str:
    """The clock of one of the machines jumps hours and days, forth and back, in the middle of 200 tasks."""
    try:
        with another_time() as (environment, set_time):
            machine = storm.machines[0]
            machine.close()
            machine.environment = environment
            machine.start()
            odd = deferred(storm)
            wait_until(lambda: done(storm.url) >= TASKS * 0.1, storm.patience, "a tenth of the tasks")
            for jump in JUMPS:
                set_time(jump)
                time.sleep(storm.dice.uniform(0.3, 1.0))
            recovery = wait_until(
                lambda: is_quiet(storm.url), storm.patience, f"everything ended ({rest(storm.url)})"
            )
            machine.close()
    except Skipped as error:
        return f"SKIPPED: {error}"
    check(storm.url, odd)
    return (
        f"{', '.join(JUMPS)} on one of two machines: all ended after {recovery:4.1f} s, none lost, none twice"
    )


def jump_of_postgres(storm: Storm) -> str:
    """The database's clock jumps a day ahead: every worker looks dead, and none is buried."""
    passed_on = postgres._PASSED_ON
    stop(storm.options)
    try:
        with another_time() as (environment, set_time):
            postgres._PASSED_ON = (*passed_on, *environment)
            os.environ.update(environment)
            try:
                storm.server.start()
            finally:
                for name in environment:
                    del os.environ[name]
            odd = deferred(storm)
            wait_until(lambda: done(storm.url) >= TASKS * 0.1, storm.patience, "a tenth of the tasks")
            set_time("+1d")
            wait_until(
                lambda: bool(ask(storm.url, f"SELECT 1 WHERE now() > to_timestamp({time.time() + 80_000})")),
                storm.patience,
                "the database has the other time",
            )
            recovery = wait_until(
                lambda: is_quiet(storm.url), storm.patience, f"everything ended ({rest(storm.url)})"
            )
            check(storm.url, odd)
            silent = ask(
                storm.url, "SELECT count(*) FROM jobs.attempts WHERE error LIKE '%no sign of life%'"
            )[0][0]
            if silent:
                raise Broken(f"{silent} jobs were taken from workers that lived")
            stop(storm.options)
    except Skipped as error:
        return f"SKIPPED: {error}"
    finally:
        postgres._PASSED_ON = passed_on
        storm.server.start()
    return f"a day ahead: all ended after {recovery:4.1f} s, no living worker was taken for dead"


def deferred(storm: Storm) -> dict[str, int]:
    """The 200 tasks and the two odd ones."""
    db = Database(storm.url)
    try:
        return defer_all(db)
    finally:
        db.close()


def two_schedulers(storm: Storm) -> str:
    """Two machines with the same schedule, one of them killed at every tick: one job a tick."""
    for machine in storm.machines:
        machine.close()
        machine.changes["every"] = "30m"
        machine.start()
    ticks = 6
    over = time.monotonic()
    for tick in range(1, ticks + 1):
        wait_until(lambda tick=tick: made(storm) >= tick, storm.patience, f"the job of tick {tick}")
        if made(storm) != tick:
            raise Broken(f"{made(storm)} jobs of {tick} ticks")
        if tick == ticks:
            break
        victim = storm.dice.choice(storm.machines)
        ask(
            storm.url,
            "UPDATE jobs.schedules SET due_at = due_at - interval '30 min',"
            " next_run_at = next_run_at - interval '30 min' RETURNING 1",
        )
        time.sleep(storm.dice.uniform(0, 1.0))
        victim.kill()
        victim.start()
    wait_until(lambda: is_quiet(storm.url), storm.patience, f"everything ended ({rest(storm.url)})")
    worked = ask(storm.url, "SELECT count(*) FROM shop.done WHERE n = -1")[0][0]
    if (worked, made(storm)) != (ticks, ticks):
        raise Broken(f"{made(storm)} jobs, {worked} done, of {ticks} ticks")
    return f"{ticks} ticks, a machine killed at each: {ticks} jobs, each done once, in {time.monotonic() - over:4.1f} s"


def made(storm: Storm) -> int:
    """How many jobs the schedule has made."""
    rows = ask(storm.url, "SELECT count(*) FROM jobs.processing_tasks WHERE task = 'shop.work'")
    return rows[0][0] if rows else 0


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """A file system of its own. Raises Skipped where none can be mounted."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "assay-storm", folder],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Skipped(f"no small disk can be mounted here: {done.stderr.strip()}")
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "--lazy", folder], check=False)


def disk_full(storm: Storm) -> str:
    """The disk of the document store fills up in the middle: what did not fit says so, and is retried by its error."""
    count = 150
    try:
        with small_disk(16) as disk:
            store, ballast = disk / "documents", disk / "ballast"
            db = Database(storm.url)
            with db.transaction() as conn:
                every = [{"n": n, "folder": str(store)} for n in range(count)]
                defer_many(conn, shop.keep, every)
            wait_until(
                lambda: ended(storm, "completed") >= count * 0.2, storm.patience, "a fifth of the documents"
            )
            fill(ballast)
            wait_until(
                lambda: ended(storm, "failed") >= 5,
                storm.patience,
                f"what does not fit ({rest(storm.url)})",
            )
            wait_until(lambda: is_quiet(storm.url), storm.patience, f"everything ended ({rest(storm.url)})")
            ballast.unlink()
            over = time.monotonic()
            with db.transaction() as conn:
                again = commands.retry_matching(conn, Filters(error="No space left"), "storm").ids
            wait_until(
                lambda: ended(storm, "completed") == count,
                storm.patience,
                f"all are kept ({rest(storm.url)})",
            )
            recovery = time.monotonic() - over
            db.close()
            check_store(store, count)
    except Skipped as error:
        return f"SKIPPED: {error}"
    return f"{len(again)} of {count} documents did not fit and said so: all kept {recovery:4.1f} s after there was room"


def fill(ballast: Path) -> None:
    """Take all the room there is."""
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1 << 12))


def ended(storm: Storm, status: str) -> int:
    """How many documents' jobs ended so."""
    rows = ask(storm.url, f"SELECT count(*) FROM jobs.processing_tasks WHERE status = '{status}'")
    return rows[0][0] if rows else 0


def check_store(store: Path, count: int) -> None:
    """Every document is there as it was, and nothing else. Raises Broken."""
    wanted = {shop.document_name(n): shop.document(n) for n in range(count)}
    found = {path.name: path.read_bytes() for path in store.rglob("*") if path.is_file()}
    if found != wanted:
        torn = sorted(name for name in found.keys() & wanted.keys() if found[name] != wanted[name])
        missing, extra = len(wanted.keys() - found.keys()), sorted(found.keys() - wanted.keys())
        raise Broken(f"torn: {torn}; missing: {missing}; left over: {extra}")


SCENES: dict[str, Callable[[Storm], str]] = {
    each.__name__: each for each in (kill_web, jump_of_machine, jump_of_postgres, two_schedulers, disk_full)
}
