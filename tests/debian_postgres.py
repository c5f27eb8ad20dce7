"""Debian's PostgreSQL 15, started for one test."""

import os
import pwd
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_BIN = Path("/usr/lib/postgresql/15/bin")

needs_debian_postgres = pytest.mark.skipif(
    not (_BIN / "initdb").exists(),
    reason="PostgreSQL 15 is not installed here; CI installs Debian's postgresql-15",
)


@contextmanager
def debian_postgres(prepare: Callable[[Path, int], str] = lambda _data, _user: "") -> Iterator[Path]:
    """The folder of its socket. `prepare` is given its data directory and its user, and returns more of its options."""
    user = pwd.getpwnam("postgres").pw_uid if os.geteuid() == 0 else os.geteuid()
    with tempfile.TemporaryDirectory(prefix="assay-pg15-") as name:
        folder = Path(name)
        os.chown(folder, user, -1)

        def run(*argv: str) -> None:
            subprocess.run(
                [str(_BIN / argv[0]), *argv[1:]], check=True, user=user, cwd="/", capture_output=True
            )

        data = f"{name}/data"
        run("initdb", "-D", data, "-A", "trust", "-U", "assay", "-E", "UTF8", "--no-sync")
        more = prepare(folder / "data", user) or "-c listen_addresses=''"
        options = f"-k {name} -c fsync=off {more}"
        run("pg_ctl", "-D", data, "-l", f"{name}/log", "-w", "-t", "240", "-o", options, "start")
        try:
            yield folder
        finally:
            run("pg_ctl", "-D", data, "-m", "immediate", "stop")
