"""The grammar, case by case, and the law that a rendered file reads as what was rendered."""

import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.domain.splunk.conf import Conf, Setting, Stanza, pack, read, render, unpack

SAMPLE = Path(__file__).parents[3] / "sample" / "splunk-etc.tar.gz"

# (name, file, what holds in it); from tests of Splunk's own reader, observed btool output, and the specifications.
CASES = [
    ("hash comment", b"# a = b\n[s]\nk = v\n", {"s": {"k": "v"}}),
    ("semicolon comment", b"[s]\n; a = b\nk = v\n", {"s": {"k": "v"}}),
    ("indented comment", b"[s]\n   # a = b\n\t; c = d\nk = v\n", {"s": {"k": "v"}}),
    ("no inline hash", b"[s]\nk = v # keep\n", {"s": {"k": "v # keep"}}),
    ("no inline semicolon", b"[s]\nk = v ; keep\n", {"s": {"k": "v ; keep"}}),
    ("continuation", b"[s]\nk = a \\\nb\nk2 = c\n", {"s": {"k": "a \nb", "k2": "c"}}),
    ("continued by a hash", b"[s]\nk = a\\\n# b\nk2 = c\n", {"s": {"k": "a\n# b", "k2": "c"}}),
    ("continued by a bracket", b"[s]\nk = a\\\n[x]\nk2 = c\n", {"s": {"k": "a\n[x]", "k2": "c"}}),
    ("comment ends in a backslash", b"# c \\\n[s]\nk = v\n", {"s": {"k": "v"}}),
    ("backslash and blank", b"[s]\nk = v\\ \nk2 = w\n", {"s": {"k": "v\\", "k2": "w"}}),
    ("repeated key", b"[s]\nk = 1\nk = 2\n", {"s": {"k": "2"}}),
    (
        "repeated stanza",
        b"[s]\na = 1\nc = 1\n[t]\nx = 1\n[s]\nb = 2\nc = 2\n",
        {"s": {"a": "1", "b": "2", "c": "2"}, "t": {"x": "1"}},
    ),
    ("key before any stanza", b"k = v\n[s]\na = 1\n", {"default": {"k": "v"}, "s": {"a": "1"}}),
    (
        "default twice",
        b"g = 1\n[default]\nh = 2\n[s]\na = 1\n[default]\ng = 3\n",
        {"default": {"g": "3", "h": "2"}, "s": {"a": "1"}},
    ),
    (
        "inner brackets",
        b"[source::/var/log/[a-z]+/x.log]\nk = v\n",
        {"source::/var/log/[a-z]+/x.log": {"k": "v"}},
    ),
    ("header with a closing bracket", b"[foo]]\nk = v\n", {"foo]": {"k": "v"}}),
    ("header with an opening bracket", b"[[foo]\nk = v\n", {"[foo": {"k": "v"}}),
    ("text after a header", b"[foo] trailing junk\nk = v\n", {"foo": {"k": "v"}}),
    ("unclosed header", b"[foo\nk = v\n", {"foo": {"k": "v"}}),
    ("blanks in a header", b"[ foo ]\nk = v\n", {" foo ": {"k": "v"}}),
    ("indented header", b"  [foo]\nk = v\n", {"foo": {"k": "v"}}),
    ("continued header", b"[foo\\\nbar]\nk = v\n", {"foo\nbar": {"k": "v"}}),
    ("no equals sign", b"[s]\njunk\nk = v\njunk]\n", {"s": {"k": "v"}}),
    ("equals sign in the value", b"[s]\nk=a=b\n", {"s": {"k": "a=b"}}),
    ("escaped equals sign", b"[s]\nfoo\\=bar=baz\n", {"s": {"foo=bar": "baz"}}),
    ("escaped backslash", b"[s]\nfoo\\\\=bar=baz\n", {"s": {"foo\\": "bar=baz"}}),
    ("empty value", b"[s]\nk =\nj=\n", {"s": {"k": "", "j": ""}}),
    ("blanks in a key", b"[s]\nfoo   bar = x\n", {"s": {"foo   bar": "x"}}),
    ("tabs", b"[s]\n\tk\t\t=\t\tv\t\t\n", {"s": {"k": "v"}}),
    ("trailing blanks", b"[s]\nk = v   \n", {"s": {"k": "v"}}),
    ("indented key", b"[s]\na = 1\n    k = v\n", {"s": {"a": "1", "k": "v"}}),
    ("case", b"[s]\nKey = 1\nkey = 2\n[S]\nk = 3\n", {"s": {"Key": "1", "key": "2"}, "S": {"k": "3"}}),
    ("byte order mark", b"\xef\xbb\xbf[s]\nk = v\n", {"s": {"k": "v"}}),
    ("CRLF", b"[s]\r\nk = v\r\n", {"s": {"k": "v"}}),
    ("continued over CRLF", b"[s]\r\nk = a\\\r\nb\r\n", {"s": {"k": "a\nb"}}),
    (
        "other line separators",
        b"[s]\nk = a\xe2\x80\xa8b\x0bc\xc2\x85d\n",
        {"s": {"k": "a\u2028b\u000bc\u0085d"}},
    ),
    ("quotes", b'[s]\nk = "a b"\nq = ""\n', {"s": {"k": '"a b"', "q": '""'}}),
    ("continued at the end", b"[s]\nk = v\\\n", {"s": {"k": "v"}}),
    ("a colon does not separate", b"[s]\nhost: x\nk = v\n", {"s": {"k": "v"}}),
    ("colon in a key", b"[s]\na:b = c\n", {"s": {"a:b": "c"}}),
    ("star as a key", b"[s]\n* = 1\n", {"s": {"*": "1"}}),
    ("rem is no comment", b"[s]\nrem x = 1\n", {"s": {"rem x": "1"}}),
    ("per cent", b"[s]\nTIME_FORMAT = %d/%b/%Y %z\n", {"s": {"TIME_FORMAT": "%d/%b/%Y %z"}}),
    ("Latin-1", b"[s]\nk = caf\xe9\nz = 1\n", {"s": {"k": "caf\xe9", "z": "1"}}),
    ("blank line in the middle", b"[s]\nk = a  \\\n\\\n  b\n", {"s": {"k": "a  \n\n  b"}}),
    (
        "backslashes of a regular expression",
        b"[s]\nREGEX = (?m)^\\[(\\d+)\\]\\s=\\s(.*)$\n",
        {"s": {"REGEX": "(?m)^\\[(\\d+)\\]\\s=\\s(.*)$"}},
    ),
]


