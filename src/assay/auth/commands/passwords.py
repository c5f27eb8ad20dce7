"""Passwords as argon2id, which is slow on purpose and takes 64 MiB each time."""

from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

_HASHER = PasswordHasher()
# More at a time would take the memory and the cores of everything else.
_TURNS = BoundedSemaphore(2)
_nobodys: list[str] = []


def hashed(password: str) -> str:
    """The password as it is kept, with the parameters it was hashed with."""
    with _TURNS:
        return _HASHER.hash(password)


def is_right(kept: str | None, password: str) -> bool:
    """Whether it is the password. Where none is kept it takes as long, so that nobody learns who exists."""
    if kept is None:
        _verify(_hash_of_nobody(), password)
        return False
    return _verify(kept, password)


def is_outdated(kept: str) -> bool:
    """Whether it would be hashed with other parameters today."""
    return _HASHER.check_needs_rehash(kept)


def _verify(kept: str, password: str) -> bool:
    try:
        with _TURNS:
            return _HASHER.verify(kept, password)
    except (Argon2Error, InvalidHashError):
        return False


def _hash_of_nobody() -> str:
    if not _nobodys:
        _nobodys.append(hashed("the password of nobody"))
    return _nobodys[0]
