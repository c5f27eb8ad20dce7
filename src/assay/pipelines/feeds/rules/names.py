"""Names of vendors and products: when two are the same, and the dictionary of those that the catalog knows."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache

from assay.pipelines.feeds.model.names import Clue, Known
from assay.pipelines.feeds.rules.families import Family

# Case, punctuation and trade marks never tell two names apart; CPE writes `linux_kernel` and `s\@m_cms`.
_MARKS = re.compile(r"\((?:r|tm|c)\)|[®™©℠\\]", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+")
# What companies put behind their names. `the` leads only.
_LEGAL = frozenset(
    [
        "inc",
        "incorporated",
        "ltd",
        "limited",
        "llc",
        "llp",
        "gmbh",
        "corp",
        "corporation",
        "co",
        "company",
        "foundation",
        "ag",
        "sa",
        "bv",
        "nv",
        "oy",
        "ab",
        "plc",
        "sro",
        "srl",
        "spa",
        "pty",
        "pvt",
        "kg",
        "kk",
        "sas",
        "sarl",
        "eu",
        "eg",
        "ev",
        "aps",
    ]
)
_OWNED = frozenset(("Packagist", "GitHub Actions"))
_FORGES = frozenset(("github.com", "gitlab.com", "gitee.com", "bitbucket.org"))
_LONGEST = 10
"""Words of the longest name that is looked for in a text."""


@lru_cache(65536)
def plain(name: str) -> str:
    """The words of a name, lower case and without marks, one blank between them."""
    if not name.isascii():
        name = unicodedata.normalize("NFKC", _MARKS.sub("", name))
    elif "(" in name or "\\" in name:
        name = _MARKS.sub("", name)
    return " ".join(_WORD.findall(name.lower()))


@lru_cache(65536)
def plain_vendor(name: str) -> str:
    """The words of a vendor's name without `The` in front and the legal form behind (`Acme Co., Ltd.`: `acme`)."""
    words = plain(name).split()
    while (behind := _legal_words(words)) and behind < len(words):
        del words[-behind:]
    if len(words) > 1 and words[0] == "the":
        del words[0]
    return " ".join(words)


def _legal_words(words: list[str]) -> int:
    """How many words at the end are a legal form: one, or its letters (`s.r.o.`); 0 for none."""
    letters = 0
    while letters < min(len(words), 4) and len(words[-letters - 1]) == 1:
        letters += 1
    if letters > 1 and "".join(words[-letters:]) in _LEGAL:
        return letters
    return 1 if words and words[-1] in _LEGAL else 0


class Tally:
    """How often each of some names was told, and by how many in all."""

    __slots__ = ("told", "total")

    def __init__(self) -> None:
        """Nobody told anything yet."""
        self.told: dict[str, int] = {}
        self.total = 0

    def add(self, name: str, claims: int) -> None:
        """Count the claims that told a name."""
        self.told[name] = self.told.get(name, 0) + claims
        self.total += claims

    def share(self, name: str) -> float:
        """The part of the claims that told this name, drawn towards nothing while they are few."""
        return self.told.get(name, 0) / (self.total + 0.5)

    def best(self, limit: int) -> list[str]:
        """The names told most often, at most so many."""
        if len(self.told) == 1:
            return list(self.told)
        return sorted(self.told, key=lambda name: (-self.told[name], name))[:limit]


_NOTHING = Tally()


