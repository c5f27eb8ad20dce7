"""How the language model did, written down for every process of every machine."""

from datetime import datetime

from assay.kit import sql
from assay.kit.db import Connection, writable

_SQL = sql.beside(__file__)
_LONGEST_ERROR = 2_000


def note_answer(conn: Connection, place: str, now: datetime) -> None:
    """The model of this place answered."""
    conn.execute(_SQL["note_answer"].text, {"place": place, "now": now})


def note_failure(conn: Connection, place: str, error: str, now: datetime) -> int:
    """The model of this place failed; how often that happened in a row."""
    values = {"place": place, "error": writable(error)[:_LONGEST_ERROR], "now": now}
    row = conn.execute(_SQL["note_failure"].text, values).fetchone()
    assert row is not None
    return int(row[0])


def close_until(conn: Connection, place: str, until: datetime) -> None:
    """Nobody asks it before then."""
    conn.execute(_SQL["close_until"].text, {"place": place, "until": until})


def let_one_through(conn: Connection, place: str, now: datetime, until: datetime) -> bool:
    """Whether the caller is the one who tries again after a rest; the others wait until then."""
    values = {"place": place, "now": now, "until": until}
    return conn.execute(_SQL["let_one_through"].text, values).rowcount > 0
