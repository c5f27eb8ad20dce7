"""A backup: one file with everything of an installation that cannot be fetched again, and an installation out of it."""

import os
import secrets
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path, PurePosixPath

import msgspec

from assay import __version__
from assay.bootstrap import database_url, make_home
from assay.bootstrap.places import DOCUMENTS, FETCHED, FINGERPRINTS_KEY, SECRETS_KEY, UPLOADS
from assay.errors import Conflict, NotFound, Permanent
from assay.kit import migrate, postgres, postgres_tools
from assay.kit.clock import utc_now
from assay.kit.db import Connection, Database
from assay.kit.files import disk_trouble
from assay.settings import Settings

Progress = Callable[[str, int, int | None], None]
"""Told the step, the bytes done, and of how many if that is known."""

_FORMAT = 1
_ABOUT = "backup.json"
_DUMPS = ("database.dump", "migrations.dump")
_HOME = PurePosixPath("home")
_KEYS = (SECRETS_KEY, FINGERPRINTS_KEY)
# Documents can be fetched again, and go along when that is asked for.
_FOLDERS = (UPLOADS, FETCHED)
_CHUNK = 1 << 20


class About(msgspec.Struct, frozen=True, kw_only=True, rename={"format": "assay_backup"}):
    """What a backup says of itself: its form, by which release and when it was made, and what is in it."""

    format: int = _FORMAT
    assay: str = __version__
    made_at: datetime
    migration: int
    has_documents: bool


class Backup(msgspec.Struct, frozen=True):
    """A backup that was written or read back: where it is, its bytes, how many files of the home folder are in it."""

    path: Path
    bytes: int
    files: int
    about: About


def back_up(
    settings: Settings, target: Path, *, documents: bool = False, replace: bool = False, progress: Progress
) -> Backup:
    """Write a backup of the database as it is at one moment, and of the files that go with it.

    Nobody has to stop for it. With `documents` the advisories as they were fetched are in it too. Raises Conflict for a
    target that exists unless it may be replaced, and Permanent where the database has not had every migration.
    """
    if target.exists() and not replace:
        raise Conflict(f"{target} exists already; name another file, or add --replace")
    folders = (*_FOLDERS, DOCUMENTS) if documents else _FOLDERS
    with _database(settings) as (url, conn), _written(target) as path:
        known = migrate.history()
        if migrate.pending(conn, known):
            raise Permanent("the database is behind this release; run `assay migrate`, then back it up")
        program = postgres.installed()
        about = About(made_at=utc_now(), migration=known[-1].version, has_documents=documents)
        with disk_trouble(target.parent), zipfile.ZipFile(path, "w", strict_timestamps=False) as archive:
            archive.writestr(_ABOUT, msgspec.json.encode(about))
            # A file that the database speaks of may go meanwhile, so what is there now comes first, and what came
            # while the database was written down after it.
            files = _add_files(archive, settings.home, folders, frozenset())
            with archive.open(_DUMPS[0], "w", force_zip64=True) as out:
                schemas = migrate.schemas(known)
                postgres_tools.dump(program, url, out, schemas=schemas, written=_counting("dump", progress))
            with archive.open(_DUMPS[1], "w", force_zip64=True) as out:
                postgres_tools.dump(program, url, out, table=migrate.HISTORY)
            files |= _add_files(archive, settings.home, folders, files)
    return Backup(target, target.stat().st_size, len(files), about)


def restore(settings: Settings, source: Path, *, progress: Progress) -> Backup:
    """Make an installation out of a backup, in an empty database and beside nothing that it would overwrite.

    All of it or nothing; an older backup gets the migrations since then. Raises NotFound without such a file,
    Permanent for one that is no backup, is damaged or comes from a newer release, Conflict where there is an
    installation already.
    """
    make_home(settings)
    archive, about = _opened(source)
    with (
        archive,
        disk_trouble(settings.home),
        tempfile.TemporaryDirectory(prefix="restore-", dir=settings.home) as folder,
    ):
        known = migrate.history()
        if about.migration > known[-1].version:
            raise Permanent(
                f"{source} was made by a newer Assay ({about.assay}): install that or a later one, then restore"
            )
        # Every checksum is looked at before anything is changed.
        _extract(archive, Path(folder), progress)
        with _database(settings) as (url, conn):
            _check_empty(conn, migrate.schemas(known))
            files = _put_files(Path(folder) / _HOME, settings.home)
            dumps = [Path(folder) / name for name in _DUMPS]
            server = conn.info.server_version // 10_000
            loaded = _counting("load", progress)
            postgres_tools.load(postgres.installed(), url, dumps, server=server, loaded=loaded)
            migrate.migrate(conn, known)
            conn.execute("VACUUM (ANALYZE)")
    return Backup(source, source.stat().st_size, files, about)


