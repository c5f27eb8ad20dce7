"""Lengths of time: typed and read."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.domain.lengths import read_length, typed_length


@pytest.mark.parametrize(
    ("said", "seconds"), [("90s", 90), (" 15m ", 900), ("6h", 21_600), ("3 d", 259_200), ("0s", 0)]
)
def test_a_length_is_read(said: str, seconds: int) -> None:
    assert read_length(said) == timedelta(seconds=seconds)


@pytest.mark.parametrize("said", ["", "m", "15", "-1h", "1.5h", "1w", "99999999s", "x" * 100, "\u0661s"])
def test_what_is_none_is_told(said: str) -> None:
    with pytest.raises(ValueError, match="no length of time"):
        read_length(said)


@given(st.integers(1, 1_000_000))
def test_what_was_typed_is_read_again(seconds: int) -> None:
    assert read_length(typed_length(seconds)) == timedelta(seconds=seconds)
