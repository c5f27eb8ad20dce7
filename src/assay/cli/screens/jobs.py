"""Jobs, their attempts, and the workers."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from assay.cli.output import count, cut, pairs, spoken, table, text
from assay.domain.wording import age, first_line, moment, number, progress_in_words, seconds, until

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from assay.jobs.deferring import Deferred
    from assay.jobs.model import Attempt, Job, WorkerRow
    from assay.jobs.queries import Intervention, Stats

_STYLES = {
    "pending": "dim",
    "processing": "cyan",
    "retrying": "yellow",
    "completed": "green",
    "failed": "red",
    "cancelled": "dim",
}


def _remark(job: "Job", now: datetime) -> str:
    match job.status.value:
        case "processing":
            return (
                "is being cancelled"
                if job.is_being_cancelled
                else progress_in_words(job.progress_done, job.progress_total, job.progress_message)
            )
        case "pending" | "retrying" if job.not_before is not None:
            return " · ".join(
                part for part in (until(job.not_before, now), first_line(job.error_message)) if part
            )
    return first_line(job.error_message)


def jobs_screen(found: Sequence["Job"], now: datetime) -> "Table":
    """Jobs for people, a line each."""
    lines = table(
        "id", "task", "subject", "status", "retries", "deferred", "took", "", right=("id", "took"), wide=""
    )
    for job in found:
        lines.add_row(
            str(job.id),
            spoken(job.task),
            spoken(job.subject or ""),
            spoken((job.status.value, _STYLES[job.status.value])),
            f"{job.retry_count} of {job.max_retries}" if job.retry_count else "",
            age(job.created_at, now),
            _took(job, now),
            cut(_remark(job, now)),
        )
    return lines


def _took(job: "Job", now: datetime) -> str:
    if job.started_at is None or job.status.value in ("pending", "retrying"):
        return ""
    return seconds(max(0.0, ((job.completed_at or now) - job.started_at).total_seconds()))


def job_screen(
    job: "Job",
    attempts: Sequence["Attempt"],
    done: Sequence["Intervention"],
    now: datetime,
    *,
    with_traceback: bool,
) -> list["RenderableType"]:
    """One job for people, with everything that went wrong, and what to do about it."""
    status = job.status.value
    rows: list[tuple[str, RenderableType]] = [
        ("status", spoken((status, _STYLES[status]))),
        ("subject", spoken(job.subject or "-")),
        ("arguments", text(json.dumps(dict(job.args), ensure_ascii=False))),
        ("queue, priority", spoken(f"{job.queue}, {job.priority}")),
        ("retries", spoken(f"{job.retry_count} of {job.max_retries}")),
        ("deferred", spoken(moment(job.created_at))),
    ]
    if job.key is not None:
        rows.append(("key", text(job.key)))
    if job.started_at is not None:
        rows.append(("started", spoken(moment(job.started_at))))
    if job.completed_at is not None:
        rows.append(("ended", spoken(moment(job.completed_at), ", after ", _took(job, now))))
    if job.host is not None:
        rows.append(("worker", spoken(job.host)))
    if remark := _remark(job, now):
        rows.append(("", text(remark)))
    shown: list[RenderableType] = [spoken((f"{job.task}  job {job.id}", "bold")), pairs(rows)]
    for one in attempts:
        shown += _attempt(one, with_traceback=with_traceback)
    if done:
        shown += [
            "",
            *(spoken((f"{moment(one.at)}  {one.action} by {one.by_whom}", "dim"), _why(one)) for one in done),
        ]
    if advice := _advice(job):
        shown += ["", spoken((advice, "yellow"))]
    return shown


def _why(one: "Intervention") -> str:
    return f": {first_line(one.detail)}" if one.detail else ""


def _attempt(one: "Attempt", *, with_traceback: bool) -> list["RenderableType"]:
    took = seconds(max(0.0, (one.ended_at - one.started_at).total_seconds()))
    kind = f", {one.error_kind}" if one.error_kind else ""
    head = spoken(
        ("start " + number(one.number), "bold"),
        f"  {moment(one.started_at)}, {one.outcome} after {took}{kind}",
    )
    shown: list[RenderableType] = ["", head, text(one.error or "", "red", keep_lines=True)]
    if with_traceback and one.traceback:
        shown.append(text(one.traceback, "dim", keep_lines=True))
    return shown


def _advice(job: "Job") -> str | None:
    if job.status.value == "failed":
        return f"`assay jobs retry {job.id}` tries again, `assay jobs discard {job.id}` lets it be; -v shows tracebacks"
    return None


def deferred_json(made: Mapping[str, "Deferred"]) -> dict[str, Any]:
    """Jobs that were left to the workers, for programs."""
    return {"jobs": [{"name": name, "id": one.id, "is_new": one.is_new} for name, one in made.items()]}


def deferred_screen(made: Mapping[str, "Deferred"]) -> list["RenderableType"]:
    """Jobs that were left to the workers, for people."""
    return [
        spoken(
            (name, "bold"),
            f"  job {one.id}",
            "" if one.is_new else ", which waits already",
            (f"   assay jobs show {one.id} --follow", "dim"),
        )
        for name, one in made.items()
    ]


def stats_screen(found: "Stats", now: datetime) -> list["RenderableType"]:
    """Jobs and workers for people."""
    columns = (
        "pending",
        "running",
        "retrying",
        "failed",
        "done/h",
        "failed/h",
        "waits",
        "takes",
        "oldest waiting",
    )
    lines = table("task", *columns, right=columns)
    for one in found.tasks:
        lines.add_row(
            spoken(one.task),
            count(one.pending),
            count(one.processing, "cyan"),
            count(one.retrying, "yellow"),
            count(one.failed, "red"),
            count(one.completed_last_hour, "green"),
            count(one.failed_last_hour, "red"),
            *(
                "" if one is None else seconds(max(0.0, one))
                for one in (one.wait_seconds, one.run_seconds, one.oldest_waiting_seconds)
            ),
        )
    return [lines, "", _workers(found.workers, now)]


def _workers(workers: Sequence["WorkerRow"], now: datetime) -> "RenderableType":
    if not workers:
        return spoken(("no worker: nothing runs until `assay worker` does", "yellow"))
    lines = table(
        "host", "process", "version", "queues", "tasks at a time", "running", "started", "last seen"
    )
    for one in workers:
        lines.add_row(
            spoken(one.host),
            str(one.pid),
            spoken(one.version),
            spoken(", ".join(one.queues) if one.queues else "all"),
            str(one.concurrency),
            spoken(", ".join(map(str, one.running[:5])) or "-"),
            age(one.started_at, now),
            spoken((age(one.last_heartbeat, now), "" if one.is_alive else "red")),
        )
    return lines
