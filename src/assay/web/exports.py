"""Archives and lists of the whole catalog as files: made once per state of the catalog, below the home folder."""

import json
import os
import shutil
import zipfile
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import RawIOBase
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO
from urllib.parse import quote

import psycopg

from assay.bootstrap import Context
from assay.catalog import queries as catalog
from assay.errors import NotFound
from assay.kit.checksums import Crc32c
from assay.kit.files import disk_trouble
from assay.kit.locks import hold
from assay.web.reading import Reading

# Whoever downloads an older state is done by then.
_KEPT = timedelta(hours=6)
# Seconds that a request waits for somebody else who makes the same file.
_PATIENCE = 900.0
_PIECE = 1 << 16
# Half the time of the default level, for a few per cent of size.
_LEVEL = 4


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file of the tree: `all.zip`, `modified_id.csv` or `ecosystems.txt`, of one ecosystem or of all."""

    kind: str
    ecosystem: str | None = None

    @property
    def file_name(self) -> str:
        """Its name in the cache, where no ecosystem can name another place."""
        return f"{self.kind}@{quote(self.ecosystem or '', safe='')}"


@dataclass(frozen=True, slots=True)
class Kept:
    """A finished file. `crc32c` is in base64, as Google's servers write it."""

    path: Path
    bytes: int
    crc32c: str
    changed_at: datetime


class Exports:
    """Finished files of the present state of the catalog, made when they are first asked for."""

    def __init__(self, ctx: Context, read: Reading) -> None:
        self._ctx = ctx
        self._read = read
        self._folder = ctx.settings.home / "exports"
        self._making = Lock()

    def get(self, wanted: Wanted) -> Kept:
        """The file, made now if need be. Raises NotFound for an ecosystem of which nothing is known."""
        state = self._read(catalog.get_export_state)
        if state is None:
            raise NotFound("the catalog is empty: run `assay sync`")
        seq, changed_at = state
        folder = self._folder / f"{seq}-{int(changed_at.timestamp() * 1_000_000)}"
        if wanted.ecosystem is not None and wanted.ecosystem not in self._ecosystems(folder, changed_at):
            raise NotFound(f"no vulnerability of an ecosystem {wanted.ecosystem!r} is known")
        return self._kept(folder, wanted, changed_at)

    def _ecosystems(self, folder: Path, changed_at: datetime) -> list[str]:
        path = self._kept(folder, Wanted("ecosystems.txt"), changed_at).path
        return path.read_text(encoding="utf-8").splitlines()

    def _kept(self, folder: Path, wanted: Wanted, changed_at: datetime) -> Kept:
        kept = _find(folder, wanted, changed_at)
        if kept is not None:
            return kept
        # One at a time: each of them would use a whole core and read the whole catalog.
        with self._making, hold(self._folder / "lock", _PATIENCE):
            kept = _find(folder, wanted, changed_at)
            if kept is None:
                with disk_trouble(self._folder):
                    folder.mkdir(parents=True, exist_ok=True)
                # An archive in a process of its own where there may be one, so that queries are answered meanwhile.
                is_quick = wanted.kind != "all.zip"
                for _ in self._ctx.pool.map(self._ctx, make, [(folder, wanted)], few=is_quick):
                    pass
                if not is_quick:
                    self._ctx.pool.close()
                self._forget_old(folder)
                kept = _find(folder, wanted, changed_at)
        assert kept is not None, "make() writes it or raises"
        return kept

    def _forget_old(self, current: Path) -> None:
        oldest = (self._ctx.clock() - _KEPT).timestamp()
        for folder in self._folder.iterdir():
            if folder.is_dir() and folder != current and folder.stat().st_mtime < oldest:
                shutil.rmtree(folder, ignore_errors=True)


def _find(folder: Path, wanted: Wanted, changed_at: datetime) -> Kept | None:
    """The finished file; what describes it is written last, so a file without that is not finished."""
    path = folder / wanted.file_name
    try:
        told = json.loads(Path(f"{path}.json").read_text(encoding="utf-8"))
        size = path.stat().st_size
    except FileNotFoundError:
        return None
    return Kept(path, size, told["crc32c"], changed_at)


def make(ctx: Context, item: tuple[Path, Wanted]) -> None:
    """Write a file and what describes it, complete or not at all."""
    folder, wanted = item
    path = folder / wanted.file_name
    beside = Path(f"{path}.{os.getpid()}")
    with disk_trouble(folder):
        try:
            with beside.open("wb") as file, _snapshot(ctx) as conn:
                summed = _Summed(file)
                _WRITERS[wanted.kind](conn, summed, wanted.ecosystem)
            described = Path(f"{beside}.json")
            described.write_text(json.dumps({"crc32c": summed.crc32c}), encoding="utf-8")
            beside.replace(path)
            described.replace(f"{path}.json")
        finally:
            beside.unlink(missing_ok=True)


@contextmanager
def _snapshot(ctx: Context) -> Iterator[psycopg.Connection[Any]]:
    """A connection on which the catalog stands still."""
    with ctx.db.connection() as conn:
        conn.read_only = True
        conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        yield conn


class _Summed(RawIOBase):
    """A file that is only written forward, with the checksum of what was written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._crc = Crc32c()

    @property
    def crc32c(self) -> str:
        return b64encode(self._crc.digest()).decode()

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        self._crc.update(bytes(content))
        return self._file.write(content)


def _write_archive(conn: psycopg.Connection[Any], file: _Summed, ecosystem: str | None) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
        for name, _, document in catalog.export(conn, ecosystem):
            # No time of writing: the same records are the same archive, and clients keep theirs.
            entry = zipfile.ZipInfo(f"{quote(name, safe=' :()+,')}.json")
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, document)


def _write_modified(conn: psycopg.Connection[Any], file: _Summed, ecosystem: str | None) -> None:
    for lines in _pieces(catalog.list_modified(conn, ecosystem), is_named=ecosystem is None):
        file.write(lines)


def _pieces(rows: Iterator[tuple[str, str, str]], *, is_named: bool) -> Iterator[bytes]:
    """Lines in pieces of a fair size: the checksum of many small ones takes longer."""
    lines, size = [], 0
    for modified, ecosystem, name in rows:
        line = f"{modified},{ecosystem}/{name}\n" if is_named else f"{modified},{name}\n"
        lines.append(line)
        size += len(line)
        if size >= _PIECE:
            yield "".join(lines).encode()
            lines, size = [], 0
    yield "".join(lines).encode()


def _write_ecosystems(conn: psycopg.Connection[Any], file: _Summed, _ecosystem: str | None) -> None:
    file.write("".join(f"{name}\n" for name in catalog.list_ecosystems(conn) if name).encode())


_WRITERS = {
    "all.zip": _write_archive,
    "modified_id.csv": _write_modified,
    "ecosystems.txt": _write_ecosystems,
}
