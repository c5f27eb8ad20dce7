"""Numbered, forward-only migrations: one history, each applied once, in one transaction, under one lock."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import LiteralString

from psycopg.errors import LockNotAvailable

from assay.errors import Permanent, Transient
from assay.kit.db import Connection

# The table of what was applied; whoever starts the program looks there whether the schema fits.
HISTORY: LiteralString = "public.assay_migrations"
# One lock for every process that migrates this database; the number is arbitrary and must not change.
_LOCK = 7_231_901_144
_LOCK_TIMEOUT = "5s"
# Matches `0002_catalog.sql`.
_FILE = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
_SCHEMA = re.compile(r"^CREATE SCHEMA (\w+);", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema's history."""

    version: int
    name: str
    text: LiteralString

    @property
    def sha256(self) -> str:
        """The fingerprint by which an edited file is found out."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def history(package: str = "assay.migrations") -> list[Migration]:
    """Every migration that ships with the program, oldest first. Raises ValueError for a gap in the numbers."""
    found = []
    for entry in files(package).iterdir():
        match = _FILE.fullmatch(entry.name)
        if match:
            text = entry.read_text(encoding="utf-8")
            found.append(Migration(int(match[1]), match[2], text))
    found.sort(key=lambda migration: migration.version)
    if [migration.version for migration in found] != list(range(1, len(found) + 1)):
        raise ValueError("migration numbers must run from 0001 without a gap")
    return found


def schemas(migrations: Sequence[Migration]) -> list[str]:
    """The schemas that these migrations make, in their order."""
    return [name for migration in migrations for name in _SCHEMA.findall(migration.text)]


def pending(conn: Connection, migrations: Sequence[Migration]) -> list[Migration]:
    """The migrations this database has not had.

    Raises Permanent when an applied one was edited since, or when the database is newer than the program.
    """
    row = conn.execute("SELECT to_regclass('public.assay_migrations')").fetchone()
    if row is None or row[0] is None:
        return list(migrations)
    applied = dict(conn.execute("SELECT version, sha256 FROM public.assay_migrations").fetchall())
    known = {migration.version: migration for migration in migrations}
    for version, sha256 in sorted(applied.items()):
        if version not in known:
            raise Permanent(
                f"the database has migration {version}, which this program does not know: "
                "it was made by a newer Assay; upgrade the program"
            )
        if known[version].sha256 != sha256:
            raise Permanent(
                f"migration {version} ({known[version].name}) was applied in other words than this program has: "
                "the database was made by a version between two releases, or the file was edited since. Run that "
                "version on it, or restore the file and add a new migration instead"
            )
    return [migration for migration in migrations if migration.version not in applied]


def migrate(conn: Connection, migrations: Sequence[Migration]) -> list[Migration]:
    """Apply what is pending and return it. `conn` must be in autocommit mode.

    Each migration is one transaction; a lock that cannot be had within 5 s fails it (Transient) instead of
    queueing every other query behind it. Other processes that migrate at the same time wait their turn.
    """
    conn.execute("SELECT pg_advisory_lock(%s::bigint)", (_LOCK,))
    try:
        conn.execute(
            "CREATE TABLE IF NOT EXISTS public.assay_migrations "
            "(version integer PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL, "
            "applied_at timestamptz NOT NULL DEFAULT now())"
        )
        todo = pending(conn, migrations)
        for migration in todo:
            _apply(conn, migration)
        return todo
    finally:
        conn.execute("SELECT pg_advisory_unlock(%s::bigint)", (_LOCK,))


def _apply(conn: Connection, migration: Migration) -> None:
    try:
        with conn.transaction():
            conn.execute("SELECT set_config('lock_timeout', %s, true)", (_LOCK_TIMEOUT,))
            conn.execute(migration.text)
            conn.execute(
                "INSERT INTO public.assay_migrations (version, name, sha256) VALUES (%s, %s, %s)",
                (migration.version, migration.name, migration.sha256),
            )
    except LockNotAvailable as error:
        raise Transient(
            f"migration {migration.version} ({migration.name}) waited {_LOCK_TIMEOUT} for a table that somebody uses; "
            "try again, or stop the other programs of this database first"
        ) from error
