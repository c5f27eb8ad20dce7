"""Vendor and product of one text, with how sure that is."""

from collections.abc import Callable
from typing import NamedTuple

from assay.pipelines.feeds.model.extraction import Prose, Value
from assay.pipelines.feeds.rules.candidates import Candidate, Found, find_candidates, quotes_of
from assay.pipelines.feeds.rules.competing import states_another
from assay.pipelines.feeds.rules.names import Names
from assay.pipelines.feeds.rules.phrases import Way
from assay.pipelines.feeds.rules.ranking import Choice, Ranking, fitted, rankings, shares
from assay.pipelines.feeds.rules.signals import Row, product_rows, vendor_rows

_LAST = Way.PART
_WHY = (
    (Way.MADE_BY, "made by the vendor that the catalog knows"),
    (Way.CLUE, "named by earlier claims with the same words or links"),
    (Way.HOST, "the host of a link"),
    (Way.REPOSITORY, "a repository's address"),
    (Way.SLUG, "a plugin's address"),
    (Way.FIRMWARE, "the firmware of a device that the text names"),
    (_LAST, "a part of a name that the text gives"),
)


class Named(NamedTuple):
    """The vendor and product of a text; `rival` is the score of the second vendor.

    `is_disputed` says that the text states of somebody else's product too that it is affected.
    """

    vendor: Value | None
    product: Value | None
    rival: float = 0.0
    is_disputed: bool = False


class Ranked(NamedTuple):
    """A candidate and its score."""

    candidate: Candidate
    score: float


def name_text(prose: Prose, names: Names) -> Named:
    """Who makes what this text is about, and what that is."""
    model = fitted()
    by_vendor, by_product = rankings()
    found = find_candidates(prose, names)
    vendors = rank(by_vendor, vendor_rows(found, names))
    scores = {one.candidate.name: one.score for one in vendors}
    products = rank(by_product, product_rows(found, names, scores))
    nobody = 1.0 - sum(scores.values())
    is_made = bool(vendors and products) and (
        vendors[0].candidate.name in names.vendors_making(products[0].candidate.name).told
    )
    vendor = choose(vendors, nobody, names.knows_vendor, is_made=is_made)
    product = choose(
        products, max(scores.values(), default=0.0), names.products.__contains__, is_made=is_made
    )
    return Named(
        vendor=_value(
            found, names, vendors[0].candidate, vendor, model.vendor_calibration.read(vendor.signals())
        )
        if vendor
        else None,
        product=_value(
            found, names, products[0].candidate, product, model.product_calibration.read(product.signals())
        )
        if product
        else None,
        rival=vendors[1].score if len(vendors) > 1 else 0.0,
        is_disputed=bool(vendors and products)
        and states_another(found, names, vendors[0].candidate.name, products[0].candidate.name),
    )


def rank(ranking: Ranking, rows: list[tuple[Candidate, Row]]) -> list[Ranked]:
    """The candidates, the likeliest first; of two alike the one that is first by its letters."""
    told = shares([ranking.weight(row) for _, row in rows])
    ranked = [Ranked(candidate, share) for (candidate, _), share in zip(rows, told, strict=True)]
    ranked.sort(key=lambda one: (-one.score, one.candidate.name))
    return ranked


def choose(
    ranked: list[Ranked], beside: float, known: Callable[[str], bool], *, is_made: bool
) -> Choice | None:
    """What the calibration sees of the first choice; None without any candidate."""
    if not ranked:
        return None
    first = ranked[0]
    return Choice(
        score=first.score,
        second=ranked[1].score if len(ranked) > 1 else 0.0,
        beside=beside,
        is_known=known(first.candidate.name),
        is_in_text=bool(first.candidate.places),
        is_made=is_made,
    )


def _value(found: Found, names: Names, first: Candidate, choice: Choice, confidence: float) -> Value:
    words, name = found.words, first.name
    quotes = quotes_of(words, first)
    shown = names.shown(name) if choice.is_known else first.shown
    if shown is None and quotes:
        shown = words.text[quotes[0].start : quotes[0].end]
    return Value(
        value=shown or name,
        confidence=round(confidence, 4),
        quotes=quotes,
        is_known=choice.is_known,
        why=None if quotes else next(why for way, why in _WHY if first.ways & way or way is _LAST),
    )
