"""What the room can show: the present, the totals, alerts and who was told about them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime

from psycopg.rows import class_row, dict_row

from assay.errors import NotFound, Permanent
from assay.jobs import queries as jobs
from assay.jobs.choices import ALERTS, list_choices
from assay.jobs.schedules import Schedule, list_schedules
from assay.jobs.timing import OFF, Timing, read_timing
from assay.kit import sql
from assay.kit.db import Connection
from assay.monitoring.model import (
    Alert,
    AlertState,
    Delivery,
    Picture,
    QueueRow,
    RateRow,
    Rule,
    SourceRow,
    TaskRow,
    Thresholds,
    WorkerFigures,
    to_alert,
    to_delivery,
)

_SQL = sql.beside(__file__)

# A schedule's runs take a while, and are spread over this and more: no source is stale sooner.
_SLACK_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Time:
    """One bar of a histogram: jobs that took at most `bound` seconds, and more than the bar before it."""

    task: str
    measure: str
    bound: float
    jobs: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Totals:
    """What ended since this installation began, as of `observed_at`; each list is (labels ..., number)."""

    observed_at: datetime | None
    jobs: Sequence[tuple[str, str, int]]
    times: Sequence[Time]
    attempts: Sequence[tuple[str, str, str, int]]
    runs: Sequence[tuple[str, str, str, str, int, float]]
    records: Sequence[tuple[str, str, str, str, int]]


def thresholds_chosen(conn: Connection, usual: Thresholds) -> Thresholds:
    """From where on something is wrong: as people chose at run time, else as usual."""
    chosen = {
        name.removeprefix(ALERTS): one.value
        for name, one in list_choices(conn).items()
        if name.startswith(ALERTS)
    }
    if "off" in chosen:
        known = {rule.value for rule in Rule}
        chosen["off"] = frozenset(Rule(name) for name in chosen["off"] if name in known)
    # What a newer or older program calls otherwise is left alone.
    names = {one.name for one in fields(Thresholds)}
    return replace(usual, **{name: value for name, value in chosen.items() if name in names})


def picture(conn: Connection, thresholds: Thresholds, now: datetime) -> Picture:
    """Everything that the rules look at, at this moment."""
    workers = list_workers(conn)
    return Picture(
        at=now,
        queues=list_queues(conn),
        tasks=list_tasks(conn),
        rates=list_rates(conn, thresholds.error_rate_minutes),
        workers=workers,
        sources=list_sources(conn, thresholds.stale_after_runs),
    )


def list_workers(conn: Connection) -> tuple[WorkerFigures, ...]:
    """The worker processes of all machines."""
    return tuple(
        WorkerFigures(one.host, one.pid, one.concurrency, len(one.running), one.is_alive)
        for one in jobs.list_workers(conn)
    )


def list_queues(conn: Connection) -> tuple[QueueRow, ...]:
    """Every queue in which a job waits or runs, or which some worker serves by name."""
    with conn.cursor(row_factory=class_row(QueueRow)) as cursor:
        rows = {one.queue: one for one in cursor.execute(_SQL["queues"].text).fetchall()}
    alive = [one for one in jobs.list_workers(conn) if one.is_alive]
    for queue in sorted({queue for one in alive for queue in one.queues or ()} - rows.keys()):
        rows[queue] = QueueRow(queue, 0, 0, 0, None)
    # Without any worker each queue is unserved, and one alert about that is enough.
    return tuple(
        replace(
            row,
            is_served=not row.ready
            or not alive
            or any(one.queues is None or row.queue in one.queues for one in alive),
        )
        for _, row in sorted(rows.items())
    )


def list_tasks(conn: Connection) -> tuple[TaskRow, ...]:
    """Every task with jobs that wait, run or were given up."""
    with conn.cursor(row_factory=class_row(TaskRow)) as cursor:
        return tuple(cursor.execute(_SQL["tasks"].text).fetchall())


def list_rates(conn: Connection, minutes: int) -> tuple[RateRow, ...]:
    """How the attempts of each task ended within the last minutes."""
    with conn.cursor(row_factory=class_row(RateRow)) as cursor:
        return tuple(cursor.execute(_SQL["rates"].text, {"minutes": minutes}).fetchall())


def list_sources(conn: Connection, stale_after_runs: int) -> tuple[SourceRow, ...]:
    """Every source that was ever run, with how old its data may become before it is stale."""
    with conn.cursor(row_factory=class_row(SourceRow)) as cursor:
        rows = cursor.execute(_SQL["sources"].text).fetchall()
    timings = _timings(list_schedules(conn))
    return tuple(
        replace(row, allowed_seconds=_allowed(timings.get((row.room, row.source)), row, stale_after_runs))
        for row in rows
    )


def _timings(schedules: Sequence[Schedule]) -> Mapping[tuple[str, str], Timing]:
    """When each source is run, by room and source; those that are off or paused are not there."""
    found: dict[tuple[str, str], Timing] = {}
    for one in schedules:
        source = one.args.get("source")
        if one.is_paused or one.spec == OFF or not isinstance(source, str):
            continue
        try:
            found[one.task.partition(".")[0], source] = read_timing(one.spec)
        except Permanent:
            continue  # the schedule itself says that it cannot be read
    return found


def _allowed(timing: Timing | None, row: SourceRow, runs: int) -> float | None:
    """Seconds until so many runs in a row were missed: a schedule that rests at weekends may rest."""
    if timing is None or row.good_at is None:
        return None
    moment = row.good_at
    for _ in range(runs):
        moment = timing.after(moment)
    return (moment - row.good_at).total_seconds() + _SLACK_SECONDS


def totals(conn: Connection) -> Totals:
    """What ended since this installation began; none of these numbers ever falls."""
    observed = conn.execute(_SQL["observed"].text).fetchone()
    with conn.cursor(row_factory=class_row(Time)) as cursor:
        times = cursor.execute(_SQL["job_times"].text).fetchall()
    return Totals(
        observed_at=observed[0] if observed else None,
        jobs=conn.execute(_SQL["job_totals"].text).fetchall(),
        times=times,
        attempts=conn.execute(_SQL["attempt_totals"].text).fetchall(),
        runs=conn.execute(_SQL["run_totals"].text).fetchall(),
        records=conn.execute(_SQL["record_totals"].text).fetchall(),
    )


def observed_at(conn: Connection) -> datetime | None:
    """When the last look was; None where there was none."""
    row = conn.execute(_SQL["observed"].text).fetchone()
    return row[0] if row else None


def list_alerts(
    conn: Connection,
    *,
    state: AlertState | None = None,
    rule: Rule | None = None,
    every: bool = False,
    before: int | None = None,
    limit: int = 50,
) -> list[Alert]:
    """Alerts, newest first: those not resolved, unless a state or every one is asked for."""
    values = {"state": state, "rule": rule, "is_all": every, "before": before, "limit": limit}
    with conn.cursor(row_factory=dict_row) as cursor:
        return [to_alert(row) for row in cursor.execute(_SQL["list_alerts"].text, values).fetchall()]


def get_alert(conn: Connection, key: int) -> Alert:
    """One alert. Raises NotFound."""
    with conn.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(_SQL["get_alert"].text, {"id": key}).fetchone()
    if row is None:
        raise NotFound(f"there is no alert {key}; `assay alerts list --all` lists them")
    return to_alert(row)


def count_alerts(conn: Connection) -> list[tuple[str, str, str, int]]:
    """(rule, severity, state, number) of the alerts that are not over."""
    return conn.execute(_SQL["count_alerts"].text).fetchall()


def list_deliveries(conn: Connection, alert_id: int) -> list[Delivery]:
    """Who was told about an alert, oldest first."""
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_SQL["list_deliveries"].text, {"alert_id": alert_id}).fetchall()
    return [to_delivery(row) for row in rows]


def count_unsent(conn: Connection) -> list[tuple[str, int]]:
    """(channel, number) of the notices that are not delivered yet."""
    return conn.execute(_SQL["count_unsent"].text).fetchall()
