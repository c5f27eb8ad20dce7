"""Measure what the API's lists and figures promise, on 500,000 vulnerabilities, over real sockets.

    python benchmarks/api.py FOLDER [--home HOME] [--vulnerabilities N] [--rounds N] [--readers N]

FOLDER holds osv.zip, gitlab.zip and cve.zip, and may hold `kev/` and `epss/`. The real vulnerabilities are multiplied
(multiplied.py). With --home an existing catalog is used, or one is filled there and kept. Each call is measured twice:
as the first one after the catalog changed, and again.
"""

import argparse
import asyncio
import http.client
import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlencode

import httpx2

from assay.bootstrap import Context, build
from assay.catalog import queries
from assay.catalog.queries import Filters
from assay.pipelines.advisories import commands
from assay.pipelines.advisories.commands import Request
from assay.settings import Settings
from multiplied import change_edition, multiply
from run import show_machine
from service import fill, served

PROMISE = 0.200
_LIST = "/v1/vulnerabilities"
CALLS: dict[str, tuple[str, dict[str, object]]] = {
    "list, newest first": (_LIST, {}),
    "list by publication": (_LIST, {"sort": "published"}),
    "list by severity": (_LIST, {"sort": "severity"}),
    "list by EPSS": (_LIST, {"sort": "epss"}),
    "list by name": (_LIST, {"sort": "name"}),
    "list, worst last": (_LIST, {"sort": "severity", "order": "asc", "min_cvss": 7}),
    "list of critical npm": (_LIST, {"severity": "critical", "ecosystem": "npm", "sort": "published"}),
    "list of exploited": (_LIST, {"kev": "true", "sort": "epss"}),
    "list of one package": (_LIST, {"package": "tensorflow", "ecosystem": "PyPI", "sort": "name"}),
    "list of rare words": (_LIST, {"q": "gadget deserialization"}),
    "list of common words": (_LIST, {"q": "vulnerability", "sort": "severity"}),
    "list of words and more": (_LIST, {"q": "overflow", "severity": "high", "source": "cve"}),
    "list of withdrawn": (_LIST, {"state": "withdrawn", "sort": "name"}),
    "list of a year": (
        _LIST,
        {"published_since": "2022-01-01", "published_until": "2023-01-01", "sort": "name"},
    ),
    "counts of all": (f"{_LIST}/counts", {}),
    "counts of critical": (f"{_LIST}/counts", {"severity": "critical"}),
    "counts of an ecosystem": (f"{_LIST}/counts", {"ecosystem": "PyPI"}),
    "counts of a source": (f"{_LIST}/counts", {"source": "osv"}),
    "counts of high EPSS": (f"{_LIST}/counts", {"min_epss": 0.1}),
    "counts of the worst": (f"{_LIST}/counts", {"min_cvss": 9}),
    "counts of a year": (
        f"{_LIST}/counts",
        {"published_since": "2022-01-01", "published_until": "2023-01-01"},
    ),
    "counts of all since 2010": (f"{_LIST}/counts", {"since": "2010-01-01"}),
    "counts of common words": (f"{_LIST}/counts", {"q": "vulnerability"}),
    "trend of 90 days": (f"{_LIST}/trend", {"days": 90, "to": "2026-08-01"}),
    "trend of common words": (f"{_LIST}/trend", {"days": 90, "to": "2026-08-01", "q": "overflow"}),
    "trend of all": (f"{_LIST}/trend", {"days": 3650, "to": "2026-08-01"}),
    "overview": ("/v1/overview", {}),
}


def prepare(ctx: Context, folder: Path, wanted: int) -> int:
    """Fill the catalog and multiply it, unless that was done; how many vulnerabilities it has."""
    fill(ctx, folder)
    more = {"kev": folder / "kev" / "known_exploited_vulnerabilities.json"}
    more["epss"] = max((folder / "epss").glob("*.csv.gz"), default=folder / "none")
    with ctx.db.transaction() as conn:
        held = queries.count(conn, Filters(withdrawn=True)).total
        has_scores = queries.scores_in_force(conn) is not None
    requests = {name: Request(origin=str(path)) for name, path in more.items() if path.exists()}
    if requests and not has_scores:
        commands.sync(ctx, requests, retention=ctx.retention, progress=lambda *_: None)
    if held >= wanted:
        return held
    with ctx.db.connection(autocommit=True) as conn:
        return multiply(conn, wanted)


