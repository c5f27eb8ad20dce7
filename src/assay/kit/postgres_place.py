"""Where the embedded PostgreSQL lives: its directory, its locks, and the system user it runs as.

directory/data          the cluster, entered by the server's user only
directory/socket        the Unix socket, likewise (or a short private directory elsewhere)
directory/server.log    what the server says
directory/pgpass        the password for TCP, as libpq reads it
directory/start.lock    held while one process starts or stops the server
directory/lease.lock    held shared by everybody who uses the server
directory/server.lock   held by the server's own processes
"""

import errno
import fcntl
import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from assay.errors import Permanent, Transient

ELSEWHERE = "or set ASSAY_DATABASE_URL to a PostgreSQL of your own"
_ACCOUNTS = ("assay", "postgres", "_postgres")  # the last is macOS's own
_SBIN = "/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin"
_ADVICE = {
    errno.EACCES: "is closed to {me}; give it to that user, or set ASSAY_HOME to another place",
    errno.EPERM: "may not be changed by {me}; give it to that user, or set ASSAY_HOME to another place",
    errno.EROFS: "is on a read-only file system; set ASSAY_HOME to another place",
    errno.ENOLCK: "is on a file system without locks; set ASSAY_HOME to a local disk",
    errno.EOPNOTSUPP: "is on a file system without locks; set ASSAY_HOME to a local disk",
    errno.ELOOP: "is a symbolic link where Assay keeps a file of its own; remove it",
    errno.ENOSPC: "is on a full disk; make room there, or set ASSAY_HOME to another disk",
    errno.EDQUOT: "is beyond the disk quota of {me}; make room there, or set ASSAY_HOME to another disk",
    errno.ENOTDIR: "is not a directory; move the file away, or set ASSAY_HOME to another place",
    errno.EEXIST: "is not a directory; move the file away, or set ASSAY_HOME to another place",
    errno.ENAMETOOLONG: "is too long a path; set ASSAY_HOME to a shorter one",
    errno.EBUSY: "is a mount point; mount the volume one level higher",
}


