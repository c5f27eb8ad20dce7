"""Filters that people keep under a name."""

from datetime import datetime

from assay.auth import store
from assay.errors import Conflict, NotFound, Permanent
from assay.kit.db import Connection

_LONGEST_NAME = 100
_LONGEST_QUERY = 2_000
_MOST = 100


def save_filter(conn: Connection, person_id: int, page: str, name: str, query: str, now: datetime) -> int:
    """The number of the filter; one of the same page and name is replaced.

    `query` is the page's query string without `?`. Raises Permanent for a name or a query that will not do,
    Conflict for more filters than anybody looks through.
    """
    name = " ".join(name.split())
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise Permanent(f"a filter's name has 1 to {_LONGEST_NAME} characters")
    if len(query) > _LONGEST_QUERY or not query.isprintable():
        raise Permanent(f"a filter has at most {_LONGEST_QUERY:,} characters")
    key = store.save_filter(conn, person_id, page, name, query.removeprefix("?"), now)
    if store.count_filters(conn, person_id) > _MOST:
        raise Conflict(f"{_MOST} filters are kept already: remove one first")
    return key


def remove_filter(conn: Connection, person_id: int, filter_id: int) -> str:
    """The name of a person's filter that was forgotten. Raises NotFound."""
    name = store.remove_filter(conn, person_id, filter_id)
    if name is None:
        raise NotFound(f"you have no filter {filter_id}")
    return name
