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

# Phrases that name a weakness: its number in the CWE list (4.14), words of which the text must have one in small letters
# (looking for these is forty times as quick as the pattern), and the pattern.
_PHRASES = (
    (352, "forgery csrf xsrf", r"cross[- ]site request forgery|\bCSRF\b|\bXSRF\b"),
    (79, "script xss injection page", r"cross[- ]site script\w*|\bXSS\b|html injection|script injection|neutralization of input during web page"),
    (89, "sql", r"\bSQL(?: command)?[- ]injection|\bSQLi\b|injects? (?:arbitrary )?SQL|elements used in an sql"),
    (918, "forgery ssrf", r"server[- ]side request forgery|\bSSRF\b"),
    (611, "xxe entit", r"\bXXE\b|xml external entit"),
    (502, "seriali object pickle", r"deseriali[sz]\w+|unseriali[sz]\w+|object injection|\bpickle\b"),
    (601, "redirect", r"open redirect\w*|url redirect\w*|redirection to untrusted"),
    (416, "free uaf", r"use[- ]after[- ]free|\bUAF\b"),
    (415, "free", r"double[- ]free"),
    (476, "null nil", r"null[- ]pointer|null(?:ptr)? dereference|nil pointer|dereference of null"),
    (1321, "prototype", r"prototype pollution"),
    (1333, "redos regular backtrack", r"\bReDoS\b|regular expression denial|inefficient regular expression|catastrophic backtracking"),
    (22, "travers ../ slip pathname", r"path traversal|director(?:y|ies) traversal|\.\./|zip[- ]slip|pathname to a restricted"),
    (78, "command", r"(?:os|shell|operating system) command[- ]injection|os command|command injection"),
    (77, "command", r"special elements used in a command\b"),
    (94, "injection generation ssti", r"code injection|control of generation of code|template injection|\bSSTI\b"),
    (434, "upload dangerous", r"unrestricted (?:file )?upload|arbitrary file upload|upload of (?:arbitrary |dangerous )?files?|dangerous type"),
    (121, "stack", r"stack[- ](?:based )?(?:buffer )?overflow|stack buffer|stack overflow"),
    (122, "heap", r"heap[- ](?:based )?(?:buffer )?overflow|heap buffer"),
    (125, "read", r"out[- ]of[- ]bounds? read|oob read|buffer over-?read|heap-buffer-over-?read|read out[- ]of[- ]bounds"),
    (787, "write memory", r"out[- ]of[- ]bounds? write|oob write|write out[- ]of[- ]bounds|memory corruption"),
    (190, "integer", r"integer (?:overflow|wraparound)\w*"),
    (191, "integer", r"integer underflow"),
    (120, "buffer", r"buffer overflow|classic buffer|buffer copy without"),
    (369, "zero floating", r"divi(?:de|sion)[- ]by[- ]zero|floating point exception"),
    (843, "confusion", r"type confusion"),
    (362, "race", r"race condition|data race"),
    (367, "toctou time", r"\bTOCTOU\b|time[- ]of[- ]check"),
    (862, "missing lack insufficient", r"missing (?:authori[sz]ation|capability check|permission check)|lack of authori[sz]ation|insufficient capability"),
    (863, "incorrect broken", r"incorrect (?:authori[sz]ation|permission check)|broken access control"),
    (306, "authenticat", r"missing authentication|lack of authentication|without (?:any )?authentication|unauthenticated access"),
    (287, "authenticat", r"authentication bypass|improper authentication|bypass\w* authentication"),
    (284, "access", r"improper access control|access control"),
    (269, "privilege", r"privilege (?:escalation|management)|elevation of privilege|escalate privileges"),
    (798, "hard", r"hard[- ]?coded (?:credential|password|key|secret|cryptographic)\w*|hard[- ]?coded"),
    (312, "text", r"clear[- ]?text storage|plain[- ]?text password|stored? in (?:clear|plain)[- ]?text"),
    (319, "text", r"clear[- ]?text transmission|transmit\w* (?:\w+ ){0,3}in (?:clear|plain)[- ]?text"),
    (295, "certificate", r"certificate (?:validation|verification)|verify (?:\w+ )?certificates?"),
    (347, "signature", r"signature (?:verification|validation)|verif\w+ (?:of )?(?:the )?(?:cryptographic )?signatures?"),
    (327, "crypt risk cipher", r"broken or risky|weak (?:crypto\w*|cipher|encryption)|risky cryptographic"),
    (330, "random predictable", r"insufficiently random|predictable (?:random|token|value)|weak random"),
    (203, "observable timing side", r"observable (?:discrepancy|timing)|timing (?:attack|side[- ]channel)|side[- ]channel"),
    (400, "resource exhaustion excessive", r"resource (?:consumption|exhaustion)|excessive (?:memory|cpu|resource)|memory exhaustion|uncontrolled resource"),
    (770, "limit resources", r"without limits|allocation of resources|lack of rate limit\w*|no rate limit\w*"),
    (401, "memory", r"memory leak\w*|release of memory"),
    (835, "infinite", r"infinite loop"),
    (674, "recursion exhaustion", r"uncontrolled recursion|stack exhaustion|infinite recursion"),
    (444, "smuggling", r"request smuggling|response smuggling"),
    (113, "crlf splitting header", r"crlf injection|response splitting|header injection"),
    (1236, "csv formula", r"csv injection|formula (?:elements|injection)"),
    (639, "idor insecure user", r"\bIDOR\b|insecure direct object|user-controlled key"),
    (426, "search", r"untrusted search path|search path"),
    (427, "dll search", r"dll (?:hijack\w*|injection|preload\w*|side)|uncontrolled search path"),
    (428, "unquoted", r"unquoted (?:search path|service path)"),
    (59, "link", r"link following|symlink|symbolic link"),
    (613, "session", r"session expiration|insufficient session|session (?:\w+ ){0,3}(?:invalidat|expire)"),
    (384, "session", r"session fixation"),
    (307, "brute excessive", r"brute[- ]force|excessive authentication attempts"),
    (532, "log", r"log files?|into (?:the )?logs?|logged in"),
    (200, "information sensitive", r"information (?:disclosure|leak\w*|exposure)|exposure of sensitive|sensitive information"),
    (276, "permission", r"default permissions|insecure permissions"),
    (732, "permission world", r"permission assignment|world[- ](?:readable|writable)"),
    (1021, "jacking layers iframe", r"click ?jacking|rendered ui layers|iframe"),
    (908, "uninitial", r"uninitiali[sz]ed (?:memory|resource|variable|value)|use of uninitiali[sz]ed"),
    (617, "assert", r"reachable assertion|assertion failure|assert failure"),
    (134, "format", r"format string"),
    (91, "xml xpath", r"xml injection|xpath injection"),
    (90, "ldap", r"ldap injection"),
    (98, "inclu lfi rfi", r"(?:local|remote) file inclusion|\bLFI\b|\bRFI\b|include/require"),
    (345, "authenticity", r"data authenticity"),
    (346, "origin", r"origin validation"),
    (20, "validation", r"improper input validation|insufficient (?:input )?validation|insufficient data validation"),
    (506, "malicious malware", r"malicious (?:code|package)|embedded malicious|malware"),
)  # fmt: skip
PHRASES = tuple(
    (f"CWE-{number}", tuple(words.split()), re.compile(pattern, re.IGNORECASE)) for number, words, pattern in _PHRASES
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
    small = read.lower()
    found = {}
    for cwe, words, pattern in PHRASES:
        if any(word in small for word in words):
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
