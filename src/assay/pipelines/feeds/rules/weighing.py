"""How pressing an entry is, told by a few words of it before anybody reads it."""

import re

from assay.pipelines.feeds.model.entries import Received, Weight
from assay.pipelines.feeds.rules.watching import Watch

# So much of an entry is looked at; what presses says so early.
_MOST = 64 << 10
_MONITORED = 1_000
_NAMED = 50
_PRESSING = (
    (
        400,
        r"actively\s+exploit|exploited\s+in\s+the\s+wild|in-the-wild|known\s+exploited|(?:zero|0)-?\s?day\b",
    ),
    (200, r"\bcritical\b"),
    (150, r"remote\s+code\s+execution|\bRCE\b|authentication\s+bypass|unauthenticated|arbitrary\s+code"),
    (
        100,
        r"\b(?:high|important)\b[\s\w]{0,20}\b(?:severity|impact|risk)\b|\b(?:severity|impact)\W{1,4}(?:high|important)\b",
    ),
)
_WORDS = tuple((weight, re.compile(words, re.IGNORECASE)) for weight, words in _PRESSING)
_NAME = re.compile(r"\b(?:CVE-\d{4}-\d{4,}|GHSA(?:-[23456789cfghjmpqrvwx]{4}){3})\b", re.IGNORECASE)
# What stands between the words of markup, and the codes of mail.
_MARKUP = re.compile(r"<[^<>]{0,2000}>|=\r?\n")


def weigh(entry: Received, watch: Watch) -> Weight:
    """What mentions a watched product comes first, then what sounds severe, then what names a vulnerability."""
    text = readable(entry.title, entry.raw)
    priority = next((weight for weight, words in _WORDS if words.search(text)), 0)
    if _NAME.search(text):
        priority += _NAMED
    is_monitored = bool(len(watch)) and bool(watch.touches(text))
    return Weight(priority + (_MONITORED if is_monitored else 0), is_monitored)


def readable(title: str | None, raw: bytes) -> str:
    """The beginning of an entry, near enough to its text to look for words in it."""
    return f"{title or ''}\n{_MARKUP.sub(' ', raw[:_MOST].decode(errors='replace'))}"
