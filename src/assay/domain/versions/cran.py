"""R's versions: numbers between dots and hyphens, which mean the same (R, package_version)."""

import re

from assay.domain.versions.encoding import number

# 1.0-2
_VERSION = re.compile(r"[0-9]+(?:[.-][0-9]+)*")
_SEPARATOR = re.compile(r"[.-]")


def encode(version: str) -> bytes:
    """The key: number by number, `1.0` before `1.0.0`; ValueError for anything but numbers."""
    if _VERSION.fullmatch(version) is None:
        raise ValueError(version)
    return b"".join(map(number, _SEPARATOR.split(version)))
