"""A worker's own role: it can do all that workers do, and nothing that changes shapes or reads elsewhere."""

import os
import random
from pathlib import Path

import psycopg
import pytest

from assay.errors import Permanent
from assay.kit import migrate
from assay.kit.db import Database
from assay.kit.roles import grant
from assay.pipelines.advisories import commands
from assay.pipelines.advisories.commands import Request
from conftest import MakeContext

SAMPLE = Path(__file__).parents[2] / "sample"


@pytest.fixture
def role(fresh_url):
    """The name of a role that may do nothing yet."""
    name = f"assay_test_{os.urandom(3).hex()}"
    with psycopg.connect(fresh_url, autocommit=True) as conn:
        conn.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'x' NOSUPERUSER NOCREATEDB NOCREATEROLE")
    yield name
    with psycopg.connect(fresh_url, autocommit=True) as conn:
        conn.execute(f"DROP OWNED BY {name} CASCADE")
        conn.execute(f"DROP ROLE {name}")


def permit(url: str, role: str, *, may_write: bool = True, private: tuple[str, ...] = ()) -> str:
    """The URL of the database for the role, which may do what workers do there."""
    with Database(url).connection(autocommit=True) as conn:
        grant(conn, role, may_write=may_write, private=private)
    return psycopg.conninfo.make_conninfo(url, user=role, password="x")


def test_a_worker_can_do_its_work(make_context: MakeContext, fresh_url, role):
    ctx = make_context(database_url=permit(fresh_url, role))
    requests = {
        "kev": Request(origin=str(SAMPLE / "kev.json.gz")),
        "osv": Request(origin=str(SAMPLE / "osv.zip")),
    }
    report = commands.sync(ctx, requests, retention=ctx.retention, progress=lambda *_: None)
    assert report.is_good, report
    from assay.jobs.deferring import defer
    from assay.jobs.retention import remove_old_jobs
    from assay.jobs.schedules import declare, tick
    from assay.monitoring.tasks import watch

    with ctx.db.transaction() as conn:
        assert conn.execute("SELECT current_user").fetchone() == (role,)
        declare(conn, ctx.schedules)
        defer(conn, remove_old_jobs)
        tick(conn, ctx.tasks, random.Random(1))
        conn.execute("SELECT jobs.procrastinate_fetch_job_v2(NULL, worker_id) FROM "
                     "jobs.procrastinate_register_worker_v1()")  # fmt: skip
    assert watch(ctx) is not None


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE catalog.mine (id int)",
        "CREATE TABLE public.mine (id int)",
        "CREATE SCHEMA mine",
        "DROP TABLE catalog.claims",
        "ALTER TABLE catalog.claims ADD COLUMN mine int",
        "DROP INDEX jobs.jobs_failed",
        "CREATE OR REPLACE FUNCTION jobs.stamp_job() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "ALTER TABLE jobs.procrastinate_jobs DISABLE TRIGGER jobs_stamp",
        "INSERT INTO public.assay_migrations (version, name, sha256) VALUES (99, 'mine', '')",
        "SELECT rolpassword FROM pg_authid",
        "COPY catalog.claims TO PROGRAM 'cat'",
        "SELECT pg_read_file('/etc/passwd')",
        "CREATE ROLE mine",
        "ALTER SYSTEM SET fsync = off",
    ],
)
def test_a_worker_can_do_nothing_else(fresh_url, role, statement):
    with (
        psycopg.connect(permit(fresh_url, role), autocommit=True) as conn,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        conn.execute(statement)


def test_who_may_only_read_cannot_write(fresh_url, role):
    permit(fresh_url, role)
    with psycopg.connect(permit(fresh_url, role, may_write=False), autocommit=True) as conn:
        assert conn.execute("SELECT count(*) FROM jobs.processing_tasks").fetchone() == (0,)
        for statement in ("DELETE FROM jobs.runs", "SELECT nextval('jobs.procrastinate_jobs_id_seq')"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(statement)


def test_who_may_only_read_sees_no_private_schema(fresh_url, role):
    permit(fresh_url, role, may_write=False)
    url = permit(fresh_url, role, may_write=False, private=("auth",))
    with psycopg.connect(url, autocommit=True) as conn:
        assert conn.execute("SELECT count(*) FROM catalog.claims").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("SELECT password FROM auth.people")


def test_tables_of_later_migrations_are_included(fresh_url, role):
    url = permit(fresh_url, role)
    with psycopg.connect(fresh_url, autocommit=True) as conn:
        conn.execute("CREATE TABLE catalog.later (id bigint GENERATED ALWAYS AS IDENTITY)")
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("INSERT INTO catalog.later DEFAULT VALUES")


def test_a_database_that_is_behind_is_noticed_by_the_role(fresh_url, role):
    with Database(permit(fresh_url, role)).connection(autocommit=True) as conn:
        assert migrate.pending(conn, migrate.history()) == []


def test_roles_that_no_grant_restricts_are_refused(fresh_url, role):
    with Database(fresh_url).connection(autocommit=True) as conn:
        owner = conn.execute("SELECT current_user").fetchone()[0]
        with pytest.raises(Permanent, match="has no role"):
            grant(conn, "nobody at all", may_write=True)
        with pytest.raises(Permanent, match="owns the tables"):
            grant(conn, owner, may_write=True)
        conn.execute(f"ALTER ROLE {role} CREATEROLE")
        with pytest.raises(Permanent, match="makes roles"):
            grant(conn, role, may_write=True)
