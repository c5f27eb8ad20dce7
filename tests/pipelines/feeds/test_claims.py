"""An extraction as a claim: what the catalog reads of it without this room's tables."""

import msgspec
import pytest

from assay.catalog.model import Evidence, Reserve
from assay.errors import BadRecord
from assay.pipelines.feeds.model.extraction import Package, Range
from assay.pipelines.feeds.model.review import Record
from assay.pipelines.feeds.rules.claims import (
    affected_of,
    encode_record,
    products_of,
    quotes_of,
    read_decision,
    read_extraction,
    record_id_of,
)
from pipelines.feeds.scenes import NOW, PROSE, said, value

VECTOR = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"


def a_record(**changes) -> Record:
    extraction = changes.pop(
        "extraction", said(vectors=(value(VECTOR),), aliases=(value("GHSA-aaaa-bbbb-cccc"),))
    )
    values = {
        "identifier": "CVE-2026-9545", "feed": "curl", "entry_key": "1", "extraction": extraction,
        "address": "https://curl.example.org/1", "entry_title": "A post", "modified": NOW,
        "quotes": quotes_of(extraction, PROSE),
    }  # fmt: skip
    return Record(**(values | changes))


def test_a_record_reads_as_the_claim_that_it_stands_for():
    claim = read_extraction("r", encode_record(a_record(reserve=1)))
    assert (claim.source, claim.own, claim.aliases) == (
        "extraction",
        "CVE-2026-9545",
        ("GHSA-aaaa-bbbb-cccc",),
    )
    assert (claim.confidence, claim.reserve, claim.said_by) == (
        0.95,
        Reserve.UNREVIEWED,
        "from curl “A post”",
    )
    assert (claim.severity_word, claim.cwes, claim.severity[0].type) == ("Low", ("CWE-200",), "CVSS_V3")
    (affected,) = claim.affected
    assert affected.package is not None
    assert affected.package.name == "libcurl"
    assert [msgspec.structs.asdict(event) for event in affected.ranges[0].events][1][
        "last_affected"
    ] == "8.20.0"
    assert (claim.products[0].vendor, claim.products[0].versions) == ("curl", (">= 8.11.0, <= 8.20.0",))
    assert [one.url for one in claim.references] == ["https://curl.example.org/1"]
    assert Evidence("cwe_ids", "CWE-200") in claim.evidence


def test_a_decision_is_sure_and_says_who_decided():
    claim = read_decision("r", encode_record(a_record(decided_by="ada")))
    assert (claim.source, claim.confidence, claim.said_by) == ("person", 1.0, "ada, about curl “A post”")


@pytest.mark.parametrize("raw", [b"", b"{}", b'{"identifier": 1}', encode_record(a_record(identifier=" , "))])
def test_what_is_no_record_is_set_aside(raw):
    with pytest.raises(BadRecord):
        read_extraction("r", raw)


def test_a_range_that_could_be_about_any_of_several_packages_is_about_none():
    one, two = (Package(ecosystem="npm", name=name, confidence=1.0) for name in ("one", "two"))
    free = Range(fixed="2", confidence=1.0)
    named = Range(fixed="3", product="Two", confidence=1.0)
    first, second = affected_of([one, two], [free, named])
    assert (first.ranges, second.ranges[0].events[1].fixed) == ((), "3")
    (alone,) = affected_of([one], [free, named])
    assert [found.events[1].fixed for found in alone.ranges] == ["2"]


def test_each_product_has_its_own_versions():
    found = list(
        products_of(
            said(ranges=(Range(fixed="2", confidence=1.0), Range(exact="1", product="other", confidence=1.0)))
        )
    )
    assert [(one.product, one.versions) for one in found] == [("curl", ("< 2",)), ("other", ("1",))]


def test_a_record_id_is_the_same_for_the_same_entry_and_name_only():
    ids = {
        record_id_of(*one)
        for one in [
            ("a", "k", "CVE-1-1"),
            ("b", "k", "CVE-1-1"),
            ("a", "l", "CVE-1-1"),
            ("a", "k", "CVE-1-2"),
        ]
    }
    assert len(ids) == 4
    assert record_id_of("a", "k", "CVE-1-1") in ids
    assert len(record_id_of("a", "k" * 100_000, "CVE-1-1")) < 100
