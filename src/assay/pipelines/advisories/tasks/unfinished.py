"""What a document has left behind whose staging was killed: claims that are in no listing."""

from collections.abc import Callable, Mapping

from assay.catalog import queries as catalog
from assay.kit.db import Connection
from assay.pipelines.advisories import store
from assay.pipelines.advisories.model import Entry
from assay.pipelines.advisories.rules import UNREAD
from assay.pipelines.advisories.tasks.fetching import Fetched


def records(conn: Connection, source: str, fetched: Fetched) -> frozenset[str]:
    """The records whose claims came with a document that was begun and not finished, other than this one.

    The last listing says nothing about them: a full document has them read again, or they are gone where it lacks
    them. Other documents leave them alone.
    """
    if not fetched.is_full:
        return frozenset()
    begun = [name for name in store.find_begun(conn, source, fetched.scope) if name != fetched.name]
    return frozenset(catalog.list_records(conn, source, begun)) if begun else frozenset()


def doubted(
    entries: Mapping[str, Entry], doubtful: frozenset[str], locate: Callable[[str], str | None]
) -> Mapping[str, Entry]:
    """A last listing whose fingerprints fit nothing for these records."""
    if not doubtful:
        return entries
    return {
        name: Entry(UNREAD, entry.is_bad) if locate(name) in doubtful else entry
        for name, entry in entries.items()
    }
