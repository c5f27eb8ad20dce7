"""Names of vulnerabilities: how they are written, which database gave them, and how CVE ids are ordered."""

import re

# CVE-2024-3014; the number has four digits or more (CVE numbering, 2014 syntax).
_CVE = re.compile(r"CVE-([0-9]{4})-([0-9]{4,})")
# GHSA-jf66-3q76-h5p5; the body is lower case where the prefix is upper (github/advisory-database README).
_GHSA = re.compile(r"GHSA((?:-[0-9a-z]{4}){3})", re.IGNORECASE)
# Capitals and digits only, or a GHSA id in its usual form: nothing to put right, as with nearly all real names.
_USUAL = re.compile(r"(?!GHSA)[A-Z][A-Z0-9:.-]{1,98}[A-Z0-9]|GHSA(?:-[0-9a-z]{4}){3}")
_EDGES = " \t\r\n\f\v\x00\u00a0,;\"'"
# The longest of 300,000 real names has 41 characters; what is longer than this is no name, and fits no index.
_LONGEST = 200
# Databases that write their identifiers in upper case only, so a lower-case copy is the same name.
_UPPER = ("CVE-", "PYSEC-", "RUSTSEC-", "GO-", "GMS-", "OSV-", "MAL-", "DSA-", "DLA-", "OSVDB-")


def normalise(text: str) -> str | None:
    """The identifier as its own database writes it; None when nothing is left of it, or far too much.

    Real lists carry blanks, trailing commas and lower-case prefixes (research/data.md, section 4.6).
    An unknown form is kept as it is, without the edges: `CVE-2014-4671A` is a name, only no CVE id.
    """
    if _USUAL.fullmatch(text):
        return text
    if "\x00" in text:
        text = text.replace("\x00", "")
    text = text.strip(_EDGES)
    if not text or len(text) > _LONGEST:
        return None
    match = _GHSA.fullmatch(text)
    if match:
        return "GHSA" + match[1].lower()
    upper = text.upper()
    return upper if upper.startswith(_UPPER) else text


def normalise_all(texts: tuple[str, ...] | list[str] | None) -> tuple[str, ...]:
    """The distinct identifiers of a list, normalised, in its order."""
    if not texts:
        return ()
    found: dict[str, None] = {}
    for text in texts:
        name = normalise(text)
        if name is not None:
            found[name] = None
    return tuple(found)


def is_cve(identifier: str) -> bool:
    """Whether this is a well-formed CVE id."""
    return identifier.startswith("CVE-") and _CVE.fullmatch(identifier) is not None


def cve_order(identifier: str) -> tuple[int, int]:
    """A CVE id's place among CVE ids, by year and number (not by text: 10000 comes after 9999)."""
    match = _CVE.fullmatch(identifier)
    if match is None:
        raise ValueError(f"{identifier!r} is no CVE id")
    return int(match[1]), int(match[2])


def database(identifier: str) -> str:
    """The prefix that says whose name this is: `GHSA`, `CVE`, `PYSEC`, ..."""
    return identifier.partition("-")[0]
