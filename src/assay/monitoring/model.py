"""The room's words: what is seen, what it is measured against, and what an alert is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

# Upper bounds of the histograms in seconds: a job waits for milliseconds and runs for up to an hour.
BOUNDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, float("inf"))


class Rule(StrEnum):
    """What an alert is about."""

    TASK_FAILED = "task_failed"
    ERROR_RATE = "error_rate"
    BACKLOG = "backlog"
    OLDEST_WAITING = "oldest_waiting"
    WORKER_DOWN = "worker_down"
    TASK_OVERDUE = "task_overdue"
    SOURCE_STALE = "source_stale"
    SOURCE_FAILING = "source_failing"
    SOURCE_PERSISTENTLY_FAILING = "source_persistently_failing"
    DOCUMENT_QUARANTINED = "document_quarantined"


class Severity(StrEnum):
    """How soon somebody should look."""

    WARNING = "warning"
    CRITICAL = "critical"


class AlertState(StrEnum):
    """How an alert stands."""

    PENDING = "pending"
    """Past its threshold, not yet for long enough; nobody was told."""
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    """Somebody looks after it; it is told again only when it is over."""
    RESOLVED = "resolved"


class Event(StrEnum):
    """What people are told about an alert."""

    OPENED = "opened"
    RESOLVED = "resolved"
    TEST = "test"


SEVERITIES: Mapping[Rule, Severity] = {
    Rule.TASK_FAILED: Severity.WARNING,
    Rule.ERROR_RATE: Severity.WARNING,
    Rule.BACKLOG: Severity.WARNING,
    Rule.OLDEST_WAITING: Severity.WARNING,
    Rule.WORKER_DOWN: Severity.CRITICAL,
    Rule.TASK_OVERDUE: Severity.WARNING,
    Rule.SOURCE_STALE: Severity.WARNING,
    Rule.SOURCE_FAILING: Severity.WARNING,
    Rule.SOURCE_PERSISTENTLY_FAILING: Severity.CRITICAL,
    Rule.DOCUMENT_QUARANTINED: Severity.WARNING,
}


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that a threshold must be passed before an alert opens, and kept before it is resolved."""

    raise_after: float = 0.0
    clear_after: float = 0.0


PATIENCE: Mapping[Rule, Patience] = {
    Rule.TASK_FAILED: Patience(),
    Rule.ERROR_RATE: Patience(0, 300),
    Rule.BACKLOG: Patience(300, 300),
    Rule.OLDEST_WAITING: Patience(0, 300),
    Rule.WORKER_DOWN: Patience(60, 120),
    Rule.TASK_OVERDUE: Patience(),
    Rule.SOURCE_STALE: Patience(),
    Rule.SOURCE_FAILING: Patience(),
    Rule.SOURCE_PERSISTENTLY_FAILING: Patience(),
    Rule.DOCUMENT_QUARANTINED: Patience(),
}


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From where on something is wrong. `off` are rules that are not looked at."""

    failed_tasks: int = 1
    error_rate: float = 0.5
    error_rate_attempts: int = 10
    error_rate_minutes: int = 60
    backlog: int = 1_000
    oldest_waiting_minutes: float = 15.0
    workers: int = 1
    overdue_share: float = 0.9
    stale_after_runs: int = 3
    failing_runs: int = 3
    persistently_failing_runs: int = 20
    off: frozenset[Rule] = frozenset()
    patience: Mapping[Rule, Patience] = field(default_factory=lambda: PATIENCE)


@dataclass(frozen=True, slots=True)
class Channel:
    """Where notices go; `address` is one that apprise reads, and is never shown."""

    name: str
    address: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where notices go as JSON, signed with the secret."""

    name: str
    address: str = field(repr=False)
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Alerting:
    """What alerts depend on."""

    thresholds: Thresholds = field(default_factory=Thresholds)
    channels: tuple[Channel | Webhook, ...] = ()


@dataclass(frozen=True, slots=True)
class QueueRow:
    """A queue now. `ready` jobs could start, `delayed` ones wait for their time; the seconds are of a ready one."""

    queue: str
    ready: int
    delayed: int
    active: int
    oldest_waiting_seconds: float | None
    is_served: bool = True


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A task's jobs now. `longest_share` is of the hard limit, of the job nearest to it."""

    task: str
    pending: int
    retrying: int
    processing: int
    failed: int
    longest_share: float | None
    last_error: str | None


@dataclass(frozen=True, slots=True)
class RateRow:
    """Attempts of a task that ended within the time looked at."""

    task: str
    good: int
    bad: int

    @property
    def share(self) -> float:
        """How many of them failed, from 0 to 1."""
        return self.bad / (self.good + self.bad)


@dataclass(frozen=True, slots=True)
class WorkerFigures:
    """A worker process now."""

    host: str
    pid: int
    concurrency: int
    active: int
    is_alive: bool


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A source now, as its runs of one step tell; `failures` and `refusals` are those since the last good one.

    `allowed_seconds` is how old its data may become, None where nothing is scheduled.
    """

    room: str
    step: str
    source: str
    last_at: datetime
    last_outcome: str
    last_seconds: float
    last_detail: str | None
    good_at: datetime | None
    failures: int
    refusals: int
    allowed_seconds: float | None = None

    @property
    def subject(self) -> str:
        """What people call it."""
        return (
            f"{self.room} {self.source}" if self.step == "sync" else f"{self.room} {self.source} {self.step}"
        )


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything that the rules look at, at one moment."""

    at: datetime
    queues: tuple[QueueRow, ...] = ()
    tasks: tuple[TaskRow, ...] = ()
    rates: tuple[RateRow, ...] = ()
    workers: tuple[WorkerFigures, ...] = ()
    sources: tuple[SourceRow, ...] = ()

    @property
    def alive(self) -> int:
        """Worker processes that say that they live."""
        return sum(one.is_alive for one in self.workers)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a rule reads off one subject: an alert opens from `raise_at` on and resolves below `clear_at`."""

    rule: Rule
    subject: str
    value: float
    raise_at: float
    clear_at: float
    message: str


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that is wrong, or was. `id` is 0 before it is kept."""

    rule: Rule
    subject: str
    severity: Severity
    state: AlertState
    value: float
    threshold: float
    message: str
    breached_at: datetime
    seen_at: datetime
    opened_at: datetime | None = None
    calm_since: datetime | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    note: str | None = None
    resolved_at: datetime | None = None
    id: int = 0


@dataclass(frozen=True, slots=True)
class Notice:
    """What is told about an alert, in words and for programs."""

    title: str
    text: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Delivery:
    """A notice on its way to one channel."""

    id: int
    alert_id: int | None
    channel: str
    notice: Notice
    created_at: datetime
    tries: int
    sent_at: datetime | None
    error: str | None


def to_alert(row: Mapping[str, Any]) -> Alert:
    """A row of the table as an alert."""
    words = {
        "rule": Rule(row["rule"]),
        "severity": Severity(row["severity"]),
        "state": AlertState(row["state"]),
    }
    return Alert(**{**row, **words})


def to_delivery(row: Mapping[str, Any]) -> Delivery:
    """A row of the table as a delivery."""
    return Delivery(**{**row, "notice": Notice(**row["notice"])})
