"""Sources of entries: set up, changed, removed; what their fetches came to; what was set aside."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from assay.kit import sql
from assay.kit.compression import compress
from assay.kit.db import Connection, writable
from assay.pipelines.feeds.model.documents import Bad
from assay.pipelines.feeds.model.sources import MOST_BAD

_SQL = sql.beside(__file__)

# Bytes of a bad entry that are kept.
_MOST_RAW = 1 << 20
_LONGEST_ERROR = 2_000
_LONGEST_PLACE = 500


@dataclass(frozen=True, slots=True)
class Setup:
    """What a source is to be; `secrets` are sealed."""

    address: str
    options: Mapping[str, Any]
    secrets: bytes | None
    secret_names: tuple[str, ...]
    interval_seconds: int
    is_enabled: bool


@dataclass(frozen=True, slots=True)
class Held:
    """What may have changed about a source since its fetch began."""

    changed_at: datetime
    is_removed: bool
    failures: int
    is_enabled: bool


def _values(setup: Setup, now: datetime) -> dict[str, Any]:
    return {
        "address": setup.address,
        "options": Jsonb(dict(setup.options)),
        "secrets": setup.secrets,
        "secret_names": list(setup.secret_names),
        "interval_seconds": setup.interval_seconds,
        "is_enabled": setup.is_enabled,
        "now": now,
    }


def add_source(conn: Connection, name: str, kind: str, setup: Setup, who: str, now: datetime) -> int | None:
    """The number of a new source, or of one of the name that was removed; None where there is one."""
    values = {**_values(setup, now), "name": name, "kind": kind, "who": who}
    row = conn.execute(_SQL["add_source"].text, values).fetchone()
    return None if row is None else int(row[0])


def change_source(conn: Connection, source: int, setup: Setup, now: datetime, *, is_anew: bool) -> None:
    """Set a source up otherwise; `is_anew` when it is asked otherwise, so that it begins at the beginning."""
    conn.execute(_SQL["change_source"].text, {**_values(setup, now), "id": source, "is_anew": is_anew})


def remove_source(conn: Connection, source: int, now: datetime) -> None:
    """Let a source be gone for all but its entries."""
    conn.execute(_SQL["remove_source"].text, {"id": source, "now": now})


def find_secrets(conn: Connection, source: int) -> bytes | None:
    """What a source's requests carry, sealed; None where that is nothing."""
    row = conn.execute(_SQL["find_secrets"].text, {"id": source}).fetchone()
    return None if row is None or row[0] is None else bytes(row[0])


def find_due(conn: Connection, now: datetime, most: int) -> list[tuple[int, str]]:
    """(number, name) of the sources whose time has come, kept from other machines until the transaction ends."""
    return conn.execute(_SQL["find_due"].text, {"now": now, "most": most}).fetchall()


def plan_next(conn: Connection, source: int, next_at: datetime) -> None:
    """Say when a source is fetched again unless its fetch says otherwise."""
    conn.execute(_SQL["plan_next"].text, {"id": source, "next_at": next_at})


def hold_source(conn: Connection, source: int) -> Held | None:
    """The source as it is now, kept from everybody else until the transaction ends."""
    row = conn.execute(_SQL["hold_source"].text, {"id": source}).fetchone()
    return None if row is None else Held(row[0], row[1] is not None, row[2], row[3])


def note_good(
    conn: Connection, source: int, cursor: Mapping[str, Any], next_at: datetime, now: datetime
) -> None:
    """Write down that a fetch went well, and where the next one goes on."""
    values = {"id": source, "cursor": Jsonb(dict(cursor)), "next_at": next_at, "now": now}
    conn.execute(_SQL["note_good"].text, values)


def note_failure(conn: Connection, source: int, error: str, next_at: datetime, now: datetime) -> None:
    """Write down that a fetch failed; where the next one goes on stays."""
    values = {"id": source, "error": writable(error)[:_LONGEST_ERROR], "next_at": next_at, "now": now}
    conn.execute(_SQL["note_failure"].text, values)


def replace_bad(conn: Connection, source: int, bad: Iterable[Bad], now: datetime) -> None:
    """Set these entries aside, and nothing else of the source: what is not there any more is not bad any more."""
    conn.execute(_SQL["forget_bad"].text, {"source": source})
    rows = [
        {
            "source": source,
            "place": writable(one.place)[:_LONGEST_PLACE],
            "reason": one.reason,
            "detail": writable(one.detail)[:_LONGEST_ERROR],
            "raw": compress(one.raw) if one.raw is not None and len(one.raw) <= _MOST_RAW else None,
            "now": now,
        }
        for one in list(bad)[:MOST_BAD]
    ]
    if rows:
        with conn.cursor() as cursor:
            cursor.executemany(_SQL["set_aside"].text, rows)
