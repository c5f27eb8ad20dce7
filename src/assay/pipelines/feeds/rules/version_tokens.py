"""Versions as they stand in prose, apart from the numbers that are none: dates, scores, sizes, standards."""

import re
from collections.abc import Iterator
from typing import NamedTuple


class Token(NamedTuple):
    """A version at a place of the text, as it is written there. `is_bare` has no point, `is_wild` is `2.x`."""

    start: int
    end: int
    written: str
    is_bare: bool
    is_wild: bool


_QUALIFIER = (
    r"(?:[ ](?:SP|Service Pack|Update|Patch|Hotfix|HF|Build|build|CU|MR|FP|Rev|Revision|R|P|U)[ .]?[0-9][\w.]*"
    r"|[ ](?:BETA|Beta|beta|alpha|RC|rc)[ .]?[0-9]*\b)"
)
_TOKEN = re.compile(
    r"(?<![\w.@#%$\u20ac\\~+])(?<![/:][\w.-])(?P<v>[vVrR]?[.]?[0-9]+(?:[a-zA-Z]\w*)?"
    r"(?:[.\-+~_:](?:[0-9]\w*|[a-zA-Z][a-zA-Z0-9]*|\*)|\([0-9][\w.]*\)[\w.]*)*)"
    rf"(?P<q>{_QUALIFIER}{{0,2}})"
)
_NO_VERSION = re.compile(
    r"[0-9]{1,3}(?:st|nd|rd|th)$|[0-9]+(?:\.[0-9]+)?(?:ms|s|kb|mb|gb|px|bits?|d|hz|mhz|ghz)$|0x|[0-9a-f]{14,}$"
    r"|[0-9]+-(?:bit|byte|day|click|way|factor|character|digit|based|auth|in|by|to|party|time|of)"
    r"|[0-9]+d$|1[0-9]{8}$|[0-9]{1,3}(?:,[0-9]{3})+$|v?[0-9]+[:][0-9]{2}$",
    re.IGNORECASE,
)
_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?"
    r"|Nov(?:ember)?|Dec(?:ember)?)"
)
_AFTER_MONTH = re.compile(rf"\b{_MONTH}\.?[ \n]+(?:[0-9]{{1,2}},?[ \n]*)?$")
_BEFORE_MONTH = re.compile(rf"(?:st|nd|rd|th)?[ \n]+(?:of[ ]+)?{_MONTH}\b")
_YEAR = re.compile(r"(?:19|20)[0-9]{2}$")
# What stands before a number that is no version of the product.
_FOREIGN = re.compile(
    r"(?:\bCVSS?(?:v?[234](?:\.[01])?)?(?:[ :*]*(?:v|version|base|score|scoring|vector|rating"
    r"|severity|calculator|of|is|and)\b)*[ :=(*]*v?"
    r"|\b(?:score|rating|severity|level)(?: of| is|:)?[ :=(*]*|\bscored? (?:at|of)? ?"
    r"|\b(?:RFC|TLS|SSL|HTTP|Section|line|lines|port|ports|step|page|CWE|KB|bug|issue|ticket|pull "
    r"request|PR|ISO|IP|UTF|SHA|MD|AES|X|SMB|copyright"
    r"|API level|Windows|Windows Server|CPE|PKCS|IEEE|DES|RC|Internet Explorer|OAuth|SAML|XHTML|HTML"
    r"|CSS|ECMAScript|USB|PCI DSS|Top|OWASP|Priority|Object|commit|revision|MFSA|Advisory|VDB|ID"
    r"|status|code|error|type|level|case|CVE|EUVD)[ #:/-]*v?"
    r"|https?:\S*|\b\w+=)$",
    re.IGNORECASE,
)
# Tools and systems that a text was tried on, or that the fault needs.
_SURROUNDING = re.compile(
    r"\b(?:tested|reproduced|verified|confirmed|running|runs|installed|executed|compiled|built) "
    r"(?:\w+ ){0,2}(?:on|with|against|under|using|in)[^.;\n]{0,60}$"
    r"|\b(?:on|under|requires?|when (?:using|running)|using) (?:Microsoft )?(?:Windows|Ubuntu|Debian"
    r"|Linux|Python|Java|PHP|Node\.?js|JDK|Go|Ruby|x86|macOS|Mac OS X|CentOS|RHEL|Red Hat)(?: \w+)?[ "
    r"v]*$",
    re.IGNORECASE,
)
_UNIT = re.compile(
    r"[ -]?(?:%|bytes?\b|bits?\b|[kKMGT]i?[bB]\b|characters?\b|chars\b|times\b|days?\b|hours?\b"
    r"|minutes?\b|seconds?\b|years?\b|months?\b"
    r"|weeks?\b|users?\b|sites?\b|installations?\b|vulnerabilit|issues?\b|requests?\b|people\b"
    r"|points?\b|out of|/10\b|of 10\b|ms\b|px\b"
    r"|different\b|elements?\b|entries\b|packets?\b|percent\b|attempts?\b|levels?\b|or more\b"
    r"|digits?\b|parameters?\b|million\b|thousand\b"
    r"|bugs?\b|flaws?\b|CVEs?\b|instances?\b|functions?\b|commits?\b|files?\b|rounds?\b|devices?\b"
    r"|MHz|GHz|pointers?\b|classes\b|objects?\b)",
    re.IGNORECASE,
)
_LETTERS_BEFORE = 90


# Java's `8u131` is as plainly a version as `1.8.0`.
_WHOLE = re.compile(r"[0-9]+u[0-9]+")
# `12.2.3-12.2.13` is two versions; `1.2.3-4` and `2.0-beta` are one.
_JOINED = re.compile(r"(v?[0-9]+(?:\.[0-9]+)+)-v?[0-9]+(?:\.[0-9]+)+")


def tokens(text: str) -> Iterator[Token]:
    """Every version in the text, in its order."""
    for match in _TOKEN.finditer(text):
        start, written = match.start(), match["v"]
        written = written if written.endswith(".*") else written.rstrip(".-_:~+*")
        joined = _JOINED.fullmatch(written)
        if joined is not None:
            middle = joined.end(1)
            yield from _kept(text, start, start + middle)
            yield from _kept(text, start + middle + 1, start + len(written))
        else:
            yield from _kept(text, start, match.end() if match["q"] else start + len(written))


def _kept(text: str, start: int, end: int) -> Iterator[Token]:
    """The token, where it is a version at all."""
    written = text[start:end]
    bare = not any(mark in written.strip(".") for mark in ".-_(") and _WHOLE.fullmatch(written) is None
    if _is_version(text, start, end, written, bare=bare):
        yield Token(start, end, written, bare, written[-2:].lower() in {".x", ".*", "-x"})


def _is_version(text: str, start: int, end: int, written: str, *, bare: bool) -> bool:
    if len(written) > 60 or _NO_VERSION.match(written):
        return False
    before = text[max(0, start - _LETTERS_BEFORE) : start]
    if _FOREIGN.search(before) or _SURROUNDING.search(before):
        return False
    if not bare:
        return not (written.count(".") == 1 and _UNIT.match(text, end) and not _is_marked(before))
    if _UNIT.match(text, end) or _AFTER_MONTH.search(before) or _BEFORE_MONTH.match(text, end):
        return False
    return not written[-1:].isalpha() or written[:1] in "vV" or len(written) <= 12


def _is_marked(before: str) -> bool:
    return before[-9:].lower().rstrip().endswith(("version", "versions", "v"))
