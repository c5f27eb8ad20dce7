"""Package URLs and the ecosystems of OSV that they belong to (purl-spec, PURL-TYPES; osv.dev, go/purl).

packageurl-python knows the grammar. Its rules per type are not used: it writes npm's `JSONStream` as `jsonstream`,
which is another package.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote

from packageurl import PackageURL

from assay.errors import BadRecord


class _Kind(NamedTuple):
    """A purl type, the namespace that marks an ecosystem within it, and what joins namespace and name."""

    type: str
    namespace: str = ""
    joint: str = "/"


_GENERIC = _Kind("generic")
_KINDS = {
    "Bitnami": _Kind("bitnami"),
    "CRAN": _Kind("cran"),
    "ConanCenter": _Kind("conan"),
    "Docker Hardened Images": _Kind("dhi"),
    "Go": _Kind("golang"),
    "Hackage": _Kind("hackage"),
    "Hex": _Kind("hex"),
    "Julia": _Kind("julia"),
    "Maven": _Kind("maven", joint=":"),
    "NuGet": _Kind("nuget"),
    "OSS-Fuzz": _Kind("generic"),
    "Packagist": _Kind("composer"),
    "Pub": _Kind("pub"),
    "PyPI": _Kind("pypi"),
    "RubyGems": _Kind("gem"),
    "SwiftURL": _Kind("swift"),
    "crates.io": _Kind("cargo"),
    "npm": _Kind("npm"),
    "opam": _Kind("opam"),
    "Debian": _Kind("deb", "debian"),
    "Echo": _Kind("deb", "echo"),
    "Ubuntu": _Kind("deb", "ubuntu"),
    "Alpaquita": _Kind("apk", "alpaquita"),
    "Alpine": _Kind("apk", "alpine"),
    "BellSoft Hardened Containers": _Kind("apk", "bellsoft-hardened-containers"),
    "Chainguard": _Kind("apk", "chainguard"),
    "CleanStart": _Kind("apk", "cleanstart"),
    "MinimOS": _Kind("apk", "minimos"),
    "Wolfi": _Kind("apk", "wolfi"),
    "AlmaLinux": _Kind("rpm", "almalinux"),
    "Azure Linux": _Kind("rpm", "azure-linux"),
    "Mageia": _Kind("rpm", "mageia"),
    "Red Hat": _Kind("rpm", "redhat"),
    "Rocky Linux": _Kind("rpm", "rocky-linux"),
    "SUSE": _Kind("rpm", "suse"),
    "openEuler": _Kind("rpm", "openeuler"),
    "openSUSE": _Kind("rpm", "opensuse"),
}
# As scanners write them where osv.dev has one spelling.
_ALSO = {
    ("gradle", ""): "Maven",
    ("deb", "dhi"): "Docker Hardened Images",
    ("apk", "dhi"): "Docker Hardened Images",
    ("rpm", "alma"): "AlmaLinux",
    ("rpm", "azurelinux"): "Azure Linux",
    ("rpm", "mariner"): "Azure Linux",
    ("rpm", "rhel"): "Red Hat",
    ("rpm", "rocky"): "Rocky Linux",
    ("rpm", "rockylinux"): "Rocky Linux",
    ("rpm", "sles"): "SUSE",
}
_ECOSYSTEMS = {(kind.type, kind.namespace): name for name, kind in _KINDS.items()} | _ALSO
# Types with one ecosystem per namespace; in every other type the namespace belongs to the name.
_DISTRIBUTIONS = frozenset(("deb", "apk", "rpm"))
# What a purl has before the name and OSV's name has not: Conan's `user`, Hex's organisation, Julia's registry.
_BARE = frozenset(("conan", "hex", "julia"))

# Release code names as `VERSION_CODENAME` of os-release gives them.
_DEBIAN = {
    "buzz": "1.1", "rex": "1.2", "bo": "1.3", "hamm": "2.0", "slink": "2.1", "potato": "2.2", "woody": "3.0",
    "sarge": "3.1", "etch": "4", "lenny": "5", "squeeze": "6", "wheezy": "7", "jessie": "8", "stretch": "9",
    "buster": "10", "bullseye": "11", "bookworm": "12", "trixie": "13", "forky": "14", "duke": "15",
}  # fmt: skip
_UBUNTU = {
    "trusty": "14.04", "utopic": "14.10", "vivid": "15.04", "wily": "15.10", "xenial": "16.04", "yakkety": "16.10",
    "zesty": "17.04", "artful": "17.10", "bionic": "18.04", "cosmic": "18.10", "disco": "19.04", "eoan": "19.10",
    "focal": "20.04", "groovy": "20.10", "hirsute": "21.04", "impish": "21.10", "jammy": "22.04", "kinetic": "22.10",
    "lunar": "23.04", "mantic": "23.10", "noble": "24.04", "oracular": "24.10", "plucky": "25.04",
    "questing": "25.10",
}  # fmt: skip
# How many numbers of a distribution's version make its release, as OSV's suffixes have them. What is not here
# has no release, or one that a distro qualifier does not give (Red Hat's and SUSE's products).
_NUMBERS = {
    "AlmaLinux": 1, "Alpaquita": 1, "Alpine": 2, "Azure Linux": 1, "BellSoft Hardened Containers": 1, "Debian": 1,
    "Mageia": 1, "Rocky Linux": 1, "Ubuntu": 2, "openSUSE": 2,
}  # fmt: skip
# Unreserved characters (purl-spec, "Character encoding"); `.` and `..` alone are left to the library.
_PLAIN = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._~-]+")
_PLAIN_NAMESPACE = re.compile(r"@?[A-Za-z0-9_~-][A-Za-z0-9._~-]*(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")
_LTS = re.compile(r"[0-9]*[02468]\.04")
_VERSION = re.compile(r"(?:^|-)v?([0-9]+(?:\.[0-9]+)*)$")


def purl_of(
    ecosystem: str | None, name: str, version: str | None = None, qualifiers: Mapping[str, str] | None = None
) -> str:
    """The package URL of a package under OSV's names; `pkg:generic/...` for an ecosystem without a purl type.

    A release of a distribution (`Debian:12`) is written as `distro=debian-12`, where it is a number.
    Qualifiers without a value are left out. Raises BadRecord for a name that no purl can hold.
    """
    base, _, release = (ecosystem or "").partition(":")
    kind = _KINDS.get(base, _GENERIC)
    if kind.type in _DISTRIBUTIONS:
        namespace, bare = kind.namespace, name
    elif kind.type in _BARE or base not in _KINDS or (base == "npm" and not name.startswith("@")):
        namespace, bare = "", name
    else:
        namespace, _, bare = name.rpartition(kind.joint)
    if kind.type == "pypi":  # purl-spec, PURL-TYPES: lower case, and a dash for an underscore
        bare = bare.lower().replace("_", "-")
    elif kind.type in {"composer", "hex"}:
        namespace, bare = namespace.lower(), bare.lower()
    if not release and not qualifiers and _is_plain(namespace, bare, version):
        folder = f"{quote(namespace, safe='/.-_~')}/" if namespace else ""
        return f"pkg:{kind.type}/{folder}{bare}{f'@{version}' if version else ''}"
    extra = {key: value for key, value in (qualifiers or {}).items() if value}
    if release and (distro := _distro(base, release)):
        extra.setdefault("distro", distro)
    try:
        # Written as a type without rules of its own, so that the library leaves the name as it is.
        written = PackageURL("generic", namespace, bare, version or None, extra).to_string()
    except (TypeError, ValueError) as error:  # the library raises TypeError for a blank name
        raise BadRecord("bad-name", f"{name!r} is no package name: {error}") from error
    return f"pkg:{kind.type}{written.removeprefix('pkg:generic')}"


def _is_plain(namespace: str, name: str, version: str | None) -> bool:
    """Whether nothing but a scope's `@` has to be escaped or cleaned: true of nearly every package.

    The library takes a hundred times as long to find that out.
    """
    return (
        _PLAIN.fullmatch(name) is not None
        and (not namespace or _PLAIN_NAMESPACE.fullmatch(namespace) is not None)
        and (not version or _PLAIN.fullmatch(version) is not None)
    )


def read_purl(text: str) -> tuple[str, str, str | None] | None:
    """OSV's ecosystem and name of the package, and the version if there is one.

    The ecosystem has the release that the `distro` qualifier names (`Debian:12`), if OSV has releases for it.
    None for text that is no purl, and for one whose type belongs to no ecosystem.
    """
    scheme, _, rest = text.strip().partition(":")
    type_, _, path = rest.lstrip("/").partition("/")
    type_ = type_.lower()
    try:
        read = PackageURL.from_string(f"{scheme}:generic/{path}")
    except ValueError:
        return None
    namespace = read.namespace or ""
    ecosystem = _ECOSYSTEMS.get((type_, namespace.lower() if type_ in _DISTRIBUTIONS else ""))
    if ecosystem is None:
        return None
    name = read.name
    if type_ in _DISTRIBUTIONS:
        qualifiers = read.qualifiers if isinstance(read.qualifiers, dict) else {}
        ecosystem += _release(ecosystem, qualifiers.get("distro", "").lower())
    elif namespace and type_ not in _BARE:
        name = f"{namespace}{_KINDS[ecosystem].joint}{name}"
    if type_ == "golang" and read.subpath:
        name = f"{name}/{read.subpath}"
    return ecosystem, name, read.version or None


def _distro(ecosystem: str, release: str) -> str | None:
    """`debian-12` for the release `12`; None for one that is no number."""
    if ecosystem not in _NUMBERS:
        return None
    found = re.search(r"[0-9]+(?:\.[0-9]+)*", release)
    return f"{_KINDS[ecosystem].namespace}-{found[0]}" if found else None


def _release(ecosystem: str, distro: str) -> str:
    """`:12` for `debian-12`, `12.5` or `bookworm`; nothing where that is not known."""
    names = {"Debian": _DEBIAN, "Ubuntu": _UBUNTU}.get(ecosystem, {})
    distro = names.get(distro.rpartition("-")[2], distro)
    found = _VERSION.search(distro)
    if ecosystem not in _NUMBERS or found is None:
        return ""
    numbers = found[1].split(".")
    # Debian's releases before 4 were called 3.1, 3.0, 2.2.
    wanted = 2 if ecosystem == "Debian" and numbers[0] in {"1", "2", "3"} else _NUMBERS[ecosystem]
    if len(numbers) < wanted:
        return ""
    version = ".".join(numbers[:wanted])
    if ecosystem == "Alpine":
        return f":v{version}"
    if ecosystem == "openSUSE":
        return f":Leap {version}"
    return f":{version}:LTS" if ecosystem == "Ubuntu" and _LTS.fullmatch(version) else f":{version}"
