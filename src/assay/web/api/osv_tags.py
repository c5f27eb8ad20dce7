"""Whether a text that is no version names one of those that a record lists (osv.dev, versionIsMatchString).

The same text does; so does one with the same numbers (`v1.2.3`, `release-1_2_3`), or the same but for case and
punctuation.
"""

import re
from collections.abc import Iterable

# A word counts only where no letter stands before it: `rc1`, but not the end of `arc1`.
_COMPONENT = re.compile(r"[0-9]+|(?<![a-z])(?:rc|alpha|beta|preview)[0-9]*", re.IGNORECASE)
_PUNCTUATION = re.compile(r"[-_.]+")


def names_one_of(version: str, listed: Iterable[str], repository: str = "") -> bool:
    """Whether the text names one of the listed versions; tags may begin with the name of their `repository`."""
    prefixes = _prefixes(repository)
    forms = _forms(version)
    return any(
        version == other or not forms.isdisjoint(_forms(_without(other, prefixes))) for other in listed
    )


def _forms(version: str) -> set[tuple[str, str]]:
    return {("tag", _normalised(version)), ("text", _PUNCTUATION.sub("-", version.lower()))}


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
