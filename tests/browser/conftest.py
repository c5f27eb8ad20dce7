"""A real browser on the real service: sessions, CSRF, headers and all."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from assay.auth.commands import Act, add_person, add_token, disable
from assay.auth.model import Role
from assay.bootstrap import Context
from assay.jobs.choices import choose
from assay.pipelines.feeds.commands import products
from assay.pipelines.feeds.model.products import Wanted
from conftest import Server
from pipelines.feeds.scenes import an_entry, said, settled
from sample import loaded_sample
from servers import Web, web_server
from visiting import DESKTOP, PASSWORD
from web_service import TESTER, Service, running_service

_ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
]
# Nothing here is timed; a loaded machine may take as long as it needs.
_PATIENCE = 60_000
expect.set_options(timeout=_PATIENCE)


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Debian's chromium, or the one that is on PATH."""
    program = next(
        (
            found
            for name in ("chromium", "chromium-browser", "google-chrome")
            if (found := shutil.which(name))
        ),
        None,
    )
    if program is None:
        pytest.skip("no chromium is installed, so NOTHING was tried in a browser: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, headless=True, args=_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def axe() -> str:
    """The script of axe-core; ASSAY_TEST_CLIENTS names the folder of programs beside it."""
    named = os.environ.get("ASSAY_TEST_CLIENTS", "").split(os.pathsep)
    folders = [Path(one).parent for one in named if one] + [
        Path(__file__).parents[2] / ".clients" / "node_modules"
    ]
    for folder in folders:
        if (script := folder / "axe-core" / "axe.min.js").is_file():
            return script.read_text(encoding="utf-8")
    pytest.skip(
        "axe-core is not installed, so accessibility was NOT checked: make .clients/node_modules/.package-lock.json"
    )


@pytest.fixture(scope="package")
def mirror() -> Iterator[Web]:
    """Where the source `kev` is fetched from."""
    with web_server() as web:
        yield web


@pytest.fixture(scope="package")
def site(
    server: Server, template: str, mirror: Web, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """The whole service on the sample, with one person of each role."""
    home = tmp_path_factory.mktemp("browser") / "home"
    with loaded_sample(
        server, template, "browser", home, sources={"kev": {"url": f"{mirror.url}/kev.json"}}
    ) as ctx:
        _add_people(ctx)
        _add_extraction(ctx)
        _add_choices(ctx)
        with running_service(ctx) as found:
            yield found


def _add_people(ctx: Context) -> None:
    with ctx.db.transaction() as conn:
        for role in Role:
            add_person(Act(conn, ctx.sign_in, ctx.clock(), TESTER), f"{role.value}-of-tests", role, PASSWORD)


def _add_extraction(ctx: Context) -> None:
    """One that waits for review, under the number 1, and one that stands."""
    with ctx.db.transaction() as conn:
        for key, confidence in (("1", 0.6), ("2", 0.95)):
            settled(
                conn, an_entry(conn, key, is_monitored=True), said(f"CVE-2024-{key}", confidence=confidence)
            )


def _add_choices(ctx: Context) -> None:
    """Something in every table that people fill, so that no page depends on what another test did before."""
    with ctx.db.transaction() as conn:
        act = Act(conn, ctx.sign_in, ctx.clock(), TESTER)
        disable(act, add_person(act, "gone-of-tests", Role.VIEWER, PASSWORD).id)
        add_token(act, "of-tests", Role.VIEWER)
        products.add(conn, Wanted("Åcme", "Gate"), TESTER, ctx.clock())
        choose(conn, "alerts.backlog", 900, TESTER.name)


@pytest.fixture(scope="package")
def sessions() -> dict[Role, list[Any]]:
    """The cookies of those who are signed in."""
    return {}


@pytest.fixture
def visit(chromium: Browser, site: Service) -> Iterator[BrowserContext]:
    """A browser's own session. Whatever a page complains of, a policy that is broken above all, fails the test."""
    said: list[str] = []
    context = chromium.new_context(base_url=site.url, viewport=DESKTOP)
    context.set_default_timeout(_PATIENCE)
    context.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    context.on("weberror", lambda error: said.append(str(error.error)))
    elsewhere: list[str] = []
    context.on(
        "request", lambda asked: None if asked.url.startswith(site.url) else elsewhere.append(asked.url)
    )
    yield context
    context.close()
    assert elsewhere == []
    assert [text for text in said if "status of 4" not in text] == []
