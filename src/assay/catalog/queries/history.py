"""How a vulnerability came to be what it is: each change with what stood there before and after, and raw claims."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from psycopg.rows import class_row

from assay.catalog.queries.showing import Vulnerability
from assay.errors import NotFound
from assay.kit import sql
from assay.kit.compression import decompress
from assay.kit.db import Connection, writable

_SQL = sql.beside(__file__)


@dataclass(frozen=True, slots=True)
class Difference:
    """A field of the finished document before and after a change; None where it was absent."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Step:
    """One change. Without `differences` nothing of the document is known to have changed: only who says it has."""

    seq: int
    at: datetime
    what: str
    differences: list[Difference]


@dataclass(frozen=True, slots=True)
class Remediation:
    """Who said that a vulnerability is dealt with, and how."""

    note: str
    remediated_by: str
    remediated_at: datetime


def list_history(
    conn: Connection, found: Vulnerability, *, limit: int = 20, before: int | None = None
) -> list[Step]:
    """Changes of a vulnerability with a number below `before`, newest first."""
    values = {"id": found.id, "limit": limit, "before": before}
    steps = []
    for seq, at, what, fields, old, following in conn.execute(_SQL["list_history"].text, values, binary=True):
        differences: list[Difference] = []
        if old is not None and what == "changed":
            after = found.document if following is None else decompress(following)
            differences = _differences(fields or (), decompress(old), after)
        steps.append(Step(seq, at, what, differences))
    return steps


def _differences(fields: list[str] | tuple[()], before: bytes, after: bytes) -> list[Difference]:
    old: Mapping[str, Any] = msgspec.json.decode(before)
    new: Mapping[str, Any] = msgspec.json.decode(after)
    return [Difference(field, old.get(field), new.get(field)) for field in fields]


def find_remediation(conn: Connection, key: int) -> Remediation | None:
    """Who said that a vulnerability is dealt with; None where nobody did."""
    with conn.cursor(row_factory=class_row(Remediation)) as cursor:
        return cursor.execute(_SQL["find_remediation"].text, {"id": key}).fetchone()


def raw_claim(conn: Connection, found: Vulnerability, source: str, record_id: str) -> bytes:
    """A claim on a vulnerability as its source wrote it. Raises NotFound."""
    values = {"source": writable(source), "record_id": writable(record_id), "ids": found.claim_ids}
    row = conn.execute(_SQL["find_raw"].text, values, binary=True).fetchone()
    if row is None:
        raise NotFound(f"{source} says nothing about {found.name} in a record {record_id!r}")
    return decompress(row[0])
