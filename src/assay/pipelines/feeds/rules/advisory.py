"""Whether a text is about a vulnerability at all, and what of it is its title and its summary."""

import re
from math import exp
from typing import NamedTuple

from assay.pipelines.feeds.model.extraction import Prose, Quote, Value

_SPEAKS = re.compile(
    r"\b(?:vulnerabilit(?:y|ies)|vulnerable|security (?:advisory|bulletin|issue|flaw|update|fix|hole"
    r"|notice)|exploit(?:s|ed|able|ation)?|attackers?|denial[- ]of[- ]service"
    r"|(?:buffer|heap|stack|integer) overflow|use[- ]after[- ]free|injection|cross[- ]site|xss|csrf"
    r"|ssrf|privilege escalation|arbitrary code|remote code execution|rce|bypass"
    r"|information (?:disclosure|leak)|path traversal|malicious|null pointer|out[- ]of[- ]bounds"
    r"|memory (?:corruption|leak)|deserialization|use of hard-?coded|spoof(?:ing)?|race condition"
    r"|double free|deadlock|crash(?:es)?)\b",
    re.IGNORECASE,
)
_AFFECTS = re.compile(
    r"\b(?:affected|unaffected|vulnerable|impacted|fixed|patched|upgrade|mitigat\w+|workarounds?"
    r"|severity|cvss|cwe-[0-9]+|embargo|disclos(?:ed|ure)|reported by|credits?)\b",
    re.IGNORECASE,
)
_OTHERWISE = re.compile(
    r"\b(?:webinar|hiring|job opening|conference|call for papers|cfp|newsletter|podcast|sale"
    r"|discount|register now|happy (?:new year|holidays)|sponsor(?:s|ship)?|roadmap"
    r"|release notes|changelog|new features?|we are (?:excited|pleased|happy|thrilled)|introducing"
    r"|announcing|tutorial|how to|unsubscribe|survey|birthday|weekly (?:digest|roundup|news))\b",
    re.IGNORECASE,
)
_ROUNDUP = re.compile(r"\b(?:week(?:ly)? in|roundup|round-up|digest|this week)\b", re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?<=[.!?])[)\"'\u201d]*(?=\s+[A-Z(\[\"'`])|\n[ \t]*\n")
_ABBREVIATED = re.compile(
    r"(?:\b(?:e\.g|i\.e|vs|etc|cf|inc|ltd|corp|co|no|fig|approx|resp|Mr|Dr|St)|\b[A-Z])\.$", re.IGNORECASE
)
_HEADING = re.compile(
    r"(?:#{1,6}[ \t]*[^\n]*|[^\n]{1,80}\n[=-]{3,}|[A-Z][A-Za-z ]{2,40}:?|(?:description|summary"
    r"|impact|overview|details)[ :]*)\n+",
    re.IGNORECASE,
)
# Lines without a full stop, before what has one: `Impact: high`, a permalink, who wrote it when.
_CAPTION = re.compile(r"(?:[^\n]{1,120}(?<![.!?:;,])\n){1,5}\n")
_LONGEST = 500
_LONGEST_TITLE = 200


class Signs(NamedTuple):
    """What was counted in the text."""

    names: int
    bulletins: int
    has_rating: bool
    has_weakness: bool
    has_range: bool


class Judgement(NamedTuple):
    """Whether it is an advisory, how likely, and the reason for people."""

    is_advisory: bool
    likelihood: float
    reason: str


def judged(prose: Prose, signs: Signs) -> Judgement:
    """A weighed sum of signs. The weights were set on the real feeds and on texts of release notes, news and mails."""
    text = prose.text[:20_000]
    title = prose.text[: prose.title_end]
    speaks = len({match[0].lower() for match in _SPEAKS.finditer(text)})
    affects = len({match[0].lower() for match in _AFFECTS.finditer(text)})
    otherwise = len({match[0].lower() for match in _OTHERWISE.finditer(text)})
    parts = (
        (3.0 * (signs.names > 0), "it names a vulnerability"),
        (0.8 * (signs.bulletins > 0), "it has the number of a bulletin"),
        (1.5 * signs.has_rating, "it rates one"),
        (0.8 * signs.has_weakness, "its words are those of a weakness"),
        (0.7 * signs.has_range, "it gives versions"),
        (0.7 * min(speaks, 5), f"{speaks} words of attacks and faults"),
        (0.3 * min(affects, 4), f"{affects} words of advisories"),
        (0.8 * bool(_SPEAKS.search(title)), "its title speaks of one"),
        (-0.7 * min(otherwise, 4), f"{otherwise} words of news, releases or events"),
        (-1.0 * bool(_ROUNDUP.search(title)), "its title is that of a digest"),
        (-1.5 * (len(text.strip()) < 40 and not signs.names), "it is nearly empty"),
    )
    total = -1.9 + sum(weight for weight, _ in parts)
    likelihood = round(1 / (1 + exp(-total)), 3)
    is_advisory = likelihood >= 0.5
    told = [reason for weight, reason in parts if (weight > 0 if is_advisory else weight < 0)]
    if not told:
        told = ["nothing in it speaks of a vulnerability"]
    return Judgement(is_advisory, likelihood, "; ".join(told))


