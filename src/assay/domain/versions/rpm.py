"""RPM's versions (rpm-version(7); rpm, rpmio/rpmvercmp.c)."""

import re

from assay.domain.versions.encoding import number, text

# 2:1.0~rc1^git5-3.el9
_EPOCH = re.compile(r"([0-9]*):")
_TOKEN = re.compile(r"[0-9]+|[A-Za-z]+|[~^]")

# What may stand in one place, in ascending order; numbers follow.
_MARKS = {"~": b"\x01", "^": b"\x03"}
_END = b"\x02"
_WORD = b"\x04"


def encode(version: str) -> bytes:
    """The key: epoch, version, release; none before every release. ValueError where there is no version."""
    match = _EPOCH.match(version)
    epoch, rest = (match[1], version[match.end() :]) if match else ("", version)
    name, dash, release = rest.rpartition("-") if "-" in rest else (rest, "", "")
    tokens = _TOKEN.findall(name)
    if not tokens:
        raise ValueError(version)
    key = number(epoch) + _part(tokens)
    return key + _part(_TOKEN.findall(release)) if dash else key


def _part(tokens: list[str]) -> bytes:
    return b"".join(map(_token, tokens)) + _END


def _token(token: str) -> bytes:
    if token[0].isdigit():
        return number(token)
    return _MARKS.get(token) or _WORD + text(token)
