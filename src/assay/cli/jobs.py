"""What an operator asks about jobs: which there are, why one failed, and what to do about it."""

import time
from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli.arguments import Before, By, who_decides
from assay.cli.audited import note_change
from assay.cli.exits import ExitCode
from assay.cli.invocation import AsJson, current
from assay.cli.output import note, print_json, show, spoken
from assay.domain.numbers import LARGEST_ID
from assay.domain.wording import counted

if TYPE_CHECKING:
    from assay.bootstrap import Context
    from assay.cli.progress import Steps
    from assay.jobs.commands import Handled
    from assay.jobs.model import Job
    from assay.jobs.queries import Filters
    from assay.kit.db import Connection

_FOLLOW_SECONDS = 0.5

jobs = typer.Typer(help="Jobs: what runs later, what runs now, and what was given up.", no_args_is_help=True)


class Status(StrEnum):
    """What a job can be; the room's own words, without which `--help` would have to load it."""

    PENDING = "pending"
    PROCESSING = "processing"
    RETRYING = "retrying"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


_Task = Annotated[str | None, typer.Option(help="Of this task only, e.g. advisories.sync.")]
_Subject = Annotated[str | None, typer.Option(help="About this only, e.g. a source.")]
_Error = Annotated[str | None, typer.Option(metavar="TEXT", help="With this text in the error.")]
_Ids = Annotated[
    list[int] | None,
    typer.Argument(min=1, max=LARGEST_ID, metavar="ID", help="As `assay jobs list` lists them."),
]
_All = Annotated[bool, typer.Option("--all", help="Every dead letter.")]


def add_to(app: typer.Typer) -> None:
    """Put these commands into the program."""
    app.add_typer(jobs, name="jobs")


@jobs.command("list")
def jobs_list(
    ctx: typer.Context,
    *,
    status: Annotated[Status | None, typer.Option(help="In this state only.")] = None,
    task: _Task = None,
    subject: _Subject = None,
    error: _Error = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Jobs at most.")] = 50,
    before: Before = None,
    as_json: AsJson = False,
) -> None:
    """List jobs, newest first."""
    from assay.cli.screens import jobs as screens
    from assay.jobs import queries

    with current(ctx).open() as context, context.db.transaction() as conn:
        filters = _filters(status, task, subject, error)
        found = queries.list_jobs(conn, filters, limit=limit + 1, before=before)
        now = context.clock()
    page = found[:limit]
    following = page[-1].id if len(found) > limit else None
    if as_json:
        print_json({"jobs": page, "next_before": following})
        return
    if page:
        show(screens.jobs_screen(page, now))
    else:
        note("no jobs")
    if following is not None:
        note(f"older ones: the same with --before {following}")


def _filters(status: Status | None, task: str | None, subject: str | None, error: str | None) -> "Filters":
    from assay.jobs.model import State
    from assay.jobs.queries import Filters

    return Filters(None if status is None else State(status.value), task, subject, error)


