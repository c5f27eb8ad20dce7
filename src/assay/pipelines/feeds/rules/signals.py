"""What can be seen of a candidate: the numbers that the ranking weighs. Their order is part of the fitted model."""

from math import log1p

from assay.pipelines.feeds.rules.candidates import Candidate, Found, Link, add_family
from assay.pipelines.feeds.rules.names import Names
from assay.pipelines.feeds.rules.phrases import Phrase, Way

_WAYS = {name: bit for name, bit in vars(Way).items() if name.isupper()}
_BITS = tuple(_WAYS.values())
_NEAR = frozenset(["before", "through", "prior", "version", "versions", "v", "up", "until", "and"])

# Who writes, as their links tell: each has a style of naming.
PUBLISHERS = (
    *(
        "vuldb.com",
        "patchstack.com",
        "wordfence.com",
        "wpscan.com",
        "huntr.com",
        "zerodayinitiative.com",
        "jvn.jp",
    ),
    *("cisa.gov", "git.kernel.org", "oracle.com", "github.com"),
)
SHARED = (
    *(f"by_{host}" for host in PUBLISHERS),
    "by_nobody",
    *(f"way_{name.lower()}" for name in _WAYS),
    *(
        "in_title",
        "in_body",
        "times_title",
        "times_body",
        "first",
        "first_body",
        "capital",
        "words",
        "letters",
    ),
    *("claims", "is_listed", "ways", "phrases", "best_share", "clue_sum", "clue_support", "clue_kinds"),
    *("slug_share", "repository_share", "host_share", "owner_share", "words_share"),
    *(
        "in_links",
        "before_version",
        "contained",
        "contains",
        "count",
        "rank",
        "is_start",
        "is_end",
        "text_words",
    ),
    *("owner_is", "repository_is", "slug_is", "has_digit", "phrase_share", "text_cover", "title_cover"),
)
_VENDOR_OWN = (*SHARED, "made_share", "made_count", "makes", "is_product", "product_inside", "of_many")
_PRODUCT_OWN = (
    *SHARED,
    *(
        "vendor_p",
        "vendor_share",
        "vendor_known",
        "vendor_in_text",
        "is_vendor",
        "begins_vendor",
        "of_best",
        "is_package",
    ),
    *("claims_of_best", "begins_so", "ends_so", "begin_with_vendor", "second_p", "near", "near_place"),
)
# How far a candidate is before the best of the others, in what tells most.
_LED = ("best_share", "clue_sum", "claims", "phrase_share", "text_cover", "title_cover")
_VENDOR_LED = (*_LED, "made_share")
_PRODUCT_LED = (*_LED, "of_best", "vendor_share", "claims_of_best", "near")
VENDOR_SIGNALS = (*_VENDOR_OWN, *(f"{name}_lead" for name in _VENDOR_LED))
PRODUCT_SIGNALS = (*_PRODUCT_OWN, *(f"{name}_lead" for name in _PRODUCT_LED))

Row = list[float]


def vendor_rows(found: Found, names: Names) -> list[tuple[Candidate, Row]]:
    """The signals of every candidate vendor."""
    shared = _Shared(found, names, found.vendors, is_vendor=True)
    products = list(found.products)
    makers: dict[str, tuple[float, int]] = {}
    for product in products:
        tally = names.vendors_making(product)
        if not tally.total or (product in names.vendors and product in tally.told and len(tally.told) > 3):
            continue
        placed = found.products[product].places or found.products[product].ways & (Way.CLUE | Way.SLUG)
        for vendor in tally.told if placed and len(tally.told) < 40 else ():
            best, count = makers.get(vendor, (0.0, 0))
            makers[vendor] = (max(best, tally.share(vendor)), count + 1)
    rows = []
    for candidate in found.vendors.values():
        share, count = makers.get(candidate.name, (0.0, 0))
        made = names.products_of.get(candidate.name)
        row = shared.row(candidate)
        row += (
            share,
            count,
            log1p(len(made.told)) if made else 0.0,
            candidate.name in names.products,
            sum(1 for product in made.told if product in found.products)
            if made and len(made.told) < 500
            else 0,
            len(makers),
        )
        rows.append((candidate, row))
    _add_leads(rows, _VENDOR_LEADING)
    return rows


