"""Vectors, scores and words for how bad it is, and texts that contradict themselves."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.pipelines.feeds.rules.ratings import is_contradictory, ratings, severity, vectors

HIGH_3 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"
LOW_3 = "CVSS:3.1/AV:P/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N"
HIGH_2 = "AV:N/AC:L/Au:N/C:P/I:P/A:P"
HIGH_4 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:N/VA:N/SC:N/SI:N/SA:N"


def rated(text):
    return severity(vectors(text), ratings(text))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"CVSS Vector: ({HIGH_3}).", (HIGH_3,)),
        (HIGH_3.lower(), (HIGH_3,)),
        ("CVSS v3.1 Vector AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", (HIGH_3,)),
        ("CVSS 3.0 base 7.5 AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", (HIGH_3.replace("3.1", "3.0"),)),
        (f"({HIGH_2})", (HIGH_2,)),
        (f"{HIGH_2} and {HIGH_3} and {HIGH_4}", (HIGH_4, HIGH_3, HIGH_2)),
        ("CVSS:3.1/AV:N/AC:L", ()),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:X", ()),
        ("AV:Z/AC:L/Au:N/C:P/I:P/A:P", ()),
        (f"https://example.org/calculator#{HIGH_3}", (HIGH_3,)),
    ],
)
def test_vectors(text, found):
    assert tuple(one.value for one in vectors(text)) == found


@pytest.mark.parametrize(
    ("text", "band"),
    [
        ("Severity: Critical", "critical"),
        ("(Chromium security severity: High)", "high"),
        ("impact: Moderate (on a multiuser computer)", "medium"),
        ("Red Hat rates this as having a security impact of Important", "high"),
        ("This is a low severity issue.", "low"),
        ("CVSS 3.1 Base Score 7.5 (Availability impacts).", "high"),
        ("CVSS score: 9.8 / 10", "critical"),
        ("CVSSv2 base score of 7.5", "high"),
        ("It was rated as critical by the vendor.", None),
        ("highly critical infrastructure of low cost", None),
        ("A vulnerability was found in Foo and classified as problematic.", None),
    ],
)
def test_words_and_scores(text, band):
    found = rated(text)
    assert (found.value if found else None) == band
    if found:
        assert all(text[quote.start : quote.end] for quote in found.quotes)


def test_the_vector_outranks_the_word():
    text = f"Severity: low. {HIGH_3}"
    found = rated(text)
    assert (found.value, found.why) == ("high", "the vector's score, 7.5")
    assert text[found.quotes[0].start : found.quotes[0].end] == HIGH_3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (HIGH_3, False),
        (f"{HIGH_3} {HIGH_4}", False),
        (f"{HIGH_3} {LOW_3}", True),
        (f"Severity: medium {HIGH_3}", False),
        (f"Severity: low {HIGH_3}", True),
        ("Severity: low. Severity: critical.", True),
    ],
)
def test_contradictions(text, expected):
    assert is_contradictory(vectors(text), ratings(text)) is expected


def test_words_that_differ_make_a_word_less_sure():
    plain, torn = rated("Severity: low."), rated("Severity: low. Severity: critical.")
    assert torn.confidence < plain.confidence


@settings(max_examples=100)
@given(
    st.lists(
        st.sampled_from(
            ["severity", ":", "high", "low", "CVSS", "3.1", "9.8", "score", HIGH_3, HIGH_2, "/", "of", "\n"]
        ),
        max_size=15,
    )
)
def test_quotes_stand_in_the_text(words):
    text = " ".join(words)
    for one in vectors(text):
        assert all(
            text[quote.start : quote.end].upper().replace("AU:", "Au:") in one.value
            or one.value.endswith(text[quote.start : quote.end])
            for quote in one.quotes
        )
    for one in ratings(text):
        assert (
            str(one.band) in text[one.quote.start : one.quote.end].lower()
            or "9.8" in text[one.quote.start : one.quote.end]
        )


def test_many_words_of_rating_take_no_time():
    assert ratings("base base base risk " * 10_000) == ()
