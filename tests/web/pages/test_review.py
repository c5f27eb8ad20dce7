"""The pages of review: the queue in its order, a text with what supports each field, decisions without scripts."""

import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.auth.model import Role
from assay.pipelines.feeds.model.extraction import Doubt, Quote
from assay.pipelines.feeds.tasks.publishing import publish
from assay.web.pages.marking import first_pieces, pieces
from conftest import MakeContext
from pipelines.feeds.scenes import NOW, TEXT, an_entry, said, settled, value
from web.pages.conftest import Browser, _by_header
from web_service import Service, running_service

places = st.lists(
    st.builds(lambda start, length: Quote(start, start + length), st.integers(-2, 30), st.integers(-1, 12)),
    max_size=4,
)


@given(st.text(max_size=30), st.dictionaries(st.sampled_from("abc"), places))
def test_pieces_are_the_whole_text_and_say_what_supports_what(text, by_field):
    found = pieces(text, by_field)
    assert "".join(one.text for one in found) == text
    at = 0
    for one in found:
        for place in range(at, at + len(one.text)):
            supports = {
                field
                for field, quotes in by_field.items()
                if any(0 <= quote.start <= place < quote.end <= len(text) for quote in quotes)
            }
            assert supports == set(one.fields)
        at += len(one.text)
    numbers = [one.number for one in found if one.number is not None]
    assert numbers == list(range(1, len(numbers) + 1))
    assert set(first_pieces(found)) == {field for one in found for field in one.fields}


@pytest.fixture
def reviewed(make_context: MakeContext) -> Iterator[Service]:
    with running_service(make_context(), identify=_by_header) as found:
        yield found


@pytest.fixture
def numbers(reviewed: Service) -> list[int]:
    """Three that wait, the most pressing first."""
    with reviewed.ctx.db.transaction() as conn:
        touched: list[int] = []
        for number in range(3):
            one = said(
                f"CVE-2024-{1000 + number}", confidence=0.6 - number / 10, doubts=(Doubt.UNKNOWN_VENDOR,),
                title=value("<script>alert(1)</script>"),
            )  # fmt: skip
            done = settled(conn, an_entry(conn, str(number), is_monitored=number == 0), one)
            publish(conn, done.touched, NOW)
            touched += done.touched
        return touched


def test_the_queue_is_shown_and_filtered(reviewed: Service, numbers: list[int]):
    viewer = Browser(reviewed, Role.VIEWER)
    shown = viewer.get("/feeds/review").text
    assert re.findall(r'href="/feeds/review/(\d+)"', shown) == list(map(str, numbers))
    assert "the catalog does not know the vendor" in shown
    assert "Approve chosen" not in shown
    assert "CVE-2024-1001" not in viewer.get("/feeds/review?q=1002").text
    assert "Nothing is like this" in viewer.get("/feeds/review?doubt=conflict").text
    assert re.findall(r'href="/feeds/review/(\d+)"', viewer.get("/feeds/review?monitored=true").text) == [
        str(numbers[0])
    ]
    assert viewer.get("/feeds/review/count").text == "3"
    for wrong in ("doubt=none", "cursor=nonsense", "state=lost"):
        assert viewer.get(f"/feeds/review?{wrong}").status == 400


def test_one_is_shown_beside_its_text_and_nothing_of_it_is_markup(reviewed: Service, numbers: list[int]):
    viewer = Browser(reviewed, Role.VIEWER)
    answer = viewer.send("GET", f"/feeds/review/{numbers[0]}")
    page = answer.text
    assert 'data-fields="vendor product"' in page
    assert re.search(r'id="q-\d+" href="#field-cwes"[^>]*>CWE-200</a>', page)
    assert f'rel="next" href="/feeds/review/{numbers[1]}"' in page
    assert "readonly" in page
    assert "formaction" not in page
    raw = reviewed.get(f"/feeds/review/{numbers[0]}", X_Role="viewer").body.decode()
    assert "&lt;script&gt;alert(1)" in raw
    assert "<script>alert" not in raw
    assert viewer.get("/feeds/review/999999").status == 404


