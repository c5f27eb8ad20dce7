"""Who visits the pages in a browser, on what, and how they come in."""

from typing import Any

from playwright.sync_api import Page

from assay.auth.model import Role

PASSWORD = "a long enough passphrase 7"
PHONE = {"width": 360, "height": 740}
DESKTOP = {"width": 1280, "height": 800}


def sign_in(page: Page, role: Role) -> None:
    """Sign in as the person of a role, and end on the overview."""
    page.goto("/")
    page.get_by_label("Name").fill(f"{role.value}-of-tests")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Overview", level=1).wait_for()


def come_in(page: Page, role: Role, kept: dict[Role, list[Any]]) -> None:
    """Be signed in as the person of a role: by hand the first time, with the same cookies afterwards."""
    if role in kept:
        page.context.add_cookies(kept[role])
        return
    sign_in(page, role)
    kept[role] = page.context.cookies()
