"""Debian's versions (Debian Policy 5.6.12; dpkg, lib/dpkg/version.c)."""

import re

from assay.domain.versions.encoding import number

# 1:2.3~rc1+dfsg-4
_VERSION = re.compile(r"(?:([0-9]+):)?([^:\s-](?:[^\s]*[^\s-])?)")
_PAIR = re.compile(r"([^0-9]*)([0-9]*)")
# `~` comes before the end of a part, the end before letters, letters before all other characters.
_END = b"\x02"
_ORDER = bytes(
    0x01 if code == ord("~") else code if bytes([code]).isalpha() else (code + 0x80) % 0x100
    for code in range(0x100)
)


def encode(version: str) -> bytes:
    """The key: epoch, upstream version, revision; ValueError for an epoch or a revision that is none.

    Characters that Policy forbids are put in dpkg's order all the same: opam's versions and old packages have them.
    """
    match = _VERSION.fullmatch(version)
    if match is None:
        raise ValueError(version)
    epoch, rest = match.groups()
    if epoch is None and ":" in rest:
        raise ValueError(version)
    upstream, _, revision = rest.rpartition("-") if "-" in rest else (rest, "", "")
    return number(epoch or "") + _part(upstream) + _part(revision)


def _part(part: str) -> bytes:
    """Runs of other characters and of digits in turn; a missing revision is equal to `0`."""
    pieces: list[bytes] = []
    for word, digits in _PAIR.findall(part or "0"):
        if word or digits:
            pieces += word.encode("ascii").translate(_ORDER), _END, number(digits)
    pieces.append(_END)
    return b"".join(pieces)
