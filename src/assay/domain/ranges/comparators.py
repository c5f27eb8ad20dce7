"""Ranges of comparators, wildcards and shorthand: `>=1.0 <2.0 || =3.1`, `==1.2.*`, `^1.2`, `~>1.2`."""

import re

from assay.domain.ranges.dialect import Dialect, next_after, numbers_of
from assay.domain.ranges.interval import EVERYTHING, Interval, exactly, intersection, without
from assay.domain.ranges.versions import begins_before_all, is_nought, version_of

_OR = re.compile(r"\|\|?")
_TERM = re.compile(r"[\s,]*(===|==|~=|~>|!=|<>|<=|=<|>=|=>|[<>=~^]|)\s*([^\s,<>=~^!|][^\s,<>=^|]*)")
_HYPHEN = re.compile(r"\s*([^\s,]+)\s+-\s+([^\s,]+)\s*")
_WILDCARD = re.compile(r"([vV]?[0-9]+(?:\.[0-9]+)*)(?:\.[xX*])+")
_ANY = re.compile(r"[xX*](?:\.[xX*])*")
_STABILITY = re.compile(r"@(?:stable|RC|beta|alpha|dev)$", re.IGNORECASE)
_MOST_TERMS = 200


def read_comparators(dialect: Dialect, text: str) -> tuple[Interval, ...]:
    """The intervals of all alternatives, in their order.

    The order of versions decides alone: `<2.0` holds 2.0's pre-releases, as OSV evaluates `fixed` (npm and
    PEP 440 would leave them out of a dependency). A version with fewer numbers than usual is that version,
    not a wildcard: `<=v1.9` is fixed in v1.9.1 (kata-containers), `<=3.3` in 3.3.1 (npm/converse.js).
    """
    found: list[Interval] = []
    for alternative in _OR.split(text):
        if not alternative.strip():
            raise ValueError(f"an alternative of {text[:60]!r} is empty")
        found.extend(_alternative(dialect, alternative))
    return tuple(found)


def _alternative(dialect: Dialect, text: str) -> tuple[Interval, ...]:
    """The intervals in which every term of one alternative holds; none for `<0`."""
    hyphen = _HYPHEN.fullmatch(text) if dialect.has_hyphens else None
    terms = [(">=", hyphen[1]), ("-", hyphen[2])] if hyphen else _terms(text)
    if len(terms) == 1 and terms[0][0] == "<" and is_nought(terms[0][1]):
        return ()
    together, excluded = EVERYTHING, []
    for operator, version in terms:
        if operator in ("!=", "<>"):
            excluded.append(_bounds(dialect, "=", version))
        else:
            together = intersection(together, _bounds(dialect, operator, version))
    pieces: tuple[Interval, ...] = (together,)
    for interval in excluded:
        pieces = tuple(rest for piece in pieces for rest in without(piece, interval))
    if not pieces:
        raise ValueError(f"{text.strip()[:60]!r} excludes everything that it names")
    return pieces


def _terms(text: str) -> list[tuple[str, str]]:
    """Operators with their versions; the operator is empty where none is written."""
    found: list[tuple[str, str]] = []
    position, end = 0, len(text.rstrip(" \t\r\n,"))
    while position < end:
        match = _TERM.match(text, position)
        if match is None or len(found) == _MOST_TERMS:
            raise ValueError(f"no comparator begins at {text[position : position + 40]!r}")
        found.append((match[1], match[2]))
        position = match.end()
    if not found:
        raise ValueError(f"{text[:60]!r} names no version")
    return found


def _bounds(dialect: Dialect, operator: str, text: str) -> Interval:
    """What one term allows."""
    if text in dialect.words or _ANY.fullmatch(text):
        if operator in ("", "=", "==", ">=", "^", "~", "~>"):
            return EVERYTHING
        raise ValueError(f"{operator}{text} holds no version")
    wildcard = _WILDCARD.fullmatch(text)
    if wildcard:
        return _wildcard(dialect, operator, wildcard[1])
    version = version_of(_STABILITY.sub("", text) if dialect.has_stability else text)
    if operator in ("^", "~", "~>", "~="):
        return _shorthand(dialect, operator, version)
    if operator == "-":
        return _hyphen_end(dialect, version)
    return _compared(operator, dialect.complete(version))


def _compared(operator: str, version: str) -> Interval:
    if operator in (">=", "=>"):
        return EVERYTHING if begins_before_all(version) else Interval(version, True, None, False)
    if operator == ">":
        return Interval(version, False, None, False)
    if operator in ("<=", "=<"):
        return Interval(None, False, version, True)
    if operator == "<":
        return Interval(None, False, version, False)
    return exactly(version)


def _wildcard(dialect: Dialect, operator: str, text: str) -> Interval:
    """`1.2.x`, `1.2.*`: all that begins so (node-semver "X-Ranges", PEP 440 "Version matching")."""
    numbers = numbers_of(text)
    beginning, ceiling = dialect.beginning(numbers), dialect.ceiling(next_after(numbers))
    if operator in ("^", "~", "~>"):
        return _shorthand(dialect, operator, text)
    if operator in ("", "=", "=="):
        return Interval(beginning, True, ceiling, False)
    if operator in ("<", "<=", "=<"):
        return Interval(None, False, beginning if operator == "<" else ceiling, False)
    if operator in (">", ">=", "=>"):
        return Interval(ceiling if operator == ">" else beginning, True, None, False)
    raise ValueError(f"{operator}{text}.* is in no range syntax")


def _shorthand(dialect: Dialect, operator: str, version: str) -> Interval:
    rules = {"^": dialect.caret, "~": dialect.tilde, "~>": dialect.pessimistic, "~=": dialect.compatible}
    rule = rules[operator]
    if rule is None:
        raise ValueError(f"{operator}{version} is not in this package type's range syntax")
    return dialect.between(version, rule)


def _hyphen_end(dialect: Dialect, version: str) -> Interval:
    """The end of `1.2 - 2.3`, which holds all of 2.3.* (node-semver, Composer: "Hyphen Ranges")."""
    numbers = numbers_of(version)
    if len(numbers) < 3:
        return Interval(None, False, dialect.ceiling(next_after(numbers)), False)
    return Interval(None, False, dialect.complete(version), True)
