"""Entries as people manage them: purged when done, tried again when given up."""

from collections.abc import Sequence
from datetime import timedelta

from assay.auth.commands import Act, record_change
from assay.auth.model import Principal
from assay.errors import NotFound
from assay.pipelines.feeds.queries.sources import get_source
from assay.pipelines.feeds.store import entries as store
from assay.pipelines.feeds.tasks.needs import Needs
from assay.pipelines.feeds.tasks.purging import purge_entries


def purge(ctx: Needs, who: Principal, days: int | None = None, address: str | None = None) -> int:
    """How many completed entries older than so many days (1 to 90, as the settings say if not said) were purged.

    Those that wait or failed stay, however old. Raises Permanent for days that are not allowed.
    """
    older = ctx.feeds.retention if days is None else timedelta(days=days)
    purged = purge_entries(ctx, older)
    with ctx.db.transaction() as conn:
        detail = {"days": older.days, "purged": purged}
        record_change(conn, who, "feeds.entries.purge", "entries", detail, address)
    return purged


def retry_failed(act: Act, *, ids: Sequence[int] | None = None, source: str | None = None) -> int:
    """How many entries that were given up wait again: these, those of a source, or all. Raises NotFound."""
    number = None if source is None else get_source(act.conn, source).id
    retried = store.retry_failed(act.conn, act.now, ids=ids, source=number)
    if ids is not None and not retried:
        raise NotFound(
            "no such entry was given up: `assay feeds entries --status failed` lists those that were"
        )
    act.note("feeds.entries.retry", source or "entries", retried=retried, ids=list(ids or ()))
    return retried
