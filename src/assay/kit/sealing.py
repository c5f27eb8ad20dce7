"""Secrets at rest: encrypted with a key that is not in the database."""

from functools import cached_property
from pathlib import Path

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from assay.errors import Permanent
from assay.kit.files import disk_trouble
from assay.kit.fingerprints import make_key


class Seals:
    """Seals values, and opens them again (Fernet: AES-128-CBC with HMAC-SHA-256).

    `keys` are as `Fernet.generate_key` makes them: the first seals, all of them open. Without keys there is one in a
    file, which only its owner can read and which is made when it is needed.
    """

    def __init__(self, path: Path, keys: tuple[str, ...] = ()) -> None:
        self._path = path
        self._keys = keys

    def seal(self, about: str, secrets: dict[str, str]) -> bytes:
        """The secrets, sealed for what they are about: nobody can put them to something else."""
        return self._sealer.encrypt(msgspec.json.encode({"about": about, "secrets": secrets}))

    def open(self, about: str, sealed: bytes) -> dict[str, str]:
        """What was sealed. Raises Permanent when the key is another one, or it was sealed for something else."""
        try:
            kept = msgspec.json.decode(self._sealer.decrypt(sealed), type=_Kept)
        except (InvalidToken, msgspec.DecodeError):
            raise Permanent(
                f"the secrets of {about} were sealed with a key that is not here: set ASSAY_FEEDS__KEYS as it was, "
                f"restore {self._path}, or give the secrets again"
            ) from None
        if kept.about != about:
            raise Permanent(f"the secrets of {about} were sealed for something else: give them again")
        return kept.secrets

    def check(self) -> None:
        """Raises Permanent for a key that is none; where there is no key yet, none is made."""
        if self._keys or self._path.exists():
            _ = self._sealer

    @cached_property
    def _sealer(self) -> MultiFernet:
        try:
            return MultiFernet([Fernet(key) for key in self._keys or (self._kept_key(),)])
        except ValueError as error:
            raise Permanent(
                f"a key for secrets is no Fernet key ({error}): make one with `assay feeds new-key`"
            ) from error

    def _kept_key(self) -> str:
        with disk_trouble(self._path.parent):
            if not self._path.exists():
                make_key(self._path, Fernet.generate_key())
            return self._path.read_text().strip()


class _Kept(msgspec.Struct):
    about: str
    secrets: dict[str, str]


def new_key() -> str:
    """A new key for `Seals`."""
    return Fernet.generate_key().decode()
