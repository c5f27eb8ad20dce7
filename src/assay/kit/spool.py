"""Bytes that one process sets down for another on this machine, to be read once: quicker than rows, never relied on.

Nothing is synced to disk. What was lost with the power, removed, damaged, or set down on another machine is not there
when it is asked for, and whoever asks makes it again.
"""

import os
import uuid
import zlib
from collections.abc import Hashable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeVar

from assay.kit.files import disk_trouble

Key = TypeVar("Key", bound=Hashable)


class Place(NamedTuple):
    """Where bytes were set down, and their CRC-32."""

    file: str
    at: int
    size: int
    checksum: int


class Spool:
    """A directory of files, each written once by one `put` and removed by `drop`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def put(self, items: Sequence[bytes]) -> list[Place]:
        """Set items down together. Raises Permanent when the disk refuses them."""
        name = uuid.uuid4().hex
        places, at = [], 0
        for item in items:
            places.append(Place(name, at, len(item), zlib.crc32(item)))
            at += len(item)
        with disk_trouble(self._directory):
            self._directory.mkdir(parents=True, exist_ok=True)
            (self._directory / name).write_bytes(b"".join(items))
        return places

    def get(self, wanted: Mapping[Key, Place]) -> dict[Key, bytes]:
        """What is still as it was set down, by key."""
        found: dict[Key, bytes] = {}
        together: dict[str, list[tuple[Key, Place]]] = {}
        for key, place in wanted.items():
            together.setdefault(place.file, []).append((key, place))
        for name, entries in together.items():
            with suppress(OSError), (self._directory / name).open("rb", buffering=0) as file:
                for key, place in entries:
                    content = os.pread(file.fileno(), place.size, place.at)
                    if zlib.crc32(content) == place.checksum:
                        found[key] = content
        return found

    def names(self) -> list[str]:
        """The files that are there now."""
        with suppress(FileNotFoundError):
            return [path.name for path in self._directory.iterdir()]
        return []

    def drop(self, names: Iterable[str]) -> None:
        """Remove files; those that are gone are not missed."""
        for name in names:
            with suppress(OSError):
                (self._directory / name).unlink()
