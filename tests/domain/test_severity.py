"""Scores are CVSS's own examples (FIRST's specification documents) and vectors out of real records."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.domain.severity import Band, Score, band_of_score, band_of_word, score

V2 = "AV:N/AC:L/Au:N/C:P/I:P/A:P"
V31 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
V4 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"


@pytest.mark.parametrize(
    ("vector", "expected"),
    [
        # CVSS 2.0 guide, section 3.3: the three worked examples.
        ("AV:N/AC:L/Au:N/C:N/I:N/A:C", Score("2.0", 7.8, Band.HIGH)),
        ("AV:N/AC:L/Au:N/C:C/I:C/A:C", Score("2.0", 10.0, Band.HIGH)),
        ("AV:L/AC:H/Au:N/C:C/I:C/A:C", Score("2.0", 6.2, Band.MEDIUM)),
        (V2, Score("2.0", 7.5, Band.HIGH)),
        ("AV:L/AC:H/Au:M/C:N/I:N/A:N", Score("2.0", 0.0, Band.LOW)),
        # CVSS 3.1 examples document.
        ("CVSS:3.0/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", Score("3.0", 6.4, Band.MEDIUM)),
        ("CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", Score("3.1", 3.1, Band.LOW)),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:H/I:H/A:H", Score("3.1", 9.6, Band.CRITICAL)),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", Score("3.1", 0.0, Band.NONE)),
        # The base score, whatever the temporal metrics say (CVE-2021-27050 states its temporal one, 6.8).
        ("CVSS:3.1/AV:L/AC:L/PR:N/UI:R/S:U/C:H/I:H/A:H/E:U/RL:O/RC:C", Score("3.1", 7.8, Band.HIGH)),
        (V4, Score("4.0", 9.3, Band.CRITICAL)),
        # CVSS 4.0 has one score, and threat metrics count in it.
        (V4 + "/E:U", Score("4.0", 8.1, Band.HIGH)),
    ],
)
def test_a_vector_comes_to_its_score(vector: str, expected: Score):
    assert score(vector) == expected


@pytest.mark.parametrize(
    ("vector", "plain"),
    [
        (f"({V2})", V2),
        (f"({V2.lower()})", V2),
        (V2.upper(), V2),
        (f" {V2}/ ", V2),
        (f"CVSS:2.0/{V2}", V2),
        (f"CVSS2#{V2}", V2),
        (f"{V31}/", V31),
        (V31.lower(), V31),
        # CVE-2019-3016 puts its score in front, as Red Hat does; 1.0 is what the record cannot make true.
        (f"6.2/{V31}", V31),
        (f"10/{V31}", V31),
        (f"{V4}/u:clear".lower(), f"{V4}/U:Clear"),
    ],
)
def test_a_vector_is_read_in_the_spellings_of_real_records(vector: str, plain: str):
    assert score(vector) == score(plain) is not None


@pytest.mark.parametrize(
    "vector",
    [
        "",
        "n/a",
        "7.5",
        "7.5/",
        "AV:N/AC:L/Au:N/C:P/I:P",
        V31.removesuffix("/A:H"),
        V31 + "/A:H",
        V31.replace("AV:N", "AV:Q"),
        V31.replace("3.1", "3.2"),
        V31.removeprefix("CVSS:3.1/"),
        V4.replace("VC:H", "VC:X"),
        f"{V31} {V31}",
        "AV:N/" * 100_000,
        "\x00",
        "\ud800",
        "CVSS:4.0/",
        "CVSS:3.1/:::/",
    ],
)
def test_what_is_no_vector_has_no_score(vector: str):
    assert score(vector) is None


WORDS = st.sampled_from(
    [*V31.split("/"), *V4.split("/"), *V2.split("/"), "CVSS:3.0", "E:P", "U:Red", "", ":", "AV"]
)


@given(st.one_of(st.text(max_size=60), st.lists(WORDS, max_size=14).map("/".join)))
def test_any_text_has_a_score_or_none(text: str):
    found = score(text)
    assert found is None or (
        0.0 <= found.value <= 10.0 and found.band is band_of_score(found.value, found.version)
    )


@pytest.mark.parametrize(
    ("value", "of_2", "of_3"),
    [
        (0.0, Band.LOW, Band.NONE),
        (0.1, Band.LOW, Band.LOW),
        (3.9, Band.LOW, Band.LOW),
        (4.0, Band.MEDIUM, Band.MEDIUM),
        (6.9, Band.MEDIUM, Band.MEDIUM),
        (7.0, Band.HIGH, Band.HIGH),
        (8.9, Band.HIGH, Band.HIGH),
        (9.0, Band.HIGH, Band.CRITICAL),
        (10.0, Band.HIGH, Band.CRITICAL),
    ],
)
def test_a_band_begins_where_its_version_says(value: float, of_2: Band, of_3: Band):
    assert band_of_score(value, "2.0") is of_2
    assert [band_of_score(value, version) for version in ("3.0", "3.1", "4.0")] == [of_3] * 3


def test_bands_are_ordered_by_how_bad_they_are():
    bands = [Band.NONE, Band.LOW, Band.MEDIUM, Band.HIGH, Band.CRITICAL]
    assert sorted([Band.HIGH, Band.CRITICAL, Band.NONE, Band.MEDIUM, Band.LOW]) == bands
    assert max(bands) is Band.CRITICAL
    assert min(bands) is Band.NONE
    for lower, higher in pairwise(bands):
        assert lower < higher
        assert lower <= higher
        assert higher > lower
        assert higher >= lower
        assert not higher < lower
        assert not lower >= higher


def test_a_band_compares_with_its_text_and_with_no_other():
    assert Band.CRITICAL > "high"
    assert Band("low") == "low"
    with pytest.raises(ValueError, match="urgent"):
        assert Band.LOW < "urgent"


@pytest.mark.parametrize(
    ("word", "band"),
    [
        ("MODERATE", Band.MEDIUM),
        ("Medium", Band.MEDIUM),
        ("important", Band.HIGH),
        ("HIGH ", Band.HIGH),
        ("Critical", Band.CRITICAL),
        ("negligible", Band.LOW),
        ("None", Band.NONE),
        ("Unknown", None),
        ("", None),
    ],
)
def test_a_databases_word_means_a_band(word: str, band: Band | None):
    assert band_of_word(word) is band
