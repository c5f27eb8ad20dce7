"""A database of its own with all of the sample in it, and every schedule."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from assay.bootstrap import Context, build
from assay.jobs.schedules import declare
from assay.pipelines.advisories import commands
from assay.pipelines.advisories.commands import Request
from assay.settings import Settings
from conftest import Server, _create, _drop

SAMPLE = Path(__file__).parents[1] / "sample"
_FILES = {
    "osv": "osv.zip",
    "gitlab": "gitlab.zip",
    "cve": "cve.zip",
    "kev": "kev.json.gz",
    "epss": "epss.csv.gz",
}


@contextmanager
def loaded_sample(server: Server, template: str, name: str, home: Path, **changes: Any) -> Iterator[Context]:
    """The Context; other keywords are settings."""
    database = f"{template}_{name}"
    _create(server, database, template)
    settings = Settings(
        home=home, database_url=server.database_url(database), processes=1, web_rate=0, **changes
    )
    requests = {source: Request(origin=str(SAMPLE / file)) for source, file in _FILES.items()}
    try:
        with build(settings) as ctx:
            report = commands.sync(ctx, requests, retention=settings.retention, progress=lambda *_: None)
            assert report.is_good, report
            with ctx.db.transaction() as conn:
                declare(conn, ctx.schedules)
            yield ctx
    finally:
        _drop(server, database)
