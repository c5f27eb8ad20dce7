"""Reading the CVE list: real records against their claims, the rules, and bytes that are no record.

`python tests/pipelines/advisories/sources/test_cve.py <cve.zip>` cuts the sample from a zip of the list again
and writes down what is read now; review the difference before it is committed.
"""

import gzip
import io
import json
import re
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from assay.catalog.model import Claim, Product
from assay.domain.osv import Credit, Reference, Severity
from assay.errors import BadRecord
from assay.pipelines.advisories.sources import discover
from assay.pipelines.advisories.sources.cve import SOURCE, VERSIONS_KEPT

FOLDER = Path(__file__).parent / "cve"
ID = "CVE-2024-3014"

# Real records and what each is here for.
CHOSEN = {
    "CVE-1999-0006": "dates without zone, an ftp link, links repeated by the CVE Program Container",
    "CVE-2002-0655": "CNA submission form without dates; severity word 'unknown'; text in format 5.0",
    "CVE-2006-20001": "Apache's textual severity",
    "CVE-2007-10003": "CVSS 2.0, 3.0 and 3.1; German beside English",
    "CVE-2007-2534": "disputed by tag",
    "CVE-2014-3513": "OpenSSL's severity word, no vector",
    "CVE-2017-2681": "CVSS 4.0 among others",
    "CVE-2018-25046": "Go's submission form: no state, no dates",
    "CVE-2019-0715": "en-US only; dates with an offset",
    "CVE-2019-25161": "rejected",
    "CVE-2020-10128": "CWE only in the text of the problem type",
    "CVE-2020-36776": "kernel: short commits, default status affected",
    "CVE-2020-5245": "GitHub's own advisory id",
    "CVE-2021-33632": "versionType git with package versions and prose changes",
    "CVE-2022-1415": "Red Hat's rating, products with CPE names",
    "CVE-2022-25479": "dateUpdated without zone",
    "CVE-2022-25769": "a GHSA id of a CNA that is not GitHub",
    "CVE-2022-49046": "kernel: commits without an end, commits and versions in one block",
    "CVE-2023-0459": "last affected commit",
    "CVE-2023-20238": "more versions than are kept",
    "CVE-2023-27437": "n/a as start of a range; a change behind its end",
    "CVE-2023-29451": "git versions that are none, blank behind a version",
    "CVE-2023-41725": "CVSS 3.0 by the CNA and 3.1 by the ADP",
    "CVE-2023-45128": "several CWEs",
    "CVE-2023-46241": "commits without a repository",
    "CVE-2023-7259": "disputed by the text's first words",
    "CVE-2024-10297": "four CVSS versions",
    "CVE-2024-2313": "many kinds of credit",
    "CVE-2024-24992": "a link glued to an id",
    "CVE-2024-25286": "rejected, dates without zone",
    "CVE-2024-2660": "two changes in one range",
    "CVE-2024-33382": "product known to the ADP only",
    "CVE-2024-3393": "changes per branch; the ADP repeats the product",
    "CVE-2024-34588": "an escape that looks like a surrogate",
    "CVE-2024-47177": "several GHSA ids in links",
}


def sample() -> dict[str, bytes]:
    with zipfile.ZipFile(FOLDER / "sample.zip") as archive:
        return {SOURCE.locate(name): archive.read(name) for name in archive.namelist()}


def record(cna=None, *, adp=None, meta=None, **top) -> bytes:
    whole = {
        "dataType": "CVE_RECORD",
        "dataVersion": "5.1",
        "cveMetadata": {"cveId": ID, "state": "PUBLISHED", **(meta or {})},
        "containers": {"cna": cna if cna is not None else {}, **({"adp": adp} if adp is not None else {})},
        **top,
    }
    return json.dumps(whole).encode()


def read(cna=None, **parts) -> Claim:
    return SOURCE.read(ID, record(cna, **parts))


def written(claim: Claim) -> dict[str, object]:
    return msgspec.json.decode(msgspec.json.encode(claim))


