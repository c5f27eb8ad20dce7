"""The audit log as a file: CSV or JSON, a piece at a time."""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

import msgspec

from assay.auth.model import AuditRow

_COLUMNS = ("id", "at", "kind", "principal_id", "name", "action", "subject", "address", "detail")
_PIECE = 1 << 16


def as_json_array(rows: Iterable[AuditRow]) -> Iterator[bytes]:
    """Rows as one JSON array, one a line."""
    joint = b"["
    for piece in _gathered(msgspec.json.encode(row) + b",\n" for row in rows):
        yield joint + piece[:-2]
        joint = b",\n"
    yield b"[]\n" if joint == b"[" else b"]\n"


def as_csv(rows: Iterable[AuditRow]) -> Iterator[bytes]:
    """Rows as CSV with a head; a text that a spreadsheet would calculate is made to stay a text."""
    yield _line(_COLUMNS)
    yield from _gathered(_line([_harmless(told[name]) for name in _COLUMNS]) for told in map(_told, rows))


def _told(row: AuditRow) -> dict[str, Any]:
    return asdict(row) | {"at": row.at.isoformat(), "detail": msgspec.json.encode(row.detail).decode()}


def _line(values: Iterable[Any]) -> bytes:
    written = io.StringIO()
    csv.writer(written).writerow(values)
    return written.getvalue().encode()


def _harmless(value: Any) -> Any:
    return (
        f"'{value}"
        if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r"))
        else value
    )


def _gathered(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Lines in pieces that are worth sending."""
    piece = bytearray()
    for line in lines:
        piece += line
        if len(piece) >= _PIECE:
            yield bytes(piece)
            piece.clear()
    if piece:
        yield bytes(piece)
