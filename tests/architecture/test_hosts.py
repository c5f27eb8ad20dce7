"""No text file names the host of a package registry: where packages come from is the machine's business.

The names are put together here, so that this file does not contain them either. Real records that mention
such hosts are kept in archives.
"""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def joined(*pieces: str) -> str:
    return ".".join(pieces)


HOSTS = (
    joined("py" + "pi", "org"),
    joined("python" + "hosted", "org"),
    joined("npm" + "js", "org"),
    joined("npm" + "js", "com"),
    joined("yarn" + "pkg", "com"),
    joined("deb", "debian", "org"),
    joined("security", "debian", "org"),
)
NAMED = re.compile("|".join(re.escape(host) for host in HOSTS), re.IGNORECASE)
GENERATED = {".git", ".venv", ".clients", ".assay", "__pycache__", "build", "dist"}


def files() -> Iterator[Path]:
    """What git tracks or would track; without git, everything that no tool made."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listing.returncode == 0:
        paths = [ROOT / name for name in listing.stdout.decode().split("\0") if name]
    else:
        paths = [path for path in ROOT.rglob("*") if not GENERATED & set(path.relative_to(ROOT).parts)]
    yield from (path for path in paths if path.is_file())


def text(path: Path) -> str | None:
    """The file's text; None for a binary file, which is one with a NUL byte (git's own test)."""
    raw = path.read_bytes()
    return None if b"\0" in raw[:8000] else raw.decode(errors="replace")


def test_no_text_file_names_a_registry():
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in files()
        if (content := text(path)) is not None
        for number, line in enumerate(content.splitlines(), 1)
        if NAMED.search(line)
    ]
    assert found == []


def test_the_lock_files_are_looked_at():
    looked_at = {path.relative_to(ROOT).as_posix() for path in files() if text(path) is not None}
    assert {"requirements.lock", "requirements-dev.lock", "pyproject.toml", "README.md"} <= looked_at


@pytest.mark.parametrize("host", HOSTS)
def test_a_registry_is_recognised(host: str):
    assert NAMED.search(f"--index-url https://{host.upper()}/simple")
    assert NAMED.search(f"https://mirror.{host}/")
    assert not NAMED.search(host.replace(".", "-"))
