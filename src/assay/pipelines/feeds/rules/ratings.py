"""How bad a text says a vulnerability is: CVSS vectors, scores and words, and whether they agree."""

import re
from typing import NamedTuple

from assay.domain.severity import Band, Version, band_of_score, band_of_word, score
from assay.pipelines.feeds.model.extraction import Quote, Value

# Metrics of all four versions; what is no valid vector is thrown out by the library behind `score`.
_VECTOR = re.compile(
    r"CVSS:(?:3\.[01]|4\.0)(?:/[A-Z]{1,3}:[A-Z](?:[a-z]+)?)+"
    r"|(?<![\w/:])(?:CVSS:?2(?:\.0)?[/#])?AV:[LAN]/AC:[HML]/Au:[MSN]/C:[NPC]/I:[NPC]/A:[NPC](?:/[A-Z]"
    r"{1,3}:[A-Z]{1,3})*",
    re.IGNORECASE,
)
# A vector of version 3 or 4 whose prefix stands elsewhere or nowhere: `CVSS v3.1 Vector AV:N/AC:L/PR:N/UI:N/...`.
_BARE_3 = re.compile(
    r"(?<![\w/:])AV:[NALP]/AC:[LH]/PR:[NLH]/UI:[NR]/S:[UC]/C:[NLH]/I:[NLH]/A:[NLH](?:/[A-Z]{1,3}:[A-Z])*",
    re.IGNORECASE,
)
_BARE_4 = re.compile(
    r"(?<![\w/:])AV:[NALP]/AC:[LH]/AT:[NP]/PR:[NLH]/UI:[NPA]/VC:[NLH](?:/[A-Z]{1,3}:[A-Z][a-z]*)+",
    re.IGNORECASE,
)
_SPACE_IN_VECTOR = re.compile(r"(?<=[A-Z]/)\s+(?=[A-Z]{1,3}:)")

_WORDS = "critical|high|important|medium|moderate|low|minor"
_RATED = re.compile(
    rf"\b(?:(?:severity|impact|criticality|priority|risk|rating|(?:security|threat|risk) level)"
    rf"(?: level| rating| score| value)?(?:\s{{0,2}}\([^)\n]{{0,40}}\))?"
    rf"\s*(?:[:=|]|\bis\b|\bof\b|\bas\b|\bwas\b|\brated\b|\bto\b|-){{1,3}}\s*"
    rf"(?:rated |considered |assessed |classified )?(?:as |at |to be |of )?(?:an? )?[\"'*_`(\[]{{0,3}}"
    rf"(?:cvss )?(?:[0-9.]{{1,4}} ?[(/ -]{{0,3}})?(?P<after>{_WORDS})\b"
    rf"|(?P<before>{_WORDS})[- ](?:severity|security impact|rated|risk\b(?! of)|impact\b)"
    rf"|(?:rated|rates this|classified|scored|assessed|considered|categorized)"
    rf"(?: this| the| it| issue| vulnerability| flaw| bug){{0,3}} (?:as |to be |at )?(?:having )?(?:an? |of )?"
    rf"[\"'*_`]{{0,3}}(?P<rated>{_WORDS})\b)",
    re.IGNORECASE,
)
_SCORE = re.compile(
    r"(?:CVSS(?:v?[234](?:\.[01])?|[ :]*v?[234]\.[01])?[ :*|-]*(?:(?:base|score|scoring|rating"
    r"|severity|overall|metrics?|vector|system|v?[234]\.[01x]|of|is|a|with|version"
    r"|\([^)\n]{0,20}\))[ :=*|]*){0,7}"
    r"|base[ -]score[ :=*|]*(?:(?:of|is|was|a)[ ]*)*|severity score[ :=*|]*(?:(?:of|is|was)[ "
    r"]*)*)\(?(?P<score>10(?:\.0)?|[0-9]\.[0-9])(?![0-9.])(?!\s*(?:base|score|vector"
    r"|calculator))(?:\s*/\s*10)?",
    re.IGNORECASE,
)
_VERSION = re.compile(r"(?:CVSS|v)[ :]*v?(?:ersion )?([234])(?:\.([01x]))?", re.IGNORECASE)
# Words that VulDB's texts use of every second entry, without saying how it rates.
_CLASSIFIED = re.compile(
    r"(?:classified|declared|rated)(?: this \w+)? as (?:critical|problematic)", re.IGNORECASE
)


# A word beside its label agreed with the band of the record's vector in three texts of four, other words less often.
_LABELLED, _MENTIONED = 0.78, 0.65


class Rating(NamedTuple):
    """A band that the text states, how sure that is, and where."""

    band: Band
    confidence: float
    quote: Quote
    why: str


