"""Files, folders, package URLs and standard input become inventories; what cannot be read is told."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from assay.domain.plain import MOST_BYTES
from assay.domain.purl import read_purl
from assay.errors import BadRecord
from assay.kit.tree import is_below, read_bounded, walk
from assay.pipelines.packages.model import Format, Inventory, Package, Unreadable
from assay.pipelines.packages.rules.recognising import HEAD_BYTES, format_of, formats_named
from assay.pipelines.packages.sources import discover

# What package managers install and tools make: copies of other projects' files, and nothing of this one.
SKIPPED_FOLDERS = frozenset((
    ".git", ".hg", ".svn", "node_modules", "bower_components", "vendor", ".venv", "venv", "site-packages",
    ".tox", ".nox", "__pycache__", ".mypy_cache", ".gradle", ".terraform", ".bundle", ".cache", ".yarn",
))  # fmt: skip
STANDARD_INPUT = "-"


@dataclass(frozen=True, slots=True)
class Limits:
    """How far reading goes. `skip` are names of folders that a walk leaves out."""

    skip: frozenset[str] = SKIPPED_FOLDERS
    most_bytes: int = MOST_BYTES
    most_files: int = 10_000


@dataclass(slots=True)
class Collected:
    """What was read, in order: (path, inventory); and what could not be."""

    inventories: list[tuple[str, Inventory]] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    contents: dict[str, bytes] = field(default_factory=dict)
    """The bytes of each file that was read, by its path, for looking up lines."""


def collect(
    targets: Sequence[str],
    *,
    standard_input: bytes | None = None,
    format_name: str | None = None,
    limits: Limits | None = None,
) -> Collected:
    """The packages of files, folder trees and package URLs (`pkg:npm/lodash@4.17.20`), mixed as they come.

    `-` is what stands in `standard_input`; `format_name` says of which format that and files given by name are,
    where they do not tell. A file that several targets name is read once.
    """
    reading = _Reading(discover(), limits or Limits(), format_name)
    purls: list[str] = []
    for target in targets:
        if target.startswith("pkg:"):
            purls.append(target)
        elif target == STANDARD_INPUT:
            reading.take(STANDARD_INPUT, standard_input or b"", format_name or "", None)
        else:
            reading.open(Path(target))
    if purls:
        reading.name(purls)
    return reading.found


def read_content(name: str, content: bytes, format_name: str | None = None) -> Collected:
    """The packages of one file that was sent rather than opened; files that it refers to are not looked for."""
    formats = discover()
    reading = _Reading(formats, Limits(), format_name)
    reading.take(name or STANDARD_INPUT, content, Path(name).name, formats.get(format_name or ""))
    return reading.found


class _Reading:
    """One call of `collect`: what was found so far, and which files that was."""

    def __init__(self, formats: Mapping[str, Format], limits: Limits, format_name: str | None) -> None:
        self.found = Collected()
        self._formats = formats
        self._limits = limits
        self._format_name = format_name
        self._seen: set[Path] = set()

    def open(self, path: Path) -> None:
        """Read a file that a person named, or the files of a folder whose names are those of a format."""
        try:
            if path.is_dir():
                self._walk(path)
                return
            here = Path.cwd()
            root = here if is_below(path, here) else path.parent.resolve()
        except (OSError, ValueError) as error:  # a name too long, or with a NUL in it
            self._refuse(str(path), "unreadable", getattr(error, "strerror", None) or str(error))
            return
        self._read(path, root, None)

    def _walk(self, root: Path) -> None:
        def refused(error: OSError) -> None:
            self._refuse(str(error.filename), "unreadable", error.strerror or str(error))

        inside = root.resolve()
        files = (
            path
            for path in walk(root, skip=self._limits.skip, on_error=refused)
            if formats_named(self._formats, path.name)
        )
        for path in islice(files, self._limits.most_files):
            self._read(path, inside, None)
        if next(files, None) is not None:
            said = f"more than {self._limits.most_files:,} files of known formats; scan folders below it"
            self._refuse(str(root), "too-many-files", said)

    def _read(self, path: Path, root: Path, form: Format | None) -> None:
        try:
            real = path.resolve(strict=True)
            if real in self._seen:
                return
            self._seen.add(real)
            content = read_bounded(path, self._limits.most_bytes)
        except BadRecord as error:
            self._refuse(str(path), error.reason, error.detail)
            return
        except (
            OSError,
            RuntimeError,
            ValueError,
        ) as error:  # before Python 3.13 a loop of links is a RuntimeError
            self._refuse(str(path), "unreadable", getattr(error, "strerror", None) or str(error))
            return
        self.take(str(path), content, path.name, form)
        self._follow(path, root)

    def _follow(self, path: Path, root: Path) -> None:
        """Read what the file that was just read refers to, within the root."""
        if not self.found.inventories or self.found.inventories[-1][0] != str(path):
            return
        inventory = self.found.inventories[-1][1]
        for include in inventory.includes:
            target = Path(os.path.normpath(path.parent / include))
            if not target.exists():
                self._refuse(str(target), "not-found", f"{path} refers to it, and it is not there")
            elif not is_below(target, root):
                said = f"{path} refers to it, and it lies outside {root}; name it to have it scanned"
                self._refuse(str(target), "outside", said)
            else:
                self._read(target, root, self._formats.get(inventory.format))

    def take(self, path: str, content: bytes, base_name: str, form: Format | None) -> None:
        """Read content as what its name or its beginning says it is."""
        form = form or self._formats.get(self._format_name or "")
        form = form or format_of(self._formats, base_name, content[:HEAD_BYTES])
        if form is None:
            said = f"neither its name nor its content tells what it is; known are {', '.join(self._formats)}"
            self._refuse(path, "unknown-format", said)
            return
        try:
            inventory = form.read(path, content)
        except BadRecord as error:
            self._refuse(path, error.reason, f"{error.detail} (read as {form.title})")
            return
        self.found.inventories.append((path, inventory))
        self.found.contents[path] = content

    def name(self, purls: Sequence[str]) -> None:
        """Take package URLs as packages of a file of their own."""
        packages: list[Package] = []
        for place, text in enumerate(dict.fromkeys(purls), 1):
            try:
                packages.append(_purl_package(text, f"argument {place}"))
            except BadRecord as error:
                self._refuse(text, error.reason, error.detail)
        self.found.inventories.append(("purl", Inventory(format="purl", packages=tuple(packages))))

    def _refuse(self, path: str, reason: str, detail: str) -> None:
        self.found.unreadable.append(Unreadable(path, reason, detail))


def _purl_package(text: str, place: str) -> Package:
    from packageurl import PackageURL  # noqa: PLC0415 - most scans are of files

    try:
        written = PackageURL.from_string(text)
    except ValueError as error:
        raise BadRecord("not-a-purl", f"{text!r} is no package URL: {error}") from error
    read = read_purl(text)
    ecosystem, name, version = read or (None, written.name, written.version)
    return Package(key=text, ecosystem=ecosystem, name=name, version=version, purl=text, place=place)
