"""The products of one vendor, seen by their words: which a text means without writing them out, how they are named."""

from collections.abc import Iterable, Mapping
from heapq import nsmallest
from math import log

_COMMON = 400
"""A word that more products of the vendor have than this tells none of them apart."""


class Family:
    """The known products of a vendor. The order in which they are given does not matter."""

    __slots__ = ("_by_word", "_first", "_last", "_told", "_total", "_weights", "most_told")

    def __init__(self, told: Mapping[str, int]) -> None:
        """The products with how many claims told each."""
        self._told = dict(told)
        self._total = sum(told.values()) + 0.5
        self._by_word: dict[str, list[str]] = {}
        self._first: dict[str, int] = {}
        self._last: dict[str, int] = {}
        for name, claims in told.items():
            words = name.split()
            for word in dict.fromkeys(words):
                self._by_word.setdefault(word, []).append(name)
            self._first[words[0]] = self._first.get(words[0], 0) + claims
            self._last[words[-1]] = self._last.get(words[-1], 0) + claims
        count = len(self._told)
        self._weights = {word: log(1 + count / len(having)) for word, having in self._by_word.items()}
        self.most_told = nsmallest(8, self._told, key=lambda name: (-self._told[name], name))
        """The products told most often, at most eight."""

    def nearness(self, words: Iterable[str]) -> dict[str, float]:
        """How near each product is that shares a word with these: rare words weigh more than common ones, and what the
        product is named besides counts against it.
        """
        shared: dict[str, float] = {}
        for word in dict.fromkeys(words):
            having = self._by_word.get(word, ())
            if len(having) <= _COMMON:
                weight = self._weights.get(word, 0.0)
                for name in having:
                    shared[name] = shared.get(name, 0.0) + weight
        return {name: weight * weight / self._weight(name) for name, weight in shared.items()}

    def _weight(self, name: str) -> float:
        return sum(self._weights[word] for word in dict.fromkeys(name.split()))

    def claims(self, name: str) -> int:
        """How many claims told a product."""
        return self._told.get(name, 0)

    def begin_so(self, word: str) -> float:
        """The share of claims whose product begins with a word, drawn towards nothing while they are few."""
        return self._first.get(word, 0) / self._total

    def end_so(self, word: str) -> float:
        """The share of claims whose product ends with a word."""
        return self._last.get(word, 0) / self._total
