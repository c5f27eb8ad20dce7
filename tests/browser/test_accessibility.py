"""axe-core finds nothing on any page, in light and in dark, whatever it counts as: violations and best practices."""

import pytest

from assay.auth.model import Role
from visiting import DESKTOP, PHONE, come_in

PAGES = [
    "/",
    "/vulnerabilities",
    "/vulnerabilities?q=nothing-is-called-so",
    "/vulnerabilities/CVE-2021-44228",
    "/vulnerabilities/CVE-2021-44228/claims/osv?record=GHSA-jfh8-c2jp-5v3q",
    "/products",
    "/sources",
    "/sources/osv",
    "/sources/quarantine",
    "/feeds",
    "/feeds/new",
    "/feeds/entries",
    "/feeds/review",
    "/feeds/review?state=accepted",
    "/feeds/review/1",
    "/jobs",
    "/jobs?status=failed",
    "/schedules",
    "/alerts",
    "/audit",
    "/settings",
    "/settings/llm",
    "/no-such-page",
]


# What is laid out otherwise on a phone; the rest only gets narrower.
PHONE_PAGES = ["/", "/vulnerabilities", "/jobs"]


@pytest.mark.parametrize(
    # Between the two only colours differ.
    ("theme", "rules"),
    [("light", {}), ("dark", {"runOnly": ["color-contrast"]})],
)
def test_no_page_shuts_anybody_out(visit, axe, sessions, theme, rules):
    page = visit.new_page()
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    come_in(page, Role.ADMIN, sessions)
    found = {}
    for size, paths in ((DESKTOP, PAGES), (PHONE, PHONE_PAGES)):
        page.set_viewport_size(size)
        for path in paths:
            page.goto(path)
            page.evaluate(axe)
            result = page.evaluate(
                "asked => axe.run(document, asked)", {"resultTypes": ["violations"], **rules}
            )
            found[path, size["width"]] = [
                f"{one['id']}: {node['html'][:160]} {node['failureSummary'][:200]}"
                for one in result["violations"]
                for node in one["nodes"][:3]
            ]
    assert "\n".join(f"{place}: {one}" for place, told in found.items() for one in told) == ""
