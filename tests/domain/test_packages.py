"""Package names: two spellings of one package are one key, and two packages are never one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.domain.packages import normalise_name, repository_name


@pytest.mark.parametrize(
    ("ecosystem", "name", "plain"),
    [
        ("PyPI", "Zope.Interface", "zope-interface"),
        ("PyPI", "friendly-._.-bard", "friendly-bard"),
        ("PyPI", "_private", "-private"),
        ("NuGet", "Newtonsoft.Json", "newtonsoft.json"),
        ("Packagist", "Symfony/HTTP-kernel", "symfony/http-kernel"),
        ("npm", "JSONStream", "JSONStream"),
        ("npm", "@Scope/pkg", "@Scope/pkg"),
        ("Go", "github.com/BurntSushi/toml", "github.com/BurntSushi/toml"),
        ("Maven", "org.Foo:Bar_baz", "org.Foo:Bar_baz"),
        ("crates.io", "serde_json", "serde_json"),
        ("Debian:12", "Curl", "Curl"),
        ("pypi", "A_b", "A_b"),
        ("", "A", "A"),
        ("PyPI", "", ""),
    ],
)
def test_the_one_spelling_of_a_name(ecosystem: str, name: str, plain: str):
    assert normalise_name(ecosystem, name) == plain


@given(st.sampled_from(["PyPI", "NuGet", "Packagist", "npm", "Debian:12", "x"]), st.text())
def test_twice_is_once(ecosystem: str, name: str):
    once = normalise_name(ecosystem, name)
    assert normalise_name(ecosystem, once) == once
    assert normalise_name(ecosystem + ":suffix", name) == once


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://github.com/a/b", "github.com/a/b"),
        ("https://github.com/a/b.git", "github.com/a/b"),
        ("https://github.com/a/b/", "github.com/a/b"),
        ("https://github.com/a/b.git/", "github.com/a/b"),
        ("git://git.example.org/x", "git.example.org/x"),
        ("git@github.com:a/b.git", "git@github.com:a/b.git"),
        ("https://", "https://"),
        ("", ""),
    ],
)
def test_a_repository_by_its_address(url: str, name: str):
    assert repository_name(url) == name
