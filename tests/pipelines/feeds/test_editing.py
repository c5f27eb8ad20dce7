"""What people write in the place of what was read: checked, and nothing lost that they leave alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import Permanent
from assay.pipelines.feeds.model.extraction import Origin, Range
from assay.pipelines.feeds.model.review import Edits
from assay.pipelines.feeds.rules.claims import range_in_words
from assay.pipelines.feeds.rules.editing import applied, as_edits, checked_identifier
from pipelines.feeds.scenes import TEXT, said, value

versions = st.from_regex(r"[1-9][0-9]{0,2}(\.[0-9a-z]{1,4}){0,3}(-rc[0-9])?", fullmatch=True)
ranges = st.builds(
    lambda kind, low, high, product: Range(
        confidence=1.0,
        product=product,
        **{"exact": {"exact": low}, "all": {}, "from": {"introduced": low}, "below": {"fixed": high},
           "to": {"introduced": low, "last_affected": high}, "between": {"introduced": low, "fixed": high}}[kind],
    ),
    st.sampled_from(["exact", "all", "from", "below", "to", "between"]),
    versions,
    versions,
    st.none() | st.sampled_from(["libcurl", "Some Product 2: the sequel"]),
)  # fmt: skip


@given(st.lists(ranges, max_size=4, unique_by=lambda one: (range_in_words(one), one.product)))
def test_what_is_shown_of_ranges_is_read_as_the_same(given_ranges):
    shown = as_edits(said(ranges=tuple(given_ranges))).ranges
    read = applied(said(ranges=()), Edits(ranges=shown), TEXT).ranges
    plain = [(one.product, one.introduced, one.fixed, one.last_affected, one.exact) for one in read]
    assert plain == [
        (one.product, one.introduced, one.fixed, one.last_affected, one.exact) for one in given_ranges
    ]


def test_what_is_left_as_it_is_keeps_its_places_and_its_origin():
    before = said()
    assert applied(before, as_edits(before), TEXT) == before
    assert applied(before, Edits(), TEXT) == before
    after = applied(before, Edits(vendor="Haxx", cwes=["CWE-200", "295"], product=None), TEXT)
    assert (after.product, after.cwes[0], after.severity) == (None, before.cwes[0], before.severity)
    assert (after.vendor.value, after.vendor.origin, after.vendor.quotes) == ("Haxx", Origin.PERSON, ())
    assert after.cwes[1].value == "CWE-295"


def test_what_a_person_writes_that_stands_in_the_text_is_quoted():
    (place,) = applied(said(), Edits(product="libcurl", vendor="Project curl"), TEXT).vendor.quotes
    assert TEXT[place.start : place.end] == "Project curl"


@pytest.mark.parametrize(
    ("edits", "names"),
    [
        ({"severity": "terrible"}, "severity"),
        ({"vectors": ["CVSS:3.1/AV:N"]}, "vectors"),
        ({"cwes": ["injection"]}, "cwes"),
        ({"references": ["javascript:alert(1)"]}, "references"),
        ({"packages": ["lodash"]}, "packages"),
        ({"ranges": ["before 2"]}, "ranges"),
        ({"ranges": ["< 2, <= 3"]}, "ranges"),
        ({"aliases": ["not a name"]}, "identifier"),
        ({"aliases": ["x_ASSAY-2026-1"]}, "only this installation"),
        ({"title": "x" * 100_001}, "title"),
    ],
)
def test_what_cannot_be_is_refused_and_named(edits, names):
    with pytest.raises(Permanent, match=names):
        applied(said(), Edits(**edits), TEXT)


def test_identifiers_are_written_as_their_database_does():
    assert checked_identifier(" cve-2024-3094,") == "CVE-2024-3094"
    assert checked_identifier("ghsa-JF66-3q76-h5p5") == "GHSA-jf66-3q76-h5p5"


def test_values_of_a_list_keep_what_supports_them():
    before = said(references=(value("https://curl.example.org"),))
    after = applied(
        before, Edits(references=["https://curl.example.org", "https://curl.example.org/2"]), TEXT
    )
    assert after.references[0] is before.references[0]
