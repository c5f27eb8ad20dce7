"""The room's words: the states of a job, how an attempt ends, and what stops a task from within."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

# A queue that every worker serves unless it is told otherwise.
DEFAULT_QUEUE = "default"
# What a task gets when it says nothing else: seconds, soft and hard.
SOFT_SECONDS = 3_300.0
HARD_SECONDS = 3_600.0
# A job that waits for its time stands this much behind those that are ready. The engine looks at waiting jobs in the
# order of their priority and reads every one that is not due yet (measured: 254 ms a fetch behind 1 M of them).
SUNK = 1_000
# Priorities that may be given; far from SUNK on both sides.
LOWEST, HIGHEST = -100, 100


class State(StrEnum):
    """What a job is, as people are told."""

    PENDING = "pending"
    PROCESSING = "processing"
    RETRYING = "retrying"
    """Waits for another attempt."""
    COMPLETED = "completed"
    FAILED = "failed"
    """A dead letter: given up, kept until a person retries or discards it."""
    CANCELLED = "cancelled"


class AttemptEnd(StrEnum):
    """How an attempt ended that did not end well."""

    ERROR = "error"
    CRASH = "crash"
    """Its process died."""
    TIMEOUT = "timeout"
    """It was past its hard limit and its process was ended."""
    RETURNED = "returned"
    """Its worker was stopped and gave it back; it does not count."""
    CANCELLED = "cancelled"


class Cancelled(Exception):  # noqa: N818 - an order, which nothing on the way may take for a fault
    """A person cancelled the job; the task ends at its next report of progress."""


class Lost(Exception):  # noqa: N818
    """The job was given to another process, because this one was taken for dead. What it writes must not count."""


class OutOfTime(Exception):  # noqa: N818
    """The task is past its soft limit; it is tried again like after any passing fault."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that did not end well; `number` counts the starts of the job, from 1."""

    number: int
    outcome: str
    host: str | None
    started_at: datetime
    ended_at: datetime
    error_kind: str | None
    error: str | None
    traceback: str | None


@dataclass(frozen=True, slots=True)
class Job:
    """One deferral of a task, as it stands; the first thirteen are the columns of jobs.processing_tasks."""

    id: int
    task: str
    room: str
    subject: str | None
    status: State
    priority: int
    retry_count: int
    max_retries: int
    error_message: str | None
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    updated_at: datetime
    queue: str
    args: Mapping[str, Any]
    key: str | None
    crashes: int
    starts: int
    not_before: datetime | None
    is_being_cancelled: bool
    worker_id: int | None
    host: str | None
    progress_done: int | None
    progress_total: int | None
    progress_message: str | None


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """A worker process, as of its last heartbeat."""

    id: int
    host: str
    pid: int
    version: str
    queues: list[str] | None
    concurrency: int
    running: list[int]
    started_at: datetime
    last_heartbeat: datetime
    is_alive: bool
