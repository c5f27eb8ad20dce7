"""Texts with their true vendors and products: what the extraction is fitted and measured with."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from assay.domain import cve_record
from assay.domain.cve_record import Block, Containers
from assay.domain.severity import band_of_word
from assay.errors import BadRecord
from assay.pipelines.feeds.model.extraction import Prose
from assay.pipelines.feeds.rules import labels
from assay.pipelines.feeds.rules.names import plain, plain_vendor

_MOST_NAMES = 40
# What stands behind a product's name in one place and not in the other.
_KINDS = frozenset(["plugin", "theme", "firmware", "software", "app", "application", "server", "edition"])

OWN = "own"
"""The source of an operator's own texts."""

Pair = tuple[str, str]
"""Vendor and product as written; "" where one is not named."""


@dataclass(frozen=True, slots=True)
class Truth:
    """Who is right to name: what the CNA says, and what CISA says."""

    cna: tuple[Pair, ...] = ()
    cisa: tuple[Pair, ...] = ()

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """Everything that is said, the CNA first."""
        return tuple(dict.fromkeys((*self.cna, *self.cisa)))

    @property
    def vendors(self) -> frozenset[str]:
        """The vendors, normalised."""
        return frozenset(name for vendor, _ in self.pairs if (name := plain_vendor(vendor)))

    @property
    def products(self) -> frozenset[str]:
        """The products, normalised."""
        return frozenset(name for _, product in self.pairs if (name := plain(product)))


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text, and what is right to say of it: the names in `truth`, everything else in `label`."""

    prose: Prose
    truth: Truth
    label: labels.Labelled

    @property
    def published(self) -> str:
        """The day, `2024-09-01`; "" where it is not known."""
        return self.label.published


def from_cve(raw: bytes) -> Labelled | None:
    """A published CVE record as its author would have posted it: name and title, the description, the links.

    None for one that is rejected, says nothing in English, or is no CVE record.
    """
    label = labels.of_cve(raw)
    if label is None:
        return None
    containers = cve_record.decode(raw).containers or Containers()
    cna = containers.cna
    return Labelled(
        prose=prose_of(label),
        truth=Truth(
            cna=_pairs(cna.affected if cna else None),
            cisa=_pairs([block for adp in containers.adp or () for block in adp.affected or ()]),
        ),
        label=label,
    )


def prose_of(label: labels.Labelled) -> Prose:
    """The text as an entry would bring it."""
    title = f"{label.name}: {label.title}" if label.title else label.name
    return Prose(
        text=f"{title}\n\n{label.body}",
        title_end=len(title),
        links=tuple(dict.fromkeys(link.strip() for link in label.links)),
        published=_moment(label.published),
    )


def _moment(day: str) -> datetime | None:
    try:
        return datetime.fromisoformat(day).replace(tzinfo=UTC) if day else None
    except ValueError:
        return None


def _pairs(blocks: Iterable[Block] | None) -> tuple[Pair, ...]:
    found = dict.fromkeys(
        (_named(block.vendor), _named(block.product) or _named(block.package_name)) for block in blocks or ()
    )
    return tuple(pair for pair in list(found)[:_MOST_NAMES] if any(pair))


def _named(text: str | None) -> str:
    return "" if text is None or cve_record.is_vague(text) else text.strip()


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    """One line of an operator's own labelled texts."""

    text: str
    title: str = ""
    name: str = ""
    links: tuple[str, ...] = ()
    published: str = ""
    vendor: str | tuple[str, ...] = ""
    product: str | tuple[str, ...] = ""
    severity: str = ""
    cwes: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    last_affected: tuple[str, ...] = ()


_LINE = msgspec.json.Decoder(_Line)


def from_line(raw: bytes) -> Labelled:
    """One line of JSON: `text`, and what is right of `title, name, links, published, vendor, product, severity, cwes,
    fixed, last_affected`. BadRecord: `bad-line`.
    """
    try:
        line = _LINE.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise BadRecord("bad-line", str(problem)) from None
    vendors = (line.vendor,) if isinstance(line.vendor, str) else line.vendor
    products = (line.product,) if isinstance(line.product, str) else line.product
    pairs = tuple((vendor, product) for vendor in vendors or ("",) for product in products or ("",))
    fixed = frozenset(map(labels.plain, line.fixed))
    title = line.title or line.name
    label = labels.Labelled(
        name=line.name,
        source=OWN,
        published=line.published[:10],
        title=line.title,
        body=line.text,
        ids=frozenset((line.name,)) if line.name else frozenset(),
        cwes=line.cwes,
        band=band_of_word(line.severity) if line.severity else None,
        vectors=frozenset(),
        bounds=frozenset(
            [("<", version) for version in fixed] + [("<=", labels.plain(one)) for one in line.last_affected]
        ),
        exact=frozenset(),
        fixed=fixed,
        links=line.links,
    )
    prose = Prose(
        text=f"{title}\n\n{line.text}" if title else line.text,
        title_end=len(title),
        links=line.links,
        published=_moment(label.published),
    )
    return Labelled(prose, Truth(cna=tuple(pair for pair in pairs if any(pair))), label)


class Aliases:
    """Names that earlier records used for one another: where the CNA and CISA each name one product of one vendor."""

    def __init__(self, records: Iterable[Labelled] = ()) -> None:
        """The aliases that some records teach."""
        self._vendors: dict[str, set[str]] = {}
        self._products: dict[str, set[str]] = {}
        for one in records:
            if len(one.truth.cna) == 1 and len(one.truth.cisa) == 1:
                (vendor, product), (other_vendor, other_product) = one.truth.cna[0], one.truth.cisa[0]
                _pair(self._vendors, plain_vendor(vendor), plain_vendor(other_vendor))
                _pair(self._products, plain(product), plain(other_product))

    def is_vendor(self, name: str, truth: Truth) -> bool:
        """Whether a vendor's name is one of the right ones, or an alias of one."""
        right = truth.vendors
        return name in right or bool(self._vendors.get(name, _NONE) & right)

    def is_product(self, name: str, truth: Truth) -> bool:
        """Whether a product's name is one of the right ones, an alias of one, or the same but for its vendor's name in
        front and its kind (plugin, firmware ...) behind.
        """
        right = truth.products
        if name in right or self._products.get(name, _NONE) & right:
            return True
        vendors = truth.vendors
        bare = _bare(name, vendors)
        return any(bare == _bare(other, vendors) for other in right)


def nearly(name: str, right: Iterable[str]) -> bool:
    """Whether a normalised name is one of the right ones, or one's words contain the other's and half its letters.

    The lenient measure of research/llm.md, section 2: `Exynos` for `Exynos 1380`, `Adobe Commerce` for `Commerce`.
    """
    return any(_contains(name, other) or _contains(other, name) for other in right)


def _contains(whole: str, part: str) -> bool:
    words = set(part.split())
    return (
        bool(words)
        and words <= set(whole.split())
        and 2 * len(part.replace(" ", "")) >= len(whole.replace(" ", ""))
    )


_NONE: frozenset[str] = frozenset()


def _pair(table: dict[str, set[str]], one: str, other: str) -> None:
    if one and other and one != other:
        table.setdefault(one, set()).add(other)
        table.setdefault(other, set()).add(one)


def _bare(product: str, vendors: Iterable[str]) -> str:
    words = product.split()
    for vendor in sorted(vendors, key=len, reverse=True):
        own = vendor.split()
        if len(words) > len(own) and words[: len(own)] == own:
            words = words[len(own) :]
            break
    while len(words) > 1 and words[-1] in _KINDS:
        words.pop()
    return " ".join(words)
