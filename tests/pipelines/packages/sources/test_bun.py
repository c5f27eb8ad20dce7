"""bun.lock: comments and trailing commas, paths of names, workspaces, aliases, git, and other origins."""

import pytest

from assay.errors import BadRecord
from assay.pipelines.packages.model import Inventory, Origin, Package, Scope
from assay.pipelines.packages.sources.bun import read

SHA = "0123456789abcdef0123456789abcdef01234567"


def inventory(text: str) -> Inventory:
    return read("bun.lock", text.encode())


def packages(text: str) -> dict[str, Package]:
    found = inventory(text)
    assert found.faults == ()
    return {package.key: package for package in found.packages}


def test_a_lock():
    found = packages(f"""
// comment
{{
  "lockfileVersion": 1, /* another " comment */
  "workspaces": {{
    "": {{
      "name": "app",
      "dependencies": {{ "a": "^1.0.0", "x": "npm:@real/y@1", "lib": "workspace:*", }},
      "devDependencies": {{ "d": "1", }},
      "optionalDependencies": {{ "o": "1" }},
      "peerDependencies": {{ "p": "1" }},
    }},
    "packages/lib": {{ "name": "lib", "dependencies": {{ "b": "2" }}, }},
  }},
  "packages": {{
    "a": ["a@1.0.0", "", {{ "dependencies": {{ "b": "1", "//c": "," }} }}, "sha512-AA=="],
    "b": ["b@1.0.0", "https://npm.example.org/", {{}}, "sha512-BB=="],
    "lib": ["lib@workspace:packages/lib"],
    "lib/b": ["b@2.0.0", "", {{ "dependencies": {{ "@s/c": "1", }}, }}, "sha512-CC=="],
    "lib/b/@s/c": ["@s/c@1.0.0", "", {{ "dependencies": {{ "b": "*" }} }}, "sha512-DD=="],
    "x": ["@real/y@1.2.3", "", {{}}, "sha512-EE=="],
    "d": ["d@github:o/d#0123456", {{}}, "o-d-{SHA}"],
    "o": ["o@https://example.org/o.tgz", {{}}, "sha512-FF=="],
    "p": ["p@git+https://example.org/p.git#{SHA}", {{}}, "{SHA}"],
    "f": ["f@file:./f", {{}}],
    "app": ["app@root:", {{}}],
  }},
}}
""")
    assert found["a"] == Package(
        key="a", ecosystem="npm", name="a", version="1.0.0", purl="pkg:npm/a@1.0.0", place="$.packages.a",
        is_direct=True, integrity=("sha512-AA==",), requires=("b",),
    )  # fmt: skip
    assert (found["b"].origin, found["b"].is_direct) == (Origin.OTHER_REGISTRY, False)
    assert (found["lib"].origin, found["lib"].requires) == (Origin.PATH, ("lib/b",))
    assert found["lib/b"].is_direct
    assert found["lib/b"].requires == ("lib/b/@s/c",)
    assert found["lib/b/@s/c"].requires == ("lib/b",)
    assert (found["x"].name, found["x"].alias) == ("@real/y", "x")
    assert (found["d"].origin, found["d"].version, found["d"].scope) == (Origin.GIT, None, Scope.DEV)
    assert (found["o"].origin, found["o"].scope, found["o"].integrity) == (
        Origin.URL,
        Scope.OPTIONAL,
        ("sha512-FF==",),
    )
    assert (found["p"].commit, found["p"].scope) == (SHA, Scope.PEER)
    assert found["f"].origin is Origin.PATH
    assert "app" not in found


def test_strings_keep_what_looks_like_a_comment():
    found = packages(
        '{"lockfileVersion": 0, "packages": {"a": ["a@https://example.org/a.tgz", {"x": ",]//"}]}}'
    )
    assert found["a"].resolved == "https://example.org/a.tgz"


def test_wrong_entries_are_faults():
    found = inventory(
        '{"lockfileVersion": 1, "packages": {"a": 5, "b": [], "c": [7], "d": ["d@1.0.0"], "e": ["e"], '
        '"f f": ["f f@1.0.0"]}}'
    )
    assert [package.name for package in found.packages] == ["d"]
    assert [(fault.place, fault.reason) for fault in found.faults] == [
        ("$.packages.a", "wrong-type"), ("$.packages.b", "wrong-type"), ("$.packages.c", "wrong-type"),
        ("$.packages.e", "no-version"), ("$.packages['f f']", "bad-name"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"a": }', '{"packages": []}', "/*", '{"lockfileVersion": "']
)
def test_no_bun_lock(text: str):
    with pytest.raises(BadRecord):
        inventory(text)
