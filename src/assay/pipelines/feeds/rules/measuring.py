"""How right readings are, field by field, beside what structured records say of the same texts."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from assay.pipelines.feeds.model.extraction import Range, Value
from assay.pipelines.feeds.model.reading import Subject
from assay.pipelines.feeds.rules.labels import Labelled, plain

FIELDS = ("identifier", "severity", "vectors", "cwe", "affected_versions", "fixed_version", "single_version")
ACCEPTED = 0.8


@dataclass(slots=True)
class Rate:
    """Of `of` texts with a label, `answered` got a value and `right` the right one.

    `accepted` are the values at or above the threshold, `accepted_right` the right ones of these. `curve` holds each
    value's confidence and whether it was right.
    """

    of: int = 0
    answered: int = 0
    right: int = 0
    accepted: int = 0
    accepted_right: int = 0
    curve: list[tuple[float, bool]] = field(default_factory=list)

    def count(self, *, is_right: bool, confidence: float | None, threshold: float = ACCEPTED) -> None:
        """Counts one text; `confidence` is None where there was no value."""
        self.of += 1
        if confidence is None:
            return
        self.answered += 1
        self.right += is_right
        self.curve.append((confidence, is_right))
        if confidence >= threshold:
            self.accepted += 1
            self.accepted_right += is_right


def share(part: float, whole: float) -> float | None:
    """A share from 0.0 to 1.0; None of nothing."""
    return part / whole if whole else None


def calibration_error(curve: Sequence[tuple[float, bool]], bins: int = 10) -> float | None:
    """The expected calibration error over bins of equal width: how far confidence is from being right, on average."""
    if not curve:
        return None
    gathered: list[list[tuple[float, bool]]] = [[] for _ in range(bins)]
    for confidence, is_right in curve:
        gathered[min(bins - 1, int(confidence * bins))].append((confidence, is_right))
    off = sum(abs(sum(confidence - is_right for confidence, is_right in one)) for one in gathered if one)
    return off / len(curve)


def stands(text: str, version: str) -> bool:
    """Whether a version of a record can be read in the text at all."""
    return re.search(rf"(?<![\w.])v?{re.escape(version)}(?![\w]|\.[0-9])", text.lower()) is not None


def count(rates: dict[str, Rate], label: Labelled, subject: Subject) -> None:
    """Counts what one subject says beside its label, in every field that the label has and the text can give."""
    if any(name.startswith("CVE-") for name in label.ids):
        _count_value(rates, "identifier", subject.identifier, label.ids)
    if label.band is not None and subject.severity is not None:
        _count_value(rates, "severity", subject.severity, {str(label.band)})
    if label.vectors and subject.vectors:
        _count_value(rates, "vectors", subject.vectors[0], {vector.rstrip("/") for vector in label.vectors})
    if label.cwes:
        _count_value(rates, "cwe", subject.cwes[0] if subject.cwes else None, label.cwes)
    _count_versions(rates, label, subject.ranges)


def _count_value(rates: dict[str, Rate], name: str, value: Value | None, right: Iterable[str]) -> None:
    is_right = value is not None and value.value in set(right)
    rates.setdefault(name, Rate()).count(
        is_right=is_right, confidence=None if value is None else value.confidence
    )


def _count_versions(rates: dict[str, Rate], label: Labelled, found: tuple[Range, ...]) -> None:
    """Sets of upper ends, exactly equal or wrong; only where the text has all of the record's."""
    text = label.text
    upper = bounds(found)
    if label.bounds and all(stands(text, version) for _, version in label.bounds):
        sure = min((one.confidence for one in found if one.fixed or one.last_affected), default=None)
        rates.setdefault("affected_versions", Rate()).count(
            is_right=are_bounds(found, label.bounds), confidence=sure
        )
        if label.fixed and len(label.fixed) == len(label.bounds):
            fixed = {version for sign, version in upper if sign == "<"}
            sure = min((one.confidence for one in found if one.fixed), default=None)
            rates.setdefault("fixed_version", Rate()).count(is_right=fixed == label.fixed, confidence=sure)
    elif label.exact and not label.bounds and all(stands(text, version) for version in label.exact):
        single = {plain(one.exact) for one in found if one.exact} | {version for _, version in upper}
        sure = min((one.confidence for one in found), default=None)
        rates.setdefault("single_version", Rate()).count(is_right=single == label.exact, confidence=sure)


def bounds(found: Iterable[Range]) -> set[tuple[str, str]]:
    """The upper ends of ranges: `<` before the release with the fix, `<=` up to the last affected one."""
    upper = set()
    for one in found:
        if one.fixed:
            upper.add(("<", plain(one.fixed)))
        elif one.last_affected:
            upper.add(("<=", plain(one.last_affected)))
    return upper


def are_bounds(found: Iterable[Range], wanted: frozenset[tuple[str, str]]) -> bool:
    """Whether the ranges have exactly these upper ends. An end that the text tells from both sides may be either."""
    given: set[tuple[str, str]] = set()
    for one in found:
        last = ("<=", plain(one.last_named)) if one.last_named else None
        if last is not None and last in wanted:
            given.add(last)
        else:
            given |= bounds((one,))
    return given == wanted