def vectors(text: str) -> tuple[Value, ...]:
    """The valid CVSS vectors of the text as the specification writes them, highest version first, each once."""
    if "AV:" not in text and "av:" not in text and "Av:" not in text:
        return ()
    found: dict[str, list[Quote]] = {}
    taken: list[tuple[int, int]] = []
    for pattern in (_VECTOR, _BARE_4, _BARE_3):
        for match in pattern.finditer(text):
            if any(start <= match.start() < end for start, end in taken):
                continue
            written = _prefixed(text, match, pattern)
            if written is None:
                continue
            taken.append(match.span())
            found.setdefault(written, []).append(Quote(*match.span()))
    ordered = sorted(found, key=_rank, reverse=True)
    return tuple(Value(value=vector, confidence=0.98, quotes=tuple(found[vector])) for vector in ordered)


def _prefixed(text: str, match: re.Match[str], pattern: re.Pattern[str]) -> str | None:
    """The vector in capitals with its prefix; None when the metrics do not make a valid one."""
    written = match[0]
    if pattern is _BARE_4:
        written = f"CVSS:4.0/{written}"
    elif pattern is _BARE_3:
        # 3.1 kept all the metrics of 3.0 and gives the same bands (CVSS 3.1, Introduction).
        written = (
            f"CVSS:{'3.0' if '3.0' in text[max(0, match.start() - 60) : match.start()] else '3.1'}/{written}"
        )
    upper = _usual(written)
    return upper if score(upper) is not None else None


def _usual(vector: str) -> str:
    upper = vector.upper()
    if upper.startswith("CVSS:4.0/"):
        return "/".join(
            f"U:{part[2:].capitalize()}" if part.startswith("U:") else part for part in upper.split("/")
        )
    if upper.startswith("CVSS:3"):
        return upper
    return re.sub(r"^CVSS:?2(?:\.0)?[/#]", "", upper).replace("AU:", "Au:")


def _rank(vector: str) -> str:
    return vector[5:8] if vector.startswith("CVSS:") else "2.0"


def ratings(text: str) -> tuple[Rating, ...]:
    """Every band that the text states by a word or a score, in its order."""
    found: list[Rating] = []
    for match in _RATED.finditer(text):
        word = match["after"] or match["before"] or match["rated"]
        band = band_of_word(word)
        if band is None or _CLASSIFIED.search(text, max(0, match.start() - 30), match.end()):
            continue
        sure = _LABELLED if match["after"] else _MENTIONED
        found.append(Rating(band, sure, Quote(*match.span()), "the text's word"))
    for match in _SCORE.finditer(text):
        if _is_only_version(match):
            continue
        version = _version(match[0])
        value = float(match["score"])
        found.append(
            Rating(
                band_of_score(value, version),
                0.95,
                Quote(*match.span()),
                f"a CVSS {version} score of {value}",
            )
        )
    return tuple(sorted(found, key=lambda one: one.quote.start))


def _is_only_version(match: re.Match[str]) -> bool:
    """Whether the number is that of CVSS itself (`CVSS 3.1`, `CVSS:3.1/AV:...`) and no score."""
    if match["score"] not in {"2.0", "3.0", "3.1", "4.0"}:
        return False
    words = match[0][: match.start("score") - match.start()]
    return "score" not in words.lower() or match.string[match.end() : match.end() + 2] == "/A"


def _version(words: str) -> Version:
    match = _VERSION.search(words)
    if match is None:
        return "3.1"
    if match[1] == "2":
        return "2.0"
    return "4.0" if match[1] == "4" else "3.1"


def severity(found: tuple[Value, ...], stated: tuple[Rating, ...]) -> Value | None:
    """The severity by the newest vector, else by a score, else by the plainest word; None for no severity at all."""
    for vector in found:
        scored = score(vector.value)
        if scored is not None and scored.band is not Band.NONE:
            return Value(
                value=str(scored.band),
                confidence=0.97,
                quotes=vector.quotes[:1],
                why=f"the vector's score, {scored.value}",
            )
    usable = [one for one in stated if one.band is not Band.NONE]
    if not usable:
        return None
    best = max(usable, key=lambda one: one.confidence)
    same = tuple(one.quote for one in usable if one.band is best.band)
    agreed = best.confidence if not _differ(usable) else best.confidence - 0.25
    return Value(value=str(best.band), confidence=round(agreed, 3), quotes=same[:5], why=best.why)


def is_contradictory(found: tuple[Value, ...], stated: tuple[Rating, ...]) -> bool:
    """Whether the text rates one thing in two ways: two vectors of one version, or bands that are not neighbours.

    Databases and vendors differ by one band in one case of ten (research/data.md, section 3), so that is no doubt.
    """
    by_version: dict[str, set[str]] = {}
    for vector in found:
        by_version.setdefault(_rank(vector.value)[:1], set()).add(vector.value)
    if any(len(different) > 1 for different in by_version.values()):
        return True
    ranks = [one.band.rank for one in stated]
    ranks += [
        scored.band.rank
        for vector in found
        if (scored := score(vector.value)) is not None and scored.version != "2.0"
    ]
    return bool(ranks) and max(ranks) - min(ranks) > 1


def _differ(stated: list[Rating]) -> bool:
    return len({one.band for one in stated}) > 1
