"""The embedded PostgreSQL after something was killed: the next start repairs it and nothing is lost."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

import assay
from assay.errors import Permanent
from assay.kit.postgres import EmbeddedPostgres, PostgresOptions, status, stop
from patience import until

pytestmark = pytest.mark.fault

SCRATCH = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # in memory where that is to be had
PATH = os.pathsep.join([str(Path(assay.__file__).parents[1]), str(Path(psycopg.__file__).parents[1])])
USER = """
import sys
from pathlib import Path
from assay.kit.postgres import EmbeddedPostgres, PostgresOptions
server = EmbeddedPostgres(PostgresOptions(Path(sys.argv[1]), is_durable=False))
print(server.start(), flush=True)
sys.stdin.readline()
server.release()
"""


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """A cluster at rest, to be copied."""
    path = Path(tempfile.mkdtemp(prefix="assay-pg-", dir=SCRATCH))
    path.chmod(0o755)
    with EmbeddedPostgres(PostgresOptions(path / "postgres", is_durable=False)) as url:
        execute(url, "create table kept (what text)", "insert into kept values ('ore')")
    yield path / "postgres"
    shutil.rmtree(path)


@pytest.fixture
def home() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="assay-pg-", dir=SCRATCH))
    path.chmod(0o755)
    yield path
    for lock in path.rglob("start.lock"):
        stop(PostgresOptions(lock.parent))
    shutil.rmtree(path)


@pytest.fixture
def options(home: Path, made: Path) -> PostgresOptions:
    return copy(made, home / "postgres")


def copy(made: Path, directory: Path) -> PostgresOptions:
    subprocess.run(["cp", "-a", str(made), str(directory)], check=True)
    return PostgresOptions(directory, is_durable=False)


def execute(url: str, *statements: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def user(directory: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", USER, str(directory)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={"PYTHONPATH": PATH, "PATH": os.defpath},
    )  # fmt: skip


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def server_of(options: PostgresOptions) -> psutil.Process:
    pid = status(options).pid
    assert pid is not None
    return psutil.Process(pid)


def end(*processes: psutil.Process) -> None:
    for each in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()
    until(lambda: not any(is_alive(each) for each in processes))


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def kept(url: str) -> list[str]:
    return [what for (what,) in execute(url, "select what from kept order by what")]


@pytest.mark.parametrize("whom", ["postmaster", "all"])
def test_what_was_committed_survives_the_killing_of_the_server(options: PostgresOptions, whom: str) -> None:
    ours = EmbeddedPostgres(options)
    url = ours.start()
    execute(url, "set synchronous_commit = on", "insert into kept values ('silver')")
    server = server_of(options)
    end(*([server] if whom == "postmaster" else [server, *server.children()]))
    assert not status(options).is_running
    again = ours.start()
    assert again == url
    assert kept(again) == ["ore", "silver"]
    assert server_of(options).pid != server.pid
    ours.release()
    assert not status(options).is_running


def test_a_session_that_outlives_its_server_is_ended_by_the_next_start(
    options: PostgresOptions,
) -> None:
    ours = EmbeddedPostgres(options)
    with psycopg.connect(ours.start(), autocommit=True) as connection:
        session = psutil.Process(connection.info.backend_pid)
        server = server_of(options)
        session.suspend()  # deaf to the death of its postmaster, like one in the middle of long work
        end(server)
        assert is_alive(session)
        url = ours.start()
        assert not is_alive(session)
        with pytest.raises(psycopg.OperationalError):
            connection.execute("select 1")
    assert kept(url) == ["ore"]
    ours.release()


def test_stop_ends_what_a_killed_server_left_behind(options: PostgresOptions) -> None:
    ours = EmbeddedPostgres(options)
    with psycopg.connect(ours.start(), autocommit=True) as connection:
        session = psutil.Process(connection.info.backend_pid)
        session.suspend()
        end(server_of(options))
        assert stop(options) is False
        assert not is_alive(session)
    ours.start()
    ours.release()


def test_a_killed_user_is_forgotten_by_itself(options: PostgresOptions) -> None:
    ours = EmbeddedPostgres(options)
    url = ours.start()
    victim = user(options.directory)
    assert first_line(victim) == url
    kill(victim)
    ours.release()
    assert not status(options).is_running


def test_the_server_of_a_killed_only_user_runs_on_and_is_joined(options: PostgresOptions) -> None:
    victim = user(options.directory)
    url = first_line(victim)
    server = server_of(options)
    kill(victim)
    assert kept(url) == ["ore"]
    with EmbeddedPostgres(options) as joined:
        assert joined == url
        assert server_of(options).pid == server.pid
    assert not status(options).is_running


def test_killed_in_the_middle_of_the_first_start(home: Path) -> None:
    options = PostgresOptions(home / "postgres", is_durable=False)
    data = options.directory / "data"
    for sign in ("data.new-*/base", "data.new-*/pg_hba.conf", "data.new-*/base/1/PG_VERSION"):
        victim = user(options.directory)
        until(lambda sign=sign: next(options.directory.glob(sign), None) or data.exists())
        kill(victim)
        if data.exists():  # on a busy machine it may be finished before this process has its turn
            break
    with EmbeddedPostgres(options) as url:
        assert execute(url, "select 1") == [(1,)]
    assert list(options.directory.glob("data.new-*")) == []


def test_killed_as_soon_as_the_server_is_there_and_while_it_recovers(options: PostgresOptions) -> None:
    def launched() -> psutil.Process | None:
        pid = status(options).pid  # given as soon as the pid file is whole, before the server is ready
        return None if pid is None else psutil.Process(pid)

    for _ in range(3):
        victim = user(options.directory)
        server = until(launched)
        kill(victim)
        end(server)
    victim = user(options.directory)
    server = until(launched)
    kill(victim)
    with EmbeddedPostgres(options) as url:
        assert server_of(options) == server
        assert kept(url) == ["ore"]
    assert not status(options).is_running


def test_killed_users_and_servers_in_any_order_lose_nothing(options: PostgresOptions) -> None:
    for round_ in range(4):
        users = [user(options.directory) for _ in range(3)]
        urls = {first_line(each) for each in users}
        assert len(urls) == 1
        execute(urls.pop(), "set synchronous_commit = on", f"insert into kept values ('{round_}')")
        server = server_of(options)
        kill(users[round_ % 3])
        end(*(server.children() if round_ % 2 else []), server)
        for each in users:
            kill(each)
    with EmbeddedPostgres(options) as url:
        assert kept(url) == ["0", "1", "2", "3", "ore"]
    assert not status(options).is_running


def stale_pid_file(options: PostgresOptions, pid: int) -> Path:
    """What a server that lost its power leaves behind, with its pid now given to another process."""
    with EmbeddedPostgres(options):
        text = (options.directory / "data" / "postmaster.pid").read_text()
    path = options.directory / "data" / "postmaster.pid"
    path.write_text("\n".join([str(pid), *text.split("\n")[1:]]))
    path.chmod(0o600)
    info = path.parent.stat()
    os.chown(path, info.st_uid, info.st_gid)
    return path


def test_a_stale_pid_that_is_now_another_process(options: PostgresOptions) -> None:
    owner = (options.directory / "data").stat()
    # Of the server's own user: PostgreSQL passes over any other, but takes this one for a server.
    as_server = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    with subprocess.Popen(["sleep", "600"], cwd="/", **as_server) as other:
        path = stale_pid_file(options, other.pid)
        assert not status(options).is_running
        assert stop(options) is False
        assert path.exists()
        with EmbeddedPostgres(options) as url:
            assert kept(url) == ["ore"]
        assert other.poll() is None
        other.kill()


def test_a_stale_pid_that_is_now_the_server_of_another_directory(home: Path, made: Path) -> None:
    ours, theirs = copy(made, home / "ours"), copy(made, home / "theirs")
    with EmbeddedPostgres(theirs) as their_url:
        pid = server_of(theirs).pid
        stale_pid_file(ours, pid)
        assert not status(ours).is_running
        assert stop(ours) is False
        with EmbeddedPostgres(ours) as url:
            assert kept(url) == ["ore"]
            assert url != their_url
        assert kept(their_url) == ["ore"]
        assert server_of(theirs).pid == pid


def test_a_server_that_lost_its_socket_is_started_again(options: PostgresOptions) -> None:
    ours = EmbeddedPostgres(options)
    url = ours.start()
    pid = server_of(options).pid
    for path in (options.directory / "socket").iterdir():
        path.unlink()
    second = EmbeddedPostgres(options)
    assert second.start() == url
    assert kept(url) == ["ore"]
    assert server_of(options).pid != pid
    second.release()
    ours.release()


def test_a_server_that_is_just_stopping_is_awaited(options: PostgresOptions) -> None:
    ours = EmbeddedPostgres(options)
    url = ours.start()
    with psycopg.connect(url) as connection:
        server = server_of(options)
        server.send_signal(signal.SIGTERM)  # the smart stop waits for this connection
        pid_file = options.directory / "data" / "postmaster.pid"
        until(lambda: "stopping" in pid_file.read_text())
        closing = threading.Timer(0.2, connection.close)
        closing.start()
        assert kept(ours.start()) == ["ore"]
        closing.join()
    assert server_of(options).pid != server.pid
    ours.release()


def test_a_server_that_does_not_stop_is_made_to(
    options: PostgresOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assay.kit.postgres_server.STOP_SECONDS", (0.1, 0.1, 10))
    with EmbeddedPostgres(options):
        server = server_of(options)
        server.suspend()
        assert stop(options) is True
        assert not is_alive(server)
    with EmbeddedPostgres(options) as url:
        assert kept(url) == ["ore"]


def test_a_server_that_cannot_be_seen_is_not_joined_by_a_second(
    options: PostgresOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with one in another container on the same volume: its pids mean nothing here, its lock does."""
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "--pid", "--fork", "true"], check=False).returncode != 0:
        pytest.skip("NOT TESTED: no pid namespaces here")
    monkeypatch.setattr("assay.kit.postgres_server.CLEAR_SECONDS", 0.2)
    with EmbeddedPostgres(options) as url:
        code = USER.replace(
            "server =", "from assay.kit import postgres_server; postgres_server.CLEAR_SECONDS = 0.2\nserver ="
        )
        done = subprocess.run(
            [unshare, "--pid", "--fork", "--mount-proc", sys.executable, "-c", code, str(options.directory)],
            env={"PYTHONPATH": PATH, "PATH": os.defpath}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert "Permanent: a PostgreSQL that cannot be seen from here uses" in done.stderr
        assert kept(url) == ["ore"]


def test_a_worker_forked_by_a_user_keeps_the_server(options: PostgresOptions) -> None:
    """The lease is inherited by fork; a release in the parent must not take the server from the child."""
    code = USER.replace(
        "sys.stdin.readline()",
        "import os\nif os.fork() == 0:\n    sys.stdin.readline(); server.release(); os._exit(0)",
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code + "print('released', flush=True); os._exit(0)", str(options.directory)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={"PYTHONPATH": PATH, "PATH": os.defpath},
    )  # fmt: skip
    url = first_line(process)
    assert first_line(process) == "released"
    assert process.wait(240) == 0
    assert kept(url) == ["ore"]
    process.communicate("\n")
    until(lambda: not status(options).is_running)


def test_a_missing_data_directory_under_a_running_server_is_survived(
    options: PostgresOptions, home: Path
) -> None:
    ours = EmbeddedPostgres(options)
    ours.start()
    server = server_of(options)
    shutil.move(options.directory, home / "moved")
    ours.release()
    moved = PostgresOptions(home / "moved", is_durable=False)
    assert stop(moved) is True
    assert not is_alive(server)


def test_a_failed_start_leaves_no_server_and_no_lease(options: PostgresOptions) -> None:
    broken = EmbeddedPostgres(options)
    with (options.directory / "data" / "postgresql.conf").open("a") as file:
        file.write("max_connections = none\n")
    with pytest.raises(Permanent, match="max_connections"):
        broken.start()
    broken.release()
    with (options.directory / "data" / "postgresql.conf").open("a") as file:
        file.write("max_connections = 50\n")
    with EmbeddedPostgres(options) as url:
        assert execute(url, "show max_connections") == [("50",)]
    assert not status(options).is_running
