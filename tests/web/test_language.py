"""`/admin/llm` and its page: what is shown, changed and tried, by whom, and what never leaves."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from assay.auth.model import Kind, Principal, Role
from llm_server import MODEL
from talker import Line, Talker, talking
from web_service import Service, running_service

GOOD = (
    Line({"version": "0.12.10"}),
    Line({"models": [{"name": "m", "size": 7, "details": {"parameter_size": "8B"}}]}),
    Line({"message": {"content": '{"answer": "yes"}'}, "done": True, "done_reason": "stop", "eval_count": 9}),
)


class Door:
    """A service that takes every request for one of whoever stands here."""

    def __init__(self) -> None:
        self.who = Principal(Kind.PERSON, "ada", Role.ADMIN, 1)
        self.service: Service

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        content = None if body is None else json.dumps(body).encode()
        answer = self.service.ask(method, f"/admin/llm{path}", content, Content_Type="application/json")
        self.status = answer.status
        return answer.json


@pytest.fixture
def talker() -> Iterator[Talker]:
    with talking(*GOOD) as talker:
        yield talker


@pytest.fixture
def door(make_context, talker) -> Iterator[Door]:
    made = Door()
    llm = {"address": talker.url, "api_key": "k-secret", "model": "m"}
    with running_service(make_context(llm=llm), identify=lambda _: made.who) as service:
        made.service = service
        yield made


def audit(door: Door) -> list[tuple[str, str, Any]]:
    with door.service.ctx.db.transaction() as conn:
        return conn.execute("SELECT action, subject, detail FROM auth.audit ORDER BY id").fetchall()


def test_what_is_in_force_is_shown_and_the_key_is_not(door, talker):
    told = door.ask("GET", "/config")
    assert (told["is_asked"], told["model"], told["address"]) == (True, "m", talker.url)
    assert (told["has_api_key"], told["is_key_sent"], told["changed"], told["health"]) == (
        True,
        True,
        [],
        None,
    )
    assert "k-secret" not in json.dumps(told)


def test_settings_are_changed_taken_back_and_noted(door):
    told = door.ask(
        "PUT", "/config", {"model": "other", "batch": 7, "threshold": 0.5, "address": "http://x.example.org/"}
    )
    assert (door.status, told["model"], told["batch"], told["threshold"]) == (200, "other", 7, 0.5)
    assert (told["address"], told["is_key_sent"]) == ("http://x.example.org", False)
    assert told["changed"] == ["address", "batch", "model", "threshold"]
    told = door.ask("PUT", "/config", {"model": None, "address": None})
    assert (told["model"], told["changed"]) == ("m", ["batch", "threshold"])
    assert [row[:2] for row in audit(door)][:2] == [
        ("settings.change", "llm.model"),
        ("settings.change", "llm.batch"),
    ]
    values = {one["name"]: one["value"] for one in door.service.get("/v1/settings").json["settings"]}
    assert (values["llm.batch"], values["llm.model"]) == (7, "m")
    assert not {"llm.api_key", "llm.authorities"} & values.keys()


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"batch": 101}, "llm.batch: "),
        ({"interval_minutes": 0}, "llm.interval_minutes: "),
        ({"kind": "other"}, "llm.kind: "),
        ({"address": "gpu:11434"}, "an address of a server"),
        ({"address": "http://u:p@gpu"}, "without user, password"),
        ({"api_key": "x"}, "no setting 'api_key'"),
        ({"batch": 5, "home": "/"}, "no setting 'home'"),
        ([], "invalid JSON"),
    ],
)
def test_what_may_not_be_is_refused_and_changes_nothing(wanted, said, door):
    told = door.ask("PUT", "/config", wanted)
    assert door.status == 400
    assert said in told["detail"]
    assert door.ask("GET", "/config")["changed"] == []


def test_administrators_alone(door):
    door.who = replace(door.who, role=Role.ANALYST)
    for method, path in (("GET", "/config"), ("PUT", "/config"), ("GET", "/models"), ("POST", "/test")):
        door.ask(method, path, {})
        assert door.status == 403


def test_the_models_of_the_server(door, talker):
    talker.says(GOOD[1])
    told = door.ask("GET", "/models")
    assert told["address"] == talker.url
    assert [(one["name"], one["size_bytes"], one["parameters"]) for one in told["models"]] == [("m", 7, "8B")]
    assert talker.heard[0].headers["authorization"] == "Bearer k-secret"
    talker.says(Line(b"<html>", kind="text/html"))
    assert "check the address and the kind" in door.ask("GET", "/models")["detail"]
    assert door.status == 502


def test_the_model_is_tried(door, talker):
    talker.says(*GOOD)
    told = door.ask("POST", "/test")
    assert (door.status, told["is_well"], told["problem"], told["version"]) == (200, True, None, "0.12.10")
    assert (told["answer"], told["models"], told["tokens_out"]) == ('{"answer": "yes"}', ["m"], 9)
    assert told["seconds"] >= 0
    assert door.ask("GET", "/config")["health"]["failures"] == 0
    assert ("llm.test", f"ollama m at {talker.url}") in [row[:2] for row in audit(door)]


def test_settings_are_tried_before_they_are_kept(door, talker):
    with talking(*GOOD) as other:
        told = door.ask("POST", "/test", {"address": other.url, "model": "m"})
        assert told["is_well"]
        assert all("authorization" not in one.headers for one in other.heard)
    assert not talker.heard
    assert door.ask("GET", "/config")["changed"] == []
    assert "no setting" in door.ask("POST", "/test", {"nothing": 1})["detail"]


def test_a_server_that_is_not_there_is_told(door):
    with talking(Line({})) as other:
        url = other.url
    told = door.ask("POST", "/test", {"address": url})
    assert (door.status, told["is_well"]) == (200, False)
    assert "is it running there" in told["problem"]


def test_a_real_model_passes_the_test(door, language_server):
    told = door.ask(
        "POST",
        "/test",
        {"address": language_server.url, "model": MODEL, "answer_seconds": 240, "kind": "openai"},
    )
    assert (told["problem"], told["models"]) == (None, [MODEL])
