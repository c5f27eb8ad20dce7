"""The GitLab reader against 34 real records picked by quirk, and against what nobody should send.

Run this file as a program after a wanted change of the reader: it writes `gitlab/expected.json.gz` anew.
"""

import gzip
import os
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.domain.osv import Event, Reference, Severity
from assay.errors import BadRecord
from assay.pipelines.advisories.sources import discover
from assay.pipelines.advisories.sources.gitlab import SOURCE, locate, read

HERE = Path(__file__).parent / "gitlab"
ROOT = "advisories-community-main/"


def sample():
    with zipfile.ZipFile(HERE / "sample.zip") as archive:
        return {locate(name): archive.read(name) for name in archive.namelist()}


def claims_as_json():
    claims = [read(record_id, raw) for record_id, raw in sample().items()]
    return msgspec.json.format(msgspec.json.encode(claims), indent=1)


SAMPLE = sample()

MINIMAL = """\
identifier: "CVE-2024-1"
package_slug: "npm/left"
affected_range: "<1.0.0"
"""


def claim_of(record_id):
    return read(record_id, SAMPLE[record_id])


def kept(claim):
    return msgspec.json.decode(claim.affected[0].database_specific)


def minimal(more="", record_id="npm/left/CVE-2024-1"):
    return read(record_id, (MINIMAL + more).encode())


def refused(raw, record_id="npm/left/CVE-2024-1"):
    with pytest.raises(BadRecord) as caught:
        read(record_id, raw if isinstance(raw, bytes) else raw.encode())
    return caught.value.reason


def test_real_records_read_as_they_did():
    expected = gzip.decompress((HERE / "expected.json.gz").read_bytes())
    assert claims_as_json().decode() == expected.decode()


def test_the_sample_holds_records_of_every_type_at_hand():
    assert None not in SAMPLE
    assert len(SAMPLE) == 34
    assert {record_id.partition("/")[0] for record_id in SAMPLE} == {"go", "maven", "npm", "pypi"}


def test_a_plain_record_becomes_a_claim():
    claim = claim_of("maven/org.apache.logging.log4j/log4j-core/CVE-2021-44228")
    assert claim.source == "gitlab"
    assert claim.own is None
    assert claim.aliases == ("CVE-2021-44228", "GHSA-jfh8-c2jp-5v3q")
    assert claim.published == datetime(2021, 12, 10, tzinfo=UTC)
    assert claim.modified is not None
    assert claim.severity[0].type == "CVSS_V3"
    assert not {"CWE-937", "CWE-1035"} & set(claim.cwes)
    assert claim.cwes == ("CWE-20",)
    (affected,) = claim.affected
    assert (affected.package.ecosystem, affected.package.name, affected.package.purl) == (
        "Maven",
        "org.apache.logging.log4j:log4j-core",
        "pkg:maven/org.apache.logging.log4j/log4j-core",
    )
    assert [each.events for each in affected.ranges] == [
        (Event(introduced="2.0"), Event(last_affected="2.3.1")),
        (Event(introduced="2.4.0"), Event(fixed="2.12.2")),
        (Event(introduced="2.13.0"), Event(fixed="2.15.0")),
    ]
    assert kept(claim)["affected_range"] == "[2.0,2.3.1],[2.4.0,2.12.2),[2.13.0,2.15.0)"
    assert {"fixed_versions", "solution", "uuid"} <= set(kept(claim))


@pytest.mark.parametrize(
    "record_id",
    [
        "pypi/Flask-AppBuilder/GMS-2022-3340",
        "npm/axios/CVE-2022-1214",
        "maven/com.fasterxml.woodstox/woodstox-core/CVE-2022-40151",
        "maven/com.fasterxml.jackson.core/jackson-databind/CVE-2023-35116",
    ],
)
def test_a_denied_package_matches_nothing_and_says_so(record_id):
    claim = claim_of(record_id)
    (affected,) = claim.affected
    assert (affected.ranges, affected.versions) == ((), ())
    assert kept(claim)["not_affected"] is True
    assert kept(claim)["affected_range"] in ("<0", "(0)", "(,0)")


def test_go_ranges_are_semver_without_v():
    claim = claim_of("go/github.com/apache/trafficcontrol/CVE-2017-7670")
    (affected,) = claim.affected
    assert affected.package.purl == "pkg:golang/github.com/apache/trafficcontrol"
    assert [(each.type, each.events) for each in affected.ranges] == [
        ("SEMVER", (Event(introduced="0"), Event(last_affected="1.8.1")))
    ]
    assert affected.versions == ("2.0.0",)


