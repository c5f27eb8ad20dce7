"""The addresses that a text gives, cleaned, each once, with the kind that OSV has for them."""

import re
from urllib.parse import urlsplit

from assay.pipelines.feeds.model.extraction import Prose, Quote, Value

_URL = re.compile(r"(?<![\w.])(?:https?|ftp|git)://[^\s<>\"'`|\\^{}\u2018-\u201f]+", re.IGNORECASE)
_TRAILING = ".,;:!?*_'\"\u2019\u201d>"
_LONGEST = 2_000
_MOST = 200
_WRAPPED = re.compile(
    r"(?:https?://)?(?:\w+\.)*(?:safelinks\.protection\.outlook\.com|urldefense\.\w+)/", re.IGNORECASE
)
_TRACKING = re.compile(r"(?:^|&)(?:utm_[a-z]+|fbclid|gclid|mc_cid|mc_eid)=[^&]*", re.IGNORECASE)
# OSV schema 1.7, references[].type; the first that fits.
_KINDS = (
    ("FIX", re.compile(r"/(?:commit|commits|pull|merge_requests|changeset|revision)/(?:-/)?[0-9a-f]+|[?&;](?:id"
    r"|h)=[0-9a-f]{7,40}|\.patch$|\.diff$|/\+/[0-9a-f]{12,}", re.IGNORECASE)),
    (
        "ADVISORY",
        re.compile(
            r"/advisor(?:y|ies)\b|/GHSA-|/security/(?:bulletin|advisor|notices|cve|announce)"
            r"|nvd\.nist\.gov/vuln|cve\.org/cve|cve\.mitre\.org"
            r"|/(?:RHSA|USN|DSA|GLSA|VMSA|XSA|mfsa|MFSA)[-0-9]|security-tracker\."
            r"|zerodayinitiative\.com/advisories|talosintelligence\.com/(?:vuln|reports)"
            r"|/security-?advis|/psirt|kb\.cert\.org|jvn\.jp|bulletin",
            re.IGNORECASE,
        ),
    ),
    ("REPORT", re.compile(r"/issues?/[0-9]+|bugzilla|show_bug\.cgi|/bugs?/|/browse/[A-Z]+-[0-9]+|/tickets?/"
    r"|hackerone\.com/reports|huntr\.|issues\.\w+\.org|crbug\.com", re.IGNORECASE)),
    ("EVIDENCE", re.compile(r"exploit-db\.com|/poc\b|proof-of-concept|packetstormsecurity|/exploits?/", re.IGNORECASE)),
    ("ARTICLE", re.compile(r"/blog\b|//blog\.|medium\.com|openwall\.com/lists|/archives?/|/mailman/|lists?\.[\w.]+/"
    r"|seclists\.org|/news/|groups\.google", re.IGNORECASE)),
)  # fmt: skip


def references(prose: Prose) -> tuple[Value, ...]:
    """The addresses in the entry, its own first; `why` is the kind of each in OSV's words."""
    found: dict[str, list[Quote]] = {}
    for match in _URL.finditer(prose.text):
        url = cleaned(match[0])
        if url is not None:
            quote = Quote(match.start(), match.start() + min(len(url), match.end() - match.start()))
            found.setdefault(_key(url), []).append(quote)
    shown: dict[str, str] = {}
    for link in prose.links:
        url = cleaned(link)
        if url is not None:
            shown.setdefault(_key(url), url)
    for match in _URL.finditer(prose.text):
        url = cleaned(match[0])
        if url is not None:
            shown.setdefault(_key(url), url)
    return tuple(
        Value(value=url, confidence=0.99, quotes=tuple(found.get(key, ())), why=kind(url))
        for key, url in list(shown.items())[:_MOST]
    )


def cleaned(address: str) -> str | None:
    """The address without what the sentence around it left on it, or what only follows readers; None for none."""
    url = address.strip().rstrip(_TRAILING)
    for opening, closing in (("(", ")"), ("[", "]")):
        while url.endswith(closing) and url.count(closing) > url.count(opening):
            url = url[:-1].rstrip(_TRAILING)
    if not _URL.fullmatch(url) or len(url) > _LONGEST or _WRAPPED.match(url):
        return None
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return None
    if not host or "." not in host or parts.username:
        return None
    if parts.query and (query := _TRACKING.sub("", parts.query).lstrip("&")) != parts.query:
        url = parts._replace(query=query).geturl()
    return url


def kind(url: str) -> str:
    """OSV's word for what an address leads to."""
    return next((name for name, pattern in _KINDS if pattern.search(url)), "WEB")


def _key(url: str) -> str:
    """What two spellings of an address have in common: neither the scheme's s nor a slash at the end counts."""
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme.lower().removesuffix('s')}://{host.lower()}{slash}{path.rstrip('/')}"
