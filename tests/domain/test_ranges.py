"""Affected ranges: each syntax by its own rule, and the laws that hold for any text."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from assay.domain.osv import Event
from assay.domain.ranges import PACKAGE_TYPES, Interval, as_osv, events, read_range, render
from assay.domain.ranges.interval import order

ALL = (Interval(),)


def between(text):
    """`[1,2)` as an interval; an empty side is unbounded."""
    low, high = text[1:-1].split(",")
    return Interval(low or None, bool(low) and text[0] == "[", high or None, bool(high) and text[-1] == "]")


def reads(package_type, text, *expected):
    assert read_range(package_type, text) == tuple(map(between, expected))


@pytest.mark.parametrize(
    ("package_type", "text", "expected"),
    [
        # real records
        ("pypi", ">=4.0,<4.3||>=5.0,<5.2", ["[4.0,4.3)", "[5.0,5.2)"]),
        ("pypi", ">=0.95,<1.0||==0.95", ["[0.95,1.0)", "[0.95,0.95]"]),
        (
            "pypi",
            "<1.11.1 || >=1.12.0,<1.12.2 ||\xa0>=1.16.0,<1.16.2",
            ["(,1.11.1)", "[1.12.0,1.12.2)", "[1.16.0,1.16.2)"],
        ),
        ("npm", "<1.6.5 || < 2.1.7 >=2.0.0-beta0", ["(,1.6.5)", "[2.0.0-beta0,2.1.7)"]),
        ("npm", "<=1.0.2||<2.3.10", ["(,1.0.2]", "(,2.3.10)"]),
        ("npm", "=103", ["[103.0.0,103.0.0]"]),
        ("npm", "<=3.3", ["(,3.3.0]"]),
        ("npm", ">4.0.2", ["(4.0.2,)"]),
        (
            "maven",
            "[2.0,2.3.1],[2.4.0,2.12.2),[2.13.0,2.15.0)",
            ["[2.0,2.3.1]", "[2.4.0,2.12.2)", "[2.13.0,2.15.0)"],
        ),
        ("maven", "[5.0.0,6.0.0)[6.0.0,6.0.4]", ["[5.0.0,6.0.0)", "[6.0.0,6.0.4]"]),
        ("maven", "[,2.2.24.final),[2.3.0, 2.3.5.Final)", ["(,2.2.24.final)", "[2.3.0,2.3.5.Final)"]),
        ("maven", "(,3.2),[4.0]", ["(,3.2)", "[4.0,4.0]"]),
        (
            "maven",
            "(,0.9.0],(V1,V2]".replace("V1", "1.0").replace("V2", "1.3.10"),
            ["(,0.9.0]", "(1.0,1.3.10]"],
        ),
        ("maven", "[1.2,]", ["[1.2,)"]),
        ("maven", "[,0]", ["(,0]"]),
        ("go", ">=v1.10.0 <v1.10.5 || =v2.8.0", ["[1.10.0,1.10.5)", "[2.8.0,2.8.0]"]),
        ("go", "<0.0.0-20180523222229-09b5706aa936", ["(,0.0.0-20180523222229-09b5706aa936)"]),
        ("go", "<v0.0.0", ["(,0.0.0)"]),
        ("go", "<=v1.9 || >=v1.10.0 <v1.10.5", ["(,1.9.0]", "[1.10.0,1.10.5)"]),
        ("go", "<v2021-08-11", ["(,2021-08-11)"]),
        # the syntaxes of package types that the sample at hand lacks
        ("maven", ">=1.0, <2.0 || 3.1", ["[1.0,2.0)", "[3.1,3.1]"]),
        ("nuget", "[1.0,2.0)||[3.0]", ["[1.0,2.0)", "[3.0,3.0]"]),
        ("nuget", ">=1.0 <2.0", ["[1.0,2.0)"]),
        ("gem", ">=3.0.0, <3.0.5 || = 4.1", ["[3.0.0,3.0.5)", "[4.1,4.1]"]),
        ("gem", "~> 1.2.3", ["[1.2.3,1.3.a)"]),
        ("gem", "~>2", ["[2,3.a)"]),
        ("packagist", ">=1.0,<1.0.5|dev-master", ["[1.0,1.0.5)", "[dev-master,dev-master]"]),
        ("packagist", ">=1.0@beta <2.0", ["[1.0,2.0)"]),
        ("conan", ">=1.0 <2.0||3.1", ["[1.0,2.0)", "[3.1,3.1]"]),
        ("swift", ">=1.0.0 <1.2", ["[1.0.0,1.2.0)"]),
        ("pub", ">=1.0.0 <1.2.0", ["[1.0.0,1.2.0)"]),
        ("cargo", ">=0.1, <0.2.5", ["[0.1.0,0.2.5)"]),
        # PEP 440, "Version specifiers"
        ("pypi", "~=2.2", ["[2.2,3.dev0)"]),
        ("pypi", "~=1.4.5a4", ["[1.4.5a4,1.5.dev0)"]),
        ("pypi", "~=2.2.post3", ["[2.2.post3,3.dev0)"]),
        ("pypi", "==1.2.*", ["[1.2.dev0,1.3.dev0)"]),
        ("pypi", "===1.0+local", ["[1.0+local,1.0+local]"]),
        # node-semver README: X-Ranges, Tilde Ranges, Caret Ranges, Hyphen Ranges
        ("npm", "1.2.x", ["[1.2.0,1.3.0-0)"]),
        ("npm", "1.x", ["[1.0.0,2.0.0-0)"]),
        ("npm", "~1.2.3", ["[1.2.3,1.3.0-0)"]),
        ("npm", "~1.2", ["[1.2.0,1.3.0-0)"]),
        ("npm", "~1", ["[1.0.0,2.0.0-0)"]),
        ("npm", "^1.2.3", ["[1.2.3,2.0.0-0)"]),
        ("npm", "^0.2.3", ["[0.2.3,0.3.0-0)"]),
        ("npm", "^0.0.3", ["[0.0.3,0.0.4-0)"]),
        ("npm", "^1.2.3-beta.2", ["[1.2.3-beta.2,2.0.0-0)"]),
        ("npm", "^0.0", ["[0.0.0,0.1.0-0)"]),
        ("npm", "^0.x", ["[0.0.0,1.0.0-0)"]),
        ("npm", "1.2.3 - 2.3.4", ["[1.2.3,2.3.4]"]),
        ("npm", "1.2 - 2.3", ["[1.2.0,2.4.0-0)"]),
        ("npm", "<=1.2.x", ["(,1.3.0-0)"]),
        ("npm", ">1.2.x", ["[1.3.0-0,)"]),
        # Composer docs, "Versions and constraints"
        ("packagist", "~1.2", ["[1.2-dev,2-dev)"]),
        ("packagist", "~1.2.3-RC1", ["[1.2.3-RC1,1.3-dev)"]),
        ("packagist", "^0.3", ["[0.3-dev,0.4-dev)"]),
        ("packagist", "1.0.*", ["[1.0-dev,1.1-dev)"]),
        # pub_semver, Version.nextBreaking; Cargo book, "Specifying Dependencies"
        ("pub", "^0.0.3", ["[0.0.3,0.1.0-0)"]),
        ("pub", "^1.2.3", ["[1.2.3,2.0.0-0)"]),
        ("cargo", "^0.0.3", ["[0.0.3,0.0.4-0)"]),
        ("cargo", "~1.2.3", ["[1.2.3,1.3.0-0)"]),
        # exclusions and several bounds in one alternative
        ("pypi", ">=1.0,<2.0,!=1.5", ["[1.0,1.5)", "(1.5,2.0)"]),
        ("pypi", "!=1.5", ["(,1.5)", "(1.5,)"]),
        ("pypi", "<2.0,!=3.0", ["(,2.0)"]),
        ("pypi", ">=1.0,!=1.0", ["(1.0,)"]),
        ("pypi", "<=2.0,!=2.0", ["(,2.0)"]),
        ("pypi", "<2.0,!=1.5.*", ["(,1.5.dev0)", "[1.6.dev0,2.0)"]),
        ("pypi", "<2.0,!=2.0rc1", ["(,2.0)"]),
        ("pypi", ">=1.0,>=1.2,<3,<2.5", ["[1.2,2.5)"]),
        ("pypi", "<1.10,<1.9", ["(,1.9)"]),
    ],
)
def test_each_syntax_is_read_by_its_own_rule(package_type, text, expected):
    reads(package_type, text, *expected)


@pytest.mark.parametrize("package_type", sorted(PACKAGE_TYPES))
@pytest.mark.parametrize("text", [">=0", ">=0.0.0", ">=v0", "*", ">=0.0.0-alpha", " >= 0.0 "])
def test_from_zero_on_is_everything(package_type, text):
    assert read_range(package_type, text) == ALL


@pytest.mark.parametrize(
    ("package_type", "text"),
    [
        ("pypi", ">=0.0a"),
        ("pypi", ">=0.0.0alpha"),
        ("maven", "(,)"),
        ("maven", "[,]"),
        ("maven", "[0,)"),
        ("pub", "any"),
    ],
)
def test_other_ways_to_say_everything(package_type, text):
    assert read_range(package_type, text) == ALL


@pytest.mark.parametrize("package_type", sorted(PACKAGE_TYPES))
def test_below_zero_is_nothing(package_type):
    assert read_range(package_type, "<0") == ()
    assert read_range(package_type, "< 0 || >=2.0.0 <2.0.1") == (Interval("2.0.0", True, "2.0.1", False),)


@pytest.mark.parametrize("text", ["(0)", "(,0)", "[,0)"])
def test_maven_says_nothing_in_parentheses(text):
    assert read_range("maven", text) == ()


@pytest.mark.parametrize(
    ("package_type", "text", "offender"),
    [
        ("npm", "", "empty"),
        ("npm", ">=1.0.0 ||", "empty"),
        ("npm", "before 1.0", "before"),
        ("npm", "1.0.0 and later", "and"),
        ("npm", ">=", ">="),
        ("npm", ">=1.0 <2.0 ; rm", ";"),
        ("npm", "1.0.0 2.0.0", "1.0.0"),
        ("npm", ">2.0.0 <1.0.0", "2.0.0"),
        ("npm", "<*", "<*"),
        ("npm", ">=1.0@beta", "1.0@beta"),
        ("pypi", "~=1", "two numbers"),
        ("pypi", "^1.2", "^1.2"),
        ("pypi", "<1.0rc1,<1.0", "not decided"),
        ("pypi", "==1.0,!=1.0", "excludes everything"),
        ("pypi", "<2,!=*", "without bounds"),
        ("pypi", ",".join(f"!={n}" for n in range(1, 300)), "no comparator"),
        ("gem", "~1.2", "~1.2"),
        ("maven", "(1.2)", "(1.2)"),
        ("maven", "[1.0,2.0", "[1.0,2.0"),
        ("maven", "[2.0,1.0]", "2.0"),
        ("maven", "[1.0,1.0)", "1.0"),
        ("maven", "[1.0,2.0,3.0]", "[1.0"),
        ("maven", "[1.0,2.0) or so", "or so"),
        ("maven", "[]", "''"),
        ("nuget", "[latest]", "latest"),
        ("npm", "1." * 20_000, "characters"),
        ("npm", "=" + "9" * 200, "999"),
        ("npm", "^" + "9" * 100 + "x" * 40, "no version"),
        ("hex", ">=1.0", "hex"),
    ],
)
def test_what_cannot_be_read_is_named(package_type, text, offender):
    with pytest.raises(ValueError, match=re.escape(offender)):
        read_range(package_type, text)


def test_events_say_every_kind_of_bound():
    assert events(Interval()) == (Event(introduced="0"),)
    assert events(Interval(None, False, "1.5", False)) == (Event(introduced="0"), Event(fixed="1.5"))
    assert events(Interval("1", True, "2", True)) == (Event(introduced="1"), Event(last_affected="2"))
    # OSV has no open lower bound: 1.0 itself is reported too
    assert events(Interval("1.0", False, None, False)) == (Event(introduced="1.0"),)


def test_overlapping_intervals_stay_ranges_of_their_own():
    ranges, versions = as_osv("ECOSYSTEM", read_range("npm", "<=1.0.2||<2.3.10||=3.0.0||=3.0.0"))
    assert [each.events for each in ranges] == [
        (Event(introduced="0"), Event(last_affected="1.0.2")),
        (Event(introduced="0"), Event(fixed="2.3.10")),
    ]
    assert {each.type for each in ranges} == {"ECOSYSTEM"}
    assert versions == ("3.0.0",)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("1.9-beta", "1.10", -1),
        ("1.0", "1.0.0", 0),
        ("v2", "1.99999999999999999999", 1),
        ("1.0-beta", "1.0", None),
        ("1!1.0", "2.0", None),
        ("dev-master", "1.0", None),
    ],
)
def test_order_is_claimed_only_where_every_ecosystem_agrees(left, right, expected):
    assert order(left, right) == expected
    assert order(right, left) == (None if expected is None else -expected)


_alphabet = st.sampled_from(
    [*"0123456789.,|<>=!~^*xXvV[]() -+@_\xa0\x00", "||", ">=", "1.2", "alpha", "dev-", " - ", "é"]
)
_texts = st.one_of(st.text(max_size=40), st.lists(_alphabet, max_size=25).map("".join))
_types = st.sampled_from(sorted(PACKAGE_TYPES))


@given(_types, _texts)
def test_any_text_is_read_or_refused_and_what_is_read_can_be_written(package_type, text):
    try:
        intervals = read_range(package_type, text)
    except ValueError:
        return
    assert read_range(package_type, render(package_type, intervals)) == intervals
    for interval in intervals:
        assert all(each.introduced or each.fixed or each.last_affected for each in events(interval))


_versions = st.builds(
    "{}.{}.{}{}".format,
    st.integers(0, 30),
    st.integers(0, 30),
    st.integers(1, 30),
    st.sampled_from(["", "", "-rc.1", "-20240102030405-0123456789ab", "+build.5"]),
)


@st.composite
def _intervals(draw):
    kind = draw(st.sampled_from(["all", "below", "from", "between", "one"]))
    low, high = draw(_versions), draw(_versions)
    if kind == "all":
        return Interval()
    if kind == "one":
        return Interval(low, True, low, True)
    if kind == "between":
        assume(order(low, high) == -1)
    lower = None if kind == "below" else low
    upper = None if kind == "from" else high
    return Interval(
        lower, lower is not None and draw(st.booleans()), upper, upper is not None and draw(st.booleans())
    )


@given(_types, st.lists(_intervals(), max_size=6).map(tuple))
def test_intervals_come_back_from_their_canonical_text(package_type, intervals):
    assert read_range(package_type, render(package_type, intervals)) == intervals


@given(
    st.lists(st.integers(0, 20), min_size=1, max_size=4),
    st.lists(st.integers(0, 20), max_size=8),
    st.integers(0, 20),
)
def test_exclusions_take_out_their_version_and_no_other(bounds, excluded, probe):
    low, high = min(bounds), max(bounds) + 1
    text = ",".join([f">={low}.1", f"<{high}.1", *(f"!={n}.1" for n in excluded)])
    held = low <= probe < high and probe not in excluded
    try:
        intervals = read_range("pypi", text)
    except ValueError:
        assert not set(range(low, high)) - set(excluded)
        return
    assert any(_holds(interval, probe) for interval in intervals) == held


def _holds(interval, number):
    """Membership by plain numbers, for bounds of the form `<number>.1`."""
    if interval.lower is not None:
        low = int(interval.lower.split(".")[0])
        if number < low or (number == low and not interval.lower_closed):
            return False
    if interval.upper is not None:
        high = int(interval.upper.split(".")[0])
        if number > high or (number == high and not interval.upper_closed):
            return False
    return True
