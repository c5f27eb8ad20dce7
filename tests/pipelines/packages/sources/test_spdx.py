"""SPDX 2: the same document in three syntaxes, relationships, and text blocks."""

import json
from typing import Any

import pytest
import yaml

from assay.errors import BadRecord
from assay.pipelines.packages.model import Inventory, Scope
from assay.pipelines.packages.sources.spdx import FORMAT

SRI = f"sha256-{'A' * 43}="
DOCUMENT = {
    "spdxVersion": "SPDX-2.3",
    "SPDXID": "SPDXRef-DOCUMENT",
    "packages": [
        {"SPDXID": "SPDXRef-app", "name": "app", "versionInfo": "0.1", "downloadLocation": "NOASSERTION"},
        {
            "SPDXID": "SPDXRef-a",
            "name": "a",
            "versionInfo": "1.0",
            "downloadLocation": "https://example.org/a.tgz",
            "licenseConcluded": "NOASSERTION",
            "licenseDeclared": "MIT",
            "checksums": [{"algorithm": "SHA256", "checksumValue": "00" * 32}],
            "externalRefs": [
                {
                    "referenceCategory": "SECURITY",
                    "referenceType": "cpe23Type",
                    "referenceLocator": "cpe:2.3:a:x:a:1.0:*:*:*:*:*:*:*",
                },
                {
                    "referenceCategory": "PACKAGE-MANAGER",
                    "referenceType": "purl",
                    "referenceLocator": "pkg:npm/%40acme/a@1.0",
                },
            ],
        },
        {
            "SPDXID": "SPDXRef-b",
            "name": "libc6",
            "licenseConcluded": "GPL-2.0-only",
            "licenseDeclared": "MIT",
            "externalRefs": [
                {
                    "referenceCategory": "PACKAGE_MANAGER",
                    "referenceType": "purl",
                    "referenceLocator": "pkg:deb/debian/libc6@2.36?upstream=glibc&distro=debian-12",
                }
            ],
        },
    ],
    "relationships": [
        {
            "spdxElementId": "SPDXRef-DOCUMENT",
            "relationshipType": "DESCRIBES",
            "relatedSpdxElement": "SPDXRef-app",
        },
        {"spdxElementId": "SPDXRef-app", "relationshipType": "DEPENDS_ON", "relatedSpdxElement": "SPDXRef-a"},
        {
            "spdxElementId": "SPDXRef-b",
            "relationshipType": "TEST_DEPENDENCY_OF",
            "relatedSpdxElement": "SPDXRef-a",
        },
        {
            "spdxElementId": "SPDXRef-a",
            "relationshipType": "DEPENDS_ON",
            "relatedSpdxElement": "SPDXRef-gone",
        },
    ],
}
TAGS = f"""\
SPDXVersion: SPDX-2.3
SPDXID: SPDXRef-DOCUMENT
DocumentName: app
Creator: Tool: hand
CreatorComment: <text>PackageName: not a package
PackageVersion: 9
</text>

##### Package: app
PackageName: app
SPDXID: SPDXRef-app
PackageVersion: 0.1
PackageDownloadLocation: NOASSERTION
Relationship: SPDXRef-DOCUMENT DESCRIBES SPDXRef-app
Relationship: SPDXRef-app DEPENDS_ON SPDXRef-a

PackageName: a
SPDXID: SPDXRef-a
PackageVersion: <text>1.0</text>
PackageDownloadLocation: https://example.org/a.tgz
PackageLicenseConcluded: NOASSERTION
PackageLicenseDeclared: MIT
PackageChecksum: SHA256: {"00" * 32}
PackageCopyrightText: <text>Copyright
PackageLicenseDeclared: GPL-3.0-only
by somebody</text>
ExternalRef: SECURITY cpe23Type cpe:2.3:a:x:a:1.0:*:*:*:*:*:*:*
ExternalRef: PACKAGE-MANAGER purl pkg:npm/%40acme/a@1.0

FileName: ./a.js
SPDXID: SPDXRef-file
FileChecksum: SHA1: {"00" * 20}

PackageName: libc6
SPDXID: SPDXRef-b
PackageLicenseConcluded: GPL-2.0-only
PackageLicenseDeclared: MIT
ExternalRef: PACKAGE-MANAGER purl pkg:deb/debian/libc6@2.36?upstream=glibc&distro=debian-12

Relationship: SPDXRef-b TEST_DEPENDENCY_OF SPDXRef-a
Relationship: SPDXRef-a DEPENDS_ON SPDXRef-gone
"""
SYNTAXES = {
    "json": json.dumps(DOCUMENT).encode(),
    "yaml": yaml.safe_dump(DOCUMENT, sort_keys=False).encode(),
    "tags": TAGS.encode(),
    "tags of a Mac": TAGS.replace("\n", "\r").encode(),
    "tags in UTF-16": TAGS.encode("utf-16"),
}


