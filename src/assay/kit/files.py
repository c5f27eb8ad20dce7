"""The document store: every file once, named by the SHA-256 of its content."""

import hashlib
import os
import re
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from assay.errors import Permanent
from assay.kit.locks import try_hold

DEFAULT_MAX_BYTES = 64 << 30
_CHUNK = 1 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Stored:
    """One document in the store: its name and its size in bytes."""

    sha256: str
    bytes: int


class Files:
    """Documents below one directory, at `<first two digits>/<sha-256>`, readable by anyone, written once.

    Adding is atomic and durable: content appears under its name complete and synced, or not at all. The same
    content added twice is kept once. Several processes may use one store. Every failure of the disk is a
    Permanent that names the directory.
    """

    def __init__(self, root: Path, *, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        self.root = root
        self._max_bytes = max_bytes
        self._incoming = root / "incoming"
        with disk_trouble(root):
            self._incoming.mkdir(parents=True, exist_ok=True)
        self.clean()

    def add_file(self, path: Path, *, max_bytes: int | None = None) -> Stored:
        """Copies a file into the store; the copy does not change when the file does later."""
        try:
            source = path.open("rb")
        except OSError as error:
            raise Permanent(
                f"cannot read {path}: {error.strerror}: check the path and its permissions"
            ) from error
        with source:
            return self.add_stream(_chunks(source, path), max_bytes=max_bytes)

    def add_stream(self, chunks: Iterable[bytes], *, max_bytes: int | None = None) -> Stored:
        """Stores what the chunks spell; Permanent when they exceed `max_bytes` or the store's own cap.

        An error raised by the iterable passes through and leaves nothing behind.
        """
        cap = self._max_bytes if max_bytes is None else min(max_bytes, self._max_bytes)
        digest, size = hashlib.sha256(), 0
        with self._temporary() as (file, path):
            for chunk in chunks:
                size += len(chunk)
                if size > cap:
                    raise Permanent(
                        f"the document is larger than {cap:,} bytes: raise the limit if that is right"
                    )
                digest.update(chunk)
                with disk_trouble(self.root):
                    file.write(chunk)
            return self._keep(file, path, Stored(digest.hexdigest(), size))

    def adopt(self, path: Path, stored: Stored) -> Stored:
        """Moves a finished file of the store's own file system to its name; the caller has hashed it."""
        with disk_trouble(self.root), path.open("rb+") as file:
            return self._keep(file, path, stored)

    def path(self, sha256: str) -> Path:
        """Where the document of this name lies, or would lie; ValueError for what is no SHA-256."""
        if _SHA256.fullmatch(sha256) is None:
            raise ValueError(f"not a SHA-256 in lower-case hexadecimal: {sha256[:80]!r}")
        return self.root / sha256[:2] / sha256

    def has(self, sha256: str) -> bool:
        """Whether the document is in the store."""
        return self.path(sha256).is_file()

    def remove(self, sha256: str) -> bool:
        """Removes the document; False when it was not there."""
        with disk_trouble(self.root):
            try:
                self.path(sha256).unlink()
            except FileNotFoundError:
                return False
        return True

    def clean(self) -> int:
        """Removes what writers that died have left, and says how many files; living writers hold a lock."""
        removed = 0
        with disk_trouble(self.root):
            for path in self._incoming.iterdir():
                with suppress(FileNotFoundError), path.open("rb") as file:
                    if try_hold(file.fileno()):
                        path.unlink()
                        removed += 1
        return removed

    @contextmanager
    def _temporary(self) -> Iterator[tuple[BinaryIO, Path]]:
        with disk_trouble(self.root):
            file, path = self._locked()
        try:
            yield file, path
        finally:
            # On a full disk close() fails too, on the bytes it still holds; the first error is reported.
            with suppress(OSError):
                file.close()
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def _locked(self) -> tuple[BinaryIO, Path]:
        while True:
            path = self._incoming / uuid.uuid4().hex
            file = path.open("xb")
            # Another process's clean() may come between creation and lock; it has then unlinked the file.
            if try_hold(file.fileno()) and os.fstat(file.fileno()).st_nlink == 1:
                return file, path
            file.close()

    def _keep(self, file: BinaryIO, path: Path, stored: Stored) -> Stored:
        target = self.path(stored.sha256)
        with disk_trouble(self.root):
            file.flush()
            if target.is_file() and target.stat().st_size == stored.bytes:
                path.unlink()
                return stored
            os.fchmod(file.fileno(), os.fstat(file.fileno()).st_mode & 0o444)
            os.fsync(file.fileno())
            target.parent.mkdir(exist_ok=True)
            path.replace(target)
            _sync_directory(target.parent)
        return stored


@contextmanager
def disk_trouble(directory: Path) -> Iterator[None]:
    """Turns the disk's errors into a Permanent that says what to do."""
    try:
        yield
    except OSError as error:
        raise Permanent(
            f"cannot write below {directory}: {error.strerror or error}: "
            "free some space or correct the permissions"
        ) from error


def _chunks(source: BinaryIO, path: Path) -> Iterator[bytes]:
    while True:
        try:
            chunk = source.read(_CHUNK)
        except OSError as error:
            raise Permanent(
                f"cannot read {path}: {error.strerror}: check that it is a readable file"
            ) from error
        if not chunk:
            return
        yield chunk


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
