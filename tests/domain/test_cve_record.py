"""Bytes as CVE records, and versions in words."""

import msgspec
import pytest

from assay.domain.cve_record import Cna, Metadata, Version, decode, is_foreign
from assay.errors import BadRecord

VALID = b'{"cveMetadata": {"cveId": "CVE-2024-3014"}, "containers": {"cna": {"title": "T"}}}'


def refusal(raw: bytes) -> str:
    with pytest.raises(BadRecord) as caught:
        decode(raw)
    assert caught.value.detail
    return caught.value.reason


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"not json",
        b"{",
        VALID + b"x",
        VALID.replace(b"T", b"a\nb"),
        VALID.replace(b"T", b"\xff\xfe"),
        VALID.replace(b"T", b"\xed\xa0\x80"),
        VALID.replace(b"T", b"\\ud8zz"),
        "{}".encode("utf-16"),
    ],
)
def test_not_json(raw):
    assert refusal(raw) == "not-json"


@pytest.mark.parametrize(
    "raw",
    [
        b"[]",
        b"null",
        b"7",
        b'"CVE-2024-3014"',
        b'{"cveMetadata": []}',
        b'{"cveMetadata": {"cveId": {}}}',
        VALID.replace(b'"T"', b"true"),
        VALID.replace(b'{"title": "T"}', b"[]"),
        VALID.replace(b'"title": "T"', b'"affected": {}'),
        VALID.replace(b'"title": "T"', b'"affected": ["x"]'),
        VALID.replace(b'"title": "T"', b'"descriptions": [{"lang": "en", "value": []}]'),
    ],
)
def test_wrong_type(raw):
    assert refusal(raw) == "wrong-type"


def test_wrong_type_says_where():
    with pytest.raises(BadRecord, match=r"\$\.containers\.cna\.affected\[0\]"):
        decode(VALID.replace(b'"title": "T"', b'"affected": [7]'))


def test_null_is_an_absent_field():
    cna = b'{"metrics": [null], "tags": null}'
    raw = b'{"cveMetadata": {"cveId": null, "state": null}, "containers": {"cna": ' + cna + b"}}"
    record = decode(raw)
    assert record.cve_metadata == Metadata()
    assert record.containers is not None
    assert record.containers.cna == Cna(metrics=())


@pytest.mark.parametrize(
    ("opening", "closing"),
    [("[", "]"), ('{"a":', "}"), ('{"x":[', "]}"), ('{"containers":{"cna":{"affected":', "}}}")],
)
def test_too_deep(opening, closing):
    assert refusal(opening.encode() * 100_000 + closing.encode() * 100_000) == "too-deep"
    assert (
        refusal(VALID.replace(b'"title": "T"', b'"x_tool": ' + b"[" * 100_000 + b"]" * 100_000)) == "too-deep"
    )


def test_byte_order_mark_is_accepted():
    assert decode(b"\xef\xbb\xbf" + VALID) == decode(VALID)


def test_number_where_text_belongs_keeps_its_digits():
    raw = b'{"cveMetadata": {"cveId": 7}, "containers": {"cna": {"title": 1.10, "tags": [3, null, 1e5]}}}'
    record = decode(raw)
    assert record.cve_metadata == Metadata(cve_id="7")
    assert record.containers is not None
    assert record.containers.cna == Cna(title="1.10", tags=("3", "1e5"))


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ({"version": "1.0"}, "1.0"),
        ({"version": "1.0", "lessThan": "2.0"}, ">= 1.0, < 2.0"),
        ({"version": "1.0", "lessThanOrEqual": "2.0"}, ">= 1.0, <= 2.0"),
        ({"version": "0", "lessThan": "2.0"}, "< 2.0"),
        ({"version": "n/a", "lessThanOrEqual": "2.0"}, "<= 2.0"),
        ({"version": "unspecified", "lessThan": "2.0"}, "< 2.0"),
        ({"version": "1.0", "lessThan": "*"}, ">= 1.0"),
        ({"version": "1.0", "lessThan": "unspecified"}, ">= 1.0"),
        ({"version": "0", "lessThan": "*"}, "*"),
        ({"version": "*"}, "*"),
        ({"version": "0"}, "0"),
        ({"version": "2.11.0 through 2.12.2"}, "2.11.0 through 2.12.2"),
        ({"version": "9.x", "lessThanOrEqual": "<=9.3.0"}, ">= 9.x, <=9.3.0"),
        ({"version": "7.0a1", "lessThanOrEqual": "7.0a1 "}, "7.0a1"),
        (
            {"version": "1.14", "lessThan": "1.16", "changes": [{"at": "1.15.7", "status": "unaffected"}]},
            ">= 1.14, < 1.16 (unaffected from 1.15.7)",
        ),
        ({"version": "0", "lessThan": "3", "changes": [{"at": "3", "status": "unaffected"}]}, "< 3"),
    ],
)
def test_version_in_words(entry, text):
    assert msgspec.convert(entry, Version).prose() == text


@pytest.mark.parametrize(
    "entry",
    [
        {"version": "n/a"},
        {"version": "N/A"},
        {"version": "Unspecified"},
        {"version": "unspecified", "lessThan": "unspecified"},
        {"version": "0", "lessThan": "n/a"},
        {"version": " ", "lessThan": ""},
        {"status": "affected"},
    ],
)
def test_version_that_names_none(entry):
    assert msgspec.convert(entry, Version).prose() is None


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (r"a\ud800b", "a\ufffdb"),
        (r"a\uDC00", "a\ufffd"),
        (r"\ud83d\ude00", "\N{GRINNING FACE}"),
        (r"\ud83d\ud83d\ude00", "\ufffd\N{GRINNING FACE}"),
        (r"\ude00\ud83d", "\ufffd\ufffd"),
        (r"\\ud800 \ud800", "\\ud800 \ufffd"),
        (r"\\\ud800", "\\\ufffd"),
        (r"\u0000\u0007\u007f", "\x00\x07\x7f"),
    ],
)
def test_escapes(written, kept):
    record = decode(VALID.replace(b"T", written.encode()))
    assert record.containers is not None
    assert record.containers.cna == Cna(title=kept)


def test_foreign_records_are_told_from_stubs():
    assert is_foreign(b'{"cvss": null}')
    assert is_foreign(b'\xef\xbb\xbf{"Modified": "\\ud800"}')
    assert is_foreign(b'{"CVE_data_meta": {}}')
    assert not is_foreign(b'{"containers": {}}')
    assert not is_foreign(b"[]")
    assert not is_foreign(b"")