def test_an_analyst_decides_without_scripts_and_goes_on(reviewed: Service, numbers: list[int]):
    analyst = Browser(reviewed, Role.ANALYST)
    here = f"/feeds/review/{numbers[0]}"
    following = analyst.post(
        f"{here}/approve", **typed(vendor="Haxx"), back=f"/feeds/review/{numbers[1]}", note="known"
    )
    assert "CVE-2024-1000 from curl: approved." in following.text
    assert "CVE-2024-1001" in following.text
    page = analyst.get(here).text
    assert 'value="Haxx"' in page
    assert "Take the decision back" in page
    # What cannot be goes back to the form, with the reason.
    wrong = analyst.post(
        f"/feeds/review/{numbers[1]}/approve", **typed(severity="terrible"), back="/feeds/review"
    )
    assert "is none of low, medium, high and critical" in wrong.text
    assert "CVE-2024-1001" in wrong.text
    assert (
        "saved; it holds once"
        in analyst.post(f"/feeds/review/{numbers[1]}/edit", **typed(product="libcurl")).text.lower()
    )
    rejected = analyst.post(f"/feeds/review/{numbers[1]}/reject", back="/feeds/review", note="no")
    assert "rejected" in rejected.text
    assert "in review" in analyst.post(f"/feeds/review/{numbers[1]}/reopen").text
    moved = analyst.post(
        f"/feeds/review/{numbers[2]}/reassign", identifier=" cve-2023-5 ", back="/feeds/review"
    )
    assert "CVE-2023-5 from curl: approved." in moved.text


def typed(**changes: str) -> dict[str, str]:
    """The form as a browser sends it."""
    fields = {
        "title": "<script>alert(1)</script>", "vendor": "curl", "product": "curl", "severity": "low", "summary": "",
        "ranges": ">= 8.11.0, <= 8.20.0\r\n", "packages": "ConanCenter libcurl", "vectors": "", "cwes": "CWE-200",
        "aliases": "", "references": "",
    }  # fmt: skip
    return fields | changes


def test_a_form_that_is_older_than_a_decision_or_an_edit_overturns_nothing(
    reviewed: Service, numbers: list[int]
):
    first, second = Browser(reviewed, Role.ANALYST), Browser(reviewed, Role.ANALYST)
    here = f"/feeds/review/{numbers[0]}"
    seen = edition_of(second, here)
    assert "saved" in first.post(f"{here}/edit", **typed(vendor="Haxx"), seen=seen).text.lower()
    for verb in ("approve", "edit", "reject", "reassign"):
        late = second.post(
            f"{here}/{verb}", **typed(), seen=seen, identifier="CVE-2023-5", back="/feeds/review"
        )
        assert "while you looked at it" in late.text, verb
        assert 'value="Haxx"' in late.text, verb
    seen = edition_of(second, here)
    first.post(f"{here}/reject", **typed(), seen=seen, back="/feeds/review")
    assert "while you looked at it" in second.post(f"{here}/approve", **typed(), seen=seen).text
    # Ticked in a list that is as old.
    ticked = second.post("/feeds/review/bulk", action="approve", number=str(numbers[0])).text
    assert "0 extractions approved; 1 other had been decided about before" in ticked
    assert "Take the decision back" in second.get(here).text
    assert "rejected" in second.get(here).text


def edition_of(browser: Browser, here: str) -> str:
    found = re.search(r'name="seen" value="(\w+)"', browser.get(here).text)
    assert found is not None
    return found[1]


def test_several_are_decided_by_ticking_them_or_by_the_filter(reviewed: Service, numbers: list[int]):
    analyst = Browser(reviewed, Role.ANALYST)
    assert "nothing was chosen" in analyst.post("/feeds/review/bulk", action="reject").text.lower()
    assert (
        "1 extraction rejected"
        in analyst.post("/feeds/review/bulk", action="reject", number=str(numbers[0])).text
    )
    assert "2 extractions approved" in analyst.post("/feeds/review/bulk", action="approve", every="true").text
    assert analyst.get("/feeds/review/count").text == ""


def test_a_viewer_decides_nothing(reviewed: Service, numbers: list[int]):
    viewer = Browser(reviewed, Role.VIEWER)
    for path in (
        "bulk",
        *(f"{numbers[0]}/{name}" for name in ("approve", "edit", "reject", "reassign", "reopen")),
    ):
        assert viewer.send("POST", f"/feeds/review/{path}", "action=reject&back=/").status == 403, path


def test_a_changed_text_says_so_to_whoever_decided(reviewed: Service, numbers: list[int]):
    analyst = Browser(reviewed, Role.ANALYST)
    analyst.post(f"/feeds/review/{numbers[0]}/approve", **typed())
    with reviewed.ctx.db.transaction() as conn:
        conn.execute(
            "UPDATE feeds.extractions SET changed_at = coalesce(decided_at, changed_at) + interval '1 hour'"
        )
    assert "The text was changed since a analyst decided" in analyst.get(f"/feeds/review/{numbers[0]}").text
    assert TEXT.splitlines()[0] in analyst.get(f"/feeds/review/{numbers[0]}").text
