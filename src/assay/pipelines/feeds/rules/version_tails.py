"""What the words after a version make of it: `1.2 and earlier`, `1.2 (excluded)`, `1.3 contains a fix`."""

import re
from enum import Enum

_EARLIER = re.compile(
    r"[`*\"')\]]*\s*[,(]?\s*(?:(?:and|or|&|as well as|and/or)\s+(?:all\s+|any\s+|its\s+|the\s+"
    r"|also\s+)?(?:versions?\s+|releases?\s+)?"
    r"(?:earlier|prior|below|previous|older|lower|before|preceding|less|under|lesser|down)\b|(?:or"
    r"|and)\s+(?:previous|older)|-\s*and\s+earlier)(?!\s+(?:than|to)\b)",
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
    r"[`*\"')\]]*\s*[,(]?\s*(?:(?:and|or|&)\s+(?:all\s+|any\s+)?(?:versions?\s+)?(?:later|above"
    r"|newer|higher|onwards?|up\b|greater|after|subsequent)|onwards?\b|\+(?!\w))",
    re.IGNORECASE,
)
_FIXES = re.compile(
    r"[`*\"')\]]*,?\s*(?:(?:of|for)\s+(?:the\s+)?[\w@/.` -]{1,40}?\s+)?"
    r"(?:(?:which|that|have|has|and|also|both|all|now|releases?|versions?|includes?|contains?"
    r"|provides?|introduces?|ships?|added?|adds|was|were|is|are"
    r"|been|released|respectively|the|a|first|with|to|E?LTS)[ \n]+){0,5}"
    r"(?:fix(?:es|ed)?|patch(?:es|ed)?|resolv(?:es|ed?)|address(?:es|ed)?|correct(?:s|ed)"
    r"|mitigat(?:es|ed?)|remediat(?:es|ed?)|solv(?:es|ed?)"
    r"|rectif(?:y|ies)|prevents?|not (?:affected|vulnerable)|unaffected|secure|no longer|escapes"
    r"|restricts|sanitizes|removed|removes|masks|rejects)\b",
    re.IGNORECASE,
)
_PATCHED_NAME = re.compile(r"\s*\((?:fixed|patched|includes? (?:the )?fix)", re.IGNORECASE)
_DENIED = re.compile(
    r"\b(?:not (?:affected|vulnerable|impacted|susceptible)|unaffected|does not (?:affect|impact)"
    r"|not affect)\b(?!.{0,80}\b(?:but|affected versions)\b)",
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


def is_denied(text: str, start: int) -> bool:
    """Whether the line says of the versions that they are not affected."""
    floor = max(0, start - 120)
    line = max(text.rfind("\n", floor, start), text.rfind(". ", floor, start), floor - 1) + 1
    return _DENIED.search(text, line, start) is not None
