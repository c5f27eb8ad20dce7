"""A backup becomes the same installation elsewhere, all of it or nothing."""

import json
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import psycopg
import pytest
from psycopg import sql

from assay.bootstrap import build
from assay.bootstrap.backups import About, back_up, restore
from assay.errors import Permanent
from assay.kit import migrate, postgres, postgres_tools
from assay.kit.clock import utc_now
from assay.kit.db import Database
from assay.kit.sealing import new_key
from assay.settings import Settings
from debian_postgres import debian_postgres, needs_debian_postgres
from patience import until

KEY = new_key()


def quiet(step: str, done: int, total: int | None) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True)
class Place:
    """A home folder and an empty database."""

    home: Path
    url: str

    @property
    def settings(self) -> Settings:
        return Settings(home=self.home, database_url=self.url, processes=1)  # type: ignore[call-arg]  # the settings check themselves

    @property
    def environment(self) -> dict[str, str]:
        return {"ASSAY_HOME": str(self.home), "ASSAY_DATABASE_URL": self.url}

    def schemas(self) -> list[str]:
        with psycopg.connect(self.url) as conn:
            return [row[0] for row in conn.execute(OWN_SCHEMAS).fetchall()]


OWN_SCHEMAS = (
    "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'public') "
    "ORDER BY 1"
)


