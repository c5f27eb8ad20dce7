"""Sources of entries and what they gave."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from assay.cli.output import count, cut, pairs, spoken, table, text
from assay.domain.lengths import typed_length
from assay.domain.wording import age, counted, number, size, until

if TYPE_CHECKING:
    from rich.console import RenderableType

    from assay.pipelines.feeds.commands.sources import Trial
    from assay.pipelines.feeds.model.entries import Counts
    from assay.pipelines.feeds.model.sources import Fetched, Quarantined, Source
    from assay.pipelines.feeds.queries.entries import Entry
    from assay.pipelines.feeds.queries.sources import Holding

_HEALTH = {
    "well": "green",
    "failing": "yellow",
    "persistently_failing": "bold red",
    "disabled": "dim",
    "new": "cyan",
}
_STATUS = {"completed": "green", "failed": "red", "processing": "cyan"}
_EXCERPT = 20_000


def plain_source(one: "Source", held: "Holding | None") -> Mapping[str, Any]:
    """A source as programs read it, in the words of the API."""
    from assay.pipelines.feeds.model.entries import Counts

    names = (
        *(
            "name",
            "kind",
            "address",
            "options",
            "interval_seconds",
            "is_enabled",
            "health",
            "failures",
            "last_error",
        ),
        *("next_at", "last_tried_at", "last_good_at", "created_by", "created_at", "changed_at", "removed_at"),
    )
    told = {name: getattr(one, name) for name in names}
    counts = Counts() if held is None else held.entries
    bad = 0 if held is None else held.bad
    return {**told, "secrets": one.secret_names, "entries": counts.told(), "quarantined": bad}


def sources_screen(
    found: Sequence["Source"], held: Mapping[int, "Holding"], now: datetime
) -> list["RenderableType"]:
    """Sources for people."""
    lines = table(
        "source",
        "kind",
        "health",
        "last good",
        "next",
        "entries",
        "failed",
        "",
        right=("entries", "failed"),
        wide="",
    )
    for one in found:
        counts = held[one.id].entries.told() if one.id in held else {}
        lines.add_row(
            spoken((one.name, "bold")),
            spoken(one.kind.value),
            spoken(_health(one)),
            spoken("never" if one.last_good_at is None else age(one.last_good_at, now)),
            spoken(_next(one, now)),
            count(counts.get("total", 0)),
            count(counts.get("failed", 0), "red"),
            cut(one.last_error or one.address),
        )
    return [lines]


def _health(one: "Source") -> tuple[str, str]:
    if one.removed_at is not None:
        return "removed", "dim"
    return one.health.value.replace("_", " "), _HEALTH[one.health.value]


def _next(one: "Source", now: datetime) -> str:
    if not one.is_enabled:
        return ""
    return "now" if one.next_at <= now else until(one.next_at, now)


def source_screen(
    one: "Source", held: "Holding | None", bad: Sequence["Quarantined"], now: datetime
) -> list["RenderableType"]:
    """One source for people."""
    import json

    counts = {} if held is None else held.entries.told()
    rows: list[tuple[str, RenderableType]] = [
        ("source", spoken((one.name, "bold"), "  ", _health(one))),
        ("kind", spoken(one.kind.value)),
        ("address", spoken(one.address)),
        ("options", spoken(json.dumps(one.options, ensure_ascii=False) if one.options else "none")),
        ("secrets", spoken(", ".join(one.secret_names) or "none")),
        ("every", spoken(typed_length(one.interval_seconds))),
        ("next", spoken(_next(one, now) or "not while it is disabled")),
        ("last good", spoken("never" if one.last_good_at is None else age(one.last_good_at, now))),
        ("entries", spoken(", ".join(f"{number(value)} {name}" for name, value in counts.items()) or "none")),
    ]
    if one.last_error is not None:
        rows.append(
            ("error", spoken((f"{one.last_error} ({counted(one.failures, 'time')} in a row)", "red")))
        )
    screen: list[RenderableType] = [pairs(rows)]
    if bad:
        lines = table("set aside", "reason", "detail", wide="detail", title="Not usable in the last fetch")
        for entry in bad:
            lines.add_row(cut(entry.place), spoken(entry.reason), spoken(entry.detail))
        screen += ["", lines]
    return screen


def fetched_screen(came: "Fetched") -> list["RenderableType"]:
    """What a fetch came to."""
    if came.error is not None:
        return [spoken((came.source, "bold"), (f" failed: {came.error}", "red"), _kept(came))]
    if came.is_unchanged:
        return [spoken((came.source, "bold"), " is unchanged")]
    return [spoken((came.source, "bold"), ": ", _sum(came))]


def _kept(came: "Fetched") -> str:
    return f"; what had come is kept: {_sum(came)}" if came.read else ""


def _sum(came: "Fetched") -> str:
    said = f"{counted(came.read, 'entry', 'entries')} read, {came.new} new, {came.changed} changed, {came.known} known"
    return f"{said}, {came.bad} set aside" if came.bad else said


def plain_trial(trial: "Trial") -> Mapping[str, Any]:
    """What a trial came to, in the words of the API."""
    return {
        "found": trial.found,
        "entries": [
            {
                "key": one.key,
                "title": one.title,
                "address": one.address,
                "media_type": one.media_type,
                "published_at": one.published_at,
                "bytes": len(one.raw),
                "excerpt": one.raw[:500].decode(errors="replace"),
            }
            for one in trial.entries
        ],
        "bad": [{"place": one.place, "reason": one.reason, "detail": one.detail} for one in trial.bad],
        "error": trial.error,
    }


def trial_screen(trial: "Trial") -> list["RenderableType"]:
    """What a trial came to, for people."""
    screen: list[RenderableType] = []
    if trial.entries:
        lines = table("title", "kind", "published", "bytes", "key", right=("bytes",), wide="key")
        for one in trial.entries:
            published = "" if one.published_at is None else one.published_at.date().isoformat()
            lines.add_row(
                cut(one.title or "untitled"),
                spoken(one.media_type),
                spoken(published),
                spoken(size(len(one.raw))),
                cut(one.key),
            )
        screen.append(lines)
    screen.append(spoken(f"{counted(trial.found, 'entry', 'entries')} found; nothing was kept"))
    screen += [spoken((f"{one.reason}: {one.detail}", "yellow")) for one in trial.bad]
    if trial.error is not None:
        screen.append(spoken((trial.error, "red")))
    return screen


def entries_screen(found: Sequence["Entry"], counts: "Counts", now: datetime) -> list["RenderableType"]:
    """Entries for people."""
    lines = table(
        "entry",
        "source",
        "status",
        "received",
        "priority",
        "title",
        right=("entry", "priority"),
        wide="title",
    )
    for one in found:
        lines.add_row(
            spoken((str(one.id), "bold")),
            spoken(one.source),
            spoken((one.status, _STATUS.get(one.status, ""))),
            spoken(age(one.received_at, now)),
            spoken((number(one.priority), "bold" if one.is_monitored else "")),
            cut(one.error or one.title or one.key),
        )
    said = ", ".join(f"{number(value)} {name}" for name, value in counts.told().items())
    return [lines, spoken((f"Of all entries: {said}", "dim"))] if found else [spoken(f"None; of all: {said}")]


def entry_screen(one: "Entry", content: bytes, now: datetime) -> list["RenderableType"]:
    """One entry for people, with the beginning of its text as received."""
    rows: list[tuple[str, RenderableType]] = [
        ("entry", spoken((str(one.id), "bold"), "  ", (one.status, _STATUS.get(one.status, "")))),
        ("title", spoken(one.title or "none")),
        ("source", spoken(one.source)),
        ("key", spoken(one.key)),
        ("address", spoken(one.address or "none")),
        ("received", spoken(age(one.received_at, now), f" as {one.media_type}, {size(len(content))}")),
        ("attempts", spoken(str(one.attempts))),
        ("priority", spoken(number(one.priority), ", mentions what is watched" if one.is_monitored else "")),
    ]
    if one.outcome is not None:
        rows.append(("outcome", spoken(one.outcome.replace("_", " "))))
    if one.error is not None:
        rows.append(("error", spoken((one.error, "red"))))
    shown = content[:_EXCERPT].decode(errors="backslashreplace")
    return [pairs(rows), "", text(shown, keep_lines=True)]
