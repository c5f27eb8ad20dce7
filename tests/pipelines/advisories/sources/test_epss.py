"""EPSS's reader, tried on 204 real rows (of the file of 2021-08-31) and on what it must refuse.

Run as a program, this file writes the golden file anew.
"""

import gzip
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.catalog.model import Scored
from assay.errors import BadRecord, Permanent
from assay.pipelines.advisories.model import ScoreDay
from assay.pipelines.advisories.sources.epss import SOURCE, read_day

HERE = Path(__file__).parent / "epss"
SAMPLE = gzip.decompress((HERE / "sample.csv.gz").read_bytes())

OF_2025 = b"#model_version:v2025.03.14,score_date:2025-03-20T00:00:00+0000\ncve,epss,percentile\n"
ROW = b"CVE-2021-44228,0.94358,0.99960\n"
SCORED = Scored("CVE-2021-44228", 0.94358, 0.9996)


def found(day: ScoreDay) -> dict[str, Any]:
    scores = list(day.scores)
    assert not any(isinstance(row, BadRecord) for row in scores)
    return {"scored_on": day.scored_on, "model": day.model, "scores": scores}


def reasons(day: ScoreDay) -> list[str | Scored]:
    return [row.reason if isinstance(row, BadRecord) else row for row in day.scores]


def pieces(raw: bytes, size: int) -> Iterator[bytes]:
    return (raw[at : at + size] for at in range(0, len(raw), size))


def test_real_rows_read_as_the_golden_file_says():
    read = found(read_day([SAMPLE]))
    golden = gzip.decompress((HERE / "expected.json.gz").read_bytes())
    assert msgspec.json.decode(msgspec.json.encode(read)) == msgspec.json.decode(golden)
    assert (read["scored_on"], read["model"], len(read["scores"])) == (date(2021, 8, 31), None, 204)
    assert all(row.percentile is None for row in read["scores"])


@pytest.mark.parametrize("size", [1, 2, 7, 40, 1000, 1_000_000])
def test_it_does_not_matter_where_the_bytes_are_cut(size: int):
    assert found(read_day(pieces(SAMPLE, size))) == found(read_day([SAMPLE]))


def test_the_file_of_today_names_its_model_and_has_percentiles():
    day = read_day([OF_2025 + ROW])
    assert (day.scored_on, day.model, list(day.scores)) == (date(2025, 3, 20), "v2025.03.14", [SCORED])


@pytest.mark.parametrize(
    "raw",
    [
        OF_2025.replace(b"cve,epss,percentile", b"percentile,cve,epss") + b"0.9996,CVE-2021-44228,0.94358\n",
        OF_2025.replace(b"cve,epss,percentile", b"EPSS, new ,Percentile,CVE")
        + b"0.94358,x,0.9996,CVE-2021-44228\n",
        (OF_2025 + ROW).replace(b"\n", b"\r\n"),
        (OF_2025 + ROW).rstrip(),
        b"\xef\xbb\xbf" + OF_2025 + ROW,
        b"# score_date: 2025-03-20\n#model_version:v2025.03.14\n\ncve,epss,percentile\n\n" + ROW + b" \n\n",
        OF_2025 + b" cve-2021-44228 ,0.94358, 0.9996\n",
    ],
)
def test_columns_line_ends_and_blanks_may_differ(raw: bytes):
    day = read_day([raw])
    assert (day.scored_on, day.model, list(day.scores)) == (date(2025, 3, 20), "v2025.03.14", [SCORED])


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"CVE-2021-44229", "wrong-shape"),
        (b"CVE-2021-44229,0.5", "wrong-shape"),
        (b"CVE-2021-44229,0.5,0.5,0.5", "wrong-shape"),
        (b"CVE-2021-44229;0.5;0.5", "wrong-shape"),
        (b"GHSA-jf66-3q76-h5p5,0.5,0.5", "bad-id"),
        (b"CVE-2021,0.5,0.5", "bad-id"),
        (b",0.5,0.5", "bad-id"),
        (b"\xff\xfe,0.5,0.5", "bad-id"),
        (b"CVE-2021-44229,,0.5", "not-a-number"),
        (b"CVE-2021-44229,high,0.5", "not-a-number"),
        (b"CVE-2021-44229,0.5,", "not-a-number"),
        (b"CVE-2021-44229,NaN,0.5", "out-of-range"),
        (b"CVE-2021-44229,inf,0.5", "out-of-range"),
        (b"CVE-2021-44229,1.00001,0.5", "out-of-range"),
        (b"CVE-2021-44229,-0.1,0.5", "out-of-range"),
        (b"CVE-2021-44229,0.5,50", "out-of-range"),
        (b"CVE-2021-44229,0_1,0.5", "out-of-range"),
        (b"CVE-2021-44228,0.5,0.5", "duplicate"),
        (b"cve-2021-44228,0.5,0.5", "duplicate"),
    ],
)
def test_a_bad_row_is_told_with_its_line_and_the_others_stay(row: bytes, reason: str):
    after = b"CVE-2021-44230,0.0,1.0\n"
    rows = list(read_day([OF_2025 + ROW + row + b"\n" + after]).scores)
    assert rows[0::2] == [SCORED, Scored("CVE-2021-44230", 0.0, 1.0)]
    bad = rows[1]
    assert isinstance(bad, BadRecord)
    assert bad.reason == reason
    assert bad.detail.startswith("line 4, ")