def refusal(raw: bytes, record_id: str = ID) -> str:
    with pytest.raises(BadRecord) as caught:
        SOURCE.read(record_id, raw)
    assert caught.value.detail
    return caught.value.reason


def test_sample_holds_every_chosen_record():
    assert set(sample()) == set(CHOSEN)


@pytest.mark.parametrize("cve", CHOSEN)
def test_real_record_is_read_as_before(cve):
    expected = json.loads(gzip.decompress((FOLDER / "expected.json.gz").read_bytes()))
    assert written(SOURCE.read(cve, sample()[cve])) == expected[cve]


def test_sample_zip_is_written_deterministically():
    members = {info.filename: info for info in zipfile.ZipFile(FOLDER / "sample.zip").infolist()}
    assert {info.date_time for info in members.values()} == {(1980, 1, 1, 0, 0, 0)}
    assert list(members) == sorted(members)
    assert (FOLDER / "expected.json.gz").read_bytes()[4:8] == bytes(4)


def test_only_githubs_real_records_have_an_alias():
    raws = sample()
    aliased = {cve: SOURCE.read(cve, raw).aliases for cve, raw in raws.items()}
    assert aliased["CVE-2020-5245"] == ("GHSA-3mcp-9wr4-cjqf",)
    assert {cve for cve, names in aliased.items() if names} == {
        cve for cve in raws if b'"GitHub_M"' in raws[cve]
    }
    mautic = SOURCE.read("CVE-2022-25769", raws["CVE-2022-25769"])
    assert mautic.aliases == ()
    assert mautic.related[0].startswith("GHSA-")


def test_real_rejected_record():
    claim = SOURCE.read("CVE-2024-25286", sample()["CVE-2024-25286"])
    assert claim.is_rejected
    assert claim.withdrawn is not None
    assert claim.withdrawn.tzinfo is UTC
    assert claim.details
    assert claim.products == ()


def test_real_kernel_record_keeps_all_commits_in_one_range():
    claim = SOURCE.read("CVE-2022-49046", sample()["CVE-2022-49046"])
    (affected,) = claim.affected
    (commits,) = affected.ranges
    assert commits.type == "GIT"
    assert sum(event.introduced is not None for event in commits.events) == 7
    assert sum(event.fixed is not None for event in commits.events) == 4
    assert not any(re.search("[0-9a-f]{40}", text) for one in claim.products for text in one.versions)


def test_volatile_blanks_stamps_only():
    raw = sample()["CVE-2024-33382"]
    later = re.sub(rb'("(?:dateUpdated|timestamp)": *")[^"]*', rb"\g<1>2031-01-01T00:00:00.000Z", raw)
    assert later != raw
    assert SOURCE.volatile is not None
    assert SOURCE.volatile.sub(b"", later) == SOURCE.volatile.sub(b"", raw)
    other = raw.replace(b'"datePublished": "2024', b'"datePublished": "2023')
    other = other if other != raw else raw.replace(b'"datePublished":"2024', b'"datePublished":"2023')
    assert other != raw
    assert SOURCE.volatile.sub(b"", other) != SOURCE.volatile.sub(b"", raw)


def test_is_found_as_a_source():
    assert discover()["cve"] is SOURCE


@pytest.mark.parametrize(
    ("path", "cve"),
    [
        ("cvelistV5-main/cves/2024/3xxx/CVE-2024-3014.json", ID),
        ("cves/2024/3xxx/CVE-2024-3014.json", ID),
        ("CVE-2024-3014.json", ID),
        ("cves/2024/1000xxx/CVE-2024-1000123.json", "CVE-2024-1000123"),
        ("cvelistV5-main/cves/delta.json", None),
        ("cvelistV5-main/cves/deltaLog.json", None),
        ("cvelistV5-main/README.md", None),
        ("cves/2024/3xxx/", None),
        ("cves/2024/3xxx/CVE-2024-301.json", None),
        ("cves/2024/3xxx/CVE-2024-3014.json.bak", None),
        ("cves/2024/3xxx/XCVE-2024-3014.json", None),
        ("cves/2024/3xxx/CVE-2024-3014.json\n", None),
        ("", None),
    ],
)
def test_path_names_the_record(path, cve):
    assert SOURCE.locate(path) == cve


