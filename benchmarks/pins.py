"""Real pins of npm and PyPI packages, and lock files of any length made of them."""

import json
import tarfile
from pathlib import Path

from packaging.version import InvalidVersion, Version

from assay.domain.packages import normalise_name
from assay.pipelines.packages.commands.reading import collect
from assay.pipelines.packages.model import Inventory
from assay.pipelines.packages.rules.assembling import questions

Pins = list[tuple[str, str]]


def inventories(archive: Path, folder: Path) -> list[tuple[str, Inventory]]:
    """Every lockfile of an archive that a reader can read, unpacked into the folder."""
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    return collect([str(folder)]).inventories


def npm_pins(read: list[tuple[str, Inventory]]) -> Pins:
    """(name, version) of every npm package that these files pin, each once, in the order of the files."""
    return [(s.name, s.version) for s in questions(read).subjects if s.ecosystem == "npm"]


def pypi_pins(read: list[tuple[str, Inventory]]) -> Pins:
    """(name, version) of every PyPI package that these files pin, each version once however it is written.

    Versions older than PEP 440 are left out: pip-audit ends at the first of them.
    """
    found: dict[tuple[str, str], None] = {}
    for subject in questions(read).subjects:
        if subject.ecosystem == "PyPI":
            try:
                version = str(Version(subject.version))
            except InvalidVersion:
                continue
            found[normalise_name("PyPI", subject.name), version] = None
    return list(found)


def write_pylock(path: Path, pins: Pins) -> None:
    """A pylock.toml that holds these pins: the format of pip-audit's that may hold several versions of a package."""
    lines = ['lock-version = "1.0"', 'created-by = "assay"']
    for name, version in pins:
        lines += ["", "[[packages]]", f'name = "{name}"', f'version = "{version}"']
    path.write_text("\n".join(lines) + "\n")


def write_lock(path: Path, pins: Pins) -> None:
    """A package-lock of version 3 that holds these pins; further versions of a package stand below another one."""
    packages: dict[str, object] = {"": {"name": "composed", "version": "1.0.0", "dependencies": {}}}
    direct: dict[str, str] = {}
    for number, (name, version) in enumerate(pins):
        place = f"node_modules/{name}"
        if place in packages:
            holder = f"composed-{number}"
            packages[f"node_modules/{holder}"] = {"version": "1.0.0", "dependencies": {name: version}}
            direct[holder] = "1.0.0"
            place = f"node_modules/{holder}/{place}"
        else:
            direct[name] = version
        packages[place] = {"version": version}
    packages[""] = {"name": "composed", "version": "1.0.0", "dependencies": direct}
    lock = {"name": "composed", "version": "1.0.0", "lockfileVersion": 3, "packages": packages}
    path.write_text(json.dumps(lock, indent=2))
