"""Is this version affected? OSV's evaluation, once as spans of keys for a database and once as the plain walk.

OSV schema 1.7, section "Evaluation". Events are sorted by version and, where several name equal ones, in the order
introduced, last_affected, fixed (osv.dev does so); `introduced: 0` comes before every version; limits cut. SEMVER and
ECOSYSTEM ranges are both read in the ecosystem's own order, as osv.dev reads them. GIT ranges speak of commits and are
left out here. What cannot be read is *unknown* and never "not affected".
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter

import msgspec

from assay.domain.osv import Affected, Event, Range
from assay.domain.versions import family_of, key

BELOW_ALL = b""
"""The lower bound that OSV writes as `introduced: 0`; no version has this key."""

# In the order in which events of equal versions take effect; a limit is no step.
_INTRODUCED, _LAST_AFFECTED, _FIXED, _LIMIT = range(4)
_NEEDS_RELEASE = frozenset({"Alpine", "Ubuntu"})


class Span(msgspec.Struct, frozen=True, gc=False):
    """An interval of affected keys, its lower bound included; `upper` None is unbounded.

    `introduced` and `fixed` are the versions as written that begin and end it; `fixed` is None where the end is a
    last affected version, a limit, or open.
    """

    lower: bytes
    upper: bytes | None
    is_upper_included: bool
    fixed: str | None
    introduced: str | None

    @property
    def is_everything(self) -> bool:
        """Whether every version is affected, even one that cannot be read."""
        return self.lower == BELOW_ALL and self.upper is None

    def holds(self, version_key: bytes) -> bool:
        """Whether the key lies in the interval."""
        if version_key < self.lower:
            return False
        if self.upper is None:
            return True
        return version_key < self.upper or (self.is_upper_included and version_key == self.upper)


class Spans(msgspec.Struct, frozen=True):
    """What ranges come to: disjoint spans in ascending order, and the versions in ranges that could not be read."""

    spans: tuple[Span, ...] = ()
    unread: tuple[str, ...] = ()

    def holds(self, version_key: bytes | None) -> bool | None:
        """Whether a version with this key is affected; None is unknown."""
        if any(span.is_everything for span in self.spans):
            return True
        if version_key is None:
            return None if self.spans or self.unread else False
        if any(span.holds(version_key) for span in self.spans):
            return True
        return None if self.unread else False


class _Step(msgspec.Struct, frozen=True, gc=False):
    """One event with its place in the order."""

    at: bytes
    kind: int
    written: str


_PLACE = attrgetter("at", "kind")
_AT = attrgetter("at")


class _Unread(Exception):  # noqa: N818 - never leaves here; it carries what nobody can read
    def __init__(self, versions: Iterable[str]) -> None:
        super().__init__()
        self.versions = tuple(versions)


def spans(ecosystem: str, ranges: Sequence[Range]) -> Spans:
    """The affected keys that the ranges of one package name together.

    A range with an event that has no key goes to `unread` as a whole. Spans that overlap or touch become one, so that
    `fixed` is never itself affected.
    """
    evaluated = _evaluated(ecosystem, ranges)
    if len(evaluated) == 1 and (only := _plain_span(ecosystem, evaluated[0].events)) is not None:
        return Spans((only,))
    found: list[Span] = []
    unread: list[str] = []
    for each in evaluated:
        try:
            found += _spans(*_steps(ecosystem, each))
        except _Unread as error:
            unread += error.versions
    return Spans(_merged(found), tuple(dict.fromkeys(unread)))


def _plain_span(ecosystem: str, events: Sequence[Event]) -> Span | None:
    """The span of events that are one `introduced` and then at most one later `fixed`, as nearly all are.

    None for any others, and for versions without a key.
    """
    if not 1 <= len(events) <= 2:
        return None
    introduced = events[0].introduced
    if introduced is None or events[0] != Event(introduced=introduced):
        return None
    lower = BELOW_ALL if introduced == "0" else key(ecosystem, introduced)
    if len(events) == 1 or lower is None:
        return None if lower is None else Span(lower, None, False, None, introduced)
    fixed = events[1].fixed
    if fixed is None or events[1] != Event(fixed=fixed):
        return None
    upper = key(ecosystem, fixed)
    return Span(lower, upper, False, fixed, introduced) if upper is not None and lower < upper else None


def is_affected(ecosystem: str, version: str, affected: Affected) -> bool | None:
    """Whether the version is affected by `versions` or by `ranges`; None is unknown.

    Enumerated versions are compared by key where both have one, so that `1.0` is found as `1.0.0`, else as text.
    """
    version_key = key(ecosystem, version)
    if is_listed(ecosystem, version, affected.versions):
        return True
    answers = [_is_in_range(ecosystem, version_key, each) for each in _evaluated(ecosystem, affected.ranges)]
    if True in answers:
        return True
    is_unreadable = version_key is None and family_of(ecosystem) is not None
    return None if None in answers or is_unreadable else False


def is_listed(ecosystem: str, version: str, versions: Sequence[str]) -> bool:
    """Whether the version is among the enumerated ones."""
    if version in versions:
        return True
    version_key = key(ecosystem, version)
    return version_key is not None and any(key(ecosystem, each) == version_key for each in versions)


def _evaluated(ecosystem: str, ranges: Sequence[Range]) -> list[Range]:
    """The ranges of versions that count.

    Alpine's and Ubuntu's releases fix the same vulnerability in different versions; without a release a range cannot
    be told from another release's, and only enumerated versions count (osv.dev does so).
    """
    if ecosystem in _NEEDS_RELEASE:
        return []
    return [each for each in ranges if each.type != "GIT"]


def _steps(ecosystem: str, each: Range) -> tuple[list[_Step], bytes | None]:
    """The range's events in the order of evaluation, and the highest limit, None where nothing limits it."""
    steps: list[_Step] = []
    limits: list[bytes | None] = []
    unread: list[str] = []
    for kind, written in _events(each.events):
        at = BELOW_ALL if kind == _INTRODUCED and written == "0" else key(ecosystem, written)
        if kind == _LIMIT and "*" in written:
            limits.append(None)
        elif at is None:
            unread.append(written)
        elif kind == _LIMIT:
            limits.append(at)
        else:
            steps.append(_Step(at, kind, written))
    if unread:
        raise _Unread(unread)
    steps.sort(key=_PLACE)
    bounds = [limit for limit in limits if limit is not None]
    return steps, max(bounds) if bounds and len(bounds) == len(limits) else None


