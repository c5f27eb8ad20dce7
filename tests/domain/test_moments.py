"""Moments: every way they are written, and what is none."""

from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.domain.moments import read_moment


@pytest.mark.parametrize(
    "said",
    [
        "2024-05-01T10:11:12Z",
        "2024-05-01T12:11:12+02:00",
        "2024-05-01 10:11:12",
        "2024-05-01T10:11:12.0000000Z",
        "Wed, 01 May 2024 10:11:12 GMT",
        "Wed, 1 May 2024 06:11:12 -0400",
        1714558272,
        "1714558272",
        1714558272000,
    ],
)
def test_a_moment_is_read_in_utc(said: object) -> None:
    found = read_moment(said)
    assert found is not None
    assert found.replace(microsecond=0) == datetime(2024, 5, 1, 10, 11, 12, tzinfo=UTC)


@pytest.mark.parametrize("said", ["2024-05-01", "May 1, 2024", "1 May 2024"])
def test_a_date_is_its_midnight(said: str) -> None:
    assert read_moment(said) == datetime(2024, 5, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "said",
    [
        None,
        "",
        "soon",
        "2024-13-01",
        True,
        [],
        {},
        "0001-01-01",
        "1969-12-31",
        "x" * 200,
        float("nan"),
        10**30,
        "12:00",
    ],
)
def test_what_is_none_is_none(said: object) -> None:
    assert read_moment(said) is None


@given(st.integers(100_000, 200_000_000_000), st.integers(-14 * 60, 14 * 60))
def test_what_was_written_is_read_again(seconds: int, minutes: int) -> None:
    said = datetime.fromtimestamp(seconds, timezone(timedelta(minutes=minutes)))
    assert read_moment(said.isoformat()) == read_moment(format_datetime(said)) == said


@given(st.text(max_size=60) | st.floats() | st.integers())
def test_whatever_is_said_is_read_or_not(said: object) -> None:
    found = read_moment(said)
    assert found is None or found.tzinfo is UTC
