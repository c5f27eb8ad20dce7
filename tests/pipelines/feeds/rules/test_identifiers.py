"""Which vulnerabilities a text is about, and which part of it is whose."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.pipelines.feeds.model.extraction import Quote
from assay.pipelines.feeds.rules.cleaning import clean
from assay.pipelines.feeds.rules.identifiers import mentions, names
from assay.pipelines.feeds.rules.stretches import stretches


def named(text, title=None, address=None):
    found = names(clean(text.encode(), "text/plain", title, address))
    return (
        [value.value for value in found.subjects],
        [value.value for value in found.aliases],
        [value.value for value in found.related],
    )


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("CVE-2024-1234", "CVE-2024-1234"),
        ("cve-2024-1234", "CVE-2024-1234"),
        ("CVE 2024 1234", "CVE-2024-1234"),
        ("CVE\u20112024\u20111234", "CVE-2024-1234"),
        ("CVE\u20132024\u20131234567", "CVE-2024-1234567"),
        ("CVE: 2024-1234", "CVE-2024-1234"),
        ("CVE-2024-0001", "CVE-2024-0001"),
        ("GHSA-jf66-3q76-h5p5", "GHSA-jf66-3q76-h5p5"),
        ("ghsa-JF66-3Q76-H5P5", "GHSA-jf66-3q76-h5p5"),
        ("PYSEC-2021-66", "PYSEC-2021-66"),
        ("RUSTSEC-2020-0001", "RUSTSEC-2020-0001"),
        ("GO-2022-0001", "GO-2022-0001"),
        ("RHSA-2024:1234", "RHSA-2024:1234"),
        ("USN-1234-1", "USN-1234-1"),
        ("XSA-123", "XSA-123"),
        ("mfsa2016-87", "MFSA-2016-87"),
        ("cisco-sa-iosxe-abc", "cisco-sa-iosxe-abc"),
    ],
)
def test_names_as_they_are_written(written, name):
    text = f"See {written}, please."
    (found,) = mentions(text)
    assert found.name == name
    assert text[found.quote.start : found.quote.end] == written


@pytest.mark.parametrize(
    "text", ["CVE-2024-123", "CVE-1234-5678", "XCVE-2024-1234", "GHSA-1111-0000-aaaa", "CVE-2024-", "cve"]
)
def test_what_only_looks_like_a_name(text):
    assert mentions(text) == ()


def test_the_title_outranks_the_body():
    assert named("It resembles CVE-2023-1111 in Bar.", "CVE-2024-1234: flaw in Foo") == (
        ["CVE-2024-1234"],
        [],
        ["CVE-2023-1111"],
    )


@pytest.mark.parametrize(
    "text",
    [
        # CVE-2016-0117, CVE-2024-27894 and their like.
        "CVE-2024-1234 is a flaw, a different vulnerability than CVE-2023-1111, CVE-2023-2222 and CVE-2023-3333.",
        "CVE-2024-1234 exists because of an incomplete fix for CVE-2023-1111.",
        "This is a bypass of CVE-2023-1111. The issue has been assigned CVE-2024-1234.",
        "Foo fails. The CVE project has assigned the name\nCVE-2024-1234 to this issue.\n\nSimilar to CVE-2023-1111.",
    ],
)
def test_what_a_text_compares_itself_with_is_related(text):
    subjects, _, related = named(text)
    assert subjects == ["CVE-2024-1234"]
    assert "CVE-2023-1111" in related


def test_a_name_at_the_start_of_a_wrapped_line_is_no_heading():
    text = (
        "Two flaws were like this one,\nCVE-2022-42916 and\nCVE-2022-30115.\n\n"
        "The project has assigned the name\nCVE-2022-43551 to this issue."
    )
    assert named(text)[0] == ["CVE-2022-43551"]


def test_the_address_of_the_entry_names_it_and_its_alias():
    text = "Foo is bad.\n\nReferences\n\n- https://nvd.example.org/vuln/detail/CVE-2024-1234"
    address = "https://github.com/advisories/GHSA-jf66-3q76-h5p5"
    assert named(text, "Foo", address) == (["CVE-2024-1234"], ["GHSA-jf66-3q76-h5p5"], [])


def test_several_cve_ids_among_the_links_do_not_name_an_advisory():
    text = "Foo is bad.\n\nReferences\n\n- https://nvd.example.org/CVE-2024-1234\n- https://nvd.example.org/CVE-2024-1235"
    subjects, _, related = named(text, "Foo", "https://github.com/advisories/GHSA-jf66-3q76-h5p5")
    assert subjects == ["GHSA-jf66-3q76-h5p5"]
    assert related == ["CVE-2024-1234", "CVE-2024-1235"]


def test_a_bulletin_is_a_name_where_there_is_no_other():
    assert named("A flaw in Xen.", "XSA-123: flaw")[0] == ["XSA-123"]
    assert named("A flaw in Xen.", "XSA-123 / CVE-2024-1234: flaw")[0] == ["CVE-2024-1234"]


def test_a_text_without_names():
    assert named("Nothing to see.") == ([], [], [])


SECTIONS = """Foo 2.0 fixes these.

CVE-2024-1111: Overflow
Impact: high

CVE-2024-2222: Injection
Impact: low

Thanks to all."""


def test_sections_belong_to_the_name_in_front():
    found = mentions(SECTIONS)
    owned = stretches(SECTIONS, 0, ["CVE-2024-1111", "CVE-2024-2222"], found)
    texts = {
        name: [SECTIONS[one.start : one.end].strip() for one in quotes] for name, quotes in owned.items()
    }
    assert texts == {
        "CVE-2024-1111": ["CVE-2024-1111: Overflow\nImpact: high"],
        "CVE-2024-2222": ["CVE-2024-2222: Injection\nImpact: low"],
    }


def test_sentences_belong_to_the_name_in_them():
    text = "CVE-2024-1111 affects Foo before 1.2. In Bar, CVE-2024-2222 lets people in."
    owned = stretches(text, 0, ["CVE-2024-1111", "CVE-2024-2222"], mentions(text))
    assert [text[one.start : one.end].strip() for one in owned["CVE-2024-2222"]] == [
        "In Bar, CVE-2024-2222 lets people in."
    ]


def test_one_subject_owns_the_whole_text():
    assert stretches("abc", 0, ["CVE-2024-1111"], ()) == {"CVE-2024-1111": (Quote(0, 3),)}


@settings(max_examples=150)
@given(st.text(st.sampled_from("CVE-2024 13GHSA\n.:,*#( "), max_size=120))
def test_mentions_stand_where_they_say(text):
    for found in mentions(text):
        quoted = text[found.quote.start : found.quote.end]
        assert quoted
        assert mentions(quoted)[0].name == found.name


def test_a_long_row_of_marks_takes_no_time():
    text = "different from " + ",;:-" * 5_000 + " CVE-2024-1234"
    assert [found.name for found in mentions(text)] == ["CVE-2024-1234"]
    assert named(text * 3)[0] == ["CVE-2024-1234"]
