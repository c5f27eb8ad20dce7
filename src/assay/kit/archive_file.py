"""Reading plain files: a directory of them, or a single one, inflated where it is gzip."""

import errno
import os
import stat
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import Self

from assay.errors import BadRecord, Permanent
from assay.kit.gunzip import CutShortError, inflated
from assay.kit.member import Limits, Member, name_fault

_CHUNK = 256 << 10
_UNREAD = struct.Struct("<qq")


class DirectoryArchive:
    """The files below a directory, in the order of their names; hidden ones are left out, links not followed.

    A file's fingerprint is a hash of its content: times and sizes would miss edits that keep both, and would
    call a fresh checkout new.
    """

    def __init__(self, root: Path, limits: Limits) -> None:
        if not root.is_dir():
            raise Permanent(f"{root} is not a directory: check the path")
        self._root = root
        self._limits = limits

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    def members(self) -> list[Member]:
        """Every file; what is no readable plain file carries a fault."""
        members: list[Member] = []
        total = 0
        for relative, entry in _walk(self._root, ""):
            if len(members) >= self._limits.max_members:
                raise Permanent(
                    f"{self._root} holds more than {self._limits.max_members:,} files: raise the limit"
                )
            member = self._member(relative, entry)
            total += member.size if member.fault is None else 0
            members.append(member)
        if total > self._limits.max_total_bytes:
            raise Permanent(
                f"{self._root} holds {total:,} bytes, and {self._limits.max_total_bytes:,} are the limit: "
                "raise the limit if that is right"
            )
        return members

    def read(self, member: Member) -> bytes:
        """The file's content; BadRecord with its fault, or `changed` when it is no longer what was listed."""
        if member.fault is not None:
            raise BadRecord(member.fault, f"{member.name[:300]}: {member.size:,} bytes")
        try:
            content = _content(self._root / member.name, self._limits.max_member_bytes)
        except OSError as error:
            raise BadRecord("unreadable", f"{member.name[:300]}: {error.strerror}") from error
        if _fingerprint(content) != member.fingerprint:
            raise BadRecord("changed", f"{member.name[:300]}: it was written to since it was listed")
        return content

    def _member(self, relative: str, entry: os.DirEntry[str]) -> Member:
        status = entry.stat(follow_symlinks=False)
        size, fault = status.st_size, name_fault(relative) or _kind_fault(status.st_mode)
        # A name that is no text has no spelling of its own in UTF-8; the escaped one is only shown.
        name = relative if fault is None else os.fsencode(relative).decode("utf-8", "backslashreplace")
        if fault is None and size > self._limits.max_member_bytes:
            fault = "too-large"
        if fault is not None:
            return Member(name, size, _UNREAD.pack(size, status.st_mtime_ns), fault)
        try:
            content = _content(self._root / relative, self._limits.max_member_bytes)
        except OSError:
            return Member(name, size, _UNREAD.pack(size, status.st_mtime_ns), "unreadable")
        return Member(name, len(content), _fingerprint(content), None)


class FileArchive:
    """A single file as an archive of one member, inflated where it is gzip; its name loses `.gz` then."""

    def __init__(self, path: Path, limits: Limits, name: str | None = None) -> None:
        self._path = path
        self._limits = limits
        self._name = name or path.name

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    def members(self) -> list[Member]:
        """The one member; `too-large` when it inflates to more than the limit."""
        digest, size = blake2b(digest_size=16), 0
        name = self._name.removesuffix(".gz") if is_gzip(self._path) else self._name
        for chunk in _plain_chunks(self._path):
            size += len(chunk)
            digest.update(chunk)
            if size > self._limits.max_member_bytes:
                return [Member(name, size, digest.digest(), "too-large")]
        return [Member(name, size, digest.digest(), None)]

    def read(self, member: Member) -> bytes:
        """The inflated content; BadRecord with the member's fault, or `changed`."""
        if member.fault is not None:
            raise BadRecord(member.fault, f"{member.name[:300]}: at least {member.size:,} bytes")
        content = b"".join(open_stream(self._path, self._limits.max_member_bytes))
        if _fingerprint(content) != member.fingerprint:
            raise BadRecord("changed", f"{member.name[:300]}: it was written to since it was listed")
        return content


def open_stream(path: Path, max_bytes: int) -> Iterator[bytes]:
    """The file's content in chunks, inflated where it is gzip (told by its first bytes, not by its name).

    Permanent when it cannot be read, is damaged or cut short, or spells more than `max_bytes`.
    """
    size = 0
    for chunk in _plain_chunks(path):
        size += len(chunk)
        if size > max_bytes:
            raise Permanent(f"{path} spells more than {max_bytes:,} bytes: raise the limit if that is right")
        yield chunk


def is_gzip(path: Path) -> bool:
    """Whether the file begins as a gzip file does (RFC 1952 section 2.3.1)."""
    return first_bytes(path, 2) == b"\x1f\x8b"


def first_bytes(path: Path, count: int) -> bytes:
    """The file's first bytes, fewer where it is shorter."""
    with _reading(path), path.open("rb") as file:
        return file.read(count)


def _plain_chunks(path: Path) -> Iterator[bytes]:
    packed = is_gzip(path)
    with _reading(path), path.open("rb") as file:
        chunks = iter(lambda: file.read(_CHUNK), b"")
        try:
            yield from inflated(chunks) if packed else chunks
        except (zlib.error, CutShortError) as error:
            raise Permanent(f"{path} is a damaged gzip file ({error}): fetch it again") from error


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Permanent(
            f"cannot read {path}: {error.strerror}: check the path and its permissions"
        ) from error


def _content(path: Path, max_bytes: int) -> bytes:
    """A plain file's bytes; OSError for a link, and for a file that has grown past the limit meanwhile."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        content = file.read(max_bytes + 1)
        if len(content) > max_bytes:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        return content


def _walk(directory: Path, prefix: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Relative names and entries of all that is not hidden, sorted name by name."""
    with _reading(directory), os.scandir(directory) as scan:
        entries = sorted(scan, key=lambda entry: entry.name)
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(directory / entry.name, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, entry


def _kind_fault(mode: int) -> str | None:
    if stat.S_ISLNK(mode):
        return "symlink"
    return None if stat.S_ISREG(mode) else "not-a-file"


def _fingerprint(content: bytes) -> bytes:
    return blake2b(content, digest_size=16).digest()