@dataclass(frozen=True, slots=True)
class Account:
    """The system user that the server runs as, when that is not the user we are."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """One embedded PostgreSQL on disk. `account` is None when the server runs as the user we are."""

    directory: Path
    account: Account | None = None

    @property
    def data(self) -> Path:
        return self.directory / "data"

    @property
    def log(self) -> Path:
        return self.directory / "server.log"

    @property
    def passfile(self) -> Path:
        return self.directory / "pgpass"

    @property
    def server_lock(self) -> Path:
        return self.directory / "server.lock"

    @property
    def server_uid(self) -> int:
        return self.account.uid if self.account else os.geteuid()


def user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """An `OSError` inside becomes a `Permanent` that names the path and what to do about it."""
    try:
        yield
    except OSError as error:
        where = error.filename if isinstance(error.filename, str) else str(path)
        advice = _ADVICE.get(error.errno or 0)
        if advice is None:
            raise
        said = advice.format(me=f"the user '{user_name(os.geteuid())}'")
        raise Permanent(f"{where} {said} ({error.strerror})") from error


def existing(directory: Path) -> Place | None:
    """The place as it is, for looking and stopping; None when there is none. Creates nothing."""
    path = Path(os.path.realpath(directory))
    with explained(path):
        return Place(path) if path.is_dir() else None


def prepare(directory: Path) -> Place:
    """The place, created when missing and found to be ours; not yet settled."""
    path = Path(os.path.realpath(directory))
    if any(ord(sign) < 32 or ord(sign) == 127 for sign in str(path)):
        raise Permanent(f"{str(path)!r} has control characters in it; set ASSAY_HOME to another place")
    with explained(path):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        _refuse_strangers(path)
        if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    return Place(path)


def settle(place: Place) -> Place:
    """The place with the user its server will run as, who can reach it. In one's turn only.

    Only Assay's own directory is opened to that user; the ones above stay as they are, and when one of them
    is closed a `Permanent` says which.
    """
    if os.geteuid() != 0:
        return place
    with explained(place.directory):
        account = _account_for(place.directory)
        _let_in(account, place.directory)
    return Place(place.directory, account)


def _refuse_strangers(path: Path) -> None:
    me = os.geteuid()
    data = path / "data"
    for each in (path, data):
        if not each.exists():
            continue
        owner = each.stat().st_uid
        if me not in (0, owner) and (owner != 0 or each is data):
            raise Permanent(
                f"{each} belongs to the user '{user_name(owner)}', and this is '{user_name(me)}'; run Assay "
                f"as '{user_name(owner)}', or set ASSAY_HOME to a directory of your own"
            )
    if me == 0 and (data / "PG_VERSION").exists() and data.stat().st_uid == 0:
        raise Permanent(
            f"{data} belongs to root, and PostgreSQL refuses to run as root; "
            f"give it to an ordinary user: chown -R assay {data}"
        )


def _account_for(path: Path) -> Account:
    """Whoever owns what is there already; else a user kept for databases; else a new one."""
    for each in (path / "data", path):
        if each.exists() and (info := each.stat()).st_uid != 0:
            return _account(info.st_uid, info.st_gid)
    for name in _ACCOUNTS:
        found = _named(name)
        if found is not None:
            return found
    return create_account(_ACCOUNTS[0], shutil.which("useradd", path=_SBIN))


def _account(uid: int, gid: int) -> Account:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return Account(str(uid), uid, gid, (gid,))
    return Account(entry.pw_name, uid, entry.pw_gid, tuple(os.getgrouplist(entry.pw_name, entry.pw_gid)))


def _named(name: str) -> Account | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return _account(entry.pw_uid, entry.pw_gid) if entry.pw_uid != 0 else None


def create_account(name: str, useradd: str | None) -> Account:
    """A system user without login, made by the `useradd` program at that path."""
    if useradd is None:
        raise Permanent(
            f"PostgreSQL refuses to run as root, and there is neither a user named "
            f"{' or '.join(_ACCOUNTS[:2])} nor a useradd to make one. Create one "
            f"('adduser -S {name}' on Alpine), run Assay as an ordinary user, {ELSEWHERE}"
        )
    argv = [useradd, "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    done = subprocess.run(
        [*argv, "--shell", "/usr/sbin/nologin", name], capture_output=True, text=True, check=False, cwd="/"
    )
    found = _named(name)  # whatever useradd said: somebody may have made the user at this moment
    if found is None:
        raise Permanent(
            f"PostgreSQL refuses to run as root, and the user '{name}' could not be made: "
            f"{done.stderr.strip()}. Create the user, run Assay as an ordinary user, {ELSEWHERE}"
        )
    return found


def _may(account: Account | None, path: Path, wanted: int) -> bool:
    """Whether the account has these permission bits (4 read, 1 enter or run)."""
    if account is None:
        return os.access(path, wanted)
    info = path.stat()
    owned = 6 if info.st_uid == account.uid else 3 if info.st_gid in account.groups else 0
    if (info.st_mode >> owned) & wanted == wanted:
        return True
    test = shutil.which(
        "test", path=_SBIN
    )  # an access list may say more than the mode bits; ask as that user
    if test is None:
        return False
    question = [test, "-x", str(path)] + (["-a", "-r", str(path)] if wanted & 4 else [])
    done = subprocess.run(
        question, check=False, cwd="/", user=account.uid, group=account.gid, extra_groups=account.groups
    )
    return done.returncode == 0


def first_closed(account: Account | None, path: Path, wanted: int = 1) -> Path | None:
    """The outermost step on the way to `path` that the account may not take, or None."""
    ways = [(step, 1) for step in reversed(path.parents)]
    return next((step for step, bits in [*ways, (path, wanted)] if not _may(account, step, bits)), None)


def _let_in(account: Account, path: Path) -> None:
    closed = first_closed(account, path)
    info = path.stat()
    if closed == path and info.st_uid == 0 and not info.st_mode & stat.S_IRWXG:
        # Our own directory, closed to every group so far: the server's group may pass, not list it.
        os.chown(path, -1, account.gid)
        path.chmod(stat.S_IMODE(info.st_mode) | stat.S_IXGRP)
    elif closed is not None:
        mode = stat.S_IMODE(closed.stat().st_mode)
        raise Permanent(
            f"started by root, PostgreSQL runs as the user '{account.name}', who may not enter {closed} "
            f"(mode {mode:04o}) and so cannot reach {path}. Set ASSAY_HOME to a place like /var/lib/assay, "
            "or run Assay as an ordinary user"
        )


def make_private(path: Path, account: Account | None) -> None:
    """A directory that only the server's user (and root) can enter, made or verified."""
    path.mkdir(mode=0o700, exist_ok=True)
    info = path.lstat()
    me = os.geteuid()
    uid = account.uid if account else me
    if not stat.S_ISDIR(info.st_mode) or info.st_uid not in (uid, me):
        raise Permanent(
            f"{path} is not a directory made by the user '{user_name(uid)}' but belongs to "
            f"'{user_name(info.st_uid)}', and so cannot be trusted with the database; remove it"
        )
    if info.st_uid != uid:
        os.chown(path, uid, account.gid if account else -1, follow_symlinks=False)
    if stat.S_IMODE(info.st_mode) != 0o700:
        path.chmod(0o700)


