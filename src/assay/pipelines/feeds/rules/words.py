"""A text as words with their places: what names are looked up in, and where sentences name something."""

import re
from bisect import bisect_right

from assay.pipelines.feeds.model.extraction import Prose, Quote

LONGEST_TEXT = 20_000
"""Characters that are read for names; what an advisory is about stands in front."""

_WORD = re.compile(r"[^\W_]+")
# Between the words of one name stand a blank, a hyphen, a slash, an apostrophe ...; never a full stop with a blank.
_INSIDE = re.compile(
    r"[ \u00a0]?[-\u2013\u2014/'\u2019.&+@_®™:|\\]?[ \u00a0]?(?:\(R\)|®|™)?[ \u00a0]?", re.IGNORECASE
)
_BRACKET = re.compile(r"[\[\](){}]")
_CLOSING = {")": "(", "]": "[", "}": "{"}
_BORDERS = frozenset((". ", ": ", "; ", " - ", " \u2013 ", " \u2014 ", " | ", ".  "))


class Words:
    """The words of a text. `line` is the lower-case words between blanks, so that a name is found as ` its words `."""

    __slots__ = ("_at", "ends", "joined", "line", "low", "raw", "starts", "text", "title_words")

    def __init__(self, prose: Prose) -> None:
        """The words of a text, the title's first."""
        self.text = prose.text[:LONGEST_TEXT]
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.raw: list[str] = []
        for found in _WORD.finditer(self.text):
            self.starts.append(found.start())
            self.ends.append(found.end())
            self.raw.append(found[0])
        self.low = [_folded(word) for word in self.raw]
        self.line = f" {' '.join(self.low)} "
        self._at: list[int] = []
        place = 1
        for word in self.low:
            self._at.append(place)
            place += len(word) + 1
        self.title_words = bisect_right(self.starts, prose.title_end - 1) if prose.title_end else 0
        self.joined = [
            self.may_join(end, start) for end, start in zip(self.ends, self.starts[1:], strict=False)
        ]
        self.joined.append(False)
        if 0 < self.title_words <= len(self.joined):
            self.joined[self.title_words - 1] = False

    def may_join(self, end: int, start: int) -> bool:
        """Whether a name may go on over the characters between two words."""
        if start - end == 1:
            return self.text[end] in " -/'\u2019.&+@_\u00a0"
        between = self.text[end:start]
        return (
            len(between) < 6
            and "\n" not in between
            and between not in _BORDERS
            and _INSIDE.fullmatch(between) is not None
        )

    def __len__(self) -> int:
        """How many words."""
        return len(self.raw)

    def word_at(self, character: int) -> int:
        """The first word that begins at a character or after it."""
        index = bisect_right(self.starts, character)
        return index - 1 if index and self.starts[index - 1] == character else index

    def places(self, name: str, limit: int) -> list[int]:
        """The words at which a normalised name begins, the first so many."""
        found: list[int] = []
        wanted = f" {name} "
        place = self.line.find(wanted)
        while place >= 0 and len(found) < limit:
            start = bisect_right(self._at, place + 1) - 1
            if self.closes(start, start + wanted.count(" ") - 1):
                found.append(start)
            place = self.line.find(wanted, place + 1)
        return found

    def closes(self, start: int, end: int) -> bool:
        """Whether every bracket among these words has its other half among them, or right behind."""
        unopened, unclosed = self._brackets(start, end)
        return unopened is None and (unclosed is None or self._behind(end, unclosed) is not None)

    def balanced(self, start: int, end: int) -> tuple[int, int]:
        """The words that are left of these where a bracket without its other half ends a name, or begins one."""
        while start < end:
            unopened, unclosed = self._brackets(start, end)
            if unopened is not None:
                start = self.word_at(unopened)
            elif unclosed is not None and self._behind(end, unclosed) is None:
                end = bisect_right(self.starts, unclosed[0])
            else:
                break
        return start, end

    def quote(self, start: int, end: int) -> Quote:
        """The place of the words from `start` up to `end`, with the brackets that close behind what they open."""
        last = self.ends[end - 1]
        _, unclosed = self._brackets(start, end)
        if unclosed is not None:
            last = self._behind(end, unclosed) or last
        return Quote(self.starts[start], last)

    def written(self, start: int, end: int) -> str:
        """The words from `start` up to `end` as they are written."""
        quote = self.quote(start, end)
        return self.text[quote.start : quote.end]

    def _brackets(self, start: int, end: int) -> tuple[int | None, list[int] | None]:
        """The place of the last bracket that nothing opened, and of those that nothing closed."""
        unopened: int | None = None
        opened: list[int] = []
        for hit in _BRACKET.finditer(self.text, self.starts[start], self.ends[end - 1]):
            opens = _CLOSING.get(hit[0])
            if opens is None:
                opened.append(hit.start())
            elif opened and self.text[opened[-1]] == opens:
                opened.pop()
            else:
                unopened = hit.start()
        return unopened, opened or None

    def _behind(self, end: int, unclosed: list[int]) -> int | None:
        """The end of the brackets right behind a word that close all of these; None where they do not."""
        last = self.ends[end - 1]
        closing = self.text[last : last + len(unclosed)]
        wanted = [self.text[place] for place in reversed(unclosed)]
        return last + len(unclosed) if [_CLOSING.get(one) for one in closing] == wanted else None

    def looks_like_name(self, index: int) -> bool:
        """Whether a word is written as names are: with a capital or a digit."""
        word = self.raw[index]
        return not word.islower() or not word.isalpha()


def _folded(word: str) -> str:
    # Lower case may be longer than the word was (`İ`), and bring a sign that is no letter.
    return word.lower() if word.isascii() else "".join(_WORD.findall(word.lower())) or word
