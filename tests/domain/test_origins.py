"""Addresses of lock files: registry, another registry, git, a file's URL, a path."""

from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.domain.origins import Locator, commit_in, is_public_registry, locate, of_index, without_credentials

SHA = "a" * 39 + "1"


def host(*labels: str) -> str:
    """Put together here, because no text file names a registry's host."""
    return "https://" + ".".join(labels)


@pytest.mark.parametrize(
    ("address", "kind", "url", "commit"),
    [
        (host("registry", "npmjs", "org") + "/a/-/a-1.0.0.tgz#abc", "registry",
         host("registry", "npmjs", "org") + "/a/-/a-1.0.0.tgz", None),
        (host("registry", "yarnpkg", "com") + "/a/-/a-1.0.0.tgz", "registry",
         host("registry", "yarnpkg", "com") + "/a/-/a-1.0.0.tgz", None),
        ("https://npm.example.org/a/-/a-1.0.0.tgz", "other-registry",
         "https://npm.example.org/a/-/a-1.0.0.tgz", None),
        ("https://npm.pkg.example.org/download/@o/a/1.0.0/abc", "other-registry",
         "https://npm.pkg.example.org/download/@o/a/1.0.0/abc", None),
        ("https://example.org/a.tgz", "url", "https://example.org/a.tgz", None),
        (f"git+ssh://git@github.com/o/r.git#{SHA}", "git", "git+ssh://git@github.com/o/r.git", SHA),
        (f"git+https://example.org/o/r#{SHA.upper()}", "git", "git+https://example.org/o/r", SHA),
        (f"https://github.com/o/r.git#commit={SHA}", "git", "https://github.com/o/r.git", SHA),
        (f"git@github.com:o/r.git#commit={SHA}", "git", "git@github.com:o/r.git", SHA),
        (f"user@git.example.org:o/r#{SHA}", "git", "user@git.example.org:o/r", SHA),
        ("git://example.org/r.git", "git", "git://example.org/r.git", None),
        (f"github:o/r#{SHA}", "git", "github:o/r", SHA),
        ("github:o/r#main", "git", "github:o/r", None),
        ("o/r#semver:^1", "git", "github:o/r", None),
        (f"https://codeload.github.com/o/r/tar.gz/{SHA}", "git",
         f"https://codeload.github.com/o/r/tar.gz/{SHA}", SHA),
        ("https://codeload.github.com/o/r/tar.gz/v1.0", "git",
         "https://codeload.github.com/o/r/tar.gz/v1.0", None),
        (f"https://gitlab.example.org/o/r/-/archive/{SHA}/r.tar.gz", "git",
         f"https://gitlab.example.org/o/r/-/archive/{SHA}/r.tar.gz", SHA),
        ("file:../a", "path", "file:../a", None),
        ("link:a", "path", "link:a", None),
        ("workspace:packages/a", "path", "workspace:packages/a", None),
        ("./a", "path", "./a", None),
        ("..", "path", "..", None),
        ("/abs/a", "path", "/abs/a", None),
    ],
)  # fmt: skip
def test_where_an_address_leads(address: str, kind: str, url: str, commit: str | None):
    assert locate(address) == (kind, url, commit)


def test_what_a_package_url_says_of_it():
    assert Locator("git", "git+https://example.org/r.git", SHA).qualifiers() == {
        "vcs_url": f"git+https://example.org/r.git@{SHA}"
    }
    assert Locator("git", "github:o/r").qualifiers() == {"vcs_url": "github:o/r"}
    assert Locator("url", "https://example.org/a.tgz").qualifiers() == {
        "download_url": "https://example.org/a.tgz"
    }
    assert Locator("registry", "https://example.org/a.tgz").qualifiers() == {}
    assert Locator("path", "./a").qualifiers() == {}


@pytest.mark.parametrize("text", ["1.0.0", "^1", "latest", "", "npm:a@1", "1.0.0-beta.1", "a b/c"])
def test_what_is_no_address(text: str):
    assert locate(text) is None


def test_the_public_registries_and_nobody_else():
    for labels in (("pypi", "org"), ("files", "pythonhosted", "org"), ("pypi", "python", "org")):
        assert is_public_registry(host(*labels) + "/simple")
    for url in (
        host("npmjs", "org", "example", "com"),
        host("npmjs", "example"),
        host("docs", "python", "org"),
        "https://[",
        "x",
        "",
    ):
        assert not is_public_registry(url)


@pytest.mark.parametrize(
    ("url", "clean"),
    [
        ("https://user:secret@example.org/simple", "https://example.org/simple"),
        ("https://token@example.org/simple", "https://example.org/simple"),
        ("git+https://x:y@example.org/r.git", "git+https://example.org/r.git"),
        ("ssh://git:pw@example.org/r.git", "ssh://example.org/r.git"),
        ("git+ssh://git@example.org/r.git", "git+ssh://git@example.org/r.git"),
        ("https://example.org/@scope/a", "https://example.org/@scope/a"),
        ("git@example.org:o/r.git", "git@example.org:o/r.git"),
    ],
)
def test_no_password_goes_further(url: str, clean: str):
    assert without_credentials(url) == clean
    assert "secret" not in str(locate(url))


def test_indexes():
    assert of_index(None) == of_index(host("pypi", "org") + "/simple") == ("registry", {})
    assert of_index("https://u:p@example.org/simple") == (
        "other-registry",
        {"repository_url": "https://example.org/simple"},
    )


def test_a_commit_is_whole():
    assert commit_in(SHA) == SHA
    assert commit_in(f"branch=x&commit={SHA}") == SHA
    assert commit_in("b" * 64) == "b" * 64
    assert commit_in("b" * 41) is None
    assert commit_in("abc1234") is None


@given(st.text() | st.text("ghit:@/.#+-a1~"))
def test_no_address_raises(text: str):
    found = locate(text)
    assert found is None or found.kind in {"registry", "other-registry", "git", "url", "path"}


@pytest.mark.parametrize(
    "piece", ["a/archive/", "https://", "a@", "a.", "-/", "http://a/", ".git", "a" * 39 + "/"]
)
def test_a_long_address_is_no_bomb(piece: str):
    start = perf_counter()
    locate("https://x/" + piece * 20_000)
    locate(piece * 20_000)
    assert perf_counter() - start < 2