def test_english_is_preferred_then_its_dialects_then_anything():
    german, british, english = ({"lang": lang, "value": lang} for lang in ("de", "en-GB", "en"))
    assert read({"descriptions": [german, british, english]}).details == "en"
    assert read({"descriptions": [german, british]}).details == "en-GB"
    assert read({"descriptions": [german]}).details == "de"
    assert read({"descriptions": [{"lang": "en", "value": " "}, german]}).details == "de"


def test_html_copy_is_not_read():
    media = [{"type": "text/html", "base64": False, "value": "<p>text</p>"}]
    claim = read({"descriptions": [{"lang": "en", "value": "text", "supportingMedia": media}]})
    assert claim.details == "text"


def test_title_of_an_adp_is_no_summary():
    adp = [{"title": "CISA ADP Vulnrichment"}]
    assert read({}, adp=adp).summary is None
    assert read({"title": " A title "}, adp=adp).summary == "A title"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-04-01T10:00:00.000Z", datetime(2024, 4, 1, 10, tzinfo=UTC)),
        ("2024-04-01T10:00:00", datetime(2024, 4, 1, 10, tzinfo=UTC)),
        ("2024-04-01T10:00:00+02:00", datetime(2024, 4, 1, 8, tzinfo=UTC)),
        ("2024-04-01", datetime(2024, 4, 1, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-01:00", None),
        ("last Tuesday", None),
        ("", None),
        (None, None),
    ],
)
def test_times_are_utc_or_none(text, moment):
    claim = read(meta={"datePublished": text, "dateUpdated": text})
    assert claim.published == moment
    assert claim.modified == moment


def test_submission_form_dates():
    cna = {"datePublic": "2024-01-02T00:00:00", "providerMetadata": {"dateUpdated": "2024-01-03T00:00:00Z"}}
    claim = SOURCE.read(ID, json.dumps({"cveMetadata": {"cveId": ID}, "containers": {"cna": cna}}).encode())
    assert claim.published == datetime(2024, 1, 2, tzinfo=UTC)
    assert claim.modified == datetime(2024, 1, 3, tzinfo=UTC)
    assert not claim.is_rejected


def test_missing_state_with_rejected_reasons_is_rejected():
    cna = {
        "rejectedReasons": [{"lang": "en", "value": "a duplicate"}],
        "replacedBy": ["CVE-2024-1", ID, "cve-2024-3015"],
    }
    claim = SOURCE.read(ID, json.dumps({"cveMetadata": {"cveId": ID}, "containers": {"cna": cna}}).encode())
    assert claim.is_rejected
    assert claim.withdrawn is None
    assert claim.details == "a duplicate"
    assert claim.related == ("CVE-2024-1", "CVE-2024-3015")


def test_rejection_is_dated_by_its_own_date_first():
    meta = {"state": "REJECTED", "dateUpdated": "2024-02-02T00:00:00Z"}
    assert read(meta=meta).withdrawn == datetime(2024, 2, 2, tzinfo=UTC)
    meta["dateRejected"] = "2024-02-01T00:00:00"
    assert read(meta=meta).withdrawn == datetime(2024, 2, 1, tzinfo=UTC)


def test_published_is_not_rejected_by_stray_reasons():
    assert not read({"rejectedReasons": [{"lang": "en", "value": "no"}]}).is_rejected


@pytest.mark.parametrize(
    ("cna", "is_disputed"),
    [
        ({"tags": ["disputed"]}, True),
        ({"descriptions": [{"lang": "en", "value": "** DISPUTED ** no bug"}]}, True),
        ({"descriptions": [{"lang": "en", "value": "It is ** DISPUTED ** by some"}]}, False),
        ({"tags": ["unsupported-when-assigned"]}, False),
    ],
)
def test_disputed(cna, is_disputed):
    assert read(cna).is_disputed is is_disputed


