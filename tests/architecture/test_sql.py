"""Every statement of every room fits the migrated schema, and no room writes another's tables.

PostgreSQL plans each statement without values (`EXPLAIN (GENERIC_PLAN)`, PostgreSQL 16), so nothing runs, and
the plan names the schema of every table that is written or read. This is the import contracts' twin: reads
look down, writes stay at home.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import tuple_row

from assay.kit.sql import Statement, load

SOURCE = Path(__file__).resolve().parents[2] / "src" / "assay"
FILES = sorted(path for path in SOURCE.rglob("*.sql") if path.parent.name != "migrations")
# A room's floor, upper first: a room reads its own schema and those of the floors below.
FLOORS = (("advisories", "configs", "feeds", "packages", "monitoring"), ("catalog", "auth"), ("jobs",))
EVERYBODYS = {"pg_catalog", "information_schema", "pg_temp"}

_PLACEHOLDER = re.compile(r"%\(([a-z][a-z0-9_]*)\)s|%%")
# Strings, quoted names and comments, in which a semicolon ends nothing.
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*|/\*.*?\*/", re.DOTALL)
# Matches "COPY intake (source) FROM STDIN", "ANALYZE intake", "LOCK TABLE catalog.claims IN SHARE MODE".
_UTILITY = re.compile(
    r"(?P<verb>COPY|VACUUM\s+ANALYZE|ANALYZE|LOCK|TRUNCATE|CREATE\s+(?:UNIQUE\s+)?INDEX(?:\s+\w+)?\s+ON|DROP\s+TABLE)\s+"
    r"(?:TABLE\s+)?(?:IF\s+EXISTS\s+)?(?:ONLY\s+)?(?:(?P<schema>[a-z_]+)\.)?(?P<table>[a-z_]+)\b",
    re.IGNORECASE,
)
_SETTING = re.compile(r"SET\s+LOCAL\s", re.IGNORECASE)


def room_of(path: Path) -> str:
    """The folder of the room: its queries and its store may be packages."""
    return path.parent.parent.name if path.parent.name in {"queries", "store"} else path.parent.name


def every_statement() -> Iterator[tuple[str, Path, Statement]]:
    for path in FILES:
        for statement in load(path).values():
            yield f"{room_of(path)}/{path.stem}:{statement.name}", path, statement


STATEMENTS = list(every_statement())
OPENERS = [statement for _, _, statement in STATEMENTS if statement.name.startswith("open_")]


def numbered(text: str) -> str:
    """The statement with PostgreSQL's `$n` where psycopg has `%(name)s`."""
    order: dict[str, int] = {}

    def place(match: re.Match[str]) -> str:
        return "%" if match[1] is None else f"${order.setdefault(match[1], len(order) + 1)}"

    return _PLACEHOLDER.sub(place, text)


def nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def tables(plan: Mapping[str, Any]) -> tuple[set[str], set[str]]:
    """(written, read) schemas of a plan; a temporary table's is `pg_temp`."""
    written: set[str] = set()
    read: set[str] = set()
    for node in nodes(plan):
        into = written if node["Node Type"] == "ModifyTable" else read
        into |= {
            "pg_temp" if one["Schema"].startswith("pg_temp") else one["Schema"]
            for one in (node, *node.get("Target Tables", ()))
            if "Schema" in one and "Relation Name" in one
        }
    return written, read


def readable(room: str) -> set[str]:
    """The schemas whose tables a room may read."""
    for level, floor in enumerate(FLOORS):
        if room in floor:
            return {room}.union(EVERYBODYS, *FLOORS[level + 1 :])
    raise AssertionError(f"{room} stands on no floor: say so in FLOORS")


def trespasses(conn: psycopg.Connection[Any], room: str, text: str) -> list[str]:
    """What a statement does that its room may not. Raises psycopg.Error when it does not fit the schema."""
    if ";" in _QUOTED.sub("", text):
        return ["is more than one statement"]
    bare = _QUOTED.sub("", text).strip()
    utility = _UTILITY.match(bare)
    if utility:
        schema = utility["schema"] or "pg_temp"
        return [] if schema in {room, "pg_temp"} else [f"writes {schema}"]
    if _SETTING.match(bare):
        return []
    # A savepoint: a statement that does not plan must not end the transaction for those after it.
    with conn.transaction(), conn.cursor(row_factory=tuple_row) as cursor:
        cursor.execute(f"EXPLAIN (GENERIC_PLAN, VERBOSE, FORMAT JSON) {numbered(text)}")
        row = cursor.fetchone()
    assert row is not None
    plans = row[0] if isinstance(row[0], list) else json.loads(row[0])
    written, read = tables(plans[0]["Plan"])
    found = [f"writes {schema}" for schema in sorted(written - {room, "pg_temp"})]
    return found + [f"reads {schema}" for schema in sorted(read - readable(room))]


@pytest.fixture
def opened(conn: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    """A connection with every room's temporary tables; the statements that fill and read them need those."""
    if conn.info.server_version < 160000:
        pytest.skip("GENERIC_PLAN needs PostgreSQL 16")
    for statement in OPENERS:
        conn.execute(statement.text.replace("%%", "%"))
    return conn


def test_there_are_statements():
    assert {"catalog", "advisories", "jobs"} <= {room_of(path) for path in FILES}


def test_every_statement_fits_the_schema_and_stays_at_home(opened):
    # One test for all: the tables are opened once, and all that is wrong is seen at once.
    wrong: list[str] = []
    for name, path, statement in STATEMENTS:
        if statement.name.startswith("open_"):
            continue
        try:
            wrong += [f"{name} {what}" for what in trespasses(opened, room_of(path), statement.text)]
        except psycopg.Error as error:
            wrong.append(f"{name}: {error}")
    assert wrong == []


def test_an_opener_makes_a_temporary_table_and_nothing_else():
    wrong = [
        s.name for s in OPENERS if not re.match(r"CREATE\s+TEMP(ORARY)?\s+TABLE\s", s.text, re.IGNORECASE)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("SELECT id FROM catalog.mine WHERE id = %(id)s::bigint", []),
        ("INSERT INTO catalog.mine (id) SELECT id FROM jobs.theirs", []),
        ("SELECT id FROM advisories.theirs", ["reads advisories"]),
        ("UPDATE jobs.theirs SET id = %(id)s::bigint", ["writes jobs"]),
        ("WITH gone AS (DELETE FROM jobs.theirs RETURNING id) SELECT id FROM gone", ["writes jobs"]),
        ("COPY jobs.theirs (id) FROM STDIN", ["writes jobs"]),
        ("COPY here (id) FROM STDIN (FORMAT BINARY)", []),
        ("LOCK TABLE jobs.theirs IN SHARE MODE", ["writes jobs"]),
        ("SELECT 1; DELETE FROM jobs.theirs", ["is more than one statement"]),
        ("SELECT ';' WHERE 'a' LIKE '%%b' -- ;", []),
    ],
)
def test_a_trespass_is_found(opened, text: str, found: list[str]):
    for schema, table in (("catalog", "mine"), ("jobs", "theirs"), ("advisories", "theirs")):
        opened.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        opened.execute(f"CREATE TABLE {schema}.{table} (id bigint)")
    assert trespasses(opened, "catalog", text) == found


def test_a_statement_that_does_not_fit_the_schema_is_found(opened):
    opened.execute("CREATE TABLE catalog.mine (id bigint)")
    with pytest.raises(psycopg.errors.UndefinedColumn):
        trespasses(opened, "catalog", "SELECT idd FROM catalog.mine")
    assert trespasses(opened, "catalog", "SELECT id FROM catalog.mine") == []
