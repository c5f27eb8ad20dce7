"""What the dictionary learns from texts whose vendors and products are known: labelled ones, finished documents."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from assay.pipelines.feeds.model.extraction import Prose
from assay.pipelines.feeds.model.names import Clue, Known
from assay.pipelines.feeds.rules.candidates import find_clues, read_link, read_links
from assay.pipelines.feeds.rules.labelled import Labelled
from assay.pipelines.feeds.rules.names import Names, package_row, plain, plain_vendor, rows_of
from assay.pipelines.feeds.rules.phrases import find_phrases
from assay.pipelines.feeds.rules.words import Words

_MOST_PAIRS = 8
_MOST_NAMES = 40
_LONGEST_NAME = 200


class _Package(msgspec.Struct):
    ecosystem: str = ""
    name: str = ""


class _Affected(msgspec.Struct):
    package: _Package | None = None


class _Link(msgspec.Struct):
    url: str = ""
    type: str = ""


class _Product(msgspec.Struct):
    vendor: str | None = None
    product: str | None = None


class _Own(msgspec.Struct):
    products: tuple[_Product, ...] = ()
    is_unreviewed: bool = False


class _Specific(msgspec.Struct):
    assay: _Own = msgspec.field(default_factory=_Own)


class _Document(msgspec.Struct):
    """What is read of a finished document of the catalog."""

    id: str = ""
    summary: str = ""
    details: str = ""
    affected: tuple[_Affected, ...] = ()
    references: tuple[_Link, ...] = ()
    database_specific: _Specific = msgspec.field(default_factory=_Specific)


_DECODER = msgspec.json.Decoder(_Document)


class Lesson(NamedTuple):
    """The names that one vulnerability tells, each counted once, and what led to them."""

    names: tuple[Known, ...]
    clues: tuple[Clue, ...]


def lesson_of(document: bytes) -> Lesson:
    """What a finished document (OSV, with the catalog's own part) teaches. The same bytes always teach the same.

    What nobody reviewed teaches nothing: a feed that names its own vendor twice would otherwise make it known.
    """
    read = _DECODER.decode(document)
    if read.database_specific.assay.is_unreviewed:
        return Lesson((), ())
    pairs = [
        (one.vendor or "", one.product or "") for one in read.database_specific.assay.products[:_MOST_NAMES]
    ]
    named = dict.fromkeys(row for pair in pairs if (row := _row(*pair)) is not None)
    for one in read.affected[:_MOST_NAMES]:
        if one.package is not None and one.package.name and len(one.package.name) <= _LONGEST_NAME:
            row = package_row(one.package.ecosystem.partition(":")[0], one.package.name)
            if row.product:
                named[row] = None
    for link in read.references if read.affected else ():
        # The repository of a package: its owner makes it.
        if link.type == "PACKAGE" and (at := read_link(link.url)).owner and len(link.url) <= _LONGEST_NAME:
            named[Known(plain_vendor(at.owner), plain(at.repository), at.owner, at.repository, 1)] = None
    title = f"{read.id}: {read.summary}" if read.summary else read.id
    prose = Prose(
        text=f"{title}\n\n{read.details}",
        title_end=len(title),
        links=tuple(link.url for link in read.references if link.url),
    )
    clues = clues_in(prose, pairs) if pairs else []
    return Lesson(tuple(named), tuple(dict.fromkeys(clues)))


def _row(vendor: str, product: str) -> Known | None:
    if len(vendor) > _LONGEST_NAME or len(product) > _LONGEST_NAME:
        return None
    row = Known(plain_vendor(vendor), plain(product), vendor, product, 1)
    return row if row.vendor or row.product else None


def clues_in(prose: Prose, pairs: Iterable[tuple[str, str]]) -> list[Clue]:
    """What this text's words and links point to; of a long list of products the first few by their letters."""
    told = sorted({(plain_vendor(vendor), plain(product)) for vendor, product in pairs})[:_MOST_PAIRS]
    words, links = Words(prose), read_links(prose)
    found = []
    for clue in find_clues(words, links, tuple(find_phrases(words))):
        vendors: set[str] = set()
        for vendor, product in told:
            is_new = vendor not in vendors
            vendors.add(vendor)
            if product or is_new:
                found.append(Clue(clue, vendor if is_new else "", product, 1))
    return [one for one in found if (one.vendor or one.product) and len(one.clue) <= _LONGEST_NAME]


def learn(names: Names, records: Iterable[Labelled]) -> None:
    """Put what some labelled texts say into a dictionary."""
    pairs: Counter[tuple[str, str]] = Counter()
    for one in records:
        pairs.update(set(one.truth.pairs))
        for clue in clues_in(one.prose, one.truth.pairs):
            names.add_clue(clue)
    for row in rows_of(pairs):
        names.add(row)
