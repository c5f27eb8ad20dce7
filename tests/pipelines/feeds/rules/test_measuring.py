"""Labels out of records, and rates over them."""

import json
import zipfile
from pathlib import Path

import pytest

from assay.domain.severity import Band
from assay.pipelines.feeds.model.extraction import Range, Value
from assay.pipelines.feeds.model.reading import Subject
from assay.pipelines.feeds.rules.cleaning import clean
from assay.pipelines.feeds.rules.labels import of_cve, of_osv, plain
from assay.pipelines.feeds.rules.measuring import FIELDS, are_bounds, bounds, calibration_error, count, share
from assay.pipelines.feeds.rules.reading import read_text

SAMPLE = Path(__file__).parents[4] / "sample"


def labelled(archive, read, prefix):
    with zipfile.ZipFile(SAMPLE / archive) as opened:
        for name in sorted(opened.namelist()):
            if Path(name).name.startswith(prefix) and (label := read(opened.read(name))) is not None:
                yield label


def test_the_labels_of_a_cve_record():
    record = {
        "cveMetadata": {
            "cveId": "CVE-2024-1234",
            "state": "PUBLISHED",
            "datePublished": "2024-05-06T00:00:00Z",
            "assignerShortName": "acme",
        },
        "containers": {
            "cna": {
                "title": "Flaw",
                "descriptions": [
                    {"lang": "de", "value": "Fehler"},
                    {"lang": "en", "value": "Foo before 1.2"},
                ],
                "affected": [
                    {
                        "versions": [
                            {"version": "0", "lessThan": "v1.2", "status": "affected"},
                            {"version": "2.0", "status": "unaffected"},
                        ]
                    },
                    {
                        "versions": [
                            {"version": "<= 3.1", "status": "affected"},
                            {"version": "4.0 and prior", "status": "affected"},
                            {"version": "7", "status": "affected"},
                        ]
                    },
                ],
                "problemTypes": [{"descriptions": [{"lang": "en", "cweId": "CWE-79", "description": "XSS"}]}],
                "metrics": [
                    {
                        "cvssV3_1": {
                            "vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N",
                            "baseSeverity": "LOW",
                        }
                    }
                ],
            }
        },
    }
    label = of_cve(json.dumps(record).encode())
    assert (label.name, label.published, label.text) == (
        "CVE-2024-1234",
        "2024-05-06",
        "Flaw\n\nFoo before 1.2",
    )
    assert label.bounds == {("<", "1.2"), ("<=", "3.1"), ("<=", "4.0")}
    assert (label.exact, label.fixed, label.cwes, label.band) == ({"7"}, {"1.2"}, ("CWE-79",), Band.HIGH)
    record["cveMetadata"]["state"] = "REJECTED"
    assert of_cve(json.dumps(record).encode()) is None


def test_the_labels_of_an_osv_record():
    events = [{"introduced": "0"}, {"fixed": "1.2"}]
    ranges = [{"type": "SEMVER", "events": events}, {"type": "GIT", "events": [{"fixed": "abc"}]}]
    record = {
        "id": "GHSA-jf66-3q76-h5p5",
        "aliases": ["CVE-2024-1234"],
        "details": "Long",
        "affected": [{"ranges": ranges}],
        "database_specific": {"cwe_ids": ["CWE-79"], "severity": "MODERATE"},
    }
    label = of_osv(json.dumps(record).encode())
    assert (label.name, label.bounds, label.band) == ("CVE-2024-1234", {("<", "1.2")}, Band.MEDIUM)
    assert of_osv(json.dumps({**record, "withdrawn": "2024-06-01T00:00:00Z"}).encode()) is None
    assert of_osv(b"{") is None
    assert of_cve(b"{") is None


@pytest.mark.parametrize(
    ("written", "version"),
    [("v1.2", "1.2"), ("Version 1.2", "1.2"), ("1.2  RC1", "1.2 rc1"), ("vista", "vista")],
)
def test_versions_as_two_writers_agree_on_them(written, version):
    assert plain(written) == version


def test_an_end_that_is_told_from_both_sides_may_be_either():
    both = Range(fixed="1.3", last_named="1.2", confidence=0.9)
    assert bounds((both,)) == {("<", "1.3")}
    assert are_bounds((both,), frozenset({("<", "1.3")}))
    assert are_bounds((both,), frozenset({("<=", "1.2")}))
    assert not are_bounds((both,), frozenset({("<=", "1.2"), ("<", "1.3")}))


def test_calibration_error():
    assert calibration_error([(0.95, True)] * 95 + [(0.95, False)] * 5) == pytest.approx(0, abs=1e-9)
    assert calibration_error([(0.9, False)] * 10) == pytest.approx(0.9)
    assert calibration_error([]) is None
    assert share(1, 0) is None


def test_values_are_counted_by_field():
    label = of_osv(
        json.dumps(
            {
                "id": "GHSA-jf66-3q76-h5p5",
                "aliases": ["CVE-2024-1234"],
                "details": "x",
                "database_specific": {"cwe_ids": ["CWE-79"]},
            }
        ).encode()
    )
    rates = {}
    count(rates, label, Subject(identifier=Value(value="CVE-2024-1234", confidence=0.99)))
    count(
        rates,
        label,
        Subject(
            identifier=Value(value="CVE-2024-9999", confidence=0.5),
            cwes=(Value(value="CWE-79", confidence=0.9),),
        ),
    )
    assert (rates["identifier"].of, rates["identifier"].right, rates["identifier"].accepted) == (2, 1, 1)
    assert (rates["cwe"].of, rates["cwe"].answered, rates["cwe"].right) == (2, 1, 1)


def test_the_samples_records_are_read_as_well_as_measured():
    """A floor below what benchmarks/prose.py measures on 6,000 later records, so that a broken rule shows here."""
    rates = {}
    labels = [*labelled("cve.zip", of_cve, "CVE-"), *labelled("osv.zip", of_osv, "GHSA-")]
    # A part of the sample is enough, and less time.
    for label in labels[::3]:
        if label.source != "Linux":
            title = f"{label.name}: {label.title}"
            count(
                rates, label, read_text(clean(label.body.encode(), "text/markdown", title, None)).subjects[0]
            )
    assert rates.keys() <= set(FIELDS)
    assert rates["identifier"].right >= 0.995 * rates["identifier"].of
    for name, right in (("affected_versions", 0.65), ("fixed_version", 0.65), ("cwe", 0.5)):
        assert rates[name].of >= 20, name
        assert rates[name].right >= right * rates[name].of, name
