"""Maven's versions, as ComparableVersion of Maven 3.8 and newer orders them.

Maven POM reference, "Version Order Specification"; maven-artifact, ComparableVersion. A version is a chain of lists:
`1.0-beta-2` is (1 (beta (2))). Where ComparableVersion itself has no total order this one decides:

- A qualifier behind a dot always opens a list, as one behind a hyphen (Maven 3.8.7 does so only where a number or the
  end follows; `1.0.beta-2` and `1.0.beta.2` have a cycle there).
- A list that begins with a list (`1--beta`, `1-0-beta`) and is earlier than nothing sorts just before nothing, although
  ComparableVersion calls it later than the qualifier sp, which is later than nothing.
"""

import re

from assay.domain.versions.encoding import number, text

# 1.0alpha-2 -> 1 . 0 alpha - 2
_PIECE = re.compile(r"[0-9]+|[^0-9.-]+|[.-]")
_SHORT = {"a": "alpha", "b": "beta", "m": "milestone"}
_ALIASES = {"ga": "", "final": "", "release": "", "cr": "rc"}
_NULLS = frozenset({"0", ""})

# What may stand in one place, in ascending order.
_EARLIER = {
    "alpha": b"\x02", "beta": b"\x03", "milestone": b"\x04", "rc": b"\x05", "snapshot": b"\x06",
}  # fmt: skip
_EARLIER_LIST = b"\x07"
_END = b"\x08"
_QUALIFIERS = _EARLIER | {"": b"\x09", "sp": b"\x0a"}
_WORD = b"\x0b"
_LATER_LIST = b"\x0c"

_Levels = list[list[str]]


def encode(version: str) -> bytes:
    """The key; Maven reads any text as a version."""
    encoded, is_last, is_earlier = b"", True, False
    for level in reversed(_normalised(_levels(version.lower()))):
        following = _END if is_last else (_EARLIER_LIST if is_earlier else _LATER_LIST) + encoded
        encoded = b"".join(map(_item, level)) + following
        is_last = False
        if level:
            is_earlier = level[0] in _EARLIER
    return encoded


def _levels(version: str) -> _Levels:
    """Numbers without leading zeros and qualifiers, one list for each level of nesting."""
    levels: _Levels = [[]]
    pending: str | None = None
    for piece in _PIECE.findall(version):
        if piece in {".", "-"}:
            # `4.1.0.Final-redhat-1` is `4.1.0-redhat-1`: an empty qualifier behind a dot goes like the zeros there.
            if piece == "." or not levels[-1] or _ALIASES.get(pending or "0") != "":
                _add(levels, "0" if pending is None else pending)
            pending = None
            if piece == "-":
                levels.append([])
        elif piece[0].isdigit():
            if pending is not None:
                _add(levels, _SHORT.get(pending, pending))
                levels.append([])
            pending = piece.lstrip("0") or "0"
        else:
            if pending is not None:
                _add(levels, pending)
                levels.append([])
            pending = piece
    if pending is not None:
        _add(levels, pending)
    return levels


def _add(levels: _Levels, item: str) -> None:
    if not item[0].isdigit() and levels[-1]:
        levels.append([])
    levels[-1].append(_ALIASES.get(item, item))


def _normalised(levels: _Levels) -> _Levels:
    """Without zeros and empty qualifiers at the end of a level and without empty levels at the end."""
    for level in levels:
        while level and level[-1] in _NULLS:
            level.pop()
    while len(levels) > 1 and not levels[-1]:
        levels.pop()
    return levels


def _item(item: str) -> bytes:
    if item[:1].isdigit():
        return number(item)
    return _QUALIFIERS.get(item) or _WORD + text(item)