class Names:
    """What the catalog knows of vendors and products. The order of the rows that it is made of does not matter."""

    def __init__(self, known: Iterable[Known] = (), clues: Iterable[Clue] = ()) -> None:
        """A dictionary of these rows; rows of the same name are added up."""
        self.vendors: dict[str, int] = {}
        self.products: dict[str, int] = {}
        self.vendors_of: dict[str, Tally] = {}
        self.products_of: dict[str, Tally] = {}
        self.packages: dict[str, set[str]] = {}
        self._spellings: dict[str, tuple[int, str]] = {}
        self._vendor_clues: dict[str, Tally] = {}
        self._product_clues: dict[str, Tally] = {}
        self._squeezed: dict[str, str] = {}
        self._families: dict[str, Family] = {}
        self._longest: dict[str, int] = {}
        for row in known:
            self.add(row)
        for clue in clues:
            self.add_clue(clue)

    def add(self, row: Known) -> None:
        """Know one more product of a vendor."""
        if row.vendor:
            self.vendors[row.vendor] = self.vendors.get(row.vendor, 0) + row.claims
            self._index(row.vendor, row.vendor_shown, row.claims)
            squeezed = row.vendor.replace(" ", "")
            held = self._squeezed.get(squeezed)
            if held is None or (row.vendor, len(row.vendor)) < (held, len(held)):
                self._squeezed[squeezed] = row.vendor
        if not row.product:
            return
        self.products[row.product] = self.products.get(row.product, 0) + row.claims
        self._index(row.product, row.product_shown, row.claims)
        if row.vendor:
            self.vendors_of.setdefault(row.product, Tally()).add(row.vendor, row.claims)
            self.products_of.setdefault(row.vendor, Tally()).add(row.product, row.claims)
            self._families.pop(row.vendor, None)
        else:
            self.packages.setdefault(row.product, set()).add(row.vendor_shown)

    def add_clue(self, row: Clue) -> None:
        """Know what a clue told once more."""
        if row.vendor:
            self._vendor_clues.setdefault(row.clue, Tally()).add(row.vendor, row.claims)
        if row.product:
            self._product_clues.setdefault(row.clue, Tally()).add(row.product, row.claims)

    def _index(self, name: str, shown: str, claims: int) -> None:
        words = name.split(" ", 1)
        count = name.count(" ") + 1
        if count <= _LONGEST and count > self._longest.get(words[0], 0):
            self._longest[words[0]] = count
        # The commoner spelling is shown; of two as common the one that is first by its letters.
        held = self._spellings.get(name)
        if held is None or (-claims, shown) < (-held[0], held[1]):
            self._spellings[name] = (claims, shown)

    def shown(self, name: str) -> str | None:
        """The usual spelling of a known name."""
        held = self._spellings.get(name)
        return held[1] if held else None

    def vendors_by(self, clue: str) -> Tally:
        """What claims with a clue said of the vendor."""
        return self._vendor_clues.get(clue, _NOTHING)

    def products_by(self, clue: str) -> Tally:
        """What claims with a clue said of the product."""
        return self._product_clues.get(clue, _NOTHING)

    def vendors_making(self, product: str) -> Tally:
        """Who makes a product of this name."""
        return self.vendors_of.get(product, _NOTHING)

    def family(self, vendor: str) -> Family | None:
        """The products of a vendor by their words; None for a vendor of none."""
        family = self._families.get(vendor)
        if family is None and (made := self.products_of.get(vendor)) is not None:
            family = self._families[vendor] = Family(made.told)
        return family

    def knows_vendor(self, name: str) -> bool:
        """Whether the catalog knows a vendor of this name, however its words are divided (`tipsandtricks hq`)."""
        return name in self.vendors or name.replace(" ", "") in self._squeezed

    def vendor_written(self, squeezed: str) -> str | None:
        """The vendor whose name without blanks this is (`paloaltonetworks`)."""
        return self._squeezed.get(squeezed)

    def longest_matches(self, words: list[str], joined: list[bool]) -> Iterable[tuple[int, int]]:
        """The places (first word, past the last) of known names, the longest at each word; `joined[i]`: no full stop
        or other border stands between word i and the next.
        """
        spellings, longest = self._spellings, self._longest
        for start, word in enumerate(words):
            most = longest.get(word)
            if most is None:
                continue
            end = start + 1
            while end < start + most and end < len(words) and joined[end - 1]:
                end += 1
            while end > start:
                if (" ".join(words[start:end]) if end - start > 1 else word) in spellings:
                    yield start, end
                    break
                end -= 1

    def __len__(self) -> int:
        """How many vendors and products there are."""
        return len(self.vendors) + len(self.products)


def package_row(ecosystem: str, name: str, claims: int = 1) -> Known:
    """A package as a product; the namespace that an ecosystem gives its owner is the vendor, else there is none.

    Packagist, Actions and Swift name `owner/name`, npm `@owner/name`, Go the repository; Maven's group names nobody.
    """
    parts = [part for part in name.split("/") if part]
    vendor = ""
    if (ecosystem in _OWNED and len(parts) == 2) or (
        ecosystem == "npm" and name.startswith("@") and len(parts) == 2
    ):
        vendor, name = parts[0].removeprefix("@"), parts[1]
    elif len(parts) > 2 and parts[0] in _FORGES:
        vendor, name = parts[1], parts[2].removesuffix(".git")
    elif ecosystem == "Maven":
        name = name.rpartition(":")[2]
    return Known(plain_vendor(vendor), plain(name), vendor or ecosystem, name, claims)


def rows_of(pairs: Mapping[tuple[str, str], int]) -> list[Known]:
    """Rows of vendors and products as they were written, counted; what is no name is left out."""
    told: dict[tuple[str, str], tuple[int, int, str, str]] = {}
    for (vendor, product), claims in sorted(pairs.items()):
        key = (plain_vendor(vendor), plain(product))
        if not any(key):
            continue
        total, most, vendor_shown, product_shown = told.get(key, (0, 0, vendor, product))
        if claims > most:
            most, vendor_shown, product_shown = claims, vendor, product
        told[key] = (total + claims, most, vendor_shown, product_shown)
    return [Known(*key, shown, also, total) for key, (total, _, shown, also) in told.items()]
