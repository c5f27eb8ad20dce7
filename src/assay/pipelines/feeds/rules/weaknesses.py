"""Which weaknesses (CWE) a text speaks of: ids that stand in it, else the best guess of a small fitted model.

`weaknesses.toml` has the phrases that name one. `weaknesses.json` holds the model: weights of words and phrases, the
curve that makes its share a probability, and every id that real records use. `tools/fit_weaknesses.py` fits it.
"""

import itertools
import re
import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from math import exp
from typing import NamedTuple

import msgspec

from assay.pipelines.feeds.model.extraction import Quote, Value

_ID = re.compile(
    r"\bCWE[-\u2010-\u2015 :_]{1,2}(?:ID ?)?0*(?P<number>[1-9][0-9]{0,3})(?![0-9])", re.IGNORECASE
)
_ADDRESS = re.compile(r"cwe\.mitre\.org/data/definitions/0*([1-9][0-9]{0,3})(?:\.html)?", re.IGNORECASE)
_WORD = re.compile(r"[a-z][a-z]+(?:-[a-z]+)*|c\+\+|\.\./|%0d")
_READ = 3_000


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


class Phrase(NamedTuple):
    """A phrase that names a weakness, and words of which a text with it has at least one in small letters."""

    cwe: str
    words: tuple[str, ...]
    pattern: re.Pattern[str]


@cache
def phrases() -> tuple[Phrase, ...]:
    """The phrases of `weaknesses.toml`."""
    written = tomllib.loads(files(__package__).joinpath("weaknesses.toml").read_text("utf-8"))["phrases"]
    return tuple(
        Phrase(f"CWE-{one['cwe']}", tuple(one["words"].split()), re.compile(one["pattern"], re.IGNORECASE))
        for one in written
    )


def weaknesses(text: str) -> tuple[Value, ...]:
    """The weaknesses of the text: every known id in it, in its order; without any, the model's best guess."""
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
    ordered = sorted(found.items(), key=lambda one: one[1][0].start)
    return tuple(
        Value(value=f"CWE-{number}", confidence=0.97, quotes=tuple(quotes)) for number, quotes in ordered
    )


def guessed(text: str) -> Value | None:
    """The weakness that the model finds most likely, with the phrases that speak for it; None below one in three."""
    fitted = model()
    named = phrases_of(text)
    sums = list(map(float, fitted.intercepts))
    weights = fitted.weights
    for feature in features(text, named):
        for place, weight in weights.get(feature, ()):
            sums[place] += weight
    best = max(range(len(sums)), key=sums.__getitem__)
    top = sums[best]
    share = 1 / sum(exp((one - top) / 100) for one in sums)
    confidence = _on_curve(fitted.knots, share)
    if confidence < _LEAST:
        return None
    cwe = fitted.classes[best]
    quote = named.get(cwe)
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
    for cwe, words, pattern in phrases():
        if any(word in small for word in words):
            match = pattern.search(read)
            if match is not None:
                found[cwe] = Quote(*match.span())
    return found


def features(text: str, named: Iterable[str]) -> set[str]:
    """What the model weighs: words, pairs of words, and the phrases that were found (`=79`)."""
    words = _WORD.findall(text[:_READ].lower())
    found = set(words)
    found.update(f"{first} {second}" for first, second in itertools.pairwise(words))
    found.update(f"={cwe[4:]}" for cwe in named)
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
