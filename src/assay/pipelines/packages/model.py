"""The packages pipeline's words: a format, the inventory that a file of it pins, and what a scan finds in those."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import msgspec

from assay.domain.reach import without_loose_ends


class Scope(StrEnum):
    """What a package is needed for, as its file says; the widest where it says several."""

    RUNTIME = "runtime"
    OPTIONAL = "optional"
    PEER = "peer"
    DEV = "dev"


class Origin(StrEnum):
    """Where a package comes from. Only what comes from a registry has the registry's names and versions."""

    REGISTRY = "registry"
    OTHER_REGISTRY = "other-registry"
    GIT = "git"
    URL = "url"
    PATH = "path"


ORIGINS: Mapping[str, Origin] = {origin.value: origin for origin in Origin}
"""The origins by what addresses lead to (`domain.origins.Kind`): asking the enum takes twenty times as long."""


class Package(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One package as a file pins it.

    `ecosystem` is OSV's name of it (`npm`, `crates.io`, `Debian:12`), None for a package outside all of them. `name`
    is as the registry writes it, the real name behind an alias; `alias` is the name under which the file
    calls it, where that is another. `version` is None where the file pins none; `commit` is set for git.
    `is_direct` is None where the file does not tell. `place` says where it stands: `line 12` or a JSON path.
    `key` is unique in its inventory, and `requires` are keys of packages that this one needs.
    `integrity` are hashes as Subresource Integrity writes them (`sha512-<base64>`), or `<kind>:<value>` for those that
    are no hash of the downloaded file (`h1:`, yarn berry's `10c0/`).
    """

    key: str
    ecosystem: str | None
    name: str
    version: str | None
    purl: str
    place: str
    alias: str | None = None
    commit: str | None = None
    scope: Scope = Scope.RUNTIME
    is_direct: bool | None = None
    origin: Origin = Origin.REGISTRY
    resolved: str | None = None
    integrity: tuple[str, ...] = ()
    licences: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()


class Fault(msgspec.Struct, frozen=True):
    """An entry of a file that could not be read as a package, and why; the others stand.

    `reason` is a short constant to count and filter by; `detail` is for people and names the entry.
    """

    place: str
    reason: str
    detail: str


class Inventory(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one file pins, in its order. `version` is that of the format, as the file states it.

    `includes` are paths, relative to the file, of others that it refers to (`-r base.txt`).
    """

    format: str
    version: str | None = None
    packages: tuple[Package, ...] = ()
    faults: tuple[Fault, ...] = ()
    includes: tuple[str, ...] = ()


def inventory_of(
    form: str,
    packages: tuple[Package, ...],
    refused: Iterable[tuple[str, str, str]],
    *,
    version: str | None = None,
    includes: Iterable[str] = (),
) -> Inventory:
    """The inventory of a file, without edges that lead out of it; `refused` are (place, reason, detail)."""
    return Inventory(
        format=form,
        version=version,
        packages=without_loose_ends(packages),
        faults=tuple([Fault(*one) for one in refused]),
        includes=tuple(dict.fromkeys(includes)),
    )


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file that pins packages.

    `names` are glob patterns of base names, without regard to case. `recognises` tells from the first 4 KiB of
    a file whether a file with another name is of this format; None where only the name can tell.
    `read` takes the file's path and content, is pure, and raises BadRecord for a file that is none of this format
    or holds nothing that can be believed. `reader_version` is raised when it would give another inventory.
    """

    name: str
    title: str
    ecosystem: str | None
    names: tuple[str, ...]
    read: Callable[[str, bytes], Inventory]
    recognises: Callable[[bytes], bool] | None = None
    reader_version: int = 1


class Standing(StrEnum):
    """What is known of a package and a vulnerability; what is neither is no finding."""

    AFFECTED = "affected"
    UNKNOWN = "unknown"


class Unchecked(StrEnum):
    """Why a package could not be looked up: nothing is known of it, which is not that nothing is wrong."""

    NO_ECOSYSTEM = "no-ecosystem"
    NO_VERSION = "no-version"
    GIT = "git"
    URL = "url"
    PATH = "path"


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """What a finding shows of a vulnerability. `aliases` are its other names."""

    name: str
    aliases: tuple[str, ...] = ()
    state: str = "published"
    summary: str | None = None
    severity: str | None = None
    cvss_score: float | None = None
    cvss_vector: str | None = None
    epss: float | None = None
    epss_percentile: float | None = None
    is_exploited: bool = False
    published_at: datetime | None = None
    modified_at: datetime | None = None


class Occurrence(msgspec.Struct, frozen=True):
    """Where a package stands. `path` is the shortest chain of packages that brings it in, from a direct one to it.

    It is empty where the file does not tell. `line` is that of its place in the file, where it is known.
    `ignored` says why a finding does not count here.
    """

    file: str
    place: str
    scope: Scope = Scope.RUNTIME
    is_direct: bool | None = None
    path: tuple[str, ...] = ()
    line: int | None = None
    ignored: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One vulnerability of one version of one package, and every place where that stands.

    `fixed` is the version that ends the interval in which this one lies.
    """

    ecosystem: str
    name: str
    version: str
    purl: str
    vulnerability: Vulnerability
    standing: Standing
    fixed: str | None
    occurrences: tuple[Occurrence, ...]

    @property
    def ignored(self) -> str | None:
        """Why it does not count, None where it counts in any place."""
        reasons = [entry.ignored for entry in self.occurrences]
        return None if None in reasons else "; ".join(dict.fromkeys(filter(None, reasons)))


@dataclass(frozen=True, slots=True)
class Skipped:
    """A package that was not looked up, and why."""

    name: str
    version: str | None
    purl: str
    file: str
    place: str
    why: Unchecked


@dataclass(frozen=True, slots=True)
class ScannedFile:
    """A file that was read. `packages` counts its entries; `faults` are those that could not be read."""

    path: str
    format: str
    version: str | None
    packages: int
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file that could not be read, and why."""

    path: str
    reason: str
    detail: str


class Subject(msgspec.Struct, frozen=True):
    """One version of one package, and everywhere it stands."""

    ecosystem: str
    name: str
    version: str
    purl: str
    occurrences: tuple[Occurrence, ...]


@dataclass(frozen=True, slots=True)
class Scan:
    """What came of some files against the catalog as it stood at line `change_seq` of its log.

    `subjects` are the packages that were looked up, each version once.
    """

    files: tuple[ScannedFile, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    subjects: tuple[Subject, ...] = ()
    findings: tuple[Finding, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    change_seq: int = 0

    @property
    def counted(self) -> tuple[Finding, ...]:
        """The findings that nobody ignores."""
        return tuple(finding for finding in self.findings if finding.ignored is None)

    @property
    def is_complete(self) -> bool:
        """Whether every file and every entry of it was read."""
        return not self.unreadable and not any(file.faults for file in self.files)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a report says beside the findings: when and by what it was made, and how old the sources' data are.

    `verdict` is what the scan comes to for the program that asked.
    """

    now: datetime
    program: str
    version: str
    verdict: str
    freshness: Mapping[str, datetime] = field(default_factory=dict)