GHSA = "GHSA-3mcp-9wr4-cjqf"


@pytest.mark.parametrize(
    ("meta", "advisory", "aliases", "related"),
    [
        ({"assignerShortName": "GitHub_M"}, GHSA, (GHSA,), ()),
        ({"assignerOrgId": "a0819718-46f1-4df5-94e2-005712e83aaa"}, GHSA, (GHSA,), ()),
        ({"assignerShortName": "Mautic"}, GHSA, (), (GHSA,)),
        ({"assignerShortName": "GitHub_M"}, "GHSA-3mcp-9wr4", (), ()),
        ({"assignerShortName": "GitHub_M"}, ["GHSA-3mcp-9wr4-cjqf"], (), ()),
    ],
)
def test_advisory_id_is_an_alias_where_github_assigned(meta, advisory, aliases, related):
    claim = read({"source": {"advisory": advisory, "defect": [["x"]]}}, meta=meta)
    assert (claim.aliases, claim.related) == (aliases, related)


def test_advisory_in_a_link_is_related_only():
    url = "https://example.org/a/security/advisories/"
    links = [
        {"url": url + GHSA},
        {"url": url + "ghsa-AAAA-2222-bbbb"},
        {"url": url + "GHSA-toolong-2222-bbbb"},
    ]
    claim = read({"references": links}, meta={"assignerShortName": "GitHub_M"})
    assert claim.aliases == ()
    assert claim.related == (GHSA, "GHSA-aaaa-2222-bbbb")
    both = read(
        {"references": links[:1], "source": {"advisory": GHSA}}, meta={"assignerShortName": "GitHub_M"}
    )
    assert (both.aliases, both.related) == ((GHSA,), ())


V2 = "AV:N/AC:L/Au:N/C:P/I:P/A:P"
V30, V31, V31_OTHER = (
    f"CVSS:3.{x}/AV:N/AC:L/PR:N/UI:N/S:U/C:{c}/I:N/A:N" for x, c in ((0, "H"), (1, "H"), (1, "L"))
)
V4 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:N/VA:N/SC:N/SI:N/SA:N"


def test_one_vector_per_version_the_cna_first():
    cna = {
        "metrics": [
            {"cvssV2_0": {"vectorString": f"({V2})"}},
            {"cvssV3_0": {"vectorString": V30}, "cvssV4_0": {"vectorString": V4}},
            {"cvssV3_1": {"vectorString": V31}},
        ]
    }
    claim = read(cna, adp=[{"metrics": [{"cvssV3_1": {"vectorString": V31_OTHER}}]}])
    assert claim.severity == (
        Severity(type="CVSS_V4", score=V4),
        Severity(type="CVSS_V3", score=V31),
        Severity(type="CVSS_V3", score=V30),
        Severity(type="CVSS_V2", score=V2),
    )
    assert claim.severity_word is None


def test_vector_of_an_adp_joins_the_cnas_of_another_version():
    claim = read(
        {"metrics": [{"cvssV3_0": {"vectorString": V30}}]},
        adp=[{"metrics": [{"cvssV3_1": {"vectorString": V31}}, {"other": {"type": "ssvc", "content": []}}]}],
    )
    assert [one.score for one in claim.severity] == [V31, V30]


def test_vector_is_filed_by_what_it_says_it_is():
    claim = read({"metrics": [{"cvssV3_1": {"vectorString": V30}}, {"cvssV2_0": {"vectorString": "high"}}]})
    assert claim.severity == (Severity(type="CVSS_V3", score=V30),)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ({"text": "high"}, "HIGH"),
        ({"value": "Moderate", "namespace": "https://example.org"}, "MODERATE"),
        ({"other": " important "}, "IMPORTANT"),
        ({"text": "unknown"}, None),
        ({"text": "6.8"}, None),
        ({"text": "rather high"}, None),
        ({"text": {"deep": 1}}, None),
        ([], None),
        ("High", None),
    ],
)
def test_severity_word_of_other_schemes(content, word):
    assert read({"metrics": [{"other": {"type": "x", "content": content}}]}).severity_word == word


