"""What a language model's answer is worth: only what stands in the text, never as much as a rule's word."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from assay.pipelines.feeds.model.extraction import Doubt, Origin, Prose, Quote, Value
from assay.pipelines.feeds.rules.asking import ASKED
from assay.pipelines.feeds.rules.weaknesses import explicit, phrases_of

MOST_CONFIDENT = 0.79
"""A model's word alone never reaches the threshold of 0.8, so a person sees it."""
_ALONE = 0.5
# Of 0.5B's answers that agreed with an unsure rule, three of four were right; of those that did not, one of three
# (research/llm.md, section 2, samples of ten to twenty).
_AGREED = 0.15
_DISAGREED = 0.6
_MOST_PLACES = 5
_MOST_BYTES = 20_000
_WORD = re.compile(r"[^\W_]+")
_OBJECT = re.compile(rb"\{.*\}", re.DOTALL)
_SAYS_NOTHING = frozenset(
    (
        "",
        "unknown",
        "none",
        "null",
        "n/a",
        "na",
        "not specified",
        "not stated",
        "unspecified",
        "not mentioned",
        "-",
    )
)
_CWE = re.compile(r"CWE-[1-9][0-9]{0,3}")


class Grounded(NamedTuple):
    """The values of an answer that stand in the text, by field; `dropped` says of the others why, for the log.

    `is_valid` is false for an answer that is no JSON object with exactly the fields that were asked for.
    """

    values: dict[str, Value]
    dropped: tuple[str, ...]
    is_valid: bool


def grounded(answer: bytes, fields: Sequence[str], prose: Prose, stretches: Sequence[Quote] = ()) -> Grounded:
    """The answer checked against the text. Never raises: a broken answer is an invalid one without values."""
    said = _object(answer)
    if said is None:
        return Grounded({}, ("the answer is no JSON object",), is_valid=False)
    if set(said) != set(fields) or not all(isinstance(value, str) for value in said.values()):
        return Grounded(
            {},
            ("the answer has other fields than were asked for, or other values than texts",),
            is_valid=False,
        )
    values: dict[str, Value] = {}
    dropped = []
    for name in fields:
        written = " ".join(said[name].split())
        if name not in ASKED or written.casefold() in _SAYS_NOTHING:
            continue
        value = (
            _weakness(written, prose, stretches) if name == "weakness" else _name(written, prose, stretches)
        )
        if value is None:
            dropped.append(f"{name}: {written[:100]!r} does not stand in the text")
        else:
            values[name] = value
    return Grounded(values, tuple(dropped), is_valid=True)


def joined(rule: Value | None, model: Value | None) -> tuple[Value | None, tuple[Doubt, ...]]:
    """One value of what the rules and a model say of one field, and the doubts that this leaves.

    The rule's value always stands. A model that agrees makes an unsure one surer, one that does not makes it less so;
    where the rules are sure it changes nothing. Alone it fills the blank, and a person looks.
    """
    if rule is None:
        return model, () if model is None else (Doubt.MODEL_ONLY,)
    if model is None or rule.confidence >= MOST_CONFIDENT:
        return rule, ()
    if same(rule.value, model.value):
        surer = min(MOST_CONFIDENT, rule.confidence + _AGREED)
        why = "; ".join(filter(None, (rule.why, "the model says the same")))
        return msgspec.structs.replace(rule, confidence=max(rule.confidence, surer), why=why), ()
    return msgspec.structs.replace(rule, confidence=round(rule.confidence * _DISAGREED, 3)), (Doubt.CONFLICT,)


def same(first: str, second: str) -> bool:
    """Whether two names have the same letters and digits."""
    return [one.casefold() for one in _WORD.findall(first)] == [
        one.casefold() for one in _WORD.findall(second)
    ]


def places(text: str, written: str) -> tuple[Quote, ...]:
    """Where a name stands in the text, whatever its case and what is between its words; the first few places."""
    words = _WORD.findall(written)
    if not words or len(written) > 200:
        return ()
    pattern = re.compile(
        r"(?<![^\W_])" + r"[\W_]{0,3}".join(map(re.escape, words)) + r"(?![^\W_])", re.IGNORECASE
    )
    found = []
    for match in pattern.finditer(text):
        found.append(Quote(match.start(), match.end()))
        if len(found) == _MOST_PLACES:
            break
    return tuple(found)


def _object(answer: bytes) -> dict[str, Any] | None:
    """The JSON object of the answer, alone or with words around it; None for anything else."""
    if len(answer) > _MOST_BYTES:
        return None
    match = _OBJECT.search(answer)
    if match is None:
        return None
    try:
        return msgspec.json.decode(match[0], type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _name(written: str, prose: Prose, stretches: Sequence[Quote]) -> Value | None:
    found = places(prose.text, written)
    if not found:
        return None
    own = tuple(
        one for one in found if not stretches or any(part.start <= one.start < part.end for part in stretches)
    )
    quotes = own or found
    # As the text writes it, not as the model does.
    shown = " ".join(prose.text[quotes[0].start : quotes[0].end].split())
    return Value(value=shown, confidence=_ALONE if own else _ALONE / 2, quotes=quotes, origin=Origin.MODEL)


def _weakness(written: str, prose: Prose, stretches: Sequence[Quote]) -> Value | None:
    """A weakness stands in the text where its id does, or a phrase that names it."""
    cwe = written.upper()
    if _CWE.fullmatch(cwe) is None:
        return None
    for value in explicit(prose.text):
        if value.value == cwe:
            return Value(value=cwe, confidence=MOST_CONFIDENT, quotes=value.quotes, origin=Origin.MODEL)
    part = stretches[0] if stretches else Quote(0, len(prose.text))
    quote = phrases_of(prose.text[part.start : part.end]).get(cwe)
    if quote is None:
        return None
    moved = Quote(quote.start + part.start, quote.end + part.start)
    return Value(value=cwe, confidence=_ALONE, quotes=(moved,), origin=Origin.MODEL)
