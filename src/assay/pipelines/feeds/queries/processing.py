"""How much waits to be processed."""

from datetime import datetime

from assay.kit import sql
from assay.kit.db import Connection

_SQL = sql.beside(__file__)


def count_ready(conn: Connection, now: datetime) -> int:
    """How many entries wait whose time has come."""
    row = conn.execute(_SQL["count_ready"].text, {"now": now}).fetchone()
    assert row is not None
    return int(row[0])
