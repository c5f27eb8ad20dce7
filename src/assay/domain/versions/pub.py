"""Dart's versions: semantic versions whose build metadata counts (pub_semver, Version.compareTo)."""

from assay.domain.versions.semver import identifiers, precedence


def encode(version: str) -> bytes:
    """The key: by SemVer, then without build before those with one, builds compared like pre-releases."""
    key, build = precedence(version)
    return key if build is None else key + identifiers(build)
