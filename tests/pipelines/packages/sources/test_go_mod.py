"""go.mod: blocks, marks, replacements, and the Go release that the file asks for."""

import pytest

from assay.errors import BadRecord
from assay.pipelines.packages.model import Inventory, Origin, Package
from assay.pipelines.packages.sources.go_mod import FORMAT


def read(content: str) -> Inventory:
    return FORMAT.read("go.mod", content.encode())


def by_name(inventory: Inventory) -> dict[str, Package]:
    return {package.name: package for package in inventory.packages}


def test_blocks_single_lines_comments_and_quotes():
    packages = by_name(
        read("""\
module example.org/app // the program

require example.org/a v1.0.0
require (
	// a note
	example.org/b/v2 v2.1.0+incompatible // indirect
	"example.org/c" v0.0.0-20200101000000-abcdefabcdef // indirect; for tools
	example.org/d v1.0.0 // indirectly needed
	`example.org/e` v1.0.0 //indirect
)
exclude example.org/a v1.0.1
retract [v1.0.0, v1.1.0] // broken
""")
    )
    assert {name: package.is_direct for name, package in packages.items()} == {
        "example.org/a": True,
        "example.org/b/v2": False,
        "example.org/c": False,
        "example.org/d": True,
        "example.org/e": True,
    }
    assert packages["example.org/b/v2"].place == "line 6"
    assert packages["example.org/b/v2"].purl == "pkg:golang/example.org/b/v2@v2.1.0%2Bincompatible"


def test_replacements_by_module_version_and_folder():
    packages = {
        package.key: package
        for package in read("""\
module example.org/app
require (
	example.org/a v1.0.0
	example.org/b v1.0.0
	example.org/c v1.0.0
	example.org/d v1.0.0
)
replace example.org/a => example.org/fork/a v1.5.0
replace (
	example.org/b v1.0.0 => example.org/b v1.0.9
	example.org/b => example.org/b v3.0.0
	example.org/c => ../c
	example.org/d v9.9.9 => example.org/d v9.9.10
)
""").packages
    }
    fork = packages["example.org/a@v1.0.0"]
    assert (fork.name, fork.version, fork.alias) == ("example.org/fork/a", "v1.5.0", "example.org/a")
    assert packages["example.org/b@v1.0.0"].version == "v1.0.9"
    assert packages["example.org/b@v1.0.0"].alias is None
    local = packages["example.org/c@v1.0.0"]
    assert (local.origin, local.version, local.resolved) == (Origin.PATH, None, "../c")
    assert packages["example.org/d@v1.0.0"].version == "v1.0.0"


@pytest.mark.parametrize(
    ("lines", "version"),
    [
        ("go 1.20", None),  # a version of the language, not of the toolchain
        ("go 1.21", "1.21.0"),
        ("go 1.22.3", "1.22.3"),
        ("go 1.21\ntoolchain go1.22.5", "1.22.5"),
        ("go 1.23.0\ntoolchain go1.22.5", "1.23.0"),
        ("go 1.19\ntoolchain go1.22.5-custom", "1.22.5"),
        ("go 1.24rc1", "1.24.0-rc.1"),
        ("go 1.24rc1\ntoolchain go1.24.0", "1.24.0"),
        ("go 1.21\ntoolchain default", "1.21.0"),
        (f"go 1.{'9' * 5000}", None),
    ],
)
def test_the_standard_library(lines: str, version: str | None):
    found = by_name(read(f"module example.org/app\n{lines}\n"))
    assert ("stdlib" in found) == (version is not None)
    if version is not None:
        assert found["stdlib"].version == version


def test_wrong_lines_are_named_and_the_others_stand():
    found = read("""\
module example.org/app
require example.org/a
require example.org/b v1.0.0
frobnicate x
replace example.org/b v1.0.0 example.org/c
require "example.org/d v1.0.0
""")
    assert [package.name for package in found.packages] == ["example.org/b"]
    assert sorted(fault.place for fault in found.faults) == ["line 2", "line 4", "line 5", "line 6"]


@pytest.mark.parametrize("content", ["", "hello\n", "// only a comment\n", "exclude a v1\n"])
def test_what_is_no_go_mod(content: str):
    with pytest.raises(BadRecord) as bad:
        read(content)
    assert bad.value.reason == "not-go-mod"
