"""The only place where everything meets: settings become a Context, in this process and in its workers.

What only a whole Context needs is imported when one is made: a command that merely asks the database starts in half
the time.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from assay import __version__
from assay.errors import Permanent
from assay.kit.clock import Clock, utc_now
from assay.kit.db import Database
from assay.settings import AlertSettings, Settings, SourceSettings

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
    from assay.kit.pool import Pool
    from assay.kit.postgres import PostgresOptions
    from assay.monitoring.model import Alerting, Rule, Webhook
    from assay.pipelines.advisories.model import Source


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


def load_tasks() -> "Registry":
    """Everything that may run later, by whatever room."""
    from assay.auth.commands import remove_old_sign_ins
    from assay.catalog.commands import merge_later
    from assay.jobs.retention import remove_old_jobs
    from assay.jobs.task import Registry
    from assay.monitoring.commands import deliver_later, watch_now
    from assay.pipelines.advisories.commands import background_replay, background_sync
    from assay.pipelines.configs.tasks.parsing import parse as parse_configs

    of_records = (background_sync, background_replay, merge_later)
    of_housekeeping = (remove_old_jobs, remove_old_sign_ins, watch_now, deliver_later)
    return Registry([*of_records, parse_configs, *of_housekeeping])


def load_schedules(settings: Settings, sources: "Mapping[str, Source]") -> "tuple[Declared, ...]":
    """What runs by itself, as the settings change it. Raises Permanent for a timing that is none."""
    from assay.auth.commands import remove_old_sign_ins
    from assay.jobs.retention import remove_old_jobs
    from assay.jobs.schedules import LONGEST, Declared, check_all
    from assay.monitoring.commands import watch_now
    from assay.pipelines.advisories.commands import background_sync

    known = {
        name: Declared(
            name=name,
            task=background_sync.name,
            spec=source.schedule,
            args={"source": name},
            # So many installations would otherwise ask a public server at the same second.
            jitter=timedelta(minutes=1),
            longest=LONGEST,
        )
        for name, source in sources.items()
    }
    known["retention"] = Declared(
        "retention", remove_old_jobs.name, "20 3 * * *", jitter=timedelta(minutes=10)
    )
    known["sign-ins"] = Declared(
        "sign-ins", remove_old_sign_ins.name, "40 3 * * *", jitter=timedelta(minutes=10)
    )
    known["monitoring"] = Declared("monitoring", watch_now.name, "every 1m")
    unknown = settings.schedules.keys() - known.keys()
    if unknown:
        raise Permanent(f"the settings speak of schedules that do not exist: {', '.join(sorted(unknown))}")
    declared = tuple(replace(one, spec=settings.schedules.get(name, one.spec)) for name, one in known.items())
    check_all(declared, utc_now())
    return declared


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
        uploads=Files(settings.home / "uploads"),
        fingerprint=Fingerprints(settings.home / "fingerprints.key"),
        http=stack.enter_context(Http(_http_options(settings))),
        open_bucket=partial(open_bucket, options=_bucket_options(settings)),
        archives=stack.enter_context(Archives()),
        mirrors=settings.home / "mirrors",
        sources=sources,
        readers={name: source.read for name, source in sources.items() if isinstance(source, RecordSource)},
        policy=load_policy(settings.merge_policy),
        tasks=load_tasks(),
        schedules=load_schedules(settings, sources),
        retention=settings.retention,
        jobs_retention=timedelta(days=settings.jobs_retention_days),
        runs_retention=timedelta(days=settings.runs_retention_days),
        alerting=load_alerting(settings.alerts),
        sign_in=settings.sign_in.policy,
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


def load_alerting(settings: AlertSettings) -> "Alerting":
    """When somebody is told, and how. Raises Permanent for a rule that does not exist, or a secret that is none."""
    from assay.monitoring.model import PATIENCE, Alerting, Channel, Patience, Rule, Thresholds

    patience = {
        rule: Patience(
            _minutes(settings.raise_after_minutes, rule, usual.raise_after),
            _minutes(settings.clear_after_minutes, rule, usual.clear_after),
        )
        for rule, usual in PATIENCE.items()
    }
    named = {*settings.off, *settings.raise_after_minutes, *settings.clear_after_minutes}
    unknown = sorted(named - {rule.value for rule in Rule})
    if unknown:
        raise Permanent(f"no alert rule is called {unknown[0]!r}; there are {', '.join(Rule)}")
    thresholds = Thresholds(
        **{name: getattr(settings, name) for name in _THRESHOLDS},
        off=frozenset(map(Rule, settings.off)),
        patience=patience,
    )
    twice = sorted(settings.channels.keys() & settings.webhooks.keys())
    if twice:
        raise Permanent(f"a channel and a webhook are both called {twice[0]!r}: rename one")
    channels = [Channel(name, url.get_secret_value()) for name, url in settings.channels.items()]
    return Alerting(thresholds, (*channels, *_webhooks(settings)))


_THRESHOLDS = (
    *("failed_tasks", "error_rate", "error_rate_attempts", "error_rate_minutes", "backlog"),
    *("oldest_waiting_minutes", "workers", "overdue_share", "stale_after_runs", "failing_runs"),
    "persistently_failing_runs",
)


def _minutes(given: Mapping[str, float], rule: "Rule", usual: float) -> float:
    return given[rule] * 60 if rule in given else usual


def _webhooks(settings: AlertSettings) -> "Iterator[Webhook]":
    from assay.kit.signing import read_secret
    from assay.monitoring.model import Webhook

    for name, one in settings.webhooks.items():
        try:
            secret = read_secret(one.secret.get_secret_value())
        except ValueError as error:
            raise Permanent(f"the secret of the webhook {name} cannot be used: {error}") from error
        yield Webhook(name, one.url.get_secret_value(), secret)


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
