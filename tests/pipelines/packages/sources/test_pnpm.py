"""pnpm-lock.yaml of every version: dependency paths, peers, aliases, git, links, several projects."""

import pytest

from assay.errors import BadRecord
from assay.pipelines.packages.model import Inventory, Origin, Package, Scope
from assay.pipelines.packages.sources.pnpm import read

SHA = "0123456789abcdef0123456789abcdef01234567"


def inventory(text: str) -> Inventory:
    return read("pnpm-lock.yaml", text.encode())


def packages(text: str) -> dict[str, Package]:
    found = inventory(text)
    assert found.faults == ()
    return {package.key: package for package in found.packages}


def test_version_5():
    found = packages(f"""
lockfileVersion: 5.4
specifiers:
  a: ^1.0.0
dependencies:
  a: 1.0.0_p@2.0.0
  alias: /@real/y/1.2.3
devDependencies:
  g: github.com/o/g/{SHA}
  lib: link:../lib
packages:
  /a/1.0.0_p@2.0.0:
    resolution: {{integrity: sha512-AA==}}
    dependencies:
      '@s/b': 1.0.0-beta.1_abc
      p: 2.0.0
    optionalDependencies:
      o: 1.0.0
    dev: false
  /@s/b/1.0.0-beta.1_abc:
    resolution: {{integrity: sha512-BB==}}
    dev: false
  /p/2.0.0:
    resolution: {{integrity: sha512-CC==, tarball: 'https://npm.example.org/p/-/p-2.0.0.tgz'}}
  /o/1.0.0:
    resolution: {{integrity: sha512-DD==}}
    dev: false
    optional: true
  /@real/y/1.2.3:
    resolution: {{integrity: sha512-EE==}}
    dev: false
  github.com/o/g/{SHA}:
    resolution: {{tarball: 'https://codeload.github.com/o/g/tar.gz/{SHA}'}}
    name: g
    version: 3.0.0
    dev: true
  npm.example.org/q/1.0.0:
    resolution: {{integrity: sha512-FF==, registry: 'https://npm.example.org/', tarball: q/-/q-1.0.0.tgz}}
    dev: true
""")
    a = found["/a/1.0.0_p@2.0.0"]
    assert (a.name, a.version, a.integrity, a.place, a.is_direct) == (
        "a", "1.0.0", ("sha512-AA==",), "line 12", True,
    )  # fmt: skip
    assert a.requires == ("/@s/b/1.0.0-beta.1_abc", "/p/2.0.0", "/o/1.0.0")
    assert (found["/@s/b/1.0.0-beta.1_abc"].name, found["/@s/b/1.0.0-beta.1_abc"].version) == (
        "@s/b",
        "1.0.0-beta.1",
    )
    assert (found["/p/2.0.0"].origin, found["/p/2.0.0"].is_direct) == (Origin.OTHER_REGISTRY, False)
    assert found["/o/1.0.0"].scope is Scope.OPTIONAL
    assert found["/@real/y/1.2.3"].is_direct
    git = found[f"github.com/o/g/{SHA}"]
    assert (git.name, git.version, git.origin, git.commit, git.scope) == (
        "g",
        "3.0.0",
        Origin.GIT,
        SHA,
        Scope.DEV,
    )
    assert found["npm.example.org/q/1.0.0"].name == "q"


def test_version_6_with_several_projects():
    found = packages("""
lockfileVersion: '6.0'
importers:
  .:
    dependencies:
      a:
        specifier: ^1.0.0
        version: 1.0.0(@s/p@2.0.0)(q@1.0.0)
  packages/x:
    devDependencies:
      alias:
        specifier: npm:@s/p@2
        version: /@s/p@2.0.0
packages:
  /a@1.0.0(@s/p@2.0.0)(q@1.0.0):
    resolution: {integrity: sha512-AA==}
    dependencies:
      '@s/p': 2.0.0
    dev: false
  /@s/p@2.0.0:
    resolution: {integrity: sha512-BB==}
  file:../local(q@1.0.0):
    resolution: {directory: ../local, type: directory}
    name: local
    dev: false
""")
    assert [(package.name, package.version, package.is_direct) for package in found.values()] == [
        ("a", "1.0.0", True), ("@s/p", "2.0.0", True), ("local", None, False),
    ]  # fmt: skip
    assert found["/a@1.0.0(@s/p@2.0.0)(q@1.0.0)"].requires == ("/@s/p@2.0.0",)
    assert found["/@s/p@2.0.0"].scope is Scope.RUNTIME
    assert found["file:../local(q@1.0.0)"].origin is Origin.PATH


