"""NuGet's versions: semantic versions of up to four numbers and in any case (NuGet docs, "Package versioning")."""

import re

from assay.domain.versions.encoding import number
from assay.domain.versions.semver import identifiers

# 1.2.3.4-beta.1+build
_VERSION = re.compile(
    r"v?([0-9]+(?:\.[0-9]+){0,3})(?:-([0-9a-z-]+(?:\.[0-9a-z-]+)*))?(?:\+[0-9a-z-]+(?:\.[0-9a-z-]+)*)?"
)
_PRERELEASE = b"\x01"
_RELEASE = b"\x02"


def encode(version: str) -> bytes:
    """The key; ValueError for anything that NuGetVersion does not read, a leading `v` apart."""
    match = _VERSION.fullmatch(version.lower())
    if match is None:
        raise ValueError(version)
    numbers = match[1].split(".")
    numbers += ["0"] * (4 - len(numbers))
    release = b"".join(map(number, numbers))
    return release + (_RELEASE if match[2] is None else _PRERELEASE + identifiers(match[2]))
