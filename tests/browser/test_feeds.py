"""Feeds in a real browser: a source set up by its form, its entries read, and nothing for axe-core to complain of."""

from assay.auth.model import Role
from assay.pipelines.feeds.model.entries import Received, Weight
from assay.pipelines.feeds.queries.sources import get_source
from assay.pipelines.feeds.store import entries
from assay.pipelines.feeds.store.sources import note_failure
from visiting import come_in, complaints


def give_entries(site):
    """What a fetch would have brought, one of it given up, and a fault after it."""
    ctx = site.ctx
    now = ctx.clock()
    with ctx.db.transaction() as conn:
        source = get_source(conn, "vendor").id
        texts = ("Critical hole in Anvil", "News of Anvil", "A very long title " * 12)
        came = [
            Received(key=text, media_type="text/html", raw=b"<p>Fixed in 2.4", title=text) for text in texts
        ]
        entries.add(conn, source, came, lambda one: Weight(0, is_monitored="News" in one.key), now)
        entries.fail(conn, entries.take_batch(conn, 1, now)[0].id, "it cannot be read", now)
        note_failure(conn, source, "vendor.example.org answered 503", now, now)


def test_a_source_is_set_up_and_everybody_can_read_what_it_gave(visit, axe, sessions, site):
    page = visit.new_page()
    page.emulate_media(reduced_motion="reduce")
    come_in(page, Role.ADMIN, sessions)
    page.goto("/feeds")
    page.get_by_role("link", name="Add a source").click()
    page.get_by_label("Name", exact=True).fill("vendor")
    page.get_by_label("Address").fill("https://vendor.example.org/feed.atom")
    page.get_by_label("Interval").fill("1 week")
    page.get_by_label("Header fields").fill("X-Key: hunter2")
    page.get_by_role("button", name="Add it").click()
    page.get_by_role("alert").get_by_text("no length of time").wait_for()
    page.get_by_label("Interval").fill("15m")
    assert page.get_by_label("Header fields").input_value() == ""
    page.get_by_label("Header fields").fill("X-Key: hunter2")
    page.get_by_role("button", name="Add it").click()
    page.get_by_role("status").get_by_text("vendor is set up").wait_for()
    give_entries(site)
    page.goto("/feeds/entries?status=failed")
    failed = page.get_by_role("rowheader").get_by_role("link").first.get_attribute("href")
    assert complaints(page, axe, ["/feeds", "/feeds/sources/vendor", "/feeds/entries", failed]) == ""
    page.goto("/feeds/sources/vendor")
    assert "hunter2" not in page.content()
    page.get_by_label("X-Key").check()
    page.get_by_role("button", name="Change it").click()
    page.get_by_role("status").get_by_text("vendor is changed").wait_for()
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Remove").click()
    page.get_by_text("its entries stay").wait_for()
