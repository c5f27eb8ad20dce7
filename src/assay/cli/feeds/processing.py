"""Processing what waits, here and now: `assay feeds process`."""

from dataclasses import asdict
from typing import Annotated

import typer

from assay.cli.invocation import AsJson, current
from assay.cli.output import note, print_json
from assay.domain.wording import counted


def add_to(feeds: typer.Typer) -> None:
    """Put this command into `assay feeds`."""
    feeds.command("process")(process)


def process(
    ctx: typer.Context,
    *,
    batch: Annotated[
        int | None,
        typer.Option(
            min=1, max=100, metavar="N", help="Entries that are processed together; as the settings say."
        ),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="One batch, rather than all that waits.")] = False,
    as_json: AsJson = False,
) -> None:
    """Process the entries that wait, without a worker, and bring the catalog up to date."""
    from assay.catalog import commands as catalog
    from assay.pipelines.feeds.commands.processing import process_now

    with current(ctx).working() as (context, progress):
        stats = process_now(context, batch, batches=1 if once else None, gathers=True)
        # Also where nothing waited: somebody may have decided about extractions, and no worker runs.
        catalog.merge(context, lambda done, total: progress("feeds", "merge", done, total))
    if as_json:
        print_json(asdict(stats))
        return
    told = {
        "new": stats.created,
        "better": stats.updated,
        "less sure": stats.skipped,
        "nothing new": stats.duplicates,
    }
    said = ", ".join(f"{number:,} {name}" for name, number in told.items() if number)
    note(f"{counted(stats.processed, 'entry', 'entries')} processed{': ' + said if said else ''}")
    if stats.failed:
        note(f"{counted(stats.failed, 'entry', 'entries')} could not be read: `assay feeds entries` says why")
