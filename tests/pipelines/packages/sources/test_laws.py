"""Whatever stands in a file, a reader gives an inventory or a BadRecord: laws for every format."""

import json
import re
from time import perf_counter
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.errors import BadRecord
from assay.pipelines.packages.model import Format, Inventory
from assay.pipelines.packages.sources import discover

MINE = (
    *("bun", "package-lock", "pdm", "pipfile", "pnpm", "poetry", "pylock", "requirements", "uv", "yarn"),
)  # fmt: skip
# Names that the formats know, so that random values reach their readers' inner parts.
WORDS = [
    *(
        "lockfileVersion",
        "packages",
        "dependencies",
        "requires",
        "version",
        "resolved",
        "integrity",
        "link",
        "name",
    ),
    *(
        "node_modules/a",
        "node_modules/a/node_modules/b",
        "",
        "importers",
        "snapshots",
        "resolution",
        "importers",
    ),
    *(
        "optionalDependencies",
        "peerDependencies",
        "devDependencies",
        "__metadata",
        "a@npm:^1",
        "workspaces",
        "checksum",
    ),
    *(
        "/a/1.0.0_b@2.0.0",
        "/a@1.0.0(b@2.0.0)",
        "a@1.0.0",
        "a",
        "b",
        "metadata",
        "package",
        "source",
        "files",
        "hash",
    ),
    *(
        "groups",
        "category",
        "lock-version",
        "lock_version",
        "default",
        "develop",
        "_meta",
        "sources",
        "url",
        "git",
    ),
    *(
        "vcs",
        "directory",
        "archive",
        "sdist",
        "wheels",
        "hashes",
        "index",
        "marker",
        "license",
        "dependenciesMeta",
    ),
    *(
        "type",
        "repo",
        "commit",
        "tarball",
        "manifest",
        "requirements",
        "optional-dependencies",
        "dev-dependencies",
    ),
    *(
        "path",
        "extras",
        "extra",
        "editable",
        "virtual",
        "registry",
        "revision",
        "bundled",
        "dev",
        "optional",
        ".",
    ),
    *(
        "1",
        "2.1",
        "1.0.0",
        "npm:b@1.0.0",
        "git+https://example.org/r.git#" + "a" * 40,
        "sha256:" + "b" * 64,
        "==1.0",
    ),
]
TEXT = st.sampled_from(WORDS) | st.text(st.characters(exclude_categories=("Cs",)), max_size=6)
SCALARS = st.none() | st.booleans() | st.integers(-3, 9) | st.floats(allow_nan=False) | TEXT
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=5),
    max_leaves=25,
)
DOCUMENTS = st.dictionaries(TEXT, VALUES, max_size=6) | VALUES
# A document with the right outside, so that the inside is looked at.
SHAPED = st.fixed_dictionaries(
    {},
    optional={
        "lockfileVersion": st.sampled_from([1, 2, 3, "6.0", "9.0"]),
        "packages": st.dictionaries(TEXT, VALUES, max_size=4) | st.lists(VALUES, max_size=3),
        "snapshots": st.dictionaries(TEXT, VALUES, max_size=4),
        "importers": st.dictionaries(TEXT, VALUES, max_size=3),
        "workspaces": st.dictionaries(TEXT, VALUES, max_size=3),
        "dependencies": st.dictionaries(TEXT, VALUES, max_size=4),
        "package": st.lists(st.dictionaries(TEXT, VALUES, max_size=5), max_size=4),
        "metadata": st.dictionaries(TEXT, VALUES, max_size=4),
        "default": st.dictionaries(TEXT, VALUES, max_size=4),
        "lock-version": st.just("1.0"),
        "version": st.just(1),
        "requires-python": st.just(">=3"),
        "__metadata": st.fixed_dictionaries({"version": st.just("8")}),
    },
)


