"""How right the extraction is, on a terminal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from assay.cli.output import spoken, table, text
from assay.domain.wording import counted

if TYPE_CHECKING:
    from rich.console import RenderableType

    from assay.pipelines.feeds.model.evaluation import Report, Review, Row


def report_screens(reports: "Sequence[Report]") -> "list[RenderableType]":
    """A table of fields and one of whole records for each method."""
    shown: list[RenderableType] = []
    for report in reports:
        shown.append(
            spoken(
                f"{report.kind}, {report.method}: {counted(report.texts, 'text')}, a dictionary of "
                f"{counted(report.names, 'name')}; "
                f"accepted from {report.threshold:g} on"
            )
        )
        shown.append(_fields(report.fields))
        if report.review.records:
            shown.append(_review(report.review))
    return shown


def _fields(rows: "Sequence[Row]") -> "RenderableType":
    numbers = ("labels", "right", "accepted", "precision", "calibration error")
    made = table("field", *numbers, right=numbers)
    for row in rows:
        made.add_row(
            text(row.field, "bold" if "," not in row.field else ""),
            f"{row.labels:,}",
            _percent(row.right),
            _percent(row.accepted),
            _percent(row.precision),
            "" if row.calibration_error is None else f"{row.calibration_error:.3f}",
        )
    return made


def _review(review: "Review") -> "RenderableType":
    made = table("whole records", "", right=("",))
    for name, value in (
        ("identifier, vendor and product right", review.right),
        ("accepted without review", review.accepted),
        ("of these right", review.precision),
        ("of these right, with aliases", review.precision_with_aliases),
        ("wrong ones caught by review", review.caught),
        ("wrong ones caught, with aliases", review.caught_with_aliases),
        ("of what is reviewed, wrong", review.deserved),
    ):
        made.add_row(name, _percent(value))
    made.add_row(
        "calibration error", f"{review.calibration_error:.3f}" if review.calibration_error is not None else ""
    )
    return made


def _percent(part: float | None) -> str:
    return "" if part is None else f"{part:.1%}"
