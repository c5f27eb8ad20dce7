"""npm's audit endpoints as their clients meet them, and the ranges that they are told."""

import gzip
import json
from typing import Any

import pytest

from assay.domain.osv import Affected, Event, Package, Range
from assay.web.api.npm_advisories import patched, vulnerable
from assay.web.api.npm_trees import MOST_PACKAGES

BULK = "/-/npm/v1/security/advisories/bulk"
QUICK = "/-/npm/v1/security/audits/quick"


def entry(*events: dict[str, str], versions: tuple[str, ...] = (), name: str = "x") -> Affected:
    ranges = (Range("SEMVER", events=tuple(Event(**event) for event in events)),) if events else ()
    return Affected(Package("npm", name), ranges=ranges, versions=versions)


@pytest.mark.parametrize(
    ("affected", "written", "mended"),
    [
        ([entry({"introduced": "0"})], ">=0", "<0.0.0"),
        ([entry({"introduced": "0"}, {"fixed": "1.2.3"})], "<1.2.3", ">=1.2.3"),
        ([entry({"introduced": "1.0.0"}, {"fixed": "1.2.3"})], ">=1.0.0 <1.2.3", ">=1.2.3"),
        ([entry({"introduced": "1.0.0"}, {"last_affected": "1.2.3"})], ">=1.0.0 <=1.2.3", "<0.0.0"),
        ([entry({"introduced": "1.0.0"}, {"last_affected": "1.0.0"})], "1.0.0", "<0.0.0"),
        # Events in any order, and entries in any order.
        (
            [entry({"fixed": "3.1.0"}, {"introduced": "3.0.0"}, {"introduced": "0"}, {"fixed": "2.0.1"})],
            "<2.0.1 || >=3.0.0 <3.1.0",
            ">=3.1.0",
        ),
        (
            [entry({"introduced": "3.0.0"}, {"fixed": "3.1.0"}), entry({"introduced": "0"}, {"fixed": "2.0.1"})],
            "<2.0.1 || >=3.0.0 <3.1.0",
            ">=3.1.0",
        ),
        # Listed versions count beside ranges, and are not said twice.
        ([entry({"introduced": "2.0.0"}, versions=("1.0.0", "2.5.0"))], ">=2.0.0 || 1.0.0", "<0.0.0"),
        ([entry(versions=("6.6.6", "6.6.7"))], "6.6.6 || 6.6.7", "<0.0.0"),
        ([entry({"introduced": "0"}, name="other")], "", "<0.0.0"),
        ([entry(versions=("no version",))], "", "<0.0.0"),
    ],
)  # fmt: skip
def test_ranges_are_written_for_semver(affected: list[Affected], written: str, mended: str):
    assert vulnerable(affected, "x") == written
    assert patched(affected, "x") == mended


def test_the_bulk_endpoint_tells_what_affects_each_package(service):
    asked = {
        "edge": ["1.5.0", "2.0.0"],
        "@edge/evil": ["6.6.6"],
        "edge-last": ["1.5.1"],
        "unheard-of": ["1.0.0"],
    }
    answer = service.post(BULK, asked)
    assert answer.status == 200
    assert answer.json.keys() == {"edge", "@edge/evil"}
    [advisory] = answer.json["edge"]
    assert isinstance(advisory.pop("id"), int)
    assert advisory == {
        "url": "https://github.com/advisories/GHSA-edge-edge-0003",
        "title": "About GHSA-edge-edge-0003",
        "severity": "critical",
        "vulnerable_versions": ">=1.0.0 <2.0.0",
        "cwe": ["CWE-79"],
        "cvss": {"score": 9.8, "vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"},
    }
    [malware] = answer.json["@edge/evil"]
    assert malware["severity"] == "critical"
    assert malware["vulnerable_versions"] == "6.6.6 || 6.6.7"
    assert malware["url"] == f"{service.url}v1/vulns/MAL-2024-90006"
    assert malware["cvss"] == {"score": 0.0, "vectorString": None}


def test_packed_bodies_and_what_is_not_known(service):
    body = gzip.compress(json.dumps({"edge": ["1.0.0"], "edge-unreadable": ["1.0.0"]}).encode())
    answer = service.post(BULK, body, Content_Encoding="gzip", Content_Type="application/json")
    assert answer.json.keys() == {"edge"}
    assert service.post(BULK, {}).body == b"{}"
    assert service.post(BULK, {"edge": ["some day", ""]}).body == b"{}"


@pytest.mark.parametrize("body", [b"", b"[]", b'{"edge": "1.0.0"}', b'{"edge": [1]}'])
def test_a_wrong_body_is_told_in_npms_words(service, body: bytes):
    answer = service.post(BULK, body)
    assert answer.status == 400
    assert answer.json.keys() == {"error"}


def test_a_packument_is_not_here(service):
    for path in ("/edge", "/@edge%2fevil", "/-/npm/v1/unheard-of"):
        assert service.get(path).status == 404


def test_the_older_endpoints_tell_where_each_package_stands(service):
    tree: dict[str, Any] = {
        "name": "audited",
        "version": "1.0.0",
        "requires": {"edge": "^1.0.0"},
        "dependencies": {
            "edge": {"version": "1.5.0", "requires": {"outer": "1"}},
            "outer": {
                "version": "1.0.0",
                "dev": True,
                "dependencies": {"edge": {"version": "1.0.0", "dev": True}, "safe": {"version": "1.0.0"}},
            },
        },
    }
    for path in (QUICK, "/-/npm/v1/security/audits"):
        report = service.post(path, tree).json
        [advisory] = report["advisories"].values()
        assert advisory["module_name"] == "edge"
        assert advisory["patched_versions"] == ">=2.0.0"
        assert advisory["recommendation"] == "Upgrade to version 2.0.0 or later"
        assert advisory["overview"] == "Long"
        assert [(found["version"], found["paths"], found["dev"]) for found in advisory["findings"]] == [
            ("1.0.0", ["outer>edge"], True),
            ("1.5.0", ["edge"], False),
        ]
        assert report["metadata"]["vulnerabilities"] == {
            "info": 0, "low": 0, "moderate": 0, "high": 0, "critical": 2
        }  # fmt: skip
        counts = [
            report["metadata"][name] for name in ("dependencies", "devDependencies", "totalDependencies")
        ]
        assert counts == [2, 2, 4]
    assert service.post(QUICK, {}).json["advisories"] == {}


def test_a_tree_that_is_too_large_or_too_deep_is_refused(service):
    many = {"dependencies": {f"p{number}": {} for number in range(MOST_PACKAGES + 1)}}
    assert service.post(QUICK, many).status == 413
    deep = b'{"dependencies":{"p":' * 5000 + b"{}" + b"}}" * 5000
    assert service.post(QUICK, deep).status == 400
