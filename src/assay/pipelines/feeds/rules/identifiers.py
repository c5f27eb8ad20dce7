"""Which vulnerabilities a text is about, which it only mentions, and which part of it speaks of each.

Sources of the forms: CVE numbering (2014 syntax), the identifiers of the OSV schema's databases, and the numbering of
the advisories of Mozilla, Red Hat, Ubuntu, Debian, Xen, ZDI, Talos, VMware, Cisco, CISA and CERT/CC.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from assay.domain.identifiers import normalise
from assay.pipelines.feeds.model.extraction import Prose, Quote, Value

# A hyphen as people and typesetters write it: U+2010 to U+2015, the minus, the small and the full-width form.
_DASH = "[-\u2010-\u2015\u2212\ufe63\uff0d_]"
_JOINT = rf"(?:[ \t]?{_DASH}[ \t]?|[ \t]|:[ \t]?{_DASH}?)"
_CVE = rf"CVE{_JOINT}(?P<year>(?:19|20)[0-9]{{2}})(?:{_DASH}|[ \t])(?P<number>[0-9]{{4,9}})(?![0-9])"
_GHSA = rf"GHSA(?P<ghsa>(?:{_DASH}[23456789cfghjmpqrvwx]{{4}}){{3}})(?![0-9a-z])"
# Databases of vulnerabilities: their names are names of the vulnerability.
_DATABASE = (
    r"(?P<database>(?:PYSEC|RUSTSEC|GMS|OSV|HSEC|JLSEC|GSD|MAL|EUVD|DRUPAL-(?:CORE|CONTRIB))-[0-9]{4}-[0-9]{1,7}"
    r"|GO-[0-9]{4}-[0-9]{4,}|SNYK-[A-Z]+-[A-Z0-9]+-[0-9]{5,}|BIT-[a-z0-9-]{2,50}-(?:19|20)[0-9]{2}-[0-9]{4,}"
    r"|OSVDB-[0-9]{3,})(?![0-9])"
)
# Bulletins: they name a publication, which may be about several vulnerabilities.
_BULLETIN = (
    r"(?P<bulletin>(?:RH[SBE]A|ALSA|RLSA|ELSA|ALAS2?|CESA)-[0-9]{4}[:-][0-9]{3,6}|USN-[0-9]{3,5}-[0-9]{1,2}"
    r"|D[SL]A-[0-9]{3,5}-[0-9]{1,2}|GLSA-[0-9]{6}-[0-9]{2}|XSA-[0-9]{1,4}|ZDI-[0-9]{2}-[0-9]{3,5}"
    r"|TALOS-[0-9]{4}-[0-9]{4}|VMSA-[0-9]{4}-[0-9]{4}|cisco-sa-[a-zA-Z0-9-]{4,60}|ICSM?A-[0-9]{2}-[0-9]{3}-[0-9]{2}"
    r"|(?:SUSE|openSUSE)-SU-[0-9]{4}:[0-9]{3,5}-[0-9]|FreeBSD-SA-[0-9]{2}:[0-9]{2}\.[a-z0-9_.-]{2,30}"
    r"|MFSA[ -]?[0-9]{4}-[0-9]{2,3}|VU#[0-9]{5,7}|JVN(?:DB-[0-9]{4}-|#)[0-9]{6,8}|SSA-[0-9]{6}"
    r"|HTB[0-9]{5}|NTAP-[0-9]{8}-[0-9]{4}|APSB[0-9]{2}-[0-9]{2,3}|SVD-[0-9]{4}-[0-9]{4}"
    r"|PAN-SA-[0-9]{4}-[0-9]{4})(?![0-9])"
)
_NAME = re.compile(rf"(?<![0-9A-Za-z])(?:{_CVE}|{_GHSA}|{_DATABASE}|{_BULLETIN})", re.IGNORECASE)
_GATE = re.compile(
    r"cve|ghsa|pysec|rustsec|g[ms][sd]-|go-|osv|[hj]l?sec|mal-|euvd|drupal-|snyk|bit-|(?:rh.|al|rl"
    r"|el|ce|d.|g?l)s?a-|alas"
    r"|usn-|xsa-|zdi-|talos|vmsa|cisco-sa|ics|suse-su|freebsd-sa|mfsa|vu#|jvn|ssa-|htb|ntap|apsb|svd-|pan-sa",
    re.IGNORECASE,
)

# What stands before a name that the text only compares itself with; other names may stand between.
_OTHER = re.compile(
    r"(?:different (?:vulnerability |issue |flaw |bug )?(?:than|from|to)|similar to|same as|related to|variant of"
    r"|regression of|(?:incomplete|insufficient|improper|partial|incorrect|original|previous|earlier|initial)"
    r" (?:\w+ )?(?:fix|patch|mitigation|remediation|correction)e?s?(?: \w+){0,3}"
    r"|(?:fix|patch|mitigation)(?:es|ed|ing)? for|see also|bypass(?:es|ing)?(?: (?:of|for|to))?(?: the)?"
    r"|(?:fix|patch|mitigation)(?: (?:of|for))?|not (?:the same as|to be confused with|related to)"
    r"|unlike|duplicate of"
    r"|exists because of an?|follow[- ]?up (?:to|of|for|on)|distinct from|chained? (?:together )?with|combined with"
    r"|in conjunction with|caused by the fix(?: \w+)?|depends on|identical to|flaws? of|resembles|like(?: the)?"
    r"|previously (?:reported|disclosed|fixed)|fixing of|the fix(?:es)? (?:of|for))"
    r"(?:[^\w(]++(?:CVE\W?[0-9]{4}\W?[0-9]{4,}|and|or|the|in|for|of|with|vulnerabilit(?:y|ies)"
    r"|issues?|to)){0,12}+[^\w(]*+$",
    re.IGNORECASE,
)
# What stands before the name that the text gives its own subject.
_ASSIGNED = re.compile(
    r"(?:assigned(?: the)?(?: name| id(?:entifier)?| number)?s?|tracked (?:as|under|by|via)|identified (?:as|by)"
    r"|known as|designated(?: as)?|registered as|catalogu?ed as|recorded as|has (?:been )?(?:given|received)"
    r"|cve[ -]?(?:id|identifier|number|name|reference)?s?\s*[:=]|the identifiers?|the (?:cve )?(?:name|number))"
    r"(?: the| an?| of| to| as|\W+(?:cve|id|identifier|name|number)s?){0,3}[\s:([*_`]*$",
    re.IGNORECASE,
)
_MARK = r"(?:[#*>|\-\u2022][#*>|\-\u2022 \t]*|[0-9]{1,3}[.)][ \t]+)"
# A name at the start of a line is a heading behind a mark or an empty line; in a wrapped text it is chance.
_LINE_START = re.compile(rf"(?:^|(?P<gap>\n[ \t]*)?\n)[ \t]*(?P<mark>{_MARK})?[\[(*_`]*$")
_HEADING_END = re.compile(r"[\])*_`]*[ \t]*(?:[:\u2013\u2014(|\-,]|\n|$|(?:and|&) )")
_LISTED = re.compile(
    r"(?:references?|links?|see also|related|sources?)[ \t]*:?[ \t]*\n(?:[=-]{3,}\n)?", re.IGNORECASE
)
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]{1,10}://[^\s<>\"']*$|[?&/=][^\s<>\"']*$", re.IGNORECASE)
_KEYS = frozenset(
    (
        "id",
        "cve",
        "cves",
        "cve_id",
        "cve_ids",
        "cveid",
        "identifier",
        "identifiers",
        "aliases",
        "ghsa_id",
        "ghsa",
    )
)
_BEFORE = 160
_FARTHEST_MARK = 60


class Mention(NamedTuple):
    """A name at one place, normalised. `kind` is its rank: 0 CVE, 1 GHSA, 2 another database, 3 a bulletin."""

    name: str
    kind: int
    quote: Quote


class Names(NamedTuple):
    """What the text is about, in its order, and what else it names: other names of the same, other vulnerabilities."""

    subjects: tuple[Value, ...]
    aliases: tuple[Value, ...]
    related: tuple[Value, ...]
    mentions: tuple[Mention, ...]


_FIRST, _STRONG, _PLAIN, _WEAK, _ELSEWHERE = range(5)
"""How plainly a text is about a name: by its title or format, its words, being there, a link, only in comparison."""
_CONFIDENCE = (0.995, 0.99, 0.97, 0.9, 0.0)
_MOST = 500


def mentions(text: str) -> tuple[Mention, ...]:
    """Every name of a vulnerability or bulletin in the text, in its order."""
    if not _GATE.search(text):
        return ()
    found = []
    for match in _NAME.finditer(text):
        name, kind = _normalised(match)
        if name:
            found.append(Mention(name, kind, Quote(match.start(), match.end())))
    return tuple(found)


def _normalised(match: re.Match[str]) -> tuple[str | None, int]:
    if match["number"]:
        number = match["number"]
        # A number longer than four digits has no zeros in front (CVE numbering, 2014 syntax).
        number = number if len(number) == 4 else number.lstrip("0").zfill(4)
        return f"CVE-{match['year']}-{number}", 0
    if match["ghsa"]:
        return "GHSA" + re.sub(_DASH, "-", match["ghsa"]).lower(), 1
    if match["database"]:
        return normalise(match["database"]), 2
    bulletin = match["bulletin"]
    if bulletin[:4].upper() == "MFSA":
        return f"MFSA-{bulletin[4:].lstrip(' -')}", 3
    return bulletin, 3


def names(prose: Prose) -> Names:
    """The subjects of the text, best kind of name first: CVE, else GHSA, else another database's, else a bulletin's.

    A subject's GHSA or database id is an alias only where the text is about one vulnerability; what it compares
    itself with is related.
    """
    found = mentions(prose.text)
    tiers = _tiers(prose, found)
    kinds = {mention.name: mention.kind for mention in found}
    for name in tiers:
        kinds.setdefault(name, _kind_of(name))
    chosen = _chosen(tiers, kinds)
    places: dict[str, list[Quote]] = {}
    for mention in found:
        places.setdefault(mention.name, []).append(mention.quote)
    subjects = tuple(_value(name, tiers[name], places) for name in chosen[:_MOST])
    aliases: list[str] = []
    if len(chosen) == 1:
        for kind in (1, 2):
            same = [name for name, tier in tiers.items() if kinds[name] == kind and tier < _ELSEWHERE]
            best = [name for name in same if tiers[name] == min(map(tiers.__getitem__, same))]
            if kind > kinds[chosen[0]] and len(best) == 1:
                aliases += best
    rest = [name for name in tiers if name not in chosen and name not in aliases]
    return Names(
        subjects,
        tuple(_value(name, tiers[name], places) for name in aliases),
        tuple(
            Value(value=name, confidence=0.9, quotes=tuple(places.get(name, ())[:3])) for name in rest[:_MOST]
        ),
        found,
    )


def _value(name: str, tier: int, places: dict[str, list[Quote]]) -> Value:
    quotes = tuple(places.get(name, ())[:5])
    return Value(
        value=name,
        confidence=_CONFIDENCE[tier],
        quotes=quotes,
        why=None if quotes else "the entry's address or format",
    )


def _chosen(tiers: dict[str, int], kinds: dict[str, int]) -> list[str]:
    """The names of the best kind that are named most plainly."""
    for kind in range(4):
        ranked = {name: tier for name, tier in tiers.items() if kinds[name] == kind and tier < _ELSEWHERE}
        if not ranked:
            continue
        best = min(ranked.values())
        best_ones = [name for name, tier in ranked.items() if tier == best]
        own = [name for name, tier in tiers.items() if tier == _FIRST and kinds[name] == 1]
        # Several CVE ids in an advisory's links, and its own GHSA id: the links are about others too.
        if kind == 0 and best == _WEAK and len(best_ones) > 1 and len(own) == 1:
            continue
        return best_ones
    return []


def _tiers(prose: Prose, found: Iterable[Mention]) -> dict[str, int]:
    """The best place of every name, in the order of the text; names in the format's own fields come first."""
    tiers: dict[str, int] = {}
    for key, value in prose.facts:
        if key.rpartition(".")[2].lower() in _KEYS or key == "address":
            _note(tiers, value, _FIRST)
    text = prose.text
    ends_title = prose.title_end
    listed = [
        match.start()
        for match in _LISTED.finditer(text)
        if not match.start() or text[match.start() - 1] in "\n #*"
    ]
    for mention in found:
        tier = _tier(text, mention, ends_title, listed[-1] if listed else len(text))
        tiers[mention.name] = min(tier, tiers.get(mention.name, tier))
    for link in prose.links:
        for mention in mentions(link):
            tiers.setdefault(mention.name, _WEAK)
    return tiers


