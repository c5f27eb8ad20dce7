"""OSV's reader, tried on 46 real records chosen for their quirks, and on what it must refuse.

The records are of GHSA, PYSEC, GO and OSS-Fuzz (CC-BY-4.0), RUSTSEC (CC0-1.0) and Bitnami (Apache-2.0). Run
as a program, this file writes the golden file anew.
"""

import gzip
import zipfile
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.catalog.model import Claim
from assay.domain.osv import Affected, Event, Package, Range, Reference, Severity
from assay.errors import BadRecord
from assay.pipelines.advisories.sources.osv import SOURCE, locate, read

HERE = Path(__file__).parent / "osv"
PACKAGE = {"ecosystem": "PyPI", "name": "example"}
RANGE = {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.2"}]}
V3 = {"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}
OTHER_V3 = {"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"}


@cache
def sample() -> dict[str, bytes]:
    with zipfile.ZipFile(HERE / "sample.zip") as archive:
        return {str(locate(name)): archive.read(name) for name in archive.namelist()}


def claims() -> dict[str, Claim]:
    return {name: read(name, raw) for name, raw in sample().items()}


def record(**changed: Any) -> bytes:
    return msgspec.json.encode({"id": "PYSEC-2024-1", "modified": "2024-01-02T03:04:05Z", **changed})


def claim(**changed: Any) -> Claim:
    raw = record(**changed)
    return read(msgspec.json.decode(raw)["id"], raw)


def plain(value: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


def real(name: str) -> Claim:
    return read(name, sample()[name])


def refused(record_id: str, raw: bytes) -> str:
    with pytest.raises(BadRecord) as caught:
        read(record_id, raw)
    assert caught.value.detail
    return caught.value.reason


def test_real_records_read_as_the_golden_file_says():
    golden = gzip.decompress((HERE / "expected.json.gz").read_bytes())
    assert len(claims()) == 46
    assert plain(claims()) == msgspec.json.decode(golden)


@pytest.mark.parametrize("name", sorted(sample()))
def test_a_claim_on_a_real_record_survives_writing_and_reading(name: str):
    assert msgspec.json.decode(msgspec.json.encode(real(name)), type=Claim) == real(name)


@pytest.mark.parametrize("name", sorted(sample()))
def test_what_a_real_record_says_of_packages_is_kept_whole(name: str):
    told = msgspec.json.decode(sample()[name])["affected"]
    kept = plain(real(name).affected)
    known = {field for entry in told for field in entry} & {*Affected.__struct_fields__}
    assert [{key: entry[key] for key in entry if key in known and entry[key] != []} for entry in told] == [
        {key: value for key, value in entry.items() if value != []} for entry in kept
    ]


def test_a_whole_record_is_read_field_by_field():
    read_claim = claim(
        id="GHSA-JF66-3q76-h5p5",
        schema_version="1.7.0",
        published="2024-01-01T00:00:00Z",
        withdrawn="2024-02-01T00:00:00Z",
        aliases=["CVE-2024-3014"],
        upstream=["CVE-2024-3015"],
        related=["CVE-2024-3016"],
        summary="S",
        details="D",
        severity=[V3],
        affected=[{"package": PACKAGE, "ranges": [RANGE], "versions": ["1.0"]}],
        references=[{"type": "FIX", "url": "https://example.org/fix"}],
        credits=[{"name": "A. Finder"}],
        database_specific={"severity": "MODERATE", "cwe_ids": ["CWE-79"]},
        unheard_of={"x": [1]},
    )
    assert read_claim == Claim(
        source="osv",
        record_id="GHSA-JF66-3q76-h5p5",
        own="GHSA-jf66-3q76-h5p5",
        aliases=("CVE-2024-3014",),
        upstream=("CVE-2024-3015",),
        related=("CVE-2024-3016",),
        published=datetime(2024, 1, 1, tzinfo=UTC),
        modified=datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC),
        withdrawn=datetime(2024, 2, 1, tzinfo=UTC),
        summary="S",
        details="D",
        severity=(Severity(**V3),),
        severity_word="MODERATE",
        affected=(
            Affected(
                package=Package(ecosystem="PyPI", name="example"),
                ranges=(Range(type="ECOSYSTEM", events=(Event(introduced="0"), Event(fixed="1.2"))),),
                versions=("1.0",),
            ),
        ),
        references=(Reference(type="FIX", url="https://example.org/fix"),),
        cwes=("CWE-79",),
        credits=read_claim.credits,
    )
    assert [credit.name for credit in read_claim.credits] == ["A. Finder"]


def test_the_least_record_is_a_claim():
    assert read("A-1", b'{"id":"A-1"}') == Claim(source="osv", record_id="A-1", own="A-1")


class TestIdentifiers:
    def test_aliases_are_normalised_distinct_and_others(self):
        told = claim(aliases=["CVE-2024-3014 ", "cve-2024-3014", " pysec-2024-1", "", "ghsa-JF66-3q76-h5p5,"])
        assert told.aliases == ("CVE-2024-3014", "GHSA-jf66-3q76-h5p5")

    def test_a_cve_that_is_only_related_or_upstream_never_names_the_record(self):
        told = claim(related=["CVE-2024-1000"], upstream=["CVE-2024-2000"])
        assert told.identifiers == ("PYSEC-2024-1",)
        assert (told.related, told.upstream) == (("CVE-2024-1000",), ("CVE-2024-2000",))

    @pytest.mark.parametrize(
        ("name", "own"),
        [
            ("ALSA-2019_3338", "ALSA-2019:3338"),
            ("ALSA-2019-3338", "ALSA-2019:3338"),
            ("ALSA-2019%3A3338", "ALSA-2019:3338"),
            ("ALSA-2019%3a3338", "ALSA-2019:3338"),
            ("openSUSE-SU-2024:1-1", "openSUSE-SU-2024:1-1"),
            ("ghsa-jf66-3q76-h5p5", "GHSA-JF66-3Q76-H5P5"),
            ("x_EXAMPLE-1", "x_EXAMPLE-1"),
        ],
    )
    def test_the_id_may_be_spelled_otherwise_in_the_name(self, name: str, own: str):
        told = read(name, record(id=own))
        assert (told.record_id, told.own) == (name, "GHSA-jf66-3q76-h5p5" if "GHSA" in own else own)

    @pytest.mark.parametrize("name", ["PYSEC-2024-2", "PYSEC-2024-11", "GHSA-jf66-3q76-h5p5", "", "\ud800"])
    def test_another_id_than_the_name_says_is_refused(self, name: str):
        assert refused(name, record()) == "id-mismatch"

    @pytest.mark.parametrize("own", [None, "", " ", "\x00"])
    def test_a_record_without_id_is_refused(self, own: str | None):
        assert refused("PYSEC-2024-1", record(id=own)) == "missing-id"


class TestTimes:
    @pytest.mark.parametrize(
        ("written", "meant"),
        [
            ("2024-01-02T03:04:05Z", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
            ("2024-01-02T03:04:05", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
            ("2024-01-02t03:04:05z", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
            (" 2024-01-02 03:04:05 ", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
            ("2024-01-02T05:04:05+02:00", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
            ("2024-01-02T03:04:05.123456789Z", datetime(2024, 1, 2, 3, 4, 5, 123456, tzinfo=UTC)),
            ("2024-01-02", datetime(2024, 1, 2, tzinfo=UTC)),
            ("0001-01-01T00:00:00Z", None),
            ("0001-01-01T00:00:00+01:00", None),
            ("9999-12-31T23:59:59-05:00", None),
            ("0000-00-00T00:00:00Z", None),
            ("2024-02-30T00:00:00Z", None),
            ("yesterday", None),
            ("", None),
            (None, None),
        ],
    )
    def test_a_time_is_read_in_utc(self, written: str | None, meant: datetime | None):
        told = claim(published=written, modified=written, withdrawn=written)
        assert (told.published, told.modified, told.withdrawn) == (meant, meant, meant)
        assert meant is None or told.published.utcoffset() == timedelta(0)

    @given(
        st.datetimes(
            timezones=st.sampled_from([UTC, timezone(timedelta(hours=-7)), timezone(timedelta(hours=5))])
        )
    )
    def test_every_time_of_a_real_calendar_is_read(self, moment: datetime):
        told = claim(modified=moment.isoformat()).modified
        assert told == moment or (told is None and moment.year in {1, 9999})

    def test_gos_zero_is_no_time(self):
        assert (real("GO-2025-4249").modified, real("GO-2025-3451").published) == (None, None)


class TestWithdrawn:
    PROSE = (
        *("GHSA-q9r2-f3vc-rjg8", "GHSA-3233-rgx3-c2wh", "GHSA-wj5j-xpcj-45gc", "GHSA-8q5c-93vg-c747"),
        *("GHSA-8v27-2fg9-7h62", "GHSA-74w3-p89x-ffgh", "GHSA-wmm6-pgp8-29hg", "GHSA-7vvq-7r29-5vg3"),
        "GHSA-chcr-x7hc-8fp8",
    )

    @pytest.mark.parametrize("name", PROSE)
    def test_a_lost_field_is_read_from_the_head_of_the_text(self, name: str):
        told = real(name)
        assert "withdrawn" not in msgspec.json.decode(sample()[name])
        assert told.withdrawn == told.modified is not None

    @pytest.mark.parametrize("name", ["PYSEC-2022-15", "GO-2022-0617", "RUSTSEC-2020-0053", "OSV-2018-206"])
    def test_the_field_counts_where_it_is(self, name: str):
        told = msgspec.json.decode(sample()[name])["withdrawn"]
        assert real(name).withdrawn == datetime.fromisoformat(told)

    # GHSA-qv6h-pcf2-2w3g: a duplicate that nobody calls withdrawn. GHSA-mx3r-w3pj-7wv7: a rejected CVE.
    @pytest.mark.parametrize("name", ["GHSA-qv6h-pcf2-2w3g", "GHSA-mx3r-w3pj-7wv7", "GHSA-wpqr-jcpx-745r"])
    def test_other_records_stand(self, name: str):
        assert real(name).withdrawn is None

    @pytest.mark.parametrize(
        ("own", "details", "is_withdrawn"),
        [
            ("GHSA-jf66-3q76-h5p5", "# Withdrawn\nIt is none.", True),
            ("GHSA-jf66-3q76-h5p5", " **Withdrawn:** Duplicate of GHSA-x.", True),
            ("GHSA-jf66-3q76-h5p5", "THIS ADVISORY HAS BEEN WITHDRAWN.", True),
            (
                "GHSA-jf66-3q76-h5p5",
                "## Duplicate Advisory\r\n\r\nThis advisory has been withdrawn because",
                True,
            ),
            ("GHSA-jf66-3q76-h5p5", "Withdrawn funds can be withdrawn again.", False),
            ("GHSA-jf66-3q76-h5p5", "Text first.\n\n# Withdrawn\n", False),
            ("GHSA-jf66-3q76-h5p5", "The statement 'this advisory has been withdrawn' is shown.", False),
            ("PYSEC-2024-1", "# Withdrawn\nIt is none.", False),
        ],
    )
    def test_only_ghsa_and_only_the_head_of_the_text_count(self, own: str, details: str, is_withdrawn: bool):
        assert (claim(id=own, details=details).withdrawn is not None) is is_withdrawn

    def test_without_modified_it_was_withdrawn_when_published(self):
        told = claim(id="GHSA-jf66-3q76-h5p5", modified=None, published="2024-01-01", summary="Withdrawn: x")
        assert told.withdrawn == datetime(2024, 1, 1, tzinfo=UTC)


class TestSeverity:
    def test_the_record_speaks_before_its_packages(self):
        affected = [{"package": PACKAGE, "severity": [OTHER_V3]}]
        assert claim(severity=[V3], affected=affected).severity == (Severity(**V3),)
        assert claim(severity=[], affected=affected).severity == (Severity(**OTHER_V3),)
        assert claim(affected=affected).severity == (Severity(**OTHER_V3),)

    def test_packages_that_differ_have_no_common_severity(self):
        affected = [{"package": PACKAGE, "severity": [vector]} for vector in (V3, OTHER_V3)]
        assert claim(affected=affected).severity == ()
        assert claim(affected=[affected[0], {"package": PACKAGE}, affected[0]]).severity == (Severity(**V3),)

    @pytest.mark.parametrize(
        ("specific", "affected", "word"),
        [
            ({"severity": "MODERATE"}, [], "MODERATE"),
            ({"severity": " High "}, [], "High"),
            ({"severity": "MODERATE"}, [{"severity": "LOW"}], "MODERATE"),
            ({}, [{"severity": "LOW"}, {"severity": "LOW"}, {}], "LOW"),
            ({}, [{"severity": "LOW"}, {"severity": "HIGH"}], None),
            ({}, [{"severity": None}], None),
            ({"severity": ""}, [], None),
            ({"severity": {"score": 1}}, [], None),
            ({"severity": [V3]}, [{"severity": [V3]}], None),
            (None, [], None),
        ],
    )
    def test_the_databases_word(self, specific: Any, affected: list[Any], word: str | None):
        entries = [{"package": PACKAGE, "ecosystem_specific": told} for told in affected]
        assert claim(database_specific=specific, affected=entries).severity_word == word

    def test_free_content_is_free(self):
        affected = [{"package": PACKAGE, "ecosystem_specific": '"severity"', "database_specific": ['"cwes"']}]
        told = claim(affected=affected)
        assert (told.severity_word, told.cwes) == (None, ())

    @pytest.mark.parametrize(
        ("listed", "cwes"),
        [
            (["CWE-79", "CWE-79", "cwe-089 ", "CWE-20: Input"], ("CWE-79", "CWE-89", "CWE-20")),
            ([{"cweId": "CWE-506", "name": "x"}], ("CWE-506",)),
            (["NVD-CWE-noinfo", "", None, 79, {}], ()),
            ("CWE-79", ()),
            ({}, ()),
        ],
    )
    def test_weaknesses_are_named_by_cwe(self, listed: Any, cwes: tuple[str, ...]):
        assert claim(database_specific={"cwe_ids": listed}).cwes == cwes
        assert claim(database_specific={"cwes": listed}).cwes == cwes
        assert claim(affected=[{"package": PACKAGE, "database_specific": {"cwes": listed}}]).cwes == cwes


class TestAffected:
    def test_entries_that_say_nothing_are_dropped_and_the_rest_is_kept_in_order(self):
        git = {"type": "GIT", "repo": "https://example.org/r.git", "events": [{"introduced": "0"}]}
        told = claim(
            affected=[
                {"package": PACKAGE, "ranges": [{"type": "SEMVER", "events": []}, RANGE]},
                {"ranges": [{"type": "GIT", "events": [{}]}]},
                {"severity": [V3]},
                {"package": {}, "ranges": [git]},
                {"package": {}},
                {
                    "package": PACKAGE,
                    "ranges": [{"type": "SEMVER", "events": [{}, {"fixed": "2"}, {"new": "x"}]}],
                },
                {"versions": ["1.0"]},
                {"package": PACKAGE, "versions": ["2", "1", "2"]},
            ]
        )
        assert plain(told.affected) == [
            {"package": PACKAGE, "ranges": [RANGE]},
            {"ranges": [git]},
            {"package": PACKAGE, "ranges": [{"type": "SEMVER", "events": [{"fixed": "2"}]}]},
            {"versions": ["1.0"]},
            {"package": PACKAGE, "versions": ["2", "1", "2"]},
        ]

    def test_events_stay_in_their_order(self):
        events = [
            {"fixed": "2"},
            {"introduced": "1"},
            {"last_affected": "3"},
            {"limit": "*"},
            {"introduced": "0"},
        ]
        told = claim(affected=[{"package": PACKAGE, "ranges": [{"type": "SEMVER", "events": events}]}])
        assert plain(told.affected[0].ranges[0].events) == events

    def test_specific_null_is_absence(self):
        odd = {**RANGE, "database_specific": None}
        entry = {
            "package": PACKAGE,
            "ranges": [odd],
            "ecosystem_specific": None,
            "database_specific": {"a": None},
        }
        written = plain(claim(affected=[entry]).affected)
        assert written == [{"package": PACKAGE, "ranges": [RANGE], "database_specific": {"a": None}}]

    @pytest.mark.parametrize(
        "package",
        [
            {"name": "example"},
            {"ecosystem": "PyPI"},
            {"ecosystem": "", "name": "example"},
            {"ecosystem": "PyPI", "name": None},
            {"purl": "pkg:pypi/example"},
            {},
        ],
    )
    def test_a_package_that_cannot_be_matched_sets_the_record_aside(self, package: dict[str, Any]):
        good = {"package": PACKAGE, "versions": ["1"]}
        assert refused("PYSEC-2024-1", record(affected=[good, {"package": package, "versions": ["1"]}])) == (
            "missing-ecosystem"
        )

    def test_23_000_versions_are_kept(self):
        versions = [f"1:2.{number}~rc1-3+deb12u{number}" for number in range(23_000)]
        details = "A long story. " * 40_000
        raw = record(details=details, affected=[{"package": PACKAGE, "versions": versions}])
        assert len(raw) > 1_000_000
        told = read("PYSEC-2024-1", raw)
        assert told.affected[0].versions == tuple(versions)
        assert told.details == details


class TestReferences:
    @pytest.mark.parametrize(
        ("written", "url"),
        [
            ("https://example.org/a b", "https://example.org/a b"),
            ("ttps://example.org/a", "https://example.org/a"),
            ("ps://example.org/a", "https://example.org/a"),
            ("ttp://example.org/a", "http://example.org/a"),
            ("https:/example.org/a", "https://example.org/a"),
            (" HTTPS://example.org/a\n", "HTTPS://example.org/a"),
            ("ftp://example.org/a", "ftp://example.org/a"),
            ("git+https://example.org/a.git", "git+https://example.org/a.git"),
            ("", None),
            (" ", None),
            ("://example.org", None),
            ("example.org/a", None),
            ("apache/cayenne", None),
            ("javascript://example.org/%0aalert(1)", None),
            ("CVSS:3.1/AV:N/AC:L", None),
        ],
    )
    def test_a_reference_leads_somewhere_or_is_left_out(self, written: str, url: str | None):
        sound = {"type": "FIX", "url": "http://example.org/"}
        told = claim(references=[sound, {"type": "WEB", "url": written}, sound]).references
        assert [link.url for link in told] == [sound["url"], *([url] if url else []), sound["url"]]

    def test_real_half_urls(self):
        assert b'"ttps://github.com/jeecgboot/jeecg-boot"' in sample()["GHSA-rwhx-6hx7-pqc8"]
        assert real("GHSA-rwhx-6hx7-pqc8").references[-1].url == "https://github.com/jeecgboot/jeecg-boot"
        assert not [link for link in real("GHSA-449w-c77c-vmf6").references if link.url.startswith("CVSS")]
        assert all(link.url.startswith("http") for told in claims().values() for link in told.references)


class TestText:
    @pytest.mark.parametrize("blank", ["", " \n", None])
    def test_blank_is_absent(self, blank: str | None):
        told = claim(summary=blank, details=blank)
        assert (told.summary, told.details) == (None, None)

    def test_escaped_control_characters_stay(self):
        assert claim(details="a\x00\x01\x1b[31mb").details == "a\x00\x01\x1b[31mb"

    # GHSA-wpqr-jcpx-745r is about a JSON reader and surrogates, so its text writes them out.
    @pytest.mark.parametrize(
        ("name", "text"), [("GHSA-wpqr-jcpx-745r", r"\ud800hello"), ("GHSA-5vcm-3xc3-w7x3", r"\u0000")]
    )
    def test_an_escape_that_is_spoken_of_is_no_escape(self, name: str, text: str):
        assert text in str(real(name).details)
        assert "\ufffd" not in str(real(name).details)

    @pytest.mark.parametrize(
        ("written", "text"),
        [
            (rb"a\ud800b", "a\ufffdb"),
            (rb"\uD800", "\ufffd"),
            (rb"\udc00\ud800x", "\ufffd\ufffdx"),
            (rb"\ud800\ud83d\ude00", "\ufffd\U0001f600"),
            (rb"\ud83d\ude00", "\U0001f600"),
            (rb"\\ud800", r"\ud800"),
            (rb"\\\ud800", "\\\ufffd"),
            (rb"\ud800\u0041", "\ufffdA"),
            (rb"\ud8", None),
        ],
    )
    def test_half_a_surrogate_pair_becomes_a_mark(self, written: bytes, text: str | None):
        raw = b'{"id":"A-1","details":"' + written + b'","affected":[{"versions":["' + written
        raw += b'"],"database_specific":{"x":"' + written + b'"}}]}'
        if text is None:
            assert refused("A-1", raw) == "not-json"
            return
        told = read("A-1", raw)
        assert (told.details, told.affected[0].versions) == (text, (text,))
        assert plain(told)["affected"][0]["database_specific"] == {"x": text}

    def test_a_byte_order_mark_is_passed_over(self):
        assert read("PYSEC-2024-1", b"\xef\xbb\xbf" + record()) == read("PYSEC-2024-1", record())


class TestShape:
    def test_null_says_no_more_than_absence(self):
        full = {
            "aliases": None, "upstream": None, "related": None, "severity": None, "affected": None,
            "references": None, "credits": None, "schema_version": None, "database_specific": None,
            "published": None, "withdrawn": None, "summary": None, "details": None,
        }  # fmt: skip
        assert claim(**full) == claim()
        deep = {
            "package": {**PACKAGE, "purl": None},
            "ranges": None,
            "versions": ["1", None],
            "severity": None,
        }
        credit = {"name": "A. Finder", "contact": None}
        told = claim(affected=[deep, None], aliases=["CVE-2024-3014", None], credits=[credit])
        assert plain(told.affected) == [{"package": PACKAGE, "versions": ["1"]}]
        assert (told.aliases, told.credits[0].contact) == (("CVE-2024-3014",), ())

    @pytest.mark.parametrize(
        ("raw", "reason"),
        [
            (b"", "not-json"),
            (b"<html></html>", "not-json"),
            (record()[:-1], "not-json"),
            (record() + b"{}", "not-json"),
            (b'{"id":"PYSEC-2024-1","details":"\xff"}', "not-json"),
            (b'{"id":"PYSEC-2024-1","unheard_of":"\xff"}', "not-json"),
            (b'{"id":"PYSEC-2024-1","affected":[{"database_specific":{"x":"\xff"}}]}', "not-json"),
            (b'{"id":"PYSEC-2024-1","details":"\xed\xa0\x80"}', "not-json"),
            (b'{"id":"PYSEC-2024-1","details":"a\nb"}', "not-json"),
            (b'{"id":"PYSEC-2024-1","x":NaN}', "not-json"),
            (b"[]", "wrong-type"),
            (b"null", "wrong-type"),
            (b'"PYSEC-2024-1"', "wrong-type"),
            (record(id=1), "wrong-type"),
            (record(modified=1704067200), "wrong-type"),
            (record(aliases="CVE-2024-3014"), "wrong-type"),
            (record(aliases=[1]), "wrong-type"),
            (record(affected={}), "wrong-type"),
            (record(affected=[{"package": "PyPI/example"}]), "wrong-type"),
            (record(affected=[{"package": PACKAGE, "versions": [1.0]}]), "wrong-type"),
            (record(affected=[{"package": PACKAGE, "ranges": [{"events": [{"fixed": 2}]}]}]), "wrong-type"),
            (record(severity="HIGH"), "wrong-type"),
            (record(database_specific="x"), "wrong-type"),
            (b'{"id":"PYSEC-2024-1","database_specific":{"severity":1e999}}', "wrong-type"),
            (b'{"id":"PYSEC-2024-1","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "too-deep"),
            (b"[" * 100_000, "too-deep"),
            (
                b'{"id":"PYSEC-2024-1","database_specific":{"cwes":'
                + b"[" * 100_000
                + b"]" * 100_000
                + b"}}",
                "too-deep",
            ),
            (b"{}", "missing-id"),
        ],
    )
    def test_a_record_that_cannot_be_used_says_why(self, raw: bytes, reason: str):
        assert refused("PYSEC-2024-1", raw) == reason


SCALAR = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
JSON = st.recursive(
    SCALAR,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
SMALL = sorted(sample().items(), key=lambda item: len(item[1]))[:20]


@st.composite
def spoiled(draw: st.DrawFn) -> tuple[str, bytes]:
    """A real record in which some values were put in the place of others."""
    name, raw = draw(st.sampled_from(SMALL))
    tree = msgspec.json.decode(raw)
    for _ in range(draw(st.integers(1, 3))):
        node = tree
        while True:
            places = list(node) if isinstance(node, dict) else range(len(node))
            if not places:
                break
            place = draw(st.sampled_from(places))
            if isinstance(node[place], dict | list) and node[place] and draw(st.integers(0, 3)):
                node = node[place]
                continue
            node[place] = draw(JSON | st.sampled_from(["", "0001-01-01T00:00:00Z", "\x00", "GHSA-"]))
            break
    return name, msgspec.json.encode(tree)


@st.composite
def torn(draw: st.DrawFn) -> tuple[str, bytes]:
    """A real record in which some bytes were overwritten."""
    name, raw = draw(st.sampled_from(SMALL))
    at = draw(st.integers(0, len(raw)))
    put = draw(
        st.binary(max_size=4) | st.sampled_from([b"\\ud800", b"\\", b'"', b"null", b"{}", b"[]", b"1e999"])
    )
    return name, raw[:at] + put + raw[at + draw(st.integers(0, 8)) :]


def assert_claim_or_bad_record(name: str, raw: bytes) -> None:
    try:
        told = read(name, raw)
    except BadRecord:
        return
    assert msgspec.json.decode(msgspec.json.encode(told), type=Claim) == told
    assert told.own not in told.aliases


@given(st.tuples(st.text(), st.binary()))
def test_any_bytes_are_a_claim_or_a_bad_record(member: tuple[str, bytes]):
    assert_claim_or_bad_record(*member)


@given(spoiled())
def test_a_spoiled_record_is_a_claim_or_a_bad_record(member: tuple[str, bytes]):
    assert_claim_or_bad_record(*member)


@given(torn())
def test_a_torn_record_is_a_claim_or_a_bad_record(member: tuple[str, bytes]):
    assert_claim_or_bad_record(*member)


@pytest.mark.parametrize(
    ("path", "record_id"),
    [
        ("GHSA-jf66-3q76-h5p5.json", "GHSA-jf66-3q76-h5p5"),
        ("PyPI/PYSEC-2024-1.json", "PYSEC-2024-1"),
        ("a/b-c/ALSA-2019:3338.json", "ALSA-2019:3338"),
        ("ALSA-2019_3338.json", "ALSA-2019_3338"),
        ("openSUSE-SU-2024:1-1.json", "openSUSE-SU-2024:1-1"),
        ("x_EXAMPLE-1.json", "x_EXAMPLE-1"),
        ("MANIFEST.json", None),
        ("package.json", None),
        ("package-lock.json", None),
        ("GHSA-jf66-3q76-h5p5.yaml", None),
        ("GHSA-jf66-3q76-h5p5.json/readme", None),
        ("__MACOSX/._GHSA-jf66-3q76-h5p5.json", None),
        ("GHSA-.json", None),
        ("PyPI/", None),
        ("", None),
    ],
)
def test_a_record_is_told_by_its_name(path: str, record_id: str | None):
    assert locate(path) == record_id


def test_a_new_time_of_change_is_no_new_content():
    assert SOURCE.volatile is not None
    first, second = (
        record(details='a "modified": "x"'),
        record(details='a "modified": "x"', modified="2025-01-01Z"),
    )
    assert first != second
    assert SOURCE.volatile.sub(b"", first) == SOURCE.volatile.sub(b"", second)
    assert SOURCE.volatile.sub(b"", first) != SOURCE.volatile.sub(b"", record(details='a "modified": "y"'))


def test_the_source_says_how_it_is_read():
    assert (SOURCE.name, SOURCE.read, SOURCE.locate, SOURCE.split) == ("osv", read, locate, None)


if __name__ == "__main__":
    (HERE / "expected.json.gz").write_bytes(gzip.compress(msgspec.json.encode(claims()), 9, mtime=0))
