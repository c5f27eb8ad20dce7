"""Keyed fingerprints: whether two secrets are equal can be seen by those who have neither."""

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from assay.kit.files import disk_trouble

_BYTES = 32
_SHOWN = 16


class Fingerprints:
    """Makes fingerprints with the key in a file, which only its owner can read and which is made when it is needed.

    Fingerprints made with different keys cannot be compared.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, text: str) -> str:
        """64 bits of an HMAC-SHA-256, in hexadecimal."""
        return hmac.digest(self._key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hex()[:_SHOWN]

    @cached_property
    def _key(self) -> bytes:
        with disk_trouble(self._path.parent):
            if not self._path.exists():
                make_key(self._path, secrets.token_bytes(_BYTES))
            return self._path.read_bytes()


def make_key(path: Path, key: bytes) -> None:
    """Put a key into a file that only its owner can read: whole or not at all; of two made at once the first stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, key)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    with suppress(FileExistsError):
        path.hardlink_to(made)
    made.unlink()
