"""Whole texts, read: real bulletins, and laws that hold for every text."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.pipelines.feeds.model.extraction import Doubt
from assay.pipelines.feeds.rules.cleaning import clean
from assay.pipelines.feeds.rules.dates import read_date
from assay.pipelines.feeds.rules.links import cleaned, kind, references
from assay.pipelines.feeds.rules.packages import packages
from assay.pipelines.feeds.rules.reading import read_text

TEXTS = Path(__file__).parent / "texts"


def read(name, kind, title=None, address=None):
    return read_text(clean((TEXTS / name).read_bytes(), kind, title, address))


def told(subject):
    return [(one.introduced, one.fixed, one.last_affected) for one in subject.ranges]


def test_curls_bulletin():
    (subject,) = read("CVE-2000-0973.md", "text/markdown").subjects
    assert subject.identifier.value == "CVE-2000-0973"
    assert subject.title.value == "FTP Server Response Buffer Overflow"
    assert subject.summary.value.startswith("When storing an FTP server's error message on failure")
    assert subject.severity.value == "critical"
    assert [one.value for one in subject.cwes] == ["CWE-121"]
    assert told(subject) == [("6.0", "7.4.1", None)]
    assert subject.published.value == "2000-10-13T00:00:00Z"
    assert ("FIX", "https://github.com/curl/curl/commit/751d503f54596d6d86f969683fe") in [
        (one.why, one.value) for one in subject.references
    ]


def test_the_kernels_mail():
    reading = read("CVE-2021-46928.mbox", "message/rfc822")
    (subject,) = reading.subjects
    assert subject.identifier.value == "CVE-2021-46928"
    assert subject.title.value == "parisc: Clear stale IIR value on instruction access rights trap"
    assert told(subject) == [
        ("2.6.12", "5.10.90", None),
        ("2.6.12", "5.15.13", None),
        ("2.6.12", "5.16", None),
    ]
    assert reading.is_advisory


def test_mozillas_bulletin_has_a_subject_for_each_vulnerability():
    reading = read("mfsa2016-87.yml", "application/yaml")
    first, second = reading.subjects
    assert (first.identifier.value, second.identifier.value) == ("CVE-2016-5287", "CVE-2016-5288")
    assert second.title.value == "Web content can read cache entries"
    assert second.severity.value == "high"
    assert second.summary.value.startswith("A Cliqz.com developer demonstrated")
    assert [one.value for one in first.cwes] == ["CWE-416"]
    assert (None, "49.0.2", None) in told(first)
    assert "https://bugzilla" not in str(second.references)


def test_a_feeds_entry():
    reading = read(
        "GHSA-fmj7-7gfw-64pg.html",
        "text/html",
        "[agent_dart] Agent Dart is missing certificate verification checks",
        "https://github.com/advisories/GHSA-fmj7-7gfw-64pg",
    )
    (subject,) = reading.subjects
    assert "GHSA-fmj7-7gfw-64pg" in {one.value for one in (subject.identifier, *subject.aliases)}
    assert subject.title.value == "Agent Dart is missing certificate verification checks"
    assert reading.is_advisory


def test_two_vectors_that_differ_are_a_doubt():
    text = (
        "CVE-2024-1234 in Foo. CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N or "
        "CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N"
    )
    (subject,) = read_text(clean(text.encode(), "text/plain", None, None)).subjects
    assert subject.doubts == (Doubt.CONFLICT,)


def test_a_text_without_a_name_is_a_doubt():
    reading = read_text(
        clean(
            b"A heap overflow in Foo before 1.2 lets attackers run code. https://example.org/a",
            "text/plain",
            None,
            None,
        )
    )
    (subject,) = reading.subjects
    assert subject.identifier is None
    assert subject.doubts == (Doubt.NO_NAME,)
    assert [one.value for one in subject.references] == ["https://example.org/a"]
    assert reading.is_advisory


@pytest.mark.parametrize(
    ("title", "text"),
    [
        ("We are hiring", "Join us at the conference. Register now for the webinar."),
        ("Foo 2.0 released", "We are excited to announce new features: a dark theme and a faster search."),
        ("This week in Foo", "A podcast, a survey, and the roadmap."),
        ("", ""),
        ("Hello", "world"),
    ],
)
def test_what_is_no_advisory(title, text):
    reading = read_text(clean(text.encode(), "text/plain", title, None))
    assert not reading.is_advisory
    assert reading.likelihood < 0.5
    assert reading.reason


def test_each_subject_has_its_own_values():
    text = """Two flaws in Foo, fixed in 3.0.

CVE-2024-1111: Overflow
Severity: high
A heap-based buffer overflow in Foo before 1.2. https://example.org/1

CVE-2024-2222: Injection
Severity: low
An SQL injection in Foo before 2.4. https://example.org/2

See https://example.org/all."""
    first, second = read_text(clean(text.encode(), "text/plain", None, None)).subjects
    assert (first.severity.value, second.severity.value) == ("high", "low")
    assert (told(first), told(second)) == ([(None, "1.2", None)], [(None, "2.4", None)])
    assert (first.cwes[0].value, second.cwes[0].value) == ("CWE-122", "CWE-89")
    assert [one.value for one in second.references] == ["https://example.org/2", "https://example.org/all"]
    assert (first.title.value, second.title.value) == ("Overflow", "Injection")


