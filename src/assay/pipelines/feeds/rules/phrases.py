"""Where sentences of advisories name something: "vulnerability in X allows", "X before 1.2", "The X plugin for"."""

import re
from typing import NamedTuple

from assay.pipelines.feeds.rules.words import Words


class Way:
    """How a name came to be a candidate: plain numbers, one bit each, for millions of them are put together."""

    LISTED = 1
    """The catalog knows it, and it stands in the text."""
    TITLE = 2
    """The title begins with it."""
    LEAD = 4
    """Before a colon in the title."""
    IN = 8
    """Vulnerability in X."""
    VERSION = 16
    """X before 1.2."""
    PLUGIN = 32
    """The X plugin for WordPress."""
    AFFECTS = 64
    """This issue affects X."""
    SUBJECT = 128
    """X is, contains, allows ..."""
    INSTALLED = 256
    """Installations of X."""
    PART = 512
    """A piece of a phrase."""
    REPOSITORY = 1024
    """A repository's address."""
    SLUG = 2048
    """A plugin's address."""
    HOST = 4096
    """The host of a link."""
    MADE_BY = 8192
    """Known as the maker of a candidate product, or as its product."""
    CLUE = 16384
    """Earlier claims with the same phrase, host or address named it."""
    REST = 32768
    """What another phrase leaves of this one: `Acme Rocket` without `Rocket`."""
    FIRMWARE = 65536
    """The firmware of a device that the text names."""
    ADVISED = 131072
    """The repository whose own security advisory is linked."""


class Phrase(NamedTuple):
    """Words that name something, from `start` up to `end`."""

    start: int
    end: int
    way: int


