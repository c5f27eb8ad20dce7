"""What the rules read in one text before anybody names vendor and product: its subjects, each with its own values."""

import msgspec

from assay.pipelines.feeds.model.extraction import Doubt, Package, Quote, Range, Value


class Subject(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One vulnerability that the text is about, with the values of the fields of `Extraction` of the same names.

    `stretches` are the parts of the text that speak of this subject alone, in their order; the whole text when it
    is about one. What stands outside every subject's stretches holds for all of them, unless their own says otherwise.
    """

    identifier: Value | None = None
    aliases: tuple[Value, ...] = ()
    related: tuple[Value, ...] = ()
    title: Value | None = None
    summary: Value | None = None
    packages: tuple[Package, ...] = ()
    ranges: tuple[Range, ...] = ()
    severity: Value | None = None
    vectors: tuple[Value, ...] = ()
    cwes: tuple[Value, ...] = ()
    references: tuple[Value, ...] = ()
    published: Value | None = None
    doubts: tuple[Doubt, ...] = ()
    stretches: tuple[Quote, ...] = ()


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A place that speaks to a program that reads, and what gave it away."""

    kind: str
    quote: Quote


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules found in one text. There is always a subject, without a name where the text has none."""

    subjects: tuple[Subject, ...]
    is_advisory: bool
    likelihood: float
    """The probability that the text is about a vulnerability, 0.0 to 1.0."""
    reason: str
    """What spoke for and against it, for people."""
    orders: tuple[Order, ...] = ()
