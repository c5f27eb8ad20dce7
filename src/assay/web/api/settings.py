"""`/v1/settings`: what may be changed while everything runs, with what the file and the environment say beside it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Request, Response
from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from assay.bootstrap import Context
from assay.jobs.choices import (
    ALERTS,
    JOBS_RETENTION_DAYS,
    RETENTION_DAYS,
    RUNS_RETENTION_DAYS,
    Choice,
    choose,
    list_choices,
    take_back,
)
from assay.monitoring.model import Rule, Thresholds
from assay.settings import AlertSettings, Settings
from assay.web.answers import as_json, shaped
from assay.web.bodies import AnyBody, described
from assay.web.changing import changing
from assay.web.guard import Admin, Viewer
from assay.web.problems import Refused
from assay.web.reading import Reading

_EXAMPLE = {
    "name": "alerts.backlog",
    "description": "Jobs ready in one queue, for 5 minutes",
    "value": 500,
    "default": 1000,
    "is_changed": True,
    "changed_by": "ada",
    "changed_at": "2026-03-01T10:13:00Z",
}
_DAYS = (RETENTION_DAYS, JOBS_RETENTION_DAYS, RUNS_RETENTION_DAYS)
# Days that are given beyond this are no date any more.
_MOST_DAYS = 36_500


class Setting(msgspec.Struct, frozen=True):
    """A setting. `default` is what the file and the environment say, `value` what is in force."""

    name: str
    description: str
    value: Any
    default: Any
    is_changed: bool
    changed_by: str | None
    changed_at: datetime | None


class Shown(msgspec.Struct, frozen=True):
    """Every setting that may be changed, by name."""

    settings: list[Setting]


def router(ctx: Context, read: Reading) -> APIRouter:
    """The surface. Viewers look, administrators change; workers take changes up by themselves."""
    routes = APIRouter(prefix="/v1/settings", tags=["Settings"])
    about = "The settings. A worker takes a change up when it next looks, without a restart."

    @routes.get(
        "",
        summary="The settings that may be changed at run time",
        responses=shaped(about, Shown, {"settings": [_EXAMPLE]}),
    )
    def listed(_: Viewer) -> Response:
        return as_json(_shown(ctx, read(list_choices)))

    @routes.patch(
        "",
        summary="Change some of them; null is what the file and the environment say",
        responses=shaped(about, Shown, {"settings": [_EXAMPLE]}, 400),
        openapi_extra=described({"alerts.backlog": 500, "retention_days": None}),
    )
    def patch(request: Request, who: Admin, body: AnyBody) -> Response:
        wanted = body.read(dict[str, Any])
        checked = {name: None if value is None else _checked(name, value) for name, value in wanted.items()}
        with changing(ctx, request, who) as change:
            before = list_choices(change.conn)
            for name, value in checked.items():
                if value is None:
                    if take_back(change.conn, name):
                        change.note("settings.reset", name, {"before": before[name].value})
                elif name not in before or before[name].value != value:
                    choose(change.conn, name, value, who.name)
                    change.note(
                        "settings.change", name, {"value": value, "before": _value(ctx, before, name)}
                    )
            return as_json(_shown(ctx, list_choices(change.conn)))

    return routes


def _fields() -> Mapping[str, FieldInfo]:
    """Every setting that may be changed: the thresholds of alerts, and for how long what is kept."""
    names = {name for name in AlertSettings.model_fields if name in Thresholds.__slots__}
    thresholds = {f"{ALERTS}{name}": AlertSettings.model_fields[name] for name in sorted(names)}
    return thresholds | {name: Settings.model_fields[name] for name in _DAYS}


_CHANGEABLE = _fields()


def _checked(name: str, value: Any) -> Any:
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
        raise Refused(400, f"{name}: {error.errors()[0]['msg']}") from error
    if name in _DAYS and kept > _MOST_DAYS:
        raise Refused(400, f"{name}: no more than {_MOST_DAYS:,} days")
    unknown = set(kept) - {rule.value for rule in Rule} if name == f"{ALERTS}off" else set()
    if unknown:
        raise Refused(400, f"no alert rule is called {min(unknown)!r}; there are {', '.join(Rule)}")
    return kept


def _default(ctx: Context, name: str) -> Any:
    if name.startswith(ALERTS):
        return msgspec.to_builtins(getattr(ctx.settings.alerts, name.removeprefix(ALERTS)))
    return getattr(ctx.settings, name)


def _value(ctx: Context, chosen: Mapping[str, Choice], name: str) -> Any:
    return chosen[name].value if name in chosen else _default(ctx, name)


def _shown(ctx: Context, chosen: Mapping[str, Choice]) -> Shown:
    return Shown(
        [
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
    )
