"""What the rooms are told by the settings: sources, tasks, schedules, alerts, the merge policy."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from assay.errors import Permanent
from assay.kit.clock import utc_now
from assay.settings import AlertSettings, Settings, SourceSettings

if TYPE_CHECKING:
    from assay.catalog.rules.policy import Policy
    from assay.jobs.schedules import Declared
    from assay.jobs.task import Registry
    from assay.monitoring.model import Alerting, Rule, Webhook
    from assay.pipelines.advisories.model import Source


def load_tasks() -> "Registry":
    """Everything that may run later, by whatever room."""
    from assay.auth.commands import remove_old_sign_ins
    from assay.catalog.commands import merge_later
    from assay.jobs.retention import remove_old_jobs
    from assay.jobs.task import Registry
    from assay.monitoring.commands import deliver_later, watch_now
    from assay.pipelines.advisories.commands import background_replay, background_sync
    from assay.pipelines.configs.tasks.parsing import parse as parse_configs
    from assay.pipelines.feeds.commands.processing import complete as complete_extractions
    from assay.pipelines.feeds.commands.processing import process as process_entries
    from assay.pipelines.feeds.commands.products import watch_later
    from assay.pipelines.feeds.tasks.fetching import fetch as fetch_entries
    from assay.pipelines.feeds.tasks.fetching import tick as fetch_due
    from assay.pipelines.feeds.tasks.naming import gather_names
    from assay.pipelines.feeds.tasks.purging import purge as purge_entries

    of_records = (background_sync, background_replay, merge_later)
    of_housekeeping = (remove_old_jobs, remove_old_sign_ins, watch_now, deliver_later)
    of_entries = (fetch_due, fetch_entries, process_entries, complete_extractions, purge_entries)
    of_feeds = (*of_entries, gather_names, watch_later)
    return Registry([*of_records, parse_configs, *of_feeds, *of_housekeeping])


def load_schedules(settings: Settings, sources: "Mapping[str, Source]") -> "tuple[Declared, ...]":
    """What runs by itself, as the settings change it. Raises Permanent for a timing that is none."""
    from assay.auth.commands import remove_old_sign_ins
    from assay.jobs.retention import remove_old_jobs
    from assay.jobs.schedules import LONGEST, Declared, check_all
    from assay.monitoring.commands import watch_now
    from assay.pipelines.advisories.commands import background_sync
    from assay.pipelines.feeds.commands.processing import SCHEDULE
    from assay.pipelines.feeds.commands.processing import process as process_entries
    from assay.pipelines.feeds.commands.products import watch_later
    from assay.pipelines.feeds.tasks.fetching import tick as fetch_due
    from assay.pipelines.feeds.tasks.naming import gather_names
    from assay.pipelines.feeds.tasks.purging import purge as purge_entries

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
    known[SCHEDULE] = Declared(
        SCHEDULE,
        process_entries.name,
        f"every {settings.llm.interval_minutes}m",
        args={"lane": 0},
        longest=timedelta(hours=1),
    )
    known["feeds"] = Declared("feeds", fetch_due.name, "every 1m")
    # Where nothing changed this is one question to the database.
    known["feeds-names"] = Declared("feeds-names", gather_names.name, "every 10m", longest=LONGEST)
    known["feeds-purge"] = Declared(
        "feeds-purge", purge_entries.name, "50 3 * * *", jitter=timedelta(minutes=10)
    )
    known["monitored-products"] = Declared("monitored-products", watch_later.name, "every 1m")
    unknown = settings.schedules.keys() - known.keys()
    if unknown:
        raise Permanent(f"the settings speak of schedules that do not exist: {', '.join(sorted(unknown))}")
    declared = tuple(replace(one, spec=settings.schedules.get(name, one.spec)) for name, one in known.items())
    # A third of a second for all of them; what the program itself declares is checked by its tests.
    said = {
        *settings.schedules,
        *(name for name, one in settings.sources.items() if one.schedule is not None),
    }
    check_all((one for one in declared if one.name in said), utc_now())
    return declared


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
