"""Inflating gzip as it streams by, in pieces of bounded size."""

import zlib
from collections.abc import Iterable, Iterator

_PIECE = 256 << 10
_GZIP = 31  # zlib's name for: a gzip header, the largest window


class CutShortError(ValueError):
    """The gzip stream ends in the middle."""


def inflated(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The content of a gzip stream of one or more members, in pieces of at most 256 KiB.

    Raises zlib.error for what is no gzip or fails its checksum, CutShortError for a stream without its end.
    Zero bytes after the last member are padding, as for gzip(1).
    """
    inflater = zlib.decompressobj(wbits=_GZIP)
    for chunk in chunks:
        pending = chunk
        while pending:
            if inflater.eof:
                pending = pending.lstrip(b"\0")
                if not pending:
                    break
                inflater = zlib.decompressobj(wbits=_GZIP)
            piece = inflater.decompress(pending, _PIECE)
            pending = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
            if piece:
                yield piece
    # Output may still be waiting inside zlib when the last input byte is in.
    while not inflater.eof and (piece := inflater.decompress(b"", _PIECE)):
        yield piece
    if not inflater.eof:
        raise CutShortError("the gzip stream ends in the middle")
