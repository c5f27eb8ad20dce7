"""Settings that people changed at run time: they outrank the file and the environment on every machine, and at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from assay.kit import sql
from assay.kit.db import Connection

_SQL = sql.beside(__file__)

RETENTION_DAYS = "retention_days"
JOBS_RETENTION_DAYS = "jobs_retention_days"
RUNS_RETENTION_DAYS = "runs_retention_days"
ALERTS = "alerts."
"""What the names of thresholds begin with."""
LLM = "llm."
"""What the names of settings of the language model begin with."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What somebody chose for a setting."""

    name: str
    value: Any
    chosen_by: str
    chosen_at: datetime


def list_choices(conn: Connection) -> Mapping[str, Choice]:
    """Everything that was chosen, by the setting's name."""
    with conn.cursor(row_factory=class_row(Choice)) as cursor:
        return {one.name: one for one in cursor.execute(_SQL["list_choices"].text)}


def choose(conn: Connection, name: str, value: Any, by: str) -> None:
    """Let a setting have this value from now on; whoever calls has checked that it may."""
    conn.execute(_SQL["choose"].text, {"name": name, "value": Jsonb(value), "by": by})


def take_back(conn: Connection, name: str) -> bool:
    """Let a setting be as the file and the environment say; False where it was."""
    return conn.execute(_SQL["take_back"].text, {"name": name}).rowcount > 0


def days_chosen(conn: Connection, name: str, usual: timedelta) -> timedelta:
    """How long something is kept: as somebody chose, else as usual."""
    row = conn.execute(_SQL["find_choice"].text, {"name": name}).fetchone()
    return usual if row is None else timedelta(days=float(row[0]))
