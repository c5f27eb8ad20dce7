"""OSV's API as its clients meet it, over a real socket."""

import gzip
import json
import re
import time
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from web_service import COMMIT, PAGED

# Every field that the OSV schema 1.7 knows; a strict protobuf reader refuses any other (research 6.5, no. 3).
RECORD = {
    *(
        "schema_version",
        "id",
        "modified",
        "published",
        "withdrawn",
        "aliases",
        "upstream",
        "related",
        "summary",
    ),
    *("details", "severity", "affected", "references", "credits", "database_specific"),
}
AFFECTED = {"package", "severity", "ranges", "versions", "ecosystem_specific", "database_specific"}
REFERENCES = {
    *("ADVISORY", "ARTICLE", "DETECTION", "DISCUSSION", "REPORT", "FIX", "INTRODUCED", "GIT", "PACKAGE"),
    *("EVIDENCE", "WEB"),
}
CREDITS = {
    *("FINDER", "REPORTER", "ANALYST", "COORDINATOR", "REMEDIATION_DEVELOPER", "REMEDIATION_REVIEWER"),
    *("REMEDIATION_VERIFIER", "TOOL", "SPONSOR", "OTHER"),
}
REPOSITORY = "git.example.org/Edge-Org/edge"
# pip-audit reads times with strptime: at most six digits of a second, and Z.
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")


def complaints(vuln: dict[str, Any]) -> list[str]:
    """What a strict reader of OSV records would refuse."""
    found = [f"field {name}" for name in vuln.keys() - RECORD]
    found += [
        name
        for name in ("modified", "published", "withdrawn")
        if not TIME.fullmatch(vuln.get(name, "1970-01-01T00:00:00Z"))
    ]
    severities = [*vuln.get("severity", ())]
    for entry in vuln.get("affected", ()):
        found += [f"affected.{name}" for name in entry.keys() - AFFECTED]
        found += [] if "package" in entry else ["affected without package"]
        found += [
            f"package.{name}" for name in entry.get("package", {}).keys() - {"ecosystem", "name", "purl"}
        ]
        severities += entry.get("severity", ())
        for span in entry.get("ranges", ()):
            found += [
                f"range.{name}" for name in span.keys() - {"type", "repo", "events", "database_specific"}
            ]
            found += [] if span["type"] in {"GIT", "SEMVER", "ECOSYSTEM"} else [f"range {span['type']}"]
            for event in span["events"]:
                kinds = event.keys() & {"introduced", "fixed", "last_affected", "limit"}
                found += [] if len(kinds) == len(event) == 1 else [f"event {event}"]
    for severity in severities:
        found += [] if severity.keys() == {"type", "score"} else [f"severity {severity}"]
        found += (
            []
            if severity["type"] in {"CVSS_V2", "CVSS_V3", "CVSS_V4", "Ubuntu"}
            else [f"severity {severity}"]
        )
    for reference in vuln.get("references", ()):
        found += [] if reference.keys() == {"type", "url"} else [f"reference {reference}"]
        found += [] if reference["type"] in REFERENCES else [f"reference {reference}"]
    for credit in vuln.get("credits", ()):
        found += [f"credit.{name}" for name in credit.keys() - {"name", "type", "contact"}]
        found += [] if credit.get("type", "OTHER") in CREDITS else [f"credit {credit}"]
    return found


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (b"", "no query provided"),
        (b"null", "no query provided"),
        ({}, "invalid query"),
        ({"version": "1"}, "invalid query"),
        ({"commit": ""}, "invalid hash"),
        ({"commit": "xyz"}, "invalid hash"),
        ({"commit": "abc"}, "invalid hash"),
        ({"package": {}}, "invalid query"),
        ({"package": {"name": "edge"}}, "invalid query"),
        ({"package": {"ecosystem": "npm"}, "version": "1"}, "invalid query"),
        ({"package": {"name": "x", "ecosystem": "NPM"}, "version": "1"}, "invalid ecosystem"),
        ({"package": {"name": "x", "ecosystem": "Nowhere:12"}}, "invalid ecosystem"),
        ({"package": {"purl": "pkg:npm/x", "name": "x"}}, "name specified in a PURL query"),
        ({"package": {"purl": "pkg:npm/x", "ecosystem": "npm"}}, "ecosystem specified in a PURL query"),
        ({"package": {"purl": "pkg:npm/x@1"}, "version": "1"}, "version specified in params and PURL query"),
        ({"package": {"name": "edge", "ecosystem": "npm"}, "page_token": "nonsense"}, "invalid cursor"),
        ({"package": {"name": "edge", "ecosystem": "npm"}, "page_token": "YWZ0ZXI6LTE="}, "invalid cursor"),
    ],
)
def test_a_wrong_query_is_told_in_osvs_words(service, query, message: str):
    answer = service.post("/v1/query", query)
    assert (answer.status, answer.json) == (400, {"code": 3, "message": message})


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'{"version": 1}', b"\xff", b'{"package": "pkg:npm/x"}', b"[" * 100_000]
)
def test_what_is_no_query_is_refused(service, body: bytes):
    for path in ("/v1/query", "/v1/querybatch"):
        if path == "/v1/querybatch" and b'"' in body:
            body = b'{"queries":[' + body + b"]}"
        answer = service.post(path, body)
        assert answer.status == 400
        assert answer.json["code"] == 3
        assert answer.json["message"].startswith("invalid JSON: ")


