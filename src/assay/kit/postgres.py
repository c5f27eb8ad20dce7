"""One PostgreSQL of Assay's own, shared by every process that needs it.

The first process that starts it makes and launches it, the next ones join, the last one out stops it. Who
uses it is kept in a file lock, so a killed process is forgotten by itself, and whatever was killed, the next
start repairs. A server whose users were all killed runs on until the next user leaves, or `stop`.
"""

import os
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from assay.errors import Permanent

if sys.platform != "win32":  # these need fcntl and pwd; with ASSAY_DATABASE_URL nobody misses them
    from assay.kit import postgres_place, postgres_server, postgres_wheel

# All that a foreign binary needs of our environment. The rest may hold secrets, and the server may run as
# another user.
_PASSED_ON = (
    "PATH",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "DYLD_FALLBACK_LIBRARY_PATH",
    "NIX_LD",
    "NIX_LD_LIBRARY_PATH",
)


@dataclass(frozen=True, slots=True)
class PostgresOptions:
    """What an embedded PostgreSQL is to be like."""

    directory: Path
    port: int | None = None
    """None: a Unix socket only. A number: 127.0.0.1 at that port as well, with the password in `pgpass`."""
    is_durable: bool = True
    """False loses data with the power, and is for tests."""
    keep_running: bool = False
    """Leave the server running when this process is the last to go."""


@dataclass(frozen=True, slots=True)
class PostgresStatus:
    """How an embedded PostgreSQL is, for `assay doctor`."""

    directory: Path
    is_running: bool
    pid: int | None
    port: int | None
    version: str
    """Of the installed server, such as 18.6."""
    data_version: str | None
    """Major version of the data directory; None when there is none yet."""
    data_bytes: int
    """What the data directory takes on disk."""
    log: Path
    tcp_url: str | None
    """For clients on this machine, when a port is open; the password is in the file it names."""


class EmbeddedPostgres:
    """A lease on the embedded PostgreSQL, held from `start` to `release` or to the death of the process."""

    def __init__(self, options: PostgresOptions) -> None:
        self._options = options
        self._mutex = threading.Lock()
        self._lease: postgres_place.Lease | None = None

    def start(self) -> str:
        """The URL of the database "assay", on a server that was started or joined.

        Called again, it brings back a server that has died. `Permanent` says what a person must change.
        """
        _check_platform()
        if self._options.port is not None and not 0 < self._options.port < 65536:
            raise Permanent(f"{self._options.port} is not a TCP port; choose one from 1024 to 65535")
        with self._mutex:
            program = installed()
            place = postgres_place.prepare(self._options.directory)
            with postgres_place.turn(place, postgres_server.TURN_SECONDS) as turn:
                lease = self._lease or postgres_place.Lease(place)
                try:
                    place = postgres_place.settle(place)
                    url = postgres_server.serve(self._wanted(place, program), turn, lease.is_only_one)
                except BaseException:
                    if self._lease is None:
                        self._leave(place, lease)
                    raise
                self._lease = lease
                return url

    def _wanted(
        self, place: "postgres_place.Place", program: "postgres_wheel.Program"
    ) -> "postgres_server.Wanted":
        return postgres_server.Wanted(place, program, self._options.port, self._options.is_durable)

    def release(self) -> None:
        """Give the lease back; the last one out stops the server. Without a lease nothing happens."""
        with self._mutex:
            lease, self._lease = self._lease, None
            if lease is None:
                return
            try:
                place = postgres_place.existing(self._options.directory)
                if place is None:  # removed under us; PostgreSQL notices within a minute and ends
                    return
                with postgres_place.turn(place, postgres_server.TURN_SECONDS):
                    self._leave(place, lease)
            finally:
                lease.close()

    def _leave(self, place: "postgres_place.Place", lease: "postgres_place.Lease") -> None:
        lease.close()
        if self._options.keep_running or postgres_place.is_held(place, "lease.lock"):
            return
        server = postgres_server.running(place)
        if server is not None:
            postgres_server.halt(place, server)

    def __enter__(self) -> str:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def status(options: PostgresOptions) -> PostgresStatus:
    """How it is, without starting, creating or locking anything."""
    _check_platform()
    version = postgres_wheel.version(installed())
    place = postgres_place.existing(options.directory) or postgres_place.Place(options.directory)
    with postgres_place.explained(place.data):
        server = postgres_server.running(place)
        marker = place.data / "PG_VERSION"
        return PostgresStatus(
            directory=place.directory,
            is_running=server is not None,
            pid=server.pid if server else None,
            port=server.port if server and server.is_listening else None,
            version=version,
            data_version=marker.read_text().strip() if marker.exists() else None,
            data_bytes=_size(place.data),
            log=place.log,
            tcp_url=postgres_server.tcp_url(server, place) if server and server.is_listening else None,
        )


def stop(options: PostgresOptions) -> bool:
    """Stop the server now, whoever uses it, and what a killed one left behind. False: none was running."""
    _check_platform()
    place = postgres_place.existing(options.directory)
    if place is None:
        return False
    with postgres_place.turn(place, postgres_server.TURN_SECONDS):
        server = postgres_server.running(place)
        if server is None:
            postgres_server.clear(place)
            return False
        postgres_server.halt(place, server)
        return True


def installed() -> "postgres_wheel.Program":
    """The PostgreSQL that is installed with Assay. Raises Permanent where there is none for this machine."""
    _check_platform()
    return postgres_wheel.locate(_environment())


def _check_platform() -> None:
    if sys.platform == "win32":
        raise Permanent(
            "Assay cannot run its own PostgreSQL on Windows; set ASSAY_DATABASE_URL to a PostgreSQL 15 or "
            "newer, or run Assay in WSL or a container"
        )


def _environment() -> dict[str, str]:
    """For PostgreSQL. LC_ALL keeps its messages English, as they are read here, and macOS from threads."""
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ} | {
        "LC_ALL": "C",
        "TZ": "UTC",
    }


def _size(top: Path) -> int:
    """Bytes on disk below a directory that may change meanwhile."""
    total = 0
    for folder, _, names in os.walk(top):
        for name in names:
            try:
                total += os.lstat(os.path.join(folder, name)).st_blocks * 512  # noqa: PTH118 - thousands of files
            except FileNotFoundError:
                continue
    return total
