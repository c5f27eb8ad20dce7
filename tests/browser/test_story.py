"""An analyst's morning in a real browser: sign in, filter, ask who says so, run a source, mend it, sign out."""

import gzip
from pathlib import Path
from threading import Event

import pytest
from playwright.sync_api import expect

from assay.auth.model import Role
from sample import SAMPLE
from servers import Document
from visiting import PHONE, come_in, sign_in
from workers import live_worker

ROOT = Path(__file__).parents[2]

expect.set_options(timeout=60_000)


def test_vulnerabilities_are_filtered_opened_and_explained(visit):
    page = visit.new_page()
    sign_in(page, Role.ANALYST)
    page.keyboard.press("/")
    expect(page.get_by_label("Search all vulnerabilities")).to_be_focused()
    page.keyboard.type("log4j")
    page.keyboard.press("Enter")
    results = page.locator("#results")
    expect(results).to_contain_text("CVE-2021-44228")
    expect(results.locator("dd").first).to_have_text("1")

    # htmx asks by itself, and the address follows.
    page.get_by_role("checkbox", name="low").check()
    expect(results.locator("dd").first).to_have_text("0")
    page.wait_for_url("**severity=low**")
    page.go_back()
    expect(results.locator("dd").first).to_have_text("1")

    page.locator("h1").click()
    page.keyboard.press("j")
    expect(page.locator("tr.at a")).to_be_focused()
    page.get_by_role("link", name="CVE-2021-44228", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("CVE-2021-44228")

    # Where the summary comes from: on hover, for good on a click, gone with Escape.
    note = page.locator(".summary .source-note")
    expect(note.locator(".note")).not_to_be_visible()
    note.locator("summary").hover()
    expect(note.locator(".note")).to_be_visible()
    note.locator("summary").click()
    page.mouse.move(0, 0)
    expect(note.locator(".note")).to_be_visible()
    expect(note).to_contain_text("says otherwise")
    page.keyboard.press("Escape")
    page.locator("h1").click()
    expect(note.locator(".note")).not_to_be_visible()

    page.get_by_label("Note", exact=True).fill("upgraded everywhere")
    page.get_by_role("button", name="Mark as remediated").click()
    expect(page.get_by_role("status").first).to_contain_text("is marked as remediated")
    expect(page.locator("#main")).to_contain_text("upgraded everywhere")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("button", name="Mark as remediated")).to_be_visible()

    page.get_by_role("region", name="Affected packages").wait_for()
    page.locator(".claims a").first.click()
    expect(page.locator("pre.raw")).to_contain_text("log4j")


def test_a_filter_is_kept_and_forgotten(visit, sessions):
    page = visit.new_page()
    come_in(page, Role.ANALYST, sessions)
    page.goto("/vulnerabilities?exploited=yes&severity=critical")
    page.get_by_label("Save this filter as").fill("burning")
    page.get_by_role("button", name="Save", exact=True).click()
    page.goto("/vulnerabilities")
    page.get_by_role("link", name="burning").click()
    expect(page).to_have_url(
        f"{page.url.partition('/vuln')[0]}/vulnerabilities?severity=critical&exploited=yes"
    )
    page.get_by_role("button", name="Forget the filter burning").click()
    expect(page.get_by_role("link", name="burning")).to_have_count(0)


@pytest.mark.fault
def test_a_source_is_run_watched_and_mended(visit, site, mirror, sessions):
    asked, may_answer = Event(), Event()

    def hold(_request: object) -> None:
        asked.set()
        assert may_answer.wait(120)

    mirror.documents["/kev.json"] = Document(b"this is no catalog")
    mirror.on_request = hold
    page = visit.new_page()
    come_in(page, Role.ANALYST, sessions)
    with live_worker(site.ctx, ASSAY_SOURCES__KEV__URL=str(site.ctx.settings.sources["kev"].url)):
        page.goto("/sources")
        page.get_by_role("button", name="Run now: kev").click()
        expect(page.get_by_role("status").first).to_contain_text("syncs kev")
        assert asked.wait(120)
        row = page.locator("#source-kev")
        expect(row).to_contain_text("processing")
        may_answer.set()
        expect(row).to_contain_text("failing")

        page.goto("/jobs")
        card = page.locator(".column.failed .card", has_text="kev").first
        card.get_by_role("link").first.click()
        expect(page.locator("#job-state")).to_contain_text("failed")
        expect(page.locator(".attempt").first).to_be_visible()

        with gzip.open(SAMPLE / "kev.json.gz") as sample:
            mirror.documents["/kev.json"] = Document(sample.read())
        page.get_by_role("button", name="Retry").click()
        expect(page.locator("#job-state")).to_contain_text("completed")
        page.goto("/sources")
        expect(row).to_contain_text("fresh")
    mirror.on_request = None