@pytest.fixture
def empty(server, tmp_path) -> Iterator[Callable[[], Place]]:
    """Makes empty places."""
    names: list[str] = []

    def make() -> Place:
        name = f"empty_{os.getpid()}_{os.urandom(3).hex()}"
        server.run(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        names.append(name)
        return Place(tmp_path / name, server.database_url(name))

    yield make
    for name in names:
        server.run(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def backup(assay, loaded, tmp_path) -> Path:
    """A backup of the sample, with a key and an upload beside it."""
    home = Path(loaded["ASSAY_HOME"])
    (home / "secrets.key").write_text(KEY)
    upload = home / "uploads" / "ab" / ("ab" + "0" * 62)
    upload.parent.mkdir(parents=True, exist_ok=True)
    upload.write_bytes(b"an upload")
    file = tmp_path / "assay.zip"
    assay("backup", str(file))
    return file


TABLES = """
SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
"""
# Words are stemmed otherwise by another release of PostgreSQL.
ROWS = """
SELECT count(*), md5(string_agg(one, ' ' ORDER BY one))
FROM (SELECT md5((to_jsonb(t) - 'search')::text) FROM {} AS t) AS rows (one)
"""
SEQUENCES = "SELECT format('%I.%I', schemaname, sequencename), last_value FROM pg_sequences"


def rows_of(url: str) -> dict[str, object]:
    """How many rows each table has, and a fingerprint of them; sequences with where they stand."""
    with psycopg.connect(url) as conn:
        tables = [row[0] for row in conn.execute(TABLES)]
        found: dict[str, object] = {
            table: conn.execute(ROWS.format(table)).fetchone()  # type: ignore[arg-type]  # tables are named by the server
            for table in tables
        }
        return found | dict(conn.execute(SEQUENCES).fetchall())


def rewritten(backup: Path, target: Path, changed: dict[str, bytes | None]) -> Path:
    """The backup with other members, by name; None leaves one out."""
    with zipfile.ZipFile(backup) as old, zipfile.ZipFile(target, "w") as new:
        members = {name: old.read(name) for name in old.namelist()}
        for name, content in (members | changed).items():
            if content is not None:
                new.writestr(name, content)
    return target


def test_a_backup_becomes_the_same_installation(assay, loaded, backup, empty):
    there = empty()
    told = json.loads(assay("restore", str(backup), "--json", **there.environment).stdout)
    assert (told["files"], told["has_documents"]) == (2, False)
    assert rows_of(there.url) == rows_of(loaded["ASSAY_DATABASE_URL"])
    assert (there.home / "secrets.key").read_text() == KEY
    assert (there.home / "secrets.key").stat().st_mode & 0o777 == 0o600
    assert (there.home / "uploads").stat().st_mode & 0o777 == 0o700
    ask = ("catalog", "stats", "--json")
    ours, theirs = (json.loads(assay(*ask, **env).stdout) for env in ({}, there.environment))
    assert ours | {"database_bytes": 0} == theirs | {"database_bytes": 0}
    assert {
        f["grade"] for f in json.loads(assay("doctor", "--json", **there.environment).stdout)["findings"]
    } == {"ok"}
    rebuilt = json.loads(assay("catalog", "rebuild", "--json", **there.environment).stdout)
    assert rebuilt["digest_before"] == rebuilt["digest_after"] == ours["digest"]


def test_documents_are_in_it_when_asked_for_and_replayed_there(assay, loaded, backup, empty):
    file = backup.with_name("with documents.zip")
    shown = assay("backup", str(file), "--documents").stdout
    assert "with documents" in shown
    assert "keep it as safe as those" in shown
    there = empty()
    assay("restore", str(file), **there.environment)
    ours = Path(loaded["ASSAY_HOME"]) / "documents"
    away = ours.rename(ours.with_name("away"))
    try:
        synced = assay("sync", "kev", "--replay", "--full", **there.environment).stdout
    finally:
        away.rename(ours)
    assert "replayed" in synced


def test_only_its_owner_may_read_it_and_nothing_is_left_beside_it(backup):
    assert backup.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in backup.parent.iterdir() if "assay.zip" in path.name] == ["assay.zip"]


def test_a_file_is_replaced_only_when_that_is_asked_for(assay, backup):
    before = backup.read_bytes()
    assert "add --replace" in assay("backup", str(backup), code=4).stderr
    assert backup.read_bytes() == before
    assay("backup", str(backup), "--replace")
    with zipfile.ZipFile(backup) as archive:
        assert archive.testzip() is None


def test_a_backup_that_cannot_be_made_leaves_the_last_one(assay, backup, empty):
    before = backup.read_bytes()
    behind = empty().environment | {"ASSAY_HOME": str(backup.parent / "behind")}
    assert "assay migrate" in assay("backup", str(backup), "--replace", code=2, **behind).stderr
    assert backup.read_bytes() == before
    assert [path.name for path in backup.parent.iterdir() if "assay.zip" in path.name] == ["assay.zip"]


def test_an_installation_is_never_restored_over(assay, loaded, backup, empty):
    before = rows_of(loaded["ASSAY_DATABASE_URL"])
    assert "holds an installation already" in assay("restore", str(backup), code=4).stderr
    assert rows_of(loaded["ASSAY_DATABASE_URL"]) == before
    there = empty()
    there.home.mkdir()
    (there.home / "secrets.key").write_text("another key")
    assert (
        "is another key than the backup's"
        in assay("restore", str(backup), code=4, **there.environment).stderr
    )
    assert there.schemas() == []
    assert (there.home / "secrets.key").read_text() == "another key"


def test_a_damaged_backup_changes_nothing(assay, backup, empty):
    with zipfile.ZipFile(backup) as archive:
        member = archive.getinfo("database.dump")
    content = bytearray(backup.read_bytes())
    content[member.header_offset + member.file_size // 2] ^= 0xFF
    backup.write_bytes(content)
    there = empty()
    assert "is damaged" in assay("restore", str(backup), code=2, **there.environment).stderr
    assert there.schemas() == []
    assert list(there.home.iterdir()) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"home/../../elsewhere": b"x"}, "which belongs to no backup"),
        ({"home/uploads/../x": b"x"}, "which belongs to no backup"),
        ({"/etc/passwd": b"x"}, "which belongs to no backup"),
        ({"home/assay.toml": b"x"}, "which belongs to no backup"),
        ({"backup.json": b"{}"}, "no backup of Assay, or damaged"),
        ({"backup.json": None}, "no backup of Assay, or damaged"),
        ({"database.dump": None}, "of a form that this release does not know"),
        ({"database.dump": b"PGDMP nothing"}, "pg_restore failed"),
        ({"migrations.dump": b""}, "pg_restore failed"),
    ],
)
def test_what_is_no_backup_is_refused_whole(assay, backup, empty, tmp_path, changed, said):
    there = empty()
    file = rewritten(backup, tmp_path / "changed.zip", changed)
    assert said in assay("restore", str(file), code=2, **there.environment).stderr
    assert there.schemas() == []
    assert not (tmp_path / "elsewhere").exists()


def test_what_is_no_zip_or_not_there_is_told(assay, empty, tmp_path):
    there = empty()
    text = tmp_path / "notes.txt"
    text.write_text("no zip")
    assert "is no backup of Assay" in assay("restore", str(text), code=2, **there.environment).stderr
    assert (
        "does not exist" in assay("restore", str(tmp_path / "none.zip"), code=3, **there.environment).stderr
    )


