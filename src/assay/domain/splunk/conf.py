r"""A configuration file as stanzas and settings, in one pass, each with the lines it comes from.

The grammar is the one of Splunk's own reader: lines end at LF; `#` and `;` begin a comment only as a line's first
character; a backslash directly before the line's end goes on and keeps the line break; a header runs to the last `]`;
a setting is split at the first `=` that no backslash escapes. Nothing raises: what splunkd ignores is a problem.
"""

import codecs
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

DEFAULT = "default"
"""The stanza whose settings hold in every other one."""

_BLANK = " \t\r\f\v"
_LONGEST_QUOTE = 80


class Setting(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One occurrence of a setting; lines count from 1, `end` is its last one."""

    key: str
    value: str
    line: int
    end: int


class Stanza(msgspec.Struct, frozen=True, array_like=True):
    """One occurrence of a stanza; settings before any header are in an implicit `[default]`."""

    name: str
    line: int
    settings: list[Setting]
    is_implicit: bool = False


class Problem(NamedTuple):
    """A place that splunkd reads otherwise than its author may think."""

    line: int
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Conf:
    """A file as it was read. Repeated stanzas and keys are all there, in the order of the file."""

    stanzas: list[Stanza]
    problems: list[Problem]
    encoding: str = "utf-8"

    def merged(self) -> dict[str, dict[str, str]]:
        """What holds within the file: stanzas of one name are one, and of one key the last counts."""
        found: dict[str, dict[str, str]] = {}
        for stanza in self.stanzas:
            into = found.setdefault(stanza.name, {})
            for setting in stanza.settings:
                into[setting.key] = setting.value
        return found


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Stanza]).decode


def pack(stanzas: Sequence[Stanza]) -> bytes:
    """Stanzas with all their lines, as `unpack` reads them: a tenth of the time of parsing the file again."""
    return _encode(stanzas)


def unpack(packed: bytes) -> list[Stanza]:
    """The stanzas that were packed."""
    return _decode(packed)


def read(content: bytes) -> Conf:
    """The file, whatever its bytes are."""
    text, encoding, problems = decode(content)
    return scan(text, encoding, problems)


def decode(content: bytes) -> tuple[str, str, list[Problem]]:
    """(text, encoding, problems): UTF-8, with or without a mark; what is not is read as Windows' Latin letters."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        # splunkd reads bytes and sees garbage; a person wants to know what was meant.
        problems = [Problem(1, "utf-16", "splunkd cannot read UTF-16: save the file as UTF-8")]
        return _without_nul(content.decode("utf-16", "replace"), problems), "utf-16", problems
    problems = []
    if content.startswith(codecs.BOM_UTF8):
        content = content[3:]
    try:
        text, encoding = content.decode(), "utf-8"
    except UnicodeDecodeError as error:
        text, encoding = content.decode("cp1252", "replace"), "cp1252"
        line = content.count(b"\n", 0, error.start) + 1
        problems.append(Problem(line, "not-utf8", "this is not UTF-8; it was read as Windows-1252"))
    return _without_nul(text, problems), encoding, problems


def _without_nul(text: str, problems: list[Problem]) -> str:
    if "\0" not in text:
        return text
    problems.append(Problem(text.count("\n", 0, text.index("\0")) + 1, "nul", "a NUL byte"))
    return text.replace("\0", "\ufffd")


def scan(text: str, encoding: str = "utf-8", problems: Iterable[Problem] = ()) -> Conf:
    """The stanzas and settings of a text."""
    stanzas: list[Stanza] = []
    found = list(problems)
    add: Callable[[Setting], None] | None = None
    for said, line, end in _logical(text, found):
        if said[0] == "[":
            stanza = Stanza(_header(said, line, found), line, [])
            stanzas.append(stanza)
            add = stanza.settings.append
            continue
        key, equals, value = said.partition("=")
        if "\\" in key:
            key, equals, value = _unescaped(said)
        key = key.strip(_BLANK)
        if not key or not equals:
            found.append(Problem(line, "empty-key" if equals else "no-equals", said[:_LONGEST_QUOTE]))
            continue
        if add is None:
            stanza = Stanza(DEFAULT, line, [], is_implicit=True)
            stanzas.append(stanza)
            add = stanza.settings.append
        add(Setting(key, value.strip(_BLANK), line, end))
    return Conf(stanzas, found, encoding)


def _logical(text: str, problems: list[Problem]) -> Iterator[tuple[str, int, int]]:
    """(what it says, first line, last line) of each logical line that is neither blank nor a comment."""
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    at, count = 0, len(lines)
    while at < count:
        raw = lines[at]
        at += 1
        said = raw.strip(_BLANK)
        if not said or said[0] == "#" or said[0] == ";":
            continue
        if said[-1] == "\\" and raw.removesuffix("\r")[-1] == "\\":
            line = at
            said, at = _joined(lines, at - 1, problems)
            if said:
                yield said, line, at
            continue
        yield said, at, at


def _joined(lines: list[str], at: int, problems: list[Problem]) -> tuple[str, int]:
    """A logical line that goes on from line `at`, and where the next one begins."""
    parts: list[str] = []
    while at < len(lines):
        part = lines[at].removesuffix("\r")
        at += 1
        if not part.endswith("\\"):
            parts.append(part)
            break
        parts.append(part[:-1])
    else:
        problems.append(Problem(at, "continued-at-end", "the file ends in a backslash"))
    return "\n".join(parts).strip(_BLANK), at


def _header(said: str, line: int, problems: list[Problem]) -> str:
    end = said.rfind("]")
    if end < 0:
        problems.append(Problem(line, "unclosed-header", said[:_LONGEST_QUOTE]))
        return said[1:]
    if end != len(said) - 1:
        problems.append(Problem(line, "text-after-header", said[end + 1 :][:_LONGEST_QUOTE]))
    return said[1:end]


def _unescaped(said: str) -> tuple[str, str, str]:
    r"""A setting whose key holds backslashes: `\=` is `=`, and two are one."""
    at = said.find("=")
    while at >= 0 and (at - len(said[:at].rstrip("\\"))) % 2:
        at = said.find("=", at + 1)
    if at < 0:
        return said, "", ""
    return "".join(_plain(said[:at].strip(_BLANK))), "=", said[at + 1 :]


def _plain(key: str) -> Iterator[str]:
    at = 0
    while at < len(key):
        if key[at] == "\\" and key[at + 1 : at + 2] in ("\\", "="):
            at += 1
        yield key[at]
        at += 1


def render(stanzas: Iterable[Stanza]) -> bytes:
    """Stanzas as a file that reads as the same stanzas, on other lines."""
    lines: list[str] = []
    for place, stanza in enumerate(stanzas):
        if not (stanza.is_implicit and place == 0):
            lines.append(f"[{_continued(stanza.name)}]")
        for setting in stanza.settings:
            key = setting.key.replace("\\", "\\\\").replace("=", "\\=")
            # A blank after the last backslash keeps it from going on; it is not part of the value.
            end = " " if setting.value.endswith("\\") else ""
            lines.append(f"{_continued(key)} = {_continued(setting.value)}{end}")
    text = "".join(f"{line}\n" for line in lines)
    mark = codecs.BOM_UTF8 if text.startswith("\ufeff") else b""
    return mark + text.encode()


def _continued(text: str) -> str:
    return text.replace("\n", "\\\n")
