"""One-dimensional arrays of bigint, text and bytea in PostgreSQL's binary format.

psycopg's own dumper looks at every element to find the array's shape and type; bulk COPY knows both, and spent a
fifth of its time there. Format: src/backend/utils/adt/arrayfuncs.c, array_recv.
"""

from collections.abc import Sequence
from functools import lru_cache
from struct import Struct

from psycopg import pq
from psycopg.adapt import AdaptersMap, Dumper

_INT8, _INT8_ARRAY = 20, 1016
_TEXT, _TEXT_ARRAY = 25, 1009
_BYTEA, _BYTEA_ARRAY = 17, 1001
# Dimensions, has-nulls flag, element type, length and lower bound of the only dimension.
_HEAD = Struct(">iiIii")
_NULL = Struct(">i").pack(-1)
_EMPTY = Struct(">iiI")
_LENGTH = Struct(">i").pack


@lru_cache(maxsize=64)
def _int8_array(count: int) -> Struct:
    return Struct(">iiIii" + "iq" * count)


class _Int8Array(Dumper):
    """list[int] as bigint[]."""

    format = pq.Format.BINARY
    oid = _INT8_ARRAY

    def dump(self, obj: Sequence[int]) -> bytes:
        if not obj:
            return _EMPTY.pack(0, 0, _INT8)
        if len(obj) == 1:
            return _int8_array(1).pack(1, 0, _INT8, 1, 1, 8, obj[0])
        values = [part for value in obj for part in (8, value)]
        return _int8_array(len(obj)).pack(1, 0, _INT8, len(obj), 1, *values)


class _TextArray(Dumper):
    """list[str] as text[]."""

    format = pq.Format.BINARY
    oid = _TEXT_ARRAY

    def dump(self, obj: Sequence[str]) -> bytes:
        if not obj:
            return _EMPTY.pack(0, 0, _TEXT)
        parts = [_HEAD.pack(1, 0, _TEXT, len(obj), 1)]
        for text in obj:
            raw = text.encode()
            parts.append(_LENGTH(len(raw)))
            parts.append(raw)
        return b"".join(parts)


class ByteaArray(list[bytes | None]):
    """Values for a `bytea[]` parameter; None is NULL."""


class TextArray(list[str | None]):
    """Values for a `text[]` parameter; None is NULL."""


class _ByteaArray(Dumper):
    """ByteaArray as bytea[]."""

    format = pq.Format.BINARY
    oid = _BYTEA_ARRAY

    def dump(self, obj: ByteaArray) -> bytes:
        return _with_nulls(_BYTEA, obj)


class _NullableTextArray(Dumper):
    """TextArray as text[]."""

    format = pq.Format.BINARY
    oid = _TEXT_ARRAY

    def dump(self, obj: TextArray) -> bytes:
        return _with_nulls(_TEXT, [None if text is None else text.encode() for text in obj])


def _with_nulls(kind: int, values: Sequence[bytes | None]) -> bytes:
    if not values:
        return _EMPTY.pack(0, 0, kind)
    parts = [_HEAD.pack(1, 1, kind, len(values), 1)]
    for raw in values:
        if raw is None:
            parts.append(_NULL)
        else:
            parts += _LENGTH(len(raw)), raw
    return b"".join(parts)


def register_arrays(adapters: AdaptersMap) -> None:
    """Use these for columns of type `int8[]` or `text[]`, and for ByteaArray and TextArray; others stay psycopg's."""
    # Without a class they are found by type number only, never for a list of unknown content.
    adapters.register_dumper(None, _Int8Array)
    adapters.register_dumper(None, _TextArray)
    adapters.register_dumper(ByteaArray, _ByteaArray)
    adapters.register_dumper(TextArray, _NullableTextArray)
