"""The only place where everything meets: settings become a Context, in this process and in its workers.

What only a whole Context needs is imported when one is made: a command that merely asks the database starts in half
the time.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from assay import __version__
from assay.errors import Permanent
from assay.kit.clock import Clock, utc_now
from assay.kit.db import Database
from assay.settings import Settings, SourceSettings

if TYPE_CHECKING:
    from assay.catalog.model import Readers
    from assay.catalog.rules.policy import Policy
    from assay.kit.archives import Archives
    from assay.kit.bucket import Bucket, BucketOptions
    from assay.kit.files import Files
    from assay.kit.http import Http, HttpOptions
    from assay.kit.pool import Pool
    from assay.kit.postgres import PostgresOptions
    from assay.pipelines.advisories.model import Source


@dataclass(frozen=True, slots=True)
class Context:
    """What every task and command is given, each room seeing the part it names."""

    settings: Settings
    db: Database
    clock: Clock
    pool: "Pool"
    files: "Files"
    http: "Http"
    open_bucket: "Callable[[str], Bucket]"
    archives: "Archives"
    mirrors: Path
    sources: "Mapping[str, Source]"
    readers: "Readers"
    policy: "Policy"


def postgres_options(settings: Settings) -> "PostgresOptions":
    """How the embedded server is to be run."""
    from assay.kit.postgres import PostgresOptions
    from assay.kit.postgres_shelter import directory_for

    return PostgresOptions(
        directory=directory_for(settings.home / "postgres"),
        port=settings.postgres_port,
        keep_running=settings.postgres_keep_running,
    )


@contextmanager
def database_url(settings: Settings) -> Iterator[str]:
    """Where the database is, with the embedded server running for as long as the block does."""
    if settings.database_url is not None:
        yield settings.database_url
        return
    from assay.kit.postgres import EmbeddedPostgres

    make_home(settings)
    with EmbeddedPostgres(postgres_options(settings)) as url:
        yield url


@contextmanager
def open_database(settings: Settings) -> Iterator[Database]:
    """The database alone, migrated like that of a Context, for commands that need nothing else."""
    with ExitStack() as stack:
        db = Database(stack.enter_context(database_url(settings)))
        stack.callback(db.close)
        _check_schema(settings, db)
        yield db


def make_home(settings: Settings) -> None:
    """Make the home folder. Raises Permanent when that cannot be done."""
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Permanent(
            f"{settings.home} cannot be used as the home folder: {error.strerror}; set ASSAY_HOME to another place"
        ) from error


@contextmanager
def build(settings: Settings, *, check_schema: bool = True) -> Iterator[Context]:
    """The Context of this process, until the block ends.

    The embedded database is migrated as needed; a database of somebody else's only by `assay migrate`.
    """
    from assay.kit import logs
    from assay.kit.pool import Pool, calm_collector

    calm_collector()
    logs.configure(settings.log_level, settings.log_format)
    make_home(settings)
    with ExitStack() as stack:
        url = stack.enter_context(database_url(settings))
        if check_schema:
            _check_schema(settings, Database(url))
        pool = stack.enter_context(Pool(settings.processes, enter_worker, (settings, url)))
        yield _context(settings, url, pool, stack)


def enter_worker(settings: Settings, url: str) -> Context:
    """The Context of a worker process, for as long as it lives."""
    from assay.kit import logs
    from assay.kit.pool import Pool, spare_collector

    logs.configure(settings.log_level, settings.log_format)
    spare_collector()
    return _context(settings, url, Pool(1, enter_worker, ()), ExitStack())


def _context(settings: Settings, url: str, pool: "Pool", stack: ExitStack) -> Context:
    from assay.kit.archives import Archives
    from assay.kit.bucket import open_bucket
    from assay.kit.files import Files
    from assay.kit.http import Http
    from assay.pipelines.advisories.model import RecordSource

    sources = load_sources(settings)
    db = Database(url)
    stack.callback(db.close)
    return Context(
        settings=settings,
        db=db,
        clock=utc_now,
        pool=pool,
        files=Files(settings.home / "documents"),
        http=stack.enter_context(Http(_http_options(settings))),
        open_bucket=partial(open_bucket, options=_bucket_options(settings)),
        archives=stack.enter_context(Archives()),
        mirrors=settings.home / "mirrors",
        sources=sources,
        readers={name: source.read for name, source in sources.items() if isinstance(source, RecordSource)},
        policy=load_policy(settings.merge_policy),
    )


def load_sources(settings: Settings) -> "Mapping[str, Source]":
    """Every source by name, as the settings change it. Raises Permanent for settings of no source."""
    from assay.pipelines.advisories.sources import discover

    sources = {
        name: _changed(source, settings.sources[name]) if name in settings.sources else source
        for name, source in discover().items()
    }
    unknown = settings.sources.keys() - sources.keys()
    if unknown:
        raise Permanent(f"the settings speak of sources that do not exist: {', '.join(sorted(unknown))}")
    return sources


def load_policy(path: Path | None) -> "Policy":
    """The merge policy of a file, or the one that ships."""
    from assay.catalog.rules.policy import read_policy

    return read_policy(*policy_text(path))


def policy_text(path: Path | None) -> tuple[str, str]:
    """A merge policy as it is written, and the name of its file; without a path the one that ships."""
    if path is None:
        from importlib.resources import files as resources

        shipped = resources("assay.catalog") / "policy" / "merge.toml"
        return shipped.read_text(encoding="utf-8"), "merge.toml"
    try:
        return path.read_text(encoding="utf-8"), str(path)
    except OSError as error:
        raise Permanent(f"the merge policy {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Permanent(f"the merge policy {path} is not UTF-8 text") from error


def _http_options(settings: Settings) -> "HttpOptions":
    from assay.kit.http import HttpOptions

    return HttpOptions(
        user_agent=f"assay/{__version__}", proxy=settings.proxy, read_seconds=settings.http_timeout
    )


def _bucket_options(settings: Settings) -> "BucketOptions":
    from assay.kit.bucket import BucketOptions

    return BucketOptions(user_agent=f"assay/{__version__}", proxy=settings.proxy)


def _changed(source: "Source", settings: SourceSettings) -> "Source":
    """The source with what the settings change about it."""
    from assay.pipelines.advisories.model import Bucket as BucketTransport
    from assay.pipelines.advisories.model import Download, Repository

    transport = source.transport
    match transport:
        case Download():
            transport = replace(transport, url=settings.url or transport.url)
        case BucketTransport():
            transport = replace(
                transport,
                url=settings.url or transport.url,
                fallback_url=settings.fallback_url or transport.fallback_url,
            )
        case Repository():
            transport = replace(
                transport, url=settings.url or transport.url, branch=settings.branch or transport.branch
            )
    return replace(source, transport=transport, schedule=settings.schedule or source.schedule)


def _check_schema(settings: Settings, db: Database) -> None:
    from assay.kit import migrate

    migrations = migrate.history()
    with db.connection(autocommit=True) as conn:
        todo = migrate.pending(conn, migrations)
        if todo and settings.database_url is None:
            migrate.migrate(conn, migrations)
        elif todo:
            raise Permanent(
                f"the database lacks {len(todo)} migration(s) up to {todo[-1].version:04d}: run `assay migrate`"
            )
