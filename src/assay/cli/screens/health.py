"""What an examination found: graded lines, with advice where something is to be done."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from assay.cli.output import spoken
from assay.domain.wording import counted

if TYPE_CHECKING:
    from rich.console import RenderableType


class Grade(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `advice` says what to do about it."""

    what: str
    grade: Grade
    said: str
    advice: str | None = None


_STYLES = {Grade.OK: "green", Grade.WARNING: "yellow", Grade.FAILED: "bold red"}


def health_json(findings: Sequence[Finding]) -> dict[str, Any]:
    """An examination for programs."""
    return {
        "is_healthy": all(entry.grade is not Grade.FAILED for entry in findings),
        "findings": list(findings),
    }


def health_screen(findings: Sequence[Finding]) -> list["RenderableType"]:
    """An examination for people, and a line that sums it up."""
    from rich.table import Table

    lines = Table.grid(padding=(0, 2))
    lines.add_column(no_wrap=True)
    lines.add_column(no_wrap=True, style="bold")
    lines.add_column(overflow="fold")
    for entry in findings:
        style = _STYLES[entry.grade]
        lines.add_row(spoken((entry.grade.value, style)), entry.what, spoken(entry.said))
        if entry.advice:
            lines.add_row("", "", spoken((f"→ {entry.advice}", style)))
    failed = sum(entry.grade is Grade.FAILED for entry in findings)
    warned = sum(entry.grade is Grade.WARNING for entry in findings)
    if failed:
        verdict = spoken(
            (f"{counted(failed, 'check')} failed", "bold red"), f", {counted(warned, 'warning')}"
        )
    elif warned:
        verdict = spoken(("Works", "green"), f", with {counted(warned, 'warning')}")
    else:
        verdict = spoken(("All is well", "green"))
    return [lines, "", verdict]
