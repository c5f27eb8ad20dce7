"""The tripwire: places of a text that speak to a program that reads it. Such a text is shown to no language model.

It is one defence of several (docs/reference/reading-prose.md): politely worded or plainly false statements trip nothing.
"""

import re

from assay.pipelines.feeds.model.extraction import Prose, Quote
from assay.pipelines.feeds.model.reading import Order

_FLAGS = re.IGNORECASE
# "context", "message" and "user" alone are words of every second advisory; each pattern wants two words of the trade.
_PATTERNS = (
    (
        "override",
        re.compile(
            r"\b(?:ignore|disregard|forget|override|bypass|discard|skip|do not follow|stop following)\b[^.\n]{0,40}"
            r"\b(?:previous|prior|above|earlier|preceding|all|any|your|system|the)\b[^.\n]{0,20}\b(?:instructions?|prompts?|directions|directives|guidelines|orders|commands you)\b",
            _FLAGS,
        ),
    ),
    ("override", re.compile(r"\b(?:new|updated|revised|following|real|actual) (?:instructions?|system prompt)\s*(?::|are\b|follow)", _FLAGS)),
    ("role", re.compile(r"(?:^|\n)[ \t]*[#>*\[(<]*[ \t]*(?:system|assistant|developer|human)[ \t]*(?:prompt|message)?[\])>*]*[ \t]*:[ \t]*(?=\S)(?!\s*(?:\w+://|[0-9]))", _FLAGS)),
    ("role", re.compile(r"\b(?:you are|act as|pretend to be|behave as|roleplay as)(?: now)? (?:an? |the )?(?:\w+ ){0,3}(?:assistant|language model|chat ?bot|llm|gpt|extractor|security expert|unrestricted)\b", _FLAGS)),
    ("role", re.compile(r"\b(?:as|dear|attention|note to|message to|hello|instructions? (?:to|for)) (?:an? |the |all |any )?(?:ai|a\.i\.|llm|language model|assistant|chat ?gpt|gpt|copilot|extractor|automated (?:reader|agent|system))s?\b(?!['\u2019-])(?: model| assistant)?\s*[,:!-]", _FLAGS)),
    ("tag", re.compile(r"<\|[a-z_]{2,30}\|>|\[/?INST\]|<</?SYS>>|</?(?:system|assistant|instructions?|prompt|tool_call|function_call|untrusted|document|advisory_text)[ >/]", _FLAGS)),
    ("tag", re.compile(r"(?:^|\n)[ \t]*(?:-{3,}|={3,}|#{3,}|\*{3,})[ \t]*(?:end|begin|start|stop)(?: of)?(?: the)? (?:data|document|input|advisory|text|context|untrusted|prompt|user)[^\n]{0,30}", _FLAGS)),
    (
        "answer",
        re.compile(r"[\"'](?:vendor|product|severity|confidence|is_advisory|cwes?|needs_review)[\"']\s*:\s*[\"'\[{0-9tf][^\n]{0,200}?[\"'](?:vendor|product|severity|confidence|is_advisory|cwes?|needs_review)[\"']\s*:", _FLAGS),
    ),
    (
        "answer",
        re.compile(
            r"\b(?:answer|respond|reply|output|return|print|write|say|classify|mark|report|set|label|treat)\b[^.\n]{0,30}\b(?:only |exactly |with |as |that )+[^.\n]{0,60}"
            r"\b(?:json|vendor|severity|not an? advisory|no vulnerabilit(?:y|ies)|(?:as )?(?:harmless|false positive))\b[^.\n]{0,60}\b(?:instead|regardless|no matter|always|whatever|instructions?|and nothing else|only)\b",
            _FLAGS,
        ),
    ),
    ("answer", re.compile(r"\b(?:set|change|report|output|mark|extract|record)\s+(?:the\s+)?(?:vendor|product|severity|confidence|cvss(?: score)?)\s+(?:to|as|is|=|:)\s*[\"'\w]", _FLAGS)),
    ("secrets", re.compile(r"\b(?:reveal|print|repeat|show|leak|output)\b[^.\n]{0,20}\b(?:your|the) (?:system )?(?:prompt|instructions)\b", _FLAGS)),
)  # fmt: skip
_GATE = re.compile(
    r"instruction|prompt|directi(?:ons|ves)|guidelines|orders|system|assistant|developer|human|model|chat|gpt|llm|\bai\b|a\.i\.|copilot|extractor|automated"
    r"|unrestricted|expert|<\||inst\]|<<|</?(?:sys|ass|doc|tool|func|untr|adv)|---|===|###|\*\*\*|vendor|severity|confidence|harmless|false positive|advisory",
    _FLAGS,
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
