"""Questions to the database, each on a connection of its own and unable to change anything."""

from collections.abc import Callable
from threading import BoundedSemaphore
from typing import TypeVar

import structlog
from psycopg import IsolationLevel

from assay.errors import Transient
from assay.kit.db import Connection, Database

Answer = TypeVar("Answer")

_log = structlog.get_logger()

# Seconds: a question that waits longer for its turn is told to come again.
_PATIENCE = 30.0
_LONGEST_STATEMENT = "30s"


class Reading:
    """Answers questions in read-only transactions, on at most `size` connections, which are kept for the next ones.

    All statements of one question see the same state of the catalog. A question may be asked twice: whether the server
    still listens on a connection that was kept is only known for sure when something is asked on it.
    """

    def __init__(self, url: str, size: int) -> None:
        self._db = _ReadOnly(url)
        self._turns = BoundedSemaphore(size)

    def __call__(self, question: Callable[[Connection], Answer]) -> Answer:
        """The answer to a question. Raises Transient when the database cannot be reached, is busy, or is lost twice."""
        if not self._turns.acquire(timeout=_PATIENCE):
            raise Transient(f"the service was too busy for {_PATIENCE:.0f} s; try again")
        try:
            return self._ask(question)
        finally:
            self._turns.release()

    def _ask(self, question: Callable[[Connection], Answer]) -> Answer:
        try:
            with self._db.transaction() as conn:
                return question(conn)
        except _Unreachable:
            raise
        except Transient as error:
            _log.warning("asked again", error=str(error))
        # Not one of those that were kept: what ended one of them has mostly ended all.
        with self._db.connection() as conn, conn.transaction():
            return question(conn)

    def close(self) -> None:
        """Close the connections that no question uses."""
        self._db.close()


class _Unreachable(Transient):
    """There is no connection to be had, so asking again would only wait again."""


class _ReadOnly(Database):
    """A database on whose connections nothing can be changed."""

    def connect(self, *, autocommit: bool = False) -> Connection:
        try:
            conn = super().connect(autocommit=True)
        except Transient as error:
            raise _Unreachable(str(error)) from error
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
