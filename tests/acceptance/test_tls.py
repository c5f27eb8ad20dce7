"""A worker on a PostgreSQL of somebody else's that is reached over TLS only: the URL says so, and who is trusted."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest
import trustme

from assay.errors import AssayError
from assay.jobs.deferring import defer
from assay.jobs.retention import remove_old_jobs
from assay.kit import migrate
from assay.kit.db import Database
from debian_postgres import debian_postgres, needs_debian_postgres

pytestmark = [needs_debian_postgres, pytest.mark.fault]

_SOURCE = Path(__file__).parents[2] / "src"


class Served(NamedTuple):
    """A server that lets nobody in without TLS, and whom its certificate is from."""

    port: int
    authority: Path
    folder: Path

    def url(self, **more: str) -> str:
        return psycopg.conninfo.make_conninfo(
            host="localhost", port=self.port, user="assay", dbname="postgres", **more
        )


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    trusted = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(trusted))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def prepare(data: Path, user: int) -> str:
        (data / "pg_hba.conf").write_text("local all all trust\nhostssl all all all trust\n")
        certificate.cert_chain_pems[0].write_to_path(str(data / "server.crt"))
        certificate.private_key_pem.write_to_path(str(data / "server.key"))
        for name in ("server.crt", "server.key"):
            (data / name).chmod(0o600)
            os.chown(data / name, user, -1)
        return f"-c listen_addresses=localhost -p {port} -c ssl=on"

    with debian_postgres(prepare) as folder:
        yield Served(port, trusted, folder)


def test_a_worker_speaks_tls_with_whom_its_url_trusts_and_with_nobody_else(served: Served, tmp_path: Path):
    url = served.url(sslmode="verify-full", sslrootcert=str(served.authority))
    stranger = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(stranger))
    for refused in (
        served.url(sslmode="disable"),
        served.url(sslmode="verify-full", sslrootcert=str(stranger)),
    ):
        with pytest.raises(AssayError), Database(refused).transaction():
            pass
    db = Database(url)
    with db.connection(autocommit=True) as conn:
        migrate.migrate(conn, migrate.history())
    with ExitStack() as stack:
        stack.callback(db.close)
        with db.transaction() as conn:
            job = defer(conn, remove_old_jobs)
        worker = subprocess.Popen(
            [sys.executable, "-m", "assay", "worker", "--processes", "1"],
            env={
                **os.environ,
                "PYTHONPATH": str(_SOURCE),
                "ASSAY_HOME": str(tmp_path / "home"),
                "ASSAY_DATABASE_URL": url,
                "ASSAY_PROCESSES": "1",
            },
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            with psycopg.connect(url, autocommit=True) as conn:
                wait_until(conn, "SELECT status = 'completed' FROM jobs.processing_tasks WHERE id = %s", job)
                plain = conn.execute(
                    "SELECT count(*) FROM pg_stat_activity JOIN pg_stat_ssl USING (pid)"
                    " WHERE backend_type = 'client backend' AND NOT ssl"
                ).fetchone()
                assert plain == (0,)
        finally:
            worker.send_signal(signal.SIGTERM)
            _, said = worker.communicate(timeout=240)
        assert worker.returncode == 0, said


def wait_until(conn: psycopg.Connection, question: str, *values: object) -> None:
    """Ask until the answer is yes; the statement waits a little in the server."""
    for _ in range(2400):
        row = conn.execute(f"SELECT ({question}), pg_sleep(0.1)", values).fetchone()
        if row is not None and row[0]:
            return
    raise AssertionError(f"never: {question}")
