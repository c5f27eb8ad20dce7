"""What a record says of versions, as rows to match against: nothing said is lost, nothing unsaid is claimed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.catalog.rules.matching import MatchRow, affected_commits, match_rows
from assay.domain.matching import is_affected
from assay.domain.osv import Affected, Event, Package, Range
from assay.domain.versions import key
from factories import an_affected

SHA = "0123456789abcdef0123456789abcdef01234567"


def key_of(version: str, ecosystem: str = "PyPI") -> bytes:
    found = key(ecosystem, version)
    assert found is not None
    return found


def test_an_interval_is_a_row_with_its_fix():
    assert match_rows([an_affected("Some_Package", fixed="1.2")]) == (
        MatchRow("PyPI", "", "some-package", b"", key_of("1.2"), fixed="1.2"),
    )


def test_listed_versions_inside_an_interval_are_no_rows_of_their_own():
    rows = match_rows([an_affected(fixed="1.2", versions=("1.0", "1.1", "1.3", "1.3.0"))])
    assert rows == (
        MatchRow("PyPI", "", "example", b"", key_of("1.2"), fixed="1.2"),
        MatchRow("PyPI", "", "example", key_of("1.3"), key_of("1.3"), is_upper_included=True),
    )


def test_a_release_stands_apart_from_its_ecosystem():
    (row,) = match_rows([an_affected("curl", ecosystem="Debian:12", fixed="7.88.1-10")])
    assert (row.ecosystem, row.release, row.upper) == ("Debian", "12", key_of("7.88.1-10", "Debian"))


def test_versions_of_an_ecosystem_without_order_are_listed_as_texts():
    entry = Affected(
        Package("OSS-Fuzz", "zlib"),
        ranges=(Range("GIT", repo="https://example.org/z", events=(Event(introduced="0"),)),),
        versions=("v1.2", "v1.2.1"),
    )
    assert match_rows([entry]) == (MatchRow("OSS-Fuzz", "", "zlib", listed=("v1.2", "v1.2.1")),)


def test_a_range_that_cannot_be_read_is_a_row_that_says_so():
    entry = Affected(
        Package("npm", "x"),
        ranges=(Range("SEMVER", events=(Event(introduced="0"), Event(fixed="no version at all"))),),
    )
    assert any(row.is_unread for row in match_rows([entry]))


def test_a_package_of_which_nothing_is_said_is_found_by_name():
    assert match_rows([Affected(Package("npm", "x"))]) == (MatchRow("npm", "", "x"),)


@pytest.mark.parametrize("name", ["a\0b", "x" * 700])
def test_a_name_that_no_registry_has_is_no_row(name: str):
    assert match_rows([Affected(Package("npm", name))]) == ()


def test_the_same_row_said_twice_is_one():
    assert len(match_rows([an_affected(), an_affected()])) == 1


def test_commits_are_those_that_are_said_to_be_affected():
    events = (
        Event(introduced=SHA),
        Event(fixed="f" * 40),
        Event(introduced="0"),
        Event(last_affected="A" * 40),
    )
    entry = Affected(ranges=(Range("GIT", repo="https://example.org/z", events=(*events, *events)),))
    assert affected_commits([entry]) == (bytes.fromhex(SHA), b"\xaa" * 20)


VERSIONS = st.sampled_from(
    ["0", "0.9", "1.0", "1.0.0", "1.1a1", "1.1", "1.2", "2.0.post1", "2.0", "3", "no version"]
)
EVENTS = st.builds(
    lambda kind, version: Event(**{kind: version}),
    st.sampled_from(["introduced", "fixed", "last_affected"]),
    VERSIONS,
)


@given(st.lists(st.lists(EVENTS, max_size=4), max_size=3), st.lists(VERSIONS, max_size=3), VERSIONS)
def test_the_rows_hold_a_version_exactly_when_the_record_affects_it(
    ranges: list[list[Event]], listed: list[str], version: str
):
    entry = Affected(
        Package("PyPI", "x"),
        ranges=tuple(Range("ECOSYSTEM", events=tuple(events)) for events in ranges),
        versions=tuple(listed),
    )
    expected = is_affected("PyPI", version, entry)
    rows = match_rows([entry])
    asked = key("PyPI", version)
    if asked is None:
        assert expected is not False or not any(row.lower is not None or row.is_unread for row in rows)
        return
    held = any(
        row.lower is not None
        and row.lower <= asked
        and (row.upper is None or asked < row.upper or (row.is_upper_included and asked == row.upper))
        for row in rows
    )
    assert held is (expected is True)
    assert any(row.is_unread for row in rows) or expected is not None
