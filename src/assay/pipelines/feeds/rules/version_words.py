"""What the words before a version make of it: the bound of a range, the release with the fix, or just a version.

They are walked backwards, past the names of products, until one says something, so a text of any kind takes time in
proportion to its length. `version_words.toml` has the words.
"""

import re
import tomllib
from collections.abc import Sequence
from enum import Enum
from importlib.resources import files
from typing import NamedTuple


class Says(Enum):
    """What a version is said to be."""

    NOTHING = "nothing"
    FROM = "from"
    BELOW = "below"
    UP_TO = "up to"
    FIXED = "fixed"
    TO = "to"
    """After another version: the end of a range; alone it says nothing."""
    VERSION = "version"
    """The word stands there and nothing else."""


class Said(NamedTuple):
    """What was said, and where the words begin that say it."""

    what: Says
    start: int
    name: str | None = None
    """The name between those words and the version, as it is written."""


_WORD = re.compile(r"<=|>=|=<|=>|[<>\u2264\u2265=~^]|[\w][\w.'\u2019/&+\u00ae\u2122-]*|[^\s\w]")
_BREAK = re.compile(r"[.!?;](?=\s+[A-Z])|[.!?;]\s*$|\n[ \t]*\n|\n[ \t]*[-*\u2022]")
_SIGNS = {
    "<": Says.BELOW,
    "<=": Says.UP_TO,
    "=<": Says.UP_TO,
    "\u2264": Says.UP_TO,
    ">=": Says.FROM,
    "=>": Says.FROM,
    "\u2265": Says.FROM,
    ">": Says.FROM,
}

_WRITTEN = tomllib.loads(files(__package__).joinpath("version_words.toml").read_text("utf-8"))
_PHRASES = {
    tuple(phrase.split()): Says[said.upper()]
    for said, several in _WRITTEN["phrases"].items()
    for phrase in several
}
_LONGEST = max(map(len, _PHRASES))
_FIXING, _MOVING, _JOINING, _SOFT, _BETWEEN = (
    frozenset(_WRITTEN["words"][name].split()) for name in ("fixing", "moving", "joining", "soft", "between")
)
_MARKS = frozenset("([`*\"'\u201c\u2018\u201d:|_,=#")
_MOST_BETWEEN = 8
_MOST_SOFT = 14


def said_before(text: str, start: int, floor: int) -> Said:
    """What the words before the version at `start` say of it; nothing before `floor` is looked at."""
    floor = max(floor, start - 140)
    window = text[floor:start]
    for gap in _BREAK.finditer(window):
        last = gap
        cut = last.end() - 1 if window[last.end() - 1 : last.end()] in "-*\u2022" else last.end()
        if window[cut:].strip():
            floor, window = floor + cut, window[cut:]
            break
    else:
        return _walked(text, floor, window)
    return said_before(text, start, floor)


def _walked(text: str, floor: int, window: str) -> Said:
    words = [(found.group(), floor + found.start()) for found in _WORD.finditer(window)]
    plain = [word.casefold() for word, _ in words]
    name_end: int | None = None
    for count in range(_MOST_BETWEEN + 1):
        at = len(words) - count
        if at <= 0:
            break
        phrase = _phrase(plain, at)
        if phrase is not None:
            what, length = phrase
            fixed = _fixing(plain, at)
            begins = words[at - length][1]
            if fixed is not None:
                return Said(Says.FIXED, words[fixed][1], _name(text, words, at, name_end))
            # "and" and a dash join only where nothing stands between them and the version.
            if what is not Says.TO or count == 0 or plain[at] in _BETWEEN:
                return Said(what, begins, _name(text, words, at, name_end))
        fixed = _fixing(plain, at)
        if fixed is not None:
            return Said(Says.FIXED, words[fixed][1], _name(text, words, at, name_end))
        word = words[at - 1][0]
        # One plain word may be a name: `before curl 8.1`, `upgrade to openssl 3.0.2`.
        if not _is_between(word) and not (count <= 1 and name_end is None and _may_name(plain, at)):
            break
        if name_end is None and plain[at - 1] not in _BETWEEN and word not in _MARKS:
            name_end = at
    if plain and plain[-1].rstrip(".:") in {
        "version",
        "versions",
        "v",
        "ver",
        "release",
        "releases",
        "firmware",
        "build",
    }:
        return Said(Says.VERSION, words[-1][1])
    return Said(Says.NOTHING, floor + len(window))


