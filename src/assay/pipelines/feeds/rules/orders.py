"""The tripwire: places of a text that speak to a program that reads it. Such a text is shown to no language model.

It is one defence of several (docs/reference/reading-prose.md): politely worded or plainly false statements trip nothing.
"""

import re

from assay.pipelines.feeds.model.extraction import Prose, Quote
from assay.pipelines.feeds.model.reading import Order

_READER = r"(?:ai|a\.i\.|llm|language model|assistant|chat ?gpt|gpt|copilot|extractor|automated (?:reader|agent|system))"
_FIELD = r"(?:vendor|product|severity|confidence|is_advisory|cwes?|needs_review)"
_WORDS = r"(?:instructions?|prompts?|directives|guidelines|orders)"

# Each wants two words that seldom meet elsewhere: "prompt", "message" and "user" alone stand in every second advisory.
_SAID = {
    "override": (
        rf"\b(?:ignore|disregard|forget|do not follow|stop following)\b[^.\n]{{0,40}}"
        rf"\b(?:previous|prior|above|earlier|preceding|all|any|your|system|the)\b[^.\n]{{0,20}}\b{_WORDS}\b",
        rf"\b(?:override|bypass|discard|skip|replace)\b[^.\n]{{0,20}}\b(?:previous|prior|above|earlier|preceding|your) (?:\w+ )?{_WORDS}\b",
        r"\b(?:new|updated|revised|real|actual) (?:instructions|system prompt)\s*(?::|are\b|follow)",
    ),
    "role": (
        r"(?:^|\n)[ \t]*[#>*\[(<]*[ \t]*(?:system|assistant|developer|human)[ \t]*(?:prompt|message)?[\])>*]*[ \t]*:[ \t]*"
        r"(?=[A-Za-z\"'{])(?!\w+://)[^\n]*\b(?:you|your|ignore|answer|respond|reply|output|return|set|vendor|json)\b",
        r"\b(?:you are|act as|pretend to be|behave as|roleplay as)(?: now)? (?:an? |the )?(?:\w+ ){0,3}"
        r"(?:assistant|language model|chat ?bot|llm|gpt|extractor|security expert|unrestricted)\b",
        rf"\b(?:as an|dear|attention|note to|message to|hello|instructions? (?:to|for)) (?:an? |the |all |any )?{_READER}s?\b"
        r"(?!['\u2019-])(?: model| assistant)?\s*[,:!]",
    ),
    "tag": (
        r"<\|[a-z_]{2,30}\|>|\[/?INST\]|<</?SYS>>|</?(?:system|assistant|instructions?|tool_call|function_call|untrusted|advisory_text)[ >/]",
        r"(?:^|\n)[ \t]*(?:-{3,}|={3,}|#{3,}|\*{3,})[ \t]*(?:end|begin|start|stop)(?: of)?(?: the)? "
        r"(?:data|document|input|advisory|text|context|untrusted|prompt|user)\b[^\n]{0,30}",
    ),
    "answer": (
        rf"[\"']{_FIELD}[\"']\s*:\s*[\"'\[{{0-9tf][^\n]{{0,200}}?[\"']{_FIELD}[\"']\s*:",
        r"\b(?:answer|respond|reply|output|classify|mark|label|treat)\b[^.\n]{0,60}"
        r"\b(?:json|vendor|severity|not an? advisory|no vulnerabilit(?:y|ies)|harmless|false positive)\b[^.\n]{0,60}"
        r"\b(?:instead|regardless|no matter|always|instructions?|and nothing else|only)\b",
        rf"\b(?:set|change|report|output|mark|extract)\s+(?:the\s+)?(?:value of )?{_FIELD}\s+(?:to|as|is|=|:)\s*[\"'\w]",
    ),
    "secrets": (r"\b(?:reveal|print|repeat|show|leak|output)\b[^.\n]{0,20}\byour (?:system )?(?:prompt|instructions)\b",),
}
_PATTERNS = tuple((kind, re.compile(one, re.IGNORECASE)) for kind, several in _SAID.items() for one in several)
# What at least one of stands in every place that the patterns find.
_GATE = re.compile(
    r"instruction|prompt|directives|guidelines|orders|(?:system|assistant|developer|human)\W|language model|chat ?bot|chat ?gpt|\bgpt|llm|\bai\b"
    r"|a\.i\.|copilot|extractor|automated|unrestricted|<\||inst\]|<<|-{3}|={3}|#{3}|\*{3}|harmless|false positive"
    rf"|[\"']{_FIELD}[\"']|(?:set|change|report|output|mark|extract|answer|respond|reply|classify|label|treat)\b[^.\n]{{0,40}}(?:{_FIELD}|json|advisory|vulnerab)",
    re.IGNORECASE,
)
_MOST = 20


def orders(prose: Prose) -> tuple[Order, ...]:
    """The places that speak to a program, in the order of the text. Hidden characters are one at its start."""
    text = prose.text
    found: list[Order] = []
    if prose.hidden:
        found.append(Order(kind="hidden", quote=Quote(0, 0)))
    if _GATE.search(text):
        for kind, pattern in _PATTERNS:
            found += [Order(kind=kind, quote=Quote(*match.span())) for match in pattern.finditer(text)]
    return tuple(sorted(found, key=lambda one: (one.quote.start, one.quote.end, one.kind))[:_MOST])