def product_rows(found: Found, names: Names, vendors: dict[str, float]) -> list[tuple[Candidate, Row]]:
    """The signals of every candidate product, those that the likely vendors add among them; `vendors` are the
    probabilities of the text's vendors.
    """
    nearness = add_family(found, names, vendors)
    nearest = sorted(nearness, key=lambda name: (-nearness[name], name))[:20]
    shared = _Shared(found, names, found.products, is_vendor=False)
    likely = max(vendors, key=lambda name: (vendors[name], name)) if vendors else ""
    best = vendors.get(likely, 0.0)
    second = max((told for name, told in vendors.items() if name != likely), default=0.0)
    of_best, family = names.products_of.get(likely), names.family(likely)
    own_word = family.begin_so(likely.split(" ", 1)[0]) if family else -1.0
    rows = []
    for candidate in found.products.values():
        tally = names.vendors_making(candidate.name)
        made = max((vendors.get(vendor, 0.0) for vendor in tally.told), default=0.0)
        words = candidate.name.split()
        row = shared.row(candidate)
        row += (
            best,
            made,
            likely in names.vendors,
            bool(tally.told.keys() & vendors.keys()),
            vendors.get(candidate.name, 0.0),
            candidate.name.startswith(likely + " ") if likely else 0,
            of_best.share(candidate.name) if of_best else 0.0,
            candidate.name in names.packages,
            log1p(family.claims(candidate.name)) if family else 0.0,
            family.begin_so(words[0]) if family else -1.0,
            family.end_so(words[-1]) if family else -1.0,
            own_word,
            second,
            nearness.get(candidate.name, 0.0),
            nearest.index(candidate.name) if candidate.name in nearest else len(nearest),
        )
        rows.append((candidate, row))
    _add_leads(rows, _PRODUCT_LEADING)
    return rows


_VENDOR_LEADING = tuple(map(_VENDOR_OWN.index, _VENDOR_LED))
_PRODUCT_LEADING = tuple(map(_PRODUCT_OWN.index, _PRODUCT_LED))


def _add_leads(rows: list[tuple[Candidate, Row]], columns: tuple[int, ...]) -> None:
    for column in columns:
        told = sorted((row[column] for _, row in rows), reverse=True)[:2]
        first, second = told[0] if told else 0.0, told[1] if len(told) > 1 else 0.0
        for _, row in rows:
            row.append(row[column] - (second if row[column] == first else first))


