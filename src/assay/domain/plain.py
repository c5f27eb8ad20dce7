"""Text from outside as plain values - dict, list, str, numbers, bool, None - within limits that no honest file meets.

The decoders of the libraries recurse, follow aliases and expand entities as far as a file asks for; libyaml's composer
takes the whole process down at 50,000 nested brackets (research/packages.md,
4.4). Here every one of these is a BadRecord.
"""

import json
import re
import tomllib
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import yaml
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from assay.errors import BadRecord

try:
    from yaml.cyaml import CSafeLoader as _Loader
except ImportError:  # PyYAML was built without libyaml: the same events, some twenty times slower
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]

MOST_BYTES = 64 << 20
DEEPEST = 200
# Aliases are shared references until somebody walks them; no lockfile of a known tool writes more than a handful.
MOST_ALIASES = 1_000

# tomllib's time grows with the square of a dotted key's parts: 20,000 of them, 40 kB, took 6.8 s.
_LONG_KEY = re.compile(rf"""(?<![\w-])(?:(?:[\w-]+|"[^"\n]*"|'[^'\n]*')[ \t]*\.[ \t]*){{{DEEPEST}}}""")
_HALF_PAIR = re.compile(r"\\u[dD][89a-fA-F]")

_CONSTANTS = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip


def without_nul(text: str) -> str:
    """The text without NUL, which PostgreSQL's text cannot hold."""
    return text.replace("\x00", "") if "\x00" in text else text


def text(content: bytes) -> str:
    """The content as text: UTF-8 with or without a mark, or UTF-16 with one. Line ends become `\\n`.

    A file that git left with both sides of a merge is refused: which of them counts is not for a reader to say.
    """
    if len(content) > MOST_BYTES:
        raise BadRecord("too-large", f"{len(content):,} bytes, more than {MOST_BYTES:,}")
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        found = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise BadRecord("not-text", f"not {encoding} text: {error.reason} at byte {error.start}") from error
    if "\0" in found:
        raise BadRecord("not-text", f"a NUL at character {found.index(chr(0))}")
    found = found.replace("\r\n", "\n").replace("\r", "\n") if "\r" in found else found
    conflict = found.find("\n<<<<<<< ") + 1
    if (conflict or found.startswith("<<<<<<< ")) and "\n>>>>>>> " in found[conflict:]:
        line = found.count("\n", 0, conflict) + 1
        raise BadRecord("merge-conflict", f"line {line}: a merge conflict that nobody has resolved")
    return found


def from_json(content: bytes) -> Any:
    """A JSON document; for objects that name a key twice the last one counts, as in JavaScript."""
    return read_json(text(content))


def read_json(found: str) -> Any:
    """The same from text."""
    try:
        value = json.loads(found)
    except RecursionError as error:
        raise BadRecord("too-deep", "JSON nested too deeply") from error
    except ValueError as error:
        raise BadRecord("not-json", f"not JSON: {error}") from error
    _check_pairs(found, value)
    return value


def _check_pairs(found: str, value: Any) -> None:
    """Half of a surrogate pair (RFC 8259, 8.2) can be neither stored nor written again."""
    if _HALF_PAIR.search(found):
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise BadRecord("not-text", "a string with half of a surrogate pair") from error


def from_toml(content: bytes) -> dict[str, Any]:
    """A TOML document."""
    found = text(content)
    # Counting is quick; the pattern would take half as long again as the decoder.
    if any(_LONG_KEY.search(line) for line in found.split("\n") if line.count(".") >= DEEPEST):
        raise BadRecord("too-deep", f"a TOML key of more than {DEEPEST} parts")
    try:
        return tomllib.loads(found)
    except RecursionError as error:
        raise BadRecord("too-deep", "TOML nested too deeply") from error
    except ValueError as error:
        raise BadRecord("not-toml", f"not TOML: {error}") from error