def test_severity_word_of_a_score_without_vector():
    assert (
        read({"metrics": [{"cvssV3_1": {"baseScore": 9.8, "baseSeverity": "Critical"}}]}).severity_word
        == "CRITICAL"
    )
    rated = {"cvssV3_1": {"baseSeverity": "CRITICAL", "vectorString": V31}}
    assert read({"metrics": [rated]}).severity_word is None


def test_weaknesses_are_distinct_and_the_cnas_come_first():
    def types(*descriptions):
        return [{"descriptions": list(descriptions)}]

    cna = types(
        {"description": "n/a"}, {"description": "CWE-79: XSS"}, {"cweId": "CWE-0020", "description": "x"}
    )
    adp = types({"cweId": "CWE-79"}, {"cweId": "CWE-noinfo", "description": "see CWE-1"}, {"cweId": "cwe-22"})
    claim = read({"problemTypes": cna}, adp=[{"problemTypes": adp}])
    assert claim.cwes == ("CWE-79", "CWE-20", "CWE-22")


def test_links_are_typed_distinct_and_whole():
    cna = [
        {"url": "https://example.org/1", "tags": ["exploit", "patch"]},
        {"url": "https://example.org/2"},
        {"url": " http://example.org/3 ", "tags": ["vendor-advisory", "x_refsource_MISC"]},
        {"url": "ftp://example.org/4", "tags": ["product"]},
        {"url": "ZDI-CAN-1https://example.org"},
        {"url": "://example.org"},
        {"url": ""},
        {"url": "javascript:alert(1)"},
        {"tags": ["patch"]},
    ]
    adp = [
        {"url": "https://example.org/1", "tags": ["x_transferred"]},
        {"url": "https://example.org/2", "tags": ["x_transferred", "issue-tracking"]},
        {"url": "git://example.org/5.git", "tags": ["mailing-list"]},
    ]
    assert read({"references": cna}, adp=[{"references": adp}]).references == (
        Reference(type="FIX", url="https://example.org/1"),
        Reference(type="REPORT", url="https://example.org/2"),
        Reference(type="ADVISORY", url="http://example.org/3"),
        Reference(type="PACKAGE", url="ftp://example.org/4"),
        Reference(type="ARTICLE", url="git://example.org/5.git"),
    )


def test_thanks():
    people = [
        {"lang": "en", "value": "A", "type": "remediation developer"},
        {"lang": "en", "value": "A", "type": "remediation developer"},
        {"lang": "en", "value": "B", "type": "wizard"},
        {"lang": "en", "value": "C"},
        {"lang": "en", "value": " "},
    ]
    assert read({"credits": people}).credits == (
        Credit(name="A", type="REMEDIATION_DEVELOPER"),
        Credit(name="B", type="OTHER"),
        Credit(name="C", type=None),
    )


REPO = "https://example.org/linux.git"


def git(start: str, end: str) -> dict[str, str]:
    return {"version": start, "lessThan": end, "status": "affected", "versionType": "git"}


def versions(*entries, **block) -> tuple[str, ...]:
    entries = [{"status": "affected", **entry} for entry in entries]
    block = {"vendor": "V", "product": "P", "versions": entries, **block}
    (product,) = read({"affected": [block]}).products
    return product.versions


def test_versions_are_capped_and_the_rest_counted():
    kept = versions(*({"version": f"1.{n}"} for n in range(VERSIONS_KEPT + 3)))
    assert len(kept) == VERSIONS_KEPT + 1
    assert kept[-2:] == (f"1.{VERSIONS_KEPT - 1}", "(3 more left out)")


