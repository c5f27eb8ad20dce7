"""What the words beside a version make of it: the bound of a range, the release with the fix, or just a version.

The words before it are walked backwards, past the names of products, until one says something; the words after it are
looked at once. So a text of any kind takes time in proportion to its length.
"""

import re
from collections.abc import Sequence
from enum import Enum
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

_PHRASES: dict[tuple[str, ...], Says] = {}
for _says, _lines in (
    (
        Says.BELOW,
        "before|prior to|prior|earlier than|lower than|older than|less than|smaller than|below|preceding|previous to|under|predating|pre"
        "|up to but not including|up to , but not including|up to not including|up to ( not including|up to ( excluding|up to excluding"
        "|until but not including|excluding|all before|priot to|befor|before the|up to ( but not including|up to and excluding|up to , not including|< =",
    ),
    (
        Says.UP_TO,
        "through|thru|up to|up until|until|up through|up to and including|up to , and including|up to ( including|up to ( and including"
        "|up to ( including )|up to including|up to , including|prior to and including|before and including|to and including|until and including|prior to or equal to"
        "|through and including|and including|including up to|less than or equal to|less than or equal|lower than or equal to|earlier than or equal to"
        "|less than and equal to|up to an including|up to incl|up - to|upto|up to and inclusive of|before or equal to|up to and including version|before or at|prior and including|not later than|no later than|up to , and including ,|up to , but including|<= to|up to ( inclusive )",
    ),
    (
        Says.FROM,
        "from|since|starting from|starting with|starting in|starting at|starting|beginning with|beginning in|beginning from|introduced in"
        "|introduced by|introduced with|introduced|between|newer than|later than|after|greater than|greater than or equal to|as early as"
        "|first affected in|appeared in|added in|at or after|higher than|dating back to|since at least|from at least|present since|back to",
    ),
    (Says.TO, "to|-|\u2013|\u2014|~|and|\u2192|..|..."),
):
    _PHRASES.update({tuple(_phrase.split()): _says for _phrase in _lines.split("|")})
_LONGEST = max(map(len, _PHRASES))

