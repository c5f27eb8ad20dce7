"""Dependency specifiers of Python, compared with `packaging`, which defines them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Reference

from assay.domain.python_names import Keys, checked_name, requirement
from assay.errors import BadRecord

TEXTS = [
    "a", "A.b_c-1", "a==1.0", "a == 1.0", "a===1.0", "a>=1,<2", "a==1.*", "a[x]==1", "a[x, y] ~= 1.4", "a (>=1)",
    "a(==1.0)", "a ; python_version<'3'", "a==1.0; python_version < '3' and extra == 'x'", "a[]", "a != 1.0, == 1.1",
    "a @ https://example.org/a.whl", "a[x]@https://example.org/a.whl ; os_name == 'nt'",
    "a @ git+https://example.org/r.git@main", "a==1.0+cu118", "a==2!1.0",
    "", "-a", "a-", "a b", "a==", "a=1", "a>>1", "./a", "a.whl/b", "a[x", "a==1.0,", "https://example.org/a.whl",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_it_is_read_as_packaging_reads_it(text: str):
    try:
        expected = Reference(text)
    except InvalidRequirement:
        assert requirement(text) is None
        return
    found = requirement(text)
    assert found is not None
    assert (found.name, set(found.extras), found.url) == (expected.name, expected.extras, expected.url)
    assert set(found.specifiers) == {(one.operator, one.version) for one in expected.specifier}
    assert (found.marker is None) == (expected.marker is None)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("a==1.0", "1.0"),
        ("a===1.0-legacy", "1.0-legacy"),
        ("a>=0.5,==1.0", "1.0"),
        ("a==1.*", None),
        ("a==1.0,==1.1", None),
        ("a>=1.0", None),
        ("a~=1.0", None),
        ("a", None),
    ],
)
def test_only_an_exact_version_is_a_pin(text: str, version: str | None):
    found = requirement(text)
    assert found is not None
    assert found.version == version


@given(st.text() | st.text("aA.-_[]()=<>~!,; @1'"))
def test_no_text_raises(text: str):
    found = requirement(text)
    assert found is None or checked_name(found.name)


@pytest.mark.parametrize("name", ["", "-a", "a-", "a b", "ü", "a/b", "a\n"])
def test_no_names(name: str):
    with pytest.raises(BadRecord):
        checked_name(name)


def test_keys():
    keys = Keys(
        [{"name": "A_b", "version": "1"}, {"name": "a-b", "version": "2"}, {"name": "c"}, 5, {"name": "c"}]
    )
    assert keys.keys == ["a-b@1", "a-b@2", "c", "", "c#2"]
    assert keys.named("a.B") == ("a-b@1", "a-b@2")
    assert keys.named("a.B", "2") == ("a-b@2",)
    assert keys.named("a.B", "3") == ("a-b@1", "a-b@2")
    assert keys.named("x") == keys.named(5) == ()
