"""Names and wanted versions, as npm, yarn, pnpm and bun write them."""

import pytest

from assay.domain.npm_names import checked_name, is_version, real_name, split_descriptor
from assay.errors import BadRecord


@pytest.mark.parametrize(
    ("text", "name", "wanted"),
    [
        ("a@^1", "a", "^1"),
        ("@s/a@npm:^1", "@s/a", "npm:^1"),
        ("@s/a", "@s/a", ""),
        ("a", "a", ""),
        ("a@npm:@s/b@1", "a", "npm:@s/b@1"),
        ("a@git@github.com:o/r.git", "a", "git@github.com:o/r.git"),
        ("", "", ""),
        ("@", "@", ""),
    ],
)
def test_a_descriptor(text: str, name: str, wanted: str):
    assert split_descriptor(text) == (name, wanted)


@pytest.mark.parametrize(
    ("name", "wanted", "real"),
    [
        ("a", "npm:b@^1", ("b", "a")),
        ("a", "npm:@s/b@1.0.0", ("@s/b", "a")),
        ("a", "npm:@s/b", ("@s/b", "a")),
        ("a", "npm:^1.0.0", ("a", None)),
        ("a", "npm:1.0.0", ("a", None)),
        ("a", "npm:>=1 <2", ("a", None)),
        ("a", "npm:a@1", ("a", None)),
        ("a", "npm:", ("a", None)),
        ("a", "^1", ("a", None)),
    ],
)
def test_an_alias(name: str, wanted: str, real: tuple[str, str | None]):
    assert real_name(name, wanted) == real


def test_versions():
    assert all(is_version(text) for text in ("1.0.0", "v1.0.0", "0.0.0-use.local", "1.0.0-a.1+b", "10.20.30"))
    assert not any(is_version(text) for text in ("1", "1.0", "^1.0.0", "latest", "1.0.0 ", "", "1.0.x"))


@pytest.mark.parametrize("name", ["a", "@s/a", "JSONStream", "a.b_c~d", "-", "string_decoder"])
def test_names(name: str):
    assert checked_name(name) == name


@pytest.mark.parametrize("name", ["", "a/b", "@/a", "@s/", "@s/a/b", "a b", "a@1", "a:b", "a\\b"])
def test_no_names(name: str):
    with pytest.raises(BadRecord) as raised:
        checked_name(name)
    assert raised.value.reason == "bad-name"