def _events(events: Sequence[Event]) -> Iterator[tuple[int, str]]:
    for event in events:
        if event.introduced is not None:
            yield _INTRODUCED, event.introduced
        if event.last_affected is not None:
            yield _LAST_AFFECTED, event.last_affected
        if event.fixed is not None:
            yield _FIXED, event.fixed
        if event.limit is not None:
            yield _LIMIT, event.limit


def _spans(steps: list[_Step], limit: bytes | None) -> list[Span]:
    """One range's spans: at every version that events name, what holds there and what holds right behind it."""
    found: list[Span] = []
    opened: _Step | None = None
    for at, group in groupby(steps, key=_AT):
        here = {step.kind: step for step in reversed(list(group))}
        begins, fixed = here.get(_INTRODUCED), here.get(_FIXED)
        if fixed is not None:
            if opened is not None:
                found.append(Span(opened.at, at, False, fixed.written, opened.written))
            opened = None
            continue
        opened = opened or begins
        if opened is not None and _LAST_AFFECTED in here:
            found.append(Span(opened.at, at, True, None, opened.written))
            opened = None
    if opened is not None:
        found.append(Span(opened.at, None, False, None, opened.written))
    return found if limit is None else [_cut(span, limit) for span in found if span.lower < limit]


def _cut(span: Span, limit: bytes) -> Span:
    if span.upper is not None and (span.upper, span.is_upper_included) <= (limit, False):
        return span
    return Span(span.lower, limit, False, None, span.introduced)


def _merged(found: list[Span]) -> tuple[Span, ...]:
    if len(found) < 2:
        return tuple(found)
    merged: list[Span] = []
    for span in sorted(found, key=attrgetter("lower")):
        last = merged[-1] if merged else None
        if last is None or (last.upper is not None and last.upper < span.lower):
            merged.append(span)
        elif last.upper is not None and _ends_later(span, last):
            merged[-1] = Span(last.lower, span.upper, span.is_upper_included, span.fixed, last.introduced)
    return tuple(merged)


def _ends_later(span: Span, other: Span) -> bool:
    if span.upper is None or other.upper is None:
        return span.upper is None
    return (span.upper, span.is_upper_included) > (other.upper, other.is_upper_included)


def _is_in_range(ecosystem: str, version_key: bytes | None, each: Range) -> bool | None:
    """The schema's pseudocode, IncludedInRanges and BeforeLimits, for one range."""
    try:
        steps, limit = _steps(ecosystem, each)
    except _Unread:
        return None
    if version_key is None:
        return _is_in_range_whatever_it_is(steps, limit)
    if limit is not None and version_key >= limit:
        return False
    is_vulnerable = False
    for step in steps:
        if step.kind == _INTRODUCED and version_key >= step.at:
            is_vulnerable = True
        elif (step.kind == _FIXED and version_key >= step.at) or (
            step.kind == _LAST_AFFECTED and version_key > step.at
        ):
            is_vulnerable = False
    return is_vulnerable


def _is_in_range_whatever_it_is(steps: list[_Step], limit: bytes | None) -> bool | None:
    """For a version without a place in the order: all are affected, or none is, or it is unknown."""
    if not any(step.kind == _INTRODUCED for step in steps):
        return False
    is_unending = limit is None and all(step.kind == _INTRODUCED for step in steps)
    return True if is_unending and steps[0].at == BELOW_ALL else None