def socket_directory(place: Place, port: int) -> Path:
    """A private directory whose socket path fits the system's limit and libpq's syntax."""
    limit = 103 if sys.platform == "darwin" else 107
    name = f"assay-{place.server_uid}-{hashlib.sha256(os.fsencode(place.directory)).hexdigest()[:12]}"
    # Not XDG_RUNTIME_DIR: that one is emptied when its user logs out, and the server may go on.
    for base in (place.directory, Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108 - see make_private
        path = base / ("socket" if base is place.directory else name)
        fits = len(os.fsencode(path / f".s.PGSQL.{port}")) <= limit
        # libpq splits host at commas, whatever their quoting
        if fits and "," not in str(path) and base.is_dir() and first_closed(place.account, base) is None:
            make_private(path, place.account)
            return path
    raise Permanent(
        f"{place.directory} is too long a path for a Unix socket ({limit} bytes), and no temporary directory "
        "will do; set ASSAY_HOME to a shorter path"
    )


def open_own(place: Place, path: Path, flags: int = os.O_RDWR) -> int:
    """A descriptor for one of our plain files, created 0600 for the directory's owner when missing."""
    with explained(path):
        file = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        info, home = os.fstat(file), place.directory.stat()
        # Root must not be led to write elsewhere through a link in a directory that another user owns.
        if not stat.S_ISREG(info.st_mode) or info.st_nlink > 1:
            os.close(file)
            raise Permanent(f"{path} is not a plain file of its own; remove it")
        if os.geteuid() == 0 and info.st_uid == 0 and home.st_uid != 0:
            os.fchown(file, home.st_uid, home.st_gid)
        return file


@contextmanager
def turn(place: Place, limit: float) -> Iterator[int]:
    """Our turn to start or stop the server; yields the lock's descriptor.

    A child that inherits the descriptor keeps the turn after our death. Waits `limit` seconds at most.
    """
    path = place.directory / "start.lock"
    file = open_own(place, path)
    try:
        _wait_for(path, file, limit)
        yield file
    finally:
        # Not by closing alone: a worker forked meanwhile by another thread has a copy of the descriptor.
        fcntl.flock(file, fcntl.LOCK_UN)
        os.close(file)


def _wait_for(path: Path, file: int, limit: float) -> None:
    until = time.monotonic() + limit
    while not _locked(file, fcntl.LOCK_EX, path):
        if time.monotonic() > until:
            raise Transient(
                f"another process has been starting or stopping the database for {limit:.0f} s ({path})"
            )
        time.sleep(0.01)


def _locked(file: int, how: int, path: Path) -> bool:
    try:
        with explained(path):
            fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class Lease:
    """One process's use of the server. The kernel gives it back when the process dies, however it dies.

    To be taken, judged and closed in one's turn only.
    """

    def __init__(self, place: Place) -> None:
        self._path = place.directory / "lease.lock"
        self._file: int | None = open_own(place, self._path)
        fcntl.flock(self._file, fcntl.LOCK_SH)

    def is_only_one(self) -> bool:
        assert self._file is not None
        is_alone = _locked(self._file, fcntl.LOCK_EX, self._path)
        fcntl.flock(self._file, fcntl.LOCK_SH)  # a failed or a granted upgrade both gave up the shared lock
        return is_alone

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)  # no explicit unlock: a forked worker may still use the server on this lease
            self._file = None


def is_held(place: Place, name: str) -> bool:
    """Whether anybody holds that lock file at this moment."""
    file = open_own(place, place.directory / name)
    try:
        return not _locked(file, fcntl.LOCK_EX, place.directory / name)
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)
        os.close(file)
