"""Names that a text may be about: each with how it was found and where it stands."""

import re
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from assay.pipelines.feeds.model.extraction import Prose, Quote
from assay.pipelines.feeds.rules.names import Names, plain, plain_vendor
from assay.pipelines.feeds.rules.phrases import Phrase, Way, find_phrases
from assay.pipelines.feeds.rules.words import Words

_MOST_LINKS = 24
_MOST_PHRASES = 20
_MOST_CANDIDATES = 40
_MOST_TOLD = 5
_MOST_SAID = 6
_MOST_WORDS = 12

_FORGES = frozenset(("github.com", "gitlab.com", "gitee.com", "bitbucket.org", "codeberg.org"))
_NO_OWNERS = frozenset(("advisories", "orgs", "topics", "security-advisories", "search", "sponsors", "users"))
_SLUGS = (
    re.compile(r"plugins\.(?:trac|svn)\.wordpress\.org/(?:browser/|changeset/\d+/)?([a-z0-9-]{3,})"),
    re.compile(r"[?&](?:old|new)=\d+(?:%40|@)([a-z0-9-]{3,})"),
    re.compile(r"wordpress\.org/(?:plugins|themes)/([a-z0-9-]{3,})"),
    re.compile(r"patchstack\.com/database/(?:vulnerability|wordpress/(?:plugin|theme))/([a-z0-9-]{3,})"),
)
_MODEL = re.compile(r"(?=[^\d]*[a-z])(?=[^a-z]*\d|[a-z ]*\d)[a-z0-9 ]+(?<! firmware)")
_NO_SLUGS = frozenset(("browser", "changeset", "log", "export"))


class Link(NamedTuple):
    """What a link tells: its host without `www.`, a repository's owner and name, a plugin's slug; "" for none.

    `is_advisory` says that it leads to a security advisory of that repository.
    """

    host: str
    owner: str
    repository: str
    slug: str
    is_advisory: bool


class Candidate:
    """A name for one field. `name` is normalised; `phrases` are the places at which a sentence names it."""

    __slots__ = ("clues", "name", "phrases", "places", "shown", "ways")

    def __init__(self, name: str) -> None:
        """A name that was found nowhere yet."""
        self.name = name
        self.ways = 0
        self.places: list[int] = []
        self.phrases: list[Phrase] = []
        self.shown: str | None = None
        self.clues: list[str] = []


class Found(NamedTuple):
    """The candidates of one text, and what they were found by."""

    words: Words
    links: tuple[Link, ...]
    phrases: tuple[Phrase, ...]
    clues: tuple[str, ...]
    vendors: dict[str, Candidate]
    products: dict[str, Candidate]


def read_link(address: str) -> Link:
    """What an address tells of vendors and products."""
    try:
        parts = urlsplit(address)
        host = (parts.hostname or "").removeprefix("www.")
    except ValueError:
        return Link("", "", "", "", is_advisory=False)
    owner = repository = slug = ""
    if host in _FORGES:
        pieces = [unquote(piece) for piece in parts.path.split("/") if piece]
        if len(pieces) > 1 and pieces[0].lower() not in _NO_OWNERS:
            owner, repository = pieces[0], pieces[1].removesuffix(".git")
    elif "wordpress" in address or "patchstack" in address:
        for pattern in _SLUGS:
            hit = pattern.search(address)
            if hit and hit[1] not in _NO_SLUGS:
                slug = hit[1]
                break
    return Link(host, owner, repository, slug, is_advisory=bool(owner) and "/security/advisories" in address)


def read_links(prose: Prose) -> tuple[Link, ...]:
    """What a text's links tell, each once."""
    return tuple(dict.fromkeys(read_link(address) for address in prose.links[:_MOST_LINKS]))


def find_candidates(prose: Prose, names: Names) -> Found:
    """Every name that this text may be about."""
    words = Words(prose)
    links = read_links(prose)
    phrases = tuple(find_phrases(words))
    clues = tuple(find_clues(words, links, phrases))
    found = Found(words, links, phrases, clues, {}, {})
    _add_listed(found, names)
    _add_phrases(found, names)
    _add_links(found, names)
    _add_clues(found, names)
    _add_relatives(found, names)
    for candidates in (found.vendors, found.products):
        for candidate in candidates.values():
            candidate.places = words.places(candidate.name, 6)
    return found


def find_clues(words: Words, links: tuple[Link, ...], phrases: tuple[Phrase, ...]) -> list[str]:
    """What of this text may have led to a vendor or product before, most telling first."""
    clues: dict[str, None] = {}
    for link in links:
        if link.slug:
            clues[f"slug:{link.slug}"] = None
        elif link.owner:
            clues[f"repository:{link.owner}/{link.repository}".lower()] = None
            clues[f"owner:{link.owner}".lower()] = None
        elif link.host:
            clues[f"host:{link.host}"] = None
    said: dict[str, None] = {}
    for phrase in phrases[:_MOST_PHRASES]:
        if phrase.end - phrase.start <= _MOST_WORDS:
            said["words:" + " ".join(words.low[phrase.start : phrase.end])] = None
    return [*clues, *list(said)[:_MOST_SAID]]