def test_text_that_is_no_purl_is_wrong_and_an_unknown_type_finds_nothing(service):
    wrong = service.post("/v1/query", {"package": {"purl": "npm/edge"}})
    assert wrong.status == 400
    assert wrong.json["message"].startswith("invalid PURL")
    unknown = service.post("/v1/query", {"package": {"purl": "pkg:windows/notepad@1"}})
    assert (unknown.status, unknown.body) == (200, b"{}")


def test_nothing_found_is_an_empty_object(service):
    for package in ({"name": "edge", "ecosystem": "npm"}, {"name": "unheard-of", "ecosystem": "npm"}):
        answer = service.post("/v1/query", {"package": package, "version": "3.0.0"})
        assert (answer.status, answer.body, answer.headers["content-type"]) == (
            200,
            b"{}",
            "application/json",
        )


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"package": {"name": "edge", "ecosystem": "npm"}, "version": "1.9.9"}, ["GHSA-edge-edge-0003"]),
        ({"package": {"name": "edge", "ecosystem": "npm"}, "version": "2.0.0"}, []),
        ({"package": {"name": "edge", "ecosystem": "npm"}}, ["GHSA-edge-edge-0003"]),
        ({"package": {"name": "edge", "ecosystem": "npm"}, "version": ""}, ["GHSA-edge-edge-0003"]),
        ({"package": {"name": "edge", "ecosystem": "npm", "purl": None}, "version": "1.0.0"}, ["GHSA-edge-edge-0003"]),
        ({"package": {"purl": "pkg:npm/edge@1.0.0"}}, ["GHSA-edge-edge-0003"]),
        ({"package": {"purl": "pkg:npm/edge"}, "version": "1.0.0"}, ["GHSA-edge-edge-0003"]),
        ({"package": {"purl": "pkg:npm/%40edge/evil@6.6.7"}}, ["MAL-2024-90006"]),
        ({"package": {"purl": "pkg:npm/%40edge/evil@6.6.8"}}, []),
        # Names are normalised as the ecosystem does it, and only so.
        ({"package": {"name": "edge.CASE", "ecosystem": "PyPI"}, "version": "2"}, ["GHSA-edge-edge-0005"]),
        ({"package": {"name": "Edge", "ecosystem": "npm"}, "version": "1.0.0"}, []),
        # Without an ecosystem every one that has the name is tried.
        ({"package": {"name": "edge-case"}, "version": "2"}, ["GHSA-edge-edge-0005"]),
        (
            {"package": {"name": "edge"}, "version": "1.1"},
            ["DEBIAN-CVE-2024-90008", "DEBIAN-CVE-2024-90009", "GHSA-edge-edge-0003", "UBUNTU-CVE-2024-90001"],
        ),
        # A version that is none: listed as a text, or the same numbers; nothing is affected because it is unreadable.
        ({"package": {"name": "edge", "ecosystem": "npm"}, "version": "release-1_2_3"}, ["GHSA-edge-edge-0003"]),
        ({"package": {"name": "edge", "ecosystem": "npm"}, "version": "some day"}, []),
        ({"package": {"name": "edge-unreadable", "ecosystem": "npm"}, "version": "1.0.0"}, []),
        # Releases.
        ({"package": {"name": "edge", "ecosystem": "Debian:12"}, "version": "1:1.0-1"}, ["DEBIAN-CVE-2024-90008"]),
        ({"package": {"name": "edge", "ecosystem": "Debian"}, "version": "1:2.5-1"}, ["DEBIAN-CVE-2024-90009"]),
        ({"package": {"purl": "pkg:deb/debian/edge@1:1.0-1?distro=bookworm"}}, ["DEBIAN-CVE-2024-90008"]),
        ({"package": {"name": "edge", "ecosystem": "Ubuntu:22.04:LTS"}, "version": "1.5"}, ["UBUNTU-CVE-2024-90001"]),
        ({"package": {"name": "edge", "ecosystem": "Ubuntu"}, "version": "1.5"}, []),
        ({"package": {"name": "edge", "ecosystem": "Ubuntu"}, "version": "1.1"}, ["UBUNTU-CVE-2024-90001"]),
        ({"package": {"name": "edge", "ecosystem": "Ubuntu:20.04:LTS"}, "version": "1.1"}, []),
        # Repositories and commits.
        ({"package": {"ecosystem": "GIT", "name": f"http://{REPOSITORY}.git"}, "version": "0.8.0"}, ["OSV-2024-90002"]),
        ({"package": {"name": REPOSITORY, "ecosystem": "GIT"}, "version": "0_9_0-rc1"}, ["OSV-2024-90002"]),
        ({"package": {"name": REPOSITORY, "ecosystem": "GIT"}, "version": "0.9.0"}, []),
        ({"commit": COMMIT}, ["OSV-2024-90002"]),
        ({"commit": COMMIT.upper()}, ["OSV-2024-90002"]),
        ({"commit": "cd" * 20}, []),
        ({"commit": "abcd"}, []),
    ],
)  # fmt: skip
def test_a_query_finds(service, query, found: list[str]):
    assert service.ids(query) == found
    batch = service.post("/v1/querybatch", {"queries": [query]})
    assert sorted(vuln["id"] for vuln in batch.json["results"][0].get("vulns", [])) == found


