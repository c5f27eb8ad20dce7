"""The engine stays in its place, and its tables are what this version of it expects."""

import ast
from pathlib import Path

import psycopg
import psycopg_pool
import pytest
from procrastinate import exceptions
from procrastinate.schema import SchemaManager

from assay.jobs import engine
from assay.jobs.engine import is_passing
from assay.kit import migrate

SOURCE = Path(engine.__file__).parents[1]


def test_one_module_knows_the_engine():
    found = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if any(name.partition(".")[0] == "procrastinate" for name in names):
                found.add(path.relative_to(SOURCE).as_posix())
    assert found == {"jobs/engine.py"}


def test_the_tables_are_those_of_the_installed_engine():
    """A newer one that changes them needs a migration with its own change."""
    assert any(SchemaManager.get_schema() in each.text for each in migrate.history())


def wrapped(cause: Exception | None) -> exceptions.ConnectorException:
    error = exceptions.ConnectorException()
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("cause", "passing"),
    [
        (psycopg.OperationalError("server closed the connection unexpectedly"), True),
        (psycopg.errors.AdminShutdown(), True),
        (psycopg.errors.CannotConnectNow(), True),
        (psycopg.errors.DeadlockDetected(), True),
        (psycopg.errors.DiskFull(), True),
        (psycopg.errors.TooManyConnections(), True),
        (psycopg_pool.PoolTimeout(), True),
        (psycopg_pool.PoolClosed(), False),
        (psycopg.errors.ForeignKeyViolation(), False),
        (psycopg.errors.UndefinedTable(), False),
        (None, False),
    ],
)
def test_what_is_waited_for(cause, passing):
    assert is_passing(wrapped(cause)) is passing
    assert not is_passing(ValueError())
