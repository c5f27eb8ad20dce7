"""The settings that may be changed at run time, whoever changes them: which they are, and what each may be."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec
from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from assay.bootstrap import Context
from assay.jobs import schedules
from assay.jobs.choices import (
    ALERTS,
    JOBS_RETENTION_DAYS,
    LLM,
    RETENTION_DAYS,
    RUNS_RETENTION_DAYS,
    Choice,
    choose,
    list_choices,
    take_back,
)
from assay.monitoring.model import Rule, Thresholds
from assay.pipelines.feeds.commands.processing import SCHEDULE as PROCESSING
from assay.settings import AlertSettings, LlmSettings, Settings
from assay.web.changing import Change
from assay.web.problems import Refused

_DAYS = (RETENTION_DAYS, JOBS_RETENTION_DAYS, RUNS_RETENTION_DAYS)


class Setting(msgspec.Struct, frozen=True):
    """A setting. `default` is what the file and the environment say, `value` what is in force."""

    name: str
    description: str
    value: Any
    default: Any
    is_changed: bool
    changed_by: str | None
    changed_at: datetime | None


def shown(ctx: Context, chosen: Mapping[str, Choice]) -> list[Setting]:
    """Every setting that may be changed, by name."""
    return [
        Setting(
            name,
            field.description or "",
            _value(ctx, chosen, name),
            _default(ctx, name),
            name in chosen,
            chosen[name].chosen_by if name in chosen else None,
            chosen[name].chosen_at if name in chosen else None,
        )
        for name, field in _CHANGEABLE.items()
    ]


def change_settings(ctx: Context, change: Change, wanted: Mapping[str, Any]) -> None:
    """Give settings these values, or for None what the file and the environment say.

    Raises Refused for what may not be changed, and for a value that it may not have; then nothing is changed.
    """
    kept = {name: None if value is None else checked(name, value) for name, value in wanted.items()}
    before = list_choices(change.conn)
    for name, value in kept.items():
        if value is None:
            if take_back(change.conn, name):
                change.note("settings.reset", name, {"before": before[name].value})
        elif name not in before or before[name].value != value:
            choose(change.conn, name, value, change.who.name)
            change.note("settings.change", name, {"value": value, "before": _value(ctx, before, name)})
    if _INTERVAL in kept:
        _set_interval(ctx, change, kept[_INTERVAL])


def _set_interval(ctx: Context, change: Change, minutes: int | None) -> None:
    """Let the schedule follow the setting that says how often entries are processed; None is as the file says."""
    schedules.declare(change.conn, ctx.schedules)
    spec = None if minutes is None else f"every {minutes}m"
    schedules.choose(change.conn, ctx.schedules, PROCESSING, spec, change.who.name)


def from_text(name: str, text: str) -> Any:
    """A value as a person types it: a number, true or false, a name, or rules with commas between them.

    A JSON list of rules is read as well, as the settings file and the environment write it.
    """
    if name == f"{ALERTS}off":
        return [rule for word in text.split(",") if (rule := word.strip(" \t\"'[]"))]
    if name in _CHANGEABLE and _is_text(_CHANGEABLE[name]):
        return text.strip()
    try:
        return msgspec.json.decode(text.strip().encode())
    except msgspec.DecodeError as error:
        raise Refused(400, f"{name}: {text[:60]!r} is neither a number nor true or false") from error


def as_text(value: Any) -> str:
    """The value as `from_text` reads it."""
    if value is None or isinstance(value, str):
        return value or ""
    return ", ".join(value) if isinstance(value, list | tuple) else msgspec.json.encode(value).decode()


def _is_text(field: FieldInfo) -> bool:
    return field.default is None or isinstance(field.default, str)


def _fields() -> Mapping[str, FieldInfo]:
    """Every setting that may be changed: the thresholds of alerts, for how long what is kept, the language model.

    Its key and its authorities are for whoever holds the settings file: they never travel through here.
    """
    names = {name for name in AlertSettings.model_fields if name in Thresholds.__slots__}
    thresholds = {f"{ALERTS}{name}": AlertSettings.model_fields[name] for name in sorted(names)}
    language = {
        f"{LLM}{name}": field
        for name, field in LlmSettings.model_fields.items()
        if name not in ("api_key", "authorities")
    }
    return thresholds | language | {name: Settings.model_fields[name] for name in _DAYS}


_CHANGEABLE = _fields()
_INTERVAL = f"{LLM}interval_minutes"


def checked(name: str, value: Any) -> Any:
    """The value as it is kept. Raises Refused for what may not be changed, and for a value that it may not have."""
    if name not in _CHANGEABLE:
        known = ", ".join(_CHANGEABLE)
        raise Refused(400, f"{name!r} cannot be changed at run time; there are {known}")
    field = _CHANGEABLE[name]
    kind: Any = Annotated[field.annotation, *field.metadata, name]
    adapter: TypeAdapter[Any] = TypeAdapter(kind)
    try:
        kept = msgspec.to_builtins(adapter.validate_json(msgspec.json.encode(value), strict=True))
    except ValidationError as error:
        said = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise Refused(400, f"{name}: {said}") from error
    unknown = set(kept) - {rule.value for rule in Rule} if name == f"{ALERTS}off" else set()
    if unknown:
        raise Refused(400, f"no alert rule is called {min(unknown)!r}; there are {', '.join(Rule)}")
    return kept


def _default(ctx: Context, name: str) -> Any:
    if name.startswith(ALERTS):
        return msgspec.to_builtins(getattr(ctx.settings.alerts, name.removeprefix(ALERTS)))
    if name.startswith(LLM):
        return getattr(ctx.settings.llm, name.removeprefix(LLM))
    return getattr(ctx.settings, name)


def _value(ctx: Context, chosen: Mapping[str, Choice], name: str) -> Any:
    return chosen[name].value if name in chosen else _default(ctx, name)