def from_xml(content: bytes) -> Element:
    """The root of an XML document. Entities, external references and document types are refused."""
    if len(content) > MOST_BYTES:
        raise BadRecord("too-large", f"{len(content):,} bytes, more than {MOST_BYTES:,}")
    try:
        root: Element = fromstring(content, forbid_dtd=True)
    except DefusedXmlException as error:
        raise BadRecord(
            "unsafe-xml", f"XML with an entity, a reference or a document type: {error}"
        ) from error
    except (ParseError, ValueError, LookupError) as error:
        raise BadRecord("not-xml", f"not XML: {error}") from error
    _check_depth(root)
    return root


def _check_depth(root: Element) -> None:
    level, depth = [root], 0
    while level:
        depth += 1
        if depth > DEEPEST:
            raise BadRecord("too-deep", f"XML nested more than {DEEPEST} deep")
        level = [child for element in level for child in element]


def from_yaml(content: bytes) -> Any:
    """A YAML document of mappings with text keys. Numbers stay text: `1.10` is a version and not 1.1.

    `null`, `true` and `false` are read as such where they stand without quotes (YAML 1.2, core schema, 10.3.2).
    """
    found = text(content)
    try:
        loader = _Loader(found)
    except yaml.YAMLError as error:  # the pure reader looks at the characters first
        raise _not_yaml(error) from error
    value = _Composer(loader).document()
    _check_pairs(found, value)
    return value


def _not_yaml(error: yaml.YAMLError) -> BadRecord:
    return BadRecord("not-yaml", f"not YAML: {' '.join(str(error).split())}")


class _Composer:
    """Values from events, with a stack of its own instead of the interpreter's."""

    def __init__(self, loader: _Loader) -> None:
        self._loader = loader
        self._anchors: dict[str, Any] = {}
        self._aliases = 0

    def document(self) -> Any:
        try:
            return self._compose()
        except yaml.YAMLError as error:
            raise _not_yaml(error) from error
        finally:
            self._loader.dispose()

    def _compose(self) -> Any:
        root: list[Any] = []
        # The container that is being filled and, for a mapping, the key that waits for its value.
        stack: list[tuple[Any, list[Any]]] = [(root, [])]
        while self._loader.check_event():
            event = self._loader.get_event()
            if isinstance(event, yaml.ScalarEvent):
                is_constant = event.implicit[0] and event.value in _CONSTANTS and not _awaits_key(stack)
                value: Any = _CONSTANTS[event.value] if is_constant else event.value
                self._put(stack, value, event.anchor)
            elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                if len(stack) > DEEPEST:
                    raise BadRecord("too-deep", f"YAML nested more than {DEEPEST} deep")
                container: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
                self._put(stack, container, event.anchor)
                stack.append((container, []))
            elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                stack.pop()
            elif isinstance(event, yaml.AliasEvent):
                self._put(stack, self._alias(event.anchor), None)
        if len(root) > 1:
            raise BadRecord("several-documents", "several YAML documents in one file")
        return root[0] if root else None

    def _alias(self, anchor: str | None) -> Any:
        self._aliases += 1
        if self._aliases > MOST_ALIASES:
            raise BadRecord("too-many-aliases", f"more than {MOST_ALIASES:,} YAML aliases")
        if anchor not in self._anchors:
            raise BadRecord("not-yaml", f"not YAML: the alias {anchor} names nothing")
        value = self._anchors[anchor]
        if isinstance(value, dict | list):
            raise BadRecord("alias-of-container", f"the YAML alias {anchor} repeats a whole mapping or list")
        return value

    def _put(self, stack: list[tuple[Any, list[Any]]], value: Any, anchor: str | None) -> None:
        if anchor is not None:
            self._anchors[anchor] = value
        container, waiting = stack[-1]
        if isinstance(container, list):
            container.append(value)
        elif waiting:
            container[waiting.pop()] = value
        elif not isinstance(value, str):
            raise BadRecord("not-yaml", "a YAML mapping whose key is no text")
        else:
            waiting.append(value)


def _awaits_key(stack: list[tuple[Any, list[Any]]]) -> bool:
    container, waiting = stack[-1]
    return isinstance(container, dict) and not waiting