@pytest.mark.parametrize(
    ("content", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_case(content: bytes, expected: dict[str, dict[str, str]]):
    assert read(content).merged() == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"[s]\njunk\n", [(2, "no-equals")]),
        (b"[s]\n= x\n", [(2, "empty-key")]),
        (b"[s\nk = v\n", [(1, "unclosed-header")]),
        (b"[s] x\n", [(1, "text-after-header")]),
        (b"[s]\nk = v\\\n", [(2, "continued-at-end")]),
        (b"[s]\nk = \xe9\n", [(2, "not-utf8")]),
        (b"[s]\nk = a\0b\n", [(2, "nul")]),
        ("[s]\nk = v\n".encode("utf-16"), [(1, "utf-16")]),
        (b"[s]\n# fine\nk = v\n", []),
    ],
)
def test_what_splunkd_reads_otherwise_is_said(content: bytes, expected: list[tuple[int, str]]):
    assert [problem[:2] for problem in read(content).problems] == expected


def test_everything_knows_its_lines():
    conf = read(b"a = 1\n\n[s]\nk = x\\\ny\\\nz\n# c\nl = 2\n[s]\nk = 3\n")
    assert conf.stanzas == [
        Stanza("default", 1, [Setting("a", "1", 1, 1)], is_implicit=True),
        Stanza("s", 3, [Setting("k", "x\ny\nz", 4, 6), Setting("l", "2", 8, 8)]),
        Stanza("s", 9, [Setting("k", "3", 10, 10)]),
    ]


def test_a_file_of_nothing():
    assert read(b"") == Conf([], [])
    assert read(b"\n\n# only words\n") == Conf([], [])


def without_lines(conf: Conf) -> list[tuple[str, bool, list[tuple[str, str]]]]:
    return [
        (one.name, one.is_implicit, [(entry.key, entry.value) for entry in one.settings])
        for one in conf.stanzas
    ]


PIECES = st.sampled_from(
    [
        "[",
        "]",
        "=",
        "\\",
        "\n",
        "\r",
        "\r\n",
        " ",
        "\t",
        "#",
        ";",
        "k",
        "v",
        "\ufeff",
        "\u2028",
        "\v",
        "é",
        "\\\n",
    ]
)


@given(st.lists(PIECES | st.characters(exclude_categories=["Cs"]), max_size=60).map("".join))
def test_what_was_read_is_rendered_so_that_it_reads_the_same(text: str):
    once = read(text.encode())
    again = read(render(once.stanzas))
    assert without_lines(again) == without_lines(once)
    # Problems are of the text and not of what it says, so a rendered file has none.
    assert again.problems == []


@given(st.binary(max_size=200))
def test_no_bytes_raise(content: bytes):
    conf = read(content)
    assert unpack(pack(conf.stanzas)) == conf.stanzas
    for stanza in conf.stanzas:
        for setting in stanza.settings:
            assert 1 <= setting.line <= setting.end
            assert setting.key


def test_a_law_for_real_files():
    with tarfile.open(SAMPLE) as sample:
        names = [name for name in sample.getnames() if name.endswith((".conf", ".meta"))]
        assert len(names) > 50
        for name in names:
            conf = read(sample.extractfile(name).read())
            assert without_lines(read(render(conf.stanzas))) == without_lines(conf), name