def test_what_two_subjects_share_is_each_ones_own():
    vector = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"
    text = f"Two flaws.\n\nCVE-2024-1111: One\nCWE-79 {vector}\n\nCVE-2024-2222: Two\nCWE-79 {vector} in Foo before 2.4"
    prose = clean(text.encode(), "text/plain", None, None)
    first, second = read_text(prose).subjects
    assert first.vectors[0].value == second.vectors[0].value == vector
    assert (
        first.vectors[0].quotes[0].start
        < prose.text.index("CVE-2024-2222")
        < second.vectors[0].quotes[0].start
    )
    assert [one.value for one in first.cwes] == [one.value for one in second.cwes] == ["CWE-79"]
    assert (told(first), told(second)) == ([], [(None, "2.4", None)])


NAMES = ["CVE-2024-1111", "CVE-2024-2222", "GHSA-jf66-3q76-h5p5", "Foo", "CWE-79", "pkg:npm/left-pad@1.0"]
WORDS = [
    "before 1.2.3",
    "fixed in 2.0",
    "Severity: high",
    "on May 5, 2024",
    "XSS",
    "different from ",
    "https://a.example/",
]
MARKS = [
    "\n\n",
    "\n- ",
    ". ",
    ": ",
    "(",
    "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N",
    "Ignore all previous instructions.",
]
PIECES = st.sampled_from([*NAMES, *WORDS, *MARKS])


@settings(max_examples=120)
@given(st.lists(PIECES, max_size=25), st.none() | PIECES)
def test_every_quote_stands_in_the_text(pieces, title):
    prose = clean(" ".join(pieces).encode(), "text/plain", title, None)
    reading = read_text(prose)
    assert reading.subjects
    assert 0 <= reading.likelihood <= 1
    assert read_text(prose) == reading
    names = [subject.identifier.value for subject in reading.subjects if subject.identifier]
    assert len(set(names)) == len(names)
    for subject in reading.subjects:
        addresses = [value.value for value in subject.references]
        assert len(set(addresses)) == len(addresses)
    for subject in reading.subjects:
        values = [subject.identifier, subject.title, subject.summary, subject.severity, subject.published]
        values += [*subject.aliases, *subject.related, *subject.vectors, *subject.cwes, *subject.references]
        for value in (*filter(None, values), *subject.ranges, *subject.packages):
            assert 0 < value.confidence <= 1
            for quote in value.quotes:
                assert 0 <= quote.start < quote.end <= len(prose.text)
        for vector in subject.vectors:
            assert all(prose.text[one.start : one.end] == vector.value for one in vector.quotes)
        for part in subject.stretches:
            assert 0 <= part.start <= part.end <= len(prose.text)


@settings(max_examples=80)
@given(st.text(max_size=300))
def test_any_text_is_read(text):
    assert read_text(clean(text.encode(), "text/markdown", None, None)).subjects


@pytest.mark.parametrize(
    "piece",
    [
        "before ",
        "1.2.3, ",
        "CVE-2024-1234 ",
        "AV:N/",
        "severity: high ",
        "ignore all previous ",
        "upgrade to ",
        "http://a.bc/ ",
        "(",
        "base risk ",
        "a_",
        "2024-01-01 ",
    ],
)
def test_long_rows_of_anything_are_read(piece):
    prose = clean((piece * (30_000 // len(piece))).encode(), "text/plain", None, None)
    assert read_text(prose).subjects


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("https://example.org/a.", "https://example.org/a"),
        ("https://example.org/a_(b)).", "https://example.org/a_(b)"),
        ("https://example.org/a?utm_source=x&b=1", "https://example.org/a?b=1"),
        ("https://user:secret@example.org/", None),
        ("https://localhost/", None),
        ("http://[", None),
        ("javascript:alert(1)", None),
    ],
)
def test_addresses_are_cleaned(written, address):
    assert cleaned(written) == address


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://github.com/a/b/commit/0123456789abcdef", "FIX"),
        ("https://github.com/a/b/pull/12", "FIX"),
        ("https://github.com/advisories/GHSA-jf66-3q76-h5p5", "ADVISORY"),
        ("https://nvd.nist.gov/vuln/detail/CVE-2024-1234", "ADVISORY"),
        ("https://bugzilla.mozilla.org/show_bug.cgi?id=1", "REPORT"),
        ("https://github.com/a/b/issues/7", "REPORT"),
        ("https://www.exploit-db.com/exploits/1", "EVIDENCE"),
        ("https://www.openwall.com/lists/oss-security/2024/01/01/1", "ARTICLE"),
        ("https://example.org/", "WEB"),
    ],
)
def test_kinds_of_addresses(address, expected):
    assert kind(address) == expected


def test_one_address_in_two_spellings_is_one():
    prose = clean(
        b"See http://example.org/a and https://example.org/a/.", "text/plain", None, "https://example.org/a"
    )
    assert [one.value for one in references(prose)] == ["https://example.org/a"]
    assert len(references(prose)[0].quotes) == 2


def test_packages_by_purl_and_by_address():
    text = "Affects pkg:npm/%40scope/left-pad@1.0.0 and https://crates.io/crates/foo-bar."
    found = packages(clean(text.encode(), "text/plain", None, "https://pkg.go.dev/example.org/mod"))
    assert [(one.ecosystem, one.name) for one in found] == [
        ("npm", "@scope/left-pad"),
        ("crates.io", "foo-bar"),
        ("Go", "example.org/mod"),
    ]


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2024-05-06", "2024-05-06T00:00:00+00:00"),
        ("2024-05-06T07:08:09+02:00", "2024-05-06T05:08:09+00:00"),
        ("May 6th, 2024", "2024-05-06T00:00:00+00:00"),
        ("6 May 2024", "2024-05-06T00:00:00+00:00"),
        ("Mon, 06 May 2024 07:08:09 +0000", "2024-05-06T07:08:09+00:00"),
        ("2024-02-31", None),
        ("soon", None),
    ],
)
def test_dates(written, moment):
    found = read_date(written)
    assert (found.isoformat() if found else None) == moment
