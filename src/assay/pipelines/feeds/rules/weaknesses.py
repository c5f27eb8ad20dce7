"""Which weaknesses (CWE) a text speaks of: ids that stand in it, else the best guess of a small fitted model.

`weaknesses.json` holds the model: weights of words and phrases for the ids that real records use, the curve that makes its
share a probability, and every id that records use. `tools/fit_weaknesses.py` fits it and says from what.
"""

import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from math import exp

import msgspec

from assay.pipelines.feeds.model.extraction import Quote, Value

_ID = re.compile(
    r"\bCWE[-\u2010-\u2015 :_]{1,2}(?:ID ?)?0*(?P<number>[1-9][0-9]{0,3})(?![0-9])", re.IGNORECASE
)
_ADDRESS = re.compile(r"cwe\.mitre\.org/data/definitions/0*([1-9][0-9]{0,3})(?:\.html)?", re.IGNORECASE)
_WORD = re.compile(r"[a-z][a-z]+(?:-[a-z]+)*|c\+\+|\.\./|%0d")
_READ = 3_000
_ENTITY = {
    "xss": "79",
    "csrf": "352",
    "ssrf": "918",
    "xxe": "611",
    "idor": "639",
    "toctou": "367",
    "redos": "1333",
}

# Phrases that name a weakness, the more telling first. Names: the CWE list 4.14, with the words that texts use for them.
PHRASES = tuple(
    (re.compile(pattern, re.IGNORECASE), cwe)
    for cwe, pattern in (
        ("CWE-352", r"cross[- ]site request forgery|\bCSRF\b|\bXSRF\b"),
        (
            "CWE-79",
            r"cross[- ]site script\w*|\bXSS\b|html injection|script injection|neutralization of input during web page",
        ),
        (
            "CWE-89",
            r"\bSQL(?: command)?[- ]injection|\bSQLi\b|injects? (?:arbitrary )?SQL|elements used in an sql",
        ),
        ("CWE-918", r"server[- ]side request forgery|\bSSRF\b"),
        ("CWE-611", r"\bXXE\b|xml external entit"),
        ("CWE-502", r"deseriali[sz]\w+|unseriali[sz]\w+|object injection|\bpickle\b"),
        ("CWE-601", r"open redirect\w*|url redirect\w*|redirection to untrusted"),
        ("CWE-416", r"use[- ]after[- ]free|\bUAF\b"),
        ("CWE-415", r"double[- ]free"),
        ("CWE-476", r"null[- ]pointer|null(?:ptr)? dereference|nil pointer|dereference of null"),
        ("CWE-1321", r"prototype pollution"),
        (
            "CWE-1333",
            r"\bReDoS\b|regular expression denial|inefficient regular expression|catastrophic backtracking",
        ),
        ("CWE-22", r"path traversal|director(?:y|ies) traversal|\.\./|zip[- ]slip|pathname to a restricted"),
        ("CWE-78", r"(?:os|shell|operating system) command[- ]injection|os command|command injection"),
        ("CWE-77", r"special elements used in a command\b"),
        ("CWE-94", r"code injection|control of generation of code|template injection|\bSSTI\b"),
        (
            "CWE-434",
            r"unrestricted (?:file )?upload|arbitrary file upload|upload of (?:arbitrary |dangerous )?files?|dangerous type",
        ),
        ("CWE-121", r"stack[- ](?:based )?(?:buffer )?overflow|stack buffer|stack overflow"),
        ("CWE-122", r"heap[- ](?:based )?(?:buffer )?overflow|heap buffer"),
        (
            "CWE-125",
            r"out[- ]of[- ]bounds? read|oob read|buffer over-?read|heap-buffer-over-?read|read out[- ]of[- ]bounds",
        ),
        ("CWE-787", r"out[- ]of[- ]bounds? write|oob write|write out[- ]of[- ]bounds|memory corruption"),
        ("CWE-190", r"integer (?:overflow|wraparound)\w*"),
        ("CWE-191", r"integer underflow"),
        ("CWE-120", r"buffer overflow|classic buffer|buffer copy without"),
        ("CWE-369", r"divi(?:de|sion)[- ]by[- ]zero|floating point exception"),
        ("CWE-843", r"type confusion"),
        ("CWE-362", r"race condition|data race"),
        ("CWE-367", r"\bTOCTOU\b|time[- ]of[- ]check"),
        (
            "CWE-862",
            r"missing (?:authori[sz]ation|capability check|permission check)|lack of authori[sz]ation|insufficient capability",
        ),
        ("CWE-863", r"incorrect (?:authori[sz]ation|permission check)|broken access control"),
        (
            "CWE-306",
            r"missing authentication|lack of authentication|without (?:any )?authentication|unauthenticated access",
        ),
        ("CWE-287", r"authentication bypass|improper authentication|bypass\w* authentication"),
        ("CWE-284", r"improper access control|access control"),
        ("CWE-269", r"privilege (?:escalation|management)|elevation of privilege|escalate privileges"),
        ("CWE-798", r"hard[- ]?coded (?:credential|password|key|secret|cryptographic)\w*|hard[- ]?coded"),
        ("CWE-312", r"clear[- ]?text storage|plain[- ]?text password|stored? in (?:clear|plain)[- ]?text"),
        ("CWE-319", r"clear[- ]?text transmission|transmit\w* (?:\w+ ){0,3}in (?:clear|plain)[- ]?text"),
        ("CWE-295", r"certificate (?:validation|verification)|verify (?:\w+ )?certificates?"),
        (
            "CWE-347",
            r"signature (?:verification|validation)|verif\w+ (?:of )?(?:the )?(?:cryptographic )?signatures?",
        ),
        ("CWE-327", r"broken or risky|weak (?:crypto\w*|cipher|encryption)|risky cryptographic"),
        ("CWE-330", r"insufficiently random|predictable (?:random|token|value)|weak random"),
        ("CWE-203", r"observable (?:discrepancy|timing)|timing (?:attack|side[- ]channel)|side[- ]channel"),
        (
            "CWE-400",
            r"resource (?:consumption|exhaustion)|excessive (?:memory|cpu|resource)|memory exhaustion|uncontrolled resource",
        ),
        ("CWE-770", r"without limits|allocation of resources|lack of rate limit\w*|no rate limit\w*"),
        ("CWE-401", r"memory leak\w*|release of memory"),
        ("CWE-835", r"infinite loop"),
        ("CWE-674", r"uncontrolled recursion|stack exhaustion|infinite recursion"),
        ("CWE-444", r"request smuggling|response smuggling"),
        ("CWE-113", r"crlf injection|response splitting|header injection"),
        ("CWE-1236", r"csv injection|formula (?:elements|injection)"),
        ("CWE-639", r"\bIDOR\b|insecure direct object|user-controlled key"),
        ("CWE-426", r"untrusted search path|search path"),
        ("CWE-427", r"dll (?:hijack\w*|injection|preload\w*|side)|uncontrolled search path"),
        ("CWE-428", r"unquoted (?:search path|service path)"),
        ("CWE-59", r"link following|symlink|symbolic link"),
        ("CWE-613", r"session expiration|insufficient session|session (?:\w+ ){0,3}(?:invalidat|expire)"),
        ("CWE-384", r"session fixation"),
        ("CWE-307", r"brute[- ]force|excessive authentication attempts"),
        ("CWE-532", r"log files?|into (?:the )?logs?|logged in"),
        (
            "CWE-200",
            r"information (?:disclosure|leak\w*|exposure)|exposure of sensitive|sensitive information",
        ),
        ("CWE-276", r"default permissions|insecure permissions"),
        ("CWE-732", r"permission assignment|world[- ](?:readable|writable)"),
        ("CWE-1021", r"click ?jacking|rendered ui layers|iframe"),
        ("CWE-908", r"uninitiali[sz]ed (?:memory|resource|variable|value)|use of uninitiali[sz]ed"),
        ("CWE-617", r"reachable assertion|assertion failure|assert failure"),
        ("CWE-134", r"format string"),
        ("CWE-91", r"xml injection|xpath injection"),
        ("CWE-90", r"ldap injection"),
        ("CWE-98", r"(?:local|remote) file inclusion|\bLFI\b|\bRFI\b|include/require"),
        ("CWE-345", r"data authenticity"),
        ("CWE-346", r"origin validation"),
        (
            "CWE-20",
            r"improper input validation|insufficient (?:input )?validation|insufficient data validation",
        ),
        ("CWE-506", r"malicious (?:code|package)|embedded malicious|malware"),
    )
)


