"""Processing now: in this very process, without waiting for a worker."""

from datetime import datetime, timedelta

from assay.errors import Permanent
from assay.pipelines.feeds.model.review import Stats
from assay.pipelines.feeds.queries.language import language_chosen
from assay.pipelines.feeds.tasks.completing import complete
from assay.pipelines.feeds.tasks.processing import Needs, names_known, process, process_batch

__all__ = ["LARGEST_BATCH", "SCHEDULE", "Needs", "complete", "process", "process_now"]

SCHEDULE = "feeds-processing"
"""The schedule by which workers process what waits."""

LARGEST_BATCH = 100


def process_now(
    ctx: Needs, size: int | None = None, *, batches: int | None = 1, gathers: bool = False
) -> Stats:
    """What came of one batch, of so many, or with None of all that waits. Raises Permanent for a size out of bounds.

    With `gathers` the names that the catalog knows are gathered first, where they never were. What workers have taken
    is theirs: nothing is ever processed twice at once.
    """
    if size is not None and not 1 <= size <= LARGEST_BATCH:
        raise Permanent(f"a batch has 1 to {LARGEST_BATCH} entries, not {size}")
    started_at = ctx.clock()
    with ctx.db.transaction() as conn:
        size = size or language_chosen(conn, ctx.language).batch
    names = names_known(ctx, gathers=gathers)
    total = Stats()
    left = batches
    while left is None or left > 0:
        stats = process_batch(ctx, names, size)
        if stats is None:
            break
        total.add(stats)
        left = None if left is None else left - 1
    total.duration_seconds = round(_seconds(started_at, ctx.clock()), 3)
    return total


def _seconds(started_at: datetime, ended_at: datetime) -> float:
    return max(ended_at - started_at, timedelta(0)).total_seconds()