class Client:
    """One client on a kept connection."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._connection = http.client.HTTPConnection(*address)
        self._connection.connect()

    def get(self, path: str) -> float:
        """Seconds until the whole answer is in."""
        started = time.perf_counter()
        self._connection.request("GET", path)
        answer = self._connection.getresponse()
        content = answer.read()
        spent = time.perf_counter() - started
        if answer.status != 200:
            raise SystemExit(f"{path}: {answer.status} {content[:200]!r}")
        return spent


def unheard(number: int) -> str:
    """A filter that lets everything pass and that was not sent before."""
    return (
        f"2098-01-01T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}.{number // 86400:06}Z"
    )


def bench_calls(ctx: Context, address: tuple[str, int], rounds: int) -> bool:
    """Every call, by one client; whether all keep the promise."""
    client, kept = Client(address), True
    for _ in range(20):
        # Every process of the service reads its own routes when it is first asked.
        client = Client(address)
        client.get(f"{_LIST}?limit=1")
    for name, (path, query) in CALLS.items():
        anew, again = [], []
        url = f"{path}?{urlencode(query)}"
        for _ in range(rounds):
            change_edition(ctx)
            anew.append(client.get(url))
            again.append(client.get(url))
        kept &= _show(name, anew, again)
    return kept


def _show(name: str, anew: list[float], again: list[float]) -> bool:
    high = _at(anew, 0.95)
    print(
        f"  {name:24} p50 {_at(anew, 0.5) * 1000:6.1f} ms, p95 {high * 1000:6.1f} ms"
        f"   asked again {_at(again, 0.5) * 1000:5.1f} ms   {'kept' if high <= PROMISE else 'BROKEN'}"
    )
    return high <= PROMISE


def _at(spent: list[float], share: float) -> float:
    ordered = sorted(spent)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


async def bench_readers(address: tuple[str, int], readers: int, each: int) -> int:
    """Many readers at once, each looking at lists and figures; how many answers were none."""
    dice = random.Random(1)
    asked = list(CALLS.values())
    paths = [
        [
            f"{path}?{urlencode(query | ({'until': unheard(dice.randrange(40))} if path.startswith(_LIST) else {}))}"
            for path, query in (dice.choice(asked) for _ in range(each))
        ]
        for _ in range(readers)
    ]
    spent: list[float] = []
    wrong: list[str] = []
    limits = httpx2.Limits(max_connections=readers, max_keepalive_connections=readers)
    async with httpx2.AsyncClient(
        base_url=f"http://{address[0]}:{address[1]}", limits=limits, timeout=60
    ) as client:

        async def read(own: list[str]) -> None:
            for path in own:
                started = time.perf_counter()
                try:
                    answer = await client.get(path)
                    if answer.status_code != 200:
                        wrong.append(f"{path}: {answer.status_code} {answer.text[:120]}")
                except httpx2.HTTPError as error:
                    wrong.append(f"{path}: {error!r}")
                spent.append(time.perf_counter() - started)

        started = time.perf_counter()
        await asyncio.gather(*(read(own) for own in paths))
        seconds = time.perf_counter() - started
    print(
        f"  {readers} readers  {len(spent) / seconds:6.0f} answers/s, p50 {_at(spent, 0.5):.2f} s, "
        f"p95 {_at(spent, 0.95):.2f} s, {len(wrong)} errors (promise: none: {'BROKEN' if wrong else 'kept'})"
    )
    for line in wrong[:3]:
        print(f"    {line}")
    return len(wrong)


def main(arguments: list[str]) -> None:
    """Run everything and print it; ends with 1 where a promise is broken."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--vulnerabilities", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--readers", type=int, default=200)
    chosen = parser.parse_args(arguments)
    home = chosen.home or Path(tempfile.mkdtemp(prefix="assay-bench-"))
    home.mkdir(exist_ok=True)
    home.chmod(0o755)
    # The service as a public mirror runs it: nobody signs in, and one client may ask as often as it likes.
    os.environ |= {"ASSAY_PUBLIC_READING": "true", "ASSAY_WEB_RATE": "0"}
    show_machine()
    try:
        with build(Settings(home=home)) as ctx:  # type: ignore[call-arg]  # the rest has defaults
            print(f"  {prepare(ctx, chosen.folder, chosen.vulnerabilities):,} vulnerabilities")
            with served(home, os.cpu_count() or 1) as address:
                is_kept = bench_calls(ctx, address, chosen.rounds)
                wrong = asyncio.run(bench_readers(address, chosen.readers, 10))
    finally:
        if chosen.home is None:
            shutil.rmtree(home, ignore_errors=True)
    sys.exit(0 if is_kept and not wrong else 1)


if __name__ == "__main__":
    main(sys.argv[1:])
