"""Reading a tar as it streams by, without trusting it: nothing is written, links are not followed.

POSIX.1-2017, pax, "ustar Interchange Format" and "pax Extended Header"; GNU tar, "Basic Tar Format". `tarfile` is not
used: before it yields the first member it reads an extended header of any size into memory.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from assay.kit.budget import Budget
from assay.kit.member import name_fault
from assay.kit.unpacking import Damaged

BLOCK = 512
_REGULAR = frozenset((b"0", b"\0", b"7"))
_FOLDER = b"5"
_PAX, _PAX_GLOBAL = frozenset((b"x", b"X")), b"g"
_LONG_NAME, _LONG_LINK = b"L", b"K"
_SPARSE = b"S"
_FAULTS = {
    b"1": "hard-link",
    b"2": "symlink",
    b"3": "device",
    b"4": "device",
    b"6": "fifo",
    _SPARSE: "sparse",
}
_EMPTY = bytes(BLOCK)


class Stream:
    """Chunks, read in the sizes that are asked for."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = b""
        self._at = 0

    def read(self, size: int) -> bytes:
        """So many bytes, fewer only at the end."""
        found = self._rest[self._at : self._at + size]
        self._at += len(found)
        if len(found) == size:
            return found
        parts = [found]
        wanted = size - len(found)
        for chunk in self._chunks:
            if len(chunk) >= wanted:
                parts.append(chunk[:wanted])
                self._rest, self._at = chunk, wanted
                break
            parts.append(chunk)
            wanted -= len(chunk)
        else:
            self._rest, self._at = b"", 0
        return b"".join(parts)

    def pieces(self, size: int) -> Iterator[bytes]:
        """The next so many bytes, in pieces as they come. Raises Damaged when the stream ends before."""
        while size:
            piece = self.read(min(size, 64 << 10))
            if not piece:
                raise Damaged("the archive is cut short: pack and upload it again")
            size -= len(piece)
            yield piece

    def back(self, content: bytes) -> None:
        """Put back what was read, to be read again."""
        self._rest, self._at = content + self._rest[self._at :], 0


@dataclass(frozen=True, slots=True)
class TarMember:
    """One member. `fault` says why it is not read; its bytes are there until the next member is asked for."""

    name: str
    size: int
    fault: str | None
    pieces: Callable[[], Iterator[bytes]]


def is_tar(block: bytes) -> bool:
    """Whether a stream that begins with this block is a tar."""
    return len(block) == BLOCK and (block == _EMPTY or _is_checked(block))


def members(stream: Stream, budget: Budget) -> Iterator[TarMember]:
    """The files of a tar, in its order; folders are left out. Raises Damaged for what is no sound tar."""
    named: dict[str, str] = {}
    while (block := stream.read(BLOCK)) and block != _EMPTY:
        if len(block) < BLOCK or not _is_checked(block):
            raise Damaged("the archive is damaged or cut short: a header of the tar is none")
        size, kind = _size(block), block[156:157]
        if kind in _PAX or kind in (_PAX_GLOBAL, _LONG_NAME, _LONG_LINK):
            named |= _extended(stream, budget, kind, size)
            continue
        budget.add_member()
        if kind == _SPARSE:
            _skip_sparse_map(stream, block)
        name = named.get("path") or _name(block)
        size = int(named.get("size", size))
        member = _Data(stream, size)
        if kind != _FOLDER:
            fault = _fault(kind, name, named, budget)
            yield TarMember(name.removeprefix("./"), size, fault, member.pieces)
        named = {}
        member.skip()


class _Data:
    """The bytes of one member, padded to whole blocks."""

    def __init__(self, stream: Stream, size: int) -> None:
        self._stream = stream
        self._left = size
        self._padding = -size % BLOCK

    def pieces(self) -> Iterator[bytes]:
        while self._left:
            for piece in self._stream.pieces(min(self._left, 64 << 10)):
                self._left -= len(piece)
                yield piece

    def skip(self) -> None:
        for _ in self.pieces():
            pass
        # Some programs leave out the last member's padding.
        self._stream.read(self._padding)


def _fault(kind: bytes, name: str, named: dict[str, str], budget: Budget) -> str | None:
    if kind in _FAULTS:
        return _FAULTS[kind]
    if kind not in _REGULAR:
        return "unknown-type"
    if any(key.startswith("GNU.sparse.") for key in named):
        return "sparse"
    plain = name.removeprefix("./")
    if plain.count("/") > budget.limits.depth:
        return "too-deep"
    return name_fault(plain)


def _extended(stream: Stream, budget: Budget, kind: bytes, size: int) -> dict[str, str]:
    """What a header about the next member says."""
    if size > budget.limits.header_bytes:
        raise Damaged(
            f"the archive has a header of {size:,} bytes, and {budget.limits.header_bytes:,} are the limit: "
            "it was not made by an honest program"
        )
    budget.add_member()
    data = _Data(stream, size)
    content = b"".join(data.pieces())
    data.skip()
    if kind == _LONG_NAME:
        return {"path": _text(content.partition(b"\0")[0])}
    return _records(content) if kind in _PAX else {}


def _records(content: bytes) -> dict[str, str]:
    """The records of a pax header: `<length> <key>=<value>` and a line break, the length counting all of it."""
    found: dict[str, str] = {}
    while content.strip(b"\0"):
        length, blank, _ = content.partition(b" ")
        end = int(length) if blank and length.isdigit() and len(length) < 8 else 0
        if not len(length) + 1 < end <= len(content):
            raise Damaged("the archive is damaged: a pax header cannot be read")
        key, _, value = content[len(length) + 1 : end].removesuffix(b"\n").partition(b"=")
        found[_text(key)] = _text(value)
        content = content[end:]
    if not found.get("size", "0").isdecimal() or len(found.get("size", "0")) > 15:
        raise Damaged("the archive is damaged: a pax header gives a size that is none")
    return found


def _skip_sparse_map(stream: Stream, block: bytes) -> None:
    is_continued = block[482:483] == b"\1"
    while is_continued:
        block = stream.read(BLOCK)
        is_continued = block[504:505] == b"\1"


def _name(block: bytes) -> str:
    name = _text(block[:100].partition(b"\0")[0])
    # GNU's own format has other things where ustar has the prefix.
    prefix = _text(block[345:500].partition(b"\0")[0]) if block[257:263] == b"ustar\0" else ""
    return f"{prefix}/{name}" if prefix else name


def _size(block: bytes) -> int:
    field = block[124:136]
    if field[0] & 0x80:
        size = int.from_bytes(bytes((field[0] & 0x7F,)) + field[1:], "big")
        if field[0] == 0xFF or size > 1 << 62:
            raise Damaged("the archive is damaged: a member has a size below nothing")
        return size
    return _octal(field)


def _octal(field: bytes) -> int:
    digits = field.replace(b"\0", b" ").strip()
    if digits and digits.strip(b"01234567"):
        raise Damaged("the archive is damaged: a number in a header of the tar is none")
    return int(digits or b"0", 8)


def _is_checked(block: bytes) -> bool:
    digits = block[148:156].replace(b"\0", b" ").split()
    if len(digits) != 1 or digits[0].strip(b"01234567"):
        return False
    # The field counts as eight blanks.
    return int(digits[0], 8) == sum(block) - sum(block[148:156]) + 8 * 32


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
