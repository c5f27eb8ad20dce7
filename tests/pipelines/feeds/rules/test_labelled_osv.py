"""Labels of OSV records: the package under each name that people give it, the owner where the ecosystem names one."""

import json
from typing import Any

import pytest

from assay.pipelines.feeds.commands.evaluating import Split, kind_of, split, taught_by
from assay.pipelines.feeds.rules.labelled_osv import Packaged, from_osv


def a_record(ecosystem: str, name: str, identifier: str = "GHSA-aaaa-bbbb-cccc", **said: Any) -> bytes:
    record = {
        "id": identifier,
        "published": "2026-02-03T00:00:00Z",
        "summary": "It reads files",
        "details": "## Impact\n\nVersions before **1.2** read files.",
        "affected": [{"package": {"ecosystem": ecosystem, "name": name}}],
        "references": [{"type": "WEB", "url": "https://example.org/1"}],
    }
    return json.dumps(record | said).encode()


def read(*arguments: str, **said: Any) -> Packaged:
    found = from_osv(a_record(*arguments, **said))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("ecosystem", "name", "vendors", "products"),
    [
        ("PyPI", "rocket", set(), {"rocket"}),
        ("Maven", "org.acme:rocket", set(), {"rocket", "org acme rocket"}),
        ("npm", "@acme/rocket", {"acme"}, {"rocket", "acme rocket"}),
        ("Packagist", "acme/rocket", {"acme"}, {"rocket", "acme rocket"}),
        ("Go", "github.com/acme/rocket/v2", {"acme"}, {"rocket", "github com acme rocket v2"}),
        ("Debian:12", "rocket", set(), {"rocket"}),
    ],
)
def test_a_package_is_the_product(ecosystem: str, name: str, vendors: set[str], products: set[str]):
    found = read(ecosystem, name)
    assert (found.truth.vendors, found.truth.products) == (vendors, products)
    assert found.published == "2026-02-03"
    assert "Versions before 1.2 read files." in found.prose.text
    assert found.prose.links == ("https://example.org/1",)
    assert kind_of(found) == "OSV records"


@pytest.mark.parametrize(
    "raw",
    [
        a_record("PyPI", "rocket", withdrawn="2026-02-04T00:00:00Z"),
        a_record("PyPI", "rocket", details=""),
        # Bitnami repeats the CVE's words beside the name of an image.
        a_record("Bitnami", "rocket", "BIT-rocket-2026-1"),
        b'{"text": "a line of ones own"}',
        b"[]",
        b"\xff",
    ],
)
def test_what_labels_nothing_is_left_out(raw: bytes):
    assert from_osv(raw) is None


def test_packages_are_taught_as_the_catalog_teaches_them():
    names = taught_by([read("npm", "@acme/rocket"), read("PyPI", "anvil", "GHSA-x")])
    assert names.knows_vendor("acme")
    assert names.packages == {"anvil": {"PyPI"}}


def test_what_an_older_text_described_measures_nothing():
    older = read("PyPI", "rocket", aliases=["CVE-2026-1"], published="2025-01-01T00:00:00Z")
    again = read("PyPI", "rocket", "PYSEC-2026-1", aliases=["CVE-2026-1"])
    other, copy = (read("PyPI", "anvil", name, aliases=["CVE-2026-2"]) for name in ("GHSA-1", "PYSEC-2026-2"))
    assert split([older, again, other, copy], "2026-01-01") == Split([older], [other])