# A name follows.
_BEHIND = re.compile(
    r"(?P<affects>\b(?:affects?|affecting|impacts?|affected(?: products?)?:)\s+(?:the\s+)?)"
    r"|(?P<installed>\binstall(?:ation|er)s? of (?:the\s+)?)"
    r"|(?P<in>\b(?:vulnerabilit(?:y|ies)|issues?|flaws?|weakness(?:es)?|bugs?|problem|defect|exposure|overflow|injection"
    r"|scripting|forgery|traversal|disclosure|write|read|execution|escalation|bypass|service|control|dereference|free"
    r"|xss|csrf|ssrf|rce|dos|sqli?|stored|reflected|generic|present|exists?|found|discovered|identified|reported|resolved|located)"
    r"(?:\s\([^)]{1,40}\))?(?:\s(?:was|were|has been|have been|is|are|been)\s\w+)?"
    r"\s(?:in|within|of|on|via)\s(?:the\s+)?)"
    r"|(?P<start>(?:(?<=\. )|(?<=\n)|\A)(?:in|on)\s(?:the\s+)?(?=[A-Z]\w))"
    r"|(?P<update>\bsecurity (?:updates?|fix(?:es)?|hotfix|advisory|bulletin)\s(?:available\s)?for\s(?:the\s+)?)"
    r"|(?P<of>\b(?:component|function|file|module|parser|driver|interface|feature|product|part|functionality|page|service"
    r"|library|plugin)s?\s(?:\([^)]{1,40}\)\s)?(?:in|of)\s(?:the\s+)?(?=[A-Z]))",
    re.IGNORECASE,
)
# A name stands before.
_AHEAD = re.compile(
    r"(?P<version>\s(?:(?:and\s)?before|through|prior\sto|up\sto|until|earlier\sthan|versions?|releases?|firmware"
    r"|security\s(?:updates?|fix(?:es)?|releases?|advisory|bulletin)|<=?|v\.?(?=\d)"
    r"|(?=\d+\.\d)|(?=\d+\b))\s?)"
    r"|(?P<plugin>\s(?:plugin|theme|extension|add-?on|module|package|gem|crate|library|app|application)\b)"
    r"|(?P<subject>\s(?:is|are|was|were|has|have|contains?|allows?|does|do|did|could|can|may|might|fails?|suffers?|uses?"
    r"|provides?|lacks?|incorrectly|improperly|mishandles?|stores?|exposes?|vulnerable)\b)"
    r"|(?P<lead>:\s)"
    r"|(?P<affects>\sproduct\sof\s)",
    re.IGNORECASE,
)
_WAYS = {
    "affects": Way.AFFECTS,
    "installed": Way.INSTALLED,
    "in": Way.IN,
    "start": Way.IN,
    "of": Way.IN,
    "update": Way.IN,
    "version": Way.VERSION,
    "plugin": Way.PLUGIN,
    "subject": Way.SUBJECT,
    "lead": Way.LEAD,
}
# Names with every sign in them, between words that only stand there.
_SPANS = (
    (re.compile(r"\b[Tt]he (.{2,140}?) (?:plugin|theme)s? for WordPress"), Way.PLUGIN),
    (re.compile(r"\bissue affects (.{2,140}?): "), Way.AFFECTS),
    (
        re.compile(
            r"\A(?:(?:(?:CVE|GHSA)-[\w-]+:?|(?:[Rr][Ee]|[Ff][Ww][Dd]?):|\[[^\[\]\n]{1,60}\]) )*(?:WordPress )?"
            r"(.{2,140}?)(?: plugin| theme)? (?:<=|<|v?\d+\.\d)"
        ),
        Way.TITLE,
    ),
)
# What stands behind a name and is none of it.
_KINDS = frozenset(
    [
        "plugin",
        "plugins",
        "theme",
        "themes",
        "software",
        "firmware",
        "application",
        "app",
        "product",
        "products",
    ]
)
# Words that stand inside names without a capital.
_SMALL = frozenset(
    ["for", "of", "and", "the", "to", "by", "on", "with", "de", "la", "der", "und", "in", "a", "n"]
)
# Words with a capital that begin or end no name.
_NEVER = frozenset(
    [
        "the",
        "a",
        "an",
        "this",
        "these",
        "those",
        "it",
        "in",
        "on",
        "of",
        "and",
        "or",
        "for",
        "to",
        "by",
        "with",
        "if",
        "when",
        "while",
        "due",
        "there",
        "an",
        "attacker",
        "attackers",
        "user",
        "users",
        "version",
        "versions",
        "before",
        "through",
        "prior",
        "from",
        "until",
        "up",
        "vulnerability",
        "vulnerabilities",
        "issue",
        "issues",
        "cve",
        "ghsa",
        "cvss",
        "cwe",
        "multiple",
        "improper",
        "missing",
        "certain",
        "some",
        "all",
        "any",
        "that",
        "which",
        "is",
        "was",
        "are",
        "were",
        "has",
        "have",
        "as",
        "at",
        "via",
        "affected",
        "remote",
        "authenticated",
        "unauthenticated",
        "allows",
        "allow",
        "could",
        "successful",
        "exploitation",
    ]
)
_PLACEHOLDER = re.compile(r"v?\d+(?:\.\w+)*|n|na|cve|ghsa")
# What stands before a title and is none of it: identifiers, answers, what mailing lists and feeds put in brackets.
_NAMED = re.compile(
    r"(?:(?:(?:CVE|GHSA)-[\w-]+|(?:re|fwd?|aw|wg):|\[[^\[\]\n]{1,60}\])[ :,-]*)+", re.IGNORECASE
)
_TAG = re.compile(r"\[([^\[\]\n]{1,60})\]")
_LIST = re.compile(
    r"\b(?:security|secure|announce\w*|ann|advisor(?:y|ies)|disclosure|fd|bugtraq|updates?|alert|external|draft|urgent"
    r"|vendor|cve|ghsa)\b|\A[a-z]{2,8}[- ]?\d|\A\W*\d+\W*\Z",
    re.IGNORECASE,
)
_DOTTED = re.compile(r"v?\d+[a-z]?", re.IGNORECASE)
_LONGEST_RUN = 9
_MOST = 48
"""Phrases that are looked at in one text; the first stand nearest to what it is about."""


def find_phrases(words: Words) -> list[Phrase]:
    """The phrases of a text in order, the title's whole first."""
    found: dict[Phrase, None] = {}
    start = _skip_names(words, found)
    if start < words.title_words:
        _keep(words, start, min(_run_after(words, start), words.title_words), Way.TITLE, found)
    for pattern, way in _SPANS:
        hit = pattern.search(words.text)
        if hit is not None and "\n" not in hit[0]:
            _keep(words, words.word_at(hit.start(1)), words.word_at(hit.end(1)), way, found)
    begin = words.starts[start] if start < len(words) else len(words.text)
    for hit in _BEHIND.finditer(words.text, begin):
        _add_after(words, hit.end(), _WAYS[hit.lastgroup or "in"], found)
        if len(found) > _MOST:
            break
    most = len(found) + _MOST
    for hit in _AHEAD.finditer(words.text, begin):
        _add_before(words, hit.start(), _WAYS[hit.lastgroup or "subject"], found)
        if len(found) > most:
            break
    return list(found)


