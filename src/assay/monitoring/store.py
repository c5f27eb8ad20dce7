"""Changes to the room's own tables, one function per statement."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from assay.kit import sql
from assay.kit.db import Connection, writable
from assay.monitoring.model import BOUNDS, Alert, Delivery, Notice, to_alert, to_delivery

_SQL = sql.beside(__file__)

# One lock for all who look in this database; the number is arbitrary and must not change.
_LOCK = 7_231_901_146


def try_turn(conn: Connection) -> bool:
    """Whether nobody else looks until this transaction has ended."""
    row = conn.execute(_SQL["try_turn"].text, {"lock": _LOCK}).fetchone()
    return row is not None and bool(row[0])


def observe(conn: Connection) -> int:
    """Add what ended since the last look to the totals; the number of jobs, attempts and runs that were."""
    values = {"bounds": list(BOUNDS)}
    found = 0
    for name in ("observe_jobs", "observe_attempts", "observe_runs"):
        row = conn.execute(_SQL[name].text, values).fetchone()
        found += int(row[0]) if row else 0
    return found


def lock_alerts(conn: Connection) -> list[Alert]:
    """The alerts that are not resolved, held for the rest of the transaction."""
    with conn.cursor(row_factory=dict_row) as cursor:
        return [to_alert(row) for row in cursor.execute(_SQL["lock_alerts"].text).fetchall()]


def add_alert(conn: Connection, alert: Alert) -> int:
    """The number of a new alert."""
    row = conn.execute(_SQL["add_alert"].text, _values(alert)).fetchone()
    assert row is not None
    return int(row[0])


def change_alert(conn: Connection, alert: Alert) -> None:
    """Keep an alert as it stands after a look."""
    conn.execute(_SQL["change_alert"].text, _values(alert))


def remove_alert(conn: Connection, key: int) -> None:
    """Forget an alert that never opened."""
    conn.execute(_SQL["remove_alert"].text, {"id": key})


def acknowledge(conn: Connection, key: int, who: str, note: str | None, now: datetime) -> bool:
    """Whether the alert was one that can be acknowledged, and is now."""
    values = {"id": key, "who": who, "note": note, "now": now}
    return conn.execute(_SQL["acknowledge"].text, values).rowcount == 1


def _values(alert: Alert) -> dict[str, Any]:
    values = asdict(alert)
    # An error's text may be part of it.
    values["message"] = writable(alert.message)
    return values


def add_delivery(conn: Connection, alert_id: int | None, channel: str, notice: Notice, now: datetime) -> int:
    """The number of a notice for one channel."""
    values = {"alert_id": alert_id, "channel": channel, "notice": Jsonb(asdict(notice)), "created_at": now}
    row = conn.execute(_SQL["add_delivery"].text, values).fetchone()
    assert row is not None
    return int(row[0])


def hold_delivery(conn: Connection, key: int) -> Delivery | None:
    """A notice that is not delivered yet, held for this transaction; None where it is, or somebody else does it."""
    with conn.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(_SQL["hold_delivery"].text, {"id": key}).fetchone()
    return None if row is None else to_delivery(row)


def find_unsent(conn: Connection, since: datetime, most: int) -> Sequence[int]:
    """Notices newer than that which are not delivered and were not tried too often, oldest first."""
    return [row[0] for row in conn.execute(_SQL["find_unsent"].text, {"since": since, "most": most})]


def delivered(conn: Connection, key: int, now: datetime) -> None:
    """Note that a notice has arrived."""
    conn.execute(_SQL["delivered"].text, {"id": key, "now": now})


def not_delivered(conn: Connection, key: int, error: str) -> None:
    """Note why a notice has not arrived."""
    conn.execute(_SQL["not_delivered"].text, {"id": key, "error": error})


def remove_old(conn: Connection, before: datetime) -> None:
    """Forget alerts that were resolved long ago."""
    conn.execute(_SQL["remove_old"].text, {"before": before})
    conn.execute(_SQL["remove_old_tests"].text, {"before": before})
