"""Which product of a vulnerability record an app is, how sure that is, and whether its version is affected.

There is no ecosystem of Splunk apps in OSV, and no record names an app by its folder: CVE records name products of
the vendor Splunk by their titles. So titles are compared with an app's label and folder, and the answer says how sure
it is.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

VENDOR = "splunk"
_ITSELF = frozenset(("splunk", "splunkenterprise"))
# The service that Splunk runs for others has no `etc/` that anybody could upload.
_HOSTED = frozenset(("splunkcloud", "splunkcloudplatform"))
# Words that every other title of an app has.
_COMMON = frozenset(("splunk", "app", "apps", "add", "on", "addon", "for", "the", "ta", "sa", "da"))
_BRACKETED = re.compile(r"\([^)]*\)")
_WORD = re.compile(r"[a-z0-9]+")
# Matches ">= 9.2", "< 9.2.3", "<= 4" and "9.1"; a version of "-" is the beginning of all.
_CONDITION = re.compile(r"(>=|<=|<|>|)\s*(-|v?\d+(?:\.\d+)*)(?:[-+ ].*)?")
_NUMBERS = re.compile(r"v?(\d+(?:\.\d+)*)")
_SHORTEST_NEAR = 8


class Likeness(NamedTuple):
    """How an app is a product: the reason, and how sure it is, from 0 to 1."""

    why: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a version is affected; None where that cannot be told. `fixed` ends the range that it lies in."""

    is_affected: bool | None
    fixed: str | None = None


def likeness(product: str, folder: str, label: str | None) -> Likeness | None:
    """How much an app is the product of a record, None where it is another; without a folder it is Splunk itself."""
    title = _spelt(product)
    if not folder:
        return Likeness("Splunk's own version", 0.95) if title in _ITSELF else None
    if not title or title in _ITSELF | _HOSTED:
        return None
    if _spelt(label or "") == title:
        return Likeness("its label is the product's name", 0.9)
    if _spelt(folder) == title:
        return Likeness("its folder is the product's name", 0.85)
    core = _core(product)
    if len("".join(core)) >= _SHORTEST_NEAR and core in (_core(label or ""), _core(folder)):
        return Likeness("its name is nearly the product's", 0.6)
    return None


def _words(text: str) -> list[str]:
    return _WORD.findall(_BRACKETED.sub(" ", text).lower())


def _spelt(text: str) -> str:
    return "".join(_words(text))


def _core(text: str) -> tuple[str, ...]:
    return tuple(word for word in _words(text) if word not in _COMMON)


def standing(version: str | None, ranges: Sequence[str], default: str | None = None) -> Standing:
    """Whether a version lies in one of the ranges, as CVE records write them: `>= 9.2, < 9.2.3`, `9.1`, `*`."""
    mine = _numbers(version or "")
    if not ranges:
        return Standing(True if default == "affected" else None)
    is_unclear = False
    for text in ranges:
        said = None if mine is None else _lies_in(mine, text)
        if said is None:
            is_unclear = True
        elif said.is_affected:
            return said
    return Standing(None if is_unclear else False)


def _lies_in(mine: tuple[int, ...], text: str) -> Standing | None:
    """None for a range that cannot be read."""
    if text.strip() == "*":
        return Standing(is_affected=True)
    fixed = None
    for part in text.split(","):
        found = _CONDITION.fullmatch(part.strip())
        if found is None:
            return None
        sign, bound = found.groups()
        limit = _numbers(bound) if bound != "-" else ()
        if limit is None or not _holds(mine, sign, limit):
            return None if limit is None else Standing(is_affected=False)
        if sign == "<":
            fixed = bound
    return Standing(is_affected=True, fixed=fixed)


def _holds(mine: tuple[int, ...], sign: str, limit: tuple[int, ...]) -> bool:
    if limit == ():
        # Everything begins after nothing.
        return sign in (">=", ">", "")
    return {">=": mine >= limit, "<=": mine <= limit, "<": mine < limit, ">": mine > limit}.get(
        sign, mine == limit
    )


def _numbers(text: str) -> tuple[int, ...] | None:
    """A version of numbers, without the zeros at its end; None for another."""
    found = _NUMBERS.match(text.strip())
    if found is None or len(found[1]) > 100:
        return None
    numbers = [int(part) for part in found[1].split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def most_certain(found: Iterable[tuple[Likeness, Standing]]) -> tuple[Likeness, Standing] | None:
    """Of the products of one record that which tells most: affected before unclear, then the surest."""
    told = [one for one in found if one[1].is_affected is not False]
    return max(told, key=lambda one: (one[1].is_affected is True, one[0].confidence), default=None)
