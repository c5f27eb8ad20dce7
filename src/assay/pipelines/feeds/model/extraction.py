"""What is read out of one text: values, each with the places that support it."""

from datetime import datetime
from enum import StrEnum

import msgspec


class Origin(StrEnum):
    """Who gave a value."""

    RULES = "rules"
    MODEL = "model"
    """A language model; the value stands in the text, or it would not be here."""
    PERSON = "person"


class Quote(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A place in `Prose.text` that supports a value: characters from `start` up to `end`."""

    start: int
    end: int


class Value(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One value with its confidence (0.0 to 1.0) and its places in the text.

    `is_known` says that the catalog knew the name (vendor and product only). A value without quotes was derived:
    a vendor from a product, a severity from a vector; `why` says from what.
    """

    value: str
    confidence: float
    quotes: tuple[Quote, ...] = ()
    origin: Origin = Origin.RULES
    is_known: bool = False
    why: str | None = None


class Range(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A range of affected versions as the text gives it; `fixed` is the first version that is not affected.

    `introduced` is inclusive; of `fixed` and `last_affected` at most one is given. `exact` is a single version.
    `product` is the name that the range speaks of, when the text says so of several. `last_named` is the last
    affected version where the text names one beside `fixed`: the same end, told from the other side.
    """

    introduced: str | None = None
    fixed: str | None = None
    last_affected: str | None = None
    exact: str | None = None
    last_named: str | None = None
    product: str | None = None
    confidence: float
    quotes: tuple[Quote, ...] = ()
    origin: Origin = Origin.RULES


class Package(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A package that the text names in an ecosystem (a purl, a registry's address, a front matter)."""

    ecosystem: str
    name: str
    confidence: float
    quotes: tuple[Quote, ...] = ()


class Prose(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One entry made readable. `text` is what every quote points into: the title, a blank line, the body.

    Invisible and direction-changing characters are gone; `removed` counts them. `title_end` is where the title ends.
    `links` are the addresses that stood behind words of the text or beside it (the entry's own first).
    `facts` are what the format itself says apart from prose (a front matter, mail headers), key by key.
    """

    text: str
    title_end: int
    links: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    published: datetime | None = None
    modified: datetime | None = None
    removed: int = 0
    was_cut: bool = False
    """The entry was longer than is read."""
    hidden: int = 0
    """How much of it was meant for no human eye: characters of Unicode's tags, marks that turn the direction of
    writing, and words in elements that a page does not show. They are not in `text`."""


class Doubt(StrEnum):
    """Why a person should look, whatever the confidence."""

    ORDERS = "orders"
    """The text speaks to a reader that is a program."""
    NO_NAME = "no_name"
    """No CVE or other public identifier names the vulnerability."""
    UNKNOWN_VENDOR = "unknown_vendor"
    """The catalog does not know the vendor, and only one source names it."""
    CONFLICT = "conflict"
    """The text says two things of one field (two vectors, two vendors)."""
    MODEL_ONLY = "model_only"
    """Only a language model gave the value of a field that counts."""
    INCOMPLETE = "incomplete"
    """A field that counts has no value."""
    MODEL_FAILED = "model_failed"
    """The language model that should have been asked did not answer."""


class Extraction(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one text says about one vulnerability. A text that names several gives one each.

    `identifier` is the public name (CVE, else GHSA, else another database's), None when the text names none.
    `confidence` is the calibrated probability that vendor, product and identifier are all right.
    """

    identifier: Value | None = None
    aliases: tuple[Value, ...] = ()
    related: tuple[Value, ...] = ()
    """Names of other vulnerabilities that the text only mentions."""
    title: Value | None = None
    summary: Value | None = None
    vendor: Value | None = None
    product: Value | None = None
    packages: tuple[Package, ...] = ()
    ranges: tuple[Range, ...] = ()
    severity: Value | None = None
    """One of low, medium, high, critical."""
    vectors: tuple[Value, ...] = ()
    """CVSS vectors that parse, highest version first."""
    cwes: tuple[Value, ...] = ()
    references: tuple[Value, ...] = ()
    published: Value | None = None
    """RFC 3339."""
    confidence: float = 0.0
    doubts: tuple[Doubt, ...] = ()


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules make of one text: whether it is about a vulnerability at all, and what it says of each."""

    is_advisory: bool
    likelihood: float
    """The probability that it is an advisory, 0.0 to 1.0."""
    extractions: tuple[Extraction, ...]
    reason: str | None = None
    """Why it is none, for people."""
