"""What a sync, a replay and a merge came to."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from assay.cli.output import count, cut, spoken, table
from assay.domain.wording import counted, number, seconds
from assay.jobs.ledger import Outcome

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

    from assay.catalog.commands import MergeCounts
    from assay.pipelines.advisories.commands import Replayed, SourceReport, SyncReport

_GOOD = (Outcome.COMPLETED, Outcome.UNCHANGED)
# Enough of a SHA-256 to tell documents apart and to type after --replay.
_SHORT = 12


def missing(report: "SourceReport") -> int:
    """Records that were read and are neither a claim nor in quarantine; anything but 0 is a bug."""
    counts = report.counts
    return counts.read - counts.new - counts.changed - counts.unchanged - counts.quarantined


def is_well(report: "SyncReport") -> bool:
    """Whether every source was read and every record is accounted for."""
    return report.is_good and not any(missing(entry) for entry in report.sources)


def sync_json(report: "SyncReport") -> dict[str, Any]:
    """A sync for programs."""
    return {
        "is_good": is_well(report),
        "seconds": report.seconds,
        "sources": [
            {
                "source": entry.source,
                "outcome": entry.outcome,
                **asdict(entry.counts),
                "claims": entry.counts.new + entry.counts.changed + entry.counts.unchanged,
                "missing": missing(entry),
                "seconds": entry.seconds,
                "document": entry.document,
                "notes": entry.notes,
                "error": entry.error,
            }
            for entry in report.sources
        ],
        "merge": {**asdict(report.merged), "purged": report.purged, "seconds": report.merge_seconds},
    }


def sync_screen(report: "SyncReport", score_sources: frozenset[str]) -> list["RenderableType"]:
    """A sync for people: a line per source, what became of its records, and what changed in the catalog."""
    columns = ("read", "new", "changed", "unchanged", "quarantined", "tombstoned", "seconds")
    lines = table("source", *columns, right=columns)
    for entry in report.sources:
        counts = entry.counts
        if entry.outcome not in _GOOD:
            lines.add_row(spoken((entry.source, "red")), *["-"] * (len(columns) - 1), seconds(entry.seconds))
            continue
        lines.add_row(
            spoken(entry.source),
            count(counts.read),
            count(counts.new, "green"),
            count(counts.changed, "green"),
            count(counts.unchanged),
            count(counts.quarantined, "yellow"),
            count(counts.tombstoned, "magenta"),
            seconds(entry.seconds),
        )
    told = _grid()
    for entry in report.sources:
        _account(told, entry, is_scores=entry.source in score_sources)
    _add_merge(told, report.merged, report.merge_seconds, report.purged)
    return [lines, "", told]


def _grid() -> "Table":
    from rich.table import Table

    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_column(style="dim", no_wrap=True)
    return grid


def _account(grid: "Table", entry: "SourceReport", *, is_scores: bool) -> None:
    """What became of a source's records, or why nothing did; then its remarks."""
    if entry.outcome in _GOOD:
        grid.add_row(spoken(entry.source), _sum(entry, is_scores=is_scores), (entry.document or "")[:_SHORT])
    else:
        grid.add_row(spoken(entry.source), spoken((f"{entry.outcome.value}: {entry.error}", "red")))
    for remark in entry.notes:
        grid.add_row("", spoken((remark, "dim")))


def _sum(entry: "SourceReport", *, is_scores: bool) -> "Text":
    counts = entry.counts
    if is_scores and not counts.read:
        return spoken(("nothing new", "dim"))
    lost = missing(entry)
    kept = counts.read - counts.quarantined - lost
    if is_scores:
        said = f"{counted(counts.read, 'score')} = {number(kept)} taken"
    else:
        said = f"{counted(counts.read, 'record')} = {counted(kept, 'claim')}"
    return spoken(
        ("nothing new: " if entry.outcome is Outcome.UNCHANGED else "", "dim"),
        f"{said} + ",
        (f"{number(counts.quarantined)} quarantined", "yellow" if counts.quarantined else ""),
        (f" + {number(lost)} NOT ACCOUNTED FOR, which is a bug" if lost else "", "bold red"),
    )


def merge_screen(merged: "MergeCounts") -> "Table":
    """What a merge changed in the catalog, for people."""
    grid = _grid()
    _add_merge(grid, merged)
    return grid


def _add_merge(grid: "Table", merged: "MergeCounts", took: float | None = None, purged: int = 0) -> None:
    parts = (
        (f"{number(merged.added)} added", "green" if merged.added else "dim"),
        (f"{number(merged.changed)} changed", "green" if merged.changed else "dim"),
        (f"{number(merged.removed)} removed", "magenta" if merged.removed else "dim"),
        (f"{number(merged.unchanged)} unchanged", "" if merged.unchanged else "dim"),
    )
    line = spoken(parts[0], ", ", parts[1], ", ", parts[2], ", ", parts[3])
    grid.add_row("merged", line, "" if took is None else seconds(took))
    if purged:
        grid.add_row("", f"{counted(purged, 'tombstone')} deleted after the retention time")
    if merged.unreadable:
        said = f"{counted(merged.unreadable, 'claim')} could not be read any more; `assay -v` names them"
        grid.add_row("", spoken((said, "yellow")))


def replay_json(replayed: "Replayed") -> dict[str, Any]:
    """A replay of the quarantine for programs."""
    still_bad = [
        {"id": key, "reason": reason, "detail": detail} for key, reason, detail in replayed.still_bad
    ]
    return {"read_well": replayed.read_well, "still_bad": still_bad, "merge": asdict(replayed.merged)}


def replay_screen(replayed: "Replayed") -> list["RenderableType"]:
    """A replay of the quarantine for people."""
    bad = replayed.still_bad
    shown: list[RenderableType] = [
        spoken(
            (f"{counted(replayed.read_well, 'record')} read well", "green" if replayed.read_well else "dim"),
            ", ",
            (f"{number(len(bad))} still bad", "yellow" if bad else "dim"),
        )
    ]
    if bad:
        lines = table("id", "reason", "detail", right=("id",), wide="detail")
        for key, reason, detail in bad:
            lines.add_row(str(key), spoken(reason), cut(detail))
        shown.append(lines)
    return [*shown, merge_screen(replayed.merged)]