def test_a_record_is_the_same_in_every_answer(service):
    answer = service.post("/v1/query", {"package": {"name": "edge", "ecosystem": "npm"}, "version": "1.0.0"})
    alone = service.get("/v1/vulns/GHSA-edge-edge-0003")
    assert answer.body == b'{"vulns":[' + alone.body + b"]}"
    [named] = service.post("/v1/querybatch", {"queries": [{"package": {"purl": "pkg:npm/edge@1.0.0"}}]}).json[
        "results"
    ][0]["vulns"]
    assert named == {"id": alone.json["id"], "modified": alone.json["modified"]}


def test_a_batch_keeps_order_and_length(service):
    known = {"package": {"purl": "pkg:npm/edge@1.0.0"}}
    queries = [
        {"package": {"purl": "pkg:windows/x@1"}},
        known,
        {"package": {"purl": "pkg:npm/none@1"}},
        known,
    ]
    results = service.post("/v1/querybatch", {"queries": queries}).json["results"]
    assert [bool(result) for result in results] == [False, True, False, True]
    assert results[0] == results[2] == {}
    thousand = service.post("/v1/querybatch", {"queries": [known] * 1000})
    assert thousand.json["results"] == [results[1]] * 1000


@pytest.mark.parametrize("body", [b"", {}, {"queries": []}, {"queries": None}])
def test_a_batch_of_nothing(service, body):
    assert service.post("/v1/querybatch", body).body == b"{}"


