"""The language model as the API and the page show it, and how it is changed and tried."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

import msgspec

from assay.bootstrap import Context
from assay.bootstrap.reading import is_key_for
from assay.errors import Permanent, Transient
from assay.jobs.choices import LLM, list_choices
from assay.kit.db import Connection
from assay.kit.llm import Offered
from assay.pipelines.feeds.commands.language import list_models
from assay.pipelines.feeds.model.language import Language
from assay.pipelines.feeds.queries.language import find_health, language_chosen
from assay.web.changeable import change_settings, checked
from assay.web.changing import Change
from assay.web.problems import Refused

FIELDS = tuple(one.name for one in fields(Language))
"""What may be changed of it."""


class Health(msgspec.Struct, frozen=True):
    """How the model did lately. While it rests nobody asks it; entries wait, or rules alone read them."""

    failures: int
    rests_until: datetime | None
    last_error: str | None
    failed_at: datetime | None
    answered_at: datetime | None


class Config(msgspec.Struct, frozen=True):
    """What is in force. `changed` names what people changed at run time; the rest is as file and environment say.

    `has_api_key` says whether the settings hold a key, which is never shown; `is_key_sent` whether it goes to this
    address.
    """

    is_asked: bool
    enabled: bool
    model: str | None
    address: str
    kind: str
    threshold: float
    interval_minutes: int
    batch: int
    connect_seconds: float
    answer_seconds: float
    context_tokens: int
    keep_alive: str
    has_api_key: bool
    is_key_sent: bool
    changed: list[str]
    health: Health | None


def shown(ctx: Context, conn: Connection) -> Config:
    """The language model that is chosen now."""
    language = language_chosen(conn, ctx.language)
    health = find_health(conn, language)
    changed = [name.removeprefix(LLM) for name in list_choices(conn) if name.startswith(LLM)]
    return Config(
        is_asked=language.is_asked,
        **{name: getattr(language, name) for name in FIELDS},
        has_api_key=ctx.settings.llm.api_key is not None,
        is_key_sent=is_key_for(ctx.settings, language.address),
        changed=sorted(changed),
        health=None
        if health is None
        else Health(
            health.failures, health.closed_until, health.last_error, health.failed_at, health.answered_at
        ),
    )


def change_language(ctx: Context, change: Change, wanted: Mapping[str, Any]) -> None:
    """Give it other settings; None is what file and environment say. Raises Refused, and then changes nothing."""
    change_settings(ctx, change, {_known(name): value for name, value in wanted.items()})


def varied(ctx: Context, conn: Connection, wanted: Mapping[str, Any]) -> Language:
    """The language model that is chosen, with other settings that are kept nowhere. Raises Refused."""
    values = {name: checked(_known(name), value) for name, value in wanted.items() if value is not None}
    return replace(language_chosen(conn, ctx.language), **values)


def models_of(ctx: Context, language: Language) -> Sequence[Offered]:
    """What its server has. Raises Refused where that cannot be learned."""
    try:
        return list_models(ctx, language)
    except (Transient, Permanent) as error:
        raise Refused(502, str(error)) from error


def _known(name: str) -> str:
    if name not in FIELDS:
        raise Refused(400, f"the language model has no setting {name!r}; there are {', '.join(FIELDS)}")
    return f"{LLM}{name}"
