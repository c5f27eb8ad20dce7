"""What the package URL of an SBOM's component says: the package, its source, and where it came from."""

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl

from assay.domain.origins import Kind, commit_in, of_archive
from assay.domain.purl import purl_of, read_purl
from assay.errors import BadRecord

# Their advisories are by source package, as the distributions publish them (osv.dev: Debian, Ubuntu, Alpine).
_BY_SOURCE = ("pkg:deb/", "pkg:apk/")
_WITH_EPOCH = ("pkg:deb/", "pkg:rpm/")
_PURL = re.compile(r"pkg:/{0,2}[A-Za-z.+-][A-Za-z0-9.+-]*/[^/\s].*")
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
# As Syft wrote it before the type `apk` was agreed on (2022).
_OLD_ALPINE = "pkg:alpine/"
# Types whose version is a revision of a repository.
_REPOSITORIES = ("pkg:github/", "pkg:gitlab/", "pkg:bitbucket/")


class Component(NamedTuple):
    """A component under OSV's names. `alias` is the binary package, where advisories name its source."""

    ecosystem: str | None
    name: str
    version: str | None
    purl: str
    alias: str | None = None
    commit: str | None = None
    origin: Kind = "registry"
    resolved: str | None = None


class Source(NamedTuple):
    """A distribution's source package."""

    name: str
    version: str | None = None


def component_of(
    purl: str | None, name: str | None, version: str | None, source: Source | None = None
) -> Component:
    """The component with that package URL, name and version, as an SBOM gives them; what the URL says goes first.

    `source` is the source package, where the SBOM names it outside of the URL. BadRecord: `no-name`, `bad-purl`.
    """
    purl = (purl or "").strip()
    if not purl:
        if not name:
            raise BadRecord("no-name", "a component with neither a name nor a package URL")
        return Component(None, name, version, purl_of(None, name, version))
    if not _PURL.fullmatch(purl):
        raise BadRecord("bad-purl", f"{name or 'a component'}: {purl[:200]!r} is no package URL")
    if purl.startswith(_OLD_ALPINE):
        purl = f"pkg:apk/alpine/{purl.removeprefix(_OLD_ALPINE)}"
    # A `+` stands for itself in a package URL (purl-spec, "Character encoding"), and for a blank in a form.
    qualifiers = dict(parse_qsl(purl.partition("#")[0].partition("?")[2].replace("+", "%2B")))
    found = read_purl(purl)
    origin, resolved, commit = _origin(qualifiers)
    if found is None:
        return _elsewhere(purl, name, version, resolved)
    ecosystem, real, pinned = found
    pinned = _with_epoch(purl, pinned or version, qualifiers)
    if purl.startswith(_BY_SOURCE):
        source = _upstream(qualifiers) or source
        if source and source.name != real:
            return Component(
                ecosystem, source.name, source.version or pinned, purl, real, origin=origin, resolved=resolved
            )
        pinned = source.version or pinned if source else pinned
    return Component(ecosystem, real, pinned, purl, commit=commit, origin=origin, resolved=resolved)


def _elsewhere(purl: str, name: str | None, version: str | None, resolved: str | None) -> Component:
    """A component of a type outside of OSV's ecosystems; those of code hosts may name a commit."""
    path = purl.partition("?")[0].partition("#")[0]
    bare, _, pinned = path.rpartition("@") if "@" in path.rpartition("/")[2] else (path, "", "")
    version = version or pinned or None
    called = name or bare.rpartition("/")[2]
    if purl.startswith(_REPOSITORIES):
        commit = pinned if _COMMIT.fullmatch(pinned) else None
        return Component(None, called, version, purl, commit=commit, origin="git", resolved=resolved)
    return Component(None, called, version, purl, resolved=resolved)


def _origin(qualifiers: Mapping[str, str]) -> tuple[Kind, str | None, str | None]:
    """Where from, the address, and the commit.

    A repository without a commit says where a registry's package is developed: generators for npm write it beside
    each (purl-spec, "Known qualifiers": an extra URL).
    """
    if commit := commit_in(qualifiers.get("vcs_url", "")):
        return "git", qualifiers["vcs_url"], commit
    if address := qualifiers.get("download_url"):
        return of_archive(address), address, None
    if address := qualifiers.get("repository_url"):
        return "other-registry", address, None
    return "registry", None, None


def _with_epoch(purl: str, version: str | None, qualifiers: Mapping[str, str]) -> str | None:
    """Package URLs carry the epoch of a version beside it (purl-spec, PURL-TYPES: rpm)."""
    epoch = qualifiers.get("epoch", "0")
    if version and epoch != "0" and ":" not in version and purl.startswith(_WITH_EPOCH):
        return f"{epoch}:{version}"
    return version


def _upstream(qualifiers: Mapping[str, str]) -> Source | None:
    """The source package as Syft names it: `glibc`, or `glibc@2.36-9` where the versions differ."""
    name, _, version = qualifiers.get("upstream", "").partition("@")
    return Source(name, version or None) if name else None
