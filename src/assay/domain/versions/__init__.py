"""Version keys: bytes whose memcmp order is the order in which an ecosystem puts its versions.

key            ecosystem and version -> key, or None: unknown, which is never "not affected"
keys           the same for several versions
family_of      ecosystem -> the ordering family that it belongs to
one module for each family, named by it

Keys are stored, so ENCODER_VERSION rises whenever any key changes; what was stored under another one is encoded again.
"""

from collections.abc import Callable, Iterable
from enum import StrEnum
from functools import lru_cache, partial

from assay.domain.versions import (
    alpine,
    cran,
    debian,
    hackage,
    maven,
    nuget,
    packagist,
    pub,
    pypi,
    rpm,
    rubygems,
    semver,
)

ENCODER_VERSION = 2

LONGEST_VERSION = 512
"""Characters; the longest version in 35,304 OSV records has 53."""
LONGEST_KEY = 512
"""Bytes; a row of a PostgreSQL index holds 2,704, and an index entry has two keys and names."""


class Family(StrEnum):
    """An order of versions, named after the tool or ecosystem that defines it."""

    SEMVER = "semver"
    PUB = "pub"
    PYPI = "pypi"
    MAVEN = "maven"
    RUBYGEMS = "rubygems"
    NUGET = "nuget"
    PACKAGIST = "packagist"
    DEBIAN = "debian"
    RPM = "rpm"
    ALPINE = "alpine"
    CRAN = "cran"
    HACKAGE = "hackage"


ENCODERS: dict[Family, Callable[[str], bytes]] = {
    Family.SEMVER: semver.encode,
    Family.PUB: pub.encode,
    Family.PYPI: pypi.encode,
    Family.MAVEN: maven.encode,
    Family.RUBYGEMS: rubygems.encode,
    Family.NUGET: nuget.encode,
    Family.PACKAGIST: packagist.encode,
    Family.DEBIAN: debian.encode,
    Family.RPM: rpm.encode,
    Family.ALPINE: alpine.encode,
    Family.CRAN: cran.encode,
    Family.HACKAGE: hackage.encode,
}
"""What makes a version's key in each family; ValueError for text that is no version there."""

# OSV schema 1.7, "Defined ecosystems". Not here, because nothing defines their order: Android, ConanCenter, FreeBSD,
# GIT, Kubernetes, Linux, OSS-Fuzz, Photon OS, and Root, whose builds of one version differ in SemVer's build metadata.
_MEMBERS = {
    Family.SEMVER: (
        "npm", "crates.io", "Go", "Hex", "SwiftURL", "Julia", "Bitnami", "VSCode", "GitHub Actions",
    ),
    Family.PUB: ("Pub",),
    Family.PYPI: ("PyPI",),
    Family.MAVEN: ("Maven",),
    Family.RUBYGEMS: ("RubyGems",),
    Family.NUGET: ("NuGet",),
    Family.PACKAGIST: ("Packagist",),
    Family.DEBIAN: ("Debian", "Ubuntu", "opam", "Echo"),
    Family.RPM: (
        "Red Hat", "AlmaLinux", "Rocky Linux", "SUSE", "openSUSE", "Mageia", "openEuler", "Azure Linux",
    ),
    Family.ALPINE: (
        "Alpine", "Wolfi", "Chainguard", "Alpaquita", "BellSoft Hardened Containers", "MinimOS", "CleanStart",
    ),
    Family.CRAN: ("CRAN", "Bioconductor"),
    Family.HACKAGE: ("Hackage", "GHC"),
}  # fmt: skip
_FAMILIES = {ecosystem: family for family, members in _MEMBERS.items() for ecosystem in members}

# Rebuilders of other ecosystems' packages: what follows the colon says whose order counts.
_REBUILDERS = frozenset({"Docker Hardened Images", "TuxCare"})
# Echo numbers its npm builds in the build metadata (`1.2.3+echo.1`), which Pub's order compares and SemVer's does not.
_ECHO = {"pypi": Family.PYPI, "maven": Family.MAVEN, "npm": Family.PUB}


@lru_cache(maxsize=1024)
def family_of(ecosystem: str) -> Family | None:
    """The order that an OSV ecosystem's versions have, None where none is defined or the ecosystem is not known.

    A release behind a colon (`Debian:12`) does not matter, but for ecosystems that rebuild others' packages
    (`TuxCare:npm`, `Docker Hardened Images:Alpine:3.23`, `Echo:PyPI`).
    """
    name, _, rest = ecosystem.partition(":")
    if name in _REBUILDERS:
        inner = rest.partition(":")[0]
        return None if inner in _REBUILDERS else _FAMILIES.get(inner)
    if name == "Echo":
        return _ECHO.get(rest.lower(), Family.DEBIAN)
    return _FAMILIES.get(name)


def key(ecosystem: str, version: str) -> bytes | None:
    """The version's key, None for *unknown*: text that is no version there, or an ecosystem without an order.

    Two versions that the ecosystem calls equal have the same key. A key is never empty: `b""` is left for the bound
    below everything, OSV's `introduced: 0`. Never raises, whatever the text.
    """
    return _encoder(ecosystem)(version) if len(version) <= LONGEST_VERSION else None


def keys(ecosystem: str, versions: Iterable[str]) -> list[bytes | None]:
    """The key of each version, as `key` has it."""
    encode = _encoder(ecosystem)
    return [encode(version) if len(version) <= LONGEST_VERSION else None for version in versions]


def family_key(family: Family, version: str) -> bytes | None:
    """The version's key in a family's order, None for *unknown*."""
    return _KEYS[family](version) if len(version) <= LONGEST_VERSION else None


@lru_cache(maxsize=1024)
def _encoder(ecosystem: str) -> Callable[[str], bytes | None]:
    family = family_of(ecosystem)
    return _unordered if family is None else _KEYS[family]


def _unordered(version: str) -> None:
    """No key for any version."""


def _key(encode: Callable[[str], bytes], version: str) -> bytes | None:
    written = version.strip()
    if not written.isascii() or not written.isprintable() or not written:
        return None
    try:
        encoded = encode(written)
    except ValueError:
        return None
    return encoded if len(encoded) <= LONGEST_KEY else None


# Advisories on one package name the same versions again and again; 16,384 of them take some 5 MB.
_KEYS = {family: lru_cache(maxsize=16_384)(partial(_key, encode)) for family, encode in ENCODERS.items()}
