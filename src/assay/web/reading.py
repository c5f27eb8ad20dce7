"""Questions to the database, each on a connection of its own and unable to change anything."""

from collections.abc import Callable
from typing import Any, TypeVar

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from assay.errors import Transient
from assay.kit.arrays import register_arrays
from assay.kit.db import Connection

Answer = TypeVar("Answer")

# Seconds: a question that waits longer for a connection is told to come again.
_PATIENCE = 10.0
_LONGEST_STATEMENT = "30s"


class Reading:
    """Answers questions in read-only transactions, on at most `size` connections that are kept open.

    All statements of one question see the same state of the catalog.
    """

    def __init__(self, url: str, size: int) -> None:
        self._pool: ConnectionPool[psycopg.Connection[Any]] = ConnectionPool(
            url,
            min_size=1,
            max_size=size,
            timeout=_PATIENCE,
            configure=_configure,
            kwargs={"application_name": "assay-web", "connect_timeout": 10, "prepare_threshold": 2},
            open=False,
        )

    def open(self) -> None:
        """Begin to connect; does not wait for the database."""
        self._pool.open()

    def close(self) -> None:
        """Let go of all connections."""
        self._pool.close()

    def __call__(self, question: Callable[[Connection], Answer]) -> Answer:
        """The answer to a question. Raises Transient when the database cannot be reached.

        A question that lost its connection is asked once more: after a restart of the server the kept connections
        are dead, and asking twice changes nothing.
        """
        try:
            return self._ask(question)
        except psycopg.OperationalError as error:
            if not _is_lost(error):
                raise
        try:
            self._pool.check()
            return self._ask(question)
        except psycopg.OperationalError as error:
            raise Transient("the database cannot be reached; try again") from error

    def _ask(self, question: Callable[[Connection], Answer]) -> Answer:
        try:
            with self._pool.connection() as conn:
                return question(conn)
        except PoolTimeout as error:
            raise Transient(f"no connection to the database within {_PATIENCE:.0f} s; try again") from error


def _is_lost(error: psycopg.OperationalError) -> bool:
    """Whether the connection is gone, rather than a statement cancelled for taking too long."""
    return not isinstance(error, psycopg.errors.QueryCanceled)


def _configure(conn: Connection) -> None:
    register_arrays(conn.adapters)
    conn.autocommit = True
    conn.execute(
        "SELECT set_config('timezone', 'UTC', false), set_config('statement_timeout', %s, false)",
        (_LONGEST_STATEMENT,),
    )
    conn.autocommit = False
    conn.read_only = True
    conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
