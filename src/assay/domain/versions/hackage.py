"""Haskell's versions: numbers between dots (Haskell PVP; base, Data.Version)."""

import re

from assay.domain.versions.encoding import number

# 0.1.26.0
_VERSION = re.compile(r"[0-9]+(?:\.[0-9]+)*")


def encode(version: str) -> bytes:
    """The key: number by number, `1.0` before `1.0.0`; ValueError for anything but numbers."""
    if _VERSION.fullmatch(version) is None:
        raise ValueError(version)
    return b"".join(map(number, version.split(".")))