class _Shared:
    """What both fields see of a candidate."""

    def __init__(self, found: Found, names: Names, among: dict[str, Candidate], *, is_vendor: bool) -> None:
        """The view on one text's candidates of one field."""
        self.found, self.names = found, names
        self.claims = names.vendors if is_vendor else names.products
        self.told = names.vendors_by if is_vendor else names.products_by
        self.count = len(among)
        by_claims = sorted(among, key=lambda name: (-self.claims.get(name, 0), name))
        self.rank = {name: place for place, name in enumerate(by_claims)}
        padded = {name: f" {name} " for name in among}
        placed = [name for name, one in among.items() if one.places]
        self.within = {
            name: sum(1 for other in placed if other != name and padded[name] in padded[other])
            for name in among
        }
        self.around = {
            name: sum(1 for other in placed if other != name and padded[other] in padded[name])
            for name in among
        }
        self.owners = {link.owner.lower() for link in found.links if link.owner}
        self.repositories = {link.repository.lower() for link in found.links if link.repository}
        self.slugs = {link.slug for link in found.links if link.slug}
        self.hosts = [link.host.split(".") for link in found.links if link.host]
        self.publishers = _publishers(found.links)
        self.words = set(found.words.low)
        self.title = set(found.words.low[: found.words.title_words])
        self.phrase_words = {phrase: phrase.end - phrase.start for phrase in found.phrases}

    def row(self, candidate: Candidate) -> Row:
        """The signals that both fields have."""
        name, ways, words = candidate.name, candidate.ways, self.found.words
        wanted = f" {name} "
        times = words.line.count(wanted)
        title = sum(1 for place in candidate.places if place < words.title_words)
        body = [place for place in candidate.places if place >= words.title_words]
        own = name.split(" ")
        length = len(own)
        squeezed, dashed = name.replace(" ", ""), name.replace(" ", "-")
        row: Row = [*self.publishers, *(1.0 if ways & way else 0.0 for way in _BITS)]
        row += (
            title > 0,
            bool(body),
            title,
            times - title,
            candidate.places[0] if candidate.places else -1,
            body[0] - words.title_words if body else -1,
            self._capital(candidate),
            length,
            len(name),
            log1p(self.claims.get(name, 0)),
            name in self.claims,
            ways.bit_count(),
            len(candidate.phrases),
        )
        row += self._clues(candidate)
        row += (
            sum(1 for host in self.hosts if squeezed in host or dashed in host),
            any(self._before_version(place + length) for place in candidate.places[:3]),
            self.within[name],
            self.around[name],
            self.count,
            self.rank[name],
            any(
                place == phrase.start for phrase in self.found.phrases[:12] for place in candidate.places[:3]
            ),
            any(
                place + length == phrase.end
                for phrase in self.found.phrases[:12]
                for place in candidate.places[:3]
            ),
            len(words),
            dashed in self.owners or squeezed in self.owners,
            dashed in self.repositories or squeezed in self.repositories,
            dashed in self.slugs,
            any(letter.isdigit() for letter in name),
            self._phrase_share(candidate, length),
            sum(map(self.words.__contains__, own)) / length,
            sum(map(self.title.__contains__, own)) / length,
        )
        return row

    def _clues(self, candidate: Candidate) -> Row:
        best = total = 0.0
        support = 0
        kinds = {"slug": 0.0, "repository": 0.0, "host": 0.0, "owner": 0.0, "words": 0.0}
        for clue in candidate.clues:
            tally = self.told(clue)
            share = tally.share(candidate.name)
            kind = clue.partition(":")[0]
            kinds[kind] = max(kinds[kind], share)
            best = max(best, share)
            total += share
            support = max(support, tally.told.get(candidate.name, 0))
        return [best, total, log1p(support), sum(1 for share in kinds.values() if share), *kinds.values()]

    def _capital(self, candidate: Candidate) -> float:
        if not candidate.places:
            return -1.0
        length = candidate.name.count(" ") + 1
        place = candidate.places[0]
        return sum(self.found.words.looks_like_name(index) for index in range(place, place + length)) / length

    def _before_version(self, index: int) -> bool:
        words = self.found.words
        if index >= len(words):
            return False
        return words.raw[index][0].isdigit() or words.low[index] in _NEAR

    def _phrase_share(self, candidate: Candidate, length: int) -> float:
        """The part that the name is of the phrase that it was cut from."""
        best = 0.0
        for phrase in self.found.phrases[:12]:
            if _covers(phrase, candidate.places, length):
                best = max(best, length / self.phrase_words[phrase])
        return best


def _publishers(links: tuple[Link, ...]) -> Row:
    hosts = {".".join(link.host.split(".")[-2:]) for link in links} | {link.host for link in links}
    if not any(link.is_advisory for link in links):
        hosts.discard("github.com")
    told = [1.0 if host in hosts else 0.0 for host in PUBLISHERS]
    return [*told, 0.0 if any(told) else 1.0]


def _covers(phrase: Phrase, places: list[int], length: int) -> bool:
    return any(phrase.start <= place and place + length <= phrase.end for place in places)