def test_names_and_package_urls():
    packages = {claim_of(key).affected[0].package for key in SAMPLE}
    assert ("npm", "@75lb/deep-merge", "pkg:npm/%4075lb/deep-merge") in {
        (each.ecosystem, each.name, each.purl) for each in packages
    }
    by_name = {each.name: each.purl for each in packages}
    assert by_name["asterix_decoder"] == "pkg:pypi/asterix-decoder"
    assert by_name["mysql-connector-java"] is None
    assert by_name["github.com/0xJacky/Nginx-UI"] == "pkg:golang/github.com/0xJacky/Nginx-UI"


@pytest.mark.parametrize(
    ("slug", "expected"),
    [
        ("packagist/Symfony/Http", ("Packagist", "Symfony/Http", "pkg:composer/symfony/http", "ECOSYSTEM")),
        ("gem/rails", ("RubyGems", "rails", "pkg:gem/rails", "ECOSYSTEM")),
        ("nuget/Newton.Json", ("NuGet", "Newton.Json", "pkg:nuget/Newton.Json", "ECOSYSTEM")),
        ("conan/zlib", ("ConanCenter", "zlib", "pkg:conan/zlib", "ECOSYSTEM")),
        ("cargo/time", ("crates.io", "time", "pkg:cargo/time", "SEMVER")),
        ("swift/github.com/a/b", ("SwiftURL", "github.com/a/b", "pkg:swift/github.com/a/b", "ECOSYSTEM")),
        ("pub/dio", ("Pub", "dio", "pkg:pub/dio", "ECOSYSTEM")),
    ],
)
def test_package_types_without_a_sample(slug, expected):
    (affected,) = read(f"{slug}/CVE-2024-1", MINIMAL.replace("npm/left", slug).encode()).affected
    package = affected.package
    assert (package.ecosystem, package.name, package.purl, affected.ranges[0].type) == expected


def test_identifiers_are_normalised_and_never_repeated():
    claim = minimal('identifiers:\n- "cve-2024-1"\n- "GHSA-JF66-3q76-h5p5,"\n- ""\n- ~\n- " CVE-2024-1 "\n')
    assert claim.aliases == ("CVE-2024-1", "GHSA-jf66-3q76-h5p5")
    assert "CVE-2014-4671A" in claim_of("npm/hapi/CVE-2014-4671A").aliases


def test_scalars_stay_text():
    claim = minimal("fixed_versions: [1.10, 2.0, 010, yes]\nsolution: 2024-01-02\n")
    assert kept(claim)["fixed_versions"] == ["1.10", "2.0", "010", "yes"]
    assert kept(claim)["solution"] == "2024-01-02"


@pytest.mark.parametrize("nothing", ["", "~", "null", "[]", "[~]"])
def test_absent_lists_are_empty(nothing):
    claim = minimal(
        f"urls: {nothing}\nfixed_versions: {nothing}\ncwe_ids: {nothing}\nidentifiers: {nothing}\n"
    )
    assert (claim.references, claim.cwes, claim.aliases) == ((), (), ("CVE-2024-1",))
    assert "fixed_versions" not in kept(claim)


def test_a_quoted_null_is_a_word():
    assert minimal('title: "null"\n').summary == "null"


def test_one_text_stands_for_a_list():
    assert minimal("urls: https://example.org/a\n").references == (Reference("WEB", "https://example.org/a"),)


def test_dates_are_midnight_and_a_broken_one_is_kept():
    claim = minimal("date: 2024-02-30\npubdate: 2024-02-29T12:00:00Z\n")
    assert claim.modified is None
    assert claim.published == datetime(2024, 2, 29, tzinfo=UTC)
    assert kept(claim)["dates_unread"] == ["2024-02-30"]


def test_a_range_that_cannot_be_read_keeps_the_claim():
    for text in ("before 2.0", ""):
        claim = read("npm/left/CVE-2024-1", MINIMAL.replace("<1.0.0", text).encode())
        (affected,) = claim.affected
        assert (affected.ranges, affected.versions) == ((), ())
        assert kept(claim)["affected_range"] == text
        assert kept(claim)["range_unread"]
        assert "not_affected" not in kept(claim)


def test_vectors_are_checked():
    v4 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:H/SC:N/SI:N/SA:N"
    v3 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N/E:P"
    claim = minimal(f"cvss_v2: (AV:N/AC:L/Au:N/C:P/I:P/A:P)\ncvss_v3: {v3}\ncvss_v4: {v4}\n")
    assert claim.severity == (
        Severity("CVSS_V4", v4),
        Severity("CVSS_V3", v3),
        Severity("CVSS_V2", "AV:N/AC:L/Au:N/C:P/I:P/A:P"),
    )
    broken = minimal(f"cvss_v2: High\ncvss_v3: CVSS:3.1/AV:N\ncvss_v4: {v3}\n")
    assert broken.severity == (Severity("CVSS_V3", v3),)
    assert kept(broken)["cvss_unread"] == ["CVSS:3.1/AV:N", "High"]


