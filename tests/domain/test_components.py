"""What a package URL says of a component."""

import pytest

from assay.domain.components import Component, Source, component_of
from assay.errors import BadRecord


def named(
    purl: str, version: str | None = None, source: Source | None = None
) -> tuple[str | None, str, str | None]:
    return component_of(purl, "name", version, source)[:3]


@pytest.mark.parametrize(
    ("purl", "found"),
    [
        ("pkg:npm/%40acme/a@1.0", ("npm", "@acme/a", "1.0")),
        ("pkg:maven/org.example/a@1.0?type=jar", ("Maven", "org.example:a", "1.0")),
        ("pkg:deb/debian/curl@7.88-1?distro=debian-12", ("Debian:12", "curl", "7.88-1")),
        ("pkg:deb/debian/curl@7.88-1?epoch=2&distro=debian-12", ("Debian:12", "curl", "2:7.88-1")),
        ("pkg:deb/debian/curl@2:7.88-1?epoch=2", ("Debian", "curl", "2:7.88-1")),
        ("pkg:rpm/almalinux/bash@5.1-6.el9?epoch=0&distro=almalinux-9", ("AlmaLinux:9", "bash", "5.1-6.el9")),
        ("pkg:apk/alpine/musl@1.2.3-r0?distro=alpine-3.19.1", ("Alpine:v3.19", "musl", "1.2.3-r0")),
        # Old Syft's own type.
        ("pkg:alpine/musl@1.2.3-r0?distro=alpine-3.16.0", ("Alpine:v3.16", "musl", "1.2.3-r0")),
        # Advisories of these distributions are by source package.
        ("pkg:deb/debian/libc6@2.36-9?upstream=glibc&distro=debian-12", ("Debian:12", "glibc", "2.36-9")),
        ("pkg:deb/debian/libgcc-s1@12.2-14?upstream=gcc-12@12.2-15", ("Debian", "gcc-12", "12.2-15")),
        ("pkg:deb/debian/zlib@1.2+b1?upstream=zlib@1.2", ("Debian", "zlib", "1.2")),
        ("pkg:rpm/almalinux/bash@5.1?upstream=bash-5.1.src.rpm", ("AlmaLinux", "bash", "5.1")),
        ("pkg:github/acme/a@v1.0", (None, "name", "v1.0")),
        ("pkg:oci/a@sha256:ab?repository_url=registry.example.org/a", (None, "name", "sha256:ab")),
    ],
)
def test_names_and_versions(purl: str, found: tuple[str | None, str, str | None]):
    assert named(purl) == found


def test_the_binary_package_stays_as_an_alias():
    found = component_of("pkg:deb/debian/libc6@2.36?upstream=glibc", "libc6", None)
    assert (found.name, found.alias) == ("glibc", "libc6")
    assert component_of("pkg:deb/debian/glibc@2.36?upstream=glibc", "glibc", None).alias is None


def test_a_source_named_elsewhere_counts_where_the_url_has_none():
    source = Source("openssl", "3.0.1-1")
    assert named("pkg:deb/debian/libssl3@3.0.1-1+b1", source=source) == ("Debian", "openssl", "3.0.1-1")
    assert named("pkg:deb/debian/libc6@2.36?upstream=glibc", source=source) == ("Debian", "glibc", "2.36")
    # Advisories of RPM distributions are by binary package.
    assert named("pkg:rpm/rocky-linux/openssl-libs@3.0.1", source=source) == (
        "Rocky Linux",
        "openssl-libs",
        "3.0.1",
    )


def test_the_version_beside_the_url_counts_where_the_url_has_none():
    assert named("pkg:npm/a", "1.0") == ("npm", "a", "1.0")
    assert named("pkg:npm/a@2.0", "1.0") == ("npm", "a", "2.0")


@pytest.mark.parametrize(
    ("purl", "origin", "commit"),
    [
        ("pkg:npm/a@1", "registry", None),
        ("pkg:npm/a@1?repository_url=https://npm.example.org", "other-registry", None),
        ("pkg:npm/a@1?download_url=https://example.org/a.tgz", "url", None),
        ("pkg:npm/a@1?download_url=https://npm.example.org/a/-/a-1.tgz", "other-registry", None),
        (f"pkg:npm/a@1?vcs_url=git%2Bhttps://git.example.org/a.git%40{'a' * 40}", "git", "a" * 40),
        ("pkg:npm/a@1?vcs_url=git%2Bhttps://git.example.org/a.git#packages/a", "registry", None),
        (f"pkg:github/acme/a@{'b' * 40}", "git", "b" * 40),
        ("pkg:github/acme/a@v1", "git", None),
    ],
)
def test_where_from(purl: str, origin: str, commit: str | None):
    found = component_of(purl, "a", None)
    assert (found.origin, found.commit) == (origin, commit)


def test_a_plus_in_a_qualifier_stands_for_itself():
    found = component_of(f"pkg:npm/a@1?vcs_url=git+https://git.example.org/a.git@{'a' * 40}", "a", None)
    assert found.resolved == f"git+https://git.example.org/a.git@{'a' * 40}"
    assert named("pkg:deb/debian/a@1?upstream=b@2+deb12u1") == ("Debian", "b", "2+deb12u1")


def test_without_a_url():
    assert component_of(None, "a b", "1") == Component(None, "a b", "1", "pkg:generic/a%20b@1")
    with pytest.raises(BadRecord) as bad:
        component_of("", "", "1")
    assert bad.value.reason == "no-name"


@pytest.mark.parametrize("purl", ["npm/a@1", "pkg:npm", "pkg:npm/", "pkg:/a", "pkg: /a", "hello"])
def test_what_is_no_package_url(purl: str):
    with pytest.raises(BadRecord) as bad:
        component_of(purl, "a", "1")
    assert bad.value.reason == "bad-purl"
