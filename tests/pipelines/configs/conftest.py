"""One Context for all tests of a module: their runs have labels of their own and do not meet."""

from collections.abc import Iterator

import pytest

from assay.bootstrap import Context, build
from assay.settings import Settings
from conftest import Server, _create, _drop


@pytest.fixture(scope="module")
def ctx(
    server: Server, template: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Context]:
    """A Context on a database and home folder of this module's own."""
    name = f"{template}_{request.module.__name__.rpartition('.')[2]}"
    _create(server, name, template)
    home = tmp_path_factory.mktemp("configs")
    with build(Settings(home=home, database_url=server.database_url(name), processes=1)) as made:  # type: ignore[call-arg]  # the settings check themselves
        yield made
    _drop(server, name)
