"""Zstandard for what is kept in rows: small texts, written once and read now and then."""

import threading

import zstandard

# Level 3 is the library's balance of size and time; on 2 KB records higher levels gain little.
_LEVEL = 3
_local = threading.local()


def compress(content: bytes) -> bytes:
    """The content as one zstd frame that states its size."""
    # A compressor is dear to make and serves one thread at a time.
    try:
        compressor = _local.compressor
    except AttributeError:
        compressor = _local.compressor = zstandard.ZstdCompressor(level=_LEVEL)
    return bytes(compressor.compress(content))


def content_size(head: bytes) -> int:
    """How many bytes a frame made by `compress` holds, told by its first 18 (RFC 8878, section 3.1.1.1)."""
    return zstandard.frame_content_size(head)


def decompress(frame: bytes) -> bytes:
    """The content of a frame made by `compress`."""
    try:
        decompressor = _local.decompressor
    except AttributeError:
        decompressor = _local.decompressor = zstandard.ZstdDecompressor()
    return bytes(decompressor.decompress(frame))
