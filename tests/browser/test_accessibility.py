"""axe-core finds nothing on any page, in light and in dark, whatever it counts as: violations and best practices."""

import pytest

from assay.auth.model import Role
from browser.conftest import DESKTOP, PHONE, sign_in

PAGES = [
    "/",
    "/vulnerabilities",
    "/vulnerabilities?q=nothing-is-called-so",
    "/vulnerabilities/CVE-2021-44228",
    "/vulnerabilities/CVE-2021-44228/claims/osv?record=GHSA-jfh8-c2jp-5v3q",
    "/sources",
    "/sources/osv",
    "/sources/quarantine",
    "/jobs",
    "/jobs?status=failed",
    "/schedules",
    "/alerts",
    "/audit",
    "/settings",
    "/no-such-page",
]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_no_page_shuts_anybody_out(visit, axe, theme, size):
    page = visit.new_page()
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    page.set_viewport_size(size)
    sign_in(page, Role.ADMIN)
    found = {}
    for path in PAGES:
        page.goto(path)
        page.evaluate(axe)
        result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        told = [
            f"{one['id']}: {node['html'][:160]} {node['failureSummary'][:200]}"
            for one in result["violations"]
            for node in one["nodes"][:3]
        ]
        if told:
            found[path] = told
    assert found == {}
