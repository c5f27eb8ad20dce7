"""Ranges in brackets, as Maven and NuGet write them: `[1.0,2.0)`, `(,1.5]`, `[1.2]`, and lists of these."""

import re

from assay.domain.ranges.interval import Interval, exactly, require_versions
from assay.domain.ranges.versions import begins_before_all, is_nought, version_of

_VERSION = r"([^\s,\[\]()|]*)"
_ONE = re.compile(rf"([\[(])\s*{_VERSION}\s*(?:(,)\s*{_VERSION}\s*)?([\])])")
_JOINT = re.compile(r"\s*(?:,|\|\|?)?\s*")


def read_brackets(text: str) -> tuple[Interval, ...]:
    """The intervals of a list, in its order; a comma or `||` between them may be missing (`[5,6)[6,6.0.4]`).

    Maven POM reference, "Dependency Version Requirement Specification"; NuGet docs, "Version ranges".
    `(0)` and `(,0)` are GitLab's ways to say that nothing is affected: 131 Maven records, 124 of which
    call themselves false positives, invalid or duplicates. Any other single version in parentheses is an
    error in both specifications.
    """
    found: list[Interval] = []
    position = _JOINT.match(text, 0).end()  # type: ignore[union-attr] # every part of _JOINT may be empty
    while position < len(text):
        match = _ONE.match(text, position)
        if match is None:
            raise ValueError(f"no bracketed range begins at {text[position : position + 40]!r}")
        found.extend(_interval(match))
        position = _JOINT.match(text, match.end()).end()  # type: ignore[union-attr] # as above
    return tuple(found)


def _interval(match: re.Match[str]) -> tuple[Interval, ...]:
    opening, low, comma, high, closing = match.groups()
    if comma is None:
        return _single(match[0], low, is_closed=opening == "[" and closing == "]")
    lower = version_of(low) if low else None
    upper = version_of(high) if high else None
    if lower is not None and opening == "[" and begins_before_all(lower):
        lower = None
    if lower is None and upper is not None and closing == ")" and is_nought(upper):
        return ()
    interval = Interval(
        lower, lower is not None and opening == "[", upper, upper is not None and closing == "]"
    )
    require_versions(interval)
    return (interval,)


def _single(written: str, text: str, *, is_closed: bool) -> tuple[Interval, ...]:
    version = version_of(text)
    if is_closed:
        return (exactly(version),)
    if is_nought(version):
        return ()
    raise ValueError(f"{written!r} holds no version: a single one belongs between [ and ]")