def test_whoever_signs_out_is_out(visit):
    page = visit.new_page()
    sign_in(page, Role.VIEWER)
    page.goto("/sources/osv")
    page.get_by_role("button", name="Sign out").click()
    page.goto("/sources/osv")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    expect(page).to_have_url(f"{page.url.partition('/sign-in')[0]}/sign-in?next=%2Fsources%2Fosv")


def test_the_theme_is_chosen_and_kept(visit, sessions):
    page = visit.new_page()
    page.emulate_media(color_scheme="light")
    come_in(page, Role.ADMIN, sessions)
    page.goto("/schedules")
    page.get_by_role("button", name="Use dark colours").click()
    page.goto("/sources")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.get_by_role("button", name="Use light colours")).to_be_visible()


def test_everything_works_without_scripts(chromium, site):
    context = chromium.new_context(base_url=site.url, java_script_enabled=False)
    page = context.new_page()
    sign_in(page, Role.ANALYST)
    page.goto("/vulnerabilities")
    page.locator(".finder").get_by_label("Search").fill("log4j")
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("link", name="CVE-2021-44228", exact=True).click()
    page.get_by_label("Note", exact=True).fill("by hand")
    page.get_by_role("button", name="Mark as remediated").click()
    expect(page.locator("#main")).to_contain_text("by hand")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("button", name="Mark as remediated")).to_be_visible()
    context.close()


def test_nothing_is_wider_than_a_phone(visit, sessions):
    page = visit.new_page()
    page.set_viewport_size(PHONE)
    come_in(page, Role.ADMIN, sessions)
    widths = {}
    for path in (
        "/",
        "/vulnerabilities",
        "/vulnerabilities/CVE-2021-44228",
        "/sources",
        "/jobs",
        "/settings",
        "/settings/llm",
        "/products",
    ):
        page.goto(path)
        widths[path] = page.evaluate("document.documentElement.scrollWidth")
    assert {path: width for path, width in widths.items() if width > PHONE["width"]} == {}


def test_what_somebody_wrote_without_blanks_makes_no_page_wider(visit, sessions):
    page = visit.new_page()
    page.set_viewport_size(PHONE)
    come_in(page, Role.ANALYST, sessions)
    page.goto("/vulnerabilities/CVE-2021-44228")
    page.get_by_label("Note", exact=True).fill("W" * 4_000)
    page.get_by_role("button", name="Mark as remediated").click()
    undo = page.get_by_role("button", name="Undo")
    expect(undo).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    undo.click()
    expect(page.get_by_role("button", name="Mark as remediated")).to_be_visible()
    page.goto("/vulnerabilities/" + "z" * 300)
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


def test_a_csv_file_is_read_into_the_field_that_is_sent(visit, sessions, tmp_path):
    file = tmp_path / "products.csv"
    file.write_text("vendor,product\nÅcme,Router\n", encoding="utf-8")
    page = visit.new_page()
    come_in(page, Role.ANALYST, sessions)
    page.goto("/products")
    page.get_by_text("Import CSV").click()
    page.get_by_label("File").set_input_files(file)
    expect(page.get_by_label("Lines")).to_have_value("vendor,product\nÅcme,Router\n")
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_role("status").first).to_contain_text("1 product more watched")
    expect(page.get_by_role("rowheader", name="Åcme Router")).to_be_visible()
