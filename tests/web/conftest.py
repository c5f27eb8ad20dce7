"""A catalog that was really synced, from the sample and from records made for the edges, and the service on it."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.bootstrap import Context, build
from assay.pipelines.advisories import commands
from assay.pipelines.advisories.commands import Request
from assay.settings import Settings
from conftest import Server, _create, _drop
from web_service import CROWD, EDGES, Service, running_service

SAMPLE = Path(__file__).parents[2] / "sample"


@pytest.fixture(scope="module")
def synced(
    server: Server, template: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Context]:
    """A Context on a database of this module's own with the sample and the made records."""
    name = f"{template}_{request.module.__name__.rpartition('.')[2]}"
    folder = tmp_path_factory.mktemp("service")
    archive = folder / "osv.zip"
    with zipfile.ZipFile(SAMPLE / "osv.zip") as sample, zipfile.ZipFile(archive, "w") as made:
        for member in sample.namelist():
            made.writestr(member, sample.read(member))
        for entry in [*EDGES, *CROWD]:
            made.writestr(f"{entry['id']}.json", json.dumps(entry))
    _create(server, name, template)
    settings = Settings(home=folder / "home", database_url=server.database_url(name), processes=1)
    requests = {"osv": Request(origin=str(archive)), "gitlab": Request(origin=str(SAMPLE / "gitlab.zip"))}
    with build(settings) as ctx:
        report = commands.sync(ctx, requests, retention=settings.retention, progress=lambda *_: None)
        assert report.is_good, report
        yield ctx
    _drop(server, name)


@pytest.fixture(scope="module")
def service(synced: Context) -> Iterator[Service]:
    """The service on that catalog."""
    with running_service(synced) as found:
        yield found
