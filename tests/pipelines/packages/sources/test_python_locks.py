"""poetry.lock, uv.lock, pdm.lock, Pipfile.lock and pylock.toml: origins, scopes, extras, edges and wrong entries."""

import json
from typing import Any

import pytest
from packaging.pylock import Pylock

from assay.domain.plain import from_toml
from assay.errors import BadRecord
from assay.pipelines.packages.model import Inventory, Package, Scope
from assay.pipelines.packages.sources import discover

SHA = "0123456789abcdef0123456789abcdef01234567"
HEX = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
SRI = "sha256-n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="


def inventory(form: str, text: str) -> Inventory:
    return discover()[form].read(f"{form}.lock", text.encode())


def packages(form: str, text: str) -> dict[str, Package]:
    found = inventory(form, text)
    assert found.faults == ()
    return {package.key: package for package in found.packages}


def origins(found: dict[str, Package]) -> dict[str, tuple[str, str | None, str | None]]:
    return {
        package.name: (package.origin.value, package.resolved, package.commit) for package in found.values()
    }


POETRY = f"""
[[package]]
name = "A.b"
version = "1.0"
optional = false
groups = ["main", "dev"]
files = [{{file = "a_b-1.0.tar.gz", hash = "sha256:{HEX}"}}]

[package.dependencies]
c = ">=1"
d = [{{version = "1.0", markers = "x"}}, {{version = "2.0", markers = "y"}}]
absent = "*"

[[package]]
name = "c"
version = "2.0"
optional = true
groups = ["main"]

[package.source]
type = "git"
url = "https://u:secret@example.org/c.git"
reference = "main"
resolved_reference = "{SHA}"

[[package]]
name = "d"
version = "1.0"
groups = ["dev"]
[package.source]
type = "legacy"
url = "https://index.example.org/simple"
reference = "mine"

[[package]]
name = "d"
version = "2.0"
category = "dev"
[package.source]
type = "url"
url = "https://example.org/d.whl"

[[package]]
name = "e"
version = "3.0"
category = "main"
[package.source]
type = "directory"
url = "../e"

[metadata]
lock-version = "2.1"
content-hash = "x"
[metadata.files]
d = [{{file = "d-1.0.tar.gz", hash = "sha256:{HEX}"}}, {{file = "d-2.0.tar.gz", hash = "md5:x"}}]
"""


def test_poetry():
    found = packages("poetry", POETRY)
    a = found["a-b@1.0"]
    assert (a.name, a.place, a.integrity, a.is_direct) == ("A.b", "line 2", (SRI,), True)
    assert a.requires == ("c@2.0", "d@1.0", "d@2.0")
    assert [package.scope for package in found.values()] == [
        Scope.RUNTIME, Scope.OPTIONAL, Scope.DEV, Scope.DEV, Scope.RUNTIME,
    ]  # fmt: skip
    assert origins({"c": found["c@2.0"]})["c"] == ("git", "https://example.org/c.git", SHA)
    assert [package.origin.value for package in found.values()] == [
        "registry",
        "git",
        "other-registry",
        "url",
        "path",
    ]
    assert found["d@1.0"].purl == "pkg:pypi/d@1.0?repository_url=https://index.example.org/simple"
    assert (found["d@1.0"].integrity, found["d@2.0"].integrity) == ((SRI,), ("md5:x",))
    assert (found["c@2.0"].is_direct, found["e@3.0"].is_direct) == (None, True)


def test_poetry_before_1():
    found = packages(
        "poetry",
        f'[[package]]\nname = "a"\nversion = "1.0"\ncategory = "dev"\n[metadata]\ncontent-hash = "x"\n'
        f'[metadata.hashes]\na = ["{HEX}"]\n',
    )
    assert (found["a@1.0"].integrity, found["a@1.0"].scope, found["a@1.0"].is_direct) == (
        (SRI,),
        Scope.DEV,
        None,
    )


UV = f"""version = 1
revision = 3
requires-python = ">=3.11"

[manifest]
members = ["app", "lib"]

[[package]]
name = "app"
version = "0.1.0"
source = {{ editable = "." }}
dependencies = [{{ name = "a", extra = ["x"] }}, {{ name = "lib" }}]

[package.optional-dependencies]
cli = [{{ name = "b", version = "2.0", source = {{ registry = "https://index.example.org/simple" }} }}]

[package.dev-dependencies]
dev = [{{ name = "c" }}]

[[package]]
name = "lib"
source = {{ editable = "lib" }}

[[package]]
name = "a"
version = "1.0"
source = {{ registry = "https://index.example.org/simple" }}
sdist = {{ url = "https://files.example.org/a-1.0.tar.gz", hash = "sha256:{HEX}", size = 1 }}
wheels = [{{ url = "https://files.example.org/a-1.0.whl", hash = "sha256:{HEX}" }}]

[package.optional-dependencies]
x = [{{ name = "b", version = "1.0" }}]
y = [{{ name = "c" }}]

[[package]]
name = "b"
version = "1.0"
source = {{ url = "https://example.org/b.whl" }}

[[package]]
name = "b"
version = "2.0"
source = {{ path = "b.whl" }}

[[package]]
name = "c"
version = "1.0"
source = {{ git = "https://example.org/c.git?rev=main#{SHA}" }}
"""


