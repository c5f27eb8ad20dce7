"""A Splunk administrator's afternoon in a real browser: upload, watch, browse, ask, and find the way of the data."""

import pytest
from playwright.sync_api import expect

from assay.auth.model import Kind, Principal, Role
from assay.pipelines.configs.commands import uploading
from assay.pipelines.configs.model import Run, UploadKind
from sample import SAMPLE
from visiting import DESKTOP, PHONE, come_in
from web_service import Service
from workers import live_worker

TREE = SAMPLE / "splunk-etc.tar.gz"
PAGES = [
    *(
        "",
        "/files",
        "/files?area=app&app=000_org_base",
        "/files/1",
        "/effective?conf=inputs",
        "/search?q=secure",
    ),
    *(
        "/lists",
        "/routing",
        "/routing?station=index:security",
        "/serverclasses?clients=web1",
        "/apps",
        "/lint",
    ),
    "/changes",
]

expect.set_options(timeout=60_000)


@pytest.fixture(scope="module")
def run(site: Service) -> Run:
    """The sample's `etc/`, parsed."""
    stored = uploading.keep(site.ctx.uploads, iter([TREE.read_bytes()]))
    noted = uploading.note(
        site.ctx,
        stored,
        kind=UploadKind.DS_ETC,
        label="for eyes",
        file_name=TREE.name,
        who=Principal(Kind.LOCAL, "ann", Role.ANALYST),
        is_deferred=False,
    )
    return uploading.parse_now(site.ctx, noted.run, lambda _: None)


@pytest.mark.parametrize(
    # Between the two only colours differ.
    ("theme", "rules"),
    [("light", {}), ("dark", {"runOnly": ["color-contrast"]})],
)
def test_no_page_of_an_archive_shuts_anybody_out_or_is_wider_than_a_phone(
    visit, axe, sessions, run, theme, rules
):
    page = visit.new_page()
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    come_in(page, Role.ADMIN, sessions)
    found = []
    for path in ["/configs", *(f"/configs/{run.id}{path}" for path in PAGES)]:
        page.set_viewport_size(DESKTOP)
        page.goto(path, wait_until="networkidle")
        page.evaluate(axe)
        result = page.evaluate("asked => axe.run(document, asked)", {"resultTypes": ["violations"], **rules})
        found += [
            f"{path} {one['id']}: {node['html'][:160]} {node['failureSummary'][:200]}"
            for one in result["violations"]
            for node in one["nodes"][:3]
        ]
        page.set_viewport_size(PHONE)
        if page.evaluate("document.documentElement.scrollWidth") > PHONE["width"]:
            found.append(f"{path} is wider than a phone")
    assert "\n".join(found) == ""


@pytest.mark.fault
def test_an_archive_is_uploaded_watched_and_explained(visit, site, sessions):
    page = visit.new_page()
    come_in(page, Role.ANALYST, sessions)
    page.goto("/")
    page.get_by_role("link", name="Configurations").click()

    # A file that is none: the page says why, and what to do.
    page.get_by_label("Archive or .conf file").set_input_files(
        {"name": "empty.conf", "mimeType": "text/plain", "buffer": b""}
    )
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("alert")).to_contain_text("the upload is empty")

    page.get_by_label("Archive or .conf file").set_input_files(str(TREE))
    page.get_by_label("Label").fill("by hand")
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("heading", level=2).first).to_have_text("Waits for a worker")
    with live_worker(site.ctx):
        expect(page.get_by_role("heading", name="What do you want to know?")).to_be_visible()
    expect(page.locator("#main")).to_contain_text("A server class gives an app that is not there")

    # Why does this value hold? The winner's file says the same, line by line.
    page.get_by_role("link", name="Why does this value hold?").click()
    page.get_by_label("Stanza contains").fill("/var/log/secure")
    page.keyboard.press("Enter")
    stanza = page.get_by_role("region", name="[monitor:///var/log/secure]")
    expect(stanza).to_contain_text("security")
    stanza.get_by_role("link", name="etc/apps/000_org_base/local/inputs.conf").first.click()
    lost = page.locator("tr.lost").filter(has_text="security")
    expect(lost).to_contain_text("hidden by")
    expect(lost).to_have_id(page.url.rpartition("#")[2])

    # Where does it go? A click narrows.
    page.get_by_role("link", name="Data routing").click()
    page.get_by_role("link", name="index security").click()
    expect(page.locator("svg.routes a")).to_have_count(4)

    # The same bytes under the same label are the same archive.
    page.goto("/configs")
    page.get_by_label("Archive or .conf file").set_input_files(str(TREE))
    page.get_by_label("Label").fill("by hand")
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("heading", name="What do you want to know?")).to_be_visible()
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Forget this archive").click()
    expect(page.get_by_role("status").first).to_contain_text("The archive by hand is forgotten")
