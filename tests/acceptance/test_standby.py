"""Commands handed to the process that stands by: the same answers, streams, folders, signals and ends as without it."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from acceptance.test_advisories_story import SAMPLE, Assay
from assay.handover import SOCKET
from assay.kit import postgres
from patience import until

pytestmark = pytest.mark.skipif(
    not hasattr(os, "fork"), reason="nothing stands by where the system cannot fork"
)


@pytest.fixture(scope="module")
def assay() -> Iterator[Assay]:
    """An Assay that has synced the sample's OSV records."""
    path = Path(tempfile.mkdtemp(prefix="assay standby "))
    path.chmod(0o755)
    program = Assay(path)
    program("sync", "osv", "--from", f"osv={SAMPLE / 'osv.zip'}")
    yield program
    postgres.stop(postgres.PostgresOptions(path / "home" / "postgres"))
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def served(assay) -> Iterator[Assay]:
    """The same while it serves, so that something stands by."""
    service = assay.start("serve", "--port", "0", "--json", stdout=subprocess.PIPE)
    try:
        assert service.stdout is not None
        while b"url" not in service.stdout.readline():
            assert service.poll() is None
        until((assay.home / SOCKET).exists)
        yield assay
    finally:
        service.send_signal(signal.SIGTERM)
        assert service.wait(timeout=240) == 0
        service.stdout.close()
    assert not (assay.home / SOCKET).exists()


def ran(assay: Assay, *arguments: str, **environment: str) -> tuple[int, bytes, bytes, bool]:
    """Exit code, both outputs, and whether the process that was started ran the command itself."""
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "assay", *arguments],
        env=assay.environment | environment,
        capture_output=True,
        check=False,
        timeout=240,
    )
    lines = ended.stderr.splitlines(keepends=True)
    imported = [line for line in lines if line.startswith(b"import time:")]
    told = b"".join(line for line in lines if not line.startswith(b"import time:"))
    return ended.returncode, ended.stdout, told, any(line.endswith(b" typer\n") for line in imported)


def test_the_answer_is_the_same_and_comes_from_elsewhere(served):
    arguments = ("search", "--ecosystem", "npm", "--json")
    code, output, errors, is_alone = ran(served, *arguments)
    assert (code, errors, is_alone) == (0, b"", False)
    (served.home / SOCKET).rename(served.home / "aside")
    try:
        alone = ran(served, *arguments)
    finally:
        (served.home / "aside").rename(served.home / SOCKET)
    assert alone == (0, output, b"", True)


def test_the_exit_code_and_the_error_are_those_of_the_command(served):
    code, output, errors, is_alone = ran(served, "show", "CVE-1999-0001")
    assert (code, output) == (3, b"")
    assert b"no vulnerability is known" in errors
    assert not is_alone
    assert ran(served, "show")[0] == 2


def test_folder_input_and_environment_are_the_callers(served, tmp_path):
    lock = {"name": "web", "lockfileVersion": 3, "packages": {"node_modules/left-pad": {"version": "1.0.0"}}}
    (tmp_path / "package-lock.json").write_text(json.dumps(lock))
    found = subprocess.run(
        [
            sys.executable,
            "-m",
            "assay",
            "scan",
            "package-lock.json",
            "-",
            "--format-of",
            "package-lock",
            "--json",
        ],
        cwd=tmp_path,
        env=served.environment,
        input=json.dumps(lock).encode(),
        capture_output=True,
        check=False,
        timeout=240,
    )
    assert [file["path"] for file in json.loads(found.stdout)["files"]] == ["package-lock.json", "-"]
    code, _, errors, _ = ran(served, "search", "x", ASSAY_PROCESSES="none")
    assert code == 2
    assert b"processes" in errors.lower()


def test_a_terminal_is_still_a_terminal(served):
    assert b"\x1b[" in served.on_terminal("search", "--ecosystem", "npm")


def test_several_at_once_do_not_meet(served):
    running = [
        served.start("search", "--ecosystem", ecosystem, "--json", stdout=subprocess.PIPE)
        for ecosystem in ("npm", "PyPI", "Go", "Maven")
    ]
    said = [json.loads(process.communicate(timeout=240)[0])["hits"] for process in running]
    alone = [served.ask("search", "--ecosystem", one)["hits"] for one in ("npm", "PyPI", "Go", "Maven")]
    assert said == alone


def test_a_settings_file_of_the_callers_own_is_heeded(served, tmp_path):
    file = tmp_path / "other.toml"
    file.write_text('database_url = "postgresql://nobody@127.0.0.1:1/nowhere"\n')
    code, _, errors, is_alone = ran(served, "search", "x", ASSAY_CONFIG=str(file))
    assert code not in (0, 3)
    assert b"database" in errors.lower()
    assert not is_alone


def test_a_signal_ends_the_command_wherever_it_runs(served):
    process = served.start(
        "scan", "-", "--format-of", "package-lock", stdin=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdin is not None
    # More than a pipe holds, so this returns once the command reads, and it goes on waiting for the rest.
    process.stdin.write(b" " * (4 << 20))
    process.stdin.flush()
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 143, errors


@pytest.mark.parametrize("request_", [b"", b"no request", b"another\0/\x000\0", b"another\0/\x005\0show\0"])
def test_who_is_another_program_is_sent_away(served, request_):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as conn:
        conn.settimeout(30)
        conn.connect(str(served.home / SOCKET))
        socket.send_fds(conn, [len(request_).to_bytes(4, "big")], [0, 1, 2])
        conn.sendall(request_)
        assert conn.recv(4) in (bytes(4), b"")
    assert served.ask("search", "--ecosystem", "npm")["hits"]


def test_nobody_else_may_open_it(served):
    assert (served.home / SOCKET).stat().st_mode & 0o777 == 0o600