class Model(msgspec.Struct, frozen=True):
    """The fitted model. `weights` are hundredths, by feature and then by the place of the class in `classes`."""

    source: str
    known: tuple[int, ...]
    classes: tuple[str, ...]
    intercepts: tuple[int, ...]
    weights: dict[str, tuple[tuple[int, int], ...]]
    knots: tuple[tuple[float, float], ...]


@cache
def model() -> Model:
    """The model that ships with the program."""
    raw = files(__package__).joinpath("weaknesses.json").read_bytes()
    return msgspec.json.decode(raw, type=Model)


def weaknesses(text: str) -> tuple[Value, ...]:
    """The weaknesses of the text: every known id that stands in it, in its order; without any, the model's best guess."""
    stated = explicit(text)
    if stated:
        return stated
    guess = guessed(text)
    return () if guess is None else (guess,)


def explicit(text: str) -> tuple[Value, ...]:
    """The ids that stand in the text, each once. Numbers that no record uses are none (`CWE-1234` fits the form)."""
    if "cwe" not in text and "CWE" not in text and "Cwe" not in text:
        return ()
    known = frozenset(model().known)
    found: dict[int, list[Quote]] = {}
    for pattern in (_ID, _ADDRESS):
        for match in pattern.finditer(text):
            number = int(match[1])
            if number in known:
                found.setdefault(number, []).append(Quote(*match.span()))
    ordered = sorted(found.items(), key=lambda one: one[1][0])
    return tuple(
        Value(value=f"CWE-{number}", confidence=0.97, quotes=tuple(quotes[:5])) for number, quotes in ordered
    )


