"""Semantic versions (SemVer 2.0, section 11); build metadata does not count.

Read as leniently as the ecosystems' own tools and data are: with a leading `v` or `=`, with fewer than three numbers
(OSV writes `introduced: 1.2`), with leading zeros, with a pre-release that lost its hyphen (`1.2.3rc1`, node-semver's
loose mode; `2.0.0.beta.9`, GHSA-8r25-68wm-jw35), and with more than three numbers (`0.4.4.3`), which count on behind
the third.
"""

import re

from assay.domain.versions.encoding import LOWEST_ABOVE_NUMBERS, number, text

# v1.2.3-rc.1+build.5
_VERSION = re.compile(
    r"[vV=\s]*([0-9]+(?:\.[0-9]+)*)"
    r"(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)|(\.?[A-Za-z][0-9A-Za-z-]*(?:\.[0-9A-Za-z-]+)*))?"
    r"(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
)
_PRERELEASE = b"\x01"
_RELEASE = b"\x02"
_WORD = bytes([LOWEST_ABOVE_NUMBERS])


def encode(version: str) -> bytes:
    """The key of a semantic version; ValueError for anything else."""
    return precedence(version)[0]


def precedence(version: str) -> tuple[bytes, str | None]:
    """The key by SemVer's precedence, which begins no other version's key, and the build metadata."""
    match = _VERSION.fullmatch(version)
    if match is None:
        raise ValueError(version)
    numbers, prerelease, loose, build = match.groups()
    if loose is not None:
        # `1.2.x` is a wildcard; behind three numbers a dot can only stand for the hyphen.
        if loose[0] == "." and numbers.count(".") < 2:
            raise ValueError(version)
        prerelease = loose.removeprefix(".")
    release = b"".join(map(number, _padded(numbers.split("."))))
    if prerelease is None:
        return release + _RELEASE, build
    # The mark at the end lies below every identifier: of two pre-releases the one with fewer identifiers comes first.
    return release + _PRERELEASE + identifiers(prerelease) + _PRERELEASE, build


def _padded(numbers: list[str]) -> list[str]:
    numbers += ["0"] * (3 - len(numbers))
    while len(numbers) > 3 and not numbers[-1].strip("0"):
        numbers.pop()
    return numbers


def identifiers(dotted: str) -> bytes:
    """Dot-separated identifiers: numeric ones by value and before the others, those by ASCII (section 11.4)."""
    return b"".join(
        number(identifier) if identifier.isdigit() else _WORD + text(identifier)
        for identifier in dotted.split(".")
    )
