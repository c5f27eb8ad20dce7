"""Completing extractions by a language model: in a queue of its own, one question at a time, after everything else.

What the rules read is a claim or a place in review already; the model may fill a blank or make an unsure value surer.
One that is slow or broken keeps nobody back: after three vain attempts the extraction waits for a person alone.
"""

import secrets
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from assay.errors import BadRecord, Permanent, Transient
from assay.jobs.deferring import defer
from assay.jobs.ledger import Outcome, add_run
from assay.jobs.running import Running
from assay.jobs.task import task
from assay.kit.db import Connection
from assay.kit.llm import Message
from assay.pipelines.feeds.model import ROOM
from assay.pipelines.feeds.model.extraction import Doubt, Extraction, Prose, Value
from assay.pipelines.feeds.model.review import Item, Known, State
from assay.pipelines.feeds.queries.reviewing import get_item
from assay.pipelines.feeds.rules.asking import question
from assay.pipelines.feeds.rules.completing import completed, left_for_model, subject_of
from assay.pipelines.feeds.rules.grounding import grounded
from assay.pipelines.feeds.rules.placing import with_doubt
from assay.pipelines.feeds.rules.reading import read_text
from assay.pipelines.feeds.store import extractions as store
from assay.pipelines.feeds.tasks.asking import Asking, Needs, language_model
from assay.pipelines.feeds.tasks.neighbours import Neighbours
from assay.pipelines.feeds.tasks.publishing import publish
from assay.pipelines.feeds.tasks.settling import Settled, Terms, settle_one

QUEUE = "llm"
_LOWEST = -50
MOST_ATTEMPTS = 3
_WAIT = timedelta(minutes=1)
# After so many the job makes room for others and goes on as another one.
_AT_ONCE = 20
# Tokens that a chat's own marks take, roughly.
_FRAME_TOKENS = 200

_log = structlog.get_logger(__name__)


class Unanswered(Exception):  # noqa: N818 - what happened, told to this module only
    """The model did not say anything that can be used."""


@task("feeds.complete", queue=QUEUE, unique=True, priority=_LOWEST, timeout=3_000)
def complete(ctx: Needs, job: Running) -> None:
    """Ask the model about what waits for it, one after the other."""
    started_at = ctx.clock()
    asked = answered = 0
    with language_model(ctx) as asking:
        if asking is None:
            with ctx.db.transaction() as conn:
                store.stop_asking_at_all(conn)
            return
        while asked < _AT_ONCE and (found := _take(ctx, asking)) is not None:
            number, vain = found
            answered += _complete_one(ctx, asking, number, vain)
            asked += 1
            job.progress(asked, None, "ask the language model")
    with ctx.db.transaction() as conn:
        if asked == _AT_ONCE:
            defer(conn, complete)
        if asked:
            add_run(
                conn,
                room=ROOM,
                step="complete",
                source=None,
                started_at=started_at,
                ended_at=ctx.clock(),
                outcome=Outcome.COMPLETED if answered else Outcome.FAILED,
                counts={"asked": asked, "answered": answered},
            )


def _take(ctx: Needs, asking: Asking) -> tuple[int, int] | None:
    now = ctx.clock()
    longest = timedelta(seconds=2 * asking.language.answer_seconds + 60)
    with ctx.db.transaction() as conn:
        return store.take_to_ask(conn, now, now + longest)


def _complete_one(ctx: Needs, asking: Asking, number: int, vain: int) -> bool:
    """Whether the model answered. What it says is written in a transaction of its own."""
    with ctx.db.transaction() as conn:
        item = get_item(conn, number)
    try:
        values = ask_about(item, asking)
    except (Unanswered, Transient, Permanent, BadRecord) as error:
        _log.warning("feeds.model_unanswered", extraction=number, attempt=vain + 1, reason=str(error))
        is_last = vain + 1 >= MOST_ATTEMPTS or isinstance(error, BadRecord)
        with ctx.db.transaction() as conn:
            now = ctx.clock()
            if is_last:
                _write(conn, item, with_doubt(item.extracted, Doubt.MODEL_FAILED), asking, now)
            else:
                store.ask_again(conn, number, now + _WAIT * 2**vain)
        return False
    with ctx.db.transaction() as conn:
        said = item.extracted
        if values is not None:
            said = completed(said, values, asking.language.threshold)
        _write(conn, item, said, asking, ctx.clock(), model=None if values is None else asking.language.model)
    return True


def ask_about(item: Item, asking: Asking) -> dict[str, Value] | None:
    """What the model says of an extraction, as far as it stands in the text; None where there is nothing to ask.

    Raises Unanswered for an answer that is none, and what `Asking.ask` raises.
    """
    return values_of(item.prose, item.extracted, asking) if item.state is State.IN_REVIEW else None


def values_of(prose: Prose, said: Extraction, asking: Asking) -> dict[str, Value] | None:
    """The same, of an extraction that is kept nowhere."""
    reading = read_text(prose)
    subject = subject_of(said, reading)
    fields = left_for_model(said, asking.language.threshold, reading.orders)
    if subject is None or not fields:
        return None
    room = asking.context_tokens - _FRAME_TOKENS
    asked = question(prose, subject, fields, secrets.token_hex(16), room - room // 8)
    messages = [Message("system", asked.system), Message("user", asked.user)]
    answer = asking.ask(messages, asked.schema, max_tokens=asked.most_tokens)
    if answer.was_cut:
        raise Unanswered("the answer was cut short")
    found = grounded(answer.text.encode(), fields, prose, subject.stretches)
    if not found.is_valid:
        raise Unanswered("; ".join(found.dropped))
    return found.values


def _write(
    conn: Connection, item: Item, said: Extraction, asking: Asking, now: datetime, *, model: str | None = None
) -> None:
    """Settle what the model made of an extraction, unless it was read anew or decided about meanwhile."""
    store.lock(conn)
    held = get_item(conn, item.id)
    if held.extracted == item.extracted and held.state is State.IN_REVIEW and said != held.extracted:
        own = Known(held.id, held.identifier, held.record_id, held.extracted, held.confidence, held.state)
        done = Settled()
        fresh = replace(held, extracted=said, model=model or held.model)
        near = Neighbours(conn, now)
        settle_one(near, fresh, own, Terms(asking.language.threshold, _never, now), done)
        near.write()
        publish(conn, done.touched, now)
    store.stop_asking(conn, item.id, model)


def _never(_: Extraction) -> bool:
    return False
