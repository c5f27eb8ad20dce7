"""Reading a zip without trusting it: its directory is listed, its members are inflated in memory under a cap.

The structures are those of PKWARE's APPNOTE.TXT 6.3.10, sections 4.3.7 (local header), 4.3.12 (central
directory), 4.3.14 to 4.3.16 (end records) and 4.5.3 (zip64). `zipfile` is not used: it keeps half a kilobyte
per member, must list the whole directory before it reads one member, and believes the sizes it is told.
"""

import os
import stat
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from assay.errors import BadRecord, Permanent
from assay.kit.member import Limits, Member, name_fault, size_fault, told_apart

_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR64 = struct.Struct("<4sLQL")
_CENTRAL = struct.Struct("<4sxB2x2H4x3L3H4x2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_FINGERPRINT = struct.Struct("<LQ")
_WINDOW = 4 << 20
_FULL32, _FULL16 = 0xFFFFFFFF, 0xFFFF
_STORED, _DEFLATED = 0, 8
# Unix and Darwin, whose modes tell a file's kind.
_POSIX = frozenset((3, 19))
_KIND = 0o170000
_DOS = 0
_IS_ENCRYPTED = 0x1 | 0x40 | 0x2000
# Deflate's best case is 1032:1, so more than that is a lie and not a bomb.
_DEFLATE_LIMIT = 1032


# (bytes, position) -> what stands there, less at the end
_Read = Callable[[int, int], bytes]


class _Entry(msgspec.Struct, gc=False):
    """One record of the central directory, `at` its position and `start` its member's in the file."""

    at: int
    length: int
    name: bytes
    system: int
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    mode: int
    start: int


@dataclass(frozen=True, slots=True)
class _Directory:
    """Where the central directory lies, how many records it claims, and by how much all positions are off."""

    at: int
    size: int
    count: int
    is_count_exact: bool
    shift: int


class TooMuch(Permanent):
    """A zip claims more than is believed, whatever else is right or wrong with it."""


class ZipArchive:
    """An open zip file. `members()` lists it; `read()` works without listing, for members listed elsewhere.

    Threads may share it: nothing seeks.
    """

    def __init__(self, path: Path, limits: Limits, content: bytes | None = None) -> None:
        """Open the file at a path; one that lies in another archive is its content, and the path its name."""
        self._path = path
        self._limits = limits
        self._file: int | None = None
        if content is None:
            try:
                self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except OSError as error:
                raise Permanent(
                    f"cannot read {path}: {error.strerror}: check the path and its permissions"
                ) from error
            self._read: _Read = partial(os.pread, self._file)
            self._length = os.fstat(self._file).st_size
        else:
            self._read = partial(_sliced, content)
            self._length = len(content)
        try:
            self._directory = _find_directory(self._read, self._length, path)
        except BaseException:
            self._close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        if self._file is not None:
            os.close(self._file)

    def members(self) -> list[Member]:
        """Every file in the order of the zip's directory; folders are left out."""
        directory, limits = self._directory, self._limits
        if directory.count > limits.max_members:
            raise TooMuch(_too_many(self._path, directory.count, limits))
        members: list[Member] = []
        records = total = claimed = 0
        for entry in self._entries():
            records += 1
            if records > limits.max_members:
                raise TooMuch(_too_many(self._path, records, limits))
            claimed += _LOCAL.size + len(entry.name) + entry.packed
            name = _name(entry)
            if entry.size == 0 and name.endswith("/"):
                continue
            member = self._member(name, entry)
            if member.fault is None:
                total += entry.size
            members.append(member)
        self._check_count(records)
        if total > limits.max_total_bytes:
            raise TooMuch(
                f"{self._path} unpacks to {total:,} bytes, and {limits.max_total_bytes:,} are the limit: "
                "raise the limit if that is right"
            )
        if len({member.name for member in members}) < len(members):
            members = _told_apart(members)
        return self._without_overlaps(members) if claimed > self._length else members

    def read(self, member: Member) -> bytes:
        """The member's content; BadRecord with its fault, or `damaged` where bytes and directory disagree."""
        if member.fault is not None:
            raise _bad(member.fault, member, f"its directory entry says {member.size:,} bytes")
        entry = self._entry(member)
        packed = self._packed(entry, member)
        content = packed if entry.method == _STORED else _inflated(packed, member)
        if len(content) != member.size:
            raise _bad("damaged", member, f"{len(content):,} bytes, its directory entry says {member.size:,}")
        if zlib.crc32(content) != entry.crc:
            raise _bad("damaged", member, f"CRC-32 {zlib.crc32(content):08x}, expected {entry.crc:08x}")
        return content

    def _member(self, name: str, entry: _Entry) -> Member:
        fault = (
            name_fault(name)
            or _entry_fault(entry, self._length)
            or size_fault(entry.size, entry.packed, self._limits)
        )
        return Member(name, entry.size, _FINGERPRINT.pack(entry.crc, entry.size), fault, entry.at)

    def _entries(self) -> Iterator[_Entry]:
        """The records of the central directory, read through a window of constant size."""
        directory = self._directory
        at, end = directory.at, directory.at + directory.size
        window, base = b"", at
        while at < end:
            entry = _parsed(window, at - base, at, directory.shift)
            if entry is None:
                window, base = self._read(min(_WINDOW, end - at), at), at
                entry = _parsed(window, 0, at, directory.shift)
            if entry is None:
                raise _incomplete(self._path, f"its directory is damaged at byte {at:,}")
            yield entry
            at += entry.length

    def _entry(self, member: Member) -> _Entry:
        # Nearly every record is short; a name, extra field or comment of full length takes a second read.
        for most in (_CENTRAL.size + 512, _CENTRAL.size + 3 * _FULL16):
            record = self._read(most, member.at)
            entry = _parsed(record, 0, member.at, self._directory.shift)
            if entry is not None:
                break
        if entry is None or _FINGERPRINT.pack(entry.crc, entry.size) != member.fingerprint:
            raise _bad("damaged", member, "the zip is another one than was listed")
        return entry

    def _packed(self, entry: _Entry, member: Member) -> bytes:
        # The local header's extra field may be longer than the directory's; a second read is then needed.
        guess = _LOCAL.size + len(entry.name) + 64
        block = self._read(guess + entry.packed, entry.start)
        if len(block) < _LOCAL.size or block[:4] != b"PK\x03\x04":
            raise _bad("damaged", member, f"no local header at byte {entry.start:,}")
        header = _LOCAL.unpack_from(block)
        name_end = _LOCAL.size + header[9]
        if block[_LOCAL.size : name_end] != entry.name:
            raise _bad("damaged", member, "its local header names another file")
        begin = name_end + header[10]
        if begin + entry.packed > len(block):
            packed = self._read(entry.packed, entry.start + begin)
        else:
            packed = block[begin : begin + entry.packed]
        if len(packed) != entry.packed:
            raise _bad("damaged", member, f"{len(packed):,} of {entry.packed:,} packed bytes are there")
        return packed

    def _without_overlaps(self, members: list[Member]) -> list[Member]:
        """Faults members that share bytes with another: a bomb's trick to be small, and no packer's habit."""
        spans = sorted(
            (entry.start, entry.start + _LOCAL.size + len(entry.name) + entry.packed, entry.at)
            for entry in self._entries()
        )
        guilty: set[int] = set()
        reach, owner = -1, -1
        for start, end, at in spans:
            if start < reach:
                guilty |= {owner, at}
            if end > reach:
                reach, owner = end, at
        return [
            member
            if member.fault or member.at not in guilty
            else Member(member.name, member.size, member.fingerprint, "zip-bomb", member.at)
            for member in members
        ]

    def _check_count(self, records: int) -> None:
        directory = self._directory
        claimed = directory.count
        if records != claimed and (directory.is_count_exact or records & _FULL16 != claimed):
            raise _incomplete(self._path, f"its directory holds {records:,} records and claims {claimed:,}")


def _sliced(content: bytes, length: int, at: int) -> bytes:
    return content[at : at + length]


def _told_apart(members: list[Member]) -> list[Member]:
    seen: dict[str, int] = {}
    return [
        Member(told_apart(one.name, seen), one.size, one.fingerprint, one.fault, one.at) for one in members
    ]


def _inflated(packed: bytes, member: Member) -> bytes:
    inflater = zlib.decompressobj(-15)
    try:
        # One byte more than promised shows a lie without inflating it.
        content = inflater.decompress(packed, member.size + 1)
    except zlib.error as error:
        raise _bad("damaged", member, f"cannot be inflated: {error}") from error
    if not inflater.eof and len(content) <= member.size:
        # All output may be out while zlib has not read the end mark yet.
        content += inflater.decompress(inflater.unconsumed_tail, 1)
    if len(content) > member.size:
        raise _bad(
            "damaged", member, f"inflates to more than the {member.size:,} bytes its directory entry says"
        )
    if not inflater.eof:
        raise _bad("damaged", member, f"its packed bytes end after {len(content):,} of {member.size:,} bytes")
    return content


def _bad(reason: str, member: Member, detail: str) -> BadRecord:
    return BadRecord(reason, f"{member.name[:300]}: {detail}")


def _incomplete(path: Path, why: str) -> Permanent:
    return Permanent(f"{path} is not a complete zip archive ({why}): fetch it again")


def _too_many(path: Path, count: int, limits: Limits) -> str:
    return (
        f"{path} holds {count:,} members, and {limits.max_members:,} are the limit: raise it if that is right"
    )


def _name(entry: _Entry) -> str:
    """The name with slashes: Windows PowerShell 5 writes backslashes (Info-ZIP and libarchive turn them likewise)."""
    name = _decoded(entry.name)
    return name.replace("\\", "/") if entry.system == _DOS and "/" not in name else name


def _decoded(raw: bytes) -> str:
    """The name as text: UTF-8, which many packers write without saying so, else code page 437 (app. D)."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("cp437")


def _entry_fault(entry: _Entry, length: int) -> str | None:
    if entry.flags & _IS_ENCRYPTED:
        return "encrypted"
    if entry.mode and entry.system in _POSIX:
        kind = entry.mode & _KIND
        if kind == stat.S_IFLNK:
            return "symlink"
        if kind not in (0, stat.S_IFREG):
            return "not-a-file"
    if entry.method not in (_STORED, _DEFLATED):
        return "compression"
    return _claim_fault(entry, length)


def _claim_fault(entry: _Entry, length: int) -> str | None:
    """Whether the claimed sizes can be true in a file of this length."""
    if entry.start < 0 or entry.start + _LOCAL.size + entry.packed > length:
        return "implausible-size"
    if entry.method == _STORED:
        return None if entry.packed == entry.size else "implausible-size"
    # Deflate grows a member by 5 bytes in 16 KiB at worst; far more packed bytes than that hide something.
    if (
        entry.packed > entry.size + entry.size // 100 + 1024
        or entry.size > entry.packed * _DEFLATE_LIMIT + 1024
    ):
        return "implausible-size"
    return None


def _parsed(window: bytes, offset: int, at: int, shift: int) -> _Entry | None:
    """The record at this offset, None where it is none or not all of it is in the window."""
    if offset + _CENTRAL.size > len(window):
        return None
    magic, system, flags, method, crc, packed, size, named, extra, comment, attributes, start = (
        _CENTRAL.unpack_from(window, offset)
    )
    length = _CENTRAL.size + named + extra + comment
    if magic != b"PK\x01\x02" or offset + length > len(window):
        return None
    begin = offset + _CENTRAL.size
    name = window[begin : begin + named]
    if _FULL32 in (size, packed, start):
        size, packed, start = _wide(window[begin + named : begin + named + extra], size, packed, start)
    return _Entry(at, length, name, system, flags, method, crc, packed, size, attributes >> 16, start + shift)


def _wide(extra: bytes, size: int, packed: int, start: int) -> tuple[int, int, int]:
    """The three values; those that do not fit into 32 bits are in the zip64 extra field, in this order."""
    values = [size, packed, start]
    at = 0
    while at + 4 <= len(extra):
        tag, length = struct.unpack_from("<2H", extra, at)
        if tag == 1:
            wide = iter(struct.unpack_from(f"<{min(length, len(extra) - at - 4) // 8}Q", extra, at + 4))
            wide_values = [next(wide, value) if value == _FULL32 else value for value in values]
            return wide_values[0], wide_values[1], wide_values[2]
        at += 4 + length
    return size, packed, start


def _find_directory(read: _Read, length: int, path: Path) -> _Directory:
    tail_at = max(0, length - _END.size - _FULL16)
    tail = read(length - tail_at, tail_at)
    found = len(tail)
    while (found := tail.rfind(b"PK\x05\x06", 0, found + 3)) >= 0:
        if found + _END.size <= len(tail):
            end = _END.unpack_from(tail, found)
            if found + _END.size + end[7] <= len(tail):
                return _directory(read, tail_at + found, end, path)
    raise _incomplete(path, f"its end is missing in {length:,} bytes")


def _directory(
    read: _Read, end_at: int, end: tuple[bytes, int, int, int, int, int, int, int], path: Path
) -> _Directory:
    _, disk, first_disk, _, count, size, start, _ = end
    located = read(_LOCATOR64.size, end_at - _LOCATOR64.size) if end_at >= _LOCATOR64.size else b""
    exact = False
    if len(located) == _LOCATOR64.size and located[:4] == b"PK\x06\x07":
        end_at, count, size, start = _end64(read, located, end_at, path)
        exact = True
    elif disk != 0 or first_disk != 0:
        raise Permanent(f"{path} is one part of a zip archive on several disks: join the parts first")
    shift = end_at - size - start
    if shift < 0:
        raise _incomplete(path, f"its directory should begin at byte {start:,} with {size:,} bytes")
    return _Directory(start + shift, size, count, exact, shift)


def _end64(read: _Read, located: bytes, end_at: int, path: Path) -> tuple[int, int, int, int]:
    # Bytes before the archive move everything: the record is not always where the locator says.
    for at in (_LOCATOR64.unpack(located)[2], end_at - _LOCATOR64.size - _END64.size):
        record = read(_END64.size, at) if 0 <= at < end_at else b""
        if len(record) == _END64.size and record[:4] == b"PK\x06\x06":
            fields = _END64.unpack(record)
            return at, fields[7], fields[8], fields[9]
    raise _incomplete(path, "its zip64 end record is missing")