def test_a_newer_releases_backup_is_refused_before_anything(backup, empty, tmp_path):
    there = empty()
    with zipfile.ZipFile(backup) as archive:
        about = json.loads(archive.read("backup.json"))
    newer = json.dumps(about | {"migration": about["migration"] + 1, "assay": "99.0"}).encode()
    file = rewritten(backup, tmp_path / "newer.zip", {"backup.json": newer})
    with pytest.raises(Permanent, match=r"made by a newer Assay \(99\.0\)"):
        restore(there.settings, file, progress=quiet)
    assert there.schemas() == []


def test_an_older_releases_backup_gets_the_migrations_since_then(empty, tmp_path):
    """Written as a release of one migration less wrote it."""
    older, there = empty(), empty()
    known = migrate.history()
    with Database(older.url).connection(autocommit=True) as conn:
        migrate.migrate(conn, known[:-1])
        conn.execute("INSERT INTO catalog.editions (number) VALUES (7)")
    file = tmp_path / "older.zip"
    with zipfile.ZipFile(file, "w") as archive:
        about = About(made_at=utc_now(), migration=known[-2].version, has_documents=False)
        archive.writestr("backup.json", msgspec.json.encode(about))
        with archive.open("database.dump", "w") as out:
            postgres_tools.dump(postgres.installed(), older.url, out, schemas=migrate.schemas(known))
        with archive.open("migrations.dump", "w") as out:
            postgres_tools.dump(postgres.installed(), older.url, out, table=migrate.HISTORY)
    restore(there.settings, file, progress=quiet)
    with build(there.settings) as ctx, ctx.db.transaction() as conn:
        assert conn.execute("SELECT number, merged_by FROM catalog.editions").fetchone() == (7, "")


def test_another_programs_tables_in_the_same_database_are_left_out_and_left_alone(backup, empty, loaded):
    there = empty()
    with psycopg.connect(there.url, autocommit=True) as conn:
        conn.execute("CREATE SCHEMA theirs")
        conn.execute("CREATE TABLE public.theirs AS SELECT 1 AS one")
    restore(there.settings, backup, progress=quiet)
    again = backup.with_name("again.zip")
    back_up(there.settings, again, progress=quiet)
    elsewhere = empty()
    restore(elsewhere.settings, again, progress=quiet)
    assert rows_of(elsewhere.url) == rows_of(loaded["ASSAY_DATABASE_URL"])
    assert there.schemas() == sorted([*elsewhere.schemas(), "theirs"])


def test_every_schema_is_backed_up(fresh_url, tmp_path):
    assert sorted(migrate.schemas(migrate.history())) == Place(tmp_path, fresh_url).schemas()


@pytest.mark.fault
def test_a_restore_that_is_killed_has_restored_nothing(backup, empty):
    there = empty()
    program = [sys.executable, "-m", "assay", "restore", str(backup)]
    with psycopg.connect(there.url) as holder, psycopg.connect(there.url, autocommit=True) as watcher:
        # The first thing that a restore makes waits until this one, which nobody sees, is taken back.
        holder.execute("CREATE SCHEMA advisories")
        process = subprocess.Popen(program, env={**os.environ, **there.environment})
        waiting = (
            "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        until(lambda: watcher.execute(waiting).fetchone())
        process.send_signal(signal.SIGKILL)
        process.wait()
        holder.rollback()
        others = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> ALL(%s)"
        ours = [holder.info.backend_pid, watcher.info.backend_pid]
        until(lambda: watcher.execute(others, (ours,)).fetchone() is None)
    assert there.schemas() == []
    restore(there.settings, backup, progress=quiet)
    assert "catalog" in there.schemas()


def test_a_password_stands_on_no_command_line():
    url = "postgresql://me:s3cret@db.example.org:6543/assay?sslmode=require&options=-csearch_path%3Dx"
    assert postgres_tools._as_environment(url) == {
        "PGUSER": "me",
        "PGPASSWORD": "s3cret",
        "PGHOST": "db.example.org",
        "PGPORT": "6543",
        "PGDATABASE": "assay",
        "PGSSLMODE": "require",
        "PGOPTIONS": "-csearch_path=x",
    }


@needs_debian_postgres
def test_it_is_restored_into_the_oldest_postgresql_and_out_of_it(backup, empty, loaded, tmp_path):
    with debian_postgres() as folder:
        old = Place(tmp_path / "old", f"postgresql://assay@/postgres?host={folder}")
        restore(old.settings, backup, progress=quiet)
        assert rows_of(old.url) == rows_of(loaded["ASSAY_DATABASE_URL"])
        again = tmp_path / "again.zip"
        back_up(old.settings, again, progress=quiet)
    there = empty()
    restore(there.settings, again, progress=quiet)
    assert rows_of(there.url) == rows_of(loaded["ASSAY_DATABASE_URL"])
