"""The clients that people have, against the program as it runs: pip-audit, uv, npm, pnpm, yarn and bun.

A client that is not installed is skipped with the reason. `ASSAY_TEST_CLIENTS` names more folders to find them in,
joined like PATH. No client is told of any registry but this service.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from assay.kit import postgres

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "sample"
CLIENTS = os.pathsep.join(
    filter(None, (os.environ.get("ASSAY_TEST_CLIENTS"), str(Path(sys.executable).parent), os.environ["PATH"]))
)
# What the sample knows of these pins.
TAR, UNDICI, IDNA = "GHSA-f5x3-32g6-xq36", "GHSA-9qxr-qj54-h672", "PYSEC-2024-60"
DEPENDENCIES = {"sanitize-html": "2.12.1", "tar": "6.2.0", "undici": "5.28.3"}


@dataclass(frozen=True, slots=True)
class Ended:
    """What a client wrote, and how it ended."""

    stdout: str
    stderr: str
    code: int


@dataclass(frozen=True, slots=True)
class Bench:
    """A project folder, and clients run in it that know nothing of this machine's configuration."""

    url: str
    folder: Path

    def write(self, name: str, content: str | dict[str, Any]) -> None:
        text = content if isinstance(content, str) else json.dumps(content)
        (self.folder / name).write_text(text, encoding="utf-8")

    def run(self, client: str, *arguments: str, **environment: str) -> Ended:
        program = shutil.which(client, path=CLIENTS)
        if program is None:
            pytest.skip(f"{client} is not installed; ASSAY_TEST_CLIENTS may name its folder")
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        clean = {
            "PATH": CLIENTS,
            "HOME": str(home),
            "TMPDIR": str(home),
            "CI": "1",
            "NO_COLOR": "1",
            "NO_PROXY": "*",
        }
        ended = subprocess.run(
            [program, *arguments],
            cwd=self.folder,
            env=clean | environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        return Ended(ended.stdout, ended.stderr, ended.returncode)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The address of `assay serve` on the synced sample, which ends well on SIGTERM."""
    folder = Path(tempfile.mkdtemp(prefix="assay clients "))
    folder.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ASSAY_", "PYTHON"))}
    environment = kept | {
        "ASSAY_HOME": str(folder / "home"),
        "ASSAY_PROCESSES": "1",
        "ASSAY_POSTGRES_KEEP_RUNNING": "1",
        "PYTHONPATH": str(ROOT / "src"),
    }
    program = [sys.executable, "-m", "assay"]
    origins = [f"--from={name}={SAMPLE / name}.zip" for name in ("osv", "gitlab")]
    try:
        subprocess.run(
            [*program, "sync", "osv", "gitlab", *origins], env=environment, check=True, capture_output=True
        )
        with subprocess.Popen(
            [*program, "serve", "--port", "0"], env=environment, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            found = re.match(r"Serving at (http://\S+/) ", process.stdout.readline().decode())
            assert found
            yield found[1]
            process.terminate()
            assert process.wait(timeout=240) == 0
    finally:
        postgres.stop(postgres.PostgresOptions(folder / "home" / "postgres"))
        shutil.rmtree(folder)


@pytest.fixture
def bench(url: str, tmp_path: Path) -> Bench:
    return Bench(url, tmp_path)


@pytest.fixture
def npm_project(bench: Bench) -> Bench:
    """A project of three packages, two of them affected."""
    bench.write(
        "package.json", {"name": "audited", "version": "1.0.0", "private": True, "dependencies": DEPENDENCIES}
    )
    return bench


def test_pip_audit(bench):
    bench.write("requirements.txt", "idna==3.6\nsimplejson==3.19.2\n")
    ended = bench.run(
        "pip-audit",
        *(
            "--vulnerability-service",
            "osv",
            "--osv-url",
            f"{bench.url}v1/query",
            "--requirement",
            "requirements.txt",
        ),
        *("--no-deps", "--disable-pip", "--progress-spinner", "off", "--format", "json"),
    )
    assert ended.code == 1, ended.stderr
    found = {entry["name"]: entry["vulns"] for entry in json.loads(ended.stdout)["dependencies"]}
    assert found["simplejson"] == []
    [vuln] = found["idna"]
    assert IDNA in {vuln["id"], *vuln["aliases"]}
    assert vuln["fix_versions"] == ["3.7"]


def test_uv_audit(bench):
    bench.write(
        "pyproject.toml",
        '[project]\nname = "audited"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["idna==3.6"]\n',
    )
    bench.write(
        "uv.lock",
        'version = 1\nrequires-python = ">=3.11"\n\n[[package]]\nname = "audited"\nversion = "1"\n'
        'source = { virtual = "." }\ndependencies = [{ name = "idna" }]\n\n[package.metadata]\n'
        'requires-dist = [{ name = "idna", specifier = "==3.6" }]\n\n[[package]]\nname = "idna"\nversion = "3.6"\n'
        f'source = {{ registry = "{bench.url}simple" }}\n'
        'sdist = { url = "https://files.example.org/idna-3.6.tar.gz", '
        f'hash = "sha256:{"0" * 64}", size = 1 }}\n',
    )
    ended = bench.run(
        "uv", "audit", "--frozen", "--service-url", bench.url, "--default-index", f"{bench.url}simple"
    )
    if "unrecognized subcommand" in ended.stderr:
        pytest.skip("this uv has no `uv audit`")
    assert ended.code == 1, ended.stderr
    assert "idna 3.6 has 1 known vulnerability" in ended.stdout
    assert IDNA in ended.stdout
    assert "Fixed in: 3.7" in ended.stdout


def test_npm_audit(npm_project):
    locked = {
        f"node_modules/{name}": {"version": version, "resolved": f"{npm_project.url}{name}-{version}.tgz"}
        for name, version in DEPENDENCIES.items()
    }
    root = {"name": "audited", "version": "1.0.0", "dependencies": DEPENDENCIES}
    npm_project.write(
        "package-lock.json",
        {
            "name": "audited",
            "version": "1.0.0",
            "lockfileVersion": 3,
            "requires": True,
            "packages": {"": root, **locked},
        },
    )
    ended = npm_project.run("npm", "audit", "--package-lock-only", "--json", "--registry", npm_project.url)
    assert ended.code == 1, ended.stderr
    found = json.loads(ended.stdout)["vulnerabilities"]
    assert found.keys() == {"tar", "undici"}
    [told] = found["tar"]["via"]
    assert told["url"].endswith(TAR)
    assert (told["severity"], told["range"]) == ("moderate", "<6.2.1")


def test_pnpm_audit(npm_project):
    pins = {name: version for name, version in DEPENDENCIES.items() if name != "sanitize-html"}
    npm_project.write(
        "package.json", {"name": "audited", "version": "1.0.0", "private": True, "dependencies": pins}
    )
    lines = ["lockfileVersion: '9.0'", "importers:", "  .:", "    dependencies:"]
    lines += [
        f"      {name}:\n        specifier: {pin}\n        version: {pin}" for name, pin in pins.items()
    ]
    lines += [
        "packages:",
        *(f"  {name}@{pin}:\n    resolution: {{integrity: sha512-eA==}}" for name, pin in pins.items()),
    ]
    lines += ["snapshots:", *(f"  {name}@{pin}: {{}}" for name, pin in pins.items())]
    npm_project.write("pnpm-lock.yaml", "\n".join(lines) + "\n")
    ended = npm_project.run("pnpm", "audit", "--json", "--registry", npm_project.url)
    assert ended.code == 1, ended.stdout + ended.stderr
    found = {entry["module_name"]: entry for entry in json.loads(ended.stdout)["advisories"].values()}
    assert found.keys() == {"tar", "undici"}
    assert found["tar"]["github_advisory_id"] == TAR
    assert found["tar"]["patched_versions"] == ">=6.2.1"


def test_yarn_npm_audit(npm_project):
    npm_project.write(
        ".yarnrc.yml",
        f'npmRegistryServer: "{npm_project.url}"\nnpmAuditRegistry: "{npm_project.url}"\n'
        'unsafeHttpWhitelist: ["127.0.0.1"]\nenableTelemetry: false\nenableGlobalCache: false\n',
    )
    # The metadata's version is that of the yarn that reads it, which writes it for a project without packages.
    npm_project.write("package.json", {"name": "audited", "version": "1.0.0", "private": True})
    npm_project.write("yarn.lock", "")
    made = npm_project.run("yarn", "install", "--no-immutable", YARN_ENABLE_IMMUTABLE_INSTALLS="0")
    assert made.code == 0, made.stdout
    npm_project.write(
        "package.json", {"name": "audited", "version": "1.0.0", "private": True, "dependencies": DEPENDENCIES}
    )
    head, _, rest = (npm_project.folder / "yarn.lock").read_text().partition("  languageName: unknown")
    wanted = "".join(f'    {name}: "npm:{pin}"\n' for name, pin in DEPENDENCIES.items())
    locked = "".join(
        f'\n"{name}@npm:{pin}":\n  version: {pin}\n  resolution: "{name}@npm:{pin}"\n'
        "  languageName: node\n  linkType: hard\n"
        for name, pin in DEPENDENCIES.items()
    )
    npm_project.write("yarn.lock", f"{head}  dependencies:\n{wanted}  languageName: unknown{rest}{locked}")
    # Deprecations are asked of packuments, which this service does not have.
    ended = npm_project.run("yarn", "npm", "audit", "--all", "--recursive", "--no-deprecations", "--json")
    assert ended.code == 1, ended.stdout + ended.stderr
    found = {entry["value"]: entry["children"] for entry in map(json.loads, ended.stdout.splitlines())}
    assert found.keys() == {"tar", "undici"}
    assert found["undici"]["URL"].endswith(UNDICI)
    assert found["undici"]["Vulnerable Versions"] == "<5.28.4 || >=6.0.0 <6.11.1"


def test_bun_audit(npm_project):
    # A package from the network has four fields: its name and version, its registry (here the default), what it
    # depends on, and its integrity.
    packages = {name: [f"{name}@{pin}", "", {}, "sha512-eA=="] for name, pin in DEPENDENCIES.items()}
    workspaces = {"": {"name": "audited", "dependencies": DEPENDENCIES}}
    npm_project.write("bun.lock", {"lockfileVersion": 1, "workspaces": workspaces, "packages": packages})
    npm_project.write("bunfig.toml", f'[install]\nregistry = "{npm_project.url}"\n')
    ended = npm_project.run("bun", "audit", "--json")
    assert ended.code == 1, ended.stdout + ended.stderr
    found = json.loads(ended.stdout)
    assert found.keys() == {"tar", "undici"}
    assert found["tar"][0]["url"].endswith(TAR)