def test_uv():
    found = packages("uv", UV)
    assert set(found) == {"lib", "a@1.0", "b@1.0", "b@2.0", "c@1.0"}
    a = found["a@1.0"]
    assert (a.resolved, a.integrity, a.requires, a.place) == (
        "https://files.example.org/a-1.0.tar.gz", (SRI,), ("b@1.0",), "line 24",
    )  # fmt: skip
    assert {key: package.scope for key, package in found.items()} == {
        "lib": Scope.RUNTIME, "a@1.0": Scope.RUNTIME, "b@1.0": Scope.RUNTIME, "b@2.0": Scope.OPTIONAL,
        "c@1.0": Scope.DEV,
    }  # fmt: skip
    assert {key for key, package in found.items() if package.is_direct} == {"lib", "a@1.0", "b@2.0", "c@1.0"}
    assert origins(found)["c"] == ("git", "https://example.org/c.git?rev=main", SHA)
    assert [package.origin.value for package in found.values()] == [
        "path",
        "other-registry",
        "url",
        "path",
        "git",
    ]
    assert found["lib"].version is None
    assert inventory("uv", UV).version == "1.3"


PDM = f"""
[metadata]
groups = ["default", "dev", "docs"]
lock_version = "4.5.0"
content_hash = "sha256:x"

[[package]]
name = "a"
version = "1.0"
extras = ["x"]
groups = ["default"]
dependencies = ["a==1.0", "b>=1; os_name == 'nt'"]

[[package]]
name = "a"
version = "1.0"
groups = ["docs"]
dependencies = ["c"]
files = [{{url = "https://files.example.org/a-1.0.tar.gz", hash = "sha256:{HEX}"}}]

[[package]]
name = "b"
version = "2.0"
groups = ["docs"]
git = "https://example.org/b.git"
ref = "main"
revision = "{SHA}"

[[package]]
name = "c"
version = "3.0"
groups = ["dev"]
path = "./c"
"""


def test_pdm():
    found = packages("pdm", PDM)
    assert list(found) == ["a@1.0", "b@2.0", "c@3.0"]
    a = found["a@1.0"]
    assert (a.requires, a.integrity, a.scope) == (("b@2.0", "c@3.0"), (SRI,), Scope.RUNTIME)
    assert (a.resolved, a.is_direct) == ("https://files.example.org/a-1.0.tar.gz", True)
    assert (found["b@2.0"].scope, found["c@3.0"].scope) == (Scope.OPTIONAL, Scope.DEV)
    assert origins(found) | {"a": None} == {
        "a": None, "b": ("git", "https://example.org/b.git", SHA), "c": ("path", "./c", None),
    }  # fmt: skip


def test_pdm_before_version_4():
    found = packages(
        "pdm",
        '[[package]]\nname = "a"\nversion = "1.0"\n[metadata]\nlock_version = "4.2"\n'
        f'[metadata.files]\n"a 1.0" = [{{file = "a.whl", hash = "sha256:{HEX}"}}]\n',
    )
    assert found["a@1.0"].integrity == (SRI,)


def pipfile(**categories: Any) -> str:
    meta = {"pipfile-spec": 6, "sources": [{"name": "main", "url": "https://index.example.org/simple"}]}
    return json.dumps({"_meta": meta, **categories})


def test_pipfile():
    found = packages("pipfile", pipfile(
        develop={"A_b": {"version": "==1.0", "hashes": [f"sha256:{HEX}"]}, "d": {"version": "==4.0"}},
        default={
            "a-b": {"version": "==1.0", "index": "main"}, "c": {"git": "https://example.org/c.git", "ref": SHA},
            "e": {"path": "./e", "editable": True}, "f": {"file": "https://example.org/f.zip"}, "g": "==5.0",
            "h": {"version": "*"}, "d": {"version": "==4.1"},
        },
        docs={"i": {"version": "==6.0"}},
    ))  # fmt: skip
    assert {key: package.scope.value for key, package in found.items()} == {
        "a-b@1.0": "runtime", "d@4.0": "dev", f"c@{SHA}": "runtime", "e@./e": "runtime",
        "f@https://example.org/f.zip": "runtime", "g@5.0": "runtime", "h": "runtime", "d@4.1": "runtime",
        "i@6.0": "optional",
    }  # fmt: skip
    assert (found["a-b@1.0"].place, found["a-b@1.0"].integrity) == ("$.develop.A_b", (SRI,))
    assert found["g@5.0"].purl == "pkg:pypi/g@5.0?repository_url=https://index.example.org/simple"
    assert found["h"].version is None
    assert origins(found)["c"] == ("git", "https://example.org/c.git", SHA)
    assert [origins(found)[name][0] for name in "ef"] == ["path", "url"]


