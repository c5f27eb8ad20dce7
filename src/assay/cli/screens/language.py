"""The language model: what is chosen, what there is, how it does."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from assay.cli.output import pairs, spoken, table
from assay.domain.wording import age, size

if TYPE_CHECKING:
    from rich.console import RenderableType

    from assay.kit.llm import Offered, Trial
    from assay.web.language import Config


def config_screen(found: "Config", now: datetime) -> list["RenderableType"]:
    """What is in force, for people."""
    asked = f"{found.model} at {found.address}" if found.is_asked else "none: rules alone read the entries"
    key = "none" if not found.has_api_key else "sent" if found.is_key_sent else "not sent to this address"
    rows: list[tuple[str, RenderableType]] = [("asked", spoken(asked)), ("key", spoken(key))]
    for name in (
        *("enabled", "model", "address", "kind", "threshold", "interval_minutes", "batch"),
        *("connect_seconds", "answer_seconds", "context_tokens", "keep_alive"),
    ):
        value = getattr(found, name)
        changed = ("  changed at run time", "yellow") if name in found.changed else ""
        rows.append((name, spoken("none" if value in (None, "") else str(value), changed)))
    if found.health is not None:
        rows.append(("health", spoken(_health(found, now))))
    return [pairs(rows)]


def _health(found: "Config", now: datetime) -> str:
    health = found.health
    assert health is not None, "whoever calls has looked"
    if not health.failures:
        return f"answered {age(health.answered_at, now)}" if health.answered_at else "not asked yet"
    said = f"failed {health.failures} times in a row, last {age(health.failed_at or now, now)}: {health.last_error}"
    if health.rests_until is not None and health.rests_until > now:
        return f"{said}; not asked until {health.rests_until:%H:%M:%S} UTC"
    return said


def models_screen(found: Sequence["Offered"], chosen: str | None) -> list["RenderableType"]:
    """Models for people."""
    lines = table("model", "size", "parameters", "quantization", "", right=("size",), wide="model")
    for one in found:
        is_chosen = chosen is not None and one.name in (chosen, f"{chosen}:latest")
        lines.add_row(
            spoken(one.name),
            spoken("" if one.size_bytes is None else size(one.size_bytes)),
            spoken(one.parameters or ""),
            spoken(one.quantization or ""),
            spoken(("chosen", "green") if is_chosen else ""),
        )
    return [lines]


def trial_screen(trial: "Trial") -> list["RenderableType"]:
    """How a model did."""
    rows: list[tuple[str, RenderableType]] = [
        ("model", spoken(("well", "green") if trial.is_well else ("not well", "red")))
    ]
    if trial.version is not None:
        rows.append(("server", spoken(trial.version)))
    if trial.models:
        rows.append(("models", spoken(", ".join(trial.models))))
    if trial.answer is not None:
        rows.append(("answer", spoken(trial.answer)))
        rows.append(("seconds", spoken(f"{trial.seconds or 0:.2f}")))
        rows.append(("tokens", spoken(f"{_count(trial.tokens_in)} in, {_count(trial.tokens_out)} out")))
    return [pairs(rows)]


def _count(tokens: int | None) -> str:
    return "?" if tokens is None else str(tokens)
