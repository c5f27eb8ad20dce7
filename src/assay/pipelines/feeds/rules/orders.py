"""The tripwire: places of a text that speak to a program that reads it. Such a text is shown to no language model.

It is one defence of several (docs/reference/reading-prose.md): what is politely worded or plainly false trips nothing.
"""

import re

from assay.pipelines.feeds.model.extraction import Prose, Quote
from assay.pipelines.feeds.model.reading import Order

_READER = (
    r"(?:ai|a\.i\.|llm|language model|assistant|chat ?gpt|gpt|copilot|extractor|automated (?:reader"
    r"|agent|system))"
)
_FIELD = r"(?:vendor|product|severity|confidence|is_advisory|cwes?|needs_review)"
_WORDS = r"(?:instructions|prompts?|directives|guidelines|orders)"

# Kind; words of which the text must have one in small letters, which is quick to see; the pattern. Each pattern wants
# two words that seldom meet elsewhere: "prompt", "message" and "user" alone stand in every second advisory.
_SAID = (
    (
        "override",
        "ignore disregard forget follow",
        (
            rf"\b(?:ignore|disregard|forget|do not follow|stop following)\b[^.\n]{{0,40}}"
            rf"\b(?:previous|prior|above|earlier|preceding|all|any|your|system|the)\b[^.\n]{{0,20}}\b{_WORDS}\b"
        ),
    ),
    (
        "override",
        "instruction prompt directives guidelines orders",
        (
            rf"\b(?:override|bypass|discard|skip|replace)\b[^.\n]{{0,20}}\b(?:previous|prior|above"
            rf"|earlier|preceding|your) (?:\w+ )?{_WORDS}\b"
        ),
    ),
    (
        "override",
        "instructions prompt",
        r"\b(?:new|updated|revised|real|actual) (?:instructions|system prompt)\s*(?::|are\b|follow)",
    ),
    (
        "role",
        (
            "system: assistant: developer: human: prompt: message: system] assistant] system> assistant> "
            "system) system* assistant*"
        ),
        (
            r"(?:^|\n)[ \t]*[#>*\[(<]*[ \t]*(?:system|assistant|developer|human)[ \t]*(?:prompt"
            r"|message)?[\])>*]*[ \t]*:[ \t]*"
            r"(?=[A-Za-z\"'{])(?!\w+://)[^\n]*\b(?:you|your|ignore|answer|respond|reply|output|return"
            r"|set|vendor|json)\b"
        ),
    ),
    (
        "role",
        "assistant model chat llm gpt extractor expert unrestricted",
        (
            r"\b(?:you are|act as|pretend to be|behave as|roleplay as)(?: now)? (?:an? |the )?(?:\w+ ){0,3}"
            r"(?:assistant|language model|chat ?bot|llm|gpt|extractor|security expert|unrestricted)\b"
        ),
    ),
    (
        "role",
        "ai a.i. llm model assistant gpt copilot extractor automated",
        (
            rf"\b(?:as an|dear|attention|note to|message to|hello|instructions? (?:to|for)) (?:an? |the "
            rf"|all |any )?{_READER}s?\b"
            r"(?!['\u2019-])(?: models?| assistants?)?\s*[,:!]"
        ),
    ),
    (
        "tag",
        "<| inst] sys>> <sys </sys <ass </ass <inst </inst <tool </tool <func </func <untr </untr <advi </advi",
        (
            r"<\|[a-z_]{2,30}\|>|\[/?INST\]|<</?SYS>>|</?(?:system|assistant|instructions?|tool_call"
            r"|function_call|untrusted|advisory_text)[ >/]"
        ),
    ),
    (
        "tag",
        "--- === ### ***",
        (
            r"(?:^|\n)[ \t]*(?:-{3,}|={3,}|#{3,}|\*{3,})[ \t]*(?:end|begin|start|stop)(?: of)?(?: the)? "
            r"(?:data|document|input|advisory|text|context|untrusted|prompt|user)\b[^\n]{0,30}"
        ),
    ),
    (
        "answer",
        "vendor product severity confidence is_advisory",
        rf"[\"']{_FIELD}[\"']\s*:\s*[\"'\[{{0-9tf][^\n]{{0,200}}?[\"']{_FIELD}[\"']\s*:",
    ),
    (
        "answer",
        "answer respond reply output classify mark label treat",
        (
            r"\b(?:answer|respond|reply|output|classify|mark|label|treat)\b[^.\n]{0,60}"
            r"\b(?:json|vendor|severity|not an? advisory|no vulnerabilit(?:y|ies)|harmless|false positive)\b"
            r"[^.\n]{0,60}"
            r"\b(?:instead|regardless|no matter|always|instructions?|and nothing else|only)\b"
        ),
    ),
    (
        "answer",
        "set change report output mark extract",
        (
            rf"\b(?:set|change|report|output|mark|extract)\s+(?:the\s+)?(?:value of )?{_FIELD}\s+(?:to"
            rf"|as|is|=|:)\s*[\"'\w]"
        ),
    ),
    (
        "secrets",
        "prompt instructions",
        r"\b(?:reveal|print|repeat|show|leak|output)\b[^.\n]{0,20}\byour (?:system )?(?:prompt|instructions)\b",
    ),
)
_PATTERNS = tuple(
    (kind, tuple(words.split()), re.compile(pattern, re.IGNORECASE)) for kind, words, pattern in _SAID
)
_MOST = 20


def orders(prose: Prose) -> tuple[Order, ...]:
    """The places that speak to a program, in the order of the text. Hidden characters are one at its start."""
    text = prose.text
    small = text.lower()
    found: list[Order] = []
    if prose.hidden:
        found.append(Order(kind="hidden", quote=Quote(0, 0)))
    for kind, words, pattern in _PATTERNS:
        if any(word in small for word in words):
            found += [Order(kind=kind, quote=Quote(*match.span())) for match in pattern.finditer(text)]
    return tuple(sorted(found, key=lambda one: (one.quote.start, one.quote.end, one.kind))[:_MOST])