def as_toml(value: Any) -> str:
    """A value in TOML's inline writing; what TOML has no word for becomes text."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {as_toml(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(as_toml(one) for one in value) + "]"
    return json.dumps("" if value is None else value).replace("\x7f", "\\u007F")


def check(form: Format, content: bytes) -> None:
    try:
        found = form.read("a/file", content)
    except BadRecord as bad:
        if re.fullmatch(r"[a-z-]+", bad.reason) and bad.detail:
            return
        raise
    keys = [package.key for package in found.packages]
    assert len(set(keys)) == len(keys)
    assert all(set(package.requires) <= set(keys) for package in found.packages)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Inventory) == found


QUICK = settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@pytest.mark.parametrize("name", MINE)
@QUICK
@given(value=DOCUMENTS | SHAPED)
def test_any_document_gives_an_inventory_or_a_bad_record(name: str, value: Any):
    form = discover()[name]
    check(form, json.dumps(value).encode())
    check(form, yaml.dump(value, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper)).encode())
    if isinstance(value, dict):
        top = "\n".join(f"{json.dumps(key)} = {as_toml(one)}" for key, one in value.items())
        check(form, top.encode())


@pytest.mark.parametrize("name", MINE)
@QUICK
@given(
    lines=st.lists(
        st.lists(TEXT | st.sampled_from([" ", "  ", ":", "@", "==", "#", "-r", "\\", ";"])), max_size=8
    )
)
def test_any_text_gives_an_inventory_or_a_bad_record(name: str, lines: list[list[str]]):
    check(discover()[name], "\n".join("".join(line) for line in lines).encode())


@pytest.mark.parametrize("name", MINE)
@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe\x00",
        b"\0" * 100,
        b"[" * 100_000,
        b"{" * 100_000,
        b"- " * 50_000,
        b"a." * 100_000 + b"a = 1",
        b"a==1\n<<<<<<< HEAD\nb==1\n=======\nb==2\n>>>>>>> x\n",
    ],
    ids=["half-utf16", "nul", "brackets", "braces", "dashes", "dots", "merge"],
)
def test_bombs_and_broken_files_are_bad_records(name: str, content: bytes):
    with pytest.raises(BadRecord):
        discover()[name].read("a/file", content)


@pytest.mark.parametrize("name", MINE)
def test_an_unresolved_merge_says_so(name: str):
    with pytest.raises(BadRecord) as raised:
        discover()[name].read("f", b"a\n<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> x\n")
    assert (raised.value.reason, raised.value.detail[:7]) == ("merge-conflict", "line 2:")


@pytest.mark.parametrize("name", [one for one in MINE if one not in {"yarn", "pnpm", "requirements"}])
def test_an_empty_file_is_no_lock_file(name: str):
    with pytest.raises(BadRecord):
        discover()[name].read("f", b"")


@pytest.mark.parametrize("name", ["yarn", "requirements"])
def test_an_empty_file_that_is_one(name: str):
    assert discover()[name].read("f", b"").packages == ()


def many(name: str) -> bytes:
    """A file of a format with very many packages of one name, each of which requires that name."""
    count = 3_000
    rows = [(f"1.0.{number}", f"{number}") for number in range(count)]
    if name == "poetry":
        body = "".join(
            f'[[package]]\nname="a"\nversion="{v}"\n[package.dependencies]\na="*"\n' for v, _ in rows
        )
        return f'{body}[metadata]\nlock-version="2.1"\n'.encode()
    if name == "pdm":
        body = "".join(f'[[package]]\nname="a"\nversion="{v}"\ndependencies=["a"]\n' for v, _ in rows)
        return f'[metadata]\nlock_version="4.5"\n{body}'.encode()
    if name == "uv":
        body = "".join(
            f'[[package]]\nname="a"\nversion="{v}"\ndependencies=[{{name="a"}}]\n' for v, _ in rows
        )
        return f'version=1\nrequires-python=">=3"\n{body}'.encode()
    if name == "requirements":
        return "".join(f"a=={v} # via a, x{n}\n" for v, n in rows).encode()
    deep = "node_modules/a/" * 20_000 + "node_modules/a"
    wanted = {f"x{n}": "*" for _, n in rows}
    if name == "bun":
        entry = ["a@1.0.0", "", {"dependencies": wanted}, ""]
        return json.dumps({"lockfileVersion": 1, "packages": {"a/" * 20_000 + "a": entry}}).encode()
    entries = {deep: {"version": "1.0.0", "dependencies": wanted}}
    return json.dumps({"lockfileVersion": 3, "packages": entries}).encode()


@pytest.mark.parametrize("name", ["bun", "package-lock", "pdm", "poetry", "requirements", "uv"])
def test_the_time_does_not_grow_with_the_square(name: str):
    content = many(name)
    start = perf_counter()
    found = discover()[name].read("f", content)
    assert perf_counter() - start < 5
    assert sum(len(package.requires) for package in found.packages) <= 25 * len(found.packages)
