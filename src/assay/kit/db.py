"""Connections, transactions, COPY and advisory locks on PostgreSQL 15 or newer."""

import selectors
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from assay.errors import Permanent, Transient
from assay.kit.arrays import register_arrays

Connection = psycopg.Connection[Any]

_OLDEST = 150000
_APPLICATION = "assay"


class Database:
    """Where the data is. Connections are opened when they are needed and kept for the next use until `close`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._idle: list[Connection] = []

    def connect(self, *, autocommit: bool = False) -> Connection:
        """A new connection. Raises Transient when the server cannot be reached, Permanent when it is too old or the
        address is none.
        """
        try:
            conn = psycopg.connect(
                self.url,
                autocommit=autocommit,
                application_name=_APPLICATION,
                connect_timeout=10,
                prepare_threshold=2,
            )
        except psycopg.ProgrammingError as error:
            # What libpq says repeats the address, with the password in it.
            raise Permanent(
                "ASSAY_DATABASE_URL is no address of a database: write it as postgresql://USER@HOST/DATABASE"
            ) from error
        except psycopg.OperationalError as error:
            raise Transient(
                f"PostgreSQL cannot be reached: {_one_line(error)}. "
                "Check ASSAY_DATABASE_URL, or unset it to use the embedded server"
            ) from error
        if conn.info.server_version < _OLDEST:
            version = conn.info.server_version // 10000
            conn.close()
            raise Permanent(f"PostgreSQL {version} is too old: Assay needs version 15 or newer")
        register_arrays(conn.adapters)
        return conn

    @contextmanager
    def connection(self, *, autocommit: bool = False) -> Iterator[Connection]:
        """A connection of the caller's own, closed at the end."""
        conn = self.connect(autocommit=autocommit)
        try:
            with _watched(conn):
                yield conn
        finally:
            conn.close()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction, committed at the end, rolled back on any error.

        A server process costs more to start than a small transaction, so the connection is kept for the next one.
        """
        # list.pop and list.append are atomic, so threads may share the idle connections.
        conn = self._take()
        try:
            with _watched(conn), conn.transaction():
                yield conn
        finally:
            if conn.closed or conn.broken:
                conn.close()
            else:
                self._idle.append(conn)

    def _take(self) -> Connection:
        """A connection that was kept and is still alive, else a new one."""
        while True:
            try:
                conn = self._idle.pop()
            except IndexError:
                return self.connect()
            if _is_alive(conn):
                return conn
            conn.close()

    def close(self) -> None:
        """Close the connections that nobody uses."""
        while self._idle:
            self._idle.pop().close()


def _is_alive(conn: Connection) -> bool:
    """Whether the server still listens: it has nothing to say on an idle connection but goodbye."""
    with selectors.DefaultSelector() as waiting:
        waiting.register(conn.fileno(), selectors.EVENT_READ)
        return not waiting.select(timeout=0)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


@contextmanager
def _watched(conn: Connection) -> Iterator[None]:
    """Raises Transient when the server goes away in the middle of the work."""
    try:
        yield
    except psycopg.OperationalError as error:
        if not conn.broken:
            raise
        raise Transient(f"the connection to PostgreSQL was lost: {_one_line(error)}. Try again") from error


def copy_rows(
    conn: Connection,
    table: LiteralString,
    columns: Sequence[LiteralString],
    types: Sequence[str],
    rows: Iterable[Sequence[Any]],
) -> None:
    """COPY rows into a table (`schema.table`) in PostgreSQL's binary format, one round trip for all of them."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
        sql.SQL(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with conn.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(types)
        write = copy.write_row
        for row in rows:
            write(row)


def writable(text: str) -> str:
    """The text without what PostgreSQL cannot hold and a file or a URL may bring: NUL, half surrogate pairs."""
    if text.isascii():
        return text.replace("\x00", "")
    return text.replace("\x00", "").encode(errors="replace").decode()


@contextmanager
def try_lock(conn: Connection, key: int) -> Iterator[bool]:
    """Hold an advisory lock for as long as the block lasts; False when somebody else holds it.

    When the connection or the process dies the server lets go of it.
    """
    row = conn.execute("SELECT pg_try_advisory_lock(%s::bigint)", (key,)).fetchone()
    is_held = row is not None and bool(row[0])
    try:
        yield is_held
    finally:
        # A session that is closed keeps its locks until its server process has ended: whoever came at once was refused
        # (measured: 2 of 500).
        if is_held:
            with suppress(psycopg.Error):
                conn.execute("SELECT pg_advisory_unlock(%s::bigint)", (key,))


def reserve(conn: Connection, sequence: LiteralString, count: int) -> list[int]:
    """The next `count` numbers of a sequence, in one round trip."""
    rows = conn.execute(
        "SELECT nextval(%s::regclass) FROM generate_series(1, %s::integer)", (sequence, count)
    ).fetchall()
    return [row[0] for row in rows]
