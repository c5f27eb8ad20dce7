"""One text read whole: what `reading` finds of identifiers, versions and ratings, with vendor and product."""

import msgspec

from assay.pipelines.feeds.model.extraction import Doubt, Extraction, Prose, Quote, Value, Verdict
from assay.pipelines.feeds.model.reading import Subject
from assay.pipelines.feeds.rules.confidence import weighed
from assay.pipelines.feeds.rules.names import Names
from assay.pipelines.feeds.rules.naming import Named, name_text
from assay.pipelines.feeds.rules.reading import read_text

READER_VERSION = 2
"""Raised when the same text would be read otherwise, so that what was read before can be read again."""

_MOST_NAMED_APART = 30
_LEAST_STRETCH = 40


def extract(prose: Prose, names: Names, trust: float = 1.0) -> Verdict:
    """What a text says of each vulnerability that it is about. The same text and names always give the same verdict.

    `trust` is how often the source itself is right, 0.0 to 1.0; every confidence of a name is multiplied by it.
    """
    reading = read_text(prose)
    named = name_text(prose, names)
    are_several = len(reading.subjects) > 1
    extractions = []
    for place, subject in enumerate(reading.subjects):
        own = named
        if are_several and place < _MOST_NAMED_APART:
            own = _named_apart(prose, subject, names, named)
        extractions.append(_joined(subject, own, trust))
    return Verdict(
        is_advisory=reading.is_advisory,
        likelihood=reading.likelihood,
        extractions=tuple(extractions),
        reason=reading.reason,
    )


def _joined(subject: Subject, named: Named, trust: float) -> Extraction:
    one = Extraction(
        identifier=subject.identifier,
        aliases=subject.aliases,
        related=subject.related,
        title=subject.title,
        summary=subject.summary,
        vendor=named.vendor,
        product=named.product,
        packages=subject.packages,
        ranges=subject.ranges,
        severity=subject.severity,
        vectors=subject.vectors,
        cwes=subject.cwes,
        references=subject.references,
        published=subject.published,
        doubts=(*subject.doubts, Doubt.CONFLICT) if named.is_disputed else subject.doubts,
    )
    return weighed(one, rival=named.rival, trust=trust)


def _named_apart(prose: Prose, subject: Subject, names: Names, whole: Named) -> Named:
    """The names by the title and the subject's own part; those of the whole text where that part says less."""
    part = next((one for one in subject.stretches if one.end - one.start >= _LEAST_STRETCH), None)
    if part is None:
        return whole
    title = prose.text[: prose.title_end]
    begin = max(part.start, prose.title_end)
    text = f"{title}\n\n{prose.text[begin : part.end]}"
    named = name_text(Prose(text=text, title_end=len(title), links=prose.links), names)
    moved = begin - len(title) - 2
    return Named(
        vendor=_surer(_moved(named.vendor, len(title), moved), whole.vendor),
        product=_surer(_moved(named.product, len(title), moved), whole.product),
        rival=named.rival,
        is_disputed=named.is_disputed,
    )


def _surer(own: Value | None, whole: Value | None) -> Value | None:
    if own is None or whole is None:
        return own or whole
    return own if own.confidence >= whole.confidence else whole


def _moved(value: Value | None, title_end: int, by: int) -> Value | None:
    if value is None:
        return None
    quotes = tuple(
        quote if quote.end <= title_end else Quote(quote.start + by, quote.end + by) for quote in value.quotes
    )
    return msgspec.structs.replace(value, quotes=quotes)
