"""Intervals of versions, and as much order between two versions as holds in every ecosystem."""

import re

import msgspec

_NUMBERS = re.compile(r"[vV]?([0-9]+(?:\.[0-9]+)*)")


class Interval(msgspec.Struct, frozen=True, gc=False):
    """The versions between two bounds in the package's own order; None is unbounded (and never closed)."""

    lower: str | None = None
    lower_closed: bool = False
    upper: str | None = None
    upper_closed: bool = False

    @property
    def version(self) -> str | None:
        """The one version that the interval holds, None where it may hold more."""
        both_closed = self.lower_closed and self.upper_closed
        return self.lower if both_closed and self.lower == self.upper else None


EVERYTHING = Interval()


def exactly(version: str) -> Interval:
    """The interval of one version."""
    return Interval(version, True, version, True)


def order(left: str, right: str) -> int | None:
    """-1, 0 or 1 where the leading numbers decide, and None where only the ecosystem's own order could.

    Every package type here compares the leading dotted numbers first and takes a missing one for zero, so
    `1.9-beta` is below `1.10` everywhere; `1.0-beta` against `1.0` is not decided here, nor is an epoch.
    """
    if left == right:
        return 0
    first, second = _NUMBERS.match(left), _NUMBERS.match(right)
    if first is None or second is None or "!" in left or "!" in right:
        return None
    a, b = _magnitudes(first[1]), _magnitudes(second[1])
    if a != b:
        return -1 if a < b else 1
    plain = first.end() == len(left) and second.end() == len(right)
    return 0 if plain else None


def _magnitudes(numbers: str) -> tuple[tuple[int, str], ...]:
    """Numbers in a form that orders as they do, of any length, without the zeros at the end."""
    stripped = [part.lstrip("0") for part in numbers.split(".")]
    while stripped and not stripped[-1]:
        stripped.pop()
    return tuple((len(part), part) for part in stripped)


def intersection(left: Interval, right: Interval) -> Interval:
    """The versions in both; ValueError where there are none, or where two bounds cannot be ordered here."""
    if left is EVERYTHING:
        require_versions(right)
        return right
    lower, lower_closed = _tighter(left.lower, left.lower_closed, right.lower, right.lower_closed, 1)
    upper, upper_closed = _tighter(left.upper, left.upper_closed, right.upper, right.upper_closed, -1)
    found = Interval(lower, lower_closed, upper, upper_closed)
    require_versions(found)
    return found


def _tighter(
    a: str | None, a_closed: bool, b: str | None, b_closed: bool, sign: int
) -> tuple[str | None, bool]:
    """The bound that leaves fewer versions: the higher of two lower ones (1), the lower of two upper (-1)."""
    if a is None or b is None:
        return (b, b_closed) if a is None else (a, a_closed)
    comparison = order(a, b)
    if comparison is None:
        raise ValueError(f"which of {a!r} and {b!r} comes first is not decided by their numbers")
    if comparison == 0:
        return a, a_closed and b_closed
    return (a, a_closed) if comparison == sign else (b, b_closed)


def require_versions(interval: Interval) -> None:
    """Raise ValueError for an interval that surely holds no version: a slip of the pen, not a statement."""
    if interval.lower is None or interval.upper is None:
        return
    comparison = order(interval.lower, interval.upper)
    closed = interval.lower_closed and interval.upper_closed
    if comparison == 1 or (comparison == 0 and not closed):
        raise ValueError(f"no version lies between {interval.lower!r} and {interval.upper!r}")


def without(interval: Interval, excluded: Interval) -> tuple[Interval, ...]:
    """The interval's versions outside `excluded`, which is bounded on both sides.

    Where the order of two bounds is not decided the whole interval stays: one version too many is reported
    rather than one too few.
    """
    if excluded.lower is None or excluded.upper is None:
        raise ValueError("an exclusion without bounds leaves no version")
    before = _side(interval.lower, excluded.lower, -1)
    after = _side(interval.upper, excluded.upper, 1)
    ends_before = interval.upper is not None and order(interval.upper, excluded.lower) == -1
    begins_after = interval.lower is not None and order(interval.lower, excluded.upper) == 1
    if before is None or after is None or ends_before or begins_after:
        return (interval,)
    left = Interval(interval.lower, interval.lower_closed, excluded.lower, not excluded.lower_closed)
    right = Interval(excluded.upper, not excluded.upper_closed, interval.upper, interval.upper_closed)
    return tuple(piece for piece, is_kept in ((left, before), (right, after)) if is_kept)


def _side(bound: str | None, excluded: str, outside: int) -> bool | None:
    """Whether versions remain between the interval's own bound and the exclusion; None where not decided."""
    if bound is None:
        return True
    comparison = order(bound, excluded)
    return None if comparison is None else comparison == outside
