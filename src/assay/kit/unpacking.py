"""Compressed streams as they are told by their first bytes: gzip, Zstandard, xz, or not compressed at all."""

import io
import lzma
import zlib
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING

import zstandard

from assay.errors import Permanent
from assay.kit.gunzip import CutShortError, inflated

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_GZIP, _ZSTD, _XZ = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\x00"
MAGIC_BYTES = 6
"""So many first bytes tell how a stream is compressed."""

_PIECE = 256 << 10
# The largest window that zstd itself reads without being told to (`--long=27`), and what xz -9 needs and more.
_ZSTD_WINDOW = 1 << 27
_XZ_MEMORY = 256 << 20


def is_compressed(start: bytes) -> bool:
    """Whether a stream that begins so is compressed in a way that is known here."""
    return start.startswith((_GZIP, _ZSTD, _XZ))


def unpacked(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """What a stream unpacks to, in pieces of bounded size. Raises Damaged for one that is damaged or cut short."""
    stream = iter(chunks)
    start = b""
    for chunk in stream:
        start += chunk
        if len(start) >= MAGIC_BYTES:
            break
    whole = chain((start,), stream)
    try:
        if start.startswith(_GZIP):
            yield from inflated(whole)
        elif start.startswith(_ZSTD):
            yield from _from_zstd(whole)
        elif start.startswith(_XZ):
            yield from _from_xz(whole)
        else:
            yield from whole
    except (zlib.error, zstandard.ZstdError, lzma.LZMAError, EOFError, CutShortError) as error:
        raise Damaged(f"the archive is damaged or cut short ({error}): pack and upload it again") from error


def _from_zstd(chunks: Iterable[bytes]) -> Iterator[bytes]:
    reader = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).stream_reader(
        io.BufferedReader(_Readable(chunks)), read_across_frames=True
    )
    while piece := reader.read(_PIECE):
        yield piece


def _from_xz(chunks: Iterable[bytes]) -> Iterator[bytes]:
    unpacker = lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)
    for chunk in chunks:
        pending = chunk
        while pending or not (unpacker.needs_input or unpacker.eof):
            if unpacker.eof:
                # xz pads and joins streams; padding is zeros.
                pending = pending.lstrip(b"\0")
                if not pending:
                    break
                unpacker = lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)
            piece = unpacker.decompress(pending, _PIECE)
            pending = unpacker.unused_data if unpacker.eof else b""
            if piece:
                yield piece
    if not unpacker.eof:
        raise EOFError("the xz stream ends in the middle")


class Damaged(Permanent):
    """An archive's own bytes are wrong, which says nothing of an archive that it lies in."""


class _Readable(io.RawIOBase):
    """Chunks as a file that is read on."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        super().__init__()
        self._chunks = iter(chunks)
        self._rest = b""

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Fill what there is of the buffer; nothing at the end."""
        if not self._rest:
            self._rest = next(self._chunks, b"")
        view = memoryview(buffer).cast("B")
        size = min(len(view), len(self._rest))
        view[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size