def test_a_huge_bad_row_is_shown_in_part():
    (bad,) = read_day([OF_2025 + b"x" * 50_000 + b"\n"]).scores
    assert isinstance(bad, BadRecord)
    assert len(bad.detail) < 400


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n\n",
        b"cve,epss\n" + ROW,
        b"#model_version:v2025.03.14\ncve,epss,percentile\n" + ROW,
        b"#score_date:\ncve,epss,percentile\n" + ROW,
        b"#score_date:yesterday\ncve,epss,percentile\n" + ROW,
        b"#score_date:2025-02-30T00:00:00+0000\ncve,epss,percentile\n" + ROW,
        b"<html>503</html>",
        b"\x1f\x8b\x08\x00",
    ],
)
def test_a_file_without_a_date_is_refused_whole(raw: bytes):
    with pytest.raises(Permanent, match="score_date"):
        read_day([raw])


@pytest.mark.parametrize(
    "header", [b"", b"cve,percentile", b"epss,percentile", b"cve,cve,epss", ROW.rstrip()]
)
def test_a_file_without_a_header_is_refused_whole(header: bytes):
    with pytest.raises(Permanent, match="no header"):
        read_day([b"#score_date:2025-03-20\n" + header + b"\n"])


def test_a_line_without_end_is_not_held_in_memory():
    asked = 0

    def endless() -> Iterator[bytes]:
        nonlocal asked
        yield OF_2025
        while True:
            asked += 1
            yield b"x" * 1000

    with pytest.raises(Permanent, match="does not end"):
        list(read_day(endless()).scores)
    assert asked < 100


def test_rows_are_read_as_they_are_asked_for():
    given_out = 0

    def chunks() -> Iterator[bytes]:
        nonlocal given_out
        for chunk in (OF_2025, *(b"CVE-2021-%d,0.5,0.5\n" % number for number in range(1000, 2000))):
            given_out += 1
            yield chunk

    day = read_day(chunks())
    assert next(day.scores) == Scored("CVE-2021-1000", 0.5, 0.5)
    assert given_out == 2


def test_a_good_day_comes_out_in_the_order_of_its_rows():
    rows = [(f"CVE-2024-{number}", number / 10_000, 1 - number / 10_000) for number in range(9999, 1000, -1)]
    raw = OF_2025 + "".join(f"{cve},{score},{share}\n" for cve, score, share in rows).encode()
    assert list(read_day(pieces(raw, 4096)).scores) == [Scored(*row) for row in rows]


FIELD = st.sampled_from(
    ["CVE-2021-44228", "CVE-2021-9999", "cve-2020-0001", "0.5", "1", "1e-5", "nan", "-0", "", " ", "\x00"]
)
LINE = st.text(max_size=30).map(str.encode) | st.lists(FIELD, max_size=4).map(
    lambda row: ",".join(row).encode()
)


@given(st.lists(LINE | st.binary(max_size=20), max_size=12))
def test_any_row_is_a_score_or_a_bad_record(lines: list[bytes]):
    rows = list(read_day([OF_2025 + b"\n".join(lines)]).scores)
    scored = [row for row in rows if isinstance(row, Scored)]
    assert all(isinstance(row, Scored | BadRecord) for row in rows)
    assert all(
        0.0 <= row.score <= 1.0 and row.percentile is not None and 0.0 <= row.percentile <= 1.0
        for row in scored
    )
    assert len({row.cve for row in scored}) == len(scored)


@given(st.binary())
def test_any_file_is_a_day_or_refused(raw: bytes):
    with pytest.raises(Permanent):
        list(read_day([raw]).scores)


def test_the_source_says_how_it_is_read():
    assert (SOURCE.name, SOURCE.read_day) == ("epss", read_day)


if __name__ == "__main__":
    (HERE / "expected.json.gz").write_bytes(
        gzip.compress(msgspec.json.encode(found(read_day([SAMPLE]))), 9, mtime=0)
    )
