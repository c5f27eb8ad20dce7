"""Packagist's versions in the order of PHP's version_compare, by which OSV's ranges are meant.

PHP manual, version_compare: `any string not found in this list < dev < alpha = a < beta = b < RC = rc < # < pl = p`,
where # stands for a number. A tag's leading `v` is taken off first, as Composer does. The head of a branch is no
version: `dev-main` would come before all of them, and `2.x-dev` before 2.0.
"""

import re

from assay.domain.versions.encoding import LOWEST_ABOVE_NUMBERS, number

# v1.0-beta2; a separator at either end makes version_compare contradict itself
_VERSION = re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z._+-]*[0-9A-Za-z])?")
# Composer docs, "Versions and constraints", Branches
_BRANCH = re.compile(r"dev-.*|v?[0-9]+(?:\.[0-9]+)*\.x-dev", re.IGNORECASE)
_TOKEN = re.compile(r"[0-9]+|[A-Za-z]+")

# What may stand in one place, in ascending order; numbers come between the end and a patch level.
_UNKNOWN = b"\x02"
_FORMS = (("dev", b"\x03"), ("a", b"\x04"), ("b", b"\x05"), ("RC", b"\x06"), ("rc", b"\x06"))
_END = b"\x07"
_PATCH = bytes([LOWEST_ABOVE_NUMBERS])


def encode(version: str) -> bytes:
    """The key; ValueError for a branch, and for text with other characters than versions have."""
    if _VERSION.fullmatch(version) is None or _BRANCH.fullmatch(version) is not None:
        raise ValueError(version)
    tokens = _TOKEN.findall(version)
    if tokens[0] in {"v", "V"} and version[1:2].isdigit():
        tokens = tokens[1:]
    return b"".join(map(_token, tokens)) + _END


def _token(token: str) -> bytes:
    """A word is what it begins with (`patch` is p), and all unknown words are equal."""
    if token[0].isdigit():
        return number(token)
    for prefix, mark in _FORMS:
        if token.startswith(prefix):
            return mark
    return _PATCH if token[0] == "p" else _UNKNOWN