@pytest.mark.parametrize(
    ("url", "kind", "expected"),
    [
        ("ttps://example.org/x", "WEB", "https://example.org/x"),
        ("://github.com/a/b", "WEB", "https://github.com/a/b"),
        ("//example.org", "WEB", "https://example.org"),
        ("www.example.org/a?b", "WEB", "https://www.example.org/a?b"),
        ("https://example.org/a,", "WEB", "https://example.org/a"),
        ("https://github.com/a/b/commit/0123456789abcdef0123456789abcdef01234567", "FIX", None),
        ("https://github.com/a/b/commits/main", "WEB", None),
        ("https://github.com/advisories/GHSA-jf66-3q76-h5p5", "ADVISORY", None),
        ("https://github.com/a/b/security/advisories/GHSA-jf66-3q76-h5p5", "ADVISORY", None),
        ("https://example.org/github.com/advisories/GHSA-1", "WEB", None),
    ],
)
def test_references_are_made_whole(url, kind, expected):
    assert minimal(f"urls:\n- '{url}'\n- '{url}'\n").references == (Reference(kind, expected or url),)


@pytest.mark.parametrize(
    "url", ["apache/cayenne", "", "javascript:alert(1)", "https://", "https://a b", "https:///x"]
)
def test_what_is_no_address_is_dropped(url):
    assert minimal(f"urls:\n- '{url}'\n").references == ()


def test_control_characters_are_kept_in_details():
    claim = minimal('description: "a\\0b\\u0085\\x1b[31m"\n')
    assert claim.details == "a\x00b\x85\x1b[31m"
    assert msgspec.json.decode(msgspec.json.encode(claim))["details"] == claim.details


def test_aliases_of_texts_are_followed():
    claim = minimal('title: &1 "same"\ndescription: *1\n')
    assert (claim.summary, claim.details) == ("same", "same")


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "not-yaml"),
        (b"\xff\xfe\xff", "not-yaml"),
        (b"title: \x00\n", "not-yaml"),
        (b"a: 'unclosed", "not-yaml"),
        (b"a:\n\t- tab\n", "not-yaml"),
        (b"a: b: c\n", "not-yaml"),
        (b"a: 1\n---\nb: 2\n", "not-yaml"),
        (b"a: *nobody\n", "not-yaml"),
        (b"- a\n- b\n", "wrong-type"),
        (b"just text\n", "wrong-type"),
        (b"~\n", "wrong-type"),
        (b"[a, b]: c\n", "wrong-type"),
        (b"~: c\n", "wrong-type"),
        (b"title: lonely\n", "wrong-type"),
        (MINIMAL + "title: [a]\n", "wrong-type"),
        (MINIMAL + "urls: [[a]]\n", "wrong-type"),
        (MINIMAL + "identifiers: {a: b}\n", "wrong-type"),
        (MINIMAL.replace('"npm/left"', "~"), "wrong-type"),
        (MINIMAL + "identifier: CVE-2024-1\n", "duplicate-key"),
        (MINIMAL + "x:\n  y: 1\n  y: 2\n", "duplicate-key"),
        (b"a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n", "not-yaml"),
        (b"&a [*a]\n", "not-yaml"),
        (b"[" * 200_000, "too-deep"),
        (b"{a: " * 200_000, "too-deep"),
        (b"- " * 200_000, "too-deep"),
        (b"a: [" + b"1," * 60_000 + b"]\n", "too-large"),
        (b"a: " + b"x" * 1_000_001, "too-large"),
    ],
    ids=lambda value: repr(value[:24]),
)
def test_what_cannot_be_used_is_set_aside_with_its_reason(raw, reason):
    assert refused(raw) == reason


def test_unused_depth_is_allowed_up_to_the_limit():
    assert minimal("x: " + "[" * 40 + "]" * 40 + "\n").aliases == ("CVE-2024-1",)
    assert refused(MINIMAL + "x: " + "[" * 60 + "]" * 60 + "\n") == "too-deep"


@pytest.mark.parametrize("slug", ["npm/right", "npm", "left", "pypi/left", ""])
def test_a_path_that_names_another_package_is_refused(slug):
    assert refused(MINIMAL.replace("npm/left", slug)) == "id-mismatch"


def test_a_path_that_names_another_advisory_is_refused():
    assert refused(MINIMAL, "npm/left/CVE-2024-2") == "id-mismatch"


@pytest.mark.parametrize("slug", ["npm/left/", "/npm/left", "npm//left", "NPM/Left"])
def test_slashes_and_case_are_no_mismatch(slug):
    claim = read("npm/left/CVE-2024-1", MINIMAL.replace("npm/left", slug).encode())
    assert claim.affected[0].package.name.casefold() == "left"


