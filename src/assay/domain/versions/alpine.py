"""Alpine's versions (apk-tools 3: apk-package(5), "Package version", and src/version.c)."""

import re

from assay.domain.versions.encoding import number, text

# 1.2.3b_rc1~a1b2c3-r4; digits behind the letter (5.1p1) were valid until apk-tools 2
_VERSION = re.compile(
    r"([0-9]+)((?:\.[0-9]+|[a-z][0-9]*)*)"
    r"((?:_(?:alpha|beta|pre|rc|cvs|svn|git|hg|p)[0-9]*)*)"
    r"(?:~([0-9a-f]+))?(?:-r([0-9]+))?"
)
_COMPONENT = re.compile(r"[0-9]+|[a-z]")
_SUFFIX = re.compile(r"([a-z]+)([0-9]*)")

# What may stand in one place, in ascending order; numbers follow.
_SUFFIXES = {
    "alpha": b"\x02", "beta": b"\x03", "pre": b"\x04", "rc": b"\x05",
    "cvs": b"\x0a", "svn": b"\x0b", "git": b"\x0c", "hg": b"\x0d", "p": b"\x0e",
}  # fmt: skip
_END = b"\x06"
_REVISION = b"\x07"
_COMMIT = b"\x08"
_SUFFIX_NUMBER = b"\x09"
_LETTER = b"\x0f"
# A number behind the first that begins with a zero compares as text: 1.010 < 1.09 < 1.1.
_LEADING_ZERO = b"\x10"


def encode(version: str) -> bytes:
    """The key; ValueError where apk finds the version invalid."""
    match = _VERSION.fullmatch(version)
    if match is None:
        raise ValueError(version)
    first, components, suffixes, commit, revision = match.groups()
    pieces = [number(first), *map(_component, _COMPONENT.findall(components))]
    for suffix, digits in _SUFFIX.findall(suffixes):
        pieces.append(_SUFFIXES[suffix])
        if digits:
            pieces += _SUFFIX_NUMBER, number(digits)
    if commit:
        pieces.append(_COMMIT + text(commit))
    if revision:
        pieces += _REVISION, number(revision)
    pieces.append(_END)
    return b"".join(pieces)


def _component(component: str) -> bytes:
    if component[0] == "0":
        return _LEADING_ZERO + text(component)
    return number(component) if component.isdigit() else _LETTER + component.encode("ascii")
