"""`/metrics`: the present and the totals, in the text format that Prometheus reads."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import groupby
from typing import Any

from fastapi import APIRouter, Depends, Response
from prometheus_client import exposition
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector, CollectorRegistry

from assay import __version__
from assay.bootstrap import Context
from assay.errors import Transient
from assay.jobs.schedules import Schedule, list_schedules
from assay.kit.db import Connection
from assay.monitoring import queries
from assay.monitoring.model import BOUNDS, Picture
from assay.monitoring.queries import Time, Totals
from assay.web.answers import as_file, refusals
from assay.web.guard import scraper
from assay.web.reading import Reading

Labelled = Iterable[tuple[tuple[str, ...], float]]


def router(ctx: Context, read: Reading) -> APIRouter:
    """The surface. It answers without a database too: `assay_database_up` is 0 then."""
    routes = APIRouter(
        tags=["Operations"], dependencies=[Depends(scraper(ctx.settings))], responses=refusals(401, 403)
    )

    @routes.get(
        "/metrics",
        summary="Queues, jobs, workers, sources and alerts, for Prometheus",
        response_class=Response,
        responses=as_file("Samples in Prometheus' text format.", "text/plain"),
    )
    def metrics() -> Response:
        def look(conn: Connection) -> list[Metric]:
            thresholds = queries.thresholds_chosen(conn, ctx.alerting.thresholds)
            seen = queries.picture(conn, thresholds, ctx.clock())
            return [
                *_present(seen),
                *_sources(seen),
                *_schedules(list_schedules(conn)),
                *_totals(queries.totals(conn)),
                *_alerts(queries.count_alerts(conn), queries.count_unsent(conn)),
            ]

        try:
            found, is_up = read(look), 1.0
        except Transient:
            found, is_up = [], 0.0
        found.append(_gauge("assay_database_up", "Whether the database answers", (), [((), is_up)]))
        found.append(_gauge("assay_build_info", "This program", ("version",), [((__version__,), 1.0)]))
        return Response(
            written(found), media_type=exposition.CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"}
        )

    return routes


def written(families: Iterable[Metric]) -> bytes:
    """Families of samples in the text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Found(lambda: families))
    return exposition.generate_latest(registry)