def guessed(text: str) -> Value | None:
    """The weakness that the model finds most likely, with the phrases that speak for it; None below one in three."""
    fitted = model()
    phrases = phrases_of(text)
    sums = list(map(float, fitted.intercepts))
    weights = fitted.weights
    for feature in features(text, phrases):
        for place, weight in weights.get(feature, ()):
            sums[place] += weight
    best = max(range(len(sums)), key=sums.__getitem__)
    top = sums[best]
    share = 1 / sum(exp((one - top) / 100) for one in sums)
    confidence = _on_curve(fitted.knots, share)
    if confidence < _LEAST:
        return None
    cwe = fitted.classes[best]
    quote = phrases.get(cwe)
    return Value(
        value=cwe,
        confidence=confidence,
        quotes=() if quote is None else (quote,),
        why="the words of the whole text" if quote is None else "a phrase that names it",
    )


_LEAST = 0.35


def phrases_of(text: str) -> dict[str, Quote]:
    """The weaknesses that phrases of the text name, each with its first place."""
    read = text[:_READ]
    found = {}
    for pattern, cwe in PHRASES:
        match = pattern.search(read)
        if match is not None:
            found[cwe] = Quote(*match.span())
    return found


def features(text: str, phrases: Iterable[str]) -> set[str]:
    """What the model weighs: words, pairs of words, and the phrases that were found (`=79`)."""
    words = _WORD.findall(text[:_READ].lower())
    found = set(words)
    found.update(f"{first} {second}" for first, second in zip(words, words[1:], strict=False))
    found.update(f"={cwe[4:]}" for cwe in phrases)
    return found


def _on_curve(knots: tuple[tuple[float, float], ...], share: float) -> float:
    """The probability for a share of the model's, between the curve's points by straight lines."""
    lower = knots[0]
    for upper in knots:
        if share <= upper[0]:
            if upper[0] == lower[0]:
                return round(upper[1], 3)
            part = (share - lower[0]) / (upper[0] - lower[0])
            return round(lower[1] + part * (upper[1] - lower[1]), 3)
        lower = upper
    return round(lower[1], 3)
