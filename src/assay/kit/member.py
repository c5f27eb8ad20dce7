"""What every kind of archive lists: its members, their limits, and names that cannot be trusted. Pure."""

import re
from dataclasses import dataclass

import msgspec

_DRIVE = re.compile(r"[A-Za-z]:")
_BOMB_FLOOR = 1 << 20
# Bytes; a zip's names may have 65,535, but a name is a key wherever members are kept apart.
_LONGEST_NAME = 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of an archive is believed; sizes in bytes, `max_ratio` for members over 1 MiB."""

    max_member_bytes: int = 64 << 20
    max_ratio: int = 200
    max_members: int = 5_000_000
    max_total_bytes: int = 64 << 30


class Member(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One file in an archive.

    `name` is relative to the archive's folder and tells members apart: the second member of one name is
    listed as `name#2`. `fingerprint` changes whenever the content does and is the same in every run.
    `fault` is why the member is not read (`path-outside`, `too-large`, `zip-bomb`, `encrypted`, `symlink`,
    ...), None for a sound one. `at` is where a zip's directory speaks of it, so that another process can read
    it without listing the zip again; it means nothing elsewhere.
    """

    name: str
    size: int
    fingerprint: bytes
    fault: str | None
    at: int = 0


def name_fault(name: str) -> str | None:
    """Why a member's name is refused, None when it stays inside the archive and can be shown and stored."""
    if not name:
        return "bad-name"
    if "\0" in name or "\\" in name or name[0] == "/" or (name[1:2] == ":" and _DRIVE.match(name)):
        return "path-outside"
    if ".." in name and ".." in name.split("/"):
        return "path-outside"
    if len(name) * 4 > _LONGEST_NAME < len(name.encode("utf-8", "surrogateescape")):
        return "bad-name"
    return None if name.isascii() or _is_text(name) else "bad-name"


def size_fault(size: int, packed: int, limits: Limits) -> str | None:
    """Why a member of this size, packed to that size, is refused."""
    if size > limits.max_member_bytes:
        return "too-large"
    if size > _BOMB_FLOOR and size > packed * limits.max_ratio:
        return "zip-bomb"
    return None


def told_apart(name: str, seen: dict[str, int]) -> str:
    """The name, with `#2`, `#3`, ... from its second appearance on; `seen` counts and is updated."""
    count = seen.get(name, 0)
    if count == 0:
        seen[name] = 1
        return name
    # A member may really be called "a#2": numbers that are taken are passed over.
    while (numbered := f"{name}#{count + 1}") in seen:
        count += 1
    seen[name], seen[numbered] = count + 1, 1
    return numbered


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
