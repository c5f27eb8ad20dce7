"""The two pieces that all keys are made of, numbers and text, as bytes that order by memcmp as they do themselves.

Every place in a key holds one byte that says what stands there. A number's byte says how many digits follow and lies
between FEWEST and MOST, so that marks below (an end, a pre-release) and above can be given their own bytes by each
ordering family: whatever comes first in the family's order has the lower byte.
"""

from functools import lru_cache

MOST_DIGITS = 128
# The byte of zero, which needs no digits.
_ZERO = 0x20
_LENGTHS = tuple(bytes([_ZERO + length]) for length in range(MOST_DIGITS + 1))

LOWEST_ABOVE_NUMBERS = 0xD0
"""Marks from here on sort after every number."""


@lru_cache(maxsize=8192)
def number(digits: str) -> bytes:
    """A number of any size: how many digits, then the digits, without leading zeros; no digits at all are zero.

    ValueError for more than MOST_DIGITS of them.
    """
    significant = digits.lstrip("0")
    if len(significant) > MOST_DIGITS:
        raise ValueError(f"a number of {len(significant)} digits")
    return _LENGTHS[len(significant)] + significant.encode("ascii")


def text(word: str) -> bytes:
    """ASCII text without NUL in byte order; a word comes before the longer ones that begin with it."""
    return word.encode("ascii") + b"\0"