def _phrase(plain: Sequence[str], at: int) -> tuple[Says, int] | None:
    """The longest phrase that ends before the word `at`."""
    if plain[at - 1] in _SIGNS:
        return _SIGNS[plain[at - 1]], 1
    for length in range(min(_LONGEST, at), 0, -1):
        what = _PHRASES.get(tuple(plain[at - length : at]))
        if what is not None:
            return what, length
    return None


def _fixing(plain: Sequence[str], at: int) -> int | None:
    """Where a phrase of fixing or upgrading begins that ends before the word `at`: `patched in`, `upgrade to`."""
    last = plain[at - 1]
    if last == ":" and at >= 2:
        return _labelled(plain, at - 1)
    if last not in _JOINING:
        return (
            _labelled(plain, at) if last in {"fixed-in", "versions", "version", "patches", "fixed"} else None
        )
    is_moving = last == "to"
    for place in range(at - 2, max(-1, at - 2 - _MOST_SOFT), -1):
        word = plain[place].strip("*_`")
        if word in _FIXING and not is_moving:
            return None if place and plain[place - 1] in _NO_FIX else place
        if is_moving and word in _MOVING:
            return place
        # A name may stand between: `upgrade your Foo plugin to`.
        if word not in _SOFT and not (is_moving and place > at - 6 and word.isalpha()):
            return None
    return None


_NO_FIX = frozenset(("not", "incomplete", "isn't", "wasn't", "insufficient"))


def _labelled(plain: Sequence[str], at: int) -> int | None:
    """A label such as `Fixed versions:`, `Patched version`, `Fixed-in:`."""
    first = max(0, at - 4)
    words = plain[first:at]
    for offset, word in enumerate(words):
        bare = word.strip("*_-")
        if bare in {
            "fixed",
            "patched",
            "fixed-in",
            "unaffected",
            "non-vulnerable",
            "patches",
            "solution",
            "resolved",
        }:
            rest = words[offset + 1 :]
            if all(
                one
                in {
                    "version",
                    "versions",
                    "in",
                    "release",
                    "releases",
                    "(",
                    ")",
                    "s",
                    "*",
                    "-",
                    "_",
                    ":",
                    "is",
                    "are",
                }
                for one in rest
            ):
                return first + offset
    return None


def _is_between(word: str) -> bool:
    """Whether a word may stand between what is said and the version: a name, a mark, `version` and its like."""
    if word.casefold() in _BETWEEN or word in _MARKS or not word[0].isalnum():
        return True
    is_name = "/" in word or "_" in word or "-" in word
    return is_name or any(letter.isupper() for letter in word)


def _may_name(plain: Sequence[str], at: int) -> bool:
    return (
        at >= 2
        and plain[at - 1].isalnum()
        and (_phrase(plain, at - 1) is not None or _fixing(plain, at - 1) is not None)
    )


_IN_FRONT = re.compile(
    r"(?P<name>\b[A-Z][\w.+\u00ae\u2122-]*(?:[ ][A-Z0-9][\w.+\u00ae\u2122-]*){0,4})[ ]"
    r"(?:versions? |v\.? ?|releases? )?$"
)
_NO_NAMES = frozenset(_WRITTEN["words"]["no_names"].split())


def name_in_front(text: str, start: int, floor: int) -> str | None:
    """The name of the product before the words that bound its version: `Firefox < 128`."""
    match = _IN_FRONT.search(text, max(floor, start - 80), start)
    if match is None:
        return None
    words = match["name"].split()
    while words and words[0].casefold() in _NO_NAMES:
        del words[0]
    name = " ".join(words)
    return name if len(name) > 1 and any(letter.isalpha() for letter in name) else None


def _name(text: str, words: Sequence[tuple[str, int]], at: int, name_end: int | None) -> str | None:
    """The name of the product between the words and the version: `before Firefox 48`."""
    if name_end is None or name_end <= at:
        return None
    first = at
    while first < name_end and (words[first][0].casefold() in _BETWEEN or words[first][0] in _MARKS):
        first += 1
    if first >= name_end:
        return None
    end = words[name_end - 1][1] + len(words[name_end - 1][0])
    name = " ".join(text[words[first][1] : end].split()).strip(" ,:;()`*\"'")
    return name if 1 < len(name) <= 80 and any(letter.isalpha() for letter in name) else None