def _skip_names(words: Words, found: dict[Phrase, None]) -> int:
    # `CVE-2024-1234: ` and `[SECURITY] [DSA 1234-1] ` in front of a title are no part of it; `[acme/rocket] ` names
    # what it is about.
    hit = _NAMED.match(words.text)
    if hit is None:
        return 0
    for tag in _TAG.finditer(hit[0]):
        if not _LIST.search(tag[1]):
            _keep(words, words.word_at(tag.start(1)), words.word_at(tag.end(1)), Way.TITLE, found)
    return words.word_at(hit.end())


def _add_after(words: Words, character: int, way: int, found: dict[Phrase, None]) -> None:
    start = words.word_at(character)
    if start >= len(words) or words.starts[start] > character + 3:
        return
    end = _run_after(words, start)
    if end == start and words.low[start] not in _NEVER:
        # A name without any capital is one word, `in nanomq`, or leads others, `in phpgurukul Cyber Cafe`.
        end = start + 1
        while end < len(words) and end < start + 3 and words.joined[end - 1] and _glued(words, end):
            end += 1
        if end < len(words) and words.joined[end - 1] and words.starts[end] - words.ends[end - 1] == 1:
            end = _run_after(words, end)
    _keep(words, start, end, way, found)


def _add_before(words: Words, character: int, way: int, found: dict[Phrase, None]) -> None:
    end = words.word_at(character)
    while end > 0 and words.low[end - 1] in _KINDS and way is not Way.PLUGIN:
        end -= 1
        character = words.ends[end - 1] if end else 0
    if end == 0:
        return
    if way is Way.LEAD and (end > words.title_words or character - words.ends[end - 1] > 1):
        return
    start = _run_before(words, end)
    if start == end and words.low[end - 1] not in _NEVER and character - words.ends[end - 1] <= 2:
        # A name in small letters counts at the start of a sentence only: `aiohttp is an asynchronous ...`.
        start = end - 1
        while start > 0 and words.joined[start - 1] and _glued(words, start):
            start -= 1
        if start and words.joined[start - 1] and way is not Way.PLUGIN and way is not Way.VERSION:
            return
    _keep(words, start, end, way, found)


def _glued(words: Words, index: int) -> bool:
    return words.starts[index] - words.ends[index - 1] == 1 and words.text[words.ends[index - 1]] in "-_./"


def _run_after(words: Words, start: int) -> int:
    """The end of the name that begins at a word; the word itself if none does."""
    end = good = start
    while end < len(words) and end - start < _LONGEST_RUN:
        if end > start and not words.joined[end - 1]:
            break
        word = words.low[end]
        if words.looks_like_name(end) and not (word in _NEVER and word not in _SMALL):
            if _is_version(words, end) and end > start:
                break
            good = end + 1
        elif word not in _SMALL and not (end > start and _glued(words, end)):
            break
        elif end > start and _glued(words, end):
            good = end + 1
        end += 1
    return good


def _run_before(words: Words, end: int) -> int:
    """The start of the name that ends before a word; the word itself if none does."""
    start = good = end
    while start > 0 and end - start < _LONGEST_RUN:
        if start < end and not words.joined[start - 1]:
            break
        index = start - 1
        word = words.low[index]
        if (words.looks_like_name(index) and not (word in _NEVER and word not in _SMALL)) or (
            start < end and _glued(words, start)
        ):
            good = index
        elif start == end or word not in _SMALL:
            break
        start -= 1
    return good


def _is_version(words: Words, index: int) -> bool:
    return words.raw[index][0].isdigit() and words.text[words.ends[index] : words.ends[index] + 1] == "."


def _without_version(words: Words, start: int, end: int) -> int:
    """The end of a name before a version with dots; `Windows Server 2019` keeps its number."""
    place = end
    while place > start + 1 and _DOTTED.fullmatch(words.low[place - 1]):
        place -= 1
        if not (
            words.starts[place] - words.ends[place - 1] == 1 and words.text[words.ends[place - 1]] == "."
        ):
            return place if end - place > 1 else end
    return end


def _keep(words: Words, start: int, end: int, way: int, found: dict[Phrase, None]) -> None:
    while start < end and (words.low[start] in _NEVER or words.low[start] in ("a", "the")):
        start += 1
    while end > start and (words.low[end - 1] in _SMALL or words.low[end - 1] in _NEVER):
        end -= 1
    start, end = words.balanced(start, _without_version(words, start, end))
    if (
        end <= start
        or words.low[start - 1 if start else 0] in ("cve", "ghsa")
        or (end == start + 1 and _PLACEHOLDER.fullmatch(words.low[start]))
    ):
        return
    found[Phrase(start, end, way)] = None
