"""How pressing an entry is: what mentions a watched product goes first, then what sounds bad. Newer ones go before."""

import re

from assay.pipelines.feeds.model.entries import Weight
from assay.pipelines.feeds.rules.watching import Watch

_MONITORED = 100
_EXPLOITED = 40
_CRITICAL = 20
_HIGH = 10

_EXPLOITED_WORDS = re.compile(
    r"\b(?:(?:actively|being|been) exploited|exploited in the wild|exploitation (?:in the wild|detected|has been)|"
    r"in[- ]the[- ]wild exploit\w*|zero[- ]day|0-?day|ransomware)\b",
    re.IGNORECASE,
)
_CRITICAL_WORDS = re.compile(
    r"\b(?:critical|remote code execution|rce|pre-auth\w*|unauthenticated|wormable|emergency|out[- ]of[- ]band)\b",
    re.IGNORECASE,
)
_HIGH_WORDS = re.compile(
    r"\b(?:high severity|severity: high|important|privilege escalation|authentication bypass|sql injection|"
    r"code execution|cve-\d{4}-\d{4,})\b",
    re.IGNORECASE,
)
# What stands first says what an entry is about; a long page mentions everything somewhere.
_READ = 20_000


def readable(title: str | None, raw: bytes) -> str:
    """The title and text of an entry as received, near enough to look for words in them."""
    return f"{title or ''}\n{raw.decode(errors='replace')}"


def weigh(text: str, watch: Watch) -> Weight:
    """The weight of an entry with this title and text; markup may still be in it."""
    head = text[:_READ]
    is_monitored = bool(watch.touches(head)) if len(watch) else False
    priority = _MONITORED if is_monitored else 0
    if _EXPLOITED_WORDS.search(head):
        priority += _EXPLOITED
    if _CRITICAL_WORDS.search(head):
        priority += _CRITICAL
    elif _HIGH_WORDS.search(head):
        priority += _HIGH
    return Weight(priority, is_monitored)