def test_an_unknown_package_type_is_seen():
    assert refused(MINIMAL, "hex/left/CVE-2024-1") == "unknown-type"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("npm/left/CVE-2024-1.yml", "npm/left/CVE-2024-1"),
        (ROOT + "npm/left/CVE-2024-1.yml", "npm/left/CVE-2024-1"),
        (ROOT + "npm/@scope/left/GMS-2024-1.yml", "npm/@scope/left/GMS-2024-1"),
        ("go/npm/pkg/CVE-2024-1.yml", "go/npm/pkg/CVE-2024-1"),
        (ROOT + "pypi/x/skcsirt-sa-20170909-pypi.yml", "pypi/x/skcsirt-sa-20170909-pypi"),
        (ROOT + "hex/left/CVE-2024-1.yml", ROOT + "hex/left/CVE-2024-1"),
        (ROOT + "README.md", None),
        (ROOT + "LICENSE", None),
        (ROOT + ".gitlab-ci.yml", None),
        (ROOT + "npm/left/.hidden.yml", None),
        (ROOT + "npm/left/README.md", None),
        (ROOT + "npm/", None),
        (ROOT + "npm/CVE-2024-1.yml", ROOT + "npm/CVE-2024-1"),
        (ROOT + "ci/scripts/check.yml", None),
        ("ci/check.yml", None),
        ("", None),
    ],
)
def test_locate(path, expected):
    assert locate(path) == expected


def test_a_new_date_alone_is_no_new_content():
    raw = SAMPLE["pypi/ansible/CVE-2021-20178"]
    lines = raw.split(b"\n")
    (index,) = [number for number, line in enumerate(lines) if line.startswith(b"date:")]
    redated = b"\n".join([*lines[:index], b'date: "2031-01-01"', *lines[index + 1 :]])
    assert redated != raw
    assert SOURCE.volatile.sub(b"", redated) == SOURCE.volatile.sub(b"", raw)
    republished = raw.replace(b"\npubdate: ", b"\npubdate: 9")
    assert republished != raw
    assert SOURCE.volatile.sub(b"", republished) != SOURCE.volatile.sub(b"", raw)


def test_the_source_is_found_by_its_name():
    assert discover()["gitlab"] is SOURCE


@given(st.binary(max_size=200))
def test_any_bytes_are_a_claim_or_a_bad_record(raw):
    with pytest.raises(BadRecord):
        read("npm/left/CVE-2024-1", raw)


_PIECES = (
    "title: ", "urls:", "- a", " - b", "x: &a ", "y: *a", "[", "]", "{", "}", "'", '"', "|", ">", "!!binary ",
    "? ", ": ", "---", "...", "%YAML 1.1", "\t", "#", "\\ud800", '"\\ud800"', "\ufeff", "é", "date: ", "~",
)  # fmt: skip
_lines = st.lists(st.sampled_from(_PIECES), max_size=12)


@given(_lines, st.sampled_from(["\n", " "]))
def test_any_yaml_like_text_is_a_claim_or_a_bad_record(lines, joint):
    try:
        claim = minimal(joint.join(lines) + "\n")
    except BadRecord:
        return
    assert msgspec.json.encode(claim)


@pytest.mark.parametrize("without_libyaml", [False, True])
def test_both_parsers_read_the_same(without_libyaml):
    block = "sys.modules['yaml._yaml'] = None\n" if without_libyaml else ""
    program = (
        f"import sys\n{block}"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import yaml, test_gitlab\n"
        f"assert yaml.__with_libyaml__ is {not without_libyaml}\n"
        "sys.stdout.buffer.write(test_gitlab.claims_as_json())\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert found.stdout == claims_as_json()


def test_python_s_own_parser_refuses_what_has_no_place_in_text():
    program = (
        "import sys\nsys.modules['yaml._yaml'] = None\n"
        "from assay.errors import BadRecord\n"
        "from assay.pipelines.advisories.sources.gitlab import read\n"
        f"head = {MINIMAL!r}\n"
        "lone, huge = 'title: \"\\\\ud800\"\\n', 'title: \"\\\\U7fffffff\"\\n'\n"
        "for tail in [lone, huge, 'x: ' + '[' * 3000, '%YAML ' + '9' * 5000]:\n"
        "    try:\n"
        "        read('npm/left/CVE-2024-1', (head + tail).encode())\n"
        "    except BadRecord as error:\n"
        "        print(error.reason)\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert found.stdout.split() == ["not-yaml", "not-yaml", "too-deep", "not-yaml"]


if __name__ == "__main__":
    (HERE / "expected.json.gz").write_bytes(gzip.compress(claims_as_json(), mtime=0))
