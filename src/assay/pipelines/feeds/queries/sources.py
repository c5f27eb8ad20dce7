"""Sources of entries, and how they do."""

from collections.abc import Mapping
from dataclasses import dataclass

from psycopg.rows import class_row, dict_row

from assay.errors import NotFound
from assay.kit import sql
from assay.kit.db import Connection, writable
from assay.pipelines.feeds.model.entries import Counts
from assay.pipelines.feeds.model.sources import Kind, Quarantined, Source

_SQL = sql.beside(__file__)


@dataclass(frozen=True, slots=True)
class Holding:
    """What there is of a source: its entries, and how many of its last fetch were set aside."""

    entries: Counts
    bad: int = 0


def list_sources(conn: Connection, *, is_every: bool = False) -> list[Source]:
    """Every source by name; `is_every` has those that were removed as well."""
    return _sources(conn, None, is_every=is_every)


def get_source(conn: Connection, name: str) -> Source:
    """One source. Raises NotFound."""
    for found in _sources(conn, name, is_every=False):
        return found
    raise NotFound(f"no source of entries is called {name!r}; `assay feeds source list` lists them")


def _sources(conn: Connection, name: str | None, *, is_every: bool) -> list[Source]:
    with conn.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            _SQL["list_sources"].text, {"name": name and writable(name), "is_every": is_every}
        ).fetchall()
    return [
        Source(**{**row, "kind": Kind(row["kind"]), "secret_names": tuple(row["secret_names"])})
        for row in rows
    ]


def count_each(conn: Connection) -> Mapping[int, Holding]:
    """What there is of each source, by its number; nothing of those that are not there."""
    counts: dict[int, dict[str, int]] = {}
    for source, status, number in conn.execute(_SQL["count_of_each"].text).fetchall():
        counts.setdefault(source, {})[status] = number
    bad: dict[int, int] = dict(conn.execute(_SQL["count_bad"].text).fetchall())
    return {
        source: Holding(Counts(counts.get(source, {})), bad.get(source, 0))
        for source in counts.keys() | bad.keys()
    }


def list_bad(conn: Connection, source: int, limit: int = 50) -> list[Quarantined]:
    """Entries of a source's last fetch that were set aside."""
    with conn.cursor(row_factory=class_row(Quarantined)) as cursor:
        return cursor.execute(_SQL["list_bad"].text, {"source": source, "limit": limit}).fetchall()
