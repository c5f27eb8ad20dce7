"""Migrations: one history, each step once, whoever comes at the same time, and clear words when it does not fit."""

import hashlib
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from assay.errors import Permanent, Transient
from assay.kit import migrate
from assay.kit.db import Connection, Database
from assay.kit.migrate import Migration
from conftest import Server

FIRST = Migration(1, "first", "CREATE TABLE one (n int); INSERT INTO one VALUES (1);")
SECOND = Migration(2, "second", "UPDATE one SET n = n + 1; CREATE TABLE two (n int);")
BROKEN = Migration(3, "broken", "CREATE TABLE three (n int); SELECT 1/0;")


@pytest.fixture
def empty(server: Server) -> Iterator[Database]:
    """A database that was never migrated."""
    name = "migrate_test"
    server.run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
    server.run(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
    yield Database(server.database_url(name))
    server.run(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def conn(empty: Database) -> Iterator[Connection]:
    with empty.connection(autocommit=True) as connection:
        yield connection


def rows(conn: Connection, query: str) -> list[Any]:
    return conn.execute(query).fetchall()  # type: ignore[call-overload]  # the queries are the tests' own


def test_what_is_pending_is_applied_once(conn: Connection):
    assert migrate.pending(conn, [FIRST, SECOND]) == [FIRST, SECOND]
    assert migrate.migrate(conn, [FIRST]) == [FIRST]
    assert migrate.pending(conn, [FIRST, SECOND]) == [SECOND]
    assert migrate.migrate(conn, [FIRST, SECOND]) == [SECOND]
    assert migrate.migrate(conn, [FIRST, SECOND]) == []
    assert rows(conn, "SELECT n FROM one") == [(2,)]
    assert rows(conn, "SELECT version, name, sha256 FROM assay_migrations ORDER BY 1") == [
        (step.version, step.name, hashlib.sha256(step.text.encode()).hexdigest()) for step in (FIRST, SECOND)
    ]


def test_asking_what_is_pending_changes_nothing(conn: Connection):
    migrate.pending(conn, [FIRST])
    assert rows(conn, "SELECT to_regclass('assay_migrations')") == [(None,)]


def test_an_edited_migration_is_refused_by_name(conn: Connection):
    migrate.migrate(conn, [FIRST])
    edited = Migration(1, "first", "CREATE TABLE other (n int)")
    for ask in (migrate.pending, migrate.migrate):
        with pytest.raises(Permanent, match=r"migration 1 \(first\) was applied in other words"):
            ask(conn, [edited, SECOND])
    assert rows(conn, "SELECT to_regclass('two')") == [(None,)]


def test_a_newer_database_is_refused(conn: Connection):
    migrate.migrate(conn, [FIRST, SECOND])
    for ask in (migrate.pending, migrate.migrate):
        with pytest.raises(Permanent, match="migration 2, which this program does not know"):
            ask(conn, [FIRST])


def test_a_migration_that_fails_leaves_those_before_it_and_nothing_of_itself(conn: Connection):
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate.migrate(conn, [FIRST, SECOND, BROKEN])
    assert migrate.pending(conn, [FIRST, SECOND]) == []
    assert rows(conn, "SELECT to_regclass('three')") == [(None,)]
    # The lock is given back: the mended one goes in.
    assert migrate.migrate(conn, [FIRST, SECOND, Migration(3, "broken", "CREATE TABLE three (n int)")])


def test_many_who_migrate_at_once_apply_each_once(empty: Database):
    applied = []
    start = threading.Barrier(5)

    def run() -> None:
        with empty.connection(autocommit=True) as conn:
            start.wait()
            applied.extend(migrate.migrate(conn, [FIRST, SECOND]))

    threads = [threading.Thread(target=run) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert applied == [FIRST, SECOND]


def test_a_lock_that_cannot_be_had_fails_soon_and_may_be_tried_again(
    empty: Database, conn: Connection, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(migrate, "_LOCK_TIMEOUT", "100ms")
    migrate.migrate(conn, [FIRST])
    with empty.connection() as other:
        other.execute("LOCK TABLE one")
        with pytest.raises(Transient, match=r"migration 2 \(second\)"):
            migrate.migrate(conn, [FIRST, SECOND])
        # Nobody else is made to wait behind it.
        assert rows(conn, "SELECT count(*) FROM pg_locks WHERE NOT granted") == [(0,)]
    assert migrate.migrate(conn, [FIRST, SECOND]) == [SECOND]
    assert rows(conn, "SHOW lock_timeout") == [("0",)]


def test_the_history_that_ships_has_no_gap_and_applies_to_an_empty_database(conn: Connection):
    history = migrate.history()
    assert [step.version for step in history] == list(range(1, len(history) + 1))
    assert migrate.migrate(conn, history) == history
    assert migrate.pending(conn, history) == []


def test_a_gap_in_the_numbers_is_found(tmp_path, monkeypatch: pytest.MonkeyPatch):
    package = tmp_path / "gapped"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "0001_one.sql").write_text("SELECT 1")
    (package / "0003_three.sql").write_text("SELECT 3")
    (package / "notes.sql").write_text("no migration")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match="without a gap"):
        migrate.history("gapped")
    (package / "0002_two.sql").write_text("SELECT 2")
    assert [(step.version, step.name) for step in migrate.history("gapped")] == [
        (1, "one"),
        (2, "two"),
        (3, "three"),
    ]
    (package / "0002_again.sql").write_text("SELECT 2")
    with pytest.raises(ValueError, match="without a gap"):
        migrate.history("gapped")
