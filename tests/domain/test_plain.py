"""Decoders of text from outside: what honest files hold comes through, and no bomb takes the process down."""

import json
from time import perf_counter
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from assay.domain import plain
from assay.errors import BadRecord

DECODERS = (plain.text, plain.from_json, plain.from_toml, plain.from_xml, plain.from_yaml)


def reason(decoder: Any, content: bytes) -> str:
    with pytest.raises(BadRecord) as raised:
        decoder(content)
    assert raised.value.detail
    return raised.value.reason


@pytest.mark.parametrize(
    "content",
    [
        "a\u00e9\nb\nc".encode(),
        b"\xef\xbb\xbfa\xc3\xa9\r\nb\rc",
        "a\u00e9\r\nb\nc".encode("utf-16"),
        b"\xfe\xff" + "a\u00e9\nb\nc".encode("utf-16-be"),
    ],
)
def test_text_in_its_encodings(content: bytes):
    assert plain.text(content) == "a\u00e9\nb\nc"


@pytest.mark.parametrize("content", [b"\xff", b"a\x80", b"\xff\xfea", "a".encode("utf-16-le"), b"a\0"])
def test_what_is_no_text(content: bytes):
    assert reason(plain.text, content) == "not-text"


@pytest.mark.parametrize("decoder", DECODERS)
def test_too_large(decoder: Any, monkeypatch):
    monkeypatch.setattr(plain, "MOST_BYTES", 10)
    assert reason(decoder, b" " * 11) == "too-large"


@pytest.mark.parametrize("decoder", [plain.text, plain.from_json, plain.from_toml, plain.from_yaml])
@pytest.mark.parametrize("before", ["", '{\n  "a": 1,\n'])
def test_an_unresolved_merge(decoder: Any, before: str):
    content = f"{before}<<<<<<< HEAD\nx\n=======\ny\n>>>>>>> theirs\n".encode()
    with pytest.raises(BadRecord) as raised:
        decoder(content)
    assert raised.value.reason == "merge-conflict"
    assert raised.value.detail.startswith(f"line {1 + before.count(chr(10))}:")


def test_seven_arrows_alone_are_no_merge():
    assert plain.text(b"<<<<<<< HEAD\n") == "<<<<<<< HEAD\n"


def test_the_last_of_two_keys_counts():
    assert plain.from_json(b'{"a": 1, "a": 2}') == {"a": 2}
    assert plain.from_yaml(b"a: 1\na: 2") == {"a": "2"}
    assert reason(plain.from_toml, b"a = 1\na = 2") == "not-toml"


@pytest.mark.parametrize(
    ("decoder", "content", "expected"),
    [
        (plain.from_json, b"[" * 1_000_000, "too-deep"),
        (plain.from_json, b'{"a":' * 1_000_000, "too-deep"),
        (plain.from_json, b"1" * 5_000, "not-json"),
        (plain.from_json, b'{"a": "\\ud800"}', "not-text"),
        (plain.from_json, b"", "not-json"),
        (plain.from_json, b"{} {}", "not-json"),
        (plain.from_toml, b"a = " + b"[" * 100_000, "too-deep"),
        (plain.from_toml, b"a = " + b"{b = " * 100_000, "too-deep"),
        (plain.from_toml, b"a." * 500_000 + b"a = 1", "too-deep"),
        (plain.from_toml, b"x = {" + b"'a' . " * 500_000 + b"a = 1}", "too-deep"),
        (plain.from_toml, b"[" + b'"a".' * 500_000 + b"a]", "too-deep"),
        (plain.from_toml, b"a = " + b"1" * 5_000, "not-toml"),
        (plain.from_toml, b"a = 2024-13-45", "not-toml"),
        (plain.from_yaml, b"[" * 1_000_000, "too-deep"),
        (plain.from_yaml, b"{a: " * 100_000, "too-deep"),
        (plain.from_yaml, b"- " * 100_000, "too-deep"),
        (plain.from_yaml, b"a: &a x\nb: [" + b"*a," * 2_000 + b"]", "too-many-aliases"),
        (plain.from_yaml, b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]", "alias-of-container"),
        (plain.from_yaml, b"a: &a [*a]", "alias-of-container"),
        (plain.from_yaml, b"a: &a {b: 1}\nc:\n  <<: *a", "alias-of-container"),
        (plain.from_yaml, b"a: *b", "not-yaml"),
        (plain.from_yaml, b"a: &a null\n*a : 1", "not-yaml"),
        (plain.from_yaml, b"? [a]\n: 1", "not-yaml"),
        (plain.from_yaml, b"a: \x01", "not-yaml"),
        (plain.from_yaml, b'a: "\\ud800"', "not-yaml"),
        (plain.from_yaml, b"a: [", "not-yaml"),
        (plain.from_yaml, b"a: 1\n---\nb: 1", "several-documents"),
        (plain.from_xml, b"<a>" * 100_000 + b"</a>" * 100_000, "too-deep"),
        (plain.from_xml, b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "unsafe-xml"),
        (plain.from_xml, b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "unsafe-xml"),
        (plain.from_xml, b"<!DOCTYPE a><a/>", "unsafe-xml"),
        (plain.from_xml, b"<a>&b;</a>", "not-xml"),
        (plain.from_xml, b'<?xml version="1.0" encoding="hex"?><a/>', "not-xml"),
        (plain.from_xml, b'<?xml version="1.0" encoding="utf-7"?><a/>', "not-xml"),
        (plain.from_xml, b"", "not-xml"),
    ],
    ids=lambda value: None if isinstance(value, bytes) else getattr(value, "__name__", str(value)),
)
def test_a_bomb_is_a_bad_record_at_once(decoder: Any, content: bytes, expected: str):
    start = perf_counter()
    assert reason(decoder, content) == expected
    assert perf_counter() - start < 5


