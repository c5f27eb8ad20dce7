"""What each package type's range syntax allows, and how its shorthand is spelled out."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from assay.domain.ranges.interval import Interval

_NUMBERS = re.compile(r"([vV]?)([0-9]+(?:\.[0-9]+)*)(.*)", re.DOTALL)

Numbers = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Dialect:
    """One package type's way of writing ranges.

    `equals` and `joint` are used in writing. `floor` ends the lowest pre-release of a version, by which an
    expanded upper bound leaves pre-releases out where the ecosystem's rule does; `first` begins a wildcard
    with the pre-releases where the rule includes them. `parts` completes versions of the SemVer family.
    """

    equals: str = "="
    joint: str = " "
    floor: str = ""
    first: str = ""
    parts: int = 0
    caret: Callable[[Numbers], Numbers] | None = None
    tilde: Callable[[Numbers], Numbers] | None = None
    pessimistic: Callable[[Numbers], Numbers] | None = None
    compatible: Callable[[Numbers], Numbers] | None = None
    has_brackets: bool = False
    has_hyphens: bool = False
    has_stability: bool = False
    words: frozenset[str] = frozenset()

    def complete(self, version: str) -> str:
        """The version as the ecosystem writes it: in the SemVer family without `v` and with three numbers."""
        if not self.parts:
            return version
        match = _NUMBERS.fullmatch(version)
        if match is None:
            return version
        numbers, rest = match[2], match[3]
        return version[len(match[1]) :] if rest else numbers + ".0" * (self.parts - 1 - numbers.count("."))

    def ceiling(self, numbers: Numbers) -> str:
        """The open upper bound that an expansion ends with."""
        return self.complete(".".join(map(str, numbers))) + self.floor

    def beginning(self, numbers: Numbers) -> str:
        """The closed lower bound that a wildcard begins with."""
        return self.complete(".".join(map(str, numbers))) + self.first

    def between(self, version: str, following: Callable[[Numbers], Numbers]) -> Interval:
        """From a version to what follows its numbers by a shorthand's rule."""
        numbers = numbers_of(version)
        lower = self.complete(version)
        if self.has_stability and lower == ".".join(map(str, numbers)):
            lower = self.beginning(numbers)
        return Interval(lower, True, self.ceiling(following(numbers)), False)


def numbers_of(version: str) -> Numbers:
    """The leading numbers of a version; ValueError where it begins with none or with an absurd one."""
    match = _NUMBERS.fullmatch(version)
    if match is None or "!" in version:
        raise ValueError(f"{version!r} does not begin with numbers, so its shorthand cannot be spelled out")
    return tuple(map(int, match[2].split(".")))


def next_after(numbers: Numbers) -> Numbers:
    """The first numbers that do not begin with these."""
    return (*numbers[:-1], numbers[-1] + 1)


def _caret(numbers: Numbers) -> Numbers:
    """Up to the next change of the first number that is not zero.

    node-semver "Caret Ranges", Cargo book "Specifying Dependencies", Composer docs "Caret Version Range".
    """
    for index, number in enumerate(numbers):
        if number:
            return next_after(numbers[: index + 1])
    return next_after(numbers)


def _caret_pub(numbers: Numbers) -> Numbers:
    """As `_caret`, but 0.0.x may change up to 0.1 (pub_semver, Version.nextBreaking)."""
    return next_after(numbers[:1]) if numbers[0] else next_after((*numbers, 0)[:2])


def _tilde(numbers: Numbers) -> Numbers:
    """Up to the next minor, or major where only that is given (node-semver "Tilde Ranges", Cargo book)."""
    return next_after(numbers[:2])


def _last_given(numbers: Numbers) -> Numbers:
    """The last number given may rise (Composer "Tilde Version Range"; RubyGems, Version#bump)."""
    return next_after(numbers[:-1] or numbers)


def _compatible(numbers: Numbers) -> Numbers:
    """PEP 440 "Compatible release": needs two numbers, and the last one may rise."""
    if len(numbers) < 2:
        raise ValueError("~= needs a version of two numbers or more")
    return next_after(numbers[:-1])


_SEMVER = Dialect(
    floor="-0", parts=3, caret=_caret, tilde=_tilde, pessimistic=_tilde, has_hyphens=True
)  # `-0` is node-semver's own spelling of the lowest pre-release ("X-Ranges", "Caret Ranges")

DIALECTS = {
    "npm": _SEMVER,
    "go": _SEMVER,
    "swift": _SEMVER,
    # Conan's versions are compared by a port of node-semver, but need not have three numbers.
    "conan": Dialect(floor="-0", caret=_caret, tilde=_tilde, pessimistic=_tilde, has_hyphens=True),
    "cargo": Dialect(joint=", ", floor="-0", parts=3, caret=_caret, tilde=_tilde),
    "pub": Dialect(floor="-0", parts=3, caret=_caret_pub, words=frozenset({"any"})),
    # PEP 440 "Version matching": `==1.2.*` holds the pre-releases of 1.2 and none of 1.3.
    "pypi": Dialect(equals="==", joint=",", floor=".dev0", first=".dev0", compatible=_compatible),
    # Composer docs, "Stability Constraints": ~1.3 is >=1.3.0.0-dev <2.0.0.0-dev, and 1.4.* likewise.
    "packagist": Dialect(
        joint=",",
        floor="-dev",
        first="-dev",
        caret=_caret,
        tilde=_last_given,
        has_hyphens=True,
        has_stability=True,
    ),
    # Gem::Requirement: `~>` holds v >= r with v.release < r.bump, so `~>2` holds no 3.0.rc1.
    "gem": Dialect(floor=".a", pessimistic=_last_given),
    "maven": Dialect(has_brackets=True),
    "nuget": Dialect(floor="-0", has_brackets=True),
}
