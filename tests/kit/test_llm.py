"""The client of language models, against a real model and against servers that do what they should not."""

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import BadRecord, Permanent, Transient
from assay.kit.llm import Kind, LlmOptions, Message, TooLong
from assay.kit.llm_client import open_llm, try_out
from assay.kit.llm_ollama import was_read_in_part
from assay.kit.transfer import TooSlow
from llm_server import MODEL, ROOT, NoModelError, running_model
from talker import Line, Talker, talking

SCHEMA = {
    "type": "object",
    "properties": {"product": {"type": "string", "maxLength": 20}, "is_fixed": {"type": "boolean"}},
    "required": ["product", "is_fixed"],
    "additionalProperties": False,
}
QUESTION = [
    Message("system", "Name the product."),
    Message("user", "OpenSSL before 3.0.7 lets attackers crash servers."),
]
CHAT = {
    "model": "m",
    "message": {"role": "assistant", "content": '{"product": "x", "is_fixed": true}'},
    "done": True,
    "done_reason": "stop",
    "prompt_eval_count": 30,
    "eval_count": 9,
}
COMPLETION = {
    "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "{}"}}],
    "usage": {"prompt_tokens": 30, "completion_tokens": 9, "total_tokens": 39},
}
KINDS = pytest.mark.parametrize("kind", list(Kind))
GOOD = {Kind.OLLAMA: Line(CHAT), Kind.OPENAI: Line(COMPLETION)}


def options(kind: Kind, url: str, **changes: Any) -> LlmOptions:
    return replace(
        LlmOptions("m", url, kind, connect_seconds=30, answer_seconds=30, pause_seconds=0), **changes
    )


@pytest.fixture
def talker() -> Iterator[Talker]:
    with talking(Line(status=500)) as talker:
        yield talker


def asked(kind: Kind, url: str, **changes: Any) -> Any:
    with open_llm(options(kind, url, **changes)) as llm:
        return llm.ask(QUESTION, SCHEMA, max_tokens=40, seed=7)


@KINDS
def test_a_real_model_answers_by_the_schema(kind, language_server):
    with open_llm(options(kind, language_server.url, model=MODEL, answer_seconds=240)) as llm:
        answer = llm.ask(QUESTION, SCHEMA, max_tokens=48)
        names = [one.name for one in llm.models()]
    read = json.loads(answer.text)
    assert isinstance(read["product"], str)
    assert isinstance(read["is_fixed"], bool)
    assert (answer.model, names, answer.was_cut) == (MODEL, [MODEL], False)
    assert 20 < answer.tokens_in < 100
    assert 5 < answer.tokens_out <= 48
    assert answer.seconds > 0


@KINDS
def test_a_real_model_that_is_cut_off_says_so(kind, language_server):
    with open_llm(options(kind, language_server.url, model=MODEL, answer_seconds=240)) as llm:
        answer = llm.ask(QUESTION, SCHEMA, max_tokens=3)
    assert answer.was_cut
    assert answer.tokens_out == 3


@KINDS
def test_a_real_server_tells_what_it_cannot(kind, language_server):
    with open_llm(options(kind, language_server.url, model=MODEL, answer_seconds=240)) as llm:
        with pytest.raises(TooLong) as caught:
            llm.ask([Message("user", "a b c d " * 3000)], SCHEMA, max_tokens=8)
        assert caught.value.reason == "too-long"
    advice = r"run `ollama pull nobody` there" if kind is Kind.OLLAMA else "'nobody' is none"
    with pytest.raises(Permanent, match=advice):
        asked(kind, language_server.url, model="nobody")


@KINDS
def test_a_real_model_is_tried_out(kind, language_server):
    with open_llm(options(kind, language_server.url, model=MODEL, answer_seconds=240)) as llm:
        trial = try_out(llm)
    assert trial.problem is None
    assert trial.is_well
    assert (trial.version, trial.models) == ("0.12.10" if kind is Kind.OLLAMA else None, (MODEL,))
    assert json.loads(trial.answer)["answer"] in ("yes", "no")
    with open_llm(options(kind, language_server.url, model="")) as llm:
        assert try_out(llm).problem == f"no model is chosen; the server has {MODEL}"


def test_a_server_that_dies_in_the_middle_is_a_passing_fault():
    long = {
        "type": "object",
        "properties": {"words": {"type": "array", "items": {"type": "string"}, "minItems": 200}},
    }
    try:
        with running_model() as running, open_llm(options(Kind.OLLAMA, running.url, model=MODEL)) as llm:
            assert llm.models()
            with ThreadPoolExecutor(1) as other:
                answer = other.submit(llm.ask, QUESTION, {**long, "required": ["words"]}, max_tokens=1500)
                running.wait_until_asked()
                running.kill()
                with pytest.raises(Transient, match="is it running there"):
                    answer.result()
    except NoModelError as error:
        pytest.skip(str(error))