def test_only_affected_versions_that_are_named_count():
    named = {"version": "1.0", "lessThan": "2.0"}
    others = [
        {"version": "n/a"},
        {"version": "3", "status": "unaffected"},
        {"version": "4", "status": "unknown"},
    ]
    assert versions(named, *others) == (">= 1.0, < 2.0",)


def test_commits_told_as_a_range_are_no_versions():
    told = {"repo": REPO, "defaultStatus": "unaffected", "versions": [git("a" * 40, "b" * 40)]}
    mixed = [git("b" * 40, "c" * 40), {"version": "5.7", "status": "affected"}]
    claim = read(
        {"affected": [{"product": "Linux", **told}, {"product": "Linux", "repo": REPO, "versions": mixed}]}
    )
    assert claim.products == (Product(product="Linux", versions=("5.7",)),)
    assert [len(one.events) for one in claim.affected[0].ranges] == [4]
    assert read({"affected": [{"product": "Linux", **told}]}).products == (Product(product="Linux"),)


def test_placeholders_are_no_product():
    block = {"vendor": "n/a", "product": "n/a", "versions": [{"version": "n/a", "status": "affected"}]}
    assert read({"affected": [block]}).products == ()


def test_package_name_stands_in_for_the_product():
    (product,) = read(
        {"affected": [{"packageName": "left-pad", "collectionURL": "https://example.org"}]}
    ).products
    assert product.product == "left-pad"


def test_default_status_does_not_deny_unnamed_versions():
    block = {
        "product": "P",
        "defaultStatus": "unaffected",
        "versions": [{"version": "n/a", "status": "affected"}],
    }
    (product,) = read({"affected": [block]}).products
    assert product == Product(product="P", default_status=None)
    (spared,) = read({"affected": [{"product": "P", "defaultStatus": "unaffected"}]}).products
    assert spared.default_status == "unaffected"


def test_product_repeated_by_an_adp_lends_its_cpe_only():
    cpe = "cpe:2.3:a:some_vendor:big_app:*:*:*:*:*:*:*:*"
    entry = {"version": "1.0", "status": "affected"}
    own = {"vendor": "Some Vendor", "product": "Big App", "versions": [entry]}
    repeated = {
        "vendor": "some_vendor",
        "product": "big-app",
        "versions": [{**entry, "version": "2"}],
        "cpes": [cpe],
    }
    added = {"vendor": "other", "product": "app", "versions": [entry], "defaultStatus": "unknown"}
    claim = read({"affected": [own]}, adp=[{"affected": [repeated, added]}])
    assert claim.products == (
        Product(vendor="Some Vendor", product="Big App", versions=("1.0",), cpes=(cpe,)),
        Product(vendor="other", product="app", versions=("1.0",), default_status="unknown"),
    )


def test_adp_fills_in_versions_that_the_cna_left_open():
    own = {"vendor": "V", "product": "P", "versions": [{"version": "n/a", "status": "affected"}]}
    filled = {"vendor": "v", "product": "p", "versions": [{"version": "1.0", "status": "affected"}]}
    claim = read({"affected": [own]}, adp=[{"affected": [filled]}])
    assert claim.products == (Product(vendor="v", product="p", versions=("1.0",)),)


@pytest.mark.parametrize(
    "raw", [b"", b"not json", record() + b"x", record().replace(b"CVE-2024", b"CVE-\xff\xfe")]
)
def test_not_json(raw):
    assert refusal(raw) == "not-json"


@pytest.mark.parametrize(
    "raw",
    [
        b"[]",
        record([]),
        record({"affected": {}}),
        b'{"cveMetadata": {"cveId": "CVE-2024-3014"}}',
        b'{"cveMetadata": {"cveId": "CVE-2024-3014", "state": "RESERVED"}, "containers": {}}',
    ],
)
def test_wrong_type(raw):
    assert refusal(raw) == "wrong-type"


def test_too_deep():
    assert refusal(record({"x_tool": "@"}).replace(b'"@"', b"[" * 100_000 + b"]" * 100_000)) == "too-deep"


