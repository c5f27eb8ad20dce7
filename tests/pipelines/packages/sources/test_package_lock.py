"""package-lock.json: aliases, links, nested trees, bundled packages, git, and entries of wrong types."""

import json
from typing import Any

import pytest

from assay.errors import BadRecord
from assay.pipelines.packages.model import Inventory, Origin, Package, Scope
from assay.pipelines.packages.sources.package_lock import read

SHA = "0123456789abcdef0123456789abcdef01234567"


def inventory(document: Any) -> Inventory:
    return read("package-lock.json", json.dumps(document).encode())


def installed(**packages: Any) -> dict[str, Package]:
    found = inventory({"lockfileVersion": 3, "packages": packages.pop("at", {}) | packages})
    assert found.faults == ()
    return {package.key: package for package in found.packages}


def tree(dependencies: dict[str, Any], **more: Any) -> dict[str, Package]:
    found = inventory({"lockfileVersion": 1, "requires": True, "dependencies": dependencies, **more})
    assert found.faults == ()
    return {package.key: package for package in found.packages}


def test_a_package_with_all_that_the_file_tells():
    found = inventory({
        "name": "app", "lockfileVersion": 3,
        "packages": {
            "": {"dependencies": {"a": "^1.0.0"}},
            "node_modules/a": {
                "version": "1.0.1", "resolved": "https://npm.example.org/a/-/a-1.0.1.tgz",
                "integrity": "sha512-AA== sha1-BB==", "license": "MIT", "dependencies": {"b": "*"},
            },
            "node_modules/b": {"version": "2.0.0", "license": {"type": "ISC"}, "dev": True},
        },
    })  # fmt: skip
    assert found.version == "3"
    assert found.packages[0] == Package(
        key="node_modules/a", ecosystem="npm", name="a", version="1.0.1", purl="pkg:npm/a@1.0.1",
        place="$.packages['node_modules/a']", is_direct=True, origin=Origin.OTHER_REGISTRY,
        resolved="https://npm.example.org/a/-/a-1.0.1.tgz", integrity=("sha512-AA==", "sha1-BB=="),
        licences=("MIT",), requires=("node_modules/b",),
    )  # fmt: skip
    assert found.packages[1].licences == ("ISC",)
    assert (found.packages[1].scope, found.packages[1].is_direct) == (Scope.DEV, False)


def test_the_nearest_node_modules_counts():
    found = installed(at={
        "": {"dependencies": {"a": "1", "b": "1"}},
        "node_modules/a": {"version": "1.0.0", "dependencies": {"b": "2", "c": "1"}},
        "node_modules/a/node_modules/b": {"version": "2.0.0", "dependencies": {"c": "1"}},
        "node_modules/b": {"version": "1.0.0"},
        "node_modules/c": {"version": "1.0.0", "peerDependencies": {"b": "*", "absent": "*"}},
    })  # fmt: skip
    assert found["node_modules/a"].requires == ("node_modules/a/node_modules/b", "node_modules/c")
    assert found["node_modules/a/node_modules/b"].requires == ("node_modules/c",)
    assert found["node_modules/c"].requires == ("node_modules/b",)
    assert {key for key, one in found.items() if one.is_direct} == {"node_modules/a", "node_modules/b"}


def test_an_alias_has_its_real_name():
    found = installed(at={"node_modules/x": {"version": "1.0.0", "name": "@real/y"}})["node_modules/x"]
    assert (found.name, found.alias, found.purl) == ("@real/y", "x", "pkg:npm/%40real/y@1.0.0")
    found = tree({"x": {"version": "npm:@real/y@1.0.0"}})["node_modules/x"]
    assert (found.name, found.alias, found.version) == ("@real/y", "x", "1.0.0")


def test_workspaces_are_paths_and_links_lead_to_them():
    found = installed(at={
        "": {"name": "app", "workspaces": ["packages/*"]},
        "node_modules/lib": {"resolved": "packages/lib", "link": True},
        "packages/lib": {"version": "1.2.3", "dependencies": {"a": "1"}, "devDependencies": {"b": "1", "lib2": "*"}},
        "packages/lib/node_modules/b": {"version": "1.0.0", "dev": True},
        "node_modules/a": {"version": "1.0.0", "dependencies": {"lib": "*"}},
        "node_modules/b": {"version": "2.0.0"},
        "node_modules/lib2": {"resolved": "packages/lib2", "link": True},
        "packages/lib2": {},
    })  # fmt: skip
    assert set(found) == {
        "packages/lib", "packages/lib/node_modules/b", "node_modules/a", "node_modules/b", "packages/lib2",
    }  # fmt: skip
    lib = found["packages/lib"]
    assert (lib.name, lib.version, lib.origin) == ("lib", "1.2.3", Origin.PATH)
    assert lib.requires == ("node_modules/a", "packages/lib/node_modules/b", "packages/lib2")
    assert found["node_modules/a"].requires == ("packages/lib",)
    assert found["node_modules/a"].is_direct
    assert not found["node_modules/b"].is_direct
    assert (found["packages/lib2"].name, found["packages/lib2"].version) == ("lib2", None)


@pytest.mark.parametrize(
    ("flags", "scope"),
    [
        ({}, Scope.RUNTIME), ({"dev": True}, Scope.DEV), ({"optional": True}, Scope.OPTIONAL),
        ({"devOptional": True}, Scope.OPTIONAL), ({"peer": True}, Scope.PEER),
        ({"dev": True, "optional": True}, Scope.DEV), ({"dev": False}, Scope.RUNTIME),
    ],
)  # fmt: skip
def test_what_it_is_for(flags: dict[str, bool], scope: Scope):
    assert installed(at={"node_modules/a": {"version": "1.0.0", **flags}})["node_modules/a"].scope is scope


