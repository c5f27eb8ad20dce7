"""How sure an extraction is as a whole, what holds it back, and what may raise it.

A field's confidence is calibrated on later records than its ranking was fitted on (docs/explanation/confidence.md).
Doubts are reasons for a person to look whatever the confidence; some also cap it, so that a threshold alone holds.
"""

from collections.abc import Iterable, Sequence

import msgspec

from assay.pipelines.feeds.model.extraction import Doubt, Extraction, Origin, Value
from assay.pipelines.feeds.rules.names import plain, plain_vendor
from assay.pipelines.feeds.rules.ranking import Model, fitted

NOT_ACCEPTED = 0.79
"""The most that a value may have that must not be accepted by itself."""
RIVAL = 0.5
"""A second vendor as likely as this makes two."""
MOST_AGREED = 0.97
"""The most that agreement can raise a confidence to."""
# How much likelier a value is right when a language model says the same: 75 % against 27 % of the vendors that rules
# were unsure of (research on 27 and 30 records, so half of the measured weight of evidence is used).
_MODEL_AGREES = 1.7


def weighed(
    one: Extraction, *, rival: float = 0.0, trust: float = 1.0, model: Model | None = None
) -> Extraction:
    """The extraction with its whole confidence, its caps and its doubts; `trust` is how often the source itself is right."""
    doubts = dict.fromkeys(one.doubts)
    if one.identifier is None:
        doubts[Doubt.NO_NAME] = None
    if one.vendor is None or one.product is None:
        doubts[Doubt.INCOMPLETE] = None
    if rival >= RIVAL:
        doubts[Doubt.CONFLICT] = None
    vendor, product = _trusted(one.vendor, trust), _trusted(one.product, trust)
    if vendor is not None and not vendor.is_known:
        doubts[Doubt.UNKNOWN_VENDOR] = None
        vendor = _capped(vendor)
    if any(value is not None and value.origin is Origin.MODEL for value in (vendor, product)):
        doubts[Doubt.MODEL_ONLY] = None
    found = msgspec.structs.replace(one, vendor=vendor, product=product, doubts=tuple(doubts))
    return msgspec.structs.replace(found, confidence=_whole(found, trust, model or fitted()))


def _trusted(value: Value | None, trust: float) -> Value | None:
    if value is None or trust >= 1.0:
        return value
    return msgspec.structs.replace(value, confidence=round(value.confidence * trust, 4))


def _capped(value: Value) -> Value:
    return msgspec.structs.replace(value, confidence=min(value.confidence, NOT_ACCEPTED))


def _whole(one: Extraction, trust: float, model: Model) -> float:
    """How often identifier, vendor and product are all right; 0.0 where one of them is missing."""
    if one.identifier is None or one.vendor is None or one.product is None:
        return 0.0
    both = one.vendor.confidence * one.product.confidence / (trust * trust if trust else 1.0)
    whole = model.whole.read(both) * one.identifier.confidence * trust
    return round(min(whole, NOT_ACCEPTED) if _HOLDING & set(one.doubts) else whole, 4)


_HOLDING = frozenset((Doubt.UNKNOWN_VENDOR, Doubt.MODEL_ONLY, Doubt.ORDERS, Doubt.CONFLICT))


def same_vendor(one: Value, other: Value) -> bool:
    """Whether two values name the same vendor."""
    return plain_vendor(one.value) == plain_vendor(other.value)


def same_product(one: Value, other: Value) -> bool:
    """Whether two values name the same product."""
    return plain(one.value) == plain(other.value)


def agreed(value: Value, others: Iterable[Value]) -> Value:
    """The value raised by equal values of other sources: all of them would have to be wrong, up to MOST_AGREED."""
    wrong = 1.0 - value.confidence
    for other in others:
        wrong *= 1.0 - other.confidence
    raised = max(value.confidence, min(1.0 - wrong, MOST_AGREED))
    return msgspec.structs.replace(value, confidence=round(raised, 4))


def agreed_by_model(value: Value) -> Value:
    """The value raised by a language model that read the same out of the text; never past what is accepted if unknown."""
    odds = value.confidence / max(1.0 - value.confidence, 1e-6) * _MODEL_AGREES
    raised = max(value.confidence, min(odds / (1.0 + odds), MOST_AGREED))
    return msgspec.structs.replace(value, confidence=round(raised, 4))


def seconded(one: Extraction, others: Sequence[Extraction], *, model: Model | None = None) -> Extraction:
    """The extraction when other sources say of the same vulnerability what it says: a vendor that the catalog does not
    know is then named by two, and no doubt any more. `others` must not come from the same source.
    """
    vendors = [o.vendor for o in others if o.vendor and one.vendor and same_vendor(o.vendor, one.vendor)]
    products = [
        o.product for o in others if o.product and one.product and same_product(o.product, one.product)
    ]
    vendor = agreed(one.vendor, vendors) if one.vendor else None
    product = agreed(one.product, products) if one.product else None
    doubts = tuple(doubt for doubt in one.doubts if not (vendors and doubt is Doubt.UNKNOWN_VENDOR))
    found = msgspec.structs.replace(one, vendor=vendor, product=product, doubts=doubts)
    return msgspec.structs.replace(found, confidence=_whole(found, 1.0, model or fitted()))
