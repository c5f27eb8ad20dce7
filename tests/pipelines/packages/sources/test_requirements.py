"""requirements.txt: pins, hashes, markers, extras, includes, addresses, continuations, and what comments tell."""

import pytest

from assay.errors import BadRecord
from assay.pipelines.packages.model import Inventory, Origin, Package
from assay.pipelines.packages.sources.requirements import read

SHA = "0123456789abcdef0123456789abcdef01234567"
HEX = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
SRI = "sha256-n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="


def inventory(text: str) -> Inventory:
    return read("requirements.txt", text.encode())


def packages(text: str) -> list[Package]:
    found = inventory(text)
    assert found.faults == ()
    return list(found.packages)


@pytest.mark.parametrize(
    ("line", "name", "version"),
    [
        ("Flask==2.0", "Flask", "2.0"),
        ("flask === 2.0+local # why", "flask", "2.0+local"),
        ("flask==2.*", "flask", None),
        ("flask>=2.0,==2.1", "flask", "2.1"),
        ("flask[async,dotenv]==2.0 ; python_version < '3'", "flask", "2.0"),
        ("flask~=2.0", "flask", None),
        ("flask", "flask", None),
        ("flask (==2.0)", "flask", "2.0"),
        ("flask==2.0 --config-settings x=y", "flask", "2.0"),
        ("'flask==2.0'", "flask", "2.0"),
    ],
)
def test_only_an_exact_version_is_pinned(line: str, name: str, version: str | None):
    (package,) = packages(line + "\n")
    assert (package.name, package.version, package.place) == (name, version, "line 1")


@pytest.mark.parametrize(
    ("line", "name", "origin", "resolved", "commit"),
    [
        (f"-e git+https://example.org/o/foo.git@{SHA}#egg=Foo&subdirectory=x", "Foo", "git",
         "git+https://example.org/o/foo.git", SHA),
        ("git+https://example.org/o/foo.git@main", "foo", "git", "git+https://example.org/o/foo.git", None),
        ("git+ssh://git@example.org/o/foo.git", "foo", "git", "git+ssh://git@example.org/o/foo.git", None),
        (f"foo @ git+https://u:secret@example.org/o/r@{SHA}", "foo", "git", "git+https://example.org/o/r", SHA),
        ("https://example.org/foo_bar-1.0-py3-none-any.whl", "foo_bar", "url",
         "https://example.org/foo_bar-1.0-py3-none-any.whl", None),
        ("foo[x] @ https://example.org/a.zip ; os_name == 'nt'", "foo", "url", "https://example.org/a.zip", None),
        ("./libs/foo[extra]", "foo", "path", "./libs/foo", None),
        ("foo-1.0.tar.gz", "foo", "path", "foo-1.0.tar.gz", None),
        ("--editable=../foo", "foo", "path", "../foo", None),
        ("file:///srv/foo", "foo", "path", "file:///srv/foo", None),
    ],
)  # fmt: skip
def test_addresses(line: str, name: str, origin: str, resolved: str, commit: str | None):
    (package,) = packages(line)
    assert (package.name, package.origin.value, package.resolved, package.commit) == (
        name,
        origin,
        resolved,
        commit,
    )
    assert package.version is None
    assert "secret" not in package.purl


def test_hashes_over_several_lines_and_utf_16():
    text = f"\n# comment \\\nflask==2.0 \\\n    --hash=sha256:{HEX} \\\n    --hash sha256:{HEX}\nb==1"
    for content in (
        text.encode(),
        text.encode("utf-16"),
        b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode(),
    ):
        first, second = read("r.txt", content).packages
        assert (first.name, first.place, first.integrity) == ("flask", "line 3", (SRI,))
        assert (second.name, second.place) == ("b", "line 6")


def test_includes_and_options():
    found = inventory(
        "-r base.txt\n--requirement=../dev.txt\n-c constraints.txt\n-rbase.txt\n-i https://u:p@index.example.org/simple\n"
        "--extra-index-url https://x.example.org\n--no-binary :all:\n-r https://example.org/r.txt\n-e .\na==1\n"
    )
    assert found.includes == ("base.txt", "../dev.txt", "constraints.txt")
    assert [(fault.place, fault.reason) for fault in found.faults] == [("line 8", "remote-include")]
    (package,) = found.packages
    assert (package.origin, package.purl) == (
        Origin.OTHER_REGISTRY, "pkg:pypi/a@1?repository_url=https://index.example.org/simple",
    )  # fmt: skip


def test_what_pip_compile_says():
    a, b, c = packages(
        "a==1\n    # via -r in.txt\nB.x[y]==2\n    # via\n    #   a\n    #   c\nc==3  # via b-x\n"
    )
    assert (a.is_direct, b.is_direct, c.is_direct) == (True, False, False)
    assert (a.requires, b.requires, c.requires) == ((b.key,), (c.key,), (b.key,))


def test_what_old_pip_compile_says():
    a, b = packages("a==1\nb==2   # via a, x\n")
    assert (a.is_direct, b.is_direct) == (True, None)
    assert a.requires == (b.key,)
    assert [package.is_direct for package in packages("a==1\nb==2 # a remark\n")] == [None, None]


def test_one_package_with_two_markers():
    found = packages("a==1 ; python_version < '3'\na==2 ; python_version >= '3'\na==2 ; os_name == 'nt'\n")
    assert [package.key for package in found] == ["a@1", "a@2", "a@2#2"]


def test_lines_that_ask_for_nothing():
    found = inventory("a==1\nnot a package\n-e\nb==\n")
    assert [package.name for package in found.packages] == ["a"]
    assert [(fault.place, fault.reason) for fault in found.faults] == [
        ("line 2", "not-a-requirement"), ("line 3", "not-a-requirement"), ("line 4", "not-a-requirement"),
    ]  # fmt: skip
    with pytest.raises(BadRecord) as raised:
        inventory("This is no file of pip's.\n")
    assert raised.value.reason == "not-this-format"


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n"])
def test_nothing_is_asked_for(text: str):
    assert inventory(text) == Inventory(format="requirements")
