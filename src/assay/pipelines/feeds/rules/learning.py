"""What the dictionary learns from a text whose vendors and products are known."""

from collections import Counter
from collections.abc import Iterable

from assay.pipelines.feeds.model.extraction import Prose
from assay.pipelines.feeds.rules.candidates import find_clues, read_links
from assay.pipelines.feeds.rules.labelled import Labelled
from assay.pipelines.feeds.rules.names import Clue, Names, rows_of
from assay.pipelines.feeds.rules.phrases import find_phrases
from assay.pipelines.feeds.rules.words import Words

_MOST_PRODUCTS = 8


def clues_in(prose: Prose, vendors: Iterable[str], products: Iterable[str]) -> list[Clue]:
    """What this text's words and links point to, for names that are normalised; of long lists the first few products."""
    words, links = Words(prose), read_links(prose)
    told = []
    few = sorted(products)[:_MOST_PRODUCTS]
    many = sorted(vendors)[:_MOST_PRODUCTS]
    for clue in find_clues(words, links, tuple(find_phrases(words))):
        told += [Clue(clue, vendor, "", 1) for vendor in many]
        told += [Clue(clue, "", product, 1) for product in few]
    return told


def learn(names: Names, records: Iterable[Labelled]) -> None:
    """Put what some labelled texts say into a dictionary."""
    pairs: Counter[tuple[str, str]] = Counter()
    for one in records:
        pairs.update(set(one.truth.pairs))
        for clue in clues_in(one.prose, one.truth.vendors, one.truth.products):
            names.add_clue(clue)
    for row in rows_of(pairs):
        names.add(row)