def test_null_is_an_absent_field_everywhere():
    cna = {
        "title": None,
        "affected": None,
        "metrics": [None, {"cvssV3_1": None}],
        "references": [{"tags": None}],
    }
    assert read(cna, adp=[{"affected": None}]) == read({})
    block = {"versions": None, "cpes": None, "vendor": None, "product": "P"}
    assert read({"affected": [block], "source": None}).products == (Product(product="P"),)
    assert read({}, meta={"state": None, "datePublished": None}) == read({})


def test_number_as_a_version_keeps_its_digits():
    raw = record({"affected": [{"product": 7, "versions": [{"version": "@", "status": "affected"}]}]})
    (product,) = SOURCE.read(ID, raw.replace(b'"@"', b"1.10")).products
    assert product == Product(product="7", versions=("1.10",))


def test_control_characters_and_surrogates_are_kept_writable():
    raw = record({"descriptions": [{"lang": "en", "value": "@"}]})
    claim = SOURCE.read(ID, raw.replace(b"@", rb"\u0000\u0007\ud800 \ud83d\ude00"))
    assert claim.details == "\x00\x07\ufffd \N{GRINNING FACE}"
    assert msgspec.json.decode(msgspec.json.encode(claim), type=Claim) == claim


def test_ids():
    assert refusal(b'{"cveMetadata": {}, "containers": {"cna": {"title": "x"}}}') == "missing-id"
    assert refusal(b'{"containers": {"cna": {"rejectedReasons": []}}}') == "missing-id"
    assert refusal(record(meta={"cveId": " "})) == "missing-id"
    assert refusal(record(), "CVE-2024-3015") == "id-mismatch"
    assert refusal(record(meta={"cveId": 7})) == "id-mismatch"
    assert SOURCE.read(ID, record(meta={"cveId": " cve-2024-3014 "})).own == ID


@pytest.mark.parametrize(
    "raw",
    [
        b'{"Modified": "2024-01-01", "access": {}, "cvss": 7.5, "id": "CVE-2024-3014"}',
        b'{"cvss": null, "id": "CVE-2024-3014", "summary": "\\ud800"}',
        b'{"data_type": "CVE", "CVE_data_meta": {"ID": "CVE-2024-3014"}}',
        record(dataVersion="6.0"),
    ],
)
def test_foreign_schema(raw):
    assert refusal(raw) == "foreign-schema"


def test_record_of_a_megabyte():
    entries = [{"version": f"1.{n}", "lessThan": f"1.{n + 1}", "status": "affected"} for n in range(12_000)]
    cna = {
        "descriptions": [{"lang": "en", "value": "long " * 60_000}],
        "affected": [{"product": "P", "versions": entries}],
    }
    raw = record(cna)
    assert len(raw) > 1_000_000
    claim = SOURCE.read(ID, raw)
    assert len(claim.details or "") == 300_000
    assert claim.products[0].versions[-1] == f"({12_000 - VERSIONS_KEPT} more left out)"


REASONS = {"not-json", "wrong-type", "id-mismatch", "missing-id", "foreign-schema", "too-deep"}


def claim_or_refusal(record_id: str, raw: bytes) -> Claim | None:
    try:
        claim = SOURCE.read(record_id, raw)
    except BadRecord as bad:
        refused = bad.reason
    else:
        refused = None
    if refused is not None:
        assert refused in REASONS
        return None
    assert msgspec.json.decode(msgspec.json.encode(claim), type=Claim) == claim
    assert all(one.tzinfo is UTC for one in (claim.published, claim.modified, claim.withdrawn) if one)
    return claim


@given(st.binary(max_size=200), st.text(max_size=20))
@example(b'{"cveMetadata":{"cveId":"\\ud800"},"containers":{"cna":{}}}', "\ufffd")
def test_any_bytes_are_a_claim_or_refused(raw, record_id):
    claim_or_refusal(record_id, raw)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_damaged_record_is_a_claim_or_refused(data):
    raws = sorted(sample().items())
    cve, raw = data.draw(st.sampled_from([pair for pair in raws if len(pair[1]) < 20_000]))
    at = data.draw(st.integers(0, len(raw)))
    upto = data.draw(st.integers(at, min(at + 40, len(raw))))
    claim_or_refusal(cve, raw[:at] + data.draw(st.binary(max_size=8)) + raw[upto:])


