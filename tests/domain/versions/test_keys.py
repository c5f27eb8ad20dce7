"""Version keys: each family's order as its specification tells it, equal spellings, and what no text can do."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.domain.versions import (
    ENCODER_VERSION,
    LONGEST_KEY,
    LONGEST_VERSION,
    Family,
    family_key,
    family_of,
    key,
)
from assay.domain.versions.encoding import MOST_DIGITS, number
from domain.versions.pools import compared, pairs, real_versions, version_pairs, versions
from domain.versions.specifications import COMPARE

FAMILIES = tuple(Family)
every_family = pytest.mark.parametrize("family", FAMILIES)


@every_family
@given(data=st.data())
@settings(max_examples=50)
def test_keys_order_as_the_specification_does(family: Family, data: st.DataObject) -> None:
    left, right = data.draw(version_pairs(family))
    found = compared(family, left, right)
    if found is not None:
        assert found == COMPARE[family](left, right)


@every_family
def test_thousands_of_near_neighbours_order_as_the_specification_does(family: Family) -> None:
    judged = 0
    for left, right in pairs(family, 3000, seed=1):
        found = compared(family, left, right)
        if found is not None:
            assert (left, right, found) == (left, right, COMPARE[family](left, right))
            judged += 1
    assert judged > 500


@every_family
def test_every_real_version_has_a_key(family: Family) -> None:
    unknown = [version for version in real_versions(family) if family_key(family, version) is None]
    # A Bitnami build by date is no semantic version.
    assert set(unknown) <= {"nightly.2026-03-10.0"}


@pytest.mark.parametrize(
    ("ecosystem", "ascending"),
    [
        # SemVer 2.0, section 11.4
        (
            "npm",
            "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0 1.0.0.1",
        ),
        ("Go", "0.0.0-20180523222229-09b5706aa936 0.0.0 1.9.0 1.10.0-0.20200101000000-abcdefabcdef 1.10.0"),
        ("Pub", "1.0.0-pre 1.0.0-pre+build 1.0.0 1.0.0+1 1.0.0+2 1.0.0+a 1.0.0+a1 1.0.1-0"),
        ("Echo:npm", "1.0.0 1.0.0+echo.1 1.0.0+echo.2 1.0.0+echo.10"),
        # PEP 440, "Summary of permitted suffixes and relative ordering"
        (
            "PyPI",
            (
                "trunk 0.1-bulbasaur 1.dev0 1.0.dev456 1.0a1 1.0a2.dev456 1.0a12 1.0b1.dev456 1.0b2 1.0b2.post345.dev4"
                " 1.0b2.post345 1.0rc1.dev456 1.0rc1 1.0 1.0+abc.5 1.0+abc.7 1.0+5 1.0.post456.dev34 1.0.post456 1.0.15"
                " 1.1.dev1 1!0.1"
            ),
        ),
        ("Maven", "1-alpha-1 1-alpha-2 1-beta 1-milestone-1 1-rc 1-SNAPSHOT 1 1-sp 1-xyz 1-1 1.1-rc 1.1"),
        ("RubyGems", "1.a.0.b 1.a.0.0.b 1.a 1.a.0.0.1 1.a.0.1 1.rc1 1 1.0.1 1.1"),
        ("NuGet", "1.0.0-alpha 1.0.0-alpha.1 1.0.0-beta 1.0.0 1.0.0.1 1.0.1"),
        ("Packagist", "1.0-xyz 1.0-dev 1.0-alpha1 1.0-alpha2 1.0-beta 1.0-RC1 1.0 1.0.0 1.0-p1 1.1"),
        ("Debian:12", "1.0~~ 1.0~~a 1.0~ 1.0 1.0-0.1 1.0-1 1.0a 1.0+b1 1.1 1:0.9"),
        ("Red Hat:enterprise_linux:9", "1.0~rc1 1.0 1.0-1 1.0-1.el9 1.0^git1 1.0.a 1.0.1 1:0.1"),
        (
            "Alpine:v3.20",
            "1.0_alpha 1.0_alpha1 1.0_beta 1.0_pre 1.0_rc1 1.0 1.0-r0 1.0_p1 1.0a 1.0.010 1.0.09 1.0.1",
        ),
        ("CRAN", "0.01 0.1-0 0.1.0.0 0.2 1.0"),
        ("Hackage", "0 0.1 1 1.0 1.0.0 1.0.1 1.1"),
    ],
)
def test_ascending_examples(ecosystem: str, ascending: str) -> None:
    keys = [key(ecosystem, version) for version in ascending.split()]
    assert None not in keys
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("ecosystem", "spellings"),
    [
        ("npm", "1.2.0 v1.2 1.2 =1.2.0 1.2.0+build 1.02.0 1.2.0.0"),
        ("npm", "1.0.0-rc1 1.0.0rc1 1.0-rc1+meta 1.0.0.rc1"),
        ("Go", "2.0.0+incompatible v2.0.0 2.0.0"),
        ("Pub", "1.0.0+1 v1.0.0+01"),
        ("PyPI", "1.0 1 1.0.0 v1.0 0!1.0 01.0"),
        ("PyPI", "1.0rc1 1.0c1 1.0-pre1 1.0_preview.1 1.0RC01"),
        ("PyPI", "1.0.post1 1.0-1 1.0rev1 1.0-r1"),
        ("PyPI", "1.0+ubuntu-1 1.0+ubuntu.1 1.0+Ubuntu_1"),
        ("Maven", "1 1.0 1.0.0 1-ga 1.Final 1.0.RELEASE 1- 1-0"),
        ("Maven", "1.0-RC1 1.0.RC1 1.0-cr-1 1rc1 1-rc-1.0"),
        ("Maven", "1.0a1 1-alpha-1 1.0-ALPHA1"),
        ("Maven", "4.1.0.Final-redhat-1 4.1.0-redhat-1 4.1-redhat1"),
        ("RubyGems", "1.0 1 1.0.0 01.0"),
        ("RubyGems", "1.0.a 1.a 1.a.0"),
        ("RubyGems", "1.0-java 1.0.pre.java"),
        ("NuGet", "1.0 1.0.0 1.0.0.0 1.0+meta"),
        ("NuGet", "1.0.0-Beta.1 1.0.0-beta.01"),
        ("Packagist", "1.0-alpha1 v1.0a1 1.0.alpha.1 1.0_a_1"),
        ("Debian", "1.0 0:1.0 1.0-0 01.00"),
        ("opam", "4.14.1 4.14.01"),
        ("Rocky Linux:9", "1.0-1 0:1.0-1 1_0-01"),
        ("Wolfi", "1.2-r1 01.2-r01"),
        ("CRAN", "0.1-0 0.01.0"),
        ("GHC", "9.4.7 09.04.7"),
    ],
)
def test_spellings_of_one_version_have_one_key(ecosystem: str, spellings: str) -> None:
    keys = {key(ecosystem, version) for version in spellings.split()}
    assert len(keys) == 1
    assert None not in keys


@pytest.mark.parametrize(
    ("ecosystem", "version"),
    [
        ("npm", "latest"),
        ("npm", "1.0.0-"),
        ("npm", "^1.2.3"),
        ("npm", "1.2.x"),
        ("Bitnami", "nightly.2026-03-10.0"),
        ("RubyGems", "1..2"),
        ("NuGet", "1.2.3.4.5"),
        ("Packagist", "1.0."),
        ("Packagist", "dev-feature/x"),
        ("Packagist", "dev-main"),
        ("Packagist", "2.x-dev"),
        ("Packagist", "v2.0.x-dev"),
        ("Debian", "a:1.0"),
        ("Debian", "1.0-"),
        ("AlmaLinux", "-1"),
        ("Alpine", "1.0-ruff"),
        ("Alpine", "1."),
        ("CRAN", "1.a"),
        ("Hackage", "1.0-2"),
        ("PyPI", "1.0\N{ARABIC-INDIC DIGIT ONE}"),
        ("npm", "1.0.\N{FULLWIDTH DIGIT ONE}"),
        ("Maven", "1.0\0"),
        ("PyPI", "\ud800"),
        ("PyPI", ""),
        ("PyPI", " "),
        ("npm", "1." + "9" * (MOST_DIGITS + 1)),
    ],
)
def test_what_is_no_version_is_unknown(ecosystem: str, version: str) -> None:
    assert key(ecosystem, version) is None


@pytest.mark.parametrize(
    ("ecosystem", "family"),
    [
        ("npm", Family.SEMVER),
        ("GitHub Actions", Family.SEMVER),
        ("VSCode:https://example.org", Family.SEMVER),
        ("Debian:12", Family.DEBIAN),
        ("Ubuntu:Pro:18.04:LTS", Family.DEBIAN),
        ("Red Hat:rhel_aus:8.4::appstream", Family.RPM),
        ("Echo", Family.DEBIAN),
        ("Echo:PyPI", Family.PYPI),
        ("TuxCare:Alpine:v3.16", Family.ALPINE),
        ("Docker Hardened Images:Debian:trixie", Family.DEBIAN),
        ("Docker Hardened Images", None),
        ("TuxCare:TuxCare:npm", None),
        ("Root:npm", None),
        ("OSS-Fuzz", None),
        ("Linux", None),
        ("GIT", None),
        ("Photon OS:3.0", None),
        ("pypi", None),
        ("", None),
        ("\ud800:12", None),
    ],
)
def test_the_order_of_an_ecosystem(ecosystem: str, family: Family | None) -> None:
    assert family_of(ecosystem) is family
    assert (key(ecosystem, "1.0") is None) is (family is None)


@every_family
@settings(max_examples=50)
@given(st.text() | st.text("0129.-+~_^:avrc \t\0\ud800"))
def test_no_text_raises_and_no_key_is_empty_or_long(family: Family, text: str) -> None:
    found = family_key(family, text)
    assert found is None or 0 < len(found) <= LONGEST_KEY


@every_family
@pytest.mark.parametrize("piece", ["1.", "a", "1", "-", "~", "_rc", "1a", ".0", "+", "é"])
def test_long_text_is_answered_at_once(family: Family, piece: str) -> None:
    assert family_key(family, "1" + piece * 100_000) is None
    family_key(family, ("1" + piece * LONGEST_VERSION)[:LONGEST_VERSION])


def test_a_key_has_a_bound() -> None:
    longest = "1" + ".1" * 255
    assert len(longest) <= LONGEST_VERSION
    assert family_key(Family.HACKAGE, longest[:101]) is not None
    assert family_key(Family.MAVEN, "1" + "a1" * 200) is None


@every_family
@given(data=st.data())
@settings(max_examples=30)
def test_white_space_around_a_version_does_not_matter(family: Family, data: st.DataObject) -> None:
    version = data.draw(versions(family))
    assert family_key(family, f" {version}\n") == family_key(family, version)


@given(st.integers(0, 10 ** (MOST_DIGITS - 1)), st.integers(0, 10 ** (MOST_DIGITS - 1)), st.integers(0, 3))
def test_numbers_of_any_size_order_as_numbers(left: int, right: int, zeros: int) -> None:
    a, b = number("0" * zeros + str(left)), number(str(right))
    assert ((a > b) - (a < b)) == ((left > right) - (left < right))
    assert not (a != b and (a.startswith(b) or b.startswith(a)))


def test_stored_keys_have_not_changed_under_their_version() -> None:
    """A change here needs a new ENCODER_VERSION, by which stored keys are encoded again."""
    examples = {
        ("npm", "1.2.3-rc.1"): "21312132213301d07263002131" + "01",
        ("PyPI", "1.0.dev3"): "02202131" + "0101" + "2133",
        ("Maven", "1.0-rc1"): "21310705" + "0c2131" + "08",
        ("Debian", "1:1.0-2"): "2131" + "02213" + "1ae0220" + "02" + "022132" + "02",
        ("Alpine", "1.2_p1-r3"): "213121320e09213107213306",
    }
    assert ENCODER_VERSION == 2
    assert {pair: (key(*pair) or b"").hex() for pair in examples} == examples
