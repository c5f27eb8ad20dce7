"""Reports are valid where others read them, and nothing that a stranger wrote changes what they say."""

import gzip
import json
import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.pipelines.packages.commands.reporting import Report, report
from assay.pipelines.packages.model import (
    Fault,
    Scan,
    ScannedFile,
    Skipped,
    Standing,
    Subject,
    Unchecked,
    Unreadable,
)
from pipelines.packages.makers import FACTS, a_finding, a_scan, a_vulnerability, an_occurrence

HOSTILE = "</td><script>alert(1)</script> | `x` **b** [l](http://h) @octocat #12\n\x1b[31m\u202e \U0001f600 \\ & \" '"
SCHEMAS = Path(__file__).parent / "schemas"


def a_full_scan() -> Scan:
    """A scan in which there is something of everything."""
    path = ("express@4.0.0", "send@0.1.0", "left-pad@1.0.0")
    affected = a_finding(
        occurrences=(an_occurrence(path=path, line=12), an_occurrence("/abs/ü b.lock", line=3))
    )
    unknown = a_finding(
        "other",
        "1.0-weird",
        standing=Standing.UNKNOWN,
        fixed=None,
        vulnerability=a_vulnerability(
            "CVE-2", epss=None, cvss_score=None, cvss_vector=None, severity=None, summary=None
        ),
    )
    ignored = a_finding("third", occurrences=(an_occurrence(ignored="templates are ours"),))
    hostile = a_finding(
        HOSTILE,
        HOSTILE,
        purl="pkg:npm/x@1",
        fixed=HOSTILE,
        vulnerability=a_vulnerability("CVE-3", summary=HOSTILE, is_exploited=True, severity="critical"),
        occurrences=(an_occurrence(HOSTILE, place=HOSTILE, path=(HOSTILE, HOSTILE)),),
    )
    clean = Subject("PyPI", "fine", "1", "pkg:pypi/fine@1", (an_occurrence("r.txt", place="line 1"),))
    scan = a_scan(affected, unknown, ignored, hostile)
    return Scan(
        files=(*scan.files, ScannedFile("bad.lock", "x", None, 1, (Fault("line 2", "bad-name", HOSTILE),))),
        unreadable=(Unreadable("worse.lock", "not-json", HOSTILE),),
        subjects=(*scan.subjects, clean),
        findings=scan.findings,
        skipped=(Skipped("local", None, "pkg:npm/local", "f", "line 1", Unchecked.PATH),) * 2,
        change_seq=7,
    )


@cache
def sarif_validator() -> jsonschema.Draft7Validator:
    schema = json.loads(gzip.decompress((SCHEMAS / "sarif-2.1.0-rtm.5.json.gz").read_bytes()))
    return jsonschema.Draft7Validator(schema)


def written(kind: Report, scan: Scan) -> str:
    text = report(kind, scan, FACTS)
    assert text.endswith("\n")
    return text


def read(kind: Report, scan: Scan):
    return json.loads(written(kind, scan))


def test_every_kind_is_the_same_for_the_same_scan():
    for kind in Report:
        assert written(kind, a_full_scan()) == written(kind, a_full_scan())


@pytest.mark.parametrize("kind", list(Report))
def test_a_clean_scan_has_a_report(kind):
    assert written(kind, a_scan())


class TestSarif:
    def test_it_is_valid(self):
        for scan in (a_scan(), a_full_scan()):
            assert [error.message for error in sarif_validator().iter_errors(read(Report.SARIF, scan))] == []

    def test_a_wrong_document_is_not(self):
        document = read(Report.SARIF, a_full_scan())
        document["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] = 0
        assert list(sarif_validator().iter_errors(document))

    def test_rules_and_results_belong_together(self):
        [run] = read(Report.SARIF, a_full_scan())["runs"]
        rules = run["tool"]["driver"]["rules"]
        assert [rule["id"] for rule in rules] == ["CVE-2024-0001", "CVE-2", "CVE-3"]
        assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])
        assert [rule["properties"].get("security-severity") for rule in rules] == ["7.5", None, "7.5"]
        assert not run["invocations"][0]["executionSuccessful"]
        assert len(run["invocations"][0]["toolExecutionNotifications"]) == 2

    def test_each_file_has_its_own_place_and_fingerprint(self):
        [run] = read(Report.SARIF, a_full_scan())["runs"]
        first, second = run["results"][:2]
        places = [result["locations"][0]["physicalLocation"] for result in (first, second)]
        assert [place["region"]["startLine"] for place in places] == [3, 12]
        assert {place["artifactLocation"]["uri"] for place in places} == {
            "web/package-lock.json",
            "file:///abs/%C3%BC%20b.lock",
        }
        prints = [result["partialFingerprints"]["assayFinding/v1"] for result in run["results"]]
        assert len(set(prints)) == len(prints)

    def test_the_fingerprint_stays_when_lines_move(self):
        def prints(line):
            scan = a_scan(a_finding(occurrences=(an_occurrence(line=line),)))
            return read(Report.SARIF, scan)["runs"][0]["results"][0]["partialFingerprints"]

        assert prints(3) == prints(99)

    def test_what_is_ignored_is_suppressed(self):
        [run] = read(Report.SARIF, a_full_scan())["runs"]
        suppressed = [result.get("suppressions") for result in run["results"]]
        assert suppressed.count([{"kind": "external", "justification": "templates are ours"}]) == 1
        assert suppressed.count(None) == 4


