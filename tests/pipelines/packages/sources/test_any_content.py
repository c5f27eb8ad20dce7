"""Whatever a file holds, a reader gives a sound inventory or says why not; it raises nothing else.

Documents made up from nothing end at the first check, so most are made from a real one, which is cut down and changed
in a few places.
"""

import json
import zipfile
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import BadRecord
from assay.pipelines.packages.model import Format, Inventory
from assay.pipelines.packages.sources import discover

SAMPLES = Path(__file__).parent / "samples"
# The JavaScript and Python formats have laws of their own in test_laws.py.
NAMES = (
    *(
        "cargo.lock",
        "composer.lock",
        "cyclonedx",
        "gemfile.lock",
        "go.mod",
        "go.sum",
        "gradle.lockfile",
        "mix.lock",
    ),
    *("packages.lock.json", "pom.xml", "pubspec.lock", "spdx"),
)
FORMATS = tuple(form for name, form in discover().items() if name in NAMES)
# Of formats without a real sample, and graphs, which real documents lose when they are cut down.
SEEDS = {
    "cyclonedx": """\
{"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"component": {"bom-ref": "root", "name": "app"}},
 "components": [
  {"bom-ref": "a", "name": "a", "purl": "pkg:npm/a@1", "hashes": [{"alg": "SHA-1", "content": "00"}],
   "components": [{"bom-ref": "b", "name": "b", "version": "2"}]},
  {"bom-ref": "c", "name": "c", "purl": "pkg:deb/debian/c@1?upstream=d", "licenses": [{"license": {"id": "MIT"}}]}],
 "dependencies": [{"ref": "root", "dependsOn": ["a"]}, {"ref": "a", "dependsOn": ["b", "c"]}]}
""",
    "spdx": """\
{"spdxVersion": "SPDX-2.3", "documentDescribes": ["r"], "packages": [{"SPDXID": "r", "name": "r"},
  {"SPDXID": "a", "name": "a", "externalRefs": [{"referenceType": "purl", "referenceLocator": "pkg:npm/a@1"}]},
  {"SPDXID": "b", "name": "b", "checksums": [{"algorithm": "SHA1", "checksumValue": "00"}]}],
 "relationships": [{"spdxElementId": "r", "relationshipType": "DEPENDS_ON", "relatedSpdxElement": "a"},
  {"spdxElementId": "b", "relationshipType": "TEST_DEPENDENCY_OF", "relatedSpdxElement": "a"}]}
""",
    "mix.lock": f"""\
%{{
  "app": {{:hex, :real, "1.0.0", "{"11" * 32}", [:mix], [{{:part, "~> 1.0", [hex: :part]}}], "hexpm", "{"00" * 32}"}},
  "part" => {{:hex, :part, "2.0.0", "{"11" * 32}", [:mix], []}},
  forked: {{:git, "https://git.example.org/forked.git", "{"a" * 40}", [branch: "main"]}},
}}
""",
    "pubspec.lock": f"""\
packages:
  http:
    dependency: "direct main"
    description: {{name: http, sha256: "{"00" * 32}", url: "https://pub.example.org"}}
    source: hosted
    version: "1.10"
  forked:
    dependency: transitive
    description:
      path: "."
      resolved-ref: "{"a" * 40}"
      url: "https://git.example.org/forked.git"
    source: git
    version: "3.0.0"
sdks:
  dart: any
""",
}
TEXTS = st.sampled_from(
    [
        "", " ", "a", "1.0.0", "pkg:npm/a@1", "pkg:deb/debian/a@1?upstream=b@2&epoch=1", "pkg:x",
        "pkg:npm/a@1%zz?=&#", "DEPENDS_ON", "Direct", "Project", "git", "path", "${v}", "${project.version}",
        "${", "[1,2)", "import", "\u0000", "\x1b", "é", "\ud800", "git+https://[x?rev=1#abc",
        "registry+https://crates.example.org/", "a 1.0.0 (x)", "../a", "=>", "//", "<text>", "</text>", "file",
        "-" * 9, "9" * 5000, "a:b:1=test", "    a (1.0)", "      b", "  specs:", "GEM", "GIT", "(", ")",
        "require", "replace a => b", "[[package]]", "{", "}", "[", "]", '"', "\\", ",", ":", "#", "&a", "*a",
        "|", "- ",
    ]
)  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
every_format = pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)


@lru_cache(maxsize=64)
def seeds(form: Format) -> tuple[bytes, ...]:
    """The real files of the format, cut down."""
    found = [] if form.name not in SEEDS else [SEEDS[form.name].encode()]
    for archive in sorted(SAMPLES.glob(f"{form.name}/*.zip")):
        with zipfile.ZipFile(archive) as packed:
            (name,) = [member for member in packed.namelist() if member != "golden.json"]
            found.append(shortened(packed.read(name)))
    return tuple(found)


