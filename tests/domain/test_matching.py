"""OSV's evaluation: the schema's own examples, ties and limits, what is unknown, and one law for spans and walk."""

import random
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.domain.matching import BELOW_ALL, Span, Spans, is_affected, is_listed, spans
from assay.domain.osv import EVENT_KINDS, Affected, Event, Range
from assay.domain.versions import Family, key
from domain.versions.pools import pairs, real_versions

ECOSYSTEMS = {
    Family.SEMVER: "npm",
    Family.PUB: "Pub",
    Family.PYPI: "PyPI",
    Family.MAVEN: "Maven",
    Family.RUBYGEMS: "RubyGems",
    Family.NUGET: "NuGet",
    Family.PACKAGIST: "Packagist",
    Family.DEBIAN: "Debian:12",
    Family.RPM: "Rocky Linux:9",
    Family.ALPINE: "Alpine:v3.20",
    Family.CRAN: "CRAN",
    Family.HACKAGE: "Hackage",
}
every_family = pytest.mark.parametrize("family", list(Family))


def events(text: str, kind: str = "ECOSYSTEM") -> Range:
    """`+1 -2 =3 |4` are introduced 1, fixed 2, last_affected 3, limit 4."""
    words = {"+": "introduced", "-": "fixed", "=": "last_affected", "|": "limit"}
    return Range(type=kind, events=tuple(Event(**{words[word[0]]: word[1:]}) for word in text.split()))


def ranged(*texts: str) -> Affected:
    return Affected(ranges=tuple(map(events, texts)))


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        # OSV schema, "Examples"
        ("+0", "0 0.0.0-alpha 1.0.0 99", ""),
        ("+0 -1.0.2", "0.0.1 1.0.1 1.0.2-rc.1", "1.0.2 1.0.3"),
        ("+1.0.0 -1.0.2 +3.0.0 -3.2.5", "1.0.0 1.0.1 3.0.0 3.2.4", "0.9 1.0.2 2 3.2.5"),
        ("+0 =2.1.214", "0 2.1.214 2.1.214+build", "2.1.215-0 3"),
        # in any order, and introduced 0 before versions below 0
        ("-3.2.5 +1.0.0 +3.0.0 -1.0.2", "1.0.0 3.0.0", "1.0.2 3.2.5"),
        ("-1.0.0 +0", "0.0.0-0", "1.0.0"),
        # ties: introduced, last_affected, fixed
        ("+1 -1", "", "0.9 1 1.1"),
        ("+1 =1", "1 1.0.0", "0.9 1.0.1"),
        ("+1 =2 -2", "1 1.9", "2 2.1"),
        ("+1 -2 +2 -3", "1", "2 2.5 3"),
        ("+1 =2 +2 =3", "1 2", "2.5 3"),
        # repeated events change nothing
        ("+1 +1.5 -2 -3", "1 1.5 1.9", "2 2.5 3"),
        ("+1 =2 =3", "1 2", "2.5 3"),
        ("-1 =2", "", "0 1 2"),
        # limits: below the highest of them
        ("+1 |2", "1 1.9", "0.9 2 3"),
        ("+1 -3 |2", "1 1.9", "2 2.5"),
        ("+1 -2 |3", "1", "2 2.5"),
        ("+1 =2 |2", "1", "2"),
        ("+1 |2 |3", "2 2.9", "3"),
        ("+1 |2 |*", "2 99", "0.9"),
        ("+3 |2", "", "1 2 3 4"),
    ],
)
def test_one_range(text: str, inside: str, outside: str) -> None:
    found = spans("npm", [events(text)])
    assert found.unread == ()
    for expected, listed in ((True, inside), (False, outside)):
        for version in listed.split():
            assert (version, is_affected("npm", version, ranged(text))) == (version, expected)
            assert (version, found.holds(key("npm", version))) == (version, expected)


def test_a_span_says_where_it_begins_and_what_fixes_it() -> None:
    assert spans("npm", [events("+0 -1.0.2"), events("+2.0 =2.1"), events("+3 |4")]).spans == (
        Span(BELOW_ALL, key("npm", "1.0.2"), False, "1.0.2", "0"),
        Span(key("npm", "2.0") or b"", key("npm", "2.1"), True, None, "2.0"),
        Span(key("npm", "3") or b"", key("npm", "4"), False, None, "3"),
    )


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["+1 -2", "+1.5 -3"], [("1", "3")]),
        (["+1.5 -3", "+1 -2"], [("1", "3")]),
        (["+1 -5", "+2 -3"], [("1", "5")]),
        # the fix of the one is where the next begins
        (["+1 -2", "+2 -3"], [("1", "3")]),
        (["+1 =2", "+1 -2"], [("1", None)]),
        (["+1 =2", "+1 -2.0.1"], [("1", "2.0.1")]),
        (["+1 -2", "+0"], [("0", None)]),
        (["+1 -2", "+3 -4"], [("1", "2"), ("3", "4")]),
    ],
)
def test_spans_that_meet_become_one(texts: list[str], expected: list[tuple[str, str | None]]) -> None:
    found = spans("npm", list(map(events, texts)))
    assert [(span.introduced, span.fixed) for span in found.spans] == expected


