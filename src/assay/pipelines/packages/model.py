"""The packages pipeline's words: a format, and the inventory of packages that a file of it pins."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import msgspec


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