def _note(tiers: dict[str, int], text: str, tier: int) -> None:
    for mention in mentions(text):
        tiers[mention.name] = min(tier, tiers.get(mention.name, tier))


def _tier(text: str, mention: Mention, ends_title: int, listed: int) -> int:
    start = mention.quote.start
    before = text[max(0, start - _BEFORE) : start]
    if _OTHER.search(before):
        return _ELSEWHERE
    if start < ends_title:
        return _FIRST
    if _ADDRESS.search(before):
        return _WEAK
    if start < listed and heading_start(text, mention.quote) is not None:
        return _STRONG
    if _ASSIGNED.search(before):
        return _STRONG
    return _PLAIN if start < listed else _WEAK


def _kind_of(name: str) -> int:
    found = mentions(name)
    return found[0].kind if found else 3


def heading_start(text: str, quote: Quote) -> int | None:
    """Where the line begins that a name makes a heading or an item of a list; None where it does not."""
    found = _LINE_START.search(text, max(0, quote.start - _FARTHEST_MARK), quote.start)
    if found is None:
        return None
    if found["mark"] is None and not _HEADING_END.match(text, quote.end):
        return None
    is_first = found["mark"] is not None or found["gap"] is not None or found.start() == 0
    if not is_first and text[quote.end : quote.end + 1] not in {":", "\n", ""}:
        return None
    return text.rfind("\n", 0, quote.start) + 1
