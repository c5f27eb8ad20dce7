"""What a version in a range may look like, and which spellings of zero mean everything or nothing."""

import re

# 128: the longest version in 15,038 real ranges has 43 characters; a bound keeps hostile text cheap.
_VERSION = re.compile(r"(?=[^0-9]*[0-9])[0-9A-Za-z][0-9A-Za-z.+_~!-]{0,127}")
_BRANCH = re.compile(r"dev-[0-9A-Za-z._/+-]{1,124}")
_BEFORE_ZERO = re.compile(
    r"[vV]?0(?:\.0)*(?:[-.]?(?:a|alpha|b|beta|c|rc|pre|dev|m|milestone|snapshot)[-.]?[0-9]*)?", re.IGNORECASE
)


def version_of(text: str) -> str:
    """The text if it can be a version: with a digit or a Composer branch, without foreign characters."""
    if _VERSION.fullmatch(text) or _BRANCH.fullmatch(text):
        return text
    raise ValueError(f"{text[:60]!r} is no version")


def is_nought(version: str) -> bool:
    """Whether it is the bare `0` that no package has: "below 0" is how GitLab says "not affected".

    Only so: `<v0.0.0` (go/github.com/square/squalor, fixed in v0.0.0) means the pseudo-versions before it.
    """
    return version == "0"


def begins_before_all(version: str) -> bool:
    """Whether "from here on" means everything: zero, or zero's pre-releases.

    229 real records begin at `0.0.0-alpha`, `0.0a` or the like, and all are described as "All versions".
    """
    return _BEFORE_ZERO.fullmatch(version) is not None
