"""Everything that the rules read in one text, put together per vulnerability; vendor and product are not their part."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from assay.pipelines.feeds.model.extraction import Doubt, Prose, Quote, Range, Value
from assay.pipelines.feeds.model.reading import Reading, Subject
from assay.pipelines.feeds.rules import advisory
from assay.pipelines.feeds.rules.dates import published
from assay.pipelines.feeds.rules.identifiers import Names, names
from assay.pipelines.feeds.rules.links import references
from assay.pipelines.feeds.rules.orders import orders
from assay.pipelines.feeds.rules.packages import packages
from assay.pipelines.feeds.rules.ratings import Rating, is_contradictory, ratings, severity, vectors
from assay.pipelines.feeds.rules.stretches import stretches
from assay.pipelines.feeds.rules.versions import ranges
from assay.pipelines.feeds.rules.weaknesses import explicit, guessed

_Found = TypeVar("_Found", Value, Range, Rating)
# More sections than this are not guessed at one by one for their weakness: a guess costs as much as the rest.
_MOST_GUESSED = 60


def read_text(prose: Prose) -> Reading:
    """The subjects of a text with all that the rules find; the same text always gives the same reading."""
    text = prose.text
    named = names(prose)
    found = _Material(prose, named)
    seen = orders(prose)
    subjects = (
        tuple(found.subject(value) for value in named.subjects) if named.subjects else (found.subject(None),)
    )
    judgement = advisory.judged(
        prose,
        advisory.Signs(
            names=len([value for value in named.subjects if not _is_bulletin(named, value)]),
            bulletins=sum(_is_bulletin(named, value) for value in (*named.subjects, *named.related)),
            has_rating=bool(found.vectors or found.ratings),
            has_weakness=bool(found.cwes) or any(subject.cwes for subject in subjects[:1]),
            has_range=bool(found.ranges),
        ),
    )
    if seen:
        subjects = tuple(_doubted(subject, Doubt.ORDERS) for subject in subjects)
    return Reading(
        subjects=subjects,
        is_advisory=judgement.is_advisory and bool(text.strip()),
        likelihood=judgement.likelihood,
        reason=judgement.reason,
        orders=seen,
    )


class _Material:
    """What was found in the whole text once, to be dealt out to its subjects by the places of the quotes."""

    def __init__(self, prose: Prose, named: Names) -> None:
        self.prose = prose
        self.named = named
        text = prose.text
        self.vectors = vectors(text)
        self.ratings = ratings(text)
        self.ranges = ranges(text)
        self.cwes = explicit(text)
        self.references = references(prose)
        self.packages = packages(prose)
        self.published = published(prose)
        found = tuple(value.value for value in named.subjects)
        self.is_one = len(found) < 2
        self.stretches = stretches(text, prose.title_end, found, named.mentions)
        self.owned = [quote for quotes in self.stretches.values() for quote in quotes]
        self._guessed = 0

    def subject(self, name: Value | None) -> Subject:
        prose = self.prose
        own = self.stretches.get(name.value, ()) if name is not None else (Quote(0, len(prose.text)),)
        section = None if self.is_one or not own else own[0]
        rated, scored = self._dealt(self.ratings, own, _place), self._dealt(self.vectors, own, _first)
        doubts = []
        if is_contradictory(scored, rated):
            doubts.append(Doubt.CONFLICT)
        if name is None:
            doubts.append(Doubt.NO_NAME)
        return Subject(
            identifier=name,
            aliases=self.named.aliases,
            related=self.named.related,
            title=advisory.title(prose, section, None if name is None else name.value),
            summary=advisory.summary(prose, section),
            packages=self.packages,
            ranges=self._dealt(self.ranges, own, _first),
            severity=severity(scored, rated),
            vectors=scored,
            cwes=self._dealt(self.cwes, own, _first) or self._guess(own),
            references=self._dealt(self.references, own, _first, is_added=True),
            published=self.published,
            doubts=tuple(doubts),
            stretches=own,
        )

    def _dealt(
        self,
        found: tuple[_Found, ...],
        own: Sequence[Quote],
        place: Callable[[_Found], Quote | None],
        *,
        is_added: bool = False,
    ) -> tuple[_Found, ...]:
        """What stands in a subject's own stretches; what is nobody's own, where that is nothing (or beside it)."""
        if self.is_one:
            return found
        kept = []
        for one in found:
            quote = place(one)
            is_own = quote is not None and any(part.start <= quote.start < part.end for part in own)
            is_others = quote is not None and any(part.start <= quote.start < part.end for part in self.owned)
            if is_own or not is_others:
                kept.append((is_own, one))
        has_own = any(is_own for is_own, _ in kept)
        if is_added:
            kept.sort(key=lambda one: not one[0])
        return tuple(one for is_own, one in kept if is_own or is_added or not has_own)

    def _guess(self, own: Sequence[Quote]) -> tuple[Value, ...]:
        text = self.prose.text
        self._guessed += 1
        if self._guessed > _MOST_GUESSED or not own:
            return ()
        part = own[0]
        value = guessed(text[part.start : part.end])
        if value is None:
            return ()
        moved = tuple(Quote(quote.start + part.start, quote.end + part.start) for quote in value.quotes)
        return (Value(value=value.value, confidence=value.confidence, quotes=moved, why=value.why),)


def _first(one: Value | Range) -> Quote | None:
    return one.quotes[0] if one.quotes else None


def _place(one: Rating) -> Quote | None:
    return one.quote


def _is_bulletin(named: Names, value: Value) -> bool:
    return any(mention.kind == 3 for mention in named.mentions if mention.name == value.value)


def _doubted(subject: Subject, doubt: Doubt) -> Subject:
    return msgspec.structs.replace(subject, doubts=(*subject.doubts, doubt))
