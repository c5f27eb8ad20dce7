"""Who said what of a vulnerability, field by field, and who said otherwise."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from msgspec import to_builtins

from assay.cli.output import spoken
from assay.domain.saying import in_words
from assay.domain.wording import counted

if TYPE_CHECKING:
    from rich.console import RenderableType

    from assay.catalog.commands import FieldWord, Word


def provenance_json(fields: Sequence["FieldWord"]) -> list[dict[str, Any]]:
    """The provenance for programs."""
    return [
        {
            "field": entry.field,
            "by": to_builtins(entry.by),
            "against": to_builtins(entry.against),
            "also": to_builtins(entry.also),
        }
        for entry in fields
    ]


def provenance_screen(fields: Sequence["FieldWord"]) -> list["RenderableType"]:
    """The provenance for people; a mark says whether a claim set, added to or contradicts the field."""
    against = sum(bool(entry.against) for entry in fields)
    legend = spoken(
        ("Provenance", "bold"),
        ("  = set by  ", "green"),
        ("+ adds to it  ", "cyan"),
        ("≠ says otherwise  ", "red"),
        (f"({counted(against, 'field')} in dispute)", "dim"),
    )
    shown: list[RenderableType] = ["", legend]
    for entry in fields:
        shown.append(spoken((entry.field, "bold")))
        shown += _word("=", "green", entry.field, entry.by)
        for word in entry.also:
            shown += _word("+", "cyan", entry.field, word)
        for word in entry.against:
            shown += _word("≠", "red", entry.field, word)
    return shown


def _word(mark: str, style: str, field: str, word: "Word") -> list["RenderableType"]:
    from rich.padding import Padding

    said = in_words(field, word.value)
    place = f" {word.said_by}" if word.said_by else ""
    return [
        spoken("  ", (mark, style), " ", (word.claim, "dim"), place),
        Padding(spoken(said), (0, 0, 0, 4), expand=False),
        *(Padding(spoken((f"“{quote}”", "italic")), (0, 0, 0, 4), expand=False) for quote in word.quotes),
    ]
