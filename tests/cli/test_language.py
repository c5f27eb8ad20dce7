"""`assay llm` and `assay feeds products`, from one end to the other."""

import json
from collections.abc import Iterator

import pytest

from assay.bootstrap import build
from assay.pipelines.feeds.commands.products import watch_later
from assay.pipelines.feeds.tasks.watching import look
from assay.settings import load
from jobs import hands
from talker import Line, Talker, talking

GOOD = (
    Line({"version": "0.12.10"}),
    Line({"models": [{"name": "m", "size": 7}]}),
    Line({"message": {"content": '{"answer": "yes"}'}, "done": True, "done_reason": "stop"}),
)


@pytest.fixture
def talker() -> Iterator[Talker]:
    with talking(*GOOD) as talker:
        yield talker


def test_the_model_is_chosen_listed_and_tried(assay, ask, talker):
    environment = {"OLLAMA_BASE_URL": talker.url, "OLLAMA_MODEL": "m"}
    told = ask("llm", "config", **environment)
    assert (told["model"], told["address"], told["changed"]) == ("m", talker.url, [])
    told = ask("llm", "config", "batch=7", "threshold=0.9", "--by", "eve", **environment)
    assert (told["batch"], told["threshold"], told["changed"]) == (7, 0.9, ["batch", "threshold"])
    assert "changed at run time" in assay("llm", "config", **environment).stdout
    assert ask("llm", "config", "--reset", "batch", "--reset", "threshold", **environment)["changed"] == []
    talker.says(GOOD[1])
    assert [one["name"] for one in ask("llm", "models", **environment)["models"]] == ["m"]
    talker.says(GOOD[1])
    assert "chosen" in assay("llm", "models", **environment).stdout
    talker.says(*GOOD)
    assert ask("llm", "test", **environment)["is_well"]
    talker.says(*GOOD)
    assert "0.12.10" in assay("llm", "test", **environment).stdout
    talker.says(GOOD[1])
    findings = {one["what"]: one for one in ask("doctor", **environment)["findings"]}
    assert findings["language model"]["said"] == f"m at {talker.url}"


def test_what_is_wrong_with_the_model_is_told(assay, ask, talker):
    environment = {"OLLAMA_BASE_URL": talker.url, "OLLAMA_MODEL": "m"}
    talker.says(GOOD[0], Line({"models": []}), Line({"error": "model 'm' not found"}, 404))
    assert "ollama pull m" in assay("llm", "test", code=1, **environment).stdout
    assert "failed 1 times in a row" in assay("llm", "config", **environment).stdout
    talker.says(Line({"error": "no"}, 401))
    told = json.loads(assay("llm", "models", "--json", code=2, **environment).stdout)
    assert "ASSAY_LLM__API_KEY" in told["error"]["message"]
    assert "no setting 'x'" in assay("llm", "config", "x=1", code=2).stderr
    assert "is no NAME=VALUE" in assay("llm", "config", "batch", code=2).stderr
    assert "llm.batch" in assay("llm", "config", "batch=1000", code=2).stderr
    told = ask("llm", "test", code=1, ASSAY_LLM__MODEL="", OLLAMA_BASE_URL=talker.url)
    assert not told["is_well"]


def looked(loaded: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What a worker does about the products."""
    for name, value in loaded.items():
        monkeypatch.setenv(name, value)
    with build(load()) as ctx:
        with ctx.db.transaction() as conn:
            ticket = hands.take(conn, hands.a_worker(conn))
            assert ticket is not None
            assert ticket.task == watch_later.name
        look(ctx, hands.held(ticket, ctx.db))
        with ctx.db.transaction() as conn:
            hands.finish(conn, ticket)


def test_products_are_watched_and_what_touches_them_is_found(assay, ask, loaded, tmp_path, monkeypatch):
    told = ask("feeds", "products", "add", "--vendor", "Fortinet", "--note", "edge")
    assert told["is_new"]
    assert not ask("feeds", "products", "add", "--vendor", "Fortinet")["is_new"]
    assert "is no package URL" in assay("feeds", "products", "add", "pkg:x/y", code=2).stderr
    (tmp_path / "products.csv").write_text(
        "vendor,product,purl\n,,pkg:npm/tar\n,,nonsense\nIBM,,\n", encoding="utf-8"
    )
    came = assay("feeds", "products", "import", str(tmp_path / "products.csv"), code=1)
    assert "2 products more watched, 1 line could not be used" in came.stdout
    assert "line 3: 'nonsense' is no package URL" in came.stderr
    (tmp_path / "requirements.txt").write_text("idna==2.6\nflask==1.0\n", encoding="utf-8")
    came = ask("feeds", "products", "from-scan", str(tmp_path / "requirements.txt"))
    assert (came["added"], came["known"]) == (2, 0)
    assert (
        "no packages"
        in assay("feeds", "products", "from-scan", str(tmp_path / "products.csv"), code=2).stderr
    )
    assay("feeds", "products", "from-scan", code=2)
    assay("feeds", "products", "import", str(tmp_path / "absent.csv"), code=2)
    assert "looking" in assay("feeds", "products", "list").stdout
    looked(loaded, monkeypatch)
    listed = {one["shown"]: one for one in ask("feeds", "products", "list")["products"]}
    assert listed.keys() == {"Fortinet", "IBM", "pkg:npm/tar", "pkg:pypi/idna", "pkg:pypi/flask"}
    assert listed["pkg:npm/tar"]["touched"] > 0
    assert listed["pkg:pypi/idna"]["touched"] > 0
    hits = ask("search", "--monitored", "--limit", "1000")["hits"]
    assert 0 < len(hits) < len(ask("search", "--limit", "1000")["hits"])
    assert ask("search", "--monitored", "--package", "tar")["hits"]
    gone = ask("feeds", "products", "remove", *(str(one["id"]) for one in listed.values()))
    assert sorted(gone["removed"]) == sorted(listed)
    assert ask("search", "--monitored")["hits"] == []
    assert "nothing is watched" in assay("feeds", "products", "list").stderr
    assay("feeds", "products", "remove", "1", code=3)