_FIXING = frozenset(
    [
        "fixed",
        "fix",
        "fixes",
        "fixing",
        "patched",
        "patch",
        "patches",
        "patching",
        "resolved",
        "resolves",
        "resolve",
        "resolution",
        "addressed",
        "addresses",
        "corrected",
        "corrects",
        "correction",
        "remediated",
        "remediation",
        "mitigated",
        "mitigation",
        "solved",
        "solves",
        "repaired",
        "rectified",
        "eliminated",
        "backported",
        "landed",
        "shipped",
        "merged",
        "solution",
        "updated-in",
        "hotfix",
        "non-vulnerable",
        "fixed-in",
    ]
)
_MOVING = frozenset(
    [
        "upgrade",
        "upgrading",
        "upgraded",
        "upgrades",
        "update",
        "updating",
        "updated",
        "updates",
        "migrate",
        "migrating",
        "move",
        "moving",
        "bump",
        "bumped",
        "switch",
        "upgradation",
        "install",
    ]
)
_JOINING = frozenset(
    [
        "in",
        "with",
        "by",
        "of",
        "since",
        "from",
        "on",
        "to",
        "for",
        "at",
        "via",
        "as",
        "within",
        "starting",
        "beginning",
    ]
)
# Words that may stand between a fix and its version, apart from names.
_SOFT = frozenset(
    [
        "the",
        "a",
        "an",
        "this",
        "these",
        "that",
        "those",
        "it",
        "its",
        "their",
        "your",
        "all",
        "any",
        "both",
        "either",
        "and",
        "or",
        "also",
        "now",
        "already",
        "has",
        "have",
        "been",
        "was",
        "were",
        "is",
        "are",
        "be",
        "being",
        "can",
        "will",
        "should",
        "must",
        "issue",
        "issues",
        "vulnerability",
        "vulnerabilities",
        "problem",
        "problems",
        "bug",
        "bugs",
        "flaw",
        "flaws",
        "released",
        "release",
        "available",
        "included",
        "contained",
        "made",
        "applied",
        "provided",
        "introduced",
        "incorporated",
        "published",
        "found",
        "implemented",
        "present",
        "here",
        "first",
        "upstream",
        "following",
        "latest",
        "new",
        "newer",
        "recent",
        "at",
        "least",
        "as",
        "soon",
        "possible",
        "immediately",
        "later",
        "than",
        "starting",
        "beginning",
        "with",
        "in",
        "of",
        "for",
        "one",
        "to",
        "version",
        "versions",
        "user",
        "users",
        "customers",
        "installation",
        "installations",
        "plugin",
        "package",
        "module",
        "library",
        "software",
        "firmware",
        "instances",
        "instance",
        "affected",
        "application",
        "dependency",
        "dependencies",
        "recommended",
        "advised",
        "upgrading",
        "fully",
        "which",
        "been",
        "patched",
        "via",
        "by",
        "on",
        "security",
        "through",
        "but",
        "stable",
        "supported",
    ]
)
_BETWEEN = frozenset(
    [
        "version",
        "versions",
        "release",
        "releases",
        "ver",
        "ver.",
        "v",
        "v.",
        "build",
        "builds",
        "firmware",
        "software",
        "branch",
        "branches",
        "series",
        "tag",
        "the",
        "its",
        "in",
        "is",
        "are",
        "of",
        "following",
        "patch",
        "all",
        "any",
        "at",
        "least",
        "code",
        "plugin",
        "package",
        "module",
        "app",
        "application",
        "beta",
        "rev",
        "rev.",
        "revision",
        "edition",
        "date",
        "either",
        "both",
        "one",
        "fixed",
        "patched",
        "stable",
        "library",
        "component",
        "and",
        "including",
        "server",
        "client",
        "agent",
        "core",
        "driver",
        "product",
        "gem",
        "crate",
        "extension",
        "theme",
        "versions:",
        "line",
        "lines",
    ]
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
        if not _is_between(word):
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
    moving = last == "to" or (last == "with" and False)
    for place in range(at - 2, max(-1, at - 2 - _MOST_SOFT), -1):
        word = plain[place].strip("*_`")
        if word in _FIXING and last != "to":
            return (
                None
                if place and plain[place - 1] in {"not", "incomplete", "isn't", "wasn't", "insufficient"}
                else place
            )
        if moving and word in _MOVING:
            return place
        if word not in _SOFT and not (moving and place > at - 6 and word.isalpha()):
            return None
    return None


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


_EARLIER = re.compile(
    r"[`*\"')\]]*\s*[,(]?\s*(?:(?:and|or|&|as well as|and/or)\s+(?:all\s+|any\s+|its\s+|the\s+|also\s+)?(?:versions?\s+|releases?\s+)?"
    r"(?:earlier|prior|below|previous|older|lower|before|preceding|less|under|lesser|down)\b|(?:or|and)\s+(?:previous|older)|-\s*and\s+earlier)(?!\s+(?:than|to)\b)",
    re.IGNORECASE,
)
_EXCLUDED = re.compile(
    r"[`*\"')\]]*\s*\(?(?:excluding|exclusive|excluded|not included|not including)\)?(?!\s+[vV]?[0-9])",
    re.IGNORECASE,
)
_INCLUDED = re.compile(
    r"[`*\"')\]]*\s*[,(]?\s*(?:including|inclusive|included|inclusively)\)?(?!\s+(?:version\s+)?[vV]?[0-9])",
    re.IGNORECASE,
)
_LATER = re.compile(
    r"[`*\"')\]]*\s*[,(]?\s*(?:(?:and|or|&)\s+(?:all\s+|any\s+)?(?:versions?\s+)?(?:later|above|newer|higher|onwards?|up\b|greater|after|subsequent)|onwards?\b|\+(?!\w))",
    re.IGNORECASE,
)
_FIXES = re.compile(
    r"[`*\"')\]]*,?\s*(?:(?:of|for)\s+(?:the\s+)?[\w@/.` -]{1,40}?\s+)?"
    r"(?:(?:which|that|have|has|and|also|both|all|now|releases?|versions?|includes?|contains?|provides?|introduces?|ships?|added?|adds|was|were|is|are"
    r"|been|released|respectively|the|a|first|with|to|E?LTS)[ \n]+){0,5}"
    r"(?:fix(?:es|ed)?|patch(?:es|ed)?|resolv(?:es|ed?)|address(?:es|ed)?|correct(?:s|ed)|mitigat(?:es|ed?)|remediat(?:es|ed?)|solv(?:es|ed?)"
    r"|rectif(?:y|ies)|prevents?|not (?:affected|vulnerable)|unaffected|secure|no longer|escapes|restricts|sanitizes|removed|removes|masks|rejects)\b",
    re.IGNORECASE,
)
_PATCHED_NAME = re.compile(r"\s*\((?:fixed|patched|includes? (?:the )?fix)", re.IGNORECASE)
_DENIED = re.compile(
    r"\b(?:not (?:affected|vulnerable|impacted|susceptible)|unaffected|does not (?:affect|impact)|not affect)\b(?!.{0,80}\b(?:but|affected versions)\b)",
    re.IGNORECASE | re.DOTALL,
)


class After(Enum):
    """What follows a version."""

    EARLIER = _EARLIER
    LATER = _LATER
    EXCLUDED = _EXCLUDED
    INCLUDED = _INCLUDED
    FIXES = _FIXES
    PATCHED = _PATCHED_NAME


def said_after(text: str, end: int) -> After | None:
    """What the words after a version say of it."""
    for after in After:
        if after.value.match(text, end):
            return after
    return None


def is_denied(text: str, start: int, floor: int) -> bool:
    """Whether the line says of the versions that they are not affected."""
    line = (
        max(text.rfind("\n", floor, start), text.rfind(". ", floor, start), max(floor, start - 120) - 1) + 1
    )
    return _DENIED.search(text, line, start) is not None
