"""Review in a real browser: quotes light up with their fields, keys move and decide, several are decided at once."""

import re

import pytest
from playwright.sync_api import expect

from assay.auth.model import Role
from assay.pipelines.feeds.model.extraction import Doubt
from assay.pipelines.feeds.queries.reviewing import get_item
from pipelines.feeds.scenes import an_entry, said, settled
from visiting import come_in, complaints

# Between those of the site, which are monitored, and nothing: the surest comes first.
SURE = (0.79, 0.75, 0.71)


@pytest.fixture
def queue(site, request) -> list[int]:
    """Three extractions that wait for review, one behind the other, of a feed of this test's own."""
    feed = request.node.name.removeprefix("test_")[:60]
    with site.ctx.db.transaction() as conn:
        conn.execute("UPDATE feeds.extractions SET state = 'skipped' WHERE NOT is_monitored")
        return [
            number
            for place, sure in enumerate(SURE)
            for number in settled(
                conn,
                an_entry(conn, f"{feed}/{place}", feed=feed),
                said("CVE-2026-9545" if not place else f"CVE-2031-{len(feed)}{place}000", confidence=sure,
                     doubts=(Doubt.UNKNOWN_VENDOR,)),
            ).touched
        ]  # fmt: skip


@pytest.fixture
def page(visit, sessions):
    """An analyst's."""
    page = visit.new_page()
    page.emulate_media(reduced_motion="reduce")
    come_in(page, Role.ANALYST, sessions)
    page.on("dialog", lambda dialog: dialog.accept())
    return page


def state(site, number: int) -> str:
    with site.ctx.db.transaction() as conn:
        return get_item(conn, number).state.value


def there(page, number: int) -> None:
    """Until the page of one has come, with its scripts: a key pressed before they run is lost."""
    expect(page).to_have_url(re.compile(rf"/feeds/review/{number}$"))
    page.wait_for_load_state()


def test_a_field_and_its_words_light_up_together(page, queue):
    page.goto(f"/feeds/review/{queue[0]}")
    weakness = page.locator(".quote[data-fields~=cwes]")
    expect(weakness).to_have_text("CWE-200")
    lit = page.locator(".lit")
    expect(lit).to_have_count(0)
    page.locator(".field[data-field=cwes]").hover()
    expect(weakness).to_have_class(re.compile(r"\blit\b"))
    expect(page.locator(".quote.lit")).to_have_count(1)
    page.get_by_label("Severity").focus()
    expect(page.locator(".quote[data-fields~=severity]")).to_have_class(re.compile(r"\blit\b"))
    page.mouse.move(0, 0)
    expect(weakness).not_to_have_class(re.compile(r"\blit\b"))
    weakness.hover()
    expect(page.locator(".field[data-field=cwes]")).to_have_class(re.compile(r"\blit\b"))
    weakness.click()
    expect(page.get_by_label("Weaknesses")).to_be_in_viewport()


def test_keys_move_through_the_queue_and_leave_what_is_typed_alone(page, queue, site):
    first, second, third = queue
    page.goto(f"/feeds/review/{first}")
    for key, number in (("j", second), ("n", third), ("k", second), ("p", first)):
        page.keyboard.press(key)
        there(page, number)
    page.keyboard.press("?")
    expect(page.get_by_text("the one before")).to_be_visible()
    page.keyboard.press("e")
    title = page.get_by_label("Title")
    expect(title).to_be_focused()
    page.keyboard.press("End")
    page.keyboard.type("jar")
    expect(title).to_have_value(re.compile("jar$"))
    there(page, first)
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    there(page, second)
    assert {state(site, number) for number in queue} == {"in_review"}


def test_one_is_edited_and_approved_and_the_next_one_comes(page, queue, site):
    first, second, third = queue
    page.goto(f"/feeds/review/{first}")
    page.get_by_label("Vendor").fill("Haxx")
    page.get_by_label("Severity").fill("terrible")
    page.keyboard.press("Escape")
    page.keyboard.press("a")
    page.get_by_role("alert").get_by_text("terrible").wait_for()
    there(page, first)
    page.get_by_label("Vendor").fill("Haxx")
    page.get_by_label("Severity").fill("high")
    page.get_by_label("Note").fill("they told us")
    page.get_by_role("button", name="Approve", exact=True).click()
    there(page, second)
    page.get_by_role("status").get_by_text("CVE-2026-9545").wait_for()
    with site.ctx.db.transaction() as conn:
        item = get_item(conn, first)
    assert (item.state.value, item.note) == ("approved", "they told us")
    assert item.shown.vendor is not None
    assert item.shown.vendor.value == "Haxx"
    page.keyboard.press("r")
    there(page, third)
    assert state(site, second) == "rejected"
    page.goto(f"/feeds/review/{second}")
    page.get_by_role("button", name="Take the decision back").click()
    page.get_by_role("status").get_by_text("in review").wait_for()
    assert state(site, second) == "in_review"


def test_a_note_without_blanks_makes_the_page_no_wider(page, queue):
    page.goto(f"/feeds/review/{queue[0]}")
    width = page.evaluate("innerWidth")
    page.get_by_label("Note").fill("W" * 4_000)
    page.get_by_role("button", name="Reject").click()
    there(page, queue[1])
    page.goto(f"/feeds/review/{queue[0]}")
    page.locator(".marks").get_by_text("rejected by").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_one_is_about_another_vulnerability(page, queue, site):
    page.goto(f"/feeds/review/{queue[1]}")
    page.get_by_label("It is about another vulnerability").fill("a flaw")
    page.get_by_role("button", name="Reassign").click()
    page.get_by_role("alert").get_by_text("a flaw").wait_for()
    page.get_by_label("It is about another vulnerability").fill("cve-2031-77777")
    page.get_by_role("button", name="Reassign").click()
    there(page, queue[2])
    with site.ctx.db.transaction() as conn:
        item = get_item(conn, queue[1])
    assert (item.identifier, item.state.value) == ("CVE-2031-77777", "approved")


def test_several_are_chosen_and_decided_at_once(page, queue, site):
    first, second, _ = queue
    with site.ctx.db.transaction() as conn:
        feed = get_item(conn, first).feed
    page.goto(f"/feeds/review?feed={feed}")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(3)
    rows.nth(0).get_by_role("checkbox").check()
    rows.nth(2).get_by_role("checkbox").check()
    page.get_by_role("button", name="Approve chosen").click()
    page.get_by_role("status").get_by_text("2 extractions approved").wait_for()
    expect(rows).to_have_count(1)
    assert [state(site, number) for number in queue] == ["approved", "in_review", "approved"]
    page.get_by_label("All that the filter finds").check()
    page.get_by_role("button", name="Reject chosen").click()
    page.get_by_role("status").get_by_text("1 extraction rejected").wait_for()
    assert state(site, second) == "rejected"


def test_the_pages_shut_nobody_out_in_any_state(page, axe, queue, site):
    first, second, _ = queue
    page.goto(f"/feeds/review/{second}")
    page.get_by_role("button", name="Reject").click()
    expect(page).not_to_have_url(re.compile(rf"/{second}$"))
    paths = [
        "/feeds/review",
        "/feeds/review?state=rejected",
        *(f"/feeds/review/{one}" for one in (first, second)),
    ]
    assert complaints(page, axe, paths) == ""
