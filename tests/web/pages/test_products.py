"""The pages of the language model and of monitored products, with their forms."""

from collections.abc import Iterator

import pytest

from talker import Line, Talker, talking

GOOD = (
    Line({"models": [{"name": "m", "size": 7_000_000}]}),
    Line({"version": "0.12.10"}),
    Line({"models": [{"name": "m", "size": 7_000_000}]}),
    Line({"message": {"content": '{"answer": "yes"}'}, "done": True, "done_reason": "stop"}),
)


@pytest.fixture
def talker() -> Iterator[Talker]:
    with talking(*GOOD) as talker:
        yield talker


def typed(**changed: str) -> dict[str, str]:
    """The form as it stands, with changes."""
    usual = {
        "enabled": "true",
        "kind": "ollama",
        "address": "http://127.0.0.1:11434",
        "model": "",
        "threshold": "0.8",
        "interval_minutes": "5",
        "batch": "50",
        "answer_seconds": "120.0",
    }
    return usual | changed


def test_the_language_model_is_tried_and_chosen(admin, talker):
    assert "rules alone read the entries" in admin.get("/settings/llm").text
    page = admin.post("/settings/llm/test", **typed(address=talker.url, model="m")).text
    assert "It answered" in page
    assert "0.12.10" in page
    assert '<option value="m">' in page
    assert "7.0 MB" in page
    assert f'value="{talker.url}"' in page
    assert "rules alone read the entries" in admin.get("/settings/llm").text
    chosen = typed(address=talker.url, model="m")
    said = admin.post("/settings/llm", back="/settings/llm", **chosen).text
    assert "Changed: address, model." in said
    assert "reads what rules could not" in said
    assert (
        "Nothing was changed"
        in admin.post("/settings/llm", back="/settings/llm", **typed(address=talker.url, model="m")).text
    )
    off = typed(address=talker.url, model="m")
    del off["enabled"]
    assert "rules alone read the entries" in admin.post("/settings/llm", back="/settings/llm", **off).text
    for name in ("llm.address", "llm.model", "llm.enabled"):
        admin.post("/settings/values/reset", back="/settings", name=name)


def test_what_is_wrong_with_the_model_is_told_on_the_page(admin, talker):
    talker.says(Line(b"<html>", kind="text/html"))
    page = admin.post("/settings/llm/test", **typed(address=talker.url, model="m")).text
    assert "check the address and the kind of the server" in page
    page = admin.post("/settings/llm/test", **typed(batch="1000")).text
    assert "llm.batch" in page
    assert (
        'class="said bad"' in admin.post("/settings/llm", back="/settings/llm", **typed(address="gpu")).text
    )


def test_products_are_watched_by_forms(analyst):
    assert "Nothing is watched yet" in analyst.get("/products").text
    assert "Fortinet is watched." in analyst.post("/products", back="/products", vendor="Fortinet").text
    assert "is watched already" in analyst.post("/products", back="/products", vendor="Fortinet").text
    assert 'class="said bad"' in analyst.post("/products", back="/products", purl="x").text
    said = analyst.post("/products/import", back="/products", lines="vendor\nIBM\nn/a\n").text
    assert "1 product more watched, 1 line could not be used: line 3: 'n/a' is the name of no vendor" in said
    page = analyst.get("/products?q=ibm").text
    assert "IBM" in page
    assert "Fortinet" not in page.partition("<main")[2].partition("Watched</h2>")[2]
    for _ in range(2):
        page = analyst.get("/products").text
        key = page.split('action="/products/')[-1].partition("/remove")[0]
        assert "is watched no more" in analyst.post(f"/products/{key}/remove", back="/products").text
    assert "Nothing is watched yet" in analyst.get("/products").text


def test_who_may_only_look_has_no_forms(viewer):
    assert 'action="/products' not in viewer.get("/products").text.replace(
        'action="/products" method="get"', ""
    )
    assert viewer.post("/products", back="/products", vendor="x").status == 403
    assert viewer.get("/settings/llm").status == 403
