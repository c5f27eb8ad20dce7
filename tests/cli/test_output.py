"""Numbers as people read them, values as programs do, and strangers' text without power over a terminal."""

import io
import json
import struct
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.cli.output import console, cut, pairs, plain, print_json, show, spoken, table, text
from assay.domain.wording import age, clean, confidence, counted, day, percent, seconds, size

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@given(st.text())
def test_cleaned_text_has_no_power(content):
    assert clean(content).isprintable()
    assert clean(content, keep_lines=True).replace("\n", "").replace("\t", "").isprintable()


@given(st.text(st.characters(categories=["L", "N", "P", "S"])))
def test_ordinary_text_stays(content):
    assert clean(content) == content


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        ("\x1b[2Jgone", r"\x1b[2Jgone"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x9b31m", r"\x9b31m"),
        ("admin\u202egpj.exe", r"admin\u202egpj.exe"),
        ("two\nlines", "two lines"),
        ("a\u00a0b", "a b"),
        ("\ud800", r"\ud800"),
        ("[bold]no markup[/bold] :smile:", "[bold]no markup[/bold] :smile:"),
        ("日本語 ü", "日本語 ü"),
    ],
)
def test_what_a_terminal_would_obey_is_shown_instead(content, shown):
    assert clean(content) == shown
    assert spoken(content, (content, "red")).plain == shown * 2


def test_lines_are_kept_where_they_mean_something():
    assert text("a\n\tb\x1b", keep_lines=True).plain == "a\n\tb\\x1b"
    assert text("a\nb").plain == "a b"


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class Thing:
    at: datetime
    on: date
    colour: Colour
    parts: tuple[int, ...]


def test_values_have_one_form_in_json():
    tokyo = timezone(timedelta(hours=9))
    thing = Thing(datetime(2026, 3, 1, 21, tzinfo=tokyo), date(2026, 3, 1), Colour.RED, (1, 2))
    assert plain({"thing": thing, "none": None, "share": 0.5}) == {
        "thing": {"at": "2026-03-01T12:00:00Z", "on": "2026-03-01", "colour": "red", "parts": [1, 2]},
        "none": None,
        "share": 0.5,
    }
    with pytest.raises(TypeError, match="bytes"):
        plain(b"raw")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)
    )
)
def test_json_is_ascii_and_comes_back(value):
    stdout, sys.stdout = sys.stdout, io.StringIO()
    try:
        print_json(value)
        written = sys.stdout.getvalue()
    finally:
        sys.stdout = stdout
    assert written.isascii()
    assert json.loads(written) == value


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (36_100_000, "36.1 MB"), (523_000_000, "523 MB"),
     (2_500_000_000, "2.5 GB"), (3 * 10**12, "3.0 TB")],
)  # fmt: skip
def test_sizes(value, shown):
    assert size(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.04, "0.0 s"), (59.9, "59.9 s"), (185, "3 min 05 s"), (3599.6, "1 h 00 min"), (7260, "2 h 01 min")],
)
def test_lengths_of_time(value, shown):
    assert seconds(value) == shown


@pytest.mark.parametrize(
    ("gone", "shown"),
    [
        (timedelta(seconds=-5), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(minutes=119), "1 hour ago"),
        (timedelta(days=2, hours=23), "2 days ago"),
    ],
)
def test_ages(gone, shown):
    assert age(NOW - gone, NOW) == shown


def test_days_are_of_utc():
    assert day(datetime(2026, 3, 1, 0, 30, tzinfo=timezone(timedelta(hours=2)))) == "2026-02-28"
    assert day(date(2026, 3, 1)) == "2026-03-01"
    assert day(None) == ""


@pytest.mark.parametrize(
    ("share", "shown"), [(0, "0.0 %"), (0.00004, "<0.1 %"), (0.944, "94.4 %"), (1, "100.0 %")]
)
def test_shares(share, shown):
    assert percent(share) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0, "0.00"), (0.29, "0.29"), (0.7976, "0.79"), (0.7999, "0.79"), (0.8, "0.80"), (1.0, "1.00")],
)
def test_a_confidence_below_a_threshold_is_never_shown_as_having_reached_it(value, shown):
    assert confidence(value) == shown
    as_stored = struct.unpack("f", struct.pack("f", value))[0]
    assert confidence(as_stored) == shown


def test_numbers_with_what_they_count():
    assert counted(1, "record") == "1 record"
    assert counted(35_304, "record") == "35,304 records"
    assert counted(2, "vulnerability", "vulnerabilities") == "2 vulnerabilities"


def test_only_the_wide_column_gives_way(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    lines = table("name", "summary", "n", right=("n",), wide="summary")
    lines.add_row("CVE-2021-44228", cut("x" * 300), "1,000")
    show(lines)
    _, rule, row = capsys.readouterr().out.splitlines()
    assert row.startswith("CVE-2021-44228 ")
    assert row.endswith(("… 1,000", "…  1,000"))
    assert len(row) == len(rule) <= 100


def test_lines_in_a_pipe_do_not_end_in_blanks(capsys):
    show(pairs([("short", "a"), ("longer", "b" * 40)]), "", spoken("end"))
    written = capsys.readouterr().out
    assert "longer  bbbb" in written
    assert [line for line in written.splitlines() if line != line.rstrip()] == []


@pytest.mark.parametrize("variable", ["NO_COLOR", "TERM"])
def test_a_terminal_without_colours_gets_no_escape_code(monkeypatch, variable):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    coloured = Terminal()
    console(coloured).print(spoken(("red", "bold red")))
    assert "\x1b[" in coloured.getvalue()
    monkeypatch.setenv(variable, {"NO_COLOR": "1", "TERM": "dumb"}[variable])
    bare = Terminal()
    console(bare).print(spoken(("red", "bold red")))
    assert bare.getvalue() == "red\n"