def test_long_words_do_not_slow_toml():
    content = b'a = "' + b"x" * 1_000_000 + b'"\nb = "' + b"x." * 100 + b'"'
    start = perf_counter()
    assert len(plain.from_toml(content)["a"]) == 1_000_000
    assert perf_counter() - start < 5


def test_the_billion_laughs_in_xml():
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    assert reason(plain.from_xml, f"<!DOCTYPE a [{entities}]><a>&l9;</a>".encode()) == "unsafe-xml"


def test_yaml_keeps_versions_as_they_are_written():
    content = b"""
a: 1.10
b: '1.10'
c: null
d: 'null'
e: true
f: "true"
g: ~
h:
i: 2024-01-01
null: x
true: y
j: !!python/object/apply:os.system [x]
k: &k 1.0
l: *k
m: |
  two
  lines
n: 0x10
"""
    assert plain.from_yaml(content) == {
        "a": "1.10", "b": "1.10", "c": None, "d": "null", "e": True, "f": "true", "g": None, "h": None,
        "i": "2024-01-01", "null": "x", "true": "y", "j": ["x"], "k": "1.0", "l": "1.0", "m": "two\nlines\n",
        "n": "0x10",
    }  # fmt: skip
    assert plain.from_yaml(b"") is None
    assert plain.from_yaml(b"# nothing\n") is None


@pytest.mark.parametrize("content", [b"a: [1, 2", b"a: \x01", b"*a", b"[" * 300, b'a: "\\ud800"'])
def test_pyyaml_without_libyaml_refuses_the_same(content: bytes, monkeypatch):
    expected = reason(plain.from_yaml, content)
    monkeypatch.setattr(plain, "_Loader", yaml.SafeLoader)
    assert plain.from_yaml(b"a: 1.10\nb: [x, null]") == {"a": "1.10", "b": ["x", None]}
    # The pure scanner reads half a pair as a character.
    assert reason(plain.from_yaml, content) == ("not-text" if b"ud800" in content else expected)


def test_toml_and_xml_as_usual():
    assert plain.from_toml("\ufeff[a.b]\nc = ['1.10']\n".encode()) == {"a": {"b": {"c": ["1.10"]}}}
    root = plain.from_xml('<?xml version="1.0" encoding="utf-16"?><a b="c">d</a>'.encode("utf-16"))
    assert (root.tag, root.attrib, root.text) == ("a", {"b": "c"}, "d")
    assert plain.from_xml(b"\xef\xbb\xbf<a/>").tag == "a"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=("Cs",))),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_json_there_and_back(value: Any):
    assert plain.from_json(json.dumps(value).encode()) == value


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode(errors="replace")))
def test_any_bytes_give_a_value_or_a_bad_record(content: bytes):
    for decoder in DECODERS:
        try:
            decoder(content)
        except BadRecord:
            continue
