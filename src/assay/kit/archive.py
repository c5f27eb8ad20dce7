"""One view over a zip file, a directory, a git tree and a single file; nothing is ever unpacked to disk."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from assay.errors import BadRecord, Permanent
from assay.kit import git
from assay.kit.archive_file import DirectoryArchive, FileArchive, first_bytes, open_stream
from assay.kit.archive_zip import ZipArchive
from assay.kit.member import Limits, Member

__all__ = ["Address", "Archive", "Kind", "Limits", "Member", "address_of", "open_archive", "open_stream"]

_ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06")


class Kind(StrEnum):
    """How an archive is kept."""

    ZIP = "zip"
    DIRECTORY = "directory"
    GIT = "git"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Address:
    """Where an archive is, small enough to be handed to another process, which opens it itself.

    `revision` is the commit of a git tree. `folder` narrows a git tree or a directory to a part of it; names
    are relative to that folder. `name` is what a single file is called where it is kept under another name.
    """

    kind: Kind
    path: Path
    revision: str | None = None
    folder: str = ""
    name: str | None = None


class Archive(Protocol):
    """An open archive."""

    def members(self) -> list[Member]:
        """Every file in it, the unreadable ones with a fault; Permanent when the archive is no good."""

    def read(self, member: Member) -> bytes:
        """The member's content; BadRecord with its fault, or when its bytes are not what was listed.

        Works without listing first, for a member that another process has listed.
        """


class GitArchive:
    """The files of one folder of one commit in a bare repository."""

    def __init__(self, path: Path, revision: str, folder: str, limits: Limits) -> None:
        self._path = path
        self._revision = revision
        self._folder = folder
        self._limits = limits
        self._blobs: git.Blobs | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._blobs is not None:
            self._blobs.close()

    def members(self) -> list[Member]:
        """Every file in the order of git's tree; links and submodules carry a fault."""
        members = git.tree(self._path, self._revision, self._folder, self._limits)
        total = sum(member.size for member in members if member.fault is None)
        if len(members) > self._limits.max_members or total > self._limits.max_total_bytes:
            raise Permanent(
                f"{self._path} at {self._revision} holds {len(members):,} files with {total:,} bytes, "
                "more than the limits allow: raise them if that is right"
            )
        return members

    def read(self, member: Member) -> bytes:
        """The blob's content; BadRecord with its fault, or `damaged` where the repository lacks it."""
        if member.fault is not None:
            raise BadRecord(member.fault, f"{member.name[:300]}: {member.size:,} bytes")
        if self._blobs is None:
            self._blobs = git.Blobs(self._path)
        content = self._blobs.read(member.fingerprint.hex(), self._limits.max_member_bytes)
        if content is None:
            raise BadRecord(
                "damaged", f"{member.name[:300]}: the repository lacks {member.fingerprint.hex()}"
            )
        return content


def open_archive(address: Address, limits: Limits | None = None) -> AbstractContextManager[Archive]:
    """The archive at this address, open until the block ends; Permanent when there is none."""
    limits = limits or Limits()
    match address.kind:
        case Kind.ZIP:
            return ZipArchive(address.path, limits)
        case Kind.DIRECTORY:
            return DirectoryArchive(_inside(address.path, address.folder), limits)
        case Kind.FILE:
            return FileArchive(address.path, limits, address.name)
        case Kind.GIT:
            if address.revision is None:
                raise Permanent(f"{address.path} is a git repository: say which commit is meant")
            return GitArchive(address.path, address.revision, address.folder, limits)


def address_of(path: Path) -> Address:
    """The address of what lies at a path, told by content: a directory, a zip, or a single file.

    A file that is called `.zip` and is none is still addressed as one, so that opening it says what is wrong.
    """
    if path.is_dir():
        return Address(Kind.DIRECTORY, path)
    if first_bytes(path, 4) in _ZIP_MAGICS or path.suffix.lower() == ".zip":
        return Address(Kind.ZIP, path)
    return Address(Kind.FILE, path)


def _inside(root: Path, folder: str) -> Path:
    if folder.startswith("/") or ".." in folder.split("/"):
        raise Permanent(f"the folder {folder!r} is not inside {root}: correct it")
    return root / folder
