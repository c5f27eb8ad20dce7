"""Reading and writing a range text of one package type."""

from collections.abc import Sequence

from assay.domain.ranges.brackets import read_brackets
from assay.domain.ranges.comparators import read_comparators
from assay.domain.ranges.dialect import DIALECTS, Dialect
from assay.domain.ranges.interval import Interval

PACKAGE_TYPES = frozenset(DIALECTS)
"""GitLab's names of the package types whose ranges can be read."""

_LONGEST = 20_000


def read_range(package_type: str, text: str) -> tuple[Interval, ...]:
    """The versions that a range names, as intervals in the text's order; empty where it names none (`<0`).

    GitLab writes a range in the syntax of the package's own tool (gitlab-org/gitlab issue 220286) and joins
    alternatives with `||`: npm, Go, Conan (gemnasium-db issue 139) and Swift (gitlab-org/gitlab issue 461798)
    as node-semver, PyPI as PEP 440 specifiers, Maven and NuGet in brackets or with comparators, Packagist as
    Composer constraints, RubyGems as gem requirements.
    A bare version is that version: where Maven, NuGet and Cargo read one as a minimum they speak of
    dependencies, not of what is affected. Versions of npm, Go, Swift, Pub and Cargo come without `v` and with
    three numbers, as SemVer 2.0 section 2 wants them. ValueError names the part that cannot be read.
    """
    dialect = DIALECTS.get(package_type)
    if dialect is None:
        raise ValueError(f"ranges of package type {package_type!r} are not known")
    if len(text) > _LONGEST:
        raise ValueError(f"{len(text)} characters are more than a range has")
    if dialect.has_brackets and ("[" in text or "(" in text):
        return read_brackets(text)
    return read_comparators(dialect, text)


def render(package_type: str, intervals: Sequence[Interval]) -> str:
    """The canonical text of intervals, from which `read_range` reads the same ones; `<0` for none."""
    dialect = DIALECTS[package_type]
    if not intervals:
        return "<0"
    if dialect.has_brackets:
        return ",".join(map(_bracketed, intervals))
    return " || ".join(_compared(dialect, interval) for interval in intervals)


def _bracketed(interval: Interval) -> str:
    if interval.version is not None:
        return f"[{interval.version}]"
    opening = "[" if interval.lower_closed else "("
    closing = "]" if interval.upper_closed else ")"
    return f"{opening}{interval.lower or ''},{interval.upper or ''}{closing}"


def _compared(dialect: Dialect, interval: Interval) -> str:
    if interval.version is not None:
        return dialect.equals + interval.version
    terms: list[str] = []
    if interval.lower is not None:
        terms.append((">=" if interval.lower_closed else ">") + interval.lower)
    if interval.upper is not None:
        terms.append(("<=" if interval.upper_closed else "<") + interval.upper)
    return dialect.joint.join(terms) or "*"