PYLOCK = f"""
lock-version = "1.0"
created-by = "x"
dependency-groups = ["dev", "test"]
extras = ["cli"]
default-groups = ["main"]

[[packages]]
name = "a"
version = "1.0"
index = "https://index.example.org/simple"
dependencies = [{{name = "b"}}]
sdist = {{name = "a-1.0.tar.gz", url = "https://files.example.org/a-1.0.tar.gz", hashes = {{sha256 = "{HEX}"}}}}

[[packages]]
name = "b"
marker = "('dev' in dependency_groups or \\"test\\" in dependency_groups) and python_version > '3'"
vcs = {{type = "git", url = "https://example.org/b.git", commit-id = "{SHA}"}}

[[packages]]
name = "c"
version = "2.0"
marker = "'main' in dependency_groups"
archive = {{url = "https://example.org/c.zip", hashes = {{sha256 = "{HEX}"}}}}

[[packages]]
name = "d"
marker = "'cli' in extras"
directory = {{path = "./d", editable = true}}

[[packages]]
name = "e"
version = "1.0"
marker = "'dev' in dependency_groups or os_name == 'nt'"
wheels = [{{name = "e-1.0-py3-none-any.whl", path = "e.whl", hashes = {{sha256 = "{HEX}"}}}}]
"""


def test_pylock():
    found = packages("pylock", PYLOCK)
    assert [package.scope.value for package in found.values()] == [
        "runtime",
        "dev",
        "runtime",
        "optional",
        "runtime",
    ]
    assert origins(found) == {
        "a": ("other-registry", "https://files.example.org/a-1.0.tar.gz", None),
        "b": ("git", "https://example.org/b.git", SHA), "c": ("url", "https://example.org/c.zip", None),
        "d": ("path", "./d", None), "e": ("registry", None, None),
    }  # fmt: skip
    assert found["a@1.0"].requires == ("b",)
    assert [package.is_direct for package in found.values()] == [True, None, True, True, True]
    assert [package.integrity for package in found.values()] == [(SRI,), (), (SRI,), (), (SRI,)]
    reference = Pylock.from_dict(from_toml(PYLOCK.encode()))
    assert [(str(one.name), str(one.version) if one.version else None) for one in reference.packages] == [
        (package.name, package.version) for package in found.values()
    ]


@pytest.mark.parametrize(
    ("marker", "scope"),
    [
        ("(('dev' in dependency_groups))", "dev"),
        ("((os_name == 'x') and ('dev' in dependency_groups and 'x' in extras))", "dev"),
        ("('dev' in dependency_groups) or ('x' in extras)", "optional"),
        ("'dev' in dependency_groups or 'main' in dependency_groups", "runtime"),
        ("('dev' in dependency_groups and os_name == 'x') or os_name == 'y'", "runtime"),
        (") and 'dev' in dependency_groups and (", "runtime"),
        ("(" * 1000 + "'dev' in dependency_groups" + ")" * 1000, "runtime"),
        ("", "runtime"),
    ],
)
def test_markers_of_groups(marker: str, scope: str):
    text = f'lock-version = "1.0"\ndefault-groups = ["main"]\n[[packages]]\nname = "a"\nmarker = "{marker}"\n'
    assert packages("pylock", text)["a"].scope.value == scope


WRONG = '\n[[{0}]]\nname = 5\n[[{0}]]\nname = "a b"\n[[{0}]]\nversion = "1"\n[[{0}]]\nname = "ok"\nversion = "1"\n'


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("poetry", '[metadata]\nlock-version = "2.1"\n' + WRONG.format("package")),
        ("pdm", '[metadata]\nlock_version = "4.5"\n' + WRONG.format("package")),
        ("uv", 'version = 1\nrequires-python = ">=3"\n' + WRONG.format("package")),
        ("pylock", 'lock-version = "1.0"\n\n' + WRONG.format("packages")),
    ],
)
def test_wrong_entries_are_faults_and_the_others_stand(form: str, text: str):
    found = inventory(form, text)
    assert [package.name for package in found.packages] == ["ok"]
    assert [(fault.place, fault.reason) for fault in found.faults] == [
        ("line 4", "wrong-type"), ("line 6", "bad-name"), ("line 8", "wrong-type"),
    ]  # fmt: skip


def test_wrong_entries_of_a_pipfile():
    found = inventory(
        "pipfile", pipfile(default={"a": [], "b b": {}, "c": {"version": 1}, "ok": {}}, develop=5)
    )
    assert [package.name for package in found.packages] == ["ok"]
    assert [(fault.place, fault.reason) for fault in found.faults] == [
        ("$.default.a", "wrong-type"), ("$.default['b b']", "bad-name"), ("$.default.c", "wrong-type"),
        ("$.develop", "wrong-type"),
    ]  # fmt: skip


@pytest.mark.parametrize("form", ["poetry", "uv", "pdm", "pylock"])
@pytest.mark.parametrize("other", ["poetry", "uv", "pdm", "pylock", "none"])
def test_another_format_is_refused(form: str, other: str):
    texts = {"poetry": POETRY, "uv": UV, "pdm": PDM, "pylock": PYLOCK, "none": "a = 1\n"}
    if form != other:
        with pytest.raises(BadRecord) as raised:
            inventory(form, texts[other])
        assert raised.value.reason == "not-this-format"
