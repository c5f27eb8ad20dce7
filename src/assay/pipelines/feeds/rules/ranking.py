"""Which candidate is right: a forest of small decision trees, fitted offline, answered in plain Python.

The candidates of one text compete: the trees weigh each, and the weights become probabilities that add up to one with
that of `none of them` (a multinomial choice, whose loss the forest was fitted on).

The model is `policy/ranking.json`, written by tools/fit_extraction.py; docs/explanation/confidence.md tells
how it was made.
"""

from bisect import bisect_left
from collections.abc import Sequence
from functools import cache
from math import exp, log
from operator import getitem
from pathlib import Path
from struct import Struct
from typing import NamedTuple

import msgspec

from assay.pipelines.feeds.rules.signals import PRODUCT_SIGNALS, VENDOR_SIGNALS

MODEL_FILE = Path(__file__).parents[1] / "policy" / "ranking.json"


class Curve(msgspec.Struct, frozen=True):
    """A rising line through knots: from what a score says to how often it was right."""

    at: tuple[float, ...]
    right: tuple[float, ...]

    def read(self, score: float) -> float:
        """How often a score like this was right, 0.0 to 1.0."""
        place = bisect_left(self.at, score)
        if place == 0:
            return self.right[0]
        if place == len(self.at):
            return self.right[-1]
        low, high = self.at[place - 1], self.at[place]
        part = (score - low) / (high - low) if high > low else 1.0
        return self.right[place - 1] + part * (self.right[place] - self.right[place - 1])


Tree = tuple[list[int], list[float], list[int], list[int]]


class Forest(msgspec.Struct, frozen=True):
    """Trees, each as four lists by node: the signal asked (-1: a leaf), the limit (a leaf's worth), where to go on
    when the signal is at most the limit, and where otherwise.
    """

    signals: tuple[str, ...]
    base: float
    trees: tuple[Tree, ...]


class Ranking:
    """A forest arranged for speed: all trees are asked at once (QuickScorer, Lucchese and others, SIGIR 2015).

    Each tree has a field of 16 bits, one for a leaf, in a long number. A signal above a node's limit rules out the
    leaves on the node's low side; what is left lowest in each field is the leaf that was reached.
    """

    __slots__ = ("_base", "_fields", "_full", "_ruled", "_worth")

    def __init__(self, forest: Forest) -> None:
        """The same answers as walking each tree. Raises ValueError for a tree of more than 16 leaves."""
        self._base = forest.base
        self._worth: list[list[float]] = []
        masks: dict[int, list[tuple[float, int]]] = {}
        self._full = 0
        for place, tree in enumerate(forest.trees):
            leaves: list[float] = []
            nodes: list[tuple[int, float, int]] = []
            _arrange(tree, 0, leaves, nodes)
            if len(leaves) > _FIELD:
                raise ValueError(f"a tree has {len(leaves)} leaves; {_FIELD} are what fits")
            self._worth.append(leaves)
            self._full |= ((1 << len(leaves)) - 1) << (place * _FIELD)
            for signal, limit, ruled_out in nodes:
                masks.setdefault(signal, []).append((limit, ruled_out << (place * _FIELD)))
        self._fields = Struct(f"<{len(forest.trees)}H")
        self._ruled: list[tuple[int, list[float], list[int]]] = []
        for signal, told in sorted(masks.items()):
            told.sort()
            left, kept = [self._full], self._full
            for _, ruled_out in told:
                kept &= ~ruled_out
                left.append(kept)
            self._ruled.append((signal, [limit for limit, _ in told], left))

    def weight(self, row: Sequence[float]) -> float:
        """How much speaks for the candidate with these signals: the logarithm of its odds against `none of them`."""
        left = self._full
        for signal, limits, kept in self._ruled:
            left &= kept[bisect_left(limits, row[signal])]
        fields = self._fields.unpack(left.to_bytes(self._fields.size, "little"))
        return sum(map(getitem, self._worth, map(_LOWEST.__getitem__, fields)), self._base)


def shares(weights: Sequence[float]) -> list[float]:
    """The probability of each of a text's candidates, not yet calibrated; what is left is for none of them."""
    most = max((0.0, *weights))
    told = [exp(weight - most) for weight in weights]
    total = sum(told) + exp(-most)
    return [one / total for one in told]


_FIELD = 16
_LOWEST = bytes((field & -field).bit_length() - 1 if field else 0 for field in range(1 << _FIELD))
"""The lowest bit that is set, of every field."""


def _arrange(tree: Tree, node: int, leaves: list[float], nodes: list[tuple[int, float, int]]) -> int:
    """Number the leaves from the low side on, and collect what each node rules out; the leaves below, as bits."""
    asked, limits, low, high = tree
    if asked[node] < 0:
        leaves.append(limits[node])
        return 1 << (len(leaves) - 1)
    below = _arrange(tree, low[node], leaves, nodes)
    nodes.append((asked[node], limits[node], below))
    return below | _arrange(tree, high[node], leaves, nodes)


class Calibration(msgspec.Struct, frozen=True):
    """From what is seen of a first choice to a probability: a logistic line, bent by a curve where there is one."""

    weights: tuple[float, ...]
    curve: Curve | None = None

    def read(self, signals: Sequence[float]) -> float:
        """The probability that the first choice is right."""
        total = self.weights[0] + sum(
            weight * signal for weight, signal in zip(self.weights[1:], signals, strict=True)
        )
        return 1.0 / (1.0 + exp(-total)) if self.curve is None else self.curve.read(total)


class Model(msgspec.Struct, frozen=True):
    """Everything that was fitted, and on what."""

    made_of: str
    vendor: Forest
    product: Forest
    vendor_calibration: Calibration
    product_calibration: Calibration


class Choice(NamedTuple):
    """What is seen of a field's first choice beside the second.

    `beside` is the probability that the vendor is none of the candidates; of a product that of its vendor. `is_made`
    says that the catalog knows the first product of the first vendor.
    """

    score: float
    second: float
    beside: float
    is_known: bool
    is_in_text: bool
    is_made: bool

    def signals(self) -> tuple[float, ...]:
        """What the calibration weighs."""
        score = logit(self.score)
        return (
            score,
            logit(self.second),
            float(self.is_known),
            float(self.is_in_text),
            score * self.is_known,
            logit(self.beside),
            float(self.is_made),
            score * self.is_made,
        )


def logit(share: float) -> float:
    """The logarithm of the odds, kept within ±8."""
    share = min(max(share, 3.3e-4), 1 - 3.3e-4)
    return log(share / (1 - share))


@cache
def fitted() -> Model:
    """The model that ships with Assay. Raises ValueError when it was fitted for other signals."""
    model = msgspec.json.decode(MODEL_FILE.read_bytes(), type=Model)
    if model.vendor.signals != VENDOR_SIGNALS or model.product.signals != PRODUCT_SIGNALS:
        raise ValueError(f"{MODEL_FILE.name} was fitted for other signals: run `make fit`")
    return model


@cache
def rankings() -> tuple[Ranking, Ranking]:
    """The shipped model's rankings of vendors and of products."""
    return Ranking(fitted().vendor), Ranking(fitted().product)
