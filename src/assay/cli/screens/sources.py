"""The sources, when they were read, and the documents that are kept of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from assay.cli.output import cut, spoken, table
from assay.domain.wording import age, counted, moment, schedule_in_words, size
from assay.pipelines.advisories.queries import Standing, address, freshness

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from assay.jobs.ledger import Run
    from assay.pipelines.advisories.queries import DocumentSummary


def sources_json(standings: Sequence[Standing], now: datetime) -> list[dict[str, Any]]:
    """The sources for programs."""
    return [
        {
            "source": entry.source.name,
            "title": entry.source.title,
            "home": entry.source.home,
            "address": address(entry.source),
            "schedule": entry.source.schedule,
            "licence": entry.source.licence,
            "attribution": entry.source.attribution,
            "notes": entry.source.notes or None,
            "freshness": freshness(entry.fetched_at, now),
            "fetched_at": entry.fetched_at,
            "age_seconds": None if entry.fetched_at is None else (now - entry.fetched_at).total_seconds(),
            "records": entry.records,
            "quarantined": entry.quarantined,
            "last_run": None if entry.run is None else run_json(entry.run),
        }
        for entry in standings
    ]


def run_json(run: "Run") -> dict[str, Any]:
    """A run for programs."""
    return {
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "outcome": run.outcome,
        "seconds": run.seconds,
        "counts": run.counts,
        "detail": run.detail,
    }


_STYLES: Mapping[str, str] = {"never": "dim", "fresh": "green", "stale": "yellow"}


def sources_screen(standings: Sequence[Standing], now: datetime) -> list["RenderableType"]:
    """The sources for people, a few lines each."""
    shown: list[RenderableType] = []
    for entry in standings:
        source, run = entry.source, entry.run
        state = freshness(entry.fetched_at, now)
        read = "never read" if entry.fetched_at is None else f"{state}, read {age(entry.fetched_at, now)}"
        shown += [
            spoken((f"{source.name:<8}", "bold"), source.title, "  ", (read, _STYLES[state])),
            _indented(address(source), "cyan"),
            _indented(f"{schedule_in_words(source.schedule)} · {source.licence}", "dim"),
        ]
        if entry.fetched_at is not None:
            held = [counted(entry.records, "record"), f"{entry.quarantined:,} in quarantine"]
            shown.append(_indented(" · ".join(held), "yellow" if entry.quarantined else ""))
        if run is not None:
            is_bad = run.outcome in ("failed", "refused")
            said = f"last run {run.outcome}, {age(run.ended_at, now)}" + (f": {run.detail}" if is_bad else "")
            shown.append(_indented(said, "red" if is_bad else "dim"))
        shown.append("")
    return shown[:-1]


def _indented(content: str, style: str) -> "RenderableType":
    from rich.padding import Padding

    return Padding(spoken((content, style)), (0, 0, 0, 8), expand=False)


def documents_screen(documents: Sequence["DocumentSummary"]) -> "Table":
    """Kept documents for people, newest first."""
    lines = table(
        "source",
        "scope",
        "document",
        "kind",
        "size",
        "fetched",
        "outcome",
        "origin",
        right=("size",),
        wide="origin",
    )
    for entry in documents:
        style = {"refused": "red", "staged": "green"}.get(entry.outcome, "")
        lines.add_row(
            spoken(entry.source),
            spoken(entry.scope),
            entry.name[:12],
            spoken(entry.kind),
            "" if entry.bytes is None else size(entry.bytes),
            moment(entry.fetched_at),
            spoken((entry.outcome, style)),
            cut(entry.origin),
        )
    return lines
