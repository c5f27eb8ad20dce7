"""Records that were set aside, and why."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from assay.cli.output import cut, pairs, spoken, table, text
from assay.domain.wording import counted, day, moment, size

if TYPE_CHECKING:
    from rich.console import RenderableType

    from assay.pipelines.advisories.queries import QuarantineRow

# Bytes of a record that are shown before `--raw` is the better way to look at it.
_EXCERPT = 1_500


def quarantine_screen(
    rows: Sequence["QuarantineRow"], counts: Sequence[tuple[str, str, int]]
) -> list["RenderableType"]:
    """A page of the quarantine for people, with how many there are of each kind."""
    if not counts:
        return [spoken(("Quarantine is empty: every record could be read.", "green"))]
    lines = table("id", "source", "reason", "record", "since", "detail", right=("id",), wide="detail")
    for row in rows:
        lines.add_row(
            str(row.id),
            spoken(row.source),
            spoken((row.reason, "yellow")),
            spoken(row.record_id or "-"),
            day(row.first_at),
            cut(row.detail),
        )
    total = sum(entry[2] for entry in counts)
    kinds = ", ".join(f"{source} {reason} {number:,}" for source, reason, number in counts)
    return [lines, "", spoken((f"{counted(total, 'record')} in quarantine: {kinds}", "dim"))]


def record_screen(row: "QuarantineRow", raw: bytes | None) -> list["RenderableType"]:
    """One record that was set aside, for people."""
    kept = "not kept; a sync of the source reads them again" if raw is None else size(len(raw))
    shown: list[RenderableType] = [
        pairs(
            [
                ("id", str(row.id)),
                ("source", spoken(row.source if row.scope == "all" else f"{row.source}, {row.scope}")),
                ("record", spoken(row.record_id or "-")),
                ("stands at", spoken(row.locator)),
                ("document", spoken(row.document)),
                ("reason", spoken((row.reason, "yellow"))),
                ("detail", spoken(row.detail)),
                (
                    "seen",
                    f"{counted(row.times, 'time')}, first {moment(row.first_at)}, last {moment(row.last_at)}",
                ),
                ("bytes", kept),
            ]
        )
    ]
    if raw is not None:
        excerpt = raw[:_EXCERPT].decode("utf-8", "backslashreplace")
        shown += ["", text(excerpt, keep_lines=True)]
        if len(raw) > _EXCERPT:
            shown.append(spoken((f"… and {size(len(raw) - _EXCERPT)} more; --raw writes all of it", "dim")))
    return shown
