"""A real PostgreSQL for every test that needs one: one server a run, one database a worker, a rollback a test."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings as hypothesis_settings
from psycopg import sql

from aside import log_aside
from assay.bootstrap import Context, build
from assay.kit import migrate
from assay.kit.db import Connection, Database
from assay.kit.postgres import EmbeddedPostgres, PostgresOptions
from assay.settings import Settings
from llm_server import NoModelError, Running, running_model

# How long one example takes says nothing on a machine that is busy with other tests.
hypothesis_settings.register_profile("assay", deadline=None)
hypothesis_settings.load_profile("assay")
log_aside()

# A PostgreSQL to test against in the place of the embedded one, e.g. Debian's 15; the role may create databases.
_OTHER_SERVER = "ASSAY_TEST_DATABASE_URL"


@dataclass(frozen=True, slots=True)
class Server:
    """A PostgreSQL server, by the URL of one of its databases."""

    url: str

    def database_url(self, name: str) -> str:
        """The URL of another database on it."""
        return psycopg.conninfo.make_conninfo(self.url, dbname=name)

    def run(self, statement: sql.Composed) -> None:
        """Run a statement that must stand outside a transaction."""
        with psycopg.connect(self.url, autocommit=True) as conn:
            conn.execute(statement)


@contextmanager
def _reachable_folder(run: str) -> Iterator[Path]:
    """A folder that the server's own user can enter: pytest's are private, and root's server is not root."""
    folder = Path(tempfile.gettempdir()) / f"assay-tests-{os.getuid()}-{run}"
    folder.mkdir(mode=0o755, exist_ok=True)
    yield folder


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The run's server, shared by its workers and stopped by the last of them."""
    other = os.environ.get(_OTHER_SERVER)
    if other:
        yield Server(other)
        return
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    with _reachable_folder(run) as folder:
        with EmbeddedPostgres(PostgresOptions(folder / "postgres", is_durable=False)) as url:
            yield Server(url)
        # The last worker out finds the server stopped and clears up; the others find it running.
        if not (folder / "postgres" / "data" / "postmaster.pid").exists():
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def template(server: Server) -> Iterator[str]:
    """The name of a migrated database of this worker's own, to be cloned."""
    name = f"template_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{os.getpid()}"
    _create(server, name, None)
    with Database(server.database_url(name)).connection(autocommit=True) as conn:
        migrate.migrate(conn, migrate.history())
    yield name
    _drop(server, name)


def _create(server: Server, name: str, template: str | None) -> None:
    clone = sql.SQL("TEMPLATE {} STRATEGY file_copy").format(sql.Identifier(template or "template0"))
    server.run(sql.SQL("CREATE DATABASE {} {}").format(sql.Identifier(name), clone))


def _drop(server: Server, name: str) -> None:
    server.run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def database(server: Server, template: str) -> Iterator[Database]:
    """A migrated database in which nothing is ever committed."""
    name = f"{template}_shared"
    _create(server, name, template)
    yield Database(server.database_url(name))
    _drop(server, name)


@pytest.fixture
def conn(database: Database) -> Iterator[Connection]:
    """A connection whose transaction is rolled back at the end."""
    with database.connection() as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def fresh_url(server: Server, template: str) -> Iterator[str]:
    """The URL of a migrated database of this test's own, for what commits."""
    name = f"{template}_{os.urandom(4).hex()}"
    _create(server, name, template)
    yield server.database_url(name)
    _drop(server, name)


MakeContext = Callable[..., Context]


@pytest.fixture
def make_context(fresh_url: str, tmp_path: Path) -> Iterator[MakeContext]:
    """Builds Contexts on this test's own database and home folder; keywords are settings."""
    with ExitStack() as exits:

        def make(**changes: object) -> Context:
            values: dict[str, object] = {"home": tmp_path / "home", "database_url": fresh_url, "processes": 1}
            settings = Settings(**(values | changes))  # type: ignore[arg-type]  # the settings check themselves
            return exits.enter_context(build(settings))

        yield make


@pytest.fixture
def ctx(make_context: MakeContext) -> Context:
    """A Context on a database and home folder of this test's own, working in one process."""
    return make_context()


@pytest.fixture(scope="session")
def language_server() -> Iterator[Running]:
    """A real language model behind the interfaces of Ollama and OpenAI; skips where none is installed."""
    with ExitStack() as exits:
        try:
            found = exits.enter_context(running_model())
        except NoModelError as error:
            pytest.skip(str(error))
        yield found
