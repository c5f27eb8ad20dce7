"""Which watched products a text, a record or an extraction touches. Rather one too many than one too few."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from assay.domain.packages import normalise_name
from assay.domain.purl import read_purl
from assay.pipelines.feeds.model.products import Watched
from assay.pipelines.feeds.rules.names import plain, plain_vendor

_WORD = re.compile(r"[^\W_]+")
# What stands behind a vendor's name besides its legal form, and tells no two vendors apart.
_BEHIND = frozenset(
    ("software", "systems", "technologies", "technology", "project", "team", "group", "international", "org")
)
_NOBODY = frozenset(("", "n a", "na", "unknown", "unspecified", "various", "multiple"))
# Words that say of which ecosystem a package is. A package may be called like a word of every day (`requests`).
_HINTS = {
    "PyPI": frozenset(("pypi", "pip", "python", "django")),
    "npm": frozenset(("npm", "npmjs", "node", "nodejs", "javascript", "js", "yarn")),
    "Maven": frozenset(("maven", "java", "gradle", "jar")),
    "Go": frozenset(("golang", "go")),
    "RubyGems": frozenset(("ruby", "gem", "rubygems", "rails")),
    "crates.io": frozenset(("rust", "crate", "cargo", "crates")),
    "Packagist": frozenset(("php", "composer", "packagist")),
    "NuGet": frozenset(("nuget", "net", "dotnet", "csharp")),
}
_ANY_PACKAGE = frozenset(("package", "packages", "library", "module", "dependency", "plugin"))


def words_of(name: str) -> tuple[str, ...]:
    """The words of a name, in small letters and without marks."""
    return tuple(plain(name).split())


def vendor_words(name: str) -> tuple[str, ...]:
    """The same of a vendor, without what stands behind the name of every other one; empty for nobody."""
    if plain(name) in _NOBODY:
        return ()
    words = plain_vendor(name).split()
    while len(words) > 1 and words[-1] in _BEHIND:
        words = plain_vendor(" ".join(words[:-1])).split()
    return tuple(words)


class _Phrase(NamedTuple):
    """Words that a text must have one after another, and others of which it must have all, and one of the last."""

    id: int
    words: tuple[str, ...]
    beside: tuple[str, ...]
    hints: frozenset[str]


class _Product(msgspec.Struct):
    vendor: str | None = None
    product: str | None = None


class _Assay(msgspec.Struct):
    products: list[_Product] = []


class _Own(msgspec.Struct):
    assay: _Assay = msgspec.field(default_factory=_Assay)


class _Package(msgspec.Struct):
    ecosystem: str
    name: str


class _Affected(msgspec.Struct):
    package: _Package | None = None


class _Document(msgspec.Struct):
    """What is read of a finished document."""

    affected: list[_Affected] = []
    database_specific: _Own = msgspec.field(default_factory=_Own)


_decode = msgspec.json.Decoder(_Document).decode


class Watch:
    """Everything that is watched, ready to be compared with. It does not change."""

    def __init__(self, products: Iterable[Watched]) -> None:
        """A watch of these products; a purl that names no package is left out."""
        self._vendors: dict[tuple[str, ...], set[int]] = {}
        self._products: dict[tuple[str, ...], list[tuple[tuple[str, ...], int]]] = {}
        self._packages: dict[tuple[str, str], list[tuple[str, int]]] = {}
        self._phrases: dict[str, list[_Phrase]] = {}
        self.products = tuple(products)
        for one in self.products:
            self._add(one)

    def __len__(self) -> int:
        """How many products are watched."""
        return len(self.products)

    def _add(self, one: Watched) -> None:
        if one.purl is not None:
            self._add_package(one.id, one.purl)
            return
        vendor = vendor_words(one.vendor or "")
        product = words_of(one.product or "")
        if product:
            # `Apache HTTP Server` of Apache is its `http_server`.
            bare = product[len(vendor) :] if vendor and product[: len(vendor)] == vendor else product
            self._products.setdefault(bare or product, []).append((vendor, one.id))
            self._say(_Phrase(one.id, bare or product, vendor, frozenset()))
        elif vendor:
            self._vendors.setdefault(vendor, set()).add(one.id)
            self._say(_Phrase(one.id, vendor, (), frozenset()))

    def _add_package(self, key: int, purl: str) -> None:
        read = read_purl(purl)
        if read is None:
            return
        base, _, release = read[0].partition(":")
        self._packages.setdefault((base, normalise_name(base, read[1])), []).append((release, key))
        words = words_of(read[1])
        if not words:
            return
        is_plain = len(words) == 1 and read[1].isalpha()
        hints = _HINTS.get(base, frozenset()) | _ANY_PACKAGE if is_plain else frozenset()
        self._say(_Phrase(key, words, (), hints))

    def _say(self, phrase: _Phrase) -> None:
        self._phrases.setdefault(phrase.words[0], []).append(phrase)

    def touches(
        self,
        text: str = "",
        names: Iterable[tuple[str | None, str | None]] = (),
        packages: Iterable[tuple[str, str]] = (),
    ) -> frozenset[int]:
        """The watched products that something touches.

        `text` is prose, `names` are (vendor, product) pairs, `packages` (ecosystem, name) pairs as OSV writes them.
        """
        found: set[int] = set(self._in_text(text)) if text else set()
        if self._vendors or self._products:
            for vendor, product in names:
                found.update(self._named(vendor_words(vendor or ""), words_of(product or "")))
        if self._packages:
            for ecosystem, name in packages:
                found.update(self._packaged(ecosystem, name))
        return frozenset(found)

    def touched_by(self, document: bytes) -> frozenset[int]:
        """The watched products that a vulnerability touches, by its finished document."""
        read = _decode(document)
        packages = {(one.package.ecosystem, one.package.name) for one in read.affected if one.package}
        names = {(one.vendor, one.product) for one in read.database_specific.assay.products}
        return self.touches("", names, packages)

    def _named(self, vendor: tuple[str, ...], product: tuple[str, ...]) -> Iterator[int]:
        yield from self._vendors.get(vendor, ())
        bare = product[len(vendor) :] if vendor and product[: len(vendor)] == vendor else ()
        for words in {product, bare} - {()}:
            for theirs, key in self._products.get(words, ()):
                if not vendor or not theirs or _are_one(vendor, theirs):
                    yield key

    def _packaged(self, ecosystem: str, name: str) -> Iterator[int]:
        base, _, release = ecosystem.partition(":")
        for wanted, key in self._packages.get((base, normalise_name(base, name)), ()):
            if not wanted or not release or wanted == release:
                yield key

    def _in_text(self, text: str) -> Iterator[int]:
        words = tuple(_WORD.findall(unicodedata.normalize("NFKC", text).lower()))
        every: frozenset[str] | None = None
        for start, word in enumerate(words):
            for phrase in self._phrases.get(word, ()):
                if words[start : start + len(phrase.words)] != phrase.words:
                    continue
                if every is None:
                    every = frozenset(words)
                if every.issuperset(phrase.beside) and (
                    not phrase.hints or not every.isdisjoint(phrase.hints)
                ):
                    yield phrase.id


def _are_one(left: Sequence[str], right: Sequence[str]) -> bool:
    """Whether two names may be the same vendor's: one may be the beginning of the other (`Apache`, `Apache Tomcat`)."""
    most = min(len(left), len(right))
    return left[:most] == right[:most]
