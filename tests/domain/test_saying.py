"""Ranges as people read them."""

import pytest

from assay.domain.osv import Affected, Event, Package, Range
from assay.domain.saying import fixes_of, intervals, package_of, versions_of

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("events", "shown"),
    [
        ([Event(introduced="0")], ["all versions"]),
        ([Event(introduced="2.0")], [">= 2.0"]),
        ([Event(introduced="0"), Event(fixed="2.15.0")], ["< 2.15.0"]),
        ([Event(introduced="2.0"), Event(last_affected="2.3.1")], [">= 2.0, <= 2.3.1"]),
        (
            [
                Event(introduced="2.0"),
                Event(fixed="2.1"),
                Event(introduced="3.0"),
                Event(fixed="3.1"),
                Event(introduced="4.0"),
            ],
            [">= 2.0, < 2.1", ">= 3.0, < 3.1", ">= 4.0"],
        ),
        ([Event(introduced="0"), Event(limit="5")], ["< 5"]),
        ([Event(introduced=COMMIT), Event(fixed=COMMIT[::-1])], [">= 0123456789ab, < 76543210fedc"]),
        # Only the version scheme could say which of these belong together.
        (
            [Event(introduced="1"), Event(introduced="3"), Event(fixed="2"), Event(fixed="4")],
            ["introduced 1; introduced 3; fixed 2; fixed 4"],
        ),
        ([Event(fixed="2")], ["fixed 2"]),
        ([], []),
    ],
)
def test_events_become_intervals(events, shown):
    assert intervals(Range(type="ECOSYSTEM", events=tuple(events))) == shown


def test_enumerated_versions_are_named_or_counted():
    few = Affected(package=Package("npm", "x"), versions=("1", "2"))
    assert versions_of(few) == ["1, 2"]
    many = Affected(package=Package("npm", "x"), versions=tuple(map(str, range(23_000))))
    assert versions_of(many) == ["0, 1, 2, 3, 4, 5 and 22,994 more"]
    span = Range(type="SEMVER", events=(Event(introduced="0"), Event(fixed="9")))
    both = Affected(package=Package("npm", "x"), versions=("1",), ranges=(span, span))
    assert versions_of(both) == ["< 9", "< 9", "and 1 listed version"]
    assert fixes_of(both) == ["9"]
    assert versions_of(Affected(package=Package("npm", "x"))) == []


def test_a_repository_stands_for_a_package_that_is_not_named():
    bare = Affected(
        ranges=(Range(type="GIT", repo="https://example.org/x.git", events=(Event(introduced="0"),)),)
    )
    assert package_of(bare) == ("GIT", "https://example.org/x.git")
    assert package_of(Affected(package=Package("npm", "x"))) == ("npm", "x")
    assert package_of(Affected()) == ("GIT", "")
