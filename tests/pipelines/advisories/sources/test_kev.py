"""KEV's reader, tried on 20 real entries (of CISA's catalog of 2025-08-25, CC0) and on what it must refuse.

Run as a program, this file writes the golden file anew.
"""

import gzip
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.catalog.model import Claim, Exploited
from assay.errors import BadRecord, Permanent
from assay.pipelines.advisories.sources.kev import SOURCE, locate, read, split

HERE = Path(__file__).parent / "kev"
SAMPLE = gzip.decompress((HERE / "sample.json.gz").read_bytes())


def claims() -> dict[str, Claim]:
    return {name: read(name, raw) for name, raw in split(SAMPLE)}


def entry(**changed: Any) -> bytes:
    told = {"cveID": "CVE-2021-44228", "dateAdded": "2021-12-10", **changed}
    return msgspec.json.encode({key: value for key, value in told.items() if value is not ...})


def catalog(*entries: bytes, **told: Any) -> bytes:
    return msgspec.json.encode({"vulnerabilities": [msgspec.Raw(raw) for raw in entries], **told})


def test_real_entries_read_as_the_golden_file_says():
    golden = gzip.decompress((HERE / "expected.json.gz").read_bytes())
    assert msgspec.json.decode(msgspec.json.encode(claims())) == msgspec.json.decode(golden)
    assert len(claims()) == 20


def test_an_entry_speaks_of_exploitation_and_of_nothing_else():
    raw = dict(split(SAMPLE))["CVE-2025-53770"]
    told = msgspec.json.decode(raw)
    assert read("CVE-2025-53770", raw) == Claim(
        source="kev",
        record_id="CVE-2025-53770",
        own="CVE-2025-53770",
        exploited=Exploited(
            added_on=date(2025, 7, 20),
            due_on=date(2025, 7, 21),
            ransomware=True,
            required_action=told["requiredAction"],
            notes=told["notes"],
        ),
    )


@pytest.mark.parametrize(
    ("word", "is_known"), [("Known", True), ("known ", True), ("Unknown", False), ("", False)]
)
def test_ransomware_is_what_cisa_knows(word: str, is_known: bool):
    exploited = read("CVE-2021-44228", entry(knownRansomwareCampaignUse=word)).exploited
    assert exploited is not None
    assert exploited.ransomware is is_known


@pytest.mark.parametrize("due", ["", "soon", "2021-02-30", "0000-00-00", None, ...])
def test_a_due_date_that_is_none_costs_nothing_else(due: Any):
    exploited = read("CVE-2021-44228", entry(dueDate=due)).exploited
    assert exploited == Exploited(added_on=date(2021, 12, 10))


@pytest.mark.parametrize("day", ["2021-12-10", " 2021-12-10 ", "2021-12-10T13:00:00Z"])
def test_the_day_counts_and_no_time_of_it(day: str):
    exploited = read("CVE-2021-44228", entry(dateAdded=day)).exploited
    assert exploited is not None
    assert exploited.added_on == date(2021, 12, 10)


def test_an_identifier_is_normalised():
    assert read("CVE-2021-44228", entry(cveID=" cve-2021-44228,")).own == "CVE-2021-44228"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "not-json"),
        (b"CVE-2021-44228", "not-json"),
        (entry()[:-1], "not-json"),
        (b'{"cveID":"CVE-2021-44228","notes":"\xff"}', "not-json"),
        (b'{"cveID":"CVE-2021-44228","new":"\xff"}', "not-json"),
        (b'{"cveID":"CVE-2021-44228","notes":"\\ud800"}', "not-json"),
        (b"[]", "wrong-type"),
        (entry(cveID=1), "wrong-type"),
        (entry(notes=["x"]), "wrong-type"),
        (b'{"new":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "too-deep"),
        (entry(cveID=...), "missing-id"),
        (entry(cveID=None), "missing-id"),
        (entry(cveID=" "), "missing-id"),
        (entry(cveID="CVE-2021"), "bad-id"),
        (entry(cveID="CVE-2021-44229"), "id-mismatch"),
        (entry(dateAdded=...), "bad-date"),
        (entry(dateAdded="10.12.2021"), "bad-date"),
        (entry(dateAdded="2021-13-01"), "bad-date"),
    ],
)
def test_an_entry_that_cannot_be_used_says_why(raw: bytes, reason: str):
    with pytest.raises(BadRecord) as caught:
        read("CVE-2021-44228", raw)
    assert caught.value.reason == reason
    assert caught.value.detail


