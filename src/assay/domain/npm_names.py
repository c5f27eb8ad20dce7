"""How npm's package managers write a package and the version that is asked for."""

import re

from assay.errors import BadRecord

# semver.org, "Is there a suggested regular expression": here without its groups.
_SEMVER = re.compile(
    r"v?(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?"
)

_NAME = re.compile(r"(?:@[^/]+/)?[^\s:@\\/]+")


def split_descriptor(text: str) -> tuple[str, str]:
    """`@babel/core` and `^7.0.0` of `@babel/core@^7.0.0`; nothing after a name that stands alone."""
    at = text.find("@", 1)
    return (text, "") if at < 0 else (text[:at], text[at + 1 :])


def real_name(name: str, wanted: str) -> tuple[str, str | None]:
    """The registry's name and the alias for `alias@npm:name@1`: (`name`, `alias`); otherwise (name, None)."""
    if wanted.startswith("npm:"):
        other, _ = split_descriptor(wanted.removeprefix("npm:"))
        if other and other != name and not _SEMVER.fullmatch(other) and re.match(r"@?[A-Za-z_.-]", other):
            return other, name
    return name, None


def is_version(text: str) -> bool:
    """Whether a text is one exact version (SemVer 2.0.0, 2 and 9 to 11) and not a range, tag or address."""
    return _SEMVER.fullmatch(text) is not None


def checked_name(name: str) -> str:
    """The name, if a registry could hold it: `name` or `@scope/name`, without spaces (npm's names of old had case)."""
    if _NAME.fullmatch(name) is None:
        raise BadRecord("bad-name", f"{name[:80]!r} is no npm package name")
    return name
