"""The oldest PostgreSQL that is promised, Debian's 15, ends with the same catalog as the embedded one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.bootstrap import Context
from assay.catalog import queries
from assay.kit import migrate
from assay.kit.db import Database
from assay.pipelines.advisories import commands
from conftest import MakeContext
from debian_postgres import debian_postgres, needs_debian_postgres

_SAMPLE = Path(__file__).parents[2] / "sample"
_FILES = {
    "osv": "osv.zip",
    "gitlab": "gitlab.zip",
    "cve": "cve.zip",
    "kev": "kev.json.gz",
    "epss": "epss.csv.gz",
}

pytestmark = needs_debian_postgres


@pytest.fixture
def old_url() -> Iterator[str]:
    """A database on a PostgreSQL 15 of this test's own, reached over a socket."""
    with debian_postgres() as folder:
        yield f"postgresql://assay@/postgres?host={folder}"


def _synced(ctx: Context) -> str:
    requests = {source: commands.Request(origin=str(_SAMPLE / file)) for source, file in _FILES.items()}
    report = commands.sync(ctx, requests, retention=ctx.settings.retention, progress=lambda *_: None)
    assert report.is_good, report
    with ctx.db.transaction() as conn:
        assert not any(queries.find_faults(conn).values())
        return queries.catalog_digest(conn)


def test_the_sample_ends_in_the_same_catalog_on_15_as_on_the_embedded_server(
    old_url: str, make_context: MakeContext, tmp_path: Path
) -> None:
    with Database(old_url).connection(autocommit=True) as conn:
        assert conn.info.server_version // 10000 == 15
        migrate.migrate(conn, migrate.history())
    old = make_context(database_url=old_url, home=tmp_path / "old")
    assert _synced(old) == _synced(make_context())
    with old.db.transaction() as conn:
        page = queries.search(conn, queries.Filters(text="injection", exploited=False), limit=5)
        assert page.hits
