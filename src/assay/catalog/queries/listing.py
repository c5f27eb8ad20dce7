"""Vulnerabilities in pages, in any order and both ways."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, LiteralString, NamedTuple

import msgspec
from psycopg.rows import class_row, dict_row

from assay.catalog.queries.filtering import Filters, filter_values, with_filters
from assay.errors import Conflict
from assay.kit import sql
from assay.kit.db import Connection, writable

_SQL = sql.beside(__file__)
_MAX_PAGE = 1000
_KEYS = range(2**63)


class Sort(StrEnum):
    """What a page is ordered by."""

    MODIFIED = "modified"
    PUBLISHED = "published"
    SEVERITY = "severity"
    """The severity in words, then the CVSS score."""
    EPSS = "epss"
    NAME = "name"


# The column and its type.
_COLUMNS: Mapping[Sort, tuple[LiteralString, LiteralString]] = {
    Sort.MODIFIED: ("f.modified_at", "timestamptz"),
    Sort.PUBLISHED: ("f.published_at", "timestamptz"),
    Sort.SEVERITY: ("f.gravity", "smallint"),
    Sort.EPSS: ("f.epss", "real"),
    Sort.NAME: ("f.name", "text"),
}


@dataclass(frozen=True, slots=True)
class Hit:
    """One line of a list."""

    id: int
    name: str
    state: str
    summary: str
    severity: str | None
    cvss_score: float | None
    epss: float | None
    epss_percentile: float | None
    is_exploited: bool
    exploited_on: date | None
    published_at: datetime | None
    modified_at: datetime | None
    sources: list[str]
    needs_review: bool
    remediated_at: datetime | None


@dataclass(frozen=True, slots=True)
class Page:
    """Hits in their order, and the cursors of the pages beside this one; None where there is none."""

    hits: list[Hit]
    next_cursor: str | None
    previous_cursor: str | None = None


class _Place(NamedTuple):
    """Where a page begins: behind a value and key (`is_before`: it ends before them)."""

    sort: Sort
    is_descending: bool
    is_before: bool
    value: str
    key: int


def search(
    conn: Connection,
    filters: Filters,
    *,
    sort: Sort = Sort.MODIFIED,
    descending: bool = True,
    limit: int = 50,
    cursor: str | None = None,
) -> Page:
    """A page of vulnerabilities. `cursor` is one of another page; Conflict is raised for any other text.

    A text that is an identifier finds what it names, withdrawn or not, and nothing that merely mentions it.
    """
    limit = max(1, min(limit, _MAX_PAGE))
    place = None if cursor is None else _read_cursor(cursor, sort, descending)
    is_backwards = place is not None and place.is_before
    values = filter_values(conn, filters) | {
        "limit": limit + 1,
        "after": None if place is None else place.value,
        "after_id": None if place is None else place.key,
    }
    text = _ordered(with_filters(_SQL["search"].text), sort, is_descending=descending != is_backwards)
    with conn.cursor(row_factory=dict_row) as found:
        rows = found.execute(text, values, prepare=False).fetchall()
    more = len(rows) > limit
    rows = rows[:limit]
    if is_backwards:
        rows.reverse()
    has_next, has_previous = (bool(rows), more) if is_backwards else (more, place is not None and bool(rows))

    def beside(row: Mapping[str, Any], *, is_before: bool) -> str:
        value = row["sorted_by"]
        text = value.isoformat() if isinstance(value, datetime) else str(value)
        return _write_cursor(_Place(sort, descending, is_before, text, row["id"]))

    return Page(
        [Hit(**{name: row[name] for name in Hit.__slots__}) for row in rows],
        beside(rows[-1], is_before=False) if has_next else None,
        beside(rows[0], is_before=True) if has_previous else None,
    )


def _ordered(text: LiteralString, sort: Sort, *, is_descending: bool) -> LiteralString:
    """The page's statement in another order."""
    column, kind = _COLUMNS[sort]
    if sort is not Sort.MODIFIED:
        text = text.replace("f.modified_at AS sorted_by", f"{column} AS sorted_by")
        text = text.replace("(f.modified_at, f.vulnerability_id)", f"({column}, f.vulnerability_id)")
        text = text.replace("ORDER BY f.modified_at", f"ORDER BY {column}")
        text = text.replace("%(after)s::timestamptz", f"%(after)s::{kind}")
    return (
        text
        if is_descending
        else text.replace(" DESC", "").replace("f.vulnerability_id) <", "f.vulnerability_id) >")
    )


def _write_cursor(place: _Place) -> str:
    return urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def _read_cursor(cursor: str, sort: Sort, descending: bool) -> _Place:
    try:
        raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        place = msgspec.json.decode(raw, type=_Place)
        _KEYS[place.key]
        _check_value(place)
    except (ValueError, IndexError, OverflowError) as error:
        raise Conflict(
            f"{cursor!r} is not the cursor of a page; give the one that the page before printed"
        ) from error
    if (place.sort, place.is_descending) != (sort, descending):
        raise Conflict(f"{cursor!r} is not the cursor of a page in this order; begin again without it")
    return place


def _check_value(place: _Place) -> None:
    """Raise ValueError for what is no value of the column."""
    match place.sort:
        case Sort.MODIFIED | Sort.PUBLISHED:
            if datetime.fromisoformat(place.value).astimezone(UTC).year < 1:
                raise ValueError(place.value)
        case Sort.SEVERITY:
            range(2**15)[int(place.value)]
        case Sort.EPSS:
            if not -1 <= float(place.value) <= 1:
                raise ValueError(place.value)
        case Sort.NAME:
            if writable(place.value) != place.value:
                raise ValueError(place.value)


def newly_exploited(conn: Connection, limit: int) -> list[Hit]:
    """What is in force and exploited, the last that became known to be first."""
    with conn.cursor(row_factory=class_row(Hit)) as found:
        return found.execute(_SQL["newly_exploited"].text, {"limit": limit}).fetchall()