class TestCycloneDX:
    def test_it_is_valid(self):
        for scan in (a_scan(), a_full_scan()):
            error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(written(Report.CYCLONEDX, scan))
            assert error is None, str(error)[:500]

    def test_a_wrong_document_is_not(self):
        document = read(Report.CYCLONEDX, a_full_scan())
        document["vulnerabilities"][0]["ratings"][0]["severity"] = "awful"
        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(document)) is not None

    def test_vulnerabilities_refer_to_components(self):
        document = read(Report.CYCLONEDX, a_full_scan())
        references = [component["bom-ref"] for component in document["components"]]
        assert len(set(references)) == len(references)
        named = {affect["ref"] for entry in document["vulnerabilities"] for affect in entry["affects"]}
        assert named <= set(references)
        assert {component["name"] for component in document["components"]} >= {"fine", "local"}

    def test_what_is_ignored_is_not_affected_and_what_is_not_known_in_triage(self):
        document = read(Report.CYCLONEDX, a_full_scan())
        states = [entry.get("analysis") for entry in document["vulnerabilities"]]
        assert states == [
            None,
            {"state": "in_triage"},
            {"state": "not_affected", "detail": "templates are ours"},
            None,
        ]


class TestOpenVEX:
    STATUSES = ("not_affected", "affected", "fixed", "under_investigation")

    def test_it_says_what_the_specification_asks_for(self):
        document = read(Report.OPENVEX, a_full_scan())
        assert document["@context"] == "https://openvex.dev/ns/v0.2.0"
        assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", document["@id"])
        assert document["version"] == 1
        assert document["author"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", document["timestamp"])
        for statement in document["statements"]:
            assert statement["status"] in self.STATUSES
            assert statement["vulnerability"]["name"]
            assert all(product["@id"].startswith("pkg:") for product in statement["products"])
            # OPENVEX-SPEC.md, "Status Labels": what each of them must say.
            if statement["status"] == "affected":
                assert statement["action_statement"]
            if statement["status"] == "not_affected":
                assert statement.get("justification") or statement["impact_statement"]

    def test_only_what_a_person_ignored_is_not_affected(self):
        found = {
            (statement["vulnerability"]["name"], statement["status"]): statement
            for statement in read(Report.OPENVEX, a_full_scan())["statements"]
        }
        assert set(found) == {
            ("CVE-2024-0001", "affected"),
            ("CVE-2024-0001", "not_affected"),
            ("CVE-2", "under_investigation"),
            ("CVE-3", "affected"),
        }
        assert found["CVE-2024-0001", "not_affected"]["impact_statement"] == "templates are ours"
        assert found["CVE-2024-0001", "affected"]["action_statement"] == "Update left-pad to 1.0.1 or later."


class Page(HTMLParser):
    """What of a page a browser would act on."""

    VOID = frozenset(("meta", "br"))

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def page(scan: Scan) -> Page:
    parsed = Page()
    parsed.feed(written(Report.HTML, scan))
    parsed.close()
    assert parsed.open == []
    return parsed


class TestHtml:
    def test_strangers_write_text_and_nothing_else(self):
        found = page(a_full_scan())
        assert not {"script", "img", "a", "link", "iframe", "object"} & {tag for tag, _ in found.tags}
        assert not any(
            name.startswith("on") or name in ("src", "href") for _, attrs in found.tags for name in attrs
        )
        assert any("<script>alert(1)</script>" in text for text in found.text)
        assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e]", "".join(found.text))

    def test_it_needs_nothing_beside_itself_and_knows_light_and_dark(self):
        text = written(Report.HTML, a_full_scan())
        assert "default-src 'none'" in text
        assert "url(" not in text
        assert "prefers-color-scheme: dark" in text

    def test_tables_can_be_heard(self):
        found = page(a_full_scan())
        tags = [tag for tag, _ in found.tags]
        assert tags.count("caption") == tags.count("table") > 3
        assert all("scope" in attrs for tag, attrs in found.tags if tag == "th")
        assert ("html", {"lang": "en"}) in found.tags

    @settings(max_examples=50)
    @given(st.text(max_size=60))
    def test_any_text_stays_text(self, said):
        scan = a_scan(a_finding(said, said, vulnerability=a_vulnerability(said or "x", summary=said)))
        kinds = [tag for tag, _ in page(scan).tags]
        assert kinds == [
            tag
            for tag, _ in page(
                a_scan(a_finding("a", vulnerability=a_vulnerability("b", summary="c" if said else None)))
            ).tags
        ]


class TestMarkdown:
    def test_every_row_has_as_many_cells_as_the_head(self):
        rows = [line for line in written(Report.MARKDOWN, a_full_scan()).splitlines() if line.startswith("|")]
        assert len(rows) == 2 + 3
        assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {6}

    def test_nobody_is_mentioned_and_no_markup_of_strangers_works(self):
        text = written(Report.MARKDOWN, a_full_scan())
        prose = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", text)
        assert "@octocat" not in prose
        assert "<script>" not in prose
        assert "](" not in prose.replace("\\]\\(", "")

    def test_a_long_list_ends_in_how_many_more(self):
        text = written(Report.MARKDOWN, a_scan(*(a_finding(f"p{n}") for n in range(500))))
        assert "... and 350 more." in text
        assert len(text) < 65_536


class TestJson:
    def test_it_counts_what_it_holds(self):
        document = read(Report.JSON, a_full_scan())
        assert document["summary"] == {
            "files": 2,
            "packages": 5,
            "findings": 3,
            "severities": {"critical": 1, "high": 1, "unrated": 1},
            "unknown": 1,
            "ignored": 1,
            "not_checked": 2,
            "errors": 2,
        }
        assert document["findings"][0]["occurrences"][0]["path"] == [
            "express@4.0.0",
            "send@0.1.0",
            "left-pad@1.0.0",
        ]
        assert document["data"] == {"change_seq": 7, "freshness": {"osv": "2026-11-22T03:00:00Z"}}
