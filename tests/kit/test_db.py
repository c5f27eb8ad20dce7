"""Connections, COPY and locks, on a real server."""

from contextlib import suppress
from datetime import UTC, date, datetime

import psycopg
import pytest

from assay.errors import Permanent, Transient
from assay.kit.db import Connection, Database, copy_rows, reserve, try_lock
from conftest import Server


@pytest.fixture
def table(conn: Connection) -> None:
    conn.execute(
        "CREATE TEMP TABLE odd "
        "(a bigint, b text, c text[], d bytea, e bigint[], f float4, g timestamptz, h date, i bool)"
    )


COLUMNS = ("a", "b", "c", "d", "e", "f", "g", "h", "i")
TYPES = ("int8", "text", "text[]", "bytea", "int8[]", "float4", "timestamptz", "date", "bool")
FULL = (
    -(2**63),
    "tab\tnewline\n\\N",
    ["", "{}", 'a"b', "NULL", "€😀"],
    b"\x00\xff",
    [1, -1, 2**62],
    0.5,
    datetime(2024, 2, 29, 1, 2, 3, 4, UTC),
    date(2024, 2, 29),
    True,
)
EMPTY = (None,) * 9
HOLLOW = (0, "", [], b"", [], 0.0, datetime(1, 1, 1, tzinfo=UTC), date(9999, 12, 31), False)


@pytest.mark.usefixtures("table")
def test_copied_rows_come_back_as_they_were(conn: Connection):
    rows = [FULL, EMPTY, HOLLOW]
    copy_rows(conn, "odd", COLUMNS, TYPES, iter(rows))
    assert conn.execute("SELECT * FROM odd", binary=True).fetchall() == rows


@pytest.mark.usefixtures("table")
def test_no_rows_are_no_error(conn: Connection):
    copy_rows(conn, "odd", COLUMNS, TYPES, [])
    assert conn.execute("SELECT count(*) FROM odd").fetchone() == (0,)


@pytest.mark.usefixtures("table")
def test_rows_that_break_off_leave_nothing(conn: Connection):
    def broken():
        yield FULL
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), conn.transaction():
        copy_rows(conn, "odd", COLUMNS, TYPES, broken())
    assert conn.execute("SELECT count(*) FROM odd").fetchone() == (0,)


def test_numbers_are_reserved_once(conn: Connection):
    conn.execute("CREATE TEMP SEQUENCE numbers")
    first, second = reserve(conn, "numbers", 3), reserve(conn, "numbers", 2)
    assert (first, second) == ([1, 2, 3], [4, 5])
    assert reserve(conn, "numbers", 0) == []


def test_a_lock_is_held_by_one_session_and_free_at_once_after_it(database: Database):
    first, second = database.connect(autocommit=True), database.connect(autocommit=True)
    with try_lock(first, 77) as held:
        with try_lock(second, 77) as twice, try_lock(second, 78) as other:
            assert (held, twice, other) == (True, False, True)
        with try_lock(first, 78) as again:
            assert again
    with try_lock(second, 77) as again:
        assert again
    first.close()
    second.close()


def test_a_lock_goes_with_its_session(database: Database):
    with database.connection(autocommit=True) as other:
        with database.connection(autocommit=True) as conn, try_lock(conn, 77):
            conn.close()
        other.execute("SELECT pg_advisory_lock(77)")  # waits until the server has noticed
        other.execute("SELECT pg_advisory_unlock(77)")


def test_a_transaction_is_kept_or_lost_as_a_whole(fresh_url: str):
    database = Database(fresh_url)
    with database.transaction() as conn:
        conn.execute("CREATE TABLE kept (n int)")
    with pytest.raises(psycopg.errors.DivisionByZero), database.transaction() as conn:
        conn.execute("INSERT INTO kept SELECT 1 UNION ALL SELECT 1/0")
    with pytest.raises(psycopg.errors.UndefinedTable), database.transaction() as conn:
        conn.execute("SELECT * FROM unheard_of")
    with database.transaction() as conn:
        assert conn.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    database.close()


