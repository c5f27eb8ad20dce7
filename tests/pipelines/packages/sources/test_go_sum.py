"""go.sum: what was downloaded, not what was only looked at."""

import pytest

from assay.errors import BadRecord
from assay.pipelines.packages.sources.go_sum import FORMAT


def test_a_line_for_go_mod_alone_is_no_package():
    found = FORMAT.read(
        "go.sum",
        b"example.org/a v1.0.0 h1:AAAA=\n"
        b"example.org/a v1.0.0/go.mod h1:BBBB=\n"
        b"example.org/b v1.0.0/go.mod h1:CCCC=\n"
        b"example.org/a v1.0.0 h2:DDDD=\n"
        b"example.org/a v1.1.0 h1:EEEE=\n",
    )
    assert [(package.key, package.integrity, package.place) for package in found.packages] == [
        ("example.org/a@v1.0.0", ("h1:AAAA=", "h2:DDDD="), "line 1"),
        ("example.org/a@v1.1.0", ("h1:EEEE=",), "line 5"),
    ]
    assert all(package.is_direct is None for package in found.packages)


def test_wrong_lines_are_named_and_an_empty_file_is_a_go_sum():
    found = FORMAT.read("go.sum", b"example.org/a v1.0.0 h1:AAAA=\nexample.org/b v1.0.0\n")
    assert [(fault.place, fault.reason) for fault in found.faults] == [("line 2", "not-a-checksum")]
    assert FORMAT.read("go.sum", b"").packages == ()
    with pytest.raises(BadRecord) as bad:
        FORMAT.read("go.sum", b"hello\n")
    assert bad.value.reason == "not-go-sum"
