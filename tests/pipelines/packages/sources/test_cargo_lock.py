"""Cargo.lock: versions 1 to 4, sources, and dependencies named as shortly as the lock allows."""

import pytest

from assay.errors import BadRecord
from assay.pipelines.packages.model import Inventory, Origin, Package
from assay.pipelines.packages.sources.cargo_lock import FORMAT

REGISTRY = "registry+https://github.com/rust-lang/crates.io-index"
SHA256 = "00" * 32
SRI = f"sha256-{'A' * 43}="


def read(content: str) -> Inventory:
    return FORMAT.read("Cargo.lock", content.encode())


def by_key(inventory: Inventory) -> dict[str, Package]:
    return {package.key: package for package in inventory.packages}


def test_a_workspace_its_registry_crates_and_their_edges():
    found = read(f"""\
version = 4

[[package]]
name = "app"
version = "0.1.0"
dependencies = ["serde"]

[[package]]
name = "serde"
version = "1.0.1"
source = "{REGISTRY}"
checksum = "{SHA256}"
dependencies = ["serde_derive"]

[[package]]
name = "serde_derive"
version = "1.0.1"
source = "sparse+https://index.crates.io/"
""")
    packages = by_key(found)
    assert found.version == "4"
    assert found.faults == ()
    app, serde, derive = packages["app@0.1.0"], packages["serde@1.0.1"], packages["serde_derive@1.0.1"]
    assert (app.origin, app.is_direct, app.requires) == (Origin.PATH, None, ("serde@1.0.1",))
    assert (serde.origin, serde.is_direct, serde.place) == (Origin.REGISTRY, True, "line 8")
    assert serde.integrity == (SRI,)
    assert serde.purl == "pkg:cargo/serde@1.0.1"
    assert (derive.origin, derive.is_direct) == (Origin.REGISTRY, False)


def test_version_1_has_a_root_and_checksums_in_a_table():
    found = read(f"""\
[root]
name = "app"
version = "0.1.0"
dependencies = ["libc 0.2.0 ({REGISTRY})", "mine 1.0.0 (git+https://git.example.org/mine)"]

[[package]]
name = "libc"
version = "0.2.0"
source = "{REGISTRY}"

[[package]]
name = "mine"
version = "1.0.0"
source = "git+https://git.example.org/mine#0123456789abcdef0123456789abcdef01234567"

[metadata]
"checksum libc 0.2.0 ({REGISTRY})" = "{SHA256}"
"checksum mine 1.0.0 (git+https://git.example.org/mine)" = "<none>"
""")
    packages = by_key(found)
    assert found.version == "1"
    assert packages["app@0.1.0"].place == "$.root"
    assert packages["app@0.1.0"].requires == ("libc@0.2.0", "mine@1.0.0")
    assert packages["libc@0.2.0"].integrity == (SRI,)
    mine = packages["mine@1.0.0"]
    assert (mine.origin, mine.commit) == (Origin.GIT, "0123456789abcdef0123456789abcdef01234567")
    assert mine.resolved == "https://git.example.org/mine"
    assert mine.integrity == ()


def test_two_versions_and_two_sources_of_one_name():
    other = "registry+https://crates.example.org/index"
    found = read(f"""\
version = 3
[[package]]
name = "app"
version = "0.1.0"
dependencies = ["rand 0.7.0", "twin 1.0.0 ({other})", "twin 1.0.0 ({REGISTRY})", "rand", "gone"]
[[package]]
name = "rand"
version = "0.7.0"
source = "{REGISTRY}"
[[package]]
name = "rand"
version = "0.8.0"
source = "{REGISTRY}"
[[package]]
name = "twin"
version = "1.0.0"
source = "{REGISTRY}"
[[package]]
name = "twin"
version = "1.0.0"
source = "{other}"
""")
    packages = by_key(found)
    # `rand` alone means neither of the two, and `gone` is not in the lock.
    assert packages["app@0.1.0"].requires == (
        "rand@0.7.0",
        f"twin@1.0.0 ({other})",
        f"twin@1.0.0 ({REGISTRY})",
    )
    twin = packages[f"twin@1.0.0 ({other})"]
    assert twin.origin is Origin.OTHER_REGISTRY
    assert twin.resolved == "https://crates.example.org/index"
    assert twin.purl == "pkg:cargo/twin@1.0.0?repository_url=https://crates.example.org/index"


def test_a_wrong_entry_is_named_and_the_others_stand():
    found = read(f"""\
version = 4
[[package]]
name = "half"
[[package]]
name = "whole"
version = "1.0.0"
source = "{REGISTRY}"
""")
    assert [package.name for package in found.packages] == ["whole"]
    assert [(fault.place, fault.reason) for fault in found.faults] == [("line 2", "wrong-type")]


def test_places_are_paths_where_the_lines_are_not_plain():
    found = read('version = 4\npackage = [{ name = "a", version = "1.0.0" }]\n')
    assert [package.place for package in found.packages] == ["$.package[0]"]


def test_an_empty_workspace_is_a_lock_and_a_manifest_is_not():
    assert read("version = 4\n").packages == ()
    with pytest.raises(BadRecord) as bad:
        read('[package]\nname = "app"\n')
    assert bad.value.reason == "wrong-type"
    with pytest.raises(BadRecord) as bad:
        read('[dependencies]\nserde = "1"\n')
    assert bad.value.reason == "no-packages"
