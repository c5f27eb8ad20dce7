"""How quickly pages come with 500,000 vulnerabilities, and when a browser first shows something of the overview.

    python benchmarks/pages.py FOLDER [--home HOME] [--vulnerabilities N] [--requests N]

FOLDER and --home are those of api.py: the real vulnerabilities, multiplied. No figures that were remembered are told:
the catalog is said to have changed before every request, a browser's too. The service runs in this process, as `assay
serve` does with one worker.
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

from api import prepare
from assay.auth.model import Kind, Principal, Role
from assay.bootstrap import Context, build
from assay.jobs.schedules import declare
from assay.settings import Settings
from assay.web import running
from multiplied import change_edition
from run import show_machine

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


def p95(ctx: Context, url: str, requests: int) -> tuple[float, float]:
    """Median and 95th percentile in seconds of the first request after a change; the very first one is left out."""
    times = []
    for number in range(requests + 1):
        change_edition(ctx)
        started = time.perf_counter()
        with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": "text/html"})) as answer:
            answer.read()
        if number:
            times.append(time.perf_counter() - started)
    times.sort()
    return times[len(times) // 2], times[min(len(times) - 1, round(0.95 * len(times)))]


def first_paint(ctx: Context, url: str) -> float | None:
    """Seconds until a browser that was never here first paints something of the page; None without a browser."""
    program = shutil.which("chromium")
    if program is None:
        return None
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
    found: list[float] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, headless=True, args=arguments)
        for _ in range(5):
            change_edition(ctx)
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
    parser.add_argument("folder", type=Path)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--vulnerabilities", type=int, default=500_000)
    parser.add_argument("--requests", type=int, default=40)
    asked = parser.parse_args()
    home = asked.home or Path(tempfile.mkdtemp(prefix="assay-bench-"))
    show_machine()
    try:
        with build(Settings(home=home, web_rate=0)) as ctx:
            print(f"{prepare(ctx, asked.folder, asked.vulnerabilities):,} vulnerabilities")
            with ctx.db.transaction() as conn:
                declare(conn, ctx.schedules)
            with served(ctx) as url:
                is_kept = bench(ctx, url, asked.requests)
    finally:
        if asked.home is None:
            shutil.rmtree(home, ignore_errors=True)
    return 0 if is_kept else 1


def bench(ctx: Context, url: str, requests: int) -> bool:
    """Every page, and the first paint; whether all keep their promise."""
    is_kept = True
    for path in PAGES:
        median, slow = p95(ctx, url + path, requests)
        is_good = slow <= PROMISED_SECONDS
        is_kept &= is_good
        verdict = "kept" if is_good else "NOT KEPT"
        print(f"{path:<62} median {median * 1000:6.0f} ms, p95 {slow * 1000:6.0f} ms   {verdict}")
    paint = first_paint(ctx, url + "/")
    if paint is None:
        print("no chromium: first paint was not measured")
    else:
        is_kept &= paint <= PROMISED_PAINT
        print(f"first paint of the overview {paint:.2f} s, promised {PROMISED_PAINT:.0f} s")
    return is_kept


if __name__ == "__main__":
    sys.exit(main())
