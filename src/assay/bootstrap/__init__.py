"""The only place where everything meets: settings become a Context, in this process and in its workers.

What only a whole Context needs is imported when one is made: a command that merely asks the database starts in half
the time.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from assay import __version__
from assay.bootstrap import places
from assay.bootstrap.gathering import load_limits, load_seals, open_outside
from assay.bootstrap.loading import load_alerting, load_policy, load_schedules, load_sources, load_tasks
from assay.bootstrap.reading import load_language, open_llm
from assay.errors import Permanent
from assay.kit.clock import Clock, utc_now
from assay.kit.db import Database
from assay.settings import Settings

if TYPE_CHECKING:
    from assay.auth.model import Policy as SignInPolicy
    from assay.catalog.model import Readers
    from assay.catalog.rules.policy import Policy
    from assay.jobs.schedules import Declared
    from assay.jobs.supervisor import Supervisor
    from assay.jobs.task import Registry
    from assay.kit.archives import Archives
    from assay.kit.bucket import Bucket, BucketOptions
    from assay.kit.files import Files
    from assay.kit.fingerprints import Fingerprints
    from assay.kit.http import Http, HttpOptions
    from assay.kit.llm import Llm
    from assay.kit.pool import Pool
    from assay.kit.postgres import PostgresOptions
    from assay.kit.sealing import Seals
    from assay.kit.spool import Spool
    from assay.monitoring.model import Alerting
    from assay.pipelines.advisories.model import Source
    from assay.pipelines.feeds.model.language import Language
    from assay.pipelines.feeds.model.sources import Limits
    from assay.pipelines.feeds.tasks.naming import Dictionary


@dataclass(frozen=True, slots=True)
class Context:
    """What every task and command is given, each room seeing the part it names."""

    settings: Settings
    db: Database
    clock: Clock
    pool: "Pool"
    files: "Files"
    uploads: "Files"
    fingerprint: "Fingerprints"
    http: "Http"
    open_bucket: "Callable[[str], Bucket]"
    archives: "Archives"
    mirrors: Path
    spool: "Spool"
    sources: "Mapping[str, Source]"
    readers: "Readers"
    policy: "Policy"
    tasks: "Registry"
    schedules: "tuple[Declared, ...]"
    retention: timedelta
    jobs_retention: timedelta
    runs_retention: timedelta
    alerting: "Alerting"
    sign_in: "SignInPolicy"
    outside: "Http"
    fetched: "Files"
    seals: "Seals"
    feeds: "Limits"
    language: "Language"
    open_llm: "Callable[[Language], Llm]"
    dictionary: "Dictionary"


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


@contextmanager
def supervising(settings: Settings) -> "Iterator[Supervisor]":
    """The supervisor of this machine's workers, not yet at work. The database is there until the block ends.

    An embedded server that dies is started again while the workers wait for it.
    """
    from assay.jobs.supervisor import Supervisor, SupervisorOptions
    from assay.jobs.worker import WorkerOptions
    from assay.kit.postgres import EmbeddedPostgres

    with ExitStack() as stack:
        ctx = stack.enter_context(build(settings))
        revive: Callable[[], object] = lambda: None  # noqa: E731 - a server of somebody else's is theirs to start
        if settings.database_url is None:
            server = EmbeddedPostgres(postgres_options(settings))
            server.start()
            stack.callback(server.release)
            revive = server.start
        options = SupervisorOptions(
            processes=settings.worker_processes,
            memory_bytes=settings.worker_memory_mb << 20,
            worker=WorkerOptions(
                queues=settings.worker_queues or None,
                concurrency=settings.worker_concurrency,
                grace_seconds=settings.worker_grace,
                recycle_after=settings.worker_recycle_after,
            ),
        )
        yield Supervisor(
            options, enter_job_worker, (settings, ctx.db.url), ctx.db, ctx.tasks, ctx.schedules, revive=revive
        )


def enter_job_worker(settings: Settings, url: str) -> Context:
    """The Context of a process that runs tasks, for as long as it lives."""
    from assay.kit import logs
    from assay.kit.pool import Pool, calm_collector

    logs.configure(settings.log_level, settings.log_format)
    calm_collector()
    stack = ExitStack()
    pool = stack.enter_context(Pool(settings.processes, enter_worker, (settings, url)))
    return _context(settings, url, pool, stack)


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
    from assay.kit.fingerprints import Fingerprints
    from assay.kit.http import Http
    from assay.kit.spool import Spool
    from assay.pipelines.advisories.model import RecordSource
    from assay.pipelines.feeds.rules.claims import READERS
    from assay.pipelines.feeds.tasks.naming import Dictionary

    sources = load_sources(settings)
    db = Database(url)
    stack.callback(db.close)
    return Context(
        settings=settings,
        db=db,
        clock=utc_now,
        pool=pool,
        files=Files(settings.home / places.DOCUMENTS),
        uploads=Files(settings.home / places.UPLOADS),
        fingerprint=Fingerprints(settings.home / places.FINGERPRINTS_KEY),
        http=stack.enter_context(Http(_http_options(settings))),
        open_bucket=partial(open_bucket, options=_bucket_options(settings)),
        archives=stack.enter_context(Archives()),
        mirrors=settings.home / "mirrors",
        spool=Spool(settings.home / "spool"),
        sources=sources,
        readers={
            **{name: source.read for name, source in sources.items() if isinstance(source, RecordSource)},
            **READERS,
        },
        policy=load_policy(settings.merge_policy),
        tasks=load_tasks(),
        schedules=load_schedules(settings, sources),
        retention=settings.retention,
        jobs_retention=timedelta(days=settings.jobs_retention_days),
        runs_retention=timedelta(days=settings.runs_retention_days),
        alerting=load_alerting(settings.alerts),
        sign_in=settings.sign_in.policy,
        outside=stack.enter_context(open_outside(settings)),
        fetched=Files(settings.home / places.FETCHED),
        seals=load_seals(settings),
        feeds=load_limits(settings.feeds),
        language=load_language(settings.llm),
        open_llm=partial(open_llm, settings),
        dictionary=Dictionary(),
    )


def _http_options(settings: Settings) -> "HttpOptions":
    from assay.kit.http import HttpOptions

    return HttpOptions(
        user_agent=f"assay/{__version__}", proxy=settings.proxy, read_seconds=settings.http_timeout
    )


def _bucket_options(settings: Settings) -> "BucketOptions":
    from assay.kit.bucket import BucketOptions

    return BucketOptions(user_agent=f"assay/{__version__}", proxy=settings.proxy)


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