@jobs.command("show")
def jobs_show(
    ctx: typer.Context,
    job_id: Annotated[
        int, typer.Argument(min=1, max=LARGEST_ID, metavar="ID", help="As `assay jobs list` lists it.")
    ],
    follow: Annotated[bool, typer.Option("--follow", help="Show how far it is until it has ended.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show one job with every attempt's error; with --follow end with 1 unless it was completed."""
    from assay.cli.screens import jobs as screens
    from assay.jobs import queries

    invocation = current(ctx)
    with invocation.working() as (context, progress):
        job = _followed(context, job_id, progress) if follow else None
        with context.db.transaction() as conn:
            job = queries.get_job(conn, job_id)
            attempts = queries.list_attempts(conn, job_id)
            done = queries.list_interventions(conn, job_id)
        now = context.clock()
    if as_json:
        print_json({**asdict(job), "attempts": attempts, "interventions": done})
    else:
        show(*screens.job_screen(job, attempts, done, now, with_traceback=invocation.is_verbose))
    if follow and job.status.value != Status.COMPLETED:
        raise typer.Exit(ExitCode.NOT_WELL)


def _followed(context: "Context", job_id: int, progress: "Steps") -> "Job":
    """The job once it has ended; until then its progress is shown."""
    from assay.jobs import queries

    ended = (Status.COMPLETED, Status.FAILED, Status.CANCELLED)
    while True:
        with context.db.transaction() as conn:
            job = queries.get_job(conn, job_id)
        if job.status.value in ended:
            return job
        if job.progress_done is not None:
            # Tasks say "osv: read", as the foreground does.
            source, _, step = (job.progress_message or "").rpartition(": ")
            progress(source or job.subject or job.task, step or "done", job.progress_done, job.progress_total)
        time.sleep(_FOLLOW_SECONDS)


@jobs.command("retry")
def jobs_retry(
    ctx: typer.Context,
    *,
    ids: _Ids = None,
    task: _Task = None,
    subject: _Subject = None,
    error: _Error = None,
    every: _All = False,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Give dead letters all their attempts again: those named, those that match, or --all."""
    from assay.jobs import commands

    filters = _chosen(ids, task, subject, error, every=every)
    who = who_decides(by)
    with current(ctx).open() as context, context.db.transaction() as conn:
        handled = commands.retry(conn, ids, who) if ids else commands.retry_matching(conn, filters, who)
        _note_handled(conn, who, "retry", ids, {"task": task, "subject": subject, "error": error}, handled)
    _tell_handled("retried", handled, as_json=as_json)


@jobs.command("discard")
def jobs_discard(
    ctx: typer.Context,
    *,
    ids: _Ids = None,
    task: _Task = None,
    subject: _Subject = None,
    error: _Error = None,
    every: _All = False,
    reason: Annotated[str | None, typer.Option(help="Why, for those who come later.")] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Mark dead letters as dealt with: those named, those that match, or --all. They count as cancelled then."""
    from assay.jobs import commands

    filters = _chosen(ids, task, subject, error, every=every)
    who = who_decides(by)
    with current(ctx).open() as context, context.db.transaction() as conn:
        if ids:
            handled = commands.discard(conn, ids, who, reason)
        else:
            handled = commands.discard_matching(conn, filters, who, reason)
        chosen = {"task": task, "subject": subject, "error": error, "reason": reason}
        _note_handled(conn, who, "discard", ids, chosen, handled)
    _tell_handled("discarded", handled, as_json=as_json)


def _note_handled(
    conn: "Connection",
    who: str,
    verb: str,
    ids: list[int] | None,
    chosen: dict[str, str | None],
    handled: "Handled",
) -> None:
    told = {name: value for name, value in chosen.items() if value is not None}
    if not ids:
        note_change(conn, who, f"jobs.{verb}", "many", {**told, "jobs": len(handled.ids)})
    for job_id in ids or ():
        note_change(conn, who, f"jobs.{verb}", str(job_id), told)


def _chosen(
    ids: list[int] | None, task: str | None, subject: str | None, error: str | None, *, every: bool
) -> "Filters":
    is_filtered = any(one is not None for one in (task, subject, error))
    if bool(ids) + is_filtered + every != 1:
        raise typer.BadParameter(
            "name jobs, or say which with --task, --subject and --error, or --all of them"
        )
    return _filters(None, task, subject, error)


def _tell_handled(what: str, handled: "Handled", *, as_json: bool) -> None:
    if as_json:
        print_json({what: handled.ids, "replaced": handled.replaced})
        return
    show(spoken(f"{counted(len(handled.ids), 'job')} {what}"))
    if handled.replaced:
        note(f"{counted(handled.replaced, 'job')} left as they are: another one of their kind waits already")


@jobs.command("cancel")
def jobs_cancel(
    ctx: typer.Context,
    ids: Annotated[
        list[int],
        typer.Argument(min=1, max=LARGEST_ID, metavar="ID", help="As `assay jobs list` lists them."),
    ],
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Cancel jobs that wait, and ask those that run to end; they do at their next report of progress."""
    from assay.jobs import commands

    who = who_decides(by)
    with current(ctx).open() as context, context.db.transaction() as conn:
        found = commands.cancel(conn, ids, who)
        for job_id in found:
            note_change(conn, who, "jobs.cancel", str(job_id))
    if as_json:
        print_json({"jobs": [{"id": job_id, "status": state} for job_id, state in found.items()]})
        return
    for job_id, state in found.items():
        is_running = state.value == Status.PROCESSING
        show(spoken(f"job {job_id} " + ("was asked to end" if is_running else "cancelled")))


@jobs.command("run")
def jobs_run(
    ctx: typer.Context,
    *,
    name: Annotated[str, typer.Argument(metavar="TASK", help="e.g. advisories.sync.")],
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME=VALUE", help="Its arguments; a value is JSON, or else a text."),
    ] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Leave a task to the workers."""
    from assay.cli.screens.jobs import deferred_json, deferred_screen
    from assay.jobs import commands

    args = dict(map(_argument, arguments or []))
    who = who_decides(by)
    with current(ctx).open() as context, context.db.transaction() as conn:
        made = {name: commands.run(conn, context.tasks, name, args, who)}
    if as_json:
        print_json(deferred_json(made))
    else:
        show(*deferred_screen(made))


def _argument(word: str) -> tuple[str, Any]:
    import json

    name, separator, value = word.partition("=")
    if not separator or not name:
        raise typer.BadParameter(f"{word!r} is not NAME=VALUE")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


@jobs.command("stats")
def jobs_stats(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Jobs and workers in figures; end with 1 when jobs wait and nobody serves them."""
    from assay.cli.screens import jobs as screens
    from assay.jobs import queries

    with current(ctx).open() as context, context.db.transaction() as conn:
        found = queries.stats(conn)
        now = context.clock()
    if as_json:
        print_json(asdict(found))
    else:
        show(*screens.stats_screen(found, now))
    if found.unserved_queues:
        note(f"no worker serves {', '.join(found.unserved_queues)}: start one with `assay worker`")
        raise typer.Exit(ExitCode.NOT_WELL)