def shortened(content: bytes) -> bytes:
    if content.lstrip().startswith(b"<"):
        tree = ET.fromstring(content)
        for element in tree.iter():
            seen = Counter[str]()
            for child in list(element):
                seen[child.tag] += 1
                if seen[child.tag] > 4:
                    element.remove(child)
        return ET.tostring(tree)
    try:
        return json.dumps(cut(json.loads(content))).encode()
    except ValueError:
        lines = content.decode("utf-8-sig").replace("\r", "\n").split("\n")
        return "\n".join(lines[:120]).encode()


def cut(value: Any) -> Any:
    """A document with few entries of every list, and few of every large mapping."""
    if isinstance(value, list):
        return [cut(entry) for entry in value[:4]]
    if isinstance(value, dict):
        return {key: cut(entry) for key, entry in list(value.items())[:25]}
    return value


def change_value(data: st.DataObject, root: Any) -> None:
    """One place of the document, at any depth, is replaced, left out, doubled or moved."""
    here = root
    while True:
        keys = list(here) if isinstance(here, dict) else list(range(len(here)))
        if not keys:
            return
        key = data.draw(st.sampled_from(keys))
        inner = here[key]
        if not (isinstance(inner, dict | list) and inner) or data.draw(st.integers(0, 3)) == 0:
            break
        here = inner
    kind = data.draw(st.sampled_from(["replace", "leave out", "double", "move"]))
    if kind == "replace":
        here[key] = data.draw(VALUES)
    elif kind == "leave out":
        del here[key]
    elif isinstance(here, list):
        here.append(json.loads(json.dumps(here[key])))
    else:
        here[data.draw(TEXTS | st.sampled_from(keys))] = json.loads(json.dumps(here[key]))


def change_element(data: st.DataObject, root: ET.Element) -> None:
    parents = [element for element in root.iter() if len(element)]
    if not parents:
        return
    parent = data.draw(st.sampled_from(parents))
    child = parent[data.draw(st.integers(0, len(parent) - 1))]
    kind = data.draw(st.sampled_from(["text", "leave out", "double", "move", "attribute"]))
    if kind == "text":
        child.text = data.draw(TEXTS)
    elif kind == "attribute":
        child.set(data.draw(st.sampled_from(["ref", "bom-ref", "type", "alg"])), data.draw(TEXTS))
    elif kind == "leave out":
        parent.remove(child)
    elif kind == "double":
        parent.append(child)
    elif not any(element is parents[0] for element in child.iter()):
        parents[0].append(child)


def change_line(data: st.DataObject, lines: list[str]) -> None:
    here = data.draw(st.integers(0, len(lines) - 1))
    kind = data.draw(st.sampled_from(["word", "leave out", "double", "move", "insert"]))
    if kind == "word":
        words = lines[here].split(" ")
        words[data.draw(st.integers(0, len(words) - 1))] = data.draw(TEXTS)
        lines[here] = " ".join(words)
    elif kind == "leave out":
        lines[here] = ""
    elif kind == "insert":
        lines.insert(here, data.draw(TEXTS | st.text(max_size=12)))
    else:
        lines.insert(data.draw(st.integers(0, len(lines))), lines[here])


def changed(data: st.DataObject, content: bytes) -> bytes:
    times = range(data.draw(st.integers(1, 4)))
    if content.startswith(b"<"):
        tree = ET.fromstring(content)
        for _ in times:
            change_element(data, tree)
        return ET.tostring(tree)
    try:
        document = json.loads(content)
    except ValueError:
        lines = content.decode().split("\n")
        for _ in times:
            change_line(data, lines)
        return "\n".join(lines).encode("utf-8", "surrogatepass")
    for _ in times:
        change_value(data, document)
    return json.dumps(document).encode()


def check(form: Format, content: bytes) -> Inventory | None:
    try:
        found = form.read(form.names[0].replace("*", "a"), content)
    except BadRecord:
        return None
    assert found.format == form.name
    keys = [package.key for package in found.packages]
    assert len(keys) == len(set(keys))
    for package in found.packages:
        assert set(package.requires) <= set(keys) - {package.key}
        assert package.name
        assert package.place
        assert package.purl.startswith("pkg:")
        assert "\0" not in f"{package}"
    assert all(fault.place and fault.reason and fault.detail for fault in found.faults)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Inventory) == found
    return found


@every_format
def test_the_seeds_hold_packages(form: Format):
    assert any((found := check(form, content)) and found.packages for content in seeds(form))


@every_format
@settings(max_examples=100)
@given(data=st.data())
def test_a_changed_document(form: Format, data: st.DataObject):
    check(form, changed(data, data.draw(st.sampled_from(seeds(form)))))


@every_format
@settings(max_examples=30)
@given(document=VALUES)
def test_any_document(form: Format, document: Any):
    check(form, json.dumps(document).encode())


@every_format
@settings(max_examples=30)
@given(
    content=st.binary(max_size=60)
    | st.lists(TEXTS, max_size=20).map(lambda lines: "\n".join(lines).encode("utf-8", "replace"))
)
def test_any_bytes(form: Format, content: bytes):
    check(form, content)
