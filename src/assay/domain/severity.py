"""How bad a vulnerability is: scores computed from CVSS vectors, and bands from scores or words."""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Literal

from cvss import CVSS2, CVSS3, CVSS4, CVSSError

Version = Literal["2.0", "3.0", "3.1", "4.0"]


class Band(StrEnum):
    """A severity in words, ordered by how bad it is: `Band.LOW < Band.HIGH`."""

    NONE = "none"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """The place in the order, 0 for NONE."""
        return _RANKS[self]

    # A StrEnum compares as text, where "critical" < "low". A word that is no band is refused: a ValueError
    # here is better than an order by the alphabet.
    def __lt__(self, other: str) -> bool:
        return self.rank < Band(other).rank

    def __le__(self, other: str) -> bool:
        return self.rank <= Band(other).rank

    def __gt__(self, other: str) -> bool:
        return self.rank > Band(other).rank

    def __ge__(self, other: str) -> bool:
        return self.rank >= Band(other).rank


_RANKS = {band: rank for rank, band in enumerate(Band)}

# The words of GitHub, Red Hat, SUSE, Debian, Ubuntu, Microsoft, OSS-Fuzz and RustSec.
_WORDS = {
    "none": Band.NONE,
    "informational": Band.NONE,
    "negligible": Band.LOW,
    "unimportant": Band.LOW,
    "minor": Band.LOW,
    "low": Band.LOW,
    "moderate": Band.MEDIUM,
    "medium": Band.MEDIUM,
    "important": Band.HIGH,
    "high": Band.HIGH,
    "critical": Band.CRITICAL,
}


@dataclass(frozen=True, slots=True)
class Score:
    """A CVSS score from 0.0 to 10.0, the version of CVSS that it is a score of, and its band in that version.

    For versions 2 and 3 it is the base score, whatever else the vector says; version 4 has one score, into
    which threat and environment metrics enter when the vector names them (CVSS 4.0, section 1.3).
    """

    version: Version
    value: float
    band: Band


def band_of_word(word: str) -> Band | None:
    """The band that a database's own word means, None for a word that means none (`Unknown`, `Untriaged`)."""
    return _WORDS.get(word.strip().casefold())


def band_of_score(value: float, version: Version) -> Band:
    """The band of a score. CVSS 2 has three, as NVD draws them; 3 and 4 have five (CVSS 3.1, section 5)."""
    if version == "2.0":
        return Band.LOW if value < 4.0 else Band.MEDIUM if value < 7.0 else Band.HIGH
    if value <= 0.0:
        return Band.NONE
    if value < 4.0:
        return Band.LOW
    if value < 7.0:
        return Band.MEDIUM
    return Band.HIGH if value < 9.0 else Band.CRITICAL


# A vector with every metric of CVSS 4.0 has about 200 characters; more is not worth the cache's memory.
_LONGEST = 300
_EDGES = " \t\r\n\f\v\x00\u00a0;,\"'()"
# Red Hat writes the score in front: `6.2/CVSS:3.1/AV:L/...` (CVE-2019-3016).
_SCORE_IN_FRONT = re.compile(r"(?:10|[0-9])(?:\.[0-9])?/")
# Version 2 has no prefix of its own; these are put there by databases that want one.
_PREFIX_OF_2 = re.compile(r"CVSS:2(?:\.0)?/|CVSS2#", re.IGNORECASE)


def score(vector: str) -> Score | None:
    """The score that a CVSS vector of any version comes to, None when it is no valid vector.

    Parentheses, blanks, a trailing slash, a score in front and another case are accepted; a missing or
    unknown metric is not. What a record says its score is never enters.
    """
    return _scored(vector) if len(vector) <= _LONGEST else None


# All of osv.zip, cve.zip and gitlab.zip together hold about 3,100 distinct vectors, 65,900 times.
@lru_cache(maxsize=16_384)
def _scored(vector: str) -> Score | None:
    plain = vector.strip(_EDGES)
    in_front = _SCORE_IN_FRONT.match(plain)
    if in_front:
        plain = plain[in_front.end() :]
    plain = plain.rstrip("/")
    found = _computed(plain)
    return found if found is not None else _computed(_in_usual_case(plain))


def _computed(vector: str) -> Score | None:
    try:
        if vector.startswith("CVSS:4.0/"):
            return _score("4.0", CVSS4(vector).base_score)
        if vector.startswith("CVSS:3.1/"):
            return _score("3.1", CVSS3(vector).base_score)
        if vector.startswith("CVSS:3.0/"):
            return _score("3.0", CVSS3(vector).base_score)
        return _score("2.0", CVSS2(_PREFIX_OF_2.sub("", vector, count=1)).base_score)
    except CVSSError:
        return None


def _score(version: Version, value: object) -> Score:
    # The library counts in Decimal, and its CVSS 4 in float.
    number = float(str(value))
    return Score(version, number, band_of_score(number, version))


def _in_usual_case(vector: str) -> str:
    """Metrics and values in capitals, but for `Au` (CVSS 2) and the words of `U` (CVSS 4, urgency)."""
    upper = vector.upper()
    if not upper.startswith("CVSS:4.0/"):
        return upper.replace("AU:", "Au:")
    fields = upper.split("/")
    return "/".join(f"U:{field[2:].capitalize()}" if field.startswith("U:") else field for field in fields)