def read(document: Any) -> Inventory:
    return FORMAT.read("a.spdx.json", json.dumps({"spdxVersion": "SPDX-2.3", **document}).encode())


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_every_syntax(syntax: str):
    found = FORMAT.read("a.spdx", SYNTAXES[syntax])
    assert found.version == "2.3"
    assert found.faults == ()
    app, a, libc = found.packages
    assert (app.key, app.ecosystem, app.is_direct) == ("SPDXRef-app", None, None)
    assert (app.purl, app.resolved, app.requires) == ("pkg:generic/app@0.1", None, ("SPDXRef-a",))
    assert (a.ecosystem, a.name, a.version, a.is_direct) == ("npm", "@acme/a", "1.0", True)
    assert (a.licences, a.integrity, a.requires) == (("MIT",), (SRI,), ("SPDXRef-b",))
    assert a.resolved == "https://example.org/a.tgz"
    assert (libc.ecosystem, libc.name, libc.alias) == ("Debian:12", "glibc", "libc6")
    assert (libc.scope, libc.licences, libc.is_direct) == (Scope.DEV, ("GPL-2.0-only",), False)
    assert a.place == ("line 17" if syntax.startswith("tags") else "$.packages[1]")


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_every_syntax_is_recognised(syntax: str):
    assert FORMAT.recognises is not None
    assert FORMAT.recognises(SYNTAXES[syntax][:4096])


def test_other_files_are_not_recognised():
    assert FORMAT.recognises is not None
    assert not FORMAT.recognises(b'{"name": "spdx"}')
    assert not FORMAT.recognises(b"see SPDXVersion: SPDX-2.3")


@pytest.mark.parametrize(
    ("kinds", "scope"),
    [
        (["DEV_DEPENDENCY_OF"], Scope.DEV),
        (["DEV_DEPENDENCY_OF", "OPTIONAL_DEPENDENCY_OF"], Scope.OPTIONAL),
        (["PROVIDED_DEPENDENCY_OF"], Scope.PEER),
        (["BUILD_TOOL_OF", "RUNTIME_DEPENDENCY_OF"], Scope.RUNTIME),
        (["CONTAINED_BY"], Scope.RUNTIME),
    ],
)
def test_the_widest_scope_counts(kinds: list[str], scope: Scope):
    found = read(
        {
            "packages": [{"SPDXID": "a", "name": "a"}, {"SPDXID": "r", "name": "r"}],
            "relationships": [
                {"spdxElementId": "a", "relationshipType": kind, "relatedSpdxElement": "r"} for kind in kinds
            ],
        }
    )
    assert found.packages[0].scope is scope


def test_wrong_entries_are_named_and_the_others_stand():
    found = read(
        {
            "packages": [
                3,
                {"name": "no id"},
                {"SPDXID": "a"},
                {
                    "SPDXID": "b",
                    "name": "b",
                    "externalRefs": [1, {"referenceType": "purl", "referenceLocator": "x"}],
                },
                {"SPDXID": "c", "name": "c", "checksums": 3},
                {"SPDXID": "c", "name": "again"},
            ],
            "relationships": [1, {"spdxElementId": 3}],
            "documentDescribes": [3],
        }
    )
    assert [package.name for package in found.packages] == ["c"]
    assert [(fault.place, fault.reason) for fault in found.faults] == [
        ("$.packages[0]", "wrong-type"),
        ("$.packages[1]", "wrong-type"),
        ("$.packages[2]", "no-name"),
        ("$.packages[3]", "bad-purl"),
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            b'{"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": []}',
            "unsupported-version",
        ),
        (b'{"spdxVersion": "SPDX-3.0"}', "unsupported-version"),
        (b'{"packages": []}', "unsupported-version"),
        (b"SPDXVersion: SPDX-9\n", "unsupported-version"),
        (b"SPDXVersion: SPDX-2.3\nPackageName: <text>never\nended\n", "not-spdx"),
        (b"hello\n", "not-spdx"),
        (b"", "not-spdx"),
    ],
)
def test_other_documents(content: bytes, reason: str):
    with pytest.raises(BadRecord) as bad:
        FORMAT.read("a.spdx", content)
    assert bad.value.reason == reason
