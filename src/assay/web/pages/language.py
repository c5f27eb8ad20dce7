"""The language model: what is in force, what its server has, and a button that tries it."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response

from assay.auth.model import Principal
from assay.bootstrap import Context
from assay.jobs.choices import LLM
from assay.kit.llm import Offered, Trial
from assay.pipelines.feeds.commands.language import try_model
from assay.pipelines.feeds.model.language import Language
from assay.web.changeable import as_text, from_text
from assay.web.changing import Change, changing
from assay.web.guard import Admin
from assay.web.language import change_language, models_of, shown, varied
from assay.web.pages.acting import Back, act
from assay.web.problems import Refused
from assay.web.reading import Reading
from assay.web.rendering import Rendering

_Text = Annotated[str, Form(max_length=500)]
# In the order of the form.
_TYPED = ("enabled", "kind", "address", "model", "threshold", "interval_minutes", "batch", "answer_seconds")


def _typed(
    kind: _Text,
    address: _Text,
    threshold: _Text,
    interval_minutes: _Text,
    batch: _Text,
    answer_seconds: _Text,
    model: _Text = "",
    enabled: _Text = "false",
) -> dict[str, str]:
    """What the form says; an unticked box says nothing."""
    return {
        "enabled": enabled,
        "kind": kind,
        "address": address,
        "model": model,
        "threshold": threshold,
        "interval_minutes": interval_minutes,
        "batch": batch,
        "answer_seconds": answer_seconds,
    }


_Typed = Annotated[dict[str, str], Depends(_typed)]


def router(ctx: Context, read: Reading, show: Rendering) -> APIRouter:
    """The page below `/settings`."""
    routes = APIRouter(prefix="/settings/llm", include_in_schema=False)

    def page(
        request: Request,
        who: Principal,
        typed: Mapping[str, str] | None = None,
        trial: Trial | None = None,
        models: Sequence[Offered] = (),
    ) -> Response:
        config = read(lambda conn: shown(ctx, conn))
        values = {name: as_text(getattr(config, name)) for name in _TYPED} | dict(typed or {})
        return show(request, "language.html", who, config=config, values=values, trial=trial, models=models)

    @routes.get("")
    def present(request: Request, who: Admin) -> Response:
        return page(request, who)

    @routes.post("")
    def save(request: Request, who: Admin, back: Back, typed: _Typed) -> Response:
        def deed(change: Change) -> str:
            changed = _changed(ctx, change, typed)
            change_language(ctx, change, changed)
            return f"changed: {', '.join(changed)}" if changed else "nothing was changed"

        return act(ctx, request, who, back, deed)

    @routes.post("/test")
    def test(request: Request, who: Admin, typed: _Typed) -> Response:
        language: Language | None = None
        try:
            with changing(ctx, request, who) as change:
                language = varied(ctx, change.conn, _changed(ctx, change, typed))
                change.note("llm.test", language.place)
            models = models_of(ctx, language)
        except Refused as error:
            return page(request, who, typed, _failed(error.message))
        return page(request, who, typed, try_model(ctx, language), models)

    return routes


def _failed(problem: str) -> Trial:
    return Trial(False, problem, None, (), None, None, None, None)


def _changed(ctx: Context, change: Change, typed: Mapping[str, str]) -> dict[str, Any]:
    """What was typed that is not in force already. Raises Refused for what is no value."""
    config = shown(ctx, change.conn)
    return {
        name: from_text(f"{LLM}{name}", text)
        for name, text in typed.items()
        if text.strip() != as_text(getattr(config, name))
    }
