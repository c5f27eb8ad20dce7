"""The queue of review, and one extraction with the words that support it."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from assay.cli.output import cut, pairs, plain, severity_badge, spoken, table, text
from assay.domain.severity import band_of_word
from assay.domain.wording import age, confidence

if TYPE_CHECKING:
    from rich.console import RenderableType

    from assay.pipelines.feeds.model.review import Item, Line

_STYLES = {"accepted": "green", "approved": "green", "in_review": "yellow", "rejected": "red"}


def review_screen(found: Sequence["Line"], now: datetime) -> "RenderableType":
    """Lines of the queue for people."""
    columns = ("id", "sure", "name", "vendor, product", "severity", "feed", "since", "why", "title")
    lines = table(*columns, right=("id", "sure"), wide="title")
    for one in found:
        band = band_of_word(one.severity or "")
        lines.add_row(
            str(one.id),
            confidence(one.confidence),
            spoken((one.identifier, "bold"), " *" if one.is_monitored else ""),
            spoken(", ".join(name for name in (one.vendor, one.product) if name)),
            severity_badge(None if band is None else band.value, None),
            spoken(one.feed),
            spoken(age(one.created_at, now)),
            spoken(_why(one)),
            cut(one.title or ""),
        )
    return lines


def _why(one: "Line") -> str:
    told = [doubt.replace("_", " ") for doubt in one.doubts]
    if one.is_waiting_for_model:
        told.append("a model is to be asked")
    if one.is_changed_since:
        told.append("changed since")
    if one.decided_by:
        told.append(f"by {one.decided_by}")
    return ", ".join(told)


def item_json(item: "Item") -> dict[str, Any]:
    """One extraction for programs; places are characters of `text`."""
    told = {
        name: getattr(item, name)
        for name in ("id", "identifier", "feed", "entry", "record_id", "title", "address", "confidence")
    }
    told |= {name: getattr(item, name) for name in ("is_monitored", "model", "published_at", "created_at")}
    told |= {name: getattr(item, name) for name in ("changed_at", "decided_by", "decided_at", "note")}
    told |= {"state": item.state.value, "doubts": list(item.doubts), "is_candidate": item.is_candidate}
    told |= {"is_changed_since": item.is_changed_since, "text": item.prose.text}
    shown: dict[str, Any] = plain(told)
    shown |= msgspec.to_builtins({"extracted": item.extracted, "decided": item.decided})
    return shown


def item_screen(item: "Item") -> Iterator["RenderableType"]:
    """One extraction for people."""
    from assay.pipelines.feeds.commands.reviewing import as_edits

    state = item.state.value
    yield spoken((item.identifier, "bold"), "  ", (state.replace("_", " "), _STYLES.get(state, "")))
    yield spoken(item.title or "")
    rows: list[tuple[str, RenderableType]] = [
        ("feed", spoken(item.feed)),
        ("address", spoken(item.address or "")),
        ("confidence", spoken(confidence(item.confidence))),
        ("doubts", spoken(", ".join(item.doubts) or "none")),
    ]
    if item.decided_by:
        changed = "; the text was changed since" if item.is_changed_since else ""
        rows.append(
            ("decided by", spoken(f"{item.decided_by}{': ' + item.note if item.note else ''}{changed}"))
        )
    edits = msgspec.to_builtins(as_edits(item.shown))
    for name, value in edits.items():
        if value:
            rows.append((name, text("\n".join(value) if isinstance(value, list) else value, keep_lines=True)))
    yield pairs(rows)
    yield spoken(("Words that support it", "bold"))
    yield pairs((name, text(f"“{words}”")) for name, words in _support(item))


def _support(item: "Item") -> Iterator[tuple[str, str]]:
    from assay.pipelines.feeds.queries.reviewing import places_of

    for name, places in places_of(item.shown).items():
        for place in places[:3]:
            yield name, " ".join(item.prose.text[place.start : place.end].split())