def test_one_bad_item_fails_the_batch(service):
    queries = [{"package": {"purl": "pkg:npm/edge@1.0.0"}}, {"package": {"name": "x", "ecosystem": "y"}}, {}]
    answer = service.post("/v1/querybatch", {"queries": queries})
    assert answer.status == 400
    assert answer.json["code"] == 3
    assert answer.json["message"].startswith("error in query at index 1: ")
    assert answer.json["message"].endswith("invalid ecosystem")
    many = service.post("/v1/querybatch", {"queries": [{}] * 1001})
    assert many.json == {"code": 3, "message": "too many queries"}


def test_pages_are_large_and_lead_to_the_end(service):
    query: dict[str, Any] = {"package": {"name": "crowded", "ecosystem": "npm"}}
    first = service.post("/v1/query", query).json
    assert len(first["vulns"]) == 3000
    second = service.post("/v1/query", query | {"page_token": first["next_page_token"]}).json
    assert "next_page_token" not in second
    assert len({vuln["id"] for vuln in first["vulns"] + second["vulns"]}) == PAGED
    sizes, token = [], b64encode(b"FIRST_PAGE_TOKEN").decode()
    while token:
        [result] = service.post("/v1/querybatch", {"queries": [query | {"pageToken": token}]}).json["results"]
        sizes.append(len(result["vulns"]))
        token = result.get("next_page_token")
    assert sizes == [1000, 1000, 1000, PAGED - 3000]


def test_records_by_id(service):
    assert service.get("/v1/vulns/GHSA-edge-edge-0004").json["withdrawn"] == "2024-06-01T00:00:00Z"
    assert service.get("/v1/vulns/ghsa-EDGE-edge-0003").json["id"] == "GHSA-edge-edge-0003"
    # A record that was merged into another is found by its own id.
    merged = service.get("/v1/vulns/GHSA-jfh8-c2jp-5v3q").json
    assert "GHSA-jfh8-c2jp-5v3q" in {merged["id"], *merged["aliases"]}


def test_records_that_are_not_there(service):
    unknown = service.get("/v1/vulns/CVE-1900-0001")
    assert (unknown.status, unknown.json) == (404, {"code": 5, "message": "Vulnerability not found"})
    alias = service.get("/v1/vulns/SNYK-JS-EDGE-1")
    assert alias.status == 404
    message = "Vulnerability not found, but the following aliases were: GHSA-edge-edge-0003 SNYK-JS-EDGE-1"
    assert alias.json == {"code": 5, "message": message}
    assert service.get(f"/v1/vulns/{'x' * 101}").json == {"code": 3, "message": "ID is too long"}
    assert service.get("/v1/vulns/%00%ff").status == 404


def test_every_record_is_one_that_strict_readers_accept(service):
    names = service.get("/osv/modified_id.csv").body.decode().splitlines()
    ids = sorted({line.partition(",")[2].partition("/")[2] for line in names})
    with ThreadPoolExecutor(4) as clients:
        records = list(clients.map(lambda name: service.get(f"/v1/vulns/{name}").json, ids[::7]))
    assert len(records) > 300
    assert {record["id"]: found for record in records if (found := complaints(record))} == {}


def test_content_types_are_ignored_and_gzip_is_unpacked(service):
    body = json.dumps({"package": {"purl": "pkg:npm/edge@1.0.0"}}).encode()
    plain = service.post("/v1/query", body)
    assert plain.json["vulns"]
    for headers in ({"Content_Type": "application/x-www-form-urlencoded"}, {"Content_Type": "text/plain"}):
        assert service.post("/v1/query", body, **headers).body == plain.body
    assert service.post("/v1/query", gzip.compress(body), Content_Encoding="gzip").body == plain.body
    # A proxy that unpacks and leaves the header.
    assert service.post("/v1/query", body, Content_Encoding="gzip").body == plain.body


def test_answers_do_not_wait_for_acknowledgements(service):
    """A server that writes head and body apart and lets the kernel collect takes 40 ms an answer."""
    connection = service.connect()
    connection.connect()
    spent = []
    for _ in range(40):
        started = time.perf_counter()
        connection.request("POST", "/v1/query", b"{}")
        connection.getresponse().read()
        spent.append(time.perf_counter() - started)
    connection.close()
    assert sorted(spent)[20] < 0.03
