"""Which part of a text speaks of which of its subjects: a section with its name in front, a paragraph, a sentence."""

import itertools
import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence

from assay.pipelines.feeds.model.extraction import Quote
from assay.pipelines.feeds.rules.identifiers import Mention, heading_start

_PARAGRAPH = re.compile(r"(?:[^\n]+\n?)+")
_SENTENCE = re.compile(r"[^\n]+?(?:[.!?](?=\s+[A-Z(\[])|\n|$)")


class Owners:
    """Whose stretch a place stands in."""

    def __init__(self, owned: Mapping[str, Sequence[Quote]]) -> None:
        parts = sorted((quote.start, quote.end, name) for name, quotes in owned.items() for quote in quotes)
        self._starts = [start for start, _, _ in parts]
        self._parts = parts

    def of(self, quote: Quote) -> str | None:
        """The subject in whose stretch the quote begins; None for what is nobody's own."""
        place = bisect_right(self._starts, quote.start) - 1
        if place < 0:
            return None
        _, end, name = self._parts[place]
        return name if quote.start < end else None


def stretches(
    text: str, starts_body: int, subjects: Sequence[str], found: Iterable[Mention]
) -> dict[str, tuple[Quote, ...]]:
    """The stretches of each subject, in the order of the text; the title is never one's own where there are several."""
    if len(subjects) < 2:
        return {name: (Quote(0, len(text)),) for name in subjects}
    wanted = frozenset(subjects)
    places = [(one.quote, one.name) for one in found if one.name in wanted and one.quote.start >= starts_body]
    headings = _headings(text, places)
    if len({name for _, name in headings}) >= 2:
        parts = _sections(text, headings)
    else:
        parts = _passages(text, starts_body, places)
    owned: dict[str, list[Quote]] = {name: [] for name in subjects}
    for name, quote in parts:
        owned[name].append(quote)
    return {name: tuple(quotes) for name, quotes in owned.items()}


def _headings(text: str, places: Sequence[tuple[Quote, str]]) -> list[tuple[int, str]]:
    """Where a line begins with a subject's name; a line with several subjects begins nobody's section."""
    found = []
    for index, (quote, name) in enumerate(places):
        start = heading_start(text, quote)
        if start is None:
            continue
        end = text.find("\n", quote.start)
        end = len(text) if end < 0 else end
        others = (other for place, other in places[index + 1 : index + 6] if place.start < end)
        if all(other == name for other in others):
            found.append((start, name))
    return found


def _sections(text: str, headings: list[tuple[int, str]]) -> list[tuple[str, Quote]]:
    """From each heading to the next one; the last ends after as many paragraphs as the longest of the others has."""
    parts = []
    longest = 1
    for (start, name), (end, _) in itertools.pairwise(headings):
        parts.append((name, Quote(start, end)))
        longest = max(longest, len(_PARAGRAPH.findall(text, start, end)))
    start, name = headings[-1]
    end = start
    for count, paragraph in enumerate(_PARAGRAPH.finditer(text, start), 1):
        end = paragraph.end()
        if count == longest:
            break
    return [*parts, (name, Quote(start, max(end, start)))]


def _passages(text: str, starts_body: int, places: Sequence[tuple[Quote, str]]) -> list[tuple[str, Quote]]:
    """Paragraphs that name one subject only, and in the others the sentences that do."""
    parts = []
    for paragraph in _PARAGRAPH.finditer(text, starts_body):
        inside = [place for place in places if paragraph.start() <= place[0].start < paragraph.end()]
        named = {name for _, name in inside}
        if len(named) == 1:
            parts.append((named.pop(), Quote(paragraph.start(), paragraph.end())))
        elif named:
            parts += _sentences(text, paragraph.start(), paragraph.end(), inside)
    return parts


def _sentences(text: str, start: int, end: int, inside: list[tuple[Quote, str]]) -> list[tuple[str, Quote]]:
    parts = []
    for sentence in _SENTENCE.finditer(text, start, end):
        named = {name for place, name in inside if sentence.start() <= place.start < sentence.end()}
        if len(named) == 1:
            parts.append((named.pop(), Quote(sentence.start(), sentence.end())))
    return parts