OFFICIAL = {
    Kind.OLLAMA: """
import json, ollama, sys
url, model, schema = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
client = ollama.Client(host=url)
assert [one.model for one in client.list().models] == [model]
answer = client.chat(model=model, messages=[{"role": "user", "content": "Is water wet?"}], format=schema,
                     options={"temperature": 0, "seed": 1, "num_predict": 48}, think=False)
assert answer.done and answer.done_reason == "stop" and answer.prompt_eval_count > 0, answer
print(answer.message.content)
try:
    client.chat(model="nobody", messages=[{"role": "user", "content": "x"}])
except ollama.ResponseError as error:
    assert error.status_code == 404 and "not found" in error.error, error
""",
    Kind.OPENAI: """
import json, openai, sys
url, model, schema = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
client = openai.OpenAI(base_url=url + "/v1", api_key="none", max_retries=0)
assert [one.id for one in client.models.list()] == [model]
form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}
answer = client.chat.completions.create(model=model, messages=[{"role": "user", "content": "Is water wet?"}],
                                        response_format=form, temperature=0, seed=1, max_tokens=48)
assert answer.choices[0].finish_reason == "stop" and answer.usage.prompt_tokens > 0, answer
print(answer.choices[0].message.content)
try:
    client.chat.completions.create(model="nobody", messages=[{"role": "user", "content": "x"}])
except openai.NotFoundError as error:
    assert "not found" in str(error), error
""",
}
LIBRARIES = {Kind.OLLAMA: "ollama", Kind.OPENAI: "openai"}


@KINDS
def test_the_official_clients_understand_the_server_of_the_tests(kind, language_server):
    folder = Path(os.environ.get("ASSAY_TEST_LLM_CLIENTS", ROOT / ".clients" / "llm-clients"))
    environment = {**os.environ, "PYTHONPATH": str(folder), "NO_PROXY": "127.0.0.1"}
    library = LIBRARIES[kind]
    found = subprocess.run(
        [sys.executable, "-c", f"import {library}"], env=environment, capture_output=True, check=False
    )
    if found.returncode:
        pytest.skip(
            f"the library {library} is not installed; `make .clients/llm-clients/.installed` does that"
        )
    ended = subprocess.run(
        [sys.executable, "-c", OFFICIAL[kind], language_server.url, MODEL, json.dumps(SCHEMA)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout).keys() == {"product", "is_fixed"}


def test_what_ollama_is_sent(talker):
    talker.says(GOOD[Kind.OLLAMA])
    answer = asked(Kind.OLLAMA, f"{talker.url}/", api_key="k-1", context_tokens=4096, keep_alive="-1")
    (heard,) = talker.heard
    assert (heard.method, heard.path, heard.headers["authorization"]) == ("POST", "/api/chat", "Bearer k-1")
    assert heard.body == {
        "model": "m",
        "messages": [{"role": one.role, "content": one.content} for one in QUESTION],
        "format": SCHEMA,
        "stream": False,
        "think": False,
        "truncate": False,
        "shift": False,
        "keep_alive": -1,
        "options": {"temperature": 0, "seed": 7, "num_ctx": 4096, "num_predict": 40},
    }
    assert (answer.text, answer.tokens_in, answer.tokens_out, answer.was_cut) == (
        CHAT["message"]["content"], 30, 9, False,
    )  # fmt: skip


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/"])
def test_what_other_servers_are_sent(ending, talker):
    talker.says(GOOD[Kind.OPENAI])
    answer = asked(Kind.OPENAI, f"{talker.url}{ending}", api_key="k-1")
    (heard,) = talker.heard
    assert (heard.path, heard.headers["authorization"]) == ("/v1/chat/completions", "Bearer k-1")
    assert heard.body["response_format"]["json_schema"] == {
        "name": "answer", "schema": SCHEMA, "strict": True,
    }  # fmt: skip
    assert (heard.body["temperature"], heard.body["max_tokens"], heard.body["seed"]) == (0, 40, 7)
    assert (answer.text, answer.tokens_in, answer.tokens_out) == ("{}", 30, 9)


@pytest.mark.parametrize("path", ["/api", "/v1"])
def test_an_address_with_a_path_of_ollamas_own_is_understood(path, talker):
    talker.says(Line({"version": "0.12.10"}), Line({"models": [{"name": "b"}, {"name": "a", "size": 5}]}))
    with open_llm(options(Kind.OLLAMA, talker.url + path)) as llm:
        assert llm.version() == "0.12.10"
        assert [one.name for one in llm.models()] == ["a", "b"]
    assert [one.path for one in talker.heard] == ["/api/version", "/api/tags"]


@KINDS
@pytest.mark.parametrize(
    "fault",
    [Line(status=500, body={"error": "out of memory"}), Line(status=429, body={}), Line(hangs_up=True)],
)
def test_a_passing_fault_is_tried_again_once(kind, fault, talker):
    talker.says(fault, GOOD[kind])
    assert asked(kind, talker.url).tokens_in == 30
    talker.says(fault, fault, GOOD[kind])
    with pytest.raises(Transient):
        asked(kind, talker.url)
    assert len(talker.heard) == 2


@KINDS
def test_an_answer_that_breaks_off_is_a_passing_fault(kind, talker):
    talker.says(replace(GOOD[kind], cut=20))
    with pytest.raises(Transient, match="is it running there"):
        asked(kind, talker.url)


@KINDS
@pytest.mark.parametrize("fault", [Line(hangs=True), Line(drips=True)])
def test_a_slow_server_is_given_up_and_not_asked_again(kind, fault, talker):
    talker.says(fault)
    with pytest.raises(TooSlow):
        asked(kind, talker.url, answer_seconds=0.3)
    assert len(talker.heard) == 1


@KINDS
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Line(b"<html>Welcome</html>", kind="text/html"), "check the address and the kind"),
        (Line({"hello": "world"}), "check the address and the kind"),
        (Line(b"404 page not found", 404, "text/plain"), "server: check its address and kind"),
        (Line({"error": "no"}, 401), "set ASSAY_LLM__API_KEY"),
        (Line({"error": {"message": "no"}}, 403), "answered 403: no; set ASSAY_LLM__API_KEY"),
        (Line({"error": "unknown field"}, 400), "answered 400: unknown field"),
        (Line({}, 302), "redirects are not followed"),
        (Line(b" " * (5 << 20)), "bytes: not what was expected"),
    ],
)
def test_what_a_person_must_change_is_not_tried_again(kind, fault, said, talker):
    talker.says(fault)
    with pytest.raises(Permanent, match=said) as caught:
        asked(kind, talker.url, api_key="k-1")
    assert len(talker.heard) == 1
    assert "k-1" not in str(caught.value)