def _add(
    candidates: dict[str, Candidate], name: str, way: int, phrase: Phrase | None = None
) -> Candidate | None:
    if len(name) < 2 or len(name) > 120:
        return None
    candidate = candidates.get(name)
    if candidate is None:
        candidate = candidates[name] = Candidate(name)
    candidate.ways |= way
    if phrase is not None:
        candidate.phrases.append(phrase)
    return candidate


def _add_listed(found: Found, names: Names) -> None:
    words = found.words
    for start, end in names.longest_matches(words.low, words.joined):
        name = " ".join(words.low[start:end]) if end - start > 1 else words.low[start]
        # A common word counts where it is written as a name, or where it begins a sentence that names it.
        if not any(words.looks_like_name(index) for index in range(start, end)) and len(name) < 4:
            continue
        if name in names.vendors and len(found.vendors) < _MOST_CANDIDATES:
            _add(found.vendors, name, Way.LISTED)
        if name in names.products and len(found.products) < _MOST_CANDIDATES:
            _add(found.products, name, Way.LISTED)


def _add_phrases(found: Found, names: Names) -> None:
    words = found.words
    seen = {" ".join(words.low[phrase.start : phrase.end]) for phrase in found.phrases}
    for phrase in found.phrases[:_MOST_PHRASES]:
        start, end, way = phrase
        whole = " ".join(words.low[start:end])
        _add(found.products, whole, way, phrase)
        vendor = plain_vendor(words.written(start, end))
        if end - start <= 5:
            _add(found.vendors, vendor, way, phrase)
        for cut in range(1, min(end - start, 5)):
            if not (words.closes(start, start + cut) and words.closes(start + cut, end)):
                continue
            rest = " ".join(words.low[start + cut : end])
            front = " ".join(words.low[start : start + cut])
            is_vendor = front in names.vendors
            _add(
                found.products, rest, Way.PART | (Way.REST if is_vendor else 0), Phrase(start + cut, end, way)
            )
            is_rest = rest in seen or rest in names.products
            if cut <= 3 or is_rest or is_vendor:
                _add(
                    found.vendors,
                    plain_vendor(front),
                    Way.PART | (Way.REST if is_rest else 0),
                    Phrase(start, start + cut, way),
                )
        for cut in range(1, min(end - start, 3)):
            if not words.closes(start, end - cut):
                continue
            _add(
                found.products,
                " ".join(words.low[start : end - cut]),
                Way.PART,
                Phrase(start, end - cut, way),
            )
    _add_firmware(found)


def _add_firmware(found: Found) -> None:
    # CISA names the firmware of a device that the text names by its model: `R6850` is `r6850_firmware`.
    for name, candidate in list(found.products.items()):
        if _MODEL.fullmatch(name) and candidate.phrases and len(name) < 40:
            firmware = _add(found.products, f"{name} firmware", candidate.ways | Way.FIRMWARE)
            if firmware is not None:
                firmware.shown = f"{candidate.name} firmware"


def _add_links(found: Found, names: Names) -> None:
    for link in found.links:
        if link.owner:
            way = Way.REPOSITORY | Way.ADVISED if link.is_advisory else Way.REPOSITORY
            _shown(_add(found.vendors, plain_vendor(link.owner), way), link.owner)
            _shown(_add(found.products, plain(link.repository), way), link.repository)
            _add(found.vendors, plain_vendor(link.repository), Way.REPOSITORY | Way.PART)
        if link.slug:
            _shown(_add(found.products, plain(link.slug), Way.SLUG), link.slug)
            _add(found.vendors, plain(link.slug), Way.SLUG)
        for label in link.host.split(".")[-3:-1]:
            vendor = names.vendor_written(label.replace("-", ""))
            if vendor is not None and link.host not in _FORGES:
                _add(found.vendors, vendor, Way.HOST)


def _shown(candidate: Candidate | None, shown: str) -> None:
    if candidate is not None and candidate.shown is None:
        candidate.shown = shown


def _add_clues(found: Found, names: Names) -> None:
    for clue in found.clues:
        for name in names.vendors_by(clue).best(_MOST_TOLD):
            candidate = _add(found.vendors, name, Way.CLUE)
            if candidate is not None:
                candidate.clues.append(clue)
        for name in names.products_by(clue).best(_MOST_TOLD):
            candidate = _add(found.products, name, Way.CLUE)
            if candidate is not None:
                candidate.clues.append(clue)


def _add_relatives(found: Found, names: Names) -> None:
    for product in list(found.products):
        for vendor in names.vendors_making(product).best(3):
            _add(found.vendors, vendor, Way.MADE_BY)


def quotes_of(words: Words, candidate: Candidate, limit: int = 3) -> tuple[Quote, ...]:
    """Where a candidate stands in the text, the first places."""
    length = candidate.name.count(" ") + 1
    return tuple(words.quote(place, place + length) for place in candidate.places[:limit])
