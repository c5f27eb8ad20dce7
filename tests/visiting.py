"""Who visits the pages in a browser, on what, and how they come in."""

from collections.abc import Iterable
from typing import Any, Literal

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
    # A key that is pressed before the scripts have run is heard by nobody.
    page.wait_for_load_state()


def come_in(page: Page, role: Role, kept: dict[Role, list[Any]]) -> None:
    """Be signed in as the person of a role: by hand the first time, with the same cookies afterwards."""
    if role in kept:
        page.context.add_cookies(kept[role])
        return
    sign_in(page, role)
    kept[role] = page.context.cookies()


def complaints(page: Page, axe: str, paths: Iterable[str]) -> str:
    """What axe-core finds, in light and in dark, on a desk and on a phone; and whether a page is wider than a phone."""
    found: list[str] = []
    themes: tuple[Literal["light"], Literal["dark"]] = ("light", "dark")
    for scheme in themes:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for size in (DESKTOP, PHONE):
            page.set_viewport_size(size)
            for path in paths:
                page.goto(path)
                page.evaluate(axe)
                told = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")["violations"]
                found += [
                    f"{path} {scheme} {size['width']}: {one['id']} {one['nodes'][0]['html'][:160]}"
                    for one in told
                ]
                if page.evaluate("() => document.documentElement.scrollWidth > innerWidth"):
                    found.append(f"{path} {size['width']}: wider than the window")
    page.set_viewport_size(DESKTOP)
    return "\n".join(found)
