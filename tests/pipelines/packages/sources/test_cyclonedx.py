"""CycloneDX: the same document in both syntaxes, graphs, nesting, and components without a package URL."""

import json
from typing import Any

import pytest

from assay.errors import BadRecord
from assay.pipelines.packages.model import Inventory, Origin, Package, Scope
from assay.pipelines.packages.sources.cyclonedx import FORMAT

SRI = f"sha256-{'A' * 43}="


def read(components: Any, **fields: Any) -> Inventory:
    document = {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": components, **fields}
    return FORMAT.read("bom.json", json.dumps(document).encode())


def read_xml(body: str, version: str = "1.6") -> Inventory:
    content = f'<?xml version="1.0"?><bom xmlns="http://cyclonedx.org/schema/bom/{version}">{body}</bom>'
    return FORMAT.read("bom.xml", content.encode())


def by_key(inventory: Inventory) -> dict[str, Package]:
    return {package.key: package for package in inventory.packages}


JSON = {
    "metadata": {"component": {"type": "application", "name": "app", "bom-ref": "root"}},
    "components": [
        {
            "type": "library",
            "bom-ref": "a",
            "group": "@acme",
            "name": "a",
            "version": "1.0",
            "purl": "pkg:npm/%40acme/a@1.0",
            "hashes": [{"alg": "SHA-256", "content": "00" * 32}, {"alg": "BLAKE3", "content": "ab"}],
            "licenses": [{"license": {"id": "MIT"}}, {"license": {"name": "Own"}}],
            "externalReferences": [
                {"type": "vcs", "url": "https://git.example.org/a"},
                {"type": "distribution", "url": "https://example.org/a.tgz"},
            ],
            "components": [
                {"type": "library", "bom-ref": "b", "name": "b", "version": "2.0", "scope": "optional"}
            ],
        },
        {"type": "library", "bom-ref": "c", "name": "c", "purl": "pkg:npm/c@3.0", "scope": "excluded"},
        {"type": "file", "name": "/etc/passwd"},
    ],
    "dependencies": [{"ref": "root", "dependsOn": ["a"]}, {"ref": "a", "dependsOn": ["b", "c", "gone"]}],
}
XML = f"""
<metadata><component type="application" bom-ref="root"><name>app</name></component></metadata>
<components>
  <component type="library" bom-ref="a">
    <group>@acme</group><name>a</name><version>1.0</version>
    <hashes><hash alg="SHA-256">{"00" * 32}</hash><hash alg="BLAKE3">ab</hash></hashes>
    <licenses><license><id>MIT</id></license><license><name>Own</name></license></licenses>
    <purl>pkg:npm/%40acme/a@1.0</purl>
    <externalReferences>
      <reference type="vcs"><url>https://git.example.org/a</url></reference>
      <reference type="distribution"><url> https://example.org/a.tgz </url></reference>
    </externalReferences>
    <components>
      <component type="library" bom-ref="b"><name>b</name><version>2.0</version><scope>optional</scope></component>
    </components>
  </component>
  <component type="library" bom-ref="c">
    <name>c</name><scope>excluded</scope><purl><![CDATA[pkg:npm/c@3.0]]></purl>
  </component>
  <component type="file"><name>/etc/passwd</name></component>
</components>
<dependencies>
  <dependency ref="root"><dependency ref="a"/></dependency>
  <dependency ref="a"><dependency ref="b"/><dependency ref="c"/><dependency ref="gone"/></dependency>
</dependencies>
"""


@pytest.mark.parametrize("syntax", ["json", "xml"])
def test_both_syntaxes(syntax: str):
    found = read(**JSON) if syntax == "json" else read_xml(XML)
    packages = by_key(found)
    assert found.version == "1.6"
    assert list(packages) == ["a", "b", "c"]
    a, b, c = packages.values()
    assert (a.ecosystem, a.name, a.version, a.is_direct) == ("npm", "@acme/a", "1.0", True)
    assert a.integrity == (SRI, "blake3:ab")
    assert a.licences == ("MIT", "Own")
    assert (a.resolved, a.requires) == ("https://example.org/a.tgz", ("b", "c"))
    assert (b.ecosystem, b.purl, b.scope, b.is_direct) == (None, "pkg:generic/b@2.0", Scope.OPTIONAL, False)
    assert (c.version, c.scope) == ("3.0", Scope.DEV)
    places = [package.place for package in packages.values()]
    assert (
        places
        == {
            "json": ["$.components[0]", "$.components[0].components[0]", "$.components[1]"],
            "xml": [
                "components/component[1]",
                "components/component[1]/components/component[1]",
                "components/component[2]",
            ],
        }[syntax]
    )


def test_what_is_not_told_is_not_direct_or_transitive():
    graph = [{"ref": "a", "dependsOn": ["b"]}]
    parts = [{"bom-ref": ref, "name": ref} for ref in "abc"]
    assert [package.is_direct for package in read(parts, dependencies=graph).packages] == [None] * 3
    rooted = read(
        parts,
        metadata={"component": {"bom-ref": "r"}},
        dependencies=[*graph, {"ref": "r", "dependsOn": ["a"]}],
    )
    assert [package.is_direct for package in rooted.packages] == [True, False, None]


def test_keys_are_unique_and_documents_of_old_have_no_references():
    found = read_xml(
        "<components>"
        "<component><name>a</name><version>1</version><purl>pkg:npm/a@1</purl></component>"
        "<component><name>a</name><version>1</version><purl>pkg:npm/a@1</purl></component>"
        "<component><name>a</name><version>1</version></component>"
        "<component><name>a</name><version>1</version></component>"
        "</components>",
        "1.0",
    )
    assert found.version == "1.0"
    assert [package.key for package in found.packages] == ["pkg:npm/a@1", "pkg:npm/a@1#2", "a@1", "a@1#2"]


def test_a_reference_that_several_bear_is_the_first_ones():
    parts = [{"bom-ref": "a", "name": "a"}] * 3 + [{"bom-ref": "b", "name": "b"}]
    found = read(parts, dependencies=[{"ref": "a", "dependsOn": ["b", "a"]}])
    assert {package.key: package.requires for package in found.packages} == {
        "a": ("b",),
        "a#2": (),
        "a#3": (),
        "b": (),
    }


def test_properties_of_generators():
    found = read(
        [
            {
                "name": "libssl3",
                "purl": "pkg:deb/debian/libssl3@3.0.1-1?arch=amd64&distro=debian-12.1",
                "properties": [
                    {"name": "aquasecurity:trivy:SrcName", "value": "openssl"},
                    {"name": "aquasecurity:trivy:SrcVersion", "value": "3.0.1"},
                    {"name": "aquasecurity:trivy:SrcRelease", "value": "2"},
                    {"name": "aquasecurity:trivy:SrcEpoch", "value": "1"},
                ],
            },
            {
                "name": "tests",
                "purl": "pkg:npm/tests@1",
                "properties": [{"name": "cdx:npm:package:development", "value": "true"}],
            },
        ]
    )
    ssl, tests = found.packages
    assert (ssl.ecosystem, ssl.name, ssl.alias, ssl.version) == (
        "Debian:12",
        "openssl",
        "libssl3",
        "1:3.0.1-2",
    )
    assert tests.scope is Scope.DEV


def test_expressions_and_origins():
    (package,) = read(
        [
            {
                "name": "a",
                "purl": "pkg:npm/a@1?repository_url=https://npm.example.org",
                "licenses": [{"expression": "MIT OR Apache-2.0"}, "odd", {"license": 3}],
                "hashes": {"odd": 1},
            }
        ]
    ).packages
    assert package.licences == ("MIT OR Apache-2.0",)
    assert (package.origin, package.resolved) == (Origin.OTHER_REGISTRY, "https://npm.example.org")


def test_wrong_entries_are_named_and_the_others_stand():
    found = read(
        [
            3,
            {"type": "library"},
            {"name": "a", "purl": "pkg:npm/"},
            {"name": "b", "purl": "pkg:npm/b@1", "components": 7},
            {"name": "c", "version": 1.0},
        ],
        dependencies=[3, {"ref": 4}, {"ref": "b", "dependsOn": "c"}],
        vulnerabilities=[{"id": "CVE-2020-1"}],
    )
    assert [package.name for package in found.packages] == ["b"]
    assert sorted((fault.place, fault.reason) for fault in found.faults) == [
        ("$.components[0]", "wrong-type"),
        ("$.components[1]", "no-name"),
        ("$.components[2]", "bad-purl"),
        ("$.components[3].components", "wrong-type"),
        ("$.components[4]", "wrong-type"),
    ]


def test_deep_nesting_is_read_without_recursion():
    body = "".join(f'<components><component bom-ref="{n}"><name>n</name>' for n in range(90))
    assert len(read_xml(body + "</component></components>" * 90).packages) == 90


@pytest.mark.parametrize(
    "content",
    [
        b"{}",
        b"[]",
        b"null",
        b'{"bomFormat": "SPDX"}',
        b"<bom/>",
        b'<project xmlns="http://cyclonedx.org/schema/bom/1.4"/>',
    ],
)
def test_other_documents(content: bytes):
    with pytest.raises(BadRecord) as bad:
        FORMAT.read("bom.json", content)
    assert bad.value.reason == "not-cyclonedx"


@pytest.mark.parametrize(
    ("head", "is_one"),
    [
        (b'{"bomFormat" : "CycloneDX"', True),
        (b'{"$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json", "components": [', True),
        ('{"bomFormat": "CycloneDX"'.encode("utf-16"), True),
        (b'<?xml version="1.0"?><bom version="1" xmlns="http://cyclonedx.org/schema/bom/1.2">', True),
        (b'<c:bom xmlns:c="http://cyclonedx.org/schema/bom/1.2">', True),
        (b"<project>", False),
        (b'{"name": "CycloneDX"}', False),
    ],
)
def test_recognises(head: bytes, is_one: bool):
    assert FORMAT.recognises is not None
    assert FORMAT.recognises(head) is is_one
