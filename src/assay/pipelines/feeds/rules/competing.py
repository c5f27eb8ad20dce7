"""Whether a text states of two products that do not belong together that they are affected.

A false statement put into a text reads like a true one, so neither is to be believed without a person.
"""

from assay.pipelines.feeds.rules.candidates import Found
from assay.pipelines.feeds.rules.names import Names, plain_vendor
from assay.pipelines.feeds.rules.phrases import Phrase, Way

_STATING = Way.AFFECTS | Way.INSTALLED | Way.VERSION | Way.PLUGIN
_BOUNDS = frozenset(("before", "through", "prior", "up", "until", "earlier", "version", "versions"))
# What a product runs on or belongs to is no second product: `the Foo plugin before 1.2 for WordPress`.
_LONGEST = 6


def states_another(found: Found, names: Names, vendor: str, product: str) -> bool:
    """Whether a statement about affected versions names a product of somebody else than this vendor and product."""
    own = {
        *vendor.split(),
        *product.split(),
        *(word for maker in _makers(names, product) for word in maker.split()),
    }
    return any(
        _is_apart(found, names, phrase, (vendor, product), own)
        for phrase in found.phrases
        if phrase.way & _STATING and phrase.end - phrase.start <= _LONGEST
    )


def _is_apart(found: Found, names: Names, phrase: Phrase, chosen: tuple[str, str], own: set[str]) -> bool:
    vendor, product = chosen
    words = found.words
    said = words.low[phrase.start : phrase.end]
    if own & set(said) or "".join(said) in (vendor.replace(" ", ""), product.replace(" ", "")):
        return False
    if phrase.way & Way.VERSION and (phrase.end >= len(words) or words.low[phrase.end] not in _BOUNDS):
        return False
    name = " ".join(said)
    makers = set(names.vendors_making(name).told)
    if vendor in makers:
        return False
    fronts = (plain_vendor(" ".join(said[:cut])) for cut in range(min(3, len(said) - 1), 0, -1))
    return bool(makers) or any(front in names.vendors for front in fronts)


def _makers(names: Names, product: str) -> list[str]:
    return names.vendors_making(product).best(3)
