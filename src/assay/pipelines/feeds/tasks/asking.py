"""Asking the language model that is chosen, without one that fails holding anybody up."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Protocol

from assay.errors import BadRecord, Permanent, Transient
from assay.kit.clock import Clock
from assay.kit.db import Database
from assay.kit.llm import Answer, Llm, Message
from assay.pipelines.feeds.model.language import Language
from assay.pipelines.feeds.queries.language import find_health, language_chosen
from assay.pipelines.feeds.rules.resting import rest_after
from assay.pipelines.feeds.store.language import close_until, let_one_through, note_answer, note_failure

# Of a model that answers all the time it is enough to know that once a minute.
_NOTED_FOR = timedelta(minutes=1)


class Needs(Protocol):
    """What asking needs of the Context."""

    @property
    def db(self) -> Database: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def language(self) -> Language: ...
    @property
    def open_llm(self) -> Callable[[Language], Llm]: ...


class Resting(Transient):
    """The model failed lately, and nobody asks it for a while: read the entry again later, or by rules alone."""


class Asking:
    """The model that is chosen. How it does is written down at once, in transactions of its own.

    `language` says how its answers are used: from which confidence on, how many entries at a time.
    """

    def __init__(self, ctx: Needs, language: Language, llm: Llm) -> None:
        """A model that nothing was asked yet."""
        self.language = language
        self._ctx = ctx
        self._llm = llm

    @property
    def context_tokens(self) -> int:
        """What prompt and answer may have together."""
        return self.language.context_tokens

    def ask(
        self, messages: Sequence[Message], schema: Mapping[str, Any], *, max_tokens: int = 512, seed: int = 0
    ) -> Answer:
        """The model's answer; see `Llm.ask` for its errors. Raises Resting at once while the model is left alone."""
        is_noted = self._begin()
        try:
            answer = self._llm.ask(messages, schema, max_tokens=max_tokens, seed=seed)
        except BadRecord:
            self._note(is_noted)
            raise
        except (Transient, Permanent) as error:
            self._note_failure(error)
            raise
        self._note(is_noted)
        return answer

    def _begin(self) -> bool:
        """Whether it is known already that the model is well. Raises Resting."""
        now = self._ctx.clock()
        with self._ctx.db.transaction() as conn:
            health = find_health(conn, self.language)
            if health is None:
                return False
            if health.closed_until is not None:
                longest = timedelta(seconds=2 * self.language.answer_seconds + 10)
                if not let_one_through(conn, self.language.place, now, now + longest):
                    raise Resting(
                        f"the language model failed {health.failures} times in a row and is not asked until "
                        f"{health.closed_until:%H:%M:%S} UTC; last: {health.last_error}"
                    )
            return (
                not health.failures
                and health.answered_at is not None
                and now - health.answered_at < _NOTED_FOR
            )

    def _note(self, is_noted: bool) -> None:
        if not is_noted:
            with self._ctx.db.transaction() as conn:
                note_answer(conn, self.language.place, self._ctx.clock())

    def _note_failure(self, error: Exception) -> None:
        note_trouble(self._ctx, self.language, error)


def note_trouble(ctx: Needs, language: Language, error: Exception) -> None:
    """Write down that the model failed, and how long nobody is to ask it."""
    now = ctx.clock()
    with ctx.db.transaction() as conn:
        failures = note_failure(conn, language.place, str(error), now)
        rest = rest_after(failures, is_permanent=isinstance(error, Permanent))
        if rest is not None:
            close_until(conn, language.place, now + rest)


@contextmanager
def language_model(ctx: Needs) -> Iterator[Asking | None]:
    """The model that is chosen at this moment, until the block ends; None where rules alone read the entries."""
    with ctx.db.transaction() as conn:
        language = language_chosen(conn, ctx.language)
    if not language.is_asked:
        yield None
        return
    with ctx.open_llm(language) as llm:
        yield Asking(ctx, language, llm)