_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
)
_TEXTS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [
            "0",
            "*",
            "n/a",
            "1.0",
            "a" * 40,
            REPO,
            "git",
            "semver",
            "affected",
            "unaffected",
            "en",
            "0001-01-01",
            V31,
            GHSA,
        ]
    ),
    st.none(),
    st.integers(),
)
_KEYS = (
    *("vendor", "product", "packageName", "packageURL", "packageUrl", "repo", "defaultStatus"),
    *("version", "status", "versionType", "lessThan", "lessThanOrEqual", "at"),
    *("lang", "value", "url", "type", "title", "datePublic", "dateUpdated", "cweId", "description"),
    *("vectorString", "baseSeverity", "advisory", "text"),
)
_LISTS = (
    *("descriptions", "affected", "problemTypes", "references", "credits", "metrics", "versions", "changes"),
    *("rejectedReasons", "tags", "cpes", "replacedBy"),
)
_OBJECTS = ("cvssV3_1", "cvssV2_0", "other", "content", "source", "providerMetadata")
_OBJECT = st.recursive(
    st.dictionaries(st.sampled_from(_KEYS), _TEXTS, max_size=6),
    lambda inner: st.dictionaries(st.sampled_from(_KEYS), _TEXTS, max_size=3).flatmap(
        lambda flat: st.tuples(
            st.dictionaries(
                st.sampled_from(_LISTS),
                st.lists(inner | (_TEXTS if "x" in flat else inner), max_size=3),
                max_size=3,
            ),
            st.dictionaries(st.sampled_from(_OBJECTS), inner, max_size=2),
        ).map(lambda parts: {**flat, **parts[0], **parts[1]})
    ),
    max_leaves=12,
)


@given(
    _OBJECT,
    st.lists(_OBJECT, max_size=2) | st.none(),
    st.dictionaries(st.sampled_from(_KEYS), _SCALARS, max_size=2),
)
@settings(max_examples=120, deadline=None)
def test_any_record_of_the_formats_words_is_a_claim_or_refused(cna, adp, top):
    claim_or_refusal(ID, record(cna, adp=adp, **top))


@given(st.text())
def test_any_time_is_a_time_or_none(text):
    claim = claim_or_refusal(ID, record(meta={"datePublished": text}))
    assert claim is not None
    assert claim.published is None or claim.published.year > 1


@given(st.text(), st.text())
def test_any_path_is_located_or_not(before, after):
    assert SOURCE.locate(f"{before}/{ID}.json") == ID
    found = SOURCE.locate(before + after)
    assert found is None or found in before + after


def cut(archive: Path) -> None:
    """Writes sample and golden file; the same zip gives the same bytes."""
    FOLDER.mkdir(exist_ok=True)
    buffer = io.BytesIO()
    with zipfile.ZipFile(archive) as whole, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as part:
        for name in sorted(whole.namelist()):
            if SOURCE.locate(name) in CHOSEN:
                info = zipfile.ZipInfo(name)  # its date is the zip format's first, 1980-01-01
                info.compress_type = zipfile.ZIP_DEFLATED
                part.writestr(info, whole.read(name), compresslevel=9)
    (FOLDER / "sample.zip").write_bytes(buffer.getvalue())
    claims = {cve: written(SOURCE.read(cve, raw)) for cve, raw in sorted(sample().items())}
    text = json.dumps(claims, indent=1, ensure_ascii=False) + "\n"
    (FOLDER / "expected.json.gz").write_bytes(gzip.compress(text.encode(), mtime=0))


if __name__ == "__main__":
    cut(Path(sys.argv[1]))
