"""Zstandard for what is kept in rows: small texts, written once and read now and then."""

import threading

import zstandard

# Level 3 is the library's balance of size and time; on 2 KB records higher levels gain little.
_LEVEL = 3
# For what is read back within the same run: a third of the size for a fifth of the time.
_QUICK_LEVEL = -1
_local = threading.local()


def compress(content: bytes) -> bytes:
    """The content as one zstd frame that states its size."""
    return _compressed(content, _LEVEL)


def compress_quickly(content: bytes) -> bytes:
    """The content as a larger frame, made in less time; for what is soon read and deleted."""
    return _compressed(content, _QUICK_LEVEL)


def _compressed(content: bytes, level: int) -> bytes:
    # A compressor is dear to make and serves one thread at a time.
    try:
        compressors: dict[int, zstandard.ZstdCompressor] = _local.compressors
    except AttributeError:
        compressors = _local.compressors = {}
    compressor = compressors.get(level)
    if compressor is None:
        compressor = compressors[level] = zstandard.ZstdCompressor(level=level)
    return bytes(compressor.compress(content))


def decompress(frame: bytes) -> bytes:
    """The content of a frame made by `compress`."""
    try:
        decompressor = _local.decompressor
    except AttributeError:
        decompressor = _local.decompressor = zstandard.ZstdDecompressor()
    return bytes(decompressor.decompress(frame))
