"""The spellings are those of real records: blanks of Drupal, lower case of CleanStart, commas of Debian."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from assay.domain.identifiers import cve_order, database, is_cve, normalise, normalise_all


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("CVE-2020-13665 ", "CVE-2020-13665"),
        (" CVE-2026-49977 ", "CVE-2026-49977"),
        ("cve-2021-44228", "CVE-2021-44228"),
        ("GHSA-jf66-3q76-h5p5,", "GHSA-jf66-3q76-h5p5"),
        ("GHSA-jf66-\x003q76-h5p5", "GHSA-jf66-3q76-h5p5"),
        ("ghsa-JF66-3Q76-H5P5", "GHSA-jf66-3q76-h5p5"),
        ("CVE-2014-4671A", "CVE-2014-4671A"),
        ("pysec-2021-19", "PYSEC-2021-19"),
        ("ALSA-2019:3338", "ALSA-2019:3338"),
        ("openSUSE-SU-2024:1", "openSUSE-SU-2024:1"),
        ("SNYK-JS-Lodash-1", "SNYK-JS-Lodash-1"),
        ("\x00CVE-2020-\x001234", "CVE-2020-1234"),
        ("\u00a0GO-2022-0617\t", "GO-2022-0617"),
        ("", None),
        (" ,;\"'\r\n", None),
    ],
)
def test_an_identifier_is_written_as_its_database_writes_it(written: str, name: str | None):
    assert normalise(written) == name


PIECES = st.sampled_from(
    ["CVE-", "cve-", "GHSA", "-aBc1", "-2021", "-12345", " ", "\x00", ",", "'", "\u0131", "\u212a"]
)


@given(st.one_of(st.text(), st.lists(PIECES, max_size=8).map("".join)))
@example("ghsa-jf66-\x003Q76-h5p5")
def test_normalising_twice_changes_nothing(text: str):
    once = normalise(text)
    assert once is None or normalise(once) == once != ""


@given(st.lists(st.text(max_size=6)))
def test_a_list_keeps_each_name_once_and_in_order(texts: list[str]):
    found = normalise_all(texts)
    assert len(set(found)) == len(found)
    assert list(found) == list(dict.fromkeys(name for text in texts if (name := normalise(text)) is not None))


def test_no_list_has_no_names():
    assert normalise_all(None) == normalise_all([]) == ()


@pytest.mark.parametrize(
    ("identifier", "is_one"),
    [
        ("CVE-1999-0006", True),
        ("CVE-2024-1000000", True),
        ("CVE-2024-301", False),
        ("CVE-2014-4671A", False),
        ("CVE-24-3014", False),
        ("DEBIAN-CVE-2024-3014", False),
        ("CVE-2024-3014\n", False),
        ("CVE-\u0662\u0660\u0662\u0664-3014", False),
    ],
)
def test_a_cve_id_is_told_from_what_looks_like_one(identifier: str, is_one: bool):
    assert is_cve(identifier) is is_one


def test_cve_ids_are_ordered_by_year_and_number():
    shuffled = ["CVE-2024-10000", "CVE-2023-99999", "CVE-2024-9999", "CVE-1999-0001"]
    assert sorted(shuffled, key=cve_order) == [
        "CVE-1999-0001",
        "CVE-2023-99999",
        "CVE-2024-9999",
        "CVE-2024-10000",
    ]
    with pytest.raises(ValueError, match="GHSA"):
        cve_order("GHSA-jf66-3q76-h5p5")


def test_the_prefix_names_the_database():
    assert [database(name) for name in ("CVE-2024-3014", "GHSA-jf66-3q76-h5p5", "OSV")] == [
        "CVE",
        "GHSA",
        "OSV",
    ]
