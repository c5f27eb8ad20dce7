"""One database for a module of tests that clear it themselves."""

from collections.abc import Iterator

import pytest

from assay.bootstrap import build
from assay.settings import Settings
from conftest import Server, _create, _drop
from factories import Arena, reading_claims


@pytest.fixture(scope="module")
def arena(
    server: Server, template: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Arena]:
    """A Context on one database for many examples, each of which begins by clearing it."""
    name = f"{template}_{request.module.__name__.rpartition('.')[2]}"
    _create(server, name, template)
    settings = Settings(
        home=tmp_path_factory.mktemp("home"), database_url=server.database_url(name), processes=1
    )
    with build(settings) as ctx:
        yield Arena(reading_claims(ctx))
    _drop(server, name)
