"""Intervals in the words of the OSV schema."""

from collections.abc import Sequence

from assay.domain.osv import Event, Range
from assay.domain.ranges.interval import Interval


def events(interval: Interval) -> tuple[Event, ...]:
    """One interval as OSV events (OSV schema 1.7, affected[].ranges[].events).

    OSV has no word for an open lower bound: `>1.0` becomes `introduced: 1.0`, so 1.0 itself is reported too.
    One version too many can be looked at by a person, one too few is seen by nobody.
    """
    begin = Event(introduced=interval.lower or "0")
    if interval.upper is None:
        return (begin,)
    if interval.upper_closed:
        return begin, Event(last_affected=interval.upper)
    return begin, Event(fixed=interval.upper)


def as_osv(kind: str, intervals: Sequence[Interval]) -> tuple[tuple[Range, ...], tuple[str, ...]]:
    """OSV ranges of type `kind` and the single versions beside them, each once and in the order given.

    Every interval is a range of its own: events of overlapping intervals in one range (`<=1.0.2||<2.3.10`,
    npm/method-override) would end the longer one at the shorter one's fix (OSV schema, "Evaluation").
    """
    found = dict.fromkeys(intervals)
    ranges = tuple(Range(type=kind, events=events(each)) for each in found if each.version is None)
    return ranges, tuple(each.version for each in found if each.version is not None)