def title(prose: Prose, stretch: Quote | None, name: str | None) -> Value | None:
    """The title of one subject: its section's heading, else the entry's title, without the subject's name in front."""
    start, end = 0, prose.title_end
    sure = 0.95
    if stretch is not None:
        start, end, sure = stretch.start, prose.text.find("\n", stretch.start), 0.85
        end = stretch.end if end < 0 or end > stretch.end else end
    shown, quote = _trimmed(prose.text, start, end, name)
    if len(shown) < 4 and stretch is not None:
        return title(prose, None, name)
    return Value(value=shown, confidence=sure, quotes=(quote,)) if shown else None


def _trimmed(text: str, start: int, end: int, name: str | None) -> tuple[str, Quote]:
    part = text[start:end]
    skipped = _front(part, 0)
    if name and part[skipped : skipped + len(name)].casefold() == name.casefold():
        skipped = _front(part, skipped + len(name))
    body = part[skipped:]
    if len(body) > _LONGEST_TITLE:
        cut = _SENTENCE_END.search(body)
        body = body[
            : cut.start() if cut and cut.start() <= _LONGEST_TITLE else body.rfind(" ", 0, _LONGEST_TITLE)
        ]
    shown = body.rstrip(" \t\n:*_`#=")
    return " ".join(shown.split()), Quote(start + skipped, start + skipped + len(shown))


_FRONT = re.compile(
    r"[\s#*>|\-\u2022\])*:,\u2013\u2014]*(?:(?:(?:re|fwd?):|\[(?!CVE|GHSA)[^\]\n]{1,40}\]:?"
    r"|[0-9]+[.)])\s+)*[\s\[(*_`]*",
    re.IGNORECASE,
)


def _front(part: str, start: int) -> int:
    """Past marks, `Re:`, the tag of a list (`[oss-security]`) and the number of an item."""
    match = _FRONT.match(part, start)
    return match.end() if match else start


def summary(prose: Prose, stretch: Quote | None) -> Value | None:
    """The first sentences of the body that say something, at most 500 characters."""
    text = prose.text
    start = prose.title_end if stretch is None else _after_line(text, stretch)
    end = len(text) if stretch is None else stretch.end
    start = _said(text, start, end)
    cut = start
    for match in _SENTENCE_END.finditer(text, start, min(end, start + _LONGEST)):
        if match.start() - start > 20 and not _ABBREVIATED.search(
            text, max(start, match.start() - 8), match.start()
        ):
            cut = match.start()
            if cut - start > 120:
                break
    if cut == start:
        cut = min(end, start + _LONGEST)
        if cut < end:
            cut = max(text.rfind(" ", start, cut), start + 1)
    shown = text[start:cut].rstrip()
    if len(shown) < 10:
        return None
    return Value(value=" ".join(shown.split()), confidence=0.9, quotes=(Quote(start, start + len(shown)),))


def _after_line(text: str, stretch: Quote) -> int:
    """Behind the heading line of a section, unless that is all of it."""
    line = text.find("\n", stretch.start)
    return line if 0 <= line < stretch.end - 20 else stretch.start


def _said(text: str, start: int, end: int) -> int:
    """Past blanks and headings; the last heading stays where nothing follows it."""
    while True:
        while start < end and text[start].isspace():
            start += 1
        match = _HEADING.match(text, start, end) or _CAPTION.match(text, start, end)
        if match is None or match.end() >= end:
            return start
        start = match.end()