def _counting(step: str, progress: Progress) -> Callable[[int], None]:
    done = 0

    def count(size: int) -> None:
        nonlocal done
        done += size
        progress(step, done, None)

    return count


@contextmanager
def _database(settings: Settings) -> Iterator[tuple[str, Connection]]:
    with database_url(settings) as url, Database(url).connection(autocommit=True) as conn:
        yield url, conn


@contextmanager
def _written(target: Path) -> Iterator[Path]:
    """A file for its owner's eyes beside the target, which takes the target's place when it is whole."""
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        with disk_trouble(target.parent):
            os.close(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        yield beside
        with disk_trouble(target.parent):
            with beside.open("rb") as file:
                os.fsync(file.fileno())
            beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def _add_files(
    archive: zipfile.ZipFile, home: Path, folders: tuple[str, ...], known: frozenset[str]
) -> frozenset[str]:
    """Put files of the home folder in, but for those known; returns the names of what was put in."""
    added = set()
    paths = [home / name for name in _KEYS]
    paths += [path for name in folders for path in sorted((home / name).glob("[0-9a-f][0-9a-f]/*"))]
    for path in paths:
        name = path.relative_to(home).as_posix()
        if name not in known:
            # Purged meanwhile, or no key was needed yet.
            with suppress(FileNotFoundError):
                archive.write(path, str(_HOME / name))
                added.add(name)
    return frozenset(added)


def _opened(source: Path) -> tuple[zipfile.ZipFile, About]:
    with ExitStack() as stack:
        try:
            archive = stack.enter_context(zipfile.ZipFile(source))
            about = msgspec.json.decode(archive.read(_ABOUT), type=About)
        except FileNotFoundError as error:
            raise NotFound(f"{source} does not exist") from error
        except (zipfile.BadZipFile, KeyError, msgspec.MsgspecError) as error:
            raise Permanent(f"{source} is no backup of Assay, or damaged: {error}") from error
        if about.format != _FORMAT or not {*_DUMPS} <= {*archive.namelist()}:
            raise Permanent(f"{source} is a backup of a form that this release does not know")
        stack.pop_all()
        return archive, about


def _extract(archive: zipfile.ZipFile, folder: Path, progress: Progress) -> None:
    members = [member for member in archive.infolist() if member.filename != _ABOUT]
    total = sum(member.file_size for member in members)
    done = 0
    for member in members:
        path = PurePosixPath(member.filename)
        if member.filename not in _DUMPS and (path.parts[:1] != _HOME.parts or not _is_known(path.parts[1:])):
            raise Permanent(f"{archive.filename} holds {member.filename!a}, which belongs to no backup")
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with archive.open(member) as content, target.open("wb") as out:
                while chunk := content.read(_CHUNK):
                    out.write(chunk)
                    done += len(chunk)
                    progress("unpack", done, total)
        except zipfile.BadZipFile as error:
            raise Permanent(f"{archive.filename} is damaged: {error}") from error


def _is_known(parts: tuple[str, ...]) -> bool:
    """Whether a file of the home folder is one that backups hold."""
    if len(parts) == 1:
        return parts[0] in _KEYS
    is_plain = all(part.isalnum() for part in parts)
    return len(parts) == 3 and parts[0] in (*_FOLDERS, DOCUMENTS) and is_plain


def _check_empty(conn: Connection, schemas: list[str]) -> None:
    row = conn.execute(
        "SELECT nspname FROM pg_namespace WHERE nspname = ANY(%s::text[]) LIMIT 1", (schemas,)
    ).fetchone()
    if row is not None:
        raise Conflict(
            f"the database holds an installation already (its schema {row[0]}); restore into an empty one: "
            "name another ASSAY_HOME, or another database in ASSAY_DATABASE_URL"
        )


def _put_files(folder: Path, home: Path) -> int:
    """Move files into the home folder; a key that is there must be the same. Returns how many there were."""
    found = [path for path in folder.rglob("*") if path.is_file()] if folder.exists() else []
    for name in _KEYS:
        theirs, ours = folder / name, home / name
        if theirs.exists() and ours.exists() and theirs.read_bytes() != ours.read_bytes():
            raise Conflict(f"{ours} is another key than the backup's; restore into another ASSAY_HOME")
    for path in found:
        target = home / path.relative_to(folder)
        # What people uploaded is nobody else's to read.
        if path.parent != folder:
            target.parent.parent.mkdir(mode=0o700, exist_ok=True)
            target.parent.mkdir(exist_ok=True)
        path.chmod(0o600 if path.name in _KEYS else 0o444)
        shutil.move(path, target)
    return len(found)
