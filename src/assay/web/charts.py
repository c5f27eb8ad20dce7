"""Charts as inline SVG: values in, markup out. Colours and fonts are the stylesheet's; nothing has a style of its own.

Every number that a chart draws stands in its titles too, and its page has the same as a table.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Protocol

from markupsafe import Markup, escape

from assay.domain.wording import counted, number

# From the bottom of a bar to its top: what is worst stands on the ground, where lengths can be compared.
SEVERITIES = ("critical", "high", "medium", "low", "none", "unrated")

_WIDTH, _HEIGHT = 720, 150
_LEFT, _BOTTOM, _TOP = 44, 20, 8
_GAP = 0.22
# Labels of days that have room beside each other.
_LABELS = 7


class Day(Protocol):
    """How many there were on a day, by severity."""

    @property
    def day(self) -> date: ...
    @property
    def severities(self) -> Mapping[str, int]: ...


def trend(days: Sequence[Day], label: str) -> Markup:
    """A bar for every day, made of its severities; empty where there are no days."""
    if not days:
        return Markup()
    top = ceiling(max(sum(entry.severities.values()) for entry in days))
    step = (_WIDTH - _LEFT) / len(days)
    parts = [*_grid(top), *(_bar(entry, place, step, top) for place, entry in enumerate(days)), *_dates(days)]
    return _svg(_WIDTH, _HEIGHT, label, parts, "chart trend")


def ceiling(most: int) -> int:
    """The number at the top of the scale: 1, 2 or 5 times a power of ten, never below `most`."""
    power = 1
    while True:
        for times in (1, 2, 5):
            if times * power >= most and times * power >= 2:
                return times * power
        power *= 10


def _y(value: float, top: int) -> float:
    return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - value / top)


def _grid(top: int) -> Iterator[Markup]:
    for value in (0, top // 2, top) if top > 2 else (0, top):
        y = round(_y(value, top), 1)
        yield Markup('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(_LEFT, _WIDTH, y, y)
        yield Markup('<text class="tick end" x="{}" y="{}">{}</text>').format(_LEFT - 6, y + 4, number(value))


def _bar(entry: Day, place: int, step: float, top: int) -> Markup:
    left = round(_LEFT + step * (place + _GAP / 2), 2)
    width = round(step * (1 - _GAP), 2)
    pieces, below = [], 0
    for severity in SEVERITIES:
        found = entry.severities.get(severity, 0)
        if not found:
            continue
        upper, lower = _y(below + found, top), _y(below, top)
        pieces.append(
            Markup('<rect class="fill-{}" x="{}" y="{}" width="{}" height="{}"/>').format(
                severity, left, round(upper, 2), width, round(lower - upper, 2)
            )
        )
        below += found
    area = Markup('<rect class="hit" x="{}" y="{}" width="{}" height="{}"/>').format(
        round(_LEFT + step * place, 2), _TOP, round(step, 2), _HEIGHT - _TOP - _BOTTOM
    )
    return Markup("<g><title>{}</title>{}{}</g>").format(in_words(entry), Markup().join(pieces), area)


def in_words(entry: Day) -> str:
    """A day and what there was on it."""
    total = sum(entry.severities.values())
    parts = [f"{number(found)} {name}" for name in SEVERITIES if (found := entry.severities.get(name, 0))]
    said = f"{entry.day.isoformat()}: {counted(total, 'vulnerability', 'vulnerabilities')}"
    return f"{said} ({', '.join(parts)})" if parts else said


def _dates(days: Sequence[Day]) -> Iterator[Markup]:
    every = max(1, -(-len(days) // _LABELS))
    step = (_WIDTH - _LEFT) / len(days)
    # Counted from the end, so that the last day always has its name.
    for place in range(len(days) - 1, -1, -every):
        x = round(_LEFT + step * (place + 0.5), 1)
        anchor = "end" if place == len(days) - 1 else "middle"
        x = _WIDTH if anchor == "end" else x
        day = days[place].day
        yield Markup('<text class="tick {}" x="{}" y="{}">{}</text>').format(
            anchor, x, _HEIGHT - 5, f"{day:%b} {day.day}"
        )


def meter(share: float, kind: str = "plain") -> Markup:
    """A share between 0 and 1 as a short bar; the number has to stand beside it."""
    filled = round(max(0.0, min(1.0, share)) * 60, 1)
    return Markup(
        '<svg class="meter" viewBox="0 0 60 6" width="60" height="6" aria-hidden="true" focusable="false">'
        '<rect class="track" width="60" height="6" rx="3"/><rect class="fill-{}" width="{}" height="6" rx="3"/></svg>'
    ).format(kind, filled)


def spark(values: Sequence[float], label: str) -> Markup:
    """A line through values between 0 and 1, oldest first; empty for fewer than two."""
    if len(values) < 2:
        return Markup()
    top = max(*values, 0.01)
    points = " ".join(
        f"{round(place * 238 / (len(values) - 1) + 1, 1)},{round(39 - value / top * 36, 1)}"
        for place, value in enumerate(values)
    )
    line = Markup('<polyline class="line" points="{}"/>').format(points)
    return _svg(240, 40, label, [line], "chart spark")


def _svg(width: int, height: int, label: str, parts: Sequence[Markup], kind: str) -> Markup:
    return Markup('<svg class="{}" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        kind, width, height, escape(label), Markup().join(parts)
    )
