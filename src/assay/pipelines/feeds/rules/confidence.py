"""How sure an extraction is as a whole, and what holds it back.

A field's confidence is calibrated on later records than its ranking was fitted on (docs/explanation/confidence.md).
Doubts are reasons for a person to look whatever the confidence; some also cap it, so that a threshold alone holds.
"""

import msgspec

from assay.pipelines.feeds.model.extraction import Doubt, Extraction, Origin, Value
from assay.pipelines.feeds.rules.names import plain, plain_vendor

NOT_ACCEPTED = 0.79
"""The most that a value may have that must not be accepted by itself."""
RIVAL = 0.5
"""A second vendor as likely as this makes two."""


def weighed(one: Extraction, *, rival: float = 0.0, trust: float = 1.0) -> Extraction:
    """The extraction with its whole confidence, its caps and its doubts.

    `trust` is how often the source itself is right, 0.0 to 1.0.
    """
    doubts = dict.fromkeys(one.doubts)
    if one.identifier is None:
        doubts[Doubt.NO_NAME] = None
    if one.vendor is None or one.product is None:
        doubts[Doubt.INCOMPLETE] = None
    vendor, product = one.vendor, one.product
    if rival >= RIVAL:
        doubts[Doubt.CONFLICT] = None
    if vendor is not None and not vendor.is_known:
        doubts[Doubt.UNKNOWN_VENDOR] = None
        vendor = _capped(vendor)
    if any(value is not None and value.origin is Origin.MODEL for value in (vendor, product)):
        doubts[Doubt.MODEL_ONLY] = None
    found = msgspec.structs.replace(one, vendor=vendor, doubts=tuple(doubts))
    return msgspec.structs.replace(
        found,
        vendor=_trusted(vendor, trust),
        product=_trusted(product, trust),
        confidence=round(_whole(found) * trust, 4),
    )


def _trusted(value: Value | None, trust: float) -> Value | None:
    if value is None or trust >= 1.0:
        return value
    return msgspec.structs.replace(value, confidence=round(value.confidence * trust, 4))


def _capped(value: Value) -> Value:
    return msgspec.structs.replace(value, confidence=min(value.confidence, NOT_ACCEPTED))


def _whole(one: Extraction) -> float:
    """How often identifier, vendor and product are all right: the product of the three; 0.0 where one is missing."""
    if one.identifier is None or one.vendor is None or one.product is None:
        return 0.0
    whole = one.vendor.confidence * one.product.confidence * one.identifier.confidence
    return min(whole, NOT_ACCEPTED) if _HOLDING & set(one.doubts) else whole


_HOLDING = frozenset((Doubt.UNKNOWN_VENDOR, Doubt.MODEL_ONLY, Doubt.ORDERS, Doubt.CONFLICT))


def same_vendor(one: Value, other: Value) -> bool:
    """Whether two values name the same vendor."""
    return plain_vendor(one.value) == plain_vendor(other.value)


def same_product(one: Value, other: Value) -> bool:
    """Whether two values name the same product."""
    return plain(one.value) == plain(other.value)
