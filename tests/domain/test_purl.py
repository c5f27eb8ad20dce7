"""Package URLs: every ecosystem that OSV writes them for, there and back, and nothing raises on outside text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packageurl import PackageURL

from assay.domain.purl import _KINDS, purl_of, read_purl
from assay.errors import BadRecord

PAIRS = [
    ("npm", "left-pad", "1.3.0", "pkg:npm/left-pad@1.3.0"),
    ("npm", "@babel/core", "7.0.0", "pkg:npm/%40babel/core@7.0.0"),
    ("npm", "JSONStream", "1.3.5", "pkg:npm/JSONStream@1.3.5"),
    ("PyPI", "zope.interface", "5.0", "pkg:pypi/zope.interface@5.0"),
    ("PyPI", "torch", "2.1.0+cu118", "pkg:pypi/torch@2.1.0%2Bcu118"),
    ("crates.io", "serde_json", "1.0.1", "pkg:cargo/serde_json@1.0.1"),
    ("Go", "github.com/BurntSushi/toml", "v1.2.0", "pkg:golang/github.com/BurntSushi/toml@v1.2.0"),
    ("Go", "stdlib", "1.21", "pkg:golang/stdlib@1.21"),
    ("Maven", "org.apache.logging.log4j:log4j-core", "2.14.1",
     "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1"),
    ("RubyGems", "rails", "7.0.0", "pkg:gem/rails@7.0.0"),
    ("NuGet", "Newtonsoft.Json", "13.0.1", "pkg:nuget/Newtonsoft.Json@13.0.1"),
    ("Packagist", "symfony/http-kernel", "v5.0", "pkg:composer/symfony/http-kernel@v5.0"),
    ("Pub", "http", "1.0.0", "pkg:pub/http@1.0.0"),
    ("Hex", "phoenix", "1.7.0", "pkg:hex/phoenix@1.7.0"),
    ("SwiftURL", "github.com/apple/swift-nio", "2.0", "pkg:swift/github.com/apple/swift-nio@2.0"),
    ("ConanCenter", "openssl", "3.0.0", "pkg:conan/openssl@3.0.0"),
    ("CRAN", "A3", "0.9.2", "pkg:cran/A3@0.9.2"),
    ("Hackage", "aeson", "2.0", "pkg:hackage/aeson@2.0"),
    ("Julia", "HTTP", "1.0.0", "pkg:julia/HTTP@1.0.0"),
    ("opam", "lwt", "5.0", "pkg:opam/lwt@5.0"),
    ("Bitnami", "wordpress", "6.0", "pkg:bitnami/wordpress@6.0"),
    ("Docker Hardened Images", "python", "3.12", "pkg:dhi/python@3.12"),
    ("OSS-Fuzz", "systemd", None, "pkg:generic/systemd"),
    ("Debian:12", "curl", "1:7.88.1-10+deb12u5", "pkg:deb/debian/curl@1:7.88.1-10%2Bdeb12u5?distro=debian-12"),
    ("Debian", "curl", "7.88", "pkg:deb/debian/curl@7.88"),
    ("Debian:3.1", "curl", "7", "pkg:deb/debian/curl@7?distro=debian-3.1"),
    ("Ubuntu:22.04:LTS", "curl", "7.81", "pkg:deb/ubuntu/curl@7.81?distro=ubuntu-22.04"),
    ("Ubuntu:23.10", "curl", "8.2", "pkg:deb/ubuntu/curl@8.2?distro=ubuntu-23.10"),
    ("Echo", "curl", "8.2", "pkg:deb/echo/curl@8.2"),
    ("Alpine:v3.18", "curl", "8.2-r0", "pkg:apk/alpine/curl@8.2-r0?distro=alpine-3.18"),
    ("Alpaquita:23", "curl", "8", "pkg:apk/alpaquita/curl@8?distro=alpaquita-23"),
    ("BellSoft Hardened Containers:23", "curl", "8",
     "pkg:apk/bellsoft-hardened-containers/curl@8?distro=bellsoft-hardened-containers-23"),
    ("Chainguard", "curl", "8", "pkg:apk/chainguard/curl@8"),
    ("CleanStart", "curl", "8", "pkg:apk/cleanstart/curl@8"),
    ("MinimOS", "curl", "8", "pkg:apk/minimos/curl@8"),
    ("Wolfi", "curl", "8", "pkg:apk/wolfi/curl@8"),
    ("AlmaLinux:9", "curl", "7", "pkg:rpm/almalinux/curl@7?distro=almalinux-9"),
    ("Azure Linux:3", "curl", "8", "pkg:rpm/azure-linux/curl@8?distro=azure-linux-3"),
    ("Mageia:9", "curl", "7", "pkg:rpm/mageia/curl@7?distro=mageia-9"),
    ("Red Hat", "curl", "7", "pkg:rpm/redhat/curl@7"),
    ("Rocky Linux:9", "curl", "7", "pkg:rpm/rocky-linux/curl@7?distro=rocky-linux-9"),
    ("SUSE", "curl", "7", "pkg:rpm/suse/curl@7"),
    ("openEuler", "curl", "7", "pkg:rpm/openeuler/curl@7"),
    ("openSUSE:Leap 15.5", "curl", "7", "pkg:rpm/opensuse/curl@7?distro=opensuse-15.5"),
]  # fmt: skip


@pytest.mark.parametrize(("ecosystem", "name", "version", "purl"), PAIRS)
def test_there_and_back(ecosystem: str, name: str, version: str | None, purl: str):
    assert purl_of(ecosystem, name, version) == purl
    assert read_purl(purl) == (ecosystem, name, version)
    assert PackageURL.from_string(purl).version == version


def test_every_ecosystem_with_a_purl_type_is_tried():
    assert {ecosystem.partition(":")[0] for ecosystem, *_ in PAIRS} == set(_KINDS)


@pytest.mark.parametrize(
    ("ecosystem", "name", "purl"),
    [
        ("PyPI", "Foo_Bar", "pkg:pypi/foo-bar@1"),
        ("Packagist", "Symfony/HTTP", "pkg:composer/symfony/http@1"),
        ("Hex", "Phoenix", "pkg:hex/phoenix@1"),
        ("Red Hat:enterprise_linux:9::baseos", "curl", "pkg:rpm/redhat/curl@1"),
        ("Ubuntu:Pro:18.04:LTS", "curl", "pkg:deb/ubuntu/curl@1?distro=ubuntu-18.04"),
        ("GitHub Actions", "actions/checkout", "pkg:generic/actions/checkout@1"),
        (None, "local", "pkg:generic/local@1"),
        ("", "local", "pkg:generic/local@1"),
    ],
)
def test_written_as_the_types_ask(ecosystem: str | None, name: str, purl: str):
    assert purl_of(ecosystem, name, "1") == purl


@pytest.mark.parametrize(
    ("purl", "read"),
    [
        ("pkg:npm/@babel/core@7.0.0", ("npm", "@babel/core", "7.0.0")),
        ("pkg:npm/%40babel%2Fcore@7.0.0", ("npm", "@babel/core", "7.0.0")),
        ("pkg://NPM/left-pad@1", ("npm", "left-pad", "1")),
        (" pkg:npm/left-pad ", ("npm", "left-pad", None)),
        ("pkg:npm/left-pad@1?vcs_url=git%2Bhttps://example.org/a.git", ("npm", "left-pad", "1")),
        ("pkg:golang/golang.org/x/net@v0.1.0#html/atom", ("Go", "golang.org/x/net/html/atom", "v0.1.0")),
        ("pkg:gradle/a.b/c@1", ("Maven", "a.b:c", "1")),
        ("pkg:conan/user/openssl@3?channel=stable", ("ConanCenter", "openssl", "3")),
        ("pkg:hex/acme/foo@1", ("Hex", "foo", "1")),
        ("pkg:deb/debian/curl@7?distro=bookworm", ("Debian:12", "curl", "7")),
        ("pkg:deb/debian/curl@7?distro=debian-bookworm", ("Debian:12", "curl", "7")),
        ("pkg:deb/debian/curl@7?arch=amd64&distro=debian-12.5", ("Debian:12", "curl", "7")),
        ("pkg:deb/Debian/curl@7?distro=12", ("Debian:12", "curl", "7")),
        ("pkg:deb/debian/curl@7?distro=sid", ("Debian", "curl", "7")),
        ("pkg:deb/ubuntu/curl@7?distro=jammy", ("Ubuntu:22.04:LTS", "curl", "7")),
        ("pkg:deb/ubuntu/curl@7?distro=ubuntu-23.04", ("Ubuntu:23.04", "curl", "7")),
        ("pkg:apk/alpine/curl@8?distro=3.18.4", ("Alpine:v3.18", "curl", "8")),
        ("pkg:apk/alpine/curl@8?distro=alpine-v3.18", ("Alpine:v3.18", "curl", "8")),
        ("pkg:apk/alpine/curl@8?distro=alpine-3", ("Alpine", "curl", "8")),
        ("pkg:apk/alpine/curl@8?distro=edge", ("Alpine", "curl", "8")),
        ("pkg:rpm/rocky/curl@7?distro=rocky-9.3", ("Rocky Linux:9", "curl", "7")),
        ("pkg:rpm/opensuse/curl@7?distro=opensuse-leap-15.5", ("openSUSE:Leap 15.5", "curl", "7")),
        ("pkg:rpm/redhat/curl@7?distro=rhel-9.2", ("Red Hat", "curl", "7")),
        ("pkg:deb/dhi/curl@7", ("Docker Hardened Images", "curl", "7")),
        (f"pkg:deb/debian/curl@7?distro={'9' * 5000}", (f"Debian:{'9' * 5000}", "curl", "7")),
        ("pkg:rpm/fedora/curl@7?distro=fedora-39", None),
        ("pkg:oci/debian@sha256:1", None),
        ("pkg:npm/", None),
        ("pkg:", None),
        ("cpe:2.3:a:b", None),
        ("npm/left-pad", None),
        ("", None),
    ],
)
def test_read_as_scanners_write_them(purl: str, read: tuple[str, str, str | None] | None):
    assert read_purl(purl) == read


def test_qualifiers_are_written_where_they_have_a_value():
    assert purl_of("npm", "a", None, {"vcs_url": "git+https://example.org/a.git@1", "download_url": ""}) == (
        "pkg:npm/a?vcs_url=git%2Bhttps://example.org/a.git%401"
    )


@pytest.mark.parametrize("name", ["", "@scope/", "/", " ", "\x85", "\ud800"])
def test_a_name_that_no_purl_can_hold(name: str):
    with pytest.raises(BadRecord) as raised:
        purl_of("npm" if name != "/" else "Go", name)
    assert raised.value.reason == "bad-name"


NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._~+-]{0,12}", fullmatch=True)


@given(
    st.sampled_from(["npm", "RubyGems", "NuGet", "crates.io", "Pub"]),
    NAMES,
    st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=20),
)
def test_a_name_and_a_version_survive(ecosystem: str, name: str, version: str):
    assert read_purl(purl_of(ecosystem, name, version)) == (ecosystem, name, version)


@given(
    st.one_of(
        st.text(max_size=60), st.text(max_size=60).map("pkg:".__add__), st.text().map("pkg:npm/".__add__)
    )
)
def test_no_text_raises(text: str):
    read = read_purl(text)
    assert read is None or all(isinstance(part, str) for part in read[:2])


@given(st.sampled_from([*_KINDS, None, "Debian:12", "x"]), st.text(max_size=20), st.text(max_size=20))
def test_any_name_has_a_purl_or_is_refused(ecosystem: str | None, name: str, version: str):
    try:
        purl = purl_of(ecosystem, name, version)
    except BadRecord:
        return
    assert PackageURL.from_string(purl).type == purl.partition(":")[2].partition("/")[0]


NAMES = st.text("aZ0._~-@/:+% ", min_size=1, max_size=8)


@given(st.sampled_from(["npm", "PyPI", "Go", "Maven", "Hex", "Packagist"]), NAMES, st.none() | NAMES)
def test_the_short_way_writes_what_the_library_writes(ecosystem: str, name: str, version: str | None):
    def written() -> str:
        try:
            return purl_of(ecosystem, name, version)
        except BadRecord as error:
            return error.reason

    short = written()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("assay.domain.purl._is_plain", lambda *_: False)
        assert written() == short
