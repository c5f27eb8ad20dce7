"""Names of vendors and products as the dictionary keeps them, and what led to them."""

from typing import NamedTuple


class Known(NamedTuple):
    """A product of a vendor, both normalised, their usual spellings, and how many claims speak of it.

    A package stands under the vendor "" with its ecosystem for the spelling.
    """

    vendor: str
    product: str
    vendor_shown: str
    product_shown: str
    claims: int


class Clue(NamedTuple):
    """What claims that carried a clue (`host:git.kernel.org`, `words:linux kernel`) named, and how many did."""

    clue: str
    vendor: str
    product: str
    claims: int
