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
    """Whether a statement about affected versions names a product that does not belong to this vendor and product:
    somebody else's, or one of this vendor's own beside a product that it is not known to make.
    """
    makers = names.vendors_making(product)
    own = {*vendor.split(), *(word for maker in makers.best(3) for word in maker.split())}
    is_made = vendor in makers.told
    for phrase in found.phrases:
        said = _stated(found, phrase)
        if said and not set(said) & set(product.split()):
            if own.isdisjoint(said) and _is_anothers(names, said, vendor, product):
                return True
            if not is_made and _is_of(names, said, vendor):
                return True
    return False


def _stated(found: Found, phrase: Phrase) -> list[str]:
    """The words of a name that a phrase says is affected; none where it says nothing of the kind."""
    words = found.words
    if not phrase.way & _STATING or phrase.end - phrase.start > _LONGEST:
        return []
    if phrase.way & Way.VERSION and (phrase.end >= len(words) or words.low[phrase.end] not in _BOUNDS):
        return []
    return words.low[phrase.start : phrase.end]


def _is_anothers(names: Names, said: list[str], vendor: str, product: str) -> bool:
    if "".join(said) in (vendor.replace(" ", ""), product.replace(" ", "")):
        return False
    makers = names.vendors_making(" ".join(said)).told
    if vendor in makers:
        return False
    fronts = (plain_vendor(" ".join(said[:cut])) for cut in range(min(3, len(said) - 1), 0, -1))
    return bool(makers) or any(front in names.vendors for front in fronts)


def _is_of(names: Names, said: list[str], vendor: str) -> bool:
    length = vendor.count(" ") + 1
    rest = said[length:] if " ".join(said[:length]) == vendor else said
    return (
        vendor in names.vendors_making(" ".join(said)).told
        or vendor in names.vendors_making(" ".join(rest)).told
    )
