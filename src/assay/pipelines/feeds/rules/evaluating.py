"""How right whole extractions are, field by field and record by record, beside what labelled texts say."""

from collections.abc import Sequence

from assay.pipelines.feeds.model.evaluation import Bin, Report, Review, Row
from assay.pipelines.feeds.model.extraction import Extraction, Value
from assay.pipelines.feeds.model.reading import Subject
from assay.pipelines.feeds.rules import measuring
from assay.pipelines.feeds.rules.labelled import Aliases, Labelled, nearly
from assay.pipelines.feeds.rules.measuring import Rate, calibration_error, share
from assay.pipelines.feeds.rules.names import Names, plain, plain_vendor

THRESHOLD = measuring.ACCEPTED
BINS = 10


class Scores:
    """Counts one text after the other."""

    def __init__(self, names: Names, aliases: Aliases, *, threshold: float = THRESHOLD) -> None:
        """Nothing was counted yet."""
        self._names, self._aliases, self._threshold = names, aliases, threshold
        self._rates: dict[str, Rate] = {}
        self._records: list[tuple[bool, bool, bool, float]] = []
        self._texts = 0

    def count(self, one: Labelled, said: Extraction | None) -> None:
        """Count what was said of one text; None where it was taken for no advisory."""
        self._texts += 1
        said = said or Extraction()
        measuring.count(self._rates, one.label, _subject(said))
        truth = one.truth
        if truth.vendors:
            name = plain_vendor(said.vendor.value) if said.vendor else ""
            is_known = any(self._names.knows_vendor(vendor) for vendor in truth.vendors)
            is_right = (
                name in truth.vendors,
                self._aliases.is_vendor(name, truth),
                nearly(name, truth.vendors),
            )
            self._name("vendor", said.vendor, is_right, is_known=is_known)
        if truth.products:
            name = plain(said.product.value) if said.product else ""
            is_known = any(product in self._names.products for product in truth.products)
            is_right = (
                name in truth.products,
                self._aliases.is_product(name, truth),
                nearly(name, truth.products),
            )
            self._name("product", said.product, is_right, is_known=is_known)
        if truth.vendors and truth.products and one.label.ids:
            self._record(one, said)

    def _name(
        self, field: str, value: Value | None, is_right: tuple[bool, bool, bool], *, is_known: bool
    ) -> None:
        """Count a name; `is_right` says whether it is strictly, whether it is with aliases, and whether leniently."""
        part = f"{field}, known" if is_known else f"{field}, new"
        for row in (field, part):
            for way, right in zip(("", ", aliases", ", lenient"), is_right, strict=True):
                self._rate(row + way, value, is_right=right)

    def _rate(self, field: str, value: Value | None, *, is_right: bool) -> None:
        self._rates.setdefault(field, Rate()).count(
            is_right=is_right and value is not None,
            confidence=value.confidence if value else None,
            threshold=self._threshold,
        )

    def _record(self, one: Labelled, said: Extraction) -> None:
        vendor = plain_vendor(said.vendor.value) if said.vendor else ""
        product = plain(said.product.value) if said.product else ""
        is_named = said.identifier is not None and said.identifier.value in one.label.ids
        is_right = is_named and vendor in one.truth.vendors and product in one.truth.products
        is_alike = (
            is_named
            and self._aliases.is_vendor(vendor, one.truth)
            and self._aliases.is_product(product, one.truth)
        )
        is_accepted = said.confidence >= self._threshold and not said.doubts
        self._records.append((is_right, is_alike, is_accepted, said.confidence))

    def report(self, method: str) -> Report:
        """Everything that was counted."""
        return Report(
            method=method,
            texts=self._texts,
            names=len(self._names),
            threshold=self._threshold,
            fields=tuple(_row(field, rate) for field, rate in self._rates.items()),
            review=self._review(),
        )

    def _review(self) -> Review:
        records = self._records
        accepted = [one for one in records if one[2]]
        reviewed = [one for one in records if not one[2]]
        wrong = [one for one in records if not one[0]]
        unlike = [one for one in records if not one[1]]
        return Review(
            records=len(records),
            right=share(sum(one[0] for one in records), len(records)),
            accepted=share(len(accepted), len(records)),
            precision=share(sum(one[0] for one in accepted), len(accepted)),
            caught=share(sum(not one[2] for one in wrong), len(wrong)),
            deserved=share(sum(not one[0] for one in reviewed), len(reviewed)),
            precision_with_aliases=share(sum(one[1] for one in accepted), len(accepted)),
            caught_with_aliases=share(sum(not one[2] for one in unlike), len(unlike)),
            calibration_error=calibration_error([(one[3], one[0]) for one in records]),
        )


def _row(field: str, rate: Rate) -> Row:
    return Row(
        field=field,
        labels=rate.of,
        right=share(rate.right, rate.of),
        accepted=share(rate.accepted, rate.of),
        precision=share(rate.accepted_right, rate.accepted),
        calibration_error=calibration_error(rate.curve, BINS),
        curve=_curve(rate.curve),
    )


def _curve(told: Sequence[tuple[float, bool]]) -> tuple[Bin, ...]:
    bins: list[list[tuple[float, bool]]] = [[] for _ in range(BINS)]
    for confidence, is_right in told:
        bins[min(BINS - 1, int(confidence * BINS))].append((confidence, is_right))
    return tuple(
        Bin(
            count=len(one),
            promised=round(sum(confidence for confidence, _ in one) / len(one), 4),
            right=round(sum(is_right for _, is_right in one) / len(one), 4),
        )
        for one in bins
        if one
    )


def _subject(said: Extraction) -> Subject:
    return Subject(
        identifier=said.identifier,
        ranges=said.ranges,
        severity=said.severity,
        vectors=said.vectors,
        cwes=said.cwes,
    )