def test_version_9():
    found = packages(f"""
lockfileVersion: '9.0'
importers:
  .:
    dependencies:
      a:
        specifier: 'catalog:'
        version: 1.0.0(p@2.0.0)
    devDependencies:
      d:
        specifier: ^1.0.0
        version: 1.0.0
      g:
        specifier: o/g
        version: https://codeload.github.com/o/g/tar.gz/{SHA}
      lib:
        specifier: workspace:*
        version: link:packages/lib
packages:
  a@1.0.0:
    resolution: {{integrity: sha512-AA==}}
    engines: {{node: '>=8'}}
  d@1.0.0:
    resolution: {{integrity: sha512-BB==}}
  p@2.0.0:
    resolution: {{integrity: sha512-CC==}}
  g@https://codeload.github.com/o/g/tar.gz/{SHA}:
    resolution: {{tarball: https://codeload.github.com/o/g/tar.gz/{SHA}}}
    version: 0.5.0
  v@git+https://example.org/v.git#{SHA}:
    resolution: {{type: git, repo: https://example.org/v.git, commit: {SHA}}}
    version: 0.6.0
snapshots:
  a@1.0.0(p@2.0.0):
    dependencies:
      p: 2.0.0
    optionalDependencies:
      alias: d@1.0.0
  d@1.0.0: {{}}
  p@2.0.0: {{}}
  g@https://codeload.github.com/o/g/tar.gz/{SHA}: {{}}
  v@git+https://example.org/v.git#{SHA}: {{}}
""")
    a = found["a@1.0.0(p@2.0.0)"]
    assert (a.name, a.version, a.integrity, a.requires) == (
        "a",
        "1.0.0",
        ("sha512-AA==",),
        ("p@2.0.0", "d@1.0.0"),
    )
    assert a.place == "line 34"
    assert found["d@1.0.0"].scope is Scope.OPTIONAL
    assert found["p@2.0.0"].scope is Scope.RUNTIME
    git = found[f"g@https://codeload.github.com/o/g/tar.gz/{SHA}"]
    assert (git.name, git.version, git.commit, git.origin, git.scope) == (
        "g",
        "0.5.0",
        SHA,
        Origin.GIT,
        Scope.DEV,
    )
    other = found[f"v@git+https://example.org/v.git#{SHA}"]
    assert (other.name, other.version, other.commit, other.resolved) == (
        "v",
        "0.6.0",
        SHA,
        "https://example.org/v.git",
    )


def test_versions_stay_text():
    found = packages("lockfileVersion: 9.0\npackages:\n  a@1.10.0: {}\n")
    assert found["a@1.10.0"].version == "1.10.0"
    assert inventory("lockfileVersion: 9.0\n").version == "9.0"


def test_wrong_entries_are_faults():
    found = inventory(
        "lockfileVersion: '6.0'\npackages:\n  /a@1.0.0: 5\n  /b@1.0.0:\n    resolution: []\n"
        "  nonsense: {}\n  /c@1.0.0:\n    dependencies: [a]\n  'https://x/': {}\n"
    )
    assert [package.name for package in found.packages] == ["c"]
    assert [(fault.place, fault.reason) for fault in found.faults] == [
        ("line 3", "wrong-type"), ("line 4", "wrong-type"), ("line 6", "bad-name"), ("line 9", "bad-name"),
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", "a: b", "- a", "packages: []", "hello"])
def test_no_pnpm_lock(text: str):
    with pytest.raises(BadRecord):
        inventory(text)


def test_the_document_of_what_pnpm_itself_needs_stands_before_the_projects():
    found = inventory("""---
lockfileVersion: '9.0'
importers:
  .:
    configDependencies:
      hooks:
        specifier: 1.0.0
        version: 1.0.0
    packageManagerDependencies:
      pnpm:
        specifier: 12.0.0
        version: 12.0.0
packages:
  hooks@1.0.0:
    resolution: {integrity: sha512-AA==}
  pnpm@12.0.0:
    resolution: {integrity: sha512-BB==}
  shared@3.0.0:
    resolution: {integrity: sha512-CC==}
snapshots:
  hooks@1.0.0: {}
  pnpm@12.0.0:
    dependencies:
      shared: 3.0.0
  shared@3.0.0: {}
---
lockfileVersion: '9.1'
importers:
  .:
    dependencies:
      a:
        specifier: ^1.0.0
        version: 1.2.3
packages:
  a@1.2.3:
    resolution: {integrity: sha512-DD==}
  shared@3.0.0:
    resolution: {integrity: sha512-CC==}
snapshots:
  a@1.2.3:
    dependencies:
      shared: 3.0.0
  shared@3.0.0: {}
""")
    assert (found.version, found.faults) == ("9.1", ())
    assert {(one.key, one.scope, one.is_direct, one.place) for one in found.packages} == {
        ("hooks@1.0.0", Scope.DEV, True, "line 21"),
        ("pnpm@12.0.0", Scope.DEV, True, "line 22"),
        ("shared@3.0.0", Scope.RUNTIME, False, "line 43"),
        ("a@1.2.3", Scope.RUNTIME, True, "line 40"),
    }
    assert found.packages[0].integrity == ("sha512-AA==",)


@pytest.mark.parametrize("above", ["", "---\n", "# made by hand\n---\n"])
def test_one_document_may_have_a_marker(above: str):
    assert list(
        packages(above + "lockfileVersion: '9.0'\npackages:\n  a@1.0.0: {}\nsnapshots:\n  a@1.0.0: {}\n")
    )


@pytest.mark.parametrize(
    "content", ["---\nlockfileVersion: '9.0'\n" * 3, "lockfileVersion: '9.0'\n---\n" * 4]
)
def test_more_documents_than_pnpm_writes_are_refused(content: str):
    with pytest.raises(BadRecord) as caught:
        inventory(content)
    assert caught.value.reason == "several-documents"
