"""Entries read one by one: the wrong ones are named, the others stand."""

import pytest

from assay.domain import entries
from assay.errors import BadRecord


def test_wrong_ones_are_named_and_the_others_stand():
    def read(place: str, entry: object) -> str | None:
        return None if entry == "skip" else entries.string(entry, "the name")

    found, faults = entries.each([("a", "x"), ("b", 5), ("c", "skip"), ("d", "y"), ("e", "\0")], read)
    assert found == ("x", "y")
    assert [fault[:2] for fault in faults] == [("b", "wrong-type"), ("e", "control-character")]
    assert faults[0][2] == "the name is a int where text belongs"


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (entries.mapping, []),
        (entries.mapping, None),
        (entries.rows, {}),
        (entries.rows, "x"),
        (entries.string, {}),
        (entries.string, True),
        (entries.string, " "),
        (entries.string, "a\nb"),
    ],
)
def test_another_type(read, value):
    with pytest.raises(BadRecord, match=r"^x "):
        read(value, "x")


def test_what_is_not_there():
    assert entries.mapping_of({}, "a") == entries.mapping_of({"a": None}, "a") == {}
    assert entries.rows_of({}, "a") == entries.rows_of({"a": None}, "a") == []
    assert entries.string_of({}, "a") is entries.string_of({"a": ""}, "a") is None
    assert entries.strings_of({"a": ["b", "c"]}, "a") == ("b", "c")
    with pytest.raises(BadRecord):
        entries.strings_of({"a": ["b", 1]}, "a")


def test_places():
    assert entries.json_path("packages", "node_modules/a", 3, "it's") == (
        "$.packages['node_modules/a'][3]['it\\'s']"
    )
    assert entries.header_places("x\n[[a]]\n\n [[a]] \n", "[[a]]", 2, "a") == ["line 2", "line 4"]
    assert entries.header_places("[[a]]\n[[ a ]]\n", "[[a]]", 2, "a") == ["$.a[0]", "$.a[1]"]
