"""Who said what of a vulnerability, field by field, and who said otherwise."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from assay.cli.output import counted, plain, spoken
from assay.cli.screens.affected import versions_of
from assay.domain.osv import Affected

if TYPE_CHECKING:
    from rich.console import RenderableType

    from assay.catalog.commands import FieldWord, Word

_MOST = 240


def provenance_json(fields: Sequence["FieldWord"]) -> list[dict[str, Any]]:
    """The provenance for programs."""
    return [
        {
            "field": entry.field,
            "by": plain(entry.by),
            "against": [plain(word) for word in entry.against],
            "also": [plain(word) for word in entry.also],
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
    return [
        spoken("  ", (mark, style), " ", (word.claim, "dim")),
        Padding(spoken(said), (0, 0, 0, 4), expand=False),
    ]


def in_words(field: str, value: Any) -> str:
    """A claim's value on a field, on one line, cut where it is long."""
    if value is None:
        return "(the claim cannot be read any more)"
    if field.startswith("affected/"):
        entries = msgspec.convert(_bare(value), list[Affected])
        said = "; ".join(line for entry in entries for line in versions_of(entry)) or "no version"
    elif field in ("references", "credits"):
        said = ", ".join(str(entry.get("url") or entry.get("name")) for entry in value)
    elif isinstance(value, list) and all(isinstance(entry, str) for entry in value):
        said = ", ".join(value)
    else:
        said = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    said = " ".join(said.split())
    return said if len(said) <= _MOST else f"{said[:_MOST].rstrip()} …"


def _bare(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Affected entries without what passes through verbatim, which is not shown."""
    shown = ("package", "ranges", "versions")
    bare = [{name: entry[name] for name in shown if name in entry} for entry in entries]
    for entry in bare:
        entry["ranges"] = [
            {name: part for name, part in found.items() if name != "database_specific"}
            for found in entry.get("ranges", ())
        ]
    return bare
