"""Files, folders and package URLs, as people name them; every one that cannot be read is told."""

import json
import os

import pytest

from assay.pipelines.packages.commands.reading import Limits, collect
from assay.pipelines.packages.model import Origin

LOCK = {
    "name": "web",
    "lockfileVersion": 3,
    "packages": {
        "": {"name": "web", "dependencies": {"left-pad": "^1.0.0"}},
        "node_modules/left-pad": {"version": "1.0.0"},
    },
}


def a_lock(path, **changed):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(LOCK | changed))
    return path


def read(found):
    return {path: [package.name for package in inventory.packages] for path, inventory in found.inventories}


def refused(found):
    return [(entry.path, entry.reason) for entry in found.unreadable]


def test_a_tree_is_searched_for_known_names(tmp_path):
    a_lock(tmp_path / "web" / "package-lock.json")
    a_lock(tmp_path / "web" / "node_modules" / "x" / "package-lock.json")
    (tmp_path / "web" / "readme.txt").write_text("no lock")
    found = collect([str(tmp_path)])
    assert read(found) == {str(tmp_path / "web" / "package-lock.json"): ["left-pad"]}
    assert refused(found) == []
    everything = collect([str(tmp_path)], limits=Limits(skip=frozenset()))
    assert len(everything.inventories) == 2


def test_a_file_named_twice_is_read_once(tmp_path):
    path = a_lock(tmp_path / "package-lock.json")
    found = collect([str(path), str(tmp_path), os.path.relpath(path)])
    assert len(found.inventories) == 1


def test_a_file_that_a_person_names_is_recognised_by_its_content(tmp_path):
    path = a_lock(tmp_path / "copy-of-lock.txt")
    assert read(collect([str(path)])) == {str(path): ["left-pad"]}
    (tmp_path / "what").write_bytes(b"\x00\x01")
    assert refused(collect([str(tmp_path / "what")])) == [(str(tmp_path / "what"), "unknown-format")]
    assert read(collect([str(path)], format_name="package-lock")) == {str(path): ["left-pad"]}


def test_what_cannot_be_read_is_told_and_the_others_go_on(tmp_path):
    good = a_lock(tmp_path / "a" / "package-lock.json")
    bad = tmp_path / "b" / "package-lock.json"
    bad.parent.mkdir()
    bad.write_text("{")
    os.mkfifo(tmp_path / "pipe")
    found = collect([str(tmp_path), str(tmp_path / "none"), str(tmp_path / "pipe")])
    assert list(read(found)) == [str(good)]
    assert refused(found) == [
        (str(bad), "not-json"),
        (str(tmp_path / "none"), "unreadable"),
        (str(tmp_path / "pipe"), "not-a-file"),
    ]


def test_limits_are_told(tmp_path):
    for name in "abc":
        a_lock(tmp_path / name / "package-lock.json")
    found = collect([str(tmp_path)], limits=Limits(most_files=2))
    assert len(found.inventories) == 2
    assert refused(found) == [(str(tmp_path), "too-many-files")]
    small = collect([str(tmp_path / "a")], limits=Limits(most_bytes=10))
    assert refused(small) == [(str(tmp_path / "a" / "package-lock.json"), "too-large")]


def test_standard_input_is_read_as_it_is_called_or_begins(tmp_path):
    content = json.dumps(LOCK).encode()
    assert read(collect(["-"], standard_input=content, format_name="package-lock")) == {"-": ["left-pad"]}
    assert read(collect(["-"], standard_input=content, format_name="package-lock.json")) == {
        "-": ["left-pad"]
    }
    assert read(collect(["-"], standard_input=content)) == {"-": ["left-pad"]}
    assert refused(collect(["-"], standard_input=b"")) == [("-", "unknown-format")]


def test_package_urls_are_packages_of_their_own():
    found = collect(
        ["pkg:npm/%40scope/name@1.2.3", "pkg:pypi/Flask@2", "pkg:npm/x", "pkg:github/a/b@v1", "pkg:"]
    )
    [(path, inventory)] = found.inventories
    assert path == "purl"
    assert [(p.ecosystem, p.name, p.version) for p in inventory.packages] == [
        ("npm", "@scope/name", "1.2.3"),
        ("PyPI", "Flask", "2"),
        ("npm", "x", None),
        (None, "b", "v1"),
    ]
    assert {p.origin for p in inventory.packages} == {Origin.REGISTRY}
    assert refused(found) == [("pkg:", "not-a-purl")]


def test_links_out_of_the_tree_are_not_followed(tmp_path):
    a_lock(tmp_path / "secret" / "package-lock.json")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "package-lock.json").symlink_to(tmp_path / "secret" / "package-lock.json")
    (tmp_path / "tree" / "sub").symlink_to(tmp_path / "secret", target_is_directory=True)
    assert collect([str(tmp_path / "tree")]).inventories == []
    # A link that a person names is what they mean.
    assert len(collect([str(tmp_path / "tree" / "package-lock.json")]).inventories) == 1


@pytest.mark.parametrize("target", ["a\x00b", "x" * 5000, "a/" * 3000])
def test_a_path_that_is_none_is_told(target):
    assert [entry.reason for entry in collect([target]).unreadable] == ["unreadable"]