def test_entries_keep_their_own_bytes():
    one = b'{ "cveID" : "CVE-2021-44228",\n "dateAdded":"2021-12-10" }'
    assert split(b'\xef\xbb\xbf{"vulnerabilities": [' + one + b"]}") == [("CVE-2021-44228", one)]


@pytest.mark.parametrize("odd", [entry(cveID=...), entry(cveID=7), entry(cveID="#1"), b"3", b"null", b"[]"])
def test_an_entry_without_an_id_is_named_by_its_place_and_refused(odd: bytes):
    found = split(catalog(entry(), odd))
    assert found == [("CVE-2021-44228", entry()), ("#2", odd)]
    with pytest.raises(BadRecord):
        read(*found[1])


def test_the_second_entry_for_a_cve_is_set_aside():
    second = entry(dateAdded="2022-01-01")
    found = split(catalog(entry(), second))
    assert found == [("CVE-2021-44228", entry()), ("#2", second)]
    with pytest.raises(BadRecord) as caught:
        read(*found[1])
    assert caught.value.reason == "id-mismatch"


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<html>503</html>",
        b"[]",
        b"{}",
        b'{"vulnerabilities": null}',
        b'{"vulnerabilities": {}}',
        b'{"vulnerabilities": [], "count": "many"}',
        b'{"vulnerabilities": [], "title": "\xff"}',
        SAMPLE[:-100],
        b'{"vulnerabilities": [' + b"[" * 100_000 + b"]" * 100_000 + b"]}",
    ],
)
def test_a_document_that_is_not_the_catalog_is_refused_whole(document: bytes):
    with pytest.raises(Permanent, match="look at what the address serves"):
        split(document)


@pytest.mark.parametrize(("count", "entries"), [(1404, 1200), (20, 18), (0, 1), (10, 20), (1, 0)])
def test_a_count_that_is_far_from_the_list_is_refused(count: int, entries: int):
    rows = [entry(cveID=f"CVE-2021-{number}") for number in range(1000, 1000 + entries)]
    with pytest.raises(Permanent, match=f"{count} entries"):
        split(catalog(*rows, count=count))


@pytest.mark.parametrize(("count", "entries"), [(20, 19), (19, 20), (20, 20), (None, 3), (0, 0)])
def test_a_count_that_is_near_the_list_is_believed(count: int | None, entries: int):
    rows = [entry(cveID=f"CVE-2021-{number}") for number in range(1000, 1000 + entries)]
    assert len(split(catalog(*rows, count=count))) == entries


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("cveID", "dateAdded", "dueDate", "knownRansomwareCampaignUse", "requiredAction", "notes")


@given(st.binary() | st.dictionaries(st.sampled_from(FIELDS), JSON).map(lambda told: entry(**told)))
def test_any_bytes_are_a_claim_or_a_bad_record(raw: bytes):
    try:
        claim = read("CVE-2021-44228", raw)
    except BadRecord:
        return
    assert msgspec.json.decode(msgspec.json.encode(claim), type=Claim) == claim


@given(st.binary() | st.lists(JSON, max_size=4).map(lambda rows: catalog(*map(msgspec.json.encode, rows))))
def test_any_document_is_split_or_refused_and_no_entry_is_lost(document: bytes):
    try:
        found = split(document)
    except Permanent:
        return
    assert [raw for _, raw in found] == [
        msgspec.json.encode(row) for row in msgspec.json.decode(document)["vulnerabilities"]
    ]
    assert len(dict(found)) == len(found)


def test_only_the_catalog_is_located():
    assert locate("known_exploited_vulnerabilities.json") == "known_exploited_vulnerabilities"
    assert locate("a/b/known_exploited_vulnerabilities.json") == "known_exploited_vulnerabilities"
    assert locate("known_exploited_vulnerabilities_schema.json") is None
    assert locate("known_exploited_vulnerabilities.json/x.json") is None
    assert (SOURCE.name, SOURCE.read, SOURCE.split, SOURCE.locate) == ("kev", read, split, locate)


if __name__ == "__main__":
    (HERE / "expected.json.gz").write_bytes(gzip.compress(msgspec.json.encode(claims()), 9, mtime=0))
