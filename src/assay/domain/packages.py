"""How an ecosystem writes its package names, so that two spellings of one package are one key."""

import re
from functools import lru_cache

# PEP 503, section "Normalized Names": runs of `-`, `_` and `.` are one `-`.
_PYPI_RUN = re.compile(r"[-_.]+")
# Ecosystems whose registries compare names without regard to case.
_CASELESS = frozenset({"NuGet", "Packagist"})


@lru_cache(maxsize=65536)
def normalise_name(ecosystem: str, name: str) -> str:
    """The one spelling of a package's name under which it is kept and looked up.

    PyPI by PEP 503; NuGet and Packagist without case, as their registries compare; otherwise as written.
    A release suffix of the ecosystem (`Debian:12`) does not matter.
    """
    base = ecosystem.partition(":")[0]
    if base == "PyPI":
        return _PYPI_RUN.sub("-", name).lower()
    if base in _CASELESS:
        return name.lower()
    return name


def repository_name(url: str) -> str:
    """A repository's address as a package name: without scheme, `.git` and a trailing slash."""
    return url.partition("://")[2].removesuffix("/").removesuffix(".git") or url
