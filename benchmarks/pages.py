"""How quickly pages come with 500,000 vulnerabilities, and when a browser first shows something of the overview.

    python benchmarks/pages.py [--vulnerabilities N] [--requests N]

The sample's vulnerabilities are multiplied. The service runs in this process, as `assay serve` does with one worker.
"""

import argparse
import shutil
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from assay.auth.model import Kind, Principal, Role
from assay.bootstrap import Context, build
from assay.jobs.schedules import declare
from assay.pipelines.advisories import commands
from assay.pipelines.advisories.commands import Request
from assay.settings import Settings
from assay.web import running
from multiplied import multiply

SAMPLE = Path(__file__).parents[1] / "sample"
FILES = {
    "osv": "osv.zip",
    "gitlab": "gitlab.zip",
    "cve": "cve.zip",
    "kev": "kev.json.gz",
    "epss": "epss.csv.gz",
}
PAGES = (
    "/",
    "/vulnerabilities",
    "/vulnerabilities?sort=severity",
    "/vulnerabilities?sort=epss&exploited=yes",
    "/vulnerabilities?sort=name&order=desc",
    "/vulnerabilities?severity=critical&severity=high&epss=0.1",
    "/vulnerabilities?ecosystem=npm&source=osv",
    "/vulnerabilities?q=injection",
    "/vulnerabilities?q=log4j",
    "/vulnerabilities?package=lodash",
    "/vulnerabilities/CVE-2021-44228",
    "/sources",
    "/sources/osv",
    "/jobs",
    "/schedules",
    "/alerts",
    "/audit",
    "/settings",
)
PROMISED_SECONDS = 0.2
PROMISED_PAINT = 1.0


@contextmanager
def filled(vulnerabilities: int) -> Iterator[Context]:
    """A Context whose catalog has at least so many vulnerabilities."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder), processes=1, web_rate=0)
        with build(settings) as ctx:
            requests = {source: Request(origin=str(SAMPLE / file)) for source, file in FILES.items()}
            commands.sync(ctx, requests, retention=settings.retention, progress=lambda *_: None)
            with ctx.db.transaction() as conn:
                declare(conn, ctx.schedules)
            with ctx.db.connection(autocommit=True) as conn:
                held = multiply(conn, vulnerabilities)
            print(f"{held:,} vulnerabilities")
            yield ctx


@contextmanager
def served(ctx: Context) -> Iterator[str]:
    """The address of the service; whoever asks is an administrator."""
    listening = running.listen("127.0.0.1", 0)
    is_ready = threading.Event()
    who = Principal(Kind.PERSON, "bench", Role.ADMIN, 1)
    server = running.make_server(ctx, is_ready.set, lambda _: who)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    is_ready.wait(60)
    try:
        yield running.address_of(listening).rstrip("/")
    finally:
        server.should_exit = True
        thread.join(30)
        listening.close()


def p95(url: str, requests: int) -> tuple[float, float]:
    """Median and 95th percentile in seconds, after one request that is not counted."""
    times = []
    for number in range(requests + 1):
        started = time.perf_counter()
        with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": "text/html"})) as answer:
            answer.read()
        if number:
            times.append(time.perf_counter() - started)
    times.sort()
    return times[len(times) // 2], times[min(len(times) - 1, round(0.95 * len(times)))]


def first_paint(url: str) -> float | None:
    """Seconds until a browser that was never here first paints something of the page; None without a browser."""
    program = shutil.which("chromium")
    if program is None:
        return None
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
    found: list[float] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, headless=True, args=arguments)
        for _ in range(5):
            context = browser.new_context()
            page: Any = context.new_page()
            page.goto(url)
            # The pages' policy lets nothing be evaluated, so the page is asked for a promise instead.
            painted = """() => new Promise((done) => new PerformanceObserver((list) => {
                const entry = list.getEntriesByName("first-contentful-paint")[0];
                if (entry) done(entry.startTime);
            }).observe({ type: "paint", buffered: true }))"""
            found.append(page.evaluate(painted) / 1000)
            context.close()
        browser.close()
    return sorted(found)[len(found) // 2]


def main() -> int:
    """0 where every promise is kept."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--vulnerabilities", type=int, default=500_000)
    parser.add_argument("--requests", type=int, default=40)
    asked = parser.parse_args()
    is_kept = True
    with filled(asked.vulnerabilities) as ctx, served(ctx) as url:
        for path in PAGES:
            median, slow = p95(url + path, asked.requests)
            is_good = slow <= PROMISED_SECONDS
            is_kept &= is_good
            verdict = "kept" if is_good else "NOT KEPT"
            print(f"{path:<62} median {median * 1000:6.0f} ms, p95 {slow * 1000:6.0f} ms   {verdict}")
        paint = first_paint(url + "/")
        if paint is None:
            print("no chromium: first paint was not measured")
        else:
            is_kept &= paint <= PROMISED_PAINT
            print(f"first paint of the overview {paint:.2f} s, promised {PROMISED_PAINT:.0f} s")
    return 0 if is_kept else 1


if __name__ == "__main__":
    sys.exit(main())
