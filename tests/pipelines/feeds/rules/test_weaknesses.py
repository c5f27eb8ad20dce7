"""Weaknesses that a text names, and those that its words make likely."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.pipelines.feeds.rules.weaknesses import explicit, guessed, model, phrases, phrases_of, weaknesses


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("CWE-79: Cross-site Scripting", ["CWE-79"]),
        ("(CWE 89) and cwe-0079", ["CWE-89", "CWE-79"]),
        ("see https://cwe.mitre.org/data/definitions/22.html", ["CWE-22"]),
        # Made up by a small model (research/llm.md): the form fits, no list has them.
        ("CWE-2200 and CWE-1234", []),
        ("CWE-noinfo", []),
    ],
)
def test_ids_that_stand_in_the_text(text, found):
    assert [one.value for one in explicit(text)] == found
    for one in explicit(text):
        assert all(one.value[4:] in text[quote.start : quote.end] for quote in one.quotes)


@pytest.mark.parametrize(
    ("text", "cwe"),
    [
        # CVE-2024-2185, CVE-2023-34474, CVE-2023-47516, CVE-2023-31038, with names left out.
        (
            "The plugin is vulnerable to Stored Cross-Site Scripting due to insufficient input sanitization.",
            "CWE-79",
        ),
        (
            "Cross-Site Request Forgery (CSRF) vulnerability in Category Post List Widget allows Stored XSS.",
            "CWE-352",
        ),
        (
            "SQL injection in Log4cxx when using the ODBC appender.",
            "CWE-89",
        ),
        (
            "A use-after-free in the WebRTC component could lead to a potentially exploitable crash.",
            "CWE-416",
        ),
    ],
)
def test_guesses(text, cwe):
    guess = guessed(text)
    assert guess.value == cwe
    assert guess.confidence > 0.7
    assert all(text[quote.start : quote.end] for quote in guess.quotes)


def test_a_text_that_says_nothing_gets_no_guess():
    assert weaknesses("The weather is fine.") == ()


def test_a_stated_weakness_outranks_a_guess():
    assert [one.value for one in weaknesses("SQL injection (CWE-564)")] == ["CWE-564"]


def test_the_model_is_whole():
    fitted = model()
    assert len(fitted.classes) == len(fitted.intercepts)
    places = range(len(fitted.classes))
    assert all(place in places for weights in fitted.weights.values() for place, _ in weights)
    shares, probabilities = zip(*fitted.knots, strict=True)
    assert list(shares) == sorted(shares)
    assert list(probabilities) == sorted(probabilities)
    assert probabilities[-1] > 0.9
    assert {int(cwe[4:]) for cwe in fitted.classes} <= set(fitted.known)


def test_every_phrase_can_be_seen_by_its_words():
    examples = (
        "XSS SQLi SSRF IDOR TOCTOU ReDoS CSRF null pointer, double-free, path traversal, LDAP injection"
    )
    seen = {phrase.cwe for phrase in phrases() if phrase.pattern.search(examples)}
    assert seen == phrases_of(examples).keys()
    assert len(seen) >= 10


@settings(max_examples=100)
@given(st.text(max_size=200))
def test_guesses_have_a_probability(text):
    for one in weaknesses(text):
        assert 0.3 < one.confidence < 1
        assert all(0 <= quote.start < quote.end <= len(text) for quote in one.quotes)
