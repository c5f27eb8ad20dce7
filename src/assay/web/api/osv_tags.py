"""Whether a text that is no version names one of those that a record lists (osv.dev, versionIsMatchString).

The same text does; so does one with the same numbers (`v1.2.3`, `release-1_2_3`), or the same but for case and
punctuation.
"""

import re
from collections.abc import Sequence

# A word counts only where no letter stands before it: `rc1`, but not the end of `arc1`.
_COMPONENT = re.compile(r"[0-9]+|(?<![a-z])(?:rc|alpha|beta|preview)[0-9]*", re.IGNORECASE)
_PUNCTUATION = re.compile(r"[-_.]+")
_NO_DIGIT = re.compile(r"[^0-9]+")


def names_one_of(version: str, listed: Sequence[str], repository: str = "") -> bool:
    """Whether the text names one of the listed versions; tags may begin with the name of their `repository`."""
    if version in listed:
        return True
    prefixes = _prefixes(repository)
    tag, text, digits = _normalised(version), _collapsed(version), _NO_DIGIT.sub("", version)
    for other in listed:
        bare = _without(other, prefixes) if prefixes else other
        # Both forms keep the digits, so most versions are done with quickly.
        if _NO_DIGIT.sub("", bare).lstrip("0") == digits.lstrip("0") and (
            _normalised(bare) == tag or _collapsed(bare) == text
        ):
            return True
    return False


def _collapsed(version: str) -> str:
    return _PUNCTUATION.sub("-", version.lower())


def _normalised(tag: str) -> str:
    """`1-2-3-rc1` for `v1.2.3-rc1`; the tag itself where it has no number."""
    tag = f"0{tag}" if tag.startswith(".") else tag
    return "-".join(_COMPONENT.findall(tag)) or tag


def _prefixes(repository: str) -> tuple[str, ...]:
    """The organisation and the repository of `github.com/eclipse-openj9/openj9`, whose tags are `openj9-0.8.0`."""
    parts = repository.lower().split("/")
    return (*parts[-2:], "-") if len(parts) > 1 else ()


def _without(tag: str, prefixes: tuple[str, ...]) -> str:
    for prefix in prefixes:
        tag = tag.removeprefix(prefix)
    return tag
