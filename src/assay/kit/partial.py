"""The beginning of a download that was interrupted, kept until the next attempt goes on from there."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from assay.errors import Transient
from assay.kit.files import Files, disk_trouble
from assay.kit.locks import hold

_CHUNK = 1 << 20


class Kept(msgspec.Struct, frozen=True):
    """What is known of the version that the kept bytes belong to: its strong validator, its whole length."""

    validator: str
    total: int | None


class Partial:
    """The kept bytes of one address, below `partial/` in the file store.

    Only the holder of `partial_of` touches them. The description is written before the first byte, so bytes
    without a readable description belong to no version and are dropped.
    """

    def __init__(self, files: Files, stem: Path) -> None:
        self.path = stem.with_suffix(".part")
        self._note = stem.with_suffix(".json")
        self._files = files

    def kept(self) -> tuple[int, Kept] | None:
        """How many bytes of which version are kept; None where the next attempt must start from zero."""
        try:
            kept = msgspec.json.decode(self._note.read_bytes(), type=Kept)
            size = self.path.stat().st_size
        except (OSError, msgspec.MsgspecError):
            return None
        return (size, kept) if size > 0 else None

    def start(self, kept: Kept | None) -> None:
        """Drops what is kept; what follows belongs to this version, or to none that can be resumed."""
        self.drop()
        with disk_trouble(self._files.root):
            if kept is not None:
                self._note.write_bytes(msgspec.json.encode(kept))
            self.path.touch()

    def drop(self) -> None:
        """Forgets everything."""
        with disk_trouble(self._files.root):
            self._note.unlink(missing_ok=True)
            self.path.unlink(missing_ok=True)

    def chunks(self) -> Iterator[bytes]:
        """The kept bytes."""
        with disk_trouble(self._files.root), self.path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk


@contextmanager
def partial_of(files: Files, address: str, wait_seconds: float) -> Iterator[Partial]:
    """The address's partial download, for this caller alone; Transient when another keeps it for too long."""
    folder = files.root / "partial"
    stem = folder / hashlib.sha256(address.encode()).hexdigest()
    with hold(stem.with_suffix(".lock"), wait_seconds):
        yield Partial(files, stem)


def drop_partials(files: Files, before: float) -> int:
    """Removes the kept bytes that nobody has touched since `before` (seconds since 1970), and counts them.

    A partial download that is under way is left alone, whatever its age. Lock files stay: removing one that
    another process is about to lock would let two in.
    """
    dropped = 0
    for path in sorted((files.root / "partial").glob("*.part")):
        with disk_trouble(files.root):
            if path.stat().st_mtime >= before:
                continue
        with suppress(Transient), hold(path.with_suffix(".lock"), 0.0):
            Partial(files, path.with_suffix("")).drop()
            dropped += 1
    return dropped
