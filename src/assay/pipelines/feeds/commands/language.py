"""Trying the language model, and asking its server what it has."""

from collections.abc import Sequence
from dataclasses import replace

from assay.errors import Permanent
from assay.kit.llm import Offered, Trial
from assay.kit.llm_client import try_out
from assay.pipelines.feeds.model.language import Language
from assay.pipelines.feeds.queries.language import language_chosen
from assay.pipelines.feeds.store.language import note_answer
from assay.pipelines.feeds.tasks.asking import Needs, note_trouble

# A model may take its time for an entry; whoever tries it sits and waits.
_LONGEST_TRIAL = 60.0


def try_model(ctx: Needs, language: Language | None = None) -> Trial:
    """How the model does that is chosen, or another one; the chosen one's health is written down.

    One that is well is asked again at once, however often it failed before.
    """
    with ctx.db.transaction() as conn:
        chosen = language_chosen(conn, ctx.language)
    language = language or chosen
    with ctx.open_llm(replace(language, answer_seconds=min(_LONGEST_TRIAL, language.answer_seconds))) as llm:
        trial = try_out(llm)
    if language.place == chosen.place and chosen.model:
        if trial.problem is None:
            with ctx.db.transaction() as conn:
                note_answer(conn, chosen.place, ctx.clock())
        else:
            note_trouble(ctx, chosen, Permanent(trial.problem))
    return trial


def list_models(ctx: Needs, language: Language | None = None) -> Sequence[Offered]:
    """What the server has that is chosen, or another one. Raises Transient and Permanent as `Llm.models` does."""
    if language is None:
        with ctx.db.transaction() as conn:
            language = language_chosen(conn, ctx.language)
    with ctx.open_llm(language) as llm:
        return llm.models()
