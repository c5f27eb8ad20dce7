"""The sources, when they were read, and the documents that are kept of them."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from assay.cli.output import age, counted, cut, moment, size, spoken, table
from assay.pipelines.advisories.model import Bucket, Download, Repository, ScoreSource, Source

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from assay.jobs.ledger import Run
    from assay.pipelines.advisories.queries import DocumentSummary, ListingRow

# Every source publishes at least daily; one that was missed twice is a matter for a person.
STALE = timedelta(days=2)

# Cron expressions of the two kinds that sources have: `13 * * * *` and `30 4 * * *`.
_HOURLY = re.compile(r"(\d+) \* \* \* \*")
_DAILY = re.compile(r"(\d+) (\d+) \* \* \*")


@dataclass(frozen=True, slots=True)
class Standing:
    """A source and what is known of it."""

    source: Source
    run: "Run | None"
    fetched_at: datetime | None
    records: int
    quarantined: int


def standings(
    sources: Mapping[str, Source],
    *,
    runs: Iterable["Run"],
    freshness: Mapping[str, datetime],
    listings: Iterable["ListingRow"],
    quarantined: Iterable[tuple[str, str, int]],
    scores: tuple[date, int] | None,
) -> list[Standing]:
    """What is known of each source, from the run ledger, the documents, the listings and the quarantine."""
    ran = {run.source: run for run in runs}
    records = Counter(
        {name: scores[1] for name, entry in sources.items() if scores and isinstance(entry, ScoreSource)}
    )
    for listing in listings:
        records[listing.source] += listing.records
    bad: Counter[str] = Counter()
    for name, _, number in quarantined:
        bad[name] += number
    return [
        Standing(source, ran.get(name), freshness.get(name), records[name], bad[name])
        for name, source in sources.items()
    ]


def freshness(fetched_at: datetime | None, now: datetime) -> str:
    """`never`, `fresh` or `stale`."""
    if fetched_at is None:
        return "never"
    return "fresh" if now - fetched_at <= STALE else "stale"


def address(source: Source) -> str:
    """Where a source is fetched from."""
    match source.transport:
        case Download(url=url):
            return url
        case Bucket(url=url, archive=archive):
            return f"{url}/{archive}"
        case Repository(url=url, branch=branch):
            return f"{url} ({branch})"


def schedule_in_words(cron: str) -> str:
    """A cron expression as people say it, or as it is."""
    if found := _HOURLY.fullmatch(cron):
        return f"hourly at minute {int(found[1])}"
    if found := _DAILY.fullmatch(cron):
        return f"daily at {int(found[2]):02d}:{int(found[1]):02d} UTC"
    return cron


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
