"""Asking the model that people chose, one that fails, and one that is well again, on a real database."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from assay.bootstrap import Context
from assay.errors import Permanent, Transient
from assay.jobs.choices import LLM, choose
from assay.kit.llm import Kind, Llm, LlmOptions, Message, TooLong
from assay.kit.llm_client import open_llm
from assay.pipelines.feeds.commands.language import list_models, try_model
from assay.pipelines.feeds.model.language import Language
from assay.pipelines.feeds.queries.language import find_health, language_chosen
from assay.pipelines.feeds.rules.resting import rest_after
from assay.pipelines.feeds.tasks.asking import Asking, Resting, language_model
from llm_server import MODEL
from talker import Line, Talker, talking

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
SCHEMA = {"type": "object", "properties": {}, "additionalProperties": False}
GOOD = Line({"model": "m", "message": {"content": "{}"}, "done": True, "done_reason": "stop"})
DOWN = Line({"error": "out of memory"}, 500)
MISSING = Line({"error": "model 'm' not found"}, 404)


class Clock:
    """A clock that stands still until it is turned."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def talker() -> Iterator[Talker]:
    with talking(GOOD) as talker:
        yield talker


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ctx(make_context, talker, clock) -> Context:
    made = make_context(llm={"model": "m", "address": talker.url, "answer_seconds": 30})

    def at_once(language: Language) -> Llm:
        return open_llm(
            LlmOptions(language.model or "", language.address, Kind(language.kind), pause_seconds=0)
        )

    return replace(made, clock=clock, open_llm=at_once)


def ask(ctx: Context) -> str:
    with language_model(ctx) as model:
        assert model is not None
        return model.ask([Message("user", "x")], SCHEMA).text


def test_without_a_model_there_is_none(make_context):
    with language_model(make_context()) as model:
        assert model is None


def test_what_people_choose_counts_at_once(ctx, talker):
    assert ask(ctx) == "{}"
    with ctx.db.transaction() as conn:
        choose(conn, f"{LLM}model", "other", "ada")
        choose(conn, f"{LLM}batch", 7, "ada")
        choose(conn, f"{LLM}unheard_of", 7, "ada")
    with language_model(ctx) as model:
        assert isinstance(model, Asking)
        assert (model.language.model, model.language.batch) == ("other", 7)
        model.ask([Message("user", "x")], SCHEMA)
    assert [one.body["model"] for one in talker.heard] == ["m", "other"]
    with ctx.db.transaction() as conn:
        choose(conn, f"{LLM}enabled", False, "ada")
    with language_model(ctx) as model:
        assert model is None


def health(ctx: Context):
    with ctx.db.transaction() as conn:
        return find_health(conn, language_chosen(conn, ctx.language))


def fail(ctx: Context, times: int) -> None:
    for _ in range(times):
        with pytest.raises((Transient, Permanent)):
            ask(ctx)


def test_a_model_that_fails_is_left_alone_for_longer_and_longer(ctx, talker, clock):
    talker.says(DOWN)
    fail(ctx, 3)
    assert len(talker.heard) == 6
    with pytest.raises(
        Resting, match=r"failed 3 times in a row and is not asked until 12:00:30 UTC; last: .*memory"
    ):
        ask(ctx)
    assert len(talker.heard) == 6
    clock.now += timedelta(seconds=30)
    fail(ctx, 1)
    assert len(talker.heard) == 8
    assert health(ctx).closed_until == clock.now + timedelta(seconds=60)
    clock.now += timedelta(seconds=60)
    talker.says(GOOD)
    assert ask(ctx) == "{}"
    assert (health(ctx).failures, health(ctx).closed_until, health(ctx).answered_at) == (0, None, clock.now)


def test_after_a_rest_one_tries_and_the_others_wait_for_that(ctx, talker, clock):
    talker.says(DOWN)
    fail(ctx, 3)
    clock.now += timedelta(seconds=30)
    talker.says(GOOD)
    with language_model(ctx) as first, language_model(ctx) as second:
        assert first._begin() is False
        with pytest.raises(Resting):
            second.ask([Message("user", "x")], SCHEMA)
        # Whoever tries and dies holds the others up no longer than an answer may take.
        clock.now += timedelta(seconds=2 * 30 + 10)
        assert second.ask([Message("user", "x")], SCHEMA).text == "{}"


def test_what_a_person_must_correct_is_told_and_not_tried_all_the_time(ctx, talker, clock):
    talker.says(MISSING)
    with pytest.raises(Permanent, match="ollama pull m"):
        ask(ctx)
    with pytest.raises(Resting, match="ollama pull m"):
        ask(ctx)
    assert len(talker.heard) == 1
    with ctx.db.transaction() as conn:
        choose(conn, f"{LLM}model", "another", "ada")
    talker.says(GOOD)
    assert ask(ctx) == "{}"


def test_a_test_that_goes_well_ends_the_rest(ctx, talker):
    talker.says(MISSING)
    fail(ctx, 1)
    chat = {"message": {"content": '{"answer": "yes"}'}, "done": True, "done_reason": "stop"}
    talker.says(Line({"version": "1"}), Line({"models": [{"name": "m"}]}), Line(chat))
    assert try_model(ctx).is_well
    talker.says(GOOD)
    assert ask(ctx) == "{}"


def test_a_test_that_goes_badly_is_written_down(ctx, talker):
    talker.says(Line({"version": "1"}), Line({"models": []}), MISSING)
    trial = try_model(ctx)
    assert "ollama pull m" in trial.problem
    assert health(ctx).last_error == trial.problem
    with ctx.db.transaction() as conn:
        other = replace(language_chosen(conn, ctx.language), model="other")
    before = health(ctx)
    assert not try_model(ctx, other).is_well
    assert health(ctx) == before


def test_a_question_that_is_too_long_says_nothing_about_the_model(ctx, talker):
    talker.says(Line({"error": "prompt too long"}, 400))
    for _ in range(4):
        with pytest.raises(TooLong), language_model(ctx) as model:
            model.ask([Message("user", "x")], SCHEMA)
    assert health(ctx).failures == 0


def test_its_models_are_listed(ctx, talker):
    talker.says(Line({"models": [{"name": "b", "size": 3, "details": {"parameter_size": "8B"}}]}))
    assert [(one.name, one.size_bytes, one.parameters) for one in list_models(ctx)] == [("b", 3, "8B")]


def test_a_real_model_answers_through_all_of_it(make_context, language_server):
    ctx = make_context(llm={"model": MODEL, "address": language_server.url, "answer_seconds": 240})
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer", "minimum": 0, "maximum": 9}},
        "required": ["n"],
        "additionalProperties": False,
    }
    with language_model(ctx) as model:
        answer = model.ask([Message("user", "How many legs has a cat?")], schema, max_tokens=24)
    assert answer.text.replace(" ", "").replace("\n", "").startswith('{"n":')
    assert not answer.was_cut


def test_rests_grow_and_end():
    rests = [rest_after(failures, is_permanent=False) for failures in range(40)]
    assert rests[:3] == [None, None, None]
    assert rests[3:6] == [timedelta(seconds=30), timedelta(seconds=60), timedelta(seconds=120)]
    assert rests[39] == timedelta(minutes=10)
    assert rest_after(1, is_permanent=True) == timedelta(minutes=5)
