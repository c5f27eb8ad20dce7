"""When tasks run by themselves."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from assay.cli.output import cut, spoken, table
from assay.domain.wording import age, schedule_in_words, until

if TYPE_CHECKING:
    from rich.console import RenderableType

    from assay.jobs.schedules import Schedule

_STYLES = {"failed": "red", "completed": "green", "processing": "cyan"}


def schedules_screen(found: Sequence["Schedule"], now: datetime) -> list["RenderableType"]:
    """Schedules for people."""
    lines = table("schedule", "task", "when", "next run", "last run", "ended", "", wide="")
    for one in found:
        when = schedule_in_words(one.spec) + (" (set by hand)" if one.is_changed else "")
        lines.add_row(
            spoken((one.name, "bold")),
            spoken(one.task),
            spoken(when),
            spoken(_next(one, now)),
            spoken("never" if one.last_run_at is None else age(one.last_run_at, now)),
            spoken((one.last_status or "", _STYLES.get(one.last_status or "", ""))),
            cut(_remark(one)),
        )
    return [lines]


def _next(one: "Schedule", now: datetime) -> str:
    if one.is_paused:
        return "paused"
    if one.spec == "off":
        return "off"
    return "when a worker runs" if one.next_run_at is None else until(one.next_run_at, now)


def _remark(one: "Schedule") -> str:
    return one.last_error or (f"{one.missed} missed" if one.missed else "")