def test_transactions_take_connections_in_turn_and_nested_ones_their_own(fresh_url: str):
    database = Database(fresh_url)

    def pid(conn: Connection) -> int:
        return conn.info.backend_pid

    with database.transaction() as conn:
        first = pid(conn)
        with database.transaction() as inner:
            assert pid(inner) != first
    with database.transaction() as conn:
        assert pid(conn) in {first, pid(conn)}
        assert conn.execute("SELECT current_setting('application_name')").fetchone() == ("assay",)
    database.close()
    database.close()


def test_settings_of_one_transaction_do_not_reach_the_next(fresh_url: str):
    database = Database(fresh_url)
    with database.transaction() as conn:
        conn.execute("SET LOCAL work_mem = '65kB'")
    with database.transaction() as conn:
        assert conn.execute("SHOW work_mem").fetchone() != ("65kB",)
    database.close()


def test_a_server_that_restarted_is_met_with_a_new_connection(fresh_url: str):
    """A connection that was kept is dead after a restart; the next transaction must not notice."""
    database = Database(fresh_url)
    with database.transaction() as conn:
        pid = conn.info.backend_pid
    with psycopg.connect(fresh_url, autocommit=True) as other:
        assert other.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,)).fetchone() == (True,)
    with database.transaction() as conn:
        assert conn.execute("SELECT 1").fetchone() == (1,)
        assert conn.info.backend_pid != pid
    database.close()


@pytest.mark.parametrize("kind", ["transaction", "connection"])
def test_a_connection_that_is_lost_at_work_is_a_passing_fault(fresh_url: str, kind: str):
    database = Database(fresh_url)
    with pytest.raises(Transient, match="lost"), getattr(database, kind)() as conn:
        conn.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    with database.transaction() as conn:
        assert conn.execute("SELECT 1").fetchone() == (1,)
    database.close()


def test_a_server_that_is_not_there_is_a_passing_fault_with_advice():
    url = psycopg.conninfo.make_conninfo(host="127.0.0.1", port=1, dbname="x", connect_timeout=2)
    with pytest.raises(Transient, match="ASSAY_DATABASE_URL"):
        Database(url).connect()


def test_a_database_that_is_not_there_is_named(server: Server):
    with (
        pytest.raises(Transient, match="unheard_of"),
        Database(server.database_url("unheard_of")).transaction(),
    ):
        raise AssertionError("there is no such database")


def test_an_old_server_is_refused(fresh_url: str, monkeypatch: pytest.MonkeyPatch):
    """No PostgreSQL 14 is at hand; the bound is moved above the one that runs instead."""
    monkeypatch.setattr("assay.kit.db._OLDEST", 990000)
    with pytest.raises(Permanent, match="too old"):
        Database(fresh_url).connect()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:s%cret@127.0.0.1:1/assay",
        "postgresql://ann:s cret@127.0.0.1:1/assay",
        "postgresql://ann:s/cret@127.0.0.1:1/assay",
        "postgresql://ann:s@cret@127.0.0.1:1/assay",
        "mysql://ann:scret@127.0.0.1/assay",
    ],
)
def test_an_address_that_is_none_is_said_without_its_password(url: str):
    with pytest.raises(Permanent, match="ASSAY_DATABASE_URL is no address") as caught:
        Database(url).connect()
    assert "cret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_server_that_is_away_is_a_passing_fault():
    with pytest.raises(Transient, match="cannot be reached"):
        Database("postgresql://ann:s%40cret@127.0.0.1:1/assay").connect()


def test_times_are_utc_whatever_zone_the_server_keeps(fresh_url: str):
    database = Database(fresh_url)
    with database.connection(autocommit=True) as conn:
        conn.execute(
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET timezone TO ''Asia/Tokyo''', current_database()); END $$"
        )
    with suppress(ZeroDivisionError), database.transaction() as conn:
        raise ZeroDivisionError
    with database.transaction() as conn:
        [moment, text] = conn.execute(
            "SELECT t, t::text FROM (SELECT timestamptz '2026-03-29 01:30+00' AS t)"
        ).fetchone()
    database.close()
    assert moment.isoformat() == "2026-03-29T01:30:00+00:00"
    assert text == "2026-03-29 01:30:00+00"
