"""One Context for all tests of a module, which may ask this machine: their sources have names of their own."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from assay.auth.commands import Act
from assay.auth.model import Kind as Who
from assay.auth.model import Principal, Role
from assay.bootstrap import Context, build
from assay.kit.db import Connection
from assay.kit.http import Http, HttpOptions
from assay.kit.reach import Reach
from assay.kit.transfer import Backoff
from assay.pipelines.feeds.commands import sources
from assay.pipelines.feeds.commands.sources import Draft
from assay.pipelines.feeds.model.sources import Kind, Source
from assay.settings import Settings
from assay.settings.feeds import FeedSettings
from conftest import Server, _create, _drop
from servers import Web, web_server

ANN = Principal(Who.LOCAL, "ann", Role.ADMIN)


class Time:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 5, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **amount: float) -> None:
        """Let time pass."""
        self.now += timedelta(**amount)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder below which sources may read files."""
    return tmp_path_factory.mktemp("root")


@pytest.fixture(scope="module")
def feeds(
    server: Server,
    template: str,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    root: Path,
) -> Iterator[Context]:
    """A Context on a database and home folder of this module's own, with a clock that the tests move."""
    name = f"{template}_{request.module.__name__.rpartition('.')[2]}"
    _create(server, name, template)
    said = FeedSettings.model_validate(
        {"reachable": ["127.0.0.1"], "roots": [root], "max_mb": 1, "max_total_mb": 4}
    )
    settings = Settings(
        home=tmp_path_factory.mktemp("feeds"),
        database_url=server.database_url(name),
        processes=1,
        feeds=said,
    )
    options = HttpOptions(
        reach=Reach.read(["127.0.0.1"]), trust_environment=False, backoff=Backoff(retries=0)
    )
    with build(settings) as made, Http(options) as outside:
        yield replace(made, outside=outside, clock=Time())
    _drop(server, name)


@pytest.fixture
def web() -> Iterator[Web]:
    """A server on loopback."""
    with web_server() as web:
        yield web


@pytest.fixture
def clock(feeds: Context) -> Time:
    """The module's clock."""
    assert isinstance(feeds.clock, Time)
    return feeds.clock


def acting(feeds: Context, conn: Connection) -> Act:
    """Ann's doing."""
    return Act(conn, feeds.sign_in, feeds.clock(), ANN)


Add = Callable[..., Source]


@pytest.fixture
def add(feeds: Context, request: pytest.FixtureRequest) -> Add:
    """Sets a source up, named after the test where no name is said."""

    def make(kind: str, address: str, **more: object) -> Source:
        usual = {
            "name": "".join(c if c.isalnum() else "-" for c in request.node.name.lower())[:90].strip("-")
        }
        draft = Draft(kind=Kind(kind), address=address, **(usual | more))  # type: ignore[arg-type]  # any field of a draft
        with feeds.db.transaction() as conn:
            return sources.add_source(feeds, acting(feeds, conn), draft)

    return make
