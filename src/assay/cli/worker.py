"""`assay worker`: the processes that run tasks, watched over until they are told to stop."""

from typing import Annotated

import typer

from assay.cli.invocation import current
from assay.cli.output import note
from assay.domain.wording import counted
from assay.errors import Permanent


def add_to(app: typer.Typer) -> None:
    """Put this command into the program."""
    app.command("worker")(worker)


def worker(
    ctx: typer.Context,
    *,
    processes: Annotated[
        int | None,
        typer.Option(min=1, max=64, help="Worker processes, in the place of ASSAY_WORKER_PROCESSES."),
    ] = None,
    concurrency: Annotated[
        int | None, typer.Option(min=1, max=64, help="Tasks at a time in each of them; 1 unless set.")
    ] = None,
    queues: Annotated[
        str | None, typer.Option(metavar="NAME,...", help="Only these queues; all of them unless set.")
    ] = None,
) -> None:
    """Run tasks and schedules until told to stop (Ctrl-C or SIGTERM; twice to stop at once)."""
    from assay import bootstrap

    settings = current(ctx).settings()
    changes: dict[str, object] = {}
    if processes is not None:
        changes["worker_processes"] = processes
    if concurrency is not None:
        changes["worker_concurrency"] = concurrency
    if queues is not None:
        changes["worker_queues"] = _checked(queues, bootstrap.loading.load_tasks().queues)
    settings = settings.model_copy(update=changes)
    with bootstrap.supervising(settings) as supervisor:
        note(
            f"{counted(settings.worker_processes, 'worker process', 'worker processes')} at work on "
            f"{', '.join(settings.worker_queues) or 'every queue'}; `assay jobs stats` shows what they do"
        )
        supervisor.run()
    note("Stopped. What was not finished is handed back and runs again.")


def _checked(queues: str, known: list[str]) -> tuple[str, ...]:
    wanted = tuple(dict.fromkeys(name.strip() for name in queues.split(",") if name.strip()))
    unknown = [name for name in wanted if name not in known]
    if unknown or not wanted:
        raise Permanent(f"no task uses the queue {(unknown or [queues])[0]!r}; there are {', '.join(known)}")
    return wanted
