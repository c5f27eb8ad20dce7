"""The program in this process, on a database with the repository's sample in it."""

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql
from typer.testing import CliRunner, Result

from aside import log_aside
from assay.bootstrap import build
from assay.cli import app
from assay.pipelines.advisories import commands
from assay.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = {
    "osv": "osv.zip",
    "gitlab": "gitlab.zip",
    "cve": "cve.zip",
    "kev": "kev.json.gz",
    "epss": "epss.csv.gz",
}

Assay = Callable[..., Result]


@pytest.fixture(scope="module")
def loaded(server, template) -> Iterator[dict[str, str]]:
    """The environment of an Assay that has the sample; what a test changes, it takes back."""
    name = f"{template}_cli_{os.urandom(3).hex()}"
    server.run(
        sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
    )
    with tempfile.TemporaryDirectory() as home:
        environment = {
            "ASSAY_HOME": home,
            "ASSAY_DATABASE_URL": server.database_url(name),
            "ASSAY_PROCESSES": "1",
        }
        settings = Settings(home=Path(home), database_url=environment["ASSAY_DATABASE_URL"], processes=1)  # type: ignore[call-arg]  # the settings check themselves
        with build(settings) as ctx:
            requests = {
                source: commands.Request(origin=str(ROOT / "sample" / file))
                for source, file in SAMPLE.items()
            }
            report = commands.sync(ctx, requests, retention=settings.retention, progress=lambda *_: None)
            assert report.is_good
        yield environment
    server.run(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(autouse=True)
def _log() -> Iterator[None]:
    """Tests that run the program by themselves leave the log on a stream that is closed."""
    yield
    log_aside()


@pytest.fixture
def assay(loaded) -> Assay:
    """Runs a command line, and fails where its exit code is not the expected one."""

    def run(*arguments: str, code: int = 0, input: str | None = None, **environment: str) -> Result:  # noqa: A002 - the runner's name
        try:
            result = CliRunner().invoke(app, list(arguments), input=input, env={**loaded, **environment})
        finally:
            log_aside()
        assert result.exit_code == code, f"{result.exit_code}\n{result.stdout}\n{result.stderr}"
        return result

    return run


@pytest.fixture
def ask(assay: Assay) -> Callable[..., Any]:
    """Runs a command line with `--json` and returns what it wrote."""
    return lambda *arguments, **options: json.loads(assay(*arguments, "--json", **options).stdout)