class _Found(Collector):
    def __init__(self, families: Callable[[], Iterable[Metric]]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families()

    def describe(self) -> Iterable[Metric]:
        return ()


def _gauge(name: str, about: str, labels: tuple[str, ...], samples: Labelled) -> Metric:
    family = GaugeMetricFamily(name, about, labels=labels)
    for values, number in samples:
        family.add_metric(values, number)
    return family


def _counter(name: str, about: str, labels: tuple[str, ...], samples: Labelled) -> Metric:
    family = CounterMetricFamily(name, about, labels=labels)
    for values, number in samples:
        family.add_metric(values, number)
    return family


def _present(seen: Picture) -> Iterator[Metric]:
    queue = ("queue",)
    yield _gauge(
        "assay_queue_depth", "Jobs that are ready to run", queue, [((q.queue,), q.ready) for q in seen.queues]
    )
    yield _gauge(
        "assay_queue_delayed",
        "Jobs that wait for their time",
        queue,
        [((q.queue,), q.delayed) for q in seen.queues],
    )
    yield _gauge("assay_queue_active", "Jobs that run", queue, [((q.queue,), q.active) for q in seen.queues])
    yield _gauge(
        "assay_queue_oldest_waiting_seconds",
        "How long the oldest ready job waits",
        queue,
        [((q.queue,), q.oldest_waiting_seconds or 0.0) for q in seen.queues],
    )
    yield _gauge(
        "assay_queue_served",
        "Whether some worker serves the queue",
        queue,
        [((q.queue,), float(q.is_served and seen.alive > 0)) for q in seen.queues],
    )
    yield _gauge(
        "assay_jobs",
        "Jobs now; failed ones are dead letters",
        ("task", "status"),
        [
            ((task.task, status), getattr(task, status))
            for task in seen.tasks
            for status in ("pending", "retrying", "processing", "failed")
        ],
    )
    yield _gauge(
        "assay_job_time_share",
        "Share of its hard time limit that the longest running job has used",
        ("task",),
        [((task.task,), task.longest_share or 0.0) for task in seen.tasks],
    )
    yield from _workers(seen)


def _workers(seen: Picture) -> Iterator[Metric]:
    hosts = sorted({one.host for one in seen.workers})

    def over(count: Callable[[Any], float]) -> Labelled:
        return [((host,), sum(count(one) for one in seen.workers if one.host == host)) for host in hosts]

    yield _gauge("assay_workers_alive", "Worker processes that live", (), [((), seen.alive)])
    yield _gauge(
        "assay_workers",
        "Worker processes",
        ("host", "state"),
        [
            ((host, state), sum(w.host == host and w.is_alive is (state == "alive") for w in seen.workers))
            for host in hosts
            for state in ("alive", "silent")
        ],
    )
    yield _gauge(
        "assay_worker_slots",
        "Jobs that the workers can run at a time",
        ("host",),
        over(lambda w: w.concurrency),
    )
    yield _gauge("assay_worker_active", "Jobs that the workers run", ("host",), over(lambda w: w.active))


def _sources(seen: Picture) -> Iterator[Metric]:
    labels = ("room", "step", "source")
    every = [((one.room, one.step, one.source), one) for one in seen.sources]
    yield _gauge(
        "assay_source_age_seconds",
        "Time since a source was last read well",
        labels,
        [(key, max(0.0, (seen.at - one.good_at).total_seconds())) for key, one in every if one.good_at],
    )
    yield _gauge(
        "assay_source_allowed_age_seconds",
        "Age at which a source is stale, by its schedule",
        labels,
        [(key, one.allowed_seconds) for key, one in every if one.allowed_seconds is not None],
    )
    yield _gauge(
        "assay_source_failures_in_a_row",
        "Runs of a source since the last one that went well",
        labels,
        [(key, one.failures) for key, one in every],
    )
    yield _gauge(
        "assay_source_refused_in_a_row",
        "Documents of a source that were set aside since the last one that was read",
        labels,
        [(key, one.refusals) for key, one in every],
    )
    yield _gauge(
        "assay_source_last_run_seconds",
        "Length of a source's newest run",
        labels,
        [(key, one.last_seconds) for key, one in every],
    )
    yield _gauge(
        "assay_source_last_run_timestamp_seconds",
        "End of a source's newest run",
        labels,
        [(key, one.last_at.timestamp()) for key, one in every],
    )


def _schedules(schedules: Iterable[Schedule]) -> Iterator[Metric]:
    known = list(schedules)

    def at(moment: Callable[[Schedule], datetime | None]) -> Labelled:
        return [((one.name,), found.timestamp()) for one in known if (found := moment(one)) is not None]

    name = ("schedule",)
    yield _gauge(
        "assay_schedule_next_run_timestamp_seconds",
        "When it runs next",
        name,
        at(lambda one: None if one.is_paused else one.next_run_at),
    )
    yield _gauge(
        "assay_schedule_last_run_timestamp_seconds", "When it ran last", name, at(lambda one: one.last_run_at)
    )
    yield _gauge(
        "assay_schedule_paused", "Whether it is paused", name, [((one.name,), one.is_paused) for one in known]
    )
    yield _counter(
        "assay_schedule_missed_total",
        "Runs that were past their grace when somebody looked",
        name,
        [((one.name,), one.missed) for one in known],
    )


def _totals(totals: Totals) -> Iterator[Metric]:
    if totals.observed_at is not None:
        yield _gauge(
            "assay_observed_timestamp_seconds",
            "When what ended was last counted; all totals are as of then",
            (),
            [((), totals.observed_at.timestamp())],
        )
    yield _counter(
        "assay_jobs_ended_total",
        "Jobs that ended",
        ("task", "outcome"),
        [((t, o), n) for t, o, n in totals.jobs],
    )
    yield _counter(
        "assay_attempts_failed_total",
        "Attempts that did not end well, by what went wrong",
        ("task", "outcome", "kind"),
        [((t, o, k), n) for t, o, k, n in totals.attempts],
    )
    run = ("room", "step", "source", "outcome")
    yield _counter(
        "assay_runs_total", "Runs of the ledger", run, [((r, s, c, o), n) for r, s, c, o, n, _ in totals.runs]
    )
    yield _counter(
        "assay_run_seconds_total",
        "Time that they took",
        run,
        [((r, s, c, o), t) for r, s, c, o, _, t in totals.runs],
    )
    yield _counter(
        "assay_records_total",
        "What the runs counted",
        ("room", "step", "source", "what"),
        [((r, s, c, w), n) for r, s, c, w, n in totals.records],
    )
    yield _histogram("assay_job_wait_seconds", "Time from deferral to the first start", totals.times, "wait")
    yield _histogram("assay_job_run_seconds", "Time from the last start to the end", totals.times, "run")


def _histogram(name: str, about: str, times: Iterable[Time], measure: str) -> Metric:
    family = HistogramMetricFamily(name, about, labels=("task",))
    for task, bars in groupby((one for one in times if one.measure == measure), key=lambda one: one.task):
        counts = dict.fromkeys(BOUNDS, 0)
        seconds = 0.0
        for bar in bars:
            # A bound of an older version is still in the table: its jobs are in the next one that there is.
            counts[min(bound for bound in BOUNDS if bound >= bar.bound)] += bar.jobs
            seconds += bar.seconds
        family.add_metric((task,), list(_cumulated(counts)), seconds)
    return family


def _cumulated(counts: dict[float, int]) -> Iterator[tuple[str, float]]:
    so_far = 0
    for bound, number in counts.items():
        so_far += number
        yield "+Inf" if bound == float("inf") else str(bound), so_far


def _alerts(
    counted: Iterable[tuple[str, str, str, int]], unsent: Iterable[tuple[str, int]]
) -> Iterator[Metric]:
    yield _gauge(
        "assay_alerts",
        "Alerts that are not over",
        ("rule", "severity", "state"),
        [((rule, severity, state), number) for rule, severity, state, number in counted],
    )
    yield _gauge(
        "assay_notices_unsent",
        "Notices that are not delivered yet",
        ("channel",),
        [((c,), n) for c, n in unsent],
    )