@pytest.mark.parametrize(
    ("resolved", "origin", "url", "commit"),
    [
        (f"git+ssh://git@github.com/o/r.git#{SHA}", Origin.GIT, "git+ssh://git@github.com/o/r.git", SHA),
        ("file:../a.tgz", Origin.PATH, "file:../a.tgz", None),
        ("https://example.org/a.tgz", Origin.URL, "https://example.org/a.tgz", None),
        ("https://u:secret@example.org/a.tgz", Origin.URL, "https://example.org/a.tgz", None),
        (None, Origin.REGISTRY, None, None),
        (False, Origin.REGISTRY, None, None),
    ],
)
def test_where_it_comes_from(resolved: object, origin: Origin, url: str | None, commit: str | None):
    found = installed(at={"node_modules/a": {"version": "1.0.0", "resolved": resolved}})["node_modules/a"]
    assert (found.origin, found.resolved, found.commit, found.version) == (origin, url, commit, "1.0.0")
    assert "secret" not in found.purl


def test_the_tree_of_version_1():
    found = tree({
        "a": {"version": "1.0.0", "requires": {"b": "^2.0.0", "c": "*"}, "dependencies": {"b": {"version": "2.0.0"}}},
        "b": {"version": "1.0.0", "dev": True},
        "c": {"version": f"git+https://example.org/c.git#{SHA}", "from": "git+https://example.org/c.git"},
        "d": {"version": "https://example.org/d.tgz", "integrity": False, "bundled": True},
        "e": {"version": "file:e"},
        "f": {"version": "https://npm.example.org/f/-/f-1.2.3-beta.1.tgz"},
        "g": {"version": f"github:o/g#{SHA}"},
    })  # fmt: skip
    assert found["node_modules/a"].requires == ("node_modules/a/node_modules/b", "node_modules/c")
    assert found["node_modules/a/node_modules/b"].place == "$.dependencies.a.dependencies.b"
    assert [found[f"node_modules/{name}"].version for name in "abcdefg"] == (
        ["1.0.0", "1.0.0", None, None, None, "1.2.3-beta.1", None]
    )
    assert [found[f"node_modules/{name}"].origin.value for name in "abcdefg"] == (
        ["registry", "registry", "git", "url", "path", "other-registry", "git"]
    )
    assert found["node_modules/c"].commit == found["node_modules/g"].commit == SHA
    assert found["node_modules/a"].is_direct is True
    assert found["node_modules/c"].is_direct is None


def test_before_npm_5_nothing_is_known_of_what_is_direct():
    document = {"dependencies": {"a": {"version": "1.0.0", "dependencies": {"b": {"version": "1.0.0"}}}}}
    found = inventory(document)
    assert found.version is None
    assert [package.is_direct for package in found.packages] == [None, None]
    assert found.packages[0].requires == ("node_modules/a/node_modules/b",)


def test_version_2_is_read_once():
    found = inventory({
        "lockfileVersion": 2, "packages": {"node_modules/a": {"version": "1.0.0"}},
        "dependencies": {"a": {"version": "1.0.0"}, "b": {"version": "1.0.0"}},
    })  # fmt: skip
    assert [package.name for package in found.packages] == ["a"]


def test_wrong_entries_are_faults_and_the_others_stand():
    found = inventory({
        "lockfileVersion": 3,
        "packages": {
            "node_modules/a": {"version": 5},
            "node_modules/b": [],
            "node_modules/c": {"version": "1.0.0\n"},
            "node_modules/d e": {"version": "1.0.0"},
            "node_modules/f": {"version": "1.0.0", "resolved": {}},
            "node_modules/g": {"version": "1.0.0", "dependencies": {"a": "1", "h": "1"}},
            "node_modules/h": {"version": "1.0.0", "dependencies": 7, "license": [5, "MIT"]},
        },
    })  # fmt: skip
    assert [package.name for package in found.packages] == ["g", "h"]
    assert found.packages[0].requires == ("node_modules/h",)
    assert found.packages[1].licences == ("MIT",)
    assert [(fault.place, fault.reason) for fault in found.faults] == [
        ("$.packages['node_modules/a']", "wrong-type"), ("$.packages['node_modules/b']", "wrong-type"),
        ("$.packages['node_modules/c']", "control-character"), ("$.packages['node_modules/d e']", "bad-name"),
        ("$.packages['node_modules/f']", "wrong-type"),
    ]  # fmt: skip


@pytest.mark.parametrize("document", [[], 5, None, {}, {"name": "x"}, {"packages": []}, {"dependencies": 5}])
def test_no_package_lock(document: object):
    with pytest.raises(BadRecord):
        inventory(document)


def test_a_lock_without_packages():
    assert inventory({"name": "x", "lockfileVersion": 1}).packages == ()
    assert inventory({"lockfileVersion": 3, "packages": {"": {}}}).packages == ()


def test_a_tree_that_is_too_deep():
    document: dict[str, Any] = {}
    for _ in range(300):
        document = {"dependencies": {"a": {"version": "1.0.0", **document}}}
    with pytest.raises(BadRecord) as raised:
        inventory(document)
    assert raised.value.reason == "too-deep"
