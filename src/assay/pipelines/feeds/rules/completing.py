"""What a language model's values make of an extraction: blanks filled, unsure values made surer or less sure."""

from collections.abc import Mapping, Sequence

import msgspec

from assay.pipelines.feeds.model.extraction import Doubt, Extraction, Value
from assay.pipelines.feeds.model.reading import Order, Reading, Subject
from assay.pipelines.feeds.rules.asking import wanted
from assay.pipelines.feeds.rules.confidence import weighed
from assay.pipelines.feeds.rules.grounding import joined

# What `weighed` finds out anew.
_WEIGHED = frozenset((Doubt.INCOMPLETE, Doubt.UNKNOWN_VENDOR, Doubt.MODEL_ONLY, Doubt.MODEL_FAILED))


def left_for_model(said: Extraction, threshold: float, orders: Sequence[Order] = ()) -> tuple[str, ...]:
    """The fields that a model may help with; none of a text that speaks to programs, which is never shown to one."""
    if Doubt.ORDERS in said.doubts:
        return ()
    weakness = max(said.cwes, key=lambda one: one.confidence, default=None)
    values = {"vendor": said.vendor, "product": said.product}
    found = wanted(values, orders, threshold=threshold)
    # A weakness alone is not worth the time that a model takes.
    return wanted(values | {"weakness": weakness}, orders, threshold=threshold) if found else ()


def subject_of(said: Extraction, reading: Reading) -> Subject | None:
    """The subject of a text that an extraction is about; None where the text has none such any more."""
    name = said.identifier.value if said.identifier is not None else None
    for one in reading.subjects:
        if (one.identifier.value if one.identifier is not None else None) == name:
            return one
    return None


def completed(said: Extraction, values: Mapping[str, Value], threshold: float) -> Extraction:
    """The extraction with a model's values, which stand in the text.

    What the rules alone would not accept, a model never makes accepted, whatever it says: nothing that was below the
    threshold reaches it. It fills blanks, brings what it agrees with forward in the queue, and doubts the rest.
    """
    vendor, doubts = joined(said.vendor, values.get("vendor"))
    product, others = joined(said.product, values.get("product"))
    weakness = values.get("weakness")
    cwes = said.cwes or ((weakness,) if weakness is not None else ())
    kept = [one for one in said.doubts if one not in _WEIGHED]
    found = weighed(
        msgspec.structs.replace(
            said,
            vendor=_held(vendor, said.vendor, threshold),
            product=_held(product, said.product, threshold),
            cwes=cwes if said.cwes else tuple(_capped(one, threshold) for one in cwes),
            doubts=tuple(dict.fromkeys((*kept, *doubts, *others))),
        )
    )
    if said.confidence >= threshold:
        return found
    return msgspec.structs.replace(found, confidence=min(found.confidence, _below(threshold)))


def _held(value: Value | None, rule: Value | None, threshold: float) -> Value | None:
    """The value, below the threshold where the rules were."""
    if value is None or (rule is not None and rule.confidence >= threshold):
        return value
    return _capped(value, threshold)


def _capped(value: Value, threshold: float) -> Value:
    return msgspec.structs.replace(value, confidence=min(value.confidence, _below(threshold)))


def _below(threshold: float) -> float:
    return max(round(threshold - 0.01, 4), 0.0)