@pytest.mark.parametrize(
    "words",
    [
        "the request exceeds the available context size, try increasing it",
        "This model's maximum context length is 16385 tokens",
        "prompt too long",
        "the input length exceeds the context length",
    ],
)
def test_a_prompt_that_is_too_long_is_one_bad_record(words, talker):
    talker.says(Line({"error": words}, 400))
    with pytest.raises(BadRecord) as caught:
        asked(Kind.OLLAMA, talker.url)
    assert caught.value.reason == "too-long"
    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again), str(again)) == (TooLong, str(caught.value))


def test_an_error_that_is_told_as_success_is_one(talker):
    talker.says(Line({"error": "llama runner process has terminated"}))
    with pytest.raises(Transient, match="runner process"):
        asked(Kind.OLLAMA, talker.url)


@pytest.mark.parametrize(
    "cut",
    [
        {"done_reason": "length"},
        {"done": False},
        # All the context is full of the question: Ollama has thrown the rest away.
        {"prompt_eval_count": 8191},
    ],
)
def test_an_answer_that_was_cut_says_so(cut, talker):
    talker.says(Line(CHAT | cut))
    assert asked(Kind.OLLAMA, talker.url).was_cut


def test_a_question_that_was_read_in_part_makes_an_answer_that_was_cut(talker):
    talker.says(Line(CHAT))
    with open_llm(options(Kind.OLLAMA, talker.url)) as llm:
        assert llm.ask([Message("user", "word " * 2000)], SCHEMA).was_cut


@given(st.integers(0, 10**6), st.integers(0, 10**5))
def test_more_tokens_never_make_a_question_less_read(characters, tokens):
    context = 10**6
    assert not was_read_in_part(characters, None, context)
    if not was_read_in_part(characters, tokens, context):
        assert not was_read_in_part(characters, tokens + 1, context)
        assert not was_read_in_part(max(0, characters - 1), tokens, context)


def test_a_refusal_is_an_empty_answer(talker):
    talker.says(Line(COMPLETION | {"choices": [{"message": {"content": None, "refusal": "no"}}]}))
    assert asked(Kind.OPENAI, talker.url).text == ""
    talker.says(Line(COMPLETION | {"choices": []}))
    with pytest.raises(Permanent, match="no choices"):
        asked(Kind.OPENAI, talker.url)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"answer": "maybe"}', "takes a schema and does not enforce it"),
        ("Yes, water is wet.", "not as JSON of the schema"),
        ('{"answer": "yes", "and": 1}', "not as JSON of the schema"),
    ],
)
def test_a_server_that_does_not_keep_to_the_schema_is_found_out(content, said, talker):
    chat = CHAT | {"message": {"content": content}}
    talker.says(Line({"version": "1"}), Line({"models": [{"name": "m"}]}), Line(chat))
    with open_llm(options(Kind.OLLAMA, talker.url)) as llm:
        trial = try_out(llm)
    assert not trial.is_well
    assert said in trial.problem
    assert (trial.version, trial.models, trial.answer) == ("1", ("m",), content)


def test_a_server_that_is_not_there_is_told_with_its_address():
    with talking(Line({})) as talker:
        url = talker.url
    with open_llm(options(Kind.OLLAMA, url)) as llm:
        trial = try_out(llm)
    assert url in trial.problem
    assert "is it running there" in trial.problem


def test_a_server_on_this_machine_is_not_asked_through_a_proxy(talker, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    talker.says(GOOD[Kind.OLLAMA])
    assert asked(Kind.OLLAMA, talker.url, proxy="http://127.0.0.1:9").tokens_in == 30
    with pytest.raises(Transient):
        asked(Kind.OLLAMA, "http://model.example.org", proxy="http://127.0.0.1:9")
