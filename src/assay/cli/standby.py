"""A process that stands by with everything imported, and forks a child for each command that is handed to it.

The other side is assay/handover.py. The child gets the caller's streams, folder, environment and arguments, and then is
that command: same code, same output, same exit code. Only the user who started the service may hand commands over.
"""

import gc
import os
import signal
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from pathlib import Path

import structlog

from assay.handover import SOCKET, program, read_request
from assay.pipelines.packages.commands.reading import collect
from assay.settings import Settings

_log = structlog.get_logger(__name__)

# Linux's sun_path holds 108 bytes, macOS's 104.
_LONGEST_PATH = 100
# Seconds in which a caller must have said what it wants.
_PATIENCE = 5
# What quick commands import when they run; the sources of formats come with `reading`.
_MODULES = (
    "assay.cli.entry",
    "assay.cli.screens.packages",
    "assay.cli.screens.vulnerability",
    "assay.cli.screens.catalog",
    "assay.cli.inventories",
    "assay.bootstrap",
    "assay.kit.postgres",
    "assay.pipelines.packages.commands.scanning",
    "assay.pipelines.packages.commands.reporting",
    "assay.pipelines.packages.commands.keeping",
    "rich.console",
    "rich.table",
)


@contextmanager
def standing_by(settings: Settings, database_url: str) -> Iterator[None]:
    """A process that takes commands for the home of these settings, for as long as the block lasts.

    Those that would start the embedded server, and find this service's, are given `database_url` to spare them that.
    Nothing stands by where the system cannot fork, or the home's path is too long for a socket.
    """
    path = settings.home / SOCKET
    embedded = database_url if settings.database_url is None else None
    if not hasattr(os, "fork") or len(os.fsencode(path)) > _LONGEST_PATH:
        yield
        return
    process = get_context("spawn").Process(
        target=_stand_by, args=(path, embedded, settings.config), name="assay-standby", daemon=True
    )
    process.start()
    try:
        yield
    finally:
        process.terminate()
        process.join()
        path.unlink(missing_ok=True)


def _stand_by(path: Path, embedded: str | None, config: Path | None) -> None:
    """The whole life of the process: it ends with its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Children are buried by the system; their callers hear of their end from themselves.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for module in _MODULES:
        import_module(module)
    collect([])  # finds the formats, a module each
    import_module("assay.cli.entry").program()
    parent = parent_process()
    assert parent is not None
    with _listening(path) as server:
        gc.collect()
        gc.freeze()
        while server in wait([server, parent.sentinel]):
            with suppress(OSError):
                _fork(server, embedded, config)


@contextmanager
def _listening(path: Path) -> Iterator[socket.socket]:
    path.unlink(missing_ok=True)
    before = os.umask(0o177)
    try:
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        server.bind(os.fspath(path))
    finally:
        os.umask(before)
    with server:
        server.listen(64)
        yield server


def _fork(server: socket.socket, embedded: str | None, config: Path | None) -> None:
    conn, _ = server.accept()
    with conn:
        if os.fork():
            return
        try:
            server.close()
            _serve(conn, embedded, config)
        except BaseException:  # noqa: BLE001 - nothing may escape into the loop of the process that was forked
            _log.exception("cli.standby_failed")
        finally:
            os._exit(0)


def _serve(conn: socket.socket, embedded: str | None, config: Path | None) -> None:
    """Become the command that the caller wants, and tell it the exit code; zero alone sends a caller away."""
    conn.settimeout(_PATIENCE)
    content, streams = _read(conn)
    try:
        caller, folder, arguments, environment = read_request(content)
    except ValueError:
        caller = ""
    if caller != program():
        conn.sendall(bytes(4))
        return
    conn.settimeout(None)
    conn.sendall(os.getpid().to_bytes(4, "big"))
    # Another settings file may name another database, which outranks the embedded server.
    if embedded is not None and environment.get(b"ASSAY_CONFIG", b"") == os.fsencode(config or ""):
        environment = {b"ASSAY_DATABASE_URL": os.fsencode(embedded)} | environment
    _take_place(folder, environment, streams)
    conn.sendall(_run(arguments).to_bytes(4, "big"))


def _read(conn: socket.socket) -> tuple[bytes, list[int]]:
    """What the caller wants and its three streams; nothing for one that has no right to want anything."""
    if _user_of(conn) not in (os.getuid(), None):
        return b"", []
    head, streams, _, _ = socket.recv_fds(conn, 4, 3)
    wanted = int.from_bytes(head, "big")
    content = bytearray()
    while len(content) < wanted:
        piece = conn.recv(wanted - len(content))
        if not piece:
            return b"", []
        content += piece
    return bytes(content), streams


def _user_of(conn: socket.socket) -> int | None:
    """The user at the other end; None where the system does not tell, and the socket's mode has to do."""
    if not hasattr(socket, "SO_PEERCRED"):
        return None
    size = struct.calcsize("3i")
    _, user, _ = struct.unpack("3i", conn.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return int(user)


def _take_place(folder: str, environment: dict[bytes, bytes], streams: list[int]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    for target, stream in enumerate(streams):
        os.dup2(stream, target)
        os.close(stream)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - the process's own, for as long as it lives
    sys.stdout = open(1, "w", closefd=False, buffering=1 if os.isatty(1) else -1)  # noqa: SIM115
    sys.stderr = open(2, "w", closefd=False, buffering=1)  # noqa: SIM115
    os.environb.clear()
    os.environb.update(environment)
    os.chdir(folder)


def _run(arguments: list[str]) -> int:
    # By name: the program's entry leads here, by way of `serve`.
    run = import_module("assay.cli.entry").run
    sys.argv = ["assay", *arguments]
    code: object = 0
    try:
        run()
    except SystemExit as ended:
        code = ended.code
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    return code if isinstance(code, int) else int(code is not None)
