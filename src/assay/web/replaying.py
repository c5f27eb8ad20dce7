"""Having records of the quarantine read again by the workers, whoever asks for it."""

from collections.abc import Sequence

from assay.bootstrap import Context
from assay.errors import NotFound
from assay.jobs import commands as jobs_commands
from assay.pipelines.advisories import queries
from assay.pipelines.advisories.commands import background_replay
from assay.web.changing import Change


def replay(ctx: Context, change: Change, *, ids: Sequence[int] = (), source: str | None = None) -> int:
    """The job that reads some records again, or those of a source, or without either all. Raises NotFound."""
    if source is not None and source not in ctx.sources:
        raise NotFound(f"no source is called {source!r}; there are {', '.join(ctx.sources)}")
    for key in ids:
        queries.get_quarantine(change.conn, key)
    args = {"ids": list(ids) or None, "source": source}
    job = jobs_commands.run(change.conn, ctx.tasks, background_replay.name, args, change.who.name)
    change.note(
        "quarantine.replay", source or ("records" if ids else "all"), {"job": job.id, "ids": list(ids)}
    )
    return job.id
