"""How right the extraction is on labelled texts, as tables."""

import msgspec


class Bin(msgspec.Struct, frozen=True):
    """Values of about one confidence: how many, what they promise on average, how many of them are right."""

    count: int
    promised: float
    right: float


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One field. Shares are of the texts that have a label for it; None where there is nothing to take a share of.

    `accepted` is the share at or above the threshold, `precision` how many of these are right.
    """

    field: str
    labels: int
    right: float | None
    accepted: float | None
    precision: float | None
    calibration_error: float | None
    curve: tuple[Bin, ...] = ()


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """Whole records: a record is right when identifier, vendor and product are.

    `caught` is the share of wrong records that go to review, `deserved` the share of what goes there that is wrong.
    """

    records: int
    right: float | None
    accepted: float | None
    precision: float | None
    caught: float | None
    deserved: float | None
    precision_with_aliases: float | None
    caught_with_aliases: float | None
    calibration_error: float | None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Every table of texts of one kind. `method` is `rules` or `rules and model`."""

    method: str
    kind: str = ""
    texts: int
    names: int
    threshold: float
    fields: tuple[Row, ...]
    review: Review
