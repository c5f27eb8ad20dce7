"""Everything that the rules read in one text, put together per vulnerability; vendor and product are not their part."""

from collections.abc import Iterable, Sequence
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
from assay.pipelines.feeds.rules.stretches import Owners, stretches
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
        self.packages = packages(prose)
        self.published = published(prose)
        found = tuple(value.value for value in named.subjects)
        self.is_one = len(found) < 2
        self.stretches = stretches(text, prose.title_end, found, named.mentions)
        owners = Owners({} if self.is_one else self.stretches)
        self._vectors = _dealt_out(self.vectors, owners)
        self._ratings = _dealt_out(self.ratings, owners)
        self._ranges = _dealt_out(self.ranges, owners)
        self._cwes = _dealt_out(self.cwes, owners)
        self._references = _dealt_out(references(prose), owners)
        self._guessed = 0

    def subject(self, name: Value | None) -> Subject:
        prose = self.prose
        own = self.stretches.get(name.value, ()) if name is not None else (Quote(0, len(prose.text)),)
        section = None if self.is_one or not own else own[0]
        called = None if name is None else name.value
        rated, scored = _own(self._ratings, called), _own(self._vectors, called)
        doubts = []
        if is_contradictory(scored, rated):
            doubts.append(Doubt.CONFLICT)
        if name is None:
            doubts.append(Doubt.NO_NAME)
        return Subject(
            identifier=name,
            aliases=self.named.aliases,
            related=self.named.related,
            title=advisory.title(prose, section, called),
            summary=advisory.summary(prose, section),
            packages=self.packages,
            ranges=_own(self._ranges, called),
            severity=severity(scored, rated),
            vectors=scored,
            cwes=_own(self._cwes, called) or self._guess(own),
            references=_with_shared(self._references, called),
            published=self.published,
            doubts=tuple(doubts),
            stretches=own,
        )

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


def _dealt_out(found: Iterable[_Found], owners: Owners) -> dict[str | None, tuple[_Found, ...]]:
    """What was found by whose it is, with the quotes that stand in that subject's stretches; None is for all."""
    dealt: dict[str | None, list[_Found]] = {}
    for one in found:
        if isinstance(one, Rating):
            dealt.setdefault(owners.of(one.quote), []).append(one)
            continue
        quotes: dict[str | None, list[Quote]] = {} if one.quotes else {None: []}
        for quote in one.quotes:
            quotes.setdefault(owners.of(quote), []).append(quote)
        for name, several in quotes.items():
            dealt.setdefault(name, []).append(msgspec.structs.replace(one, quotes=tuple(several)))
    return {name: tuple(several) for name, several in dealt.items()}


def _own(dealt: dict[str | None, tuple[_Found, ...]], name: str | None) -> tuple[_Found, ...]:
    """A subject's own, and what is nobody's own where that is nothing."""
    return dealt.get(name) or dealt.get(None) or ()


def _with_shared(dealt: dict[str | None, tuple[Value, ...]], name: str | None) -> tuple[Value, ...]:
    """A subject's own and then what is for all, each value once."""
    found: dict[str, Value] = {}
    for one in (*dealt.get(name, ()), *dealt.get(None, ())):
        found.setdefault(one.value, one)
    return tuple(found.values())


def _is_bulletin(named: Names, value: Value) -> bool:
    return any(mention.kind == 3 for mention in named.mentions if mention.name == value.value)


def _doubted(subject: Subject, doubt: Doubt) -> Subject:
    return msgspec.structs.replace(subject, doubts=(*subject.doubts, doubt))