def test_an_event_that_cannot_be_read_makes_its_range_unknown_and_no_other() -> None:
    affected = ranged("+0 -unstable", "+3 -4")
    found = spans("npm", affected.ranges)
    assert found.unread == ("unstable",)
    assert [span.introduced for span in found.spans] == ["3"]
    assert found.holds(key("npm", "3.1")) is True
    assert found.holds(key("npm", "1.0")) is None
    assert is_affected("npm", "3.1", affected) is True
    assert is_affected("npm", "1.0", affected) is None


def test_a_version_that_cannot_be_read_is_unknown() -> None:
    assert is_affected("npm", "latest", ranged("+1 -2")) is None
    assert is_affected("npm", "latest", Affected(versions=("1.0.0",))) is None
    assert is_affected("npm", "latest", Affected(versions=("latest",))) is True
    assert spans("npm", [events("+1 -2")]).holds(None) is None
    assert Spans().holds(None) is False


def test_when_every_version_is_affected_it_need_not_be_read() -> None:
    assert is_affected("npm", "latest", ranged("+0")) is True
    assert is_affected("Linux", "6.1-rc1", ranged("+0")) is True
    assert spans("Linux", [events("+0")]).holds(None) is True


def test_without_an_order_only_enumerated_versions_can_be_told() -> None:
    affected = Affected(ranges=(events("+5.10 -5.10.3"),), versions=("5.10.1",))
    assert spans("Linux", affected.ranges) == Spans((), ("5.10", "5.10.3"))
    assert is_affected("Linux", "5.10.1", affected) is True
    assert is_affected("Linux", "5.10.2", affected) is None
    assert is_affected("OSS-Fuzz", "v2", Affected(versions=("v1",))) is False


@pytest.mark.parametrize("ecosystem", ["Alpine", "Ubuntu"])
def test_alpine_and_ubuntu_need_their_release_for_ranges(ecosystem: str) -> None:
    affected = Affected(ranges=(events("+0 -2.0"),), versions=("1.0",))
    assert spans(ecosystem, affected.ranges) == Spans()
    assert is_affected(ecosystem, "1.1", affected) is False
    assert is_affected(ecosystem, "1.0", affected) is True
    assert is_affected(f"{ecosystem}:v3.20", "1.1", affected) is True
    assert spans(f"{ecosystem}:v3.20", affected.ranges).holds(key("Ubuntu", "1.1")) is True


def test_commits_are_left_to_others() -> None:
    affected = Affected(ranges=(events("+0 -abcdef", "GIT"),))
    assert spans("npm", affected.ranges) == Spans()
    assert is_affected("npm", "1.0.0", affected) is False


@pytest.mark.parametrize(
    ("ecosystem", "version", "listed", "expected"),
    [
        ("PyPI", "0.6.0a", "0.6.0a0", True),
        ("PyPI", "1.0", "1.0.0", True),
        ("npm", "1.0.0", "1.0.0-rc1", False),
        ("Packagist", "1.0", "1.0.0", False),
        ("npm", "latest", "latest", True),
        ("Kubernetes", "1.0", "1.0.0", False),
    ],
)
def test_enumerated_versions_are_found_in_another_spelling(
    ecosystem: str, version: str, listed: str, expected: bool
) -> None:
    assert is_listed(ecosystem, version, ("0.1", listed)) is expected


@cache
def close_versions(family: Family) -> tuple[str, ...]:
    """Few versions and their neighbours, so that events meet and tie."""
    source = random.Random(3)
    near = [version for pair in pairs(family, 60, seed=3) for version in pair]
    return (*source.sample(real_versions(family), 8), *near)


def some_range(family: Family) -> st.SearchStrategy[Range]:
    bound = st.sampled_from(close_versions(family))
    kinds = st.sampled_from(["introduced", "introduced", "fixed", "last_affected"])
    event = st.one_of(
        st.builds(lambda kind, version: Event(**{kind: version}), kinds, bound),
        st.just(Event(introduced="0")),
        st.builds(lambda version: Event(limit=version), bound | st.just("*")),
    )
    return st.builds(Range, type=st.just("ECOSYSTEM"), events=st.lists(event, max_size=5).map(tuple))


@every_family
@given(data=st.data())
@settings(max_examples=60)
def test_spans_and_the_plain_walk_agree(family: Family, data: st.DataObject) -> None:
    ecosystem = ECOSYSTEMS[family]
    ranges = tuple(data.draw(st.lists(some_range(family), max_size=3)))
    found = spans(ecosystem, ranges)
    assert_disjoint(found.spans)
    # Every bound of a range is asked for, and some other version.
    named = {getattr(event, kind) for r in ranges for event in r.events for kind in EVENT_KINDS} - {None, "*"}
    for version in {*named, data.draw(st.sampled_from(close_versions(family)))}:
        version_key = key(ecosystem, version)
        if version_key is not None:
            expected = is_affected(ecosystem, version, Affected(ranges=ranges))
            assert (version, found.holds(version_key)) == (version, expected)
    for span in found.spans:
        if span.fixed is not None and not found.unread:
            assert found.holds(key(ecosystem, span.fixed)) is False


def assert_disjoint(found: tuple[Span, ...]) -> None:
    for span in found:
        assert span.upper is None or span.holds(span.lower)
    for left, right in pairwise(found):
        assert left.upper is not None
        assert left.upper < right.lower
