"""Questions to the database, each on a connection of its own and unable to change anything."""

from collections.abc import Callable
from threading import BoundedSemaphore
from typing import TypeVar

from psycopg import IsolationLevel

from assay.errors import Transient
from assay.kit.db import Connection, Database

Answer = TypeVar("Answer")

# Seconds: a question that waits longer for its turn is told to come again.
_PATIENCE = 10.0
_LONGEST_STATEMENT = "30s"


class Reading:
    """Answers questions in read-only transactions, on at most `size` connections, which are kept for the next ones.

    All statements of one question see the same state of the catalog.
    """

    def __init__(self, url: str, size: int) -> None:
        self._db = _ReadOnly(url)
        self._turns = BoundedSemaphore(size)

    def __call__(self, question: Callable[[Connection], Answer]) -> Answer:
        """The answer to a question. Raises Transient when the database cannot be reached or is too busy."""
        if not self._turns.acquire(timeout=_PATIENCE):
            raise Transient(f"the service was too busy for {_PATIENCE:.0f} s; try again")
        try:
            with self._db.transaction() as conn:
                return question(conn)
        finally:
            self._turns.release()

    def close(self) -> None:
        """Close the connections that no question uses."""
        self._db.close()


class _ReadOnly(Database):
    """A database on whose connections nothing can be changed."""

    def connect(self, *, autocommit: bool = False) -> Connection:
        conn = super().connect(autocommit=True)
        conn.execute(
            "SELECT set_config('timezone', 'UTC', false), set_config('statement_timeout', %s, false), "
            # Every statement here looks keys up in an index, whatever the keys: planning would take longer than that.
            "set_config('plan_cache_mode', 'force_generic_plan', false)",
            (_LONGEST_STATEMENT,),
        )
        conn.autocommit = autocommit
        conn.read_only = True
        conn.isolation_level = IsolationLevel.REPEATABLE_READ
        return conn
