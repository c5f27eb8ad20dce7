"""PostgreSQL's own programs that write a database down and read it back: pg_dump, pg_restore and psql."""

import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from psycopg import conninfo
from psycopg.pq import Conninfo

from assay.errors import Permanent
from assay.kit.postgres_wheel import Program

_CHUNK = 1 << 20
# How long a dump waits for a table that somebody changes the shape of.
_LOCK_WAIT = "--lock-wait-timeout=60s"
# What newer pg_restore writes at the top of a script, and the major version of the first server that knows it.
_NEWER = {b"SET transaction_timeout = 0;\n": 17}
# Lines at the top of a script within which those stand; rows come much later.
_TOP = 60


def dump(
    program: Program,
    url: str,
    out: IO[bytes],
    *,
    schemas: Sequence[str] = (),
    table: str | None = None,
    written: Callable[[int], None] | None = None,
) -> None:
    """Write some schemas, or one table, as they are at one moment, in pg_dump's custom format.

    Owners and rights are left out. `written` is told of every chunk's size. Raises Permanent with what pg_dump said.
    """
    chosen = [f"--table={table}"] if table is not None else [f"--schema={name}" for name in schemas]
    options = ["--format=custom", "--compress=gzip:1", "--no-owner", "--no-privileges", _LOCK_WAIT, *chosen]
    with _running(program, "pg_dump", options, url, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        while chunk := process.stdout.read(_CHUNK):
            out.write(chunk)
            if written is not None:
                written(len(chunk))


def load(
    program: Program,
    url: str,
    dumps: Sequence[Path],
    *,
    server: int,
    loaded: Callable[[int], None] | None = None,
) -> None:
    """Read dumps back, all of them or nothing; `server` is the major version of the server they come to.

    `loaded` is told of every chunk's size. Raises Permanent with what psql or pg_restore said.
    """
    options = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--file=-"]
    with _running(program, "psql", options, url, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as psql:
        assert psql.stdin is not None
        # Where psql gives up, it says why itself.
        with suppress(BrokenPipeError):
            # Its own --single-transaction would commit what there is when this process dies in the middle.
            psql.stdin.write(b"BEGIN;\n")
            for path in dumps:
                for chunk in _as_script(program, path, server):
                    psql.stdin.write(chunk)
                    if loaded is not None:
                        loaded(len(chunk))
            psql.stdin.write(b"COMMIT;\n")
            psql.stdin.close()


def _as_script(program: Program, path: Path, server: int) -> Iterator[bytes]:
    """A dump as SQL, without what the server is too old to know."""
    options = ["--no-owner", "--no-privileges", "--exit-on-error", "--file=-", str(path)]
    with _running(program, "pg_restore", options, None, stdout=subprocess.PIPE) as process:
        script = process.stdout
        assert script is not None
        for _ in range(_TOP):
            line = script.readline()
            if _NEWER.get(line, 0) <= server:
                yield line
        while chunk := script.read(_CHUNK):
            yield chunk


@contextmanager
def _running(
    program: Program,
    name: str,
    options: Sequence[str],
    url: str | None,
    *,
    stdin: int | None = None,
    stdout: int,
) -> Iterator["subprocess.Popen[bytes]"]:
    """One of the programs, waited for at the end. Raises Permanent with its last words when it fails."""
    never_ask = ["--no-password"] if url is not None else []
    environment = {**program.environment, **(_as_environment(url) if url is not None else {})}
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [program.binary(name), *never_ask, *options],
            env=environment,
            stdin=stdin,
            stdout=stdout,
            stderr=said,
        )
        try:
            yield process
        except BaseException:
            process.kill()
            raise
        finally:
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(BrokenPipeError):
                        pipe.close()
            process.wait()
        if process.returncode != 0:
            said.seek(0)
            lines = said.read().decode(errors="replace").strip().splitlines()
            raise Permanent(f"{name} failed: {' '.join(lines[-3:]) or f'it ended with {process.returncode}'}")


def _as_environment(url: str) -> dict[str, str]:
    """A database's address as libpq's variables: a password on a command line is everybody's to read."""
    given = conninfo.conninfo_to_dict(url)
    return {
        option.envvar.decode(): str(given[keyword])
        for option in Conninfo.get_defaults()
        if option.envvar is not None and (keyword := option.keyword.decode()) in given
    }
