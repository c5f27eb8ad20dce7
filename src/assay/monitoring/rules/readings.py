"""What each rule reads off the present, in words that say what to do."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from assay.monitoring.model import Picture, Reading, Rule, SourceRow, Thresholds

# A share or a number of seconds has to fall to this part of what opened the alert before it is over.
_CLEAR = 0.5
_LONGEST_ERROR = 300


def read(picture: Picture, thresholds: Thresholds) -> list[Reading]:
    """Every rule's reading of every subject, whether anything is wrong with it or not."""
    found = [
        *_tasks(picture, thresholds),
        *_rates(picture, thresholds),
        *_queues(picture, thresholds),
        *_workers(picture, thresholds),
    ]
    for one in picture.sources:
        found += _source(one, picture.at, thresholds)
    return [one for one in found if one.rule not in thresholds.off]


def _tasks(picture: Picture, thresholds: Thresholds) -> Iterator[Reading]:
    for one in picture.tasks:
        most = float(thresholds.failed_tasks)
        error = f": {short(one.last_error)}" if one.last_error else ""
        yield Reading(
            Rule.TASK_FAILED,
            one.task,
            float(one.failed),
            most,
            most,
            f"{_jobs(one.failed)} of {one.task} given up{error} (`assay jobs list --status failed`, "
            "then `assay jobs retry` or `assay jobs discard`)",
        )
        if one.longest_share is not None:
            share = thresholds.overdue_share
            yield Reading(
                Rule.TASK_OVERDUE,
                one.task,
                one.longest_share,
                share,
                share,
                f"a job of {one.task} has used {one.longest_share:.0%} of its time "
                "(`assay jobs list --status processing`)",
            )


def _rates(picture: Picture, thresholds: Thresholds) -> Iterator[Reading]:
    for one in picture.rates:
        if one.good + one.bad >= thresholds.error_rate_attempts:
            yield Reading(
                Rule.ERROR_RATE,
                one.task,
                one.share,
                thresholds.error_rate,
                thresholds.error_rate * _CLEAR,
                f"{one.share:.0%} of the {one.good + one.bad} attempts of {one.task} within "
                f"{thresholds.error_rate_minutes} minutes failed (`assay jobs stats`)",
            )


def _queues(picture: Picture, thresholds: Thresholds) -> Iterator[Reading]:
    seconds = thresholds.oldest_waiting_minutes * 60
    for one in picture.queues:
        yield Reading(
            Rule.BACKLOG,
            one.queue,
            float(one.ready),
            float(thresholds.backlog),
            thresholds.backlog * _CLEAR,
            f"{_jobs(one.ready)} wait in the queue {one.queue}: start more workers (`assay worker`)",
        )
        waited = one.oldest_waiting_seconds or 0.0
        yield Reading(
            Rule.OLDEST_WAITING,
            one.queue,
            waited,
            seconds,
            seconds * _CLEAR,
            f"a job waits in the queue {one.queue} for {span(waited)} (`assay jobs stats`)",
        )


def _workers(picture: Picture, thresholds: Thresholds) -> Iterator[Reading]:
    missing = thresholds.workers - picture.alive
    # With no worker wanted there is none missing, and the rule says nothing.
    if thresholds.workers > 0:
        yield Reading(
            Rule.WORKER_DOWN,
            "workers",
            float(missing),
            1.0,
            1.0,
            f"{picture.alive} of at least {thresholds.workers} worker processes live: start `assay worker`",
        )
    for queue in picture.queues:
        yield Reading(
            Rule.WORKER_DOWN,
            f"queue {queue.queue}",
            0.0 if queue.is_served else 1.0,
            1.0,
            1.0,
            f"{_jobs(queue.ready)} wait in the queue {queue.queue}, which no worker serves: "
            f"start `assay worker --queues {queue.queue}`",
        )
    for one in picture.workers:
        yield Reading(
            Rule.WORKER_DOWN,
            f"{one.host} process {one.pid}",
            0.0 if one.is_alive else 1.0,
            1.0,
            1.0,
            f"the worker process {one.pid} on {one.host} gives no sign of life, and its jobs were not taken over",
        )


def _source(one: SourceRow, now: datetime, thresholds: Thresholds) -> Iterator[Reading]:
    reason = f": {short(one.last_detail)}" if one.last_detail else ""
    for rule, most in (
        (Rule.SOURCE_FAILING, thresholds.failing_runs),
        (Rule.SOURCE_PERSISTENTLY_FAILING, thresholds.persistently_failing_runs),
    ):
        message = f"{one.subject} failed {one.failures} times in a row{reason}"
        yield Reading(rule, one.subject, float(one.failures), float(most), 1.0, message)
    yield Reading(
        Rule.DOCUMENT_QUARANTINED,
        one.subject,
        float(one.refusals),
        1.0,
        1.0,
        f"a document of {one.subject} was set aside and nothing of it applied{reason} (`assay quarantine list`)",
    )
    if one.good_at is not None and one.allowed_seconds is not None:
        age = max(0.0, (now - one.good_at).total_seconds())
        yield Reading(
            Rule.SOURCE_STALE,
            one.subject,
            age,
            one.allowed_seconds,
            one.allowed_seconds,
            f"{one.subject} was last read well {span(age)} ago (`assay jobs list`, `assay schedules list`)",
        )


def _jobs(number: int) -> str:
    return "1 job" if number == 1 else f"{number:,} jobs"


def short(text: str) -> str:
    """The first line of an error, not too long."""
    line = next(iter(text.splitlines()), "")
    return line if len(line) <= _LONGEST_ERROR else f"{line[: _LONGEST_ERROR - 3]}..."


def span(seconds: float) -> str:
    """A length of time as people say it: its two largest units."""
    left = timedelta(seconds=round(seconds))
    hours, rest = divmod(left.seconds, 3600)
    parts = [(left.days, "d"), (hours, "h"), (rest // 60, "min"), (rest % 60, "s")]
    said = [(number, unit) for number, unit in parts]
    while len(said) > 1 and said[0][0] == 0:
        said.pop(0)
    return " ".join(f"{number} {unit}" for number, unit in said[:2] if number) or "0 s"
