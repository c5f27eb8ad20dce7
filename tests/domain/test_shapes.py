"""Plain values as records."""

from typing import Any

import msgspec
import pytest

from assay.domain.shapes import shaped
from assay.errors import BadRecord


class Entry(msgspec.Struct):
    name: str
    rest: Any = None


def test_a_record_and_what_is_none():
    assert shaped({"name": "a", "more": 1}, Entry) == Entry("a")
    for value in ({}, [], None, {"name": 1}, "a"):
        with pytest.raises(BadRecord) as bad:
            shaped(value, Entry)
        assert bad.value.reason == "wrong-type"


@pytest.mark.parametrize(
    "value",
    [
        {"name": "a\nb"},
        {"name": "a\x1b[2J"},
        {"name": "a", "rest": {"b": ["\0"]}},
        {"name": "a", "rest": {"\0": 1}},
    ],
)
def test_control_characters(value: Any):
    with pytest.raises(BadRecord) as bad:
        shaped(value, Entry)
    assert bad.value.reason == "control-character"


def test_text_of_several_lines_may_stand_in_the_rest():
    assert shaped({"name": "a", "rest": "b\nc"}, Entry).rest == "b\nc"
    # Entries that are read by themselves are not looked into.
    assert shaped({"name": "a", "rest": ["\0"]}, Entry, is_whole=False).rest == ["\0"]
