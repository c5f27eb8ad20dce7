"""Looking at everything that Assay depends on: the machine, PostgreSQL, the catalog, the sources."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from assay import bootstrap
from assay.bootstrap import gathering, loading, reading
from assay.catalog import queries as catalog
from assay.catalog.commands import is_merged_under
from assay.cli.screens.health import Finding, Grade
from assay.domain.wording import age, counted, number, size
from assay.errors import AssayError
from assay.jobs.ledger import last_runs
from assay.kit import migrate, postgres
from assay.kit.clock import utc_now
from assay.kit.db import Connection, Database
from assay.pipelines.advisories import queries as advisories
from assay.pipelines.advisories.queries import STALE
from assay.pipelines.feeds.queries.language import language_chosen

if TYPE_CHECKING:
    from assay.settings import Settings

# The sources' archives are a few hundred MB each, the database with all of them some GB.
_LITTLE_DISK = 10 * 10**9
_NO_DISK = 1 * 10**9
# Reasons for which a whole document was set aside, rather than a record.
_DOCUMENT_REASONS = ("refused", "unreadable-document")


def examine(settings: "Settings") -> list[Finding]:
    """Everything that was looked at, in the order in which one thing needs another. Raises nothing."""
    home = _home(settings.home)
    named = _settings(settings)
    findings = [home, named, _disk(settings.home), _git()]
    if settings.database_url is None:
        findings.append(_embedded(settings))
    if Grade.FAILED in (home.grade, named.grade):
        return findings
    try:
        with ExitStack() as stack:
            url = stack.enter_context(bootstrap.database_url(settings))
            conn = stack.enter_context(Database(url).connection(autocommit=True))
            findings += _database(conn)
            pending = _migrations(settings, conn)
            findings.append(pending)
            if pending.grade is Grade.OK:
                findings += _contents(settings, conn)
    except (AssayError, psycopg.Error, OSError) as error:
        findings.append(_failed_to_look(error))
    return findings


def _failed_to_look(error: Exception) -> Finding:
    said = str(error).strip() or type(error).__name__
    return Finding("database", Grade.FAILED, said, "what depends on the database was not looked at")


def _home(home: Path) -> Finding:
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home) as probe:
            probe.write(b"assay")
    except OSError as error:
        advice = "give this user the right to write there, or set ASSAY_HOME to another place"
        return Finding("home", Grade.FAILED, f"{home} cannot be written to: {error.strerror}", advice)
    return Finding("home", Grade.OK, str(home))


def _settings(settings: "Settings") -> Finding:
    """What the settings name and what a command has to load, beyond what each value says by itself."""
    try:
        loading.load_policy(settings.merge_policy)
        loading.load_schedules(settings, loading.load_sources(settings))
        loading.load_alerting(settings.alerts)
        gathering.load_seals(settings).check()
        gathering.open_outside(settings).close()
    except (AssayError, OSError) as error:
        return Finding(
            "settings", Grade.FAILED, str(error), "until that is mended nearly every command refuses to run"
        )
    return Finding("settings", Grade.OK, "what they name is there")


def _disk(home: Path) -> Finding:
    place = next(folder for folder in (home, *home.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    said = f"{size(free)} free"
    if free < _NO_DISK:
        return Finding(
            "disk", Grade.FAILED, said, f"free some space below {place}: PostgreSQL stops when it is full"
        )
    if free < _LITTLE_DISK:
        return Finding(
            "disk", Grade.WARNING, said, f"a full sync of every source needs about {size(_LITTLE_DISK)}"
        )
    return Finding("disk", Grade.OK, said)


def _git() -> Finding:
    advice = "install git; the gitlab source is fetched with it"
    program = shutil.which("git")
    if program is None:
        return Finding("git", Grade.WARNING, "not found", advice)
    try:
        told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError) as error:
        return Finding("git", Grade.WARNING, f"does not run: {error}", advice)
    return Finding("git", Grade.OK, told.stdout.strip().removeprefix("git version "))


def _embedded(settings: "Settings") -> Finding:
    try:
        status = postgres.status(bootstrap.postgres_options(settings))
    except AssayError as error:
        advice = "or set ASSAY_DATABASE_URL to a PostgreSQL 15 or newer"
        return Finding("embedded", Grade.FAILED, str(error), advice)
    state = f"was running, process {status.pid}" if status.is_running else "was not running"
    kept = "no data yet" if status.data_version is None else f"{size(status.data_bytes)} of data"
    return Finding("embedded", Grade.OK, f"PostgreSQL {status.version} {state}; {kept}; log in {status.log}")


def _database(conn: Connection) -> Iterator[Finding]:
    row = conn.execute(
        "SELECT current_setting('server_version'), current_database(), pg_database_size(current_database()), "
        "pg_is_in_recovery()"
    ).fetchone()
    assert row is not None
    version, name, taken, is_standby = row
    said = f"PostgreSQL {version}, database {name}, {size(taken)}"
    if is_standby:
        yield Finding(
            "database", Grade.FAILED, f"{said}, read-only standby", "name the primary in ASSAY_DATABASE_URL"
        )
    else:
        yield Finding("database", Grade.OK, said)


def _migrations(settings: "Settings", conn: Connection) -> Finding:
    try:
        known = migrate.history()
        pending = migrate.pending(conn, known)
    except AssayError as error:
        return Finding("migrations", Grade.FAILED, str(error))
    if not pending:
        return Finding("migrations", Grade.OK, f"up to date, {known[-1].version:04d} {known[-1].name}")
    said = f"{counted(len(pending), 'migration')} pending, up to {pending[-1].version:04d} {pending[-1].name}"
    if settings.database_url is None:
        return Finding("migrations", Grade.WARNING, said, "the next command applies them by itself")
    return Finding("migrations", Grade.FAILED, said, "run `assay migrate`")


def _contents(settings: "Settings", conn: Connection) -> Iterator[Finding]:
    yield _catalog(conn)
    yield _unmerged(conn)
    if not is_merged_under(conn, loading.load_policy(settings.merge_policy)):
        said = "parts of the catalog were merged by another release or under another policy"
        yield Finding("rules", Grade.WARNING, said, "run `assay catalog rebuild`")
    yield _quarantine(advisories.count_quarantine(conn))
    yield _sources(settings, conn, utc_now())
    yield _language_model(settings, conn)


def _catalog(conn: Connection) -> Finding:
    faults = {law: found for law, found in catalog.find_faults(conn).items() if found}
    if not faults:
        return Finding("catalog", Grade.OK, "sound: no law is broken")
    said = ", ".join(f"{number(found)} {law.replace('_', ' ')}" for law, found in faults.items())
    return Finding("catalog", Grade.FAILED, said, "run `assay catalog rebuild`, and report this as a bug")


def _unmerged(conn: Connection) -> Finding:
    waiting = catalog.count_dirty(conn)
    if not waiting:
        return Finding("merging", Grade.OK, "every claim is merged")
    return Finding("merging", Grade.WARNING, f"{counted(waiting, 'claim')} wait", "run `assay catalog merge`")


def _quarantine(counts: list[tuple[str, str, int]]) -> Finding:
    total = sum(found for _, _, found in counts)
    if not total:
        return Finding("quarantine", Grade.OK, "empty")
    by_source: dict[str, int] = {}
    for source, _, found in counts:
        by_source[source] = by_source.get(source, 0) + found
    parts = ", ".join(f"{name} {number(found)}" for name, found in by_source.items())
    said = f"{counted(total, 'record')}: {parts}"
    documents = sum(found for _, reason, found in counts if reason in _DOCUMENT_REASONS)
    if documents:
        said = f"{said}; {counted(documents, 'document')} could not be used at all"
        return Finding("quarantine", Grade.WARNING, said, "see `assay quarantine`")
    return Finding("quarantine", Grade.OK, said)


def _sources(settings: "Settings", conn: Connection, now: datetime) -> Finding:
    known = loading.load_sources(settings)
    fetched = advisories.list_freshness(conn)
    runs = {run.source: run for run in last_runs(conn, "advisories")}
    never = [name for name in known if name not in fetched]
    bad = [f"{name} {run.outcome}" for name, run in runs.items() if run.outcome in ("failed", "refused")]
    if not fetched:
        return Finding("sources", Grade.WARNING, "none was read yet", "run `assay sync`")
    oldest = min((name for name in known if name in fetched), key=lambda name: fetched[name], default=None)
    said = [f"oldest is {oldest}, read {age(fetched[oldest], now)}"] if oldest is not None else []
    if never:
        said.append(f"never read: {', '.join(never)}")
    if bad:
        said.append(f"last run: {', '.join(bad)}")
    is_stale = oldest is not None and now - fetched[oldest] > STALE
    advice = "`assay sources` says why" if bad else "run `assay sync`" if is_stale or never else None
    return Finding("sources", Grade.OK if advice is None else Grade.WARNING, "; ".join(said), advice)


def _language_model(settings: "Settings", conn: Connection) -> Finding:
    language = language_chosen(conn, reading.load_language(settings.llm))
    if not language.is_asked:
        return Finding("language model", Grade.OK, "none is asked: rules alone read the entries of feeds")
    said = f"{language.model} at {language.address}"
    try:
        with reading.open_llm(settings, language) as llm:
            names = [one.name for one in llm.models()]
    except AssayError as error:
        advice = "entries are read by rules meanwhile; `assay llm test` tries again"
        return Finding("language model", Grade.WARNING, f"{said}: {error}", advice)
    if not {language.model, f"{language.model}:latest"} & set(names):
        advice = "`assay llm models` lists what it has, `assay llm config model=NAME` chooses one"
        return Finding("language model", Grade.WARNING, f"{language.address} has no {language.model}", advice)
    return Finding("language model", Grade.OK, said)
