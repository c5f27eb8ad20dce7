"""Python's versions: PEP 440, and before all of these the legacy versions that setuptools once ordered.

PEP 440, "Summary of permitted suffixes and relative ordering" and appendix B (the regular expression). Old advisories
and old lockfiles hold legacy versions, and OSV orders them as packaging < 22 did (`LegacyVersion`).
"""

import re

from assay.domain.versions.encoding import number, text

# 1!2.0rc1.post2.dev3+local.4, lower case
_PEP440 = re.compile(
    r"v?(?:([0-9]+)!)?([0-9]+(?:\.[0-9]+)*)"
    r"(?:[-_.]?(alpha|a|beta|b|preview|pre|c|rc)[-_.]?([0-9]*))?"
    r"(?:-([0-9]+)|[-_.]?(post|rev|r)[-_.]?([0-9]*))?"
    r"(?:[-_.]?(dev)[-_.]?([0-9]*))?"
    r"(?:\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?"
)
_LOCAL_SEPARATOR = re.compile(r"[-_.]")
_LEGACY, _MODERN = b"\x01", b"\x02"

# What may follow the release numbers; a longer release comes after all of it.
_ONLY_DEV = b"\x01"
_PHASES = {
    "a": b"\x02", "alpha": b"\x02",
    "b": b"\x03", "beta": b"\x03",
    "c": b"\x04", "rc": b"\x04", "pre": b"\x04", "preview": b"\x04",
}  # fmt: skip
_FINAL = b"\x05"
_NO_POST = b"\x01"
_NO_DEV = b"\xff"
_LOCAL_WORD = b"\x02"

# 2.0.1rc2-git -> 2, 0, 1, rc, 2, -, git
_LEGACY_PART = re.compile(r"([0-9]+|[a-z]+|\.|-)")
_LEGACY_WORDS = {"pre": "c", "preview": "c", "-": "final-", "rc": "c", "dev": "@"}


def encode(version: str) -> bytes:
    """The key; every text without foreign characters has one, be it a legacy version's."""
    version = version.lower()
    match = _PEP440.fullmatch(version)
    if match is None:
        return _LEGACY + b"".join(map(text, _legacy_parts(version)))
    epoch, release, phase, phase_number, bare_post, post, post_number, dev, dev_number, local = match.groups()
    numbers = release.split(".")
    while len(numbers) > 1 and not numbers[-1].strip("0"):
        numbers.pop()
    pieces = [_MODERN, number(epoch or ""), *map(number, numbers)]
    if phase:
        pieces += _PHASES[phase], number(phase_number or "")
    else:
        pieces.append(_ONLY_DEV if dev and not post and bare_post is None else _FINAL)
    pieces += (
        number(bare_post or post_number or "") if post or bare_post is not None else _NO_POST,
        number(dev_number or "") if dev else _NO_DEV,
    )
    if local:
        pieces += map(_local, _LOCAL_SEPARATOR.split(local))
    return b"".join(pieces)


def _local(segment: str) -> bytes:
    return number(segment) if segment.isdigit() else _LOCAL_WORD + text(segment)


def _legacy_parts(version: str) -> list[str]:
    """The words that setuptools compared one by one, numbers padded to eight digits (pkg_resources, parse_version)."""
    parts: list[str] = []
    for written in _LEGACY_PART.split(version):
        word = _LEGACY_WORDS.get(written, written)
        if not word or word == ".":
            continue
        if word[0].isdigit():
            parts.append(word.zfill(8))
        else:
            _append_word(parts, "*" + word)
    _append_word(parts, "*final")
    return parts


def _append_word(parts: list[str], word: str) -> None:
    """A hyphen before a pre-release does not count, nor do zeros before any word."""
    if word < "*final":
        while parts and parts[-1] == "*final-":
            parts.pop()
    while parts and parts[-1] == "00000000":
        parts.pop()
    parts.append(word)
