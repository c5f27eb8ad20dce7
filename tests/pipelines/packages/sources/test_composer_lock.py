"""composer.lock: scopes, where packages come from, and what stands for what."""

import json
from typing import Any

import pytest

from assay.errors import BadRecord
from assay.pipelines.packages.model import Inventory, Origin, Package, Scope
from assay.pipelines.packages.sources.composer_lock import FORMAT

HOME = "https://packagist.org/downloads/"


def read(packages: list[Any], dev: list[Any] | None = None, **fields: Any) -> Inventory:
    document = {"content-hash": "x", "packages": packages, "packages-dev": dev, **fields}
    return FORMAT.read("composer.lock", json.dumps(document).encode())


def only(entry: dict[str, Any]) -> Package:
    (package,) = read([{"name": "acme/a", "version": "1.0.0", **entry}]).packages
    return package


def test_scopes_licences_and_edges():
    found = read(
        [
            {
                "name": "acme/app",
                "version": "v1.2.0",
                "notification-url": HOME,
                "license": ["MIT", "GPL-2.0-only"],
                "require": {"php": ">=8", "ext-json": "*", "Acme/Part": "^1", "acme/virtual": "*"},
            },
            {"name": "acme/part", "version": "1.0.0", "notification-url": HOME, "require": []},
            {"name": "acme/all", "version": "2.0.0", "replace": {"acme/virtual": "self.version"}},
        ],
        [{"name": "acme/tests", "version": "3.0.0", "notification-url": HOME}],
        **{"plugin-api-version": "2.6.0"},
    )
    app, part, whole, tests = found.packages
    assert found.version == "2.6.0"
    assert app.requires == (part.key, whole.key)
    assert app.licences == ("MIT", "GPL-2.0-only")
    assert app.purl == "pkg:composer/acme/app@v1.2.0"
    assert app.place == "$.packages[0]"
    assert (tests.scope, tests.place) == (Scope.DEV, "$['packages-dev'][0]")
    assert {package.scope for package in (app, part, whole)} == {Scope.RUNTIME}
    assert {package.is_direct for package in found.packages} == {None}


def test_a_package_of_packagist_is_not_git_although_it_names_a_commit():
    package = only(
        {
            "notification-url": HOME,
            "source": {"type": "git", "url": "https://git.example.org/a.git", "reference": "a" * 40},
            "dist": {"type": "zip", "url": "https://zip.example.org/a.zip", "shasum": "00" * 20},
        }
    )
    assert (package.origin, package.commit) == (Origin.REGISTRY, None)
    assert package.resolved == "https://zip.example.org/a.zip"
    assert package.integrity == (f"sha1-{'A' * 27}=",)


@pytest.mark.parametrize(
    ("entry", "origin"),
    [
        ({"notification-url": "https://packages.example.org/notify"}, Origin.OTHER_REGISTRY),
        ({"source": {"type": "git", "url": "https://git.example.org/a.git", "reference": "b"}}, Origin.GIT),
        ({"dist": {"type": "path", "url": "../a", "reference": "c"}}, Origin.PATH),
        ({"dist": {"type": "zip", "url": "https://example.org/a.zip"}}, Origin.URL),
        ({"notification-url": "https://[broken", "source": None}, Origin.OTHER_REGISTRY),
        ({}, Origin.REGISTRY),
    ],
)
def test_origins(entry: dict[str, Any], origin: Origin):
    assert only(entry).origin is origin


def test_a_branch_is_known_by_its_commit():
    source = {"type": "git", "url": "https://git.example.org/a.git", "reference": "d" * 40}
    package = only({"version": "dev-main", "notification-url": HOME, "source": source})
    assert (package.origin, package.version, package.commit) == (Origin.REGISTRY, "dev-main", "d" * 40)


def test_a_package_in_both_lists_is_needed_at_run_time():
    entry = {"name": "acme/a", "version": "1.0.0"}
    (package,) = read([entry], [{**entry, "name": "Acme/A"}]).packages
    assert package.scope is Scope.RUNTIME


def test_wrong_entries_are_named_and_the_others_stand():
    found = read(
        [{"name": "acme/a"}, 3, {"name": "acme/b", "version": "1"}, {"name": "a\u0000", "version": "1"}]
    )
    assert [package.name for package in found.packages] == ["acme/b"]
    assert [(fault.place, fault.reason) for fault in found.faults] == [
        ("$.packages[0]", "wrong-type"),
        ("$.packages[1]", "wrong-type"),
        ("$.packages[3]", "control-character"),
    ]


def test_a_composer_json_is_no_lock():
    with pytest.raises(BadRecord) as bad:
        FORMAT.read("composer.lock", b'{"require": {"acme/a": "*"}}')
    assert bad.value.reason == "no-packages"
    assert read([]).packages == ()
