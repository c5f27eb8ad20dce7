"""Figures that follow the filters, and those of the overview."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from assay.catalog.model import GRAVITIES
from assay.catalog.queries.filtering import (
    MOST_WORDED,
    Filters,
    filter_values,
    let_look_through,
    with_filters,
)
from assay.domain.severity import Band
from assay.kit import sql
from assay.kit.db import Connection

_SQL = sql.beside(__file__)

HIGH_EPSS = 0.1
"""From this score on a vulnerability counts as likely to be exploited within thirty days (`catalog.kind_of`)."""

LONGEST_TREND = 3660
"""Days."""

UNRATED = "unrated"
"""The severity, in words, of what nobody rated."""

_WORDS = {0: UNRATED} | {gravity: band.value for band, gravity in GRAVITIES.items()}


@dataclass(frozen=True, slots=True)
class Counts:
    """How many vulnerabilities pass the filters, and how many of them are what.

    `severities` has all of them, worst first, `unrated` last; `ecosystems` the most frequent. Without `is_exact` more
    have the words that were looked for than are counted, and these are figures of `MOST_WORDED` of them.
    """

    total: int
    is_exact: bool
    severities: Mapping[str, int]
    exploited: int
    high_epss: int
    needs_review: int
    remediated: int
    sources: Mapping[str, int]
    ecosystems: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Day:
    """How many vulnerabilities were published on a day (UTC), by severity; those that are 0 are left out."""

    day: date
    severities: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Overview:
    """What is new and what matters, of everything in force; `today` and `this_week` count what was published.

    The week is the seven days that end with today.
    """

    counts: Counts
    today: int
    this_week: int
    trend: Sequence[Day]


def count(conn: Connection, filters: Filters, *, ecosystems: int = 20) -> Counts:
    """How many vulnerabilities pass the filters, exactly; of the ecosystems only so many."""
    values = filter_values(conn, filters)
    is_exact = values["words"] is None or (values["ids"] is not None and len(values["ids"]) <= MOST_WORDED)
    if not is_exact:
        values |= {"ids": values["some"], "words": None}
    if _is_tallied(values):
        counting = _SQL["count_tallied"].text
    else:
        let_look_through(conn, values)
        counting = with_filters(_SQL["count_passing"].text)
    rows = conn.execute(counting, values, prepare=False, binary=True).fetchall()
    origins = {row[0]: row[1:] for row in conn.execute(_SQL["list_origins"].text, binary=True)}
    severities = dict.fromkeys([*(band.value for band in sorted(Band, reverse=True)), UNRATED], 0)
    sources: Counter[str] = Counter()
    places: Counter[str] = Counter()
    for origin, kind, number in rows:
        severities[_WORDS[kind >> 4]] += number
        said_by, speaks_of = origins.get(origin, ((), ()))
        for name in said_by:
            sources[name] += number
        for name in speaks_of:
            places[name] += number

    def marked(mark: int) -> int:
        return sum(number for _, kind, number in rows if kind & mark)

    return Counts(
        total=sum(row[-1] for row in rows),
        is_exact=is_exact,
        severities=severities,
        exploited=marked(8),
        high_epss=marked(4),
        needs_review=marked(2),
        remediated=marked(1),
        sources=dict(_most_first(sources)),
        ecosystems=dict(_most_first(places)[:ecosystems]),
    )


_NOT_TALLIED = (
    *("ids", "words", "release", "min_cvss"),
    *("since", "until", "published_since", "published_until"),
)


def _is_tallied(values: Mapping[str, Any]) -> bool:
    """Whether the filters are about nothing but what is counted."""
    return values["min_epss"] in (None, HIGH_EPSS) and all(values[name] is None for name in _NOT_TALLIED)


def trend(conn: Connection, filters: Filters, *, until: date, days: int = 30) -> list[Day]:
    """The days that end with `until`, oldest first: what passes the filters and was published on each."""
    first = until - timedelta(days=max(1, min(days, LONGEST_TREND)) - 1)
    values = filter_values(conn, filters) | {
        "first": _midnight(first),
        "past": _midnight(until + timedelta(days=1)),
    }
    found: dict[date, dict[str, int]] = {
        first + timedelta(days=number): {} for number in range((until - first).days + 1)
    }
    for begins, gravity, number in conn.execute(
        with_filters(_SQL["trend"].text), values, prepare=False, binary=True
    ):
        found[begins.astimezone(UTC).date()][_WORDS[gravity]] = number
    return [Day(day, severities) for day, severities in found.items()]


def overview(conn: Connection, *, today: date, days: int = 30) -> Overview:
    """What is new and what matters, of everything in force."""
    values = {
        "today": _midnight(today),
        "week": _midnight(today - timedelta(days=6)),
        "past": _midnight(today + timedelta(days=1)),
    }
    row = conn.execute(_SQL["count_published"].text, values).fetchone()
    assert row is not None
    everything = Filters()
    return Overview(count(conn, everything), row[0], row[1], trend(conn, everything, until=today, days=days))


def edition(conn: Connection) -> int:
    """A number that grows with every change of what the catalog shows, 0 while it is empty.

    Two answers with the same number were made of the same catalog, however late a transaction was committed.
    """
    row = conn.execute(_SQL["edition"].text).fetchone()
    return 0 if row is None else int(row[0])


def merged_by(conn: Connection) -> str | None:
    """The mark (`rules.marking`) by which all vulnerabilities were merged: empty for several, None without any."""
    row = conn.execute(_SQL["merged_by"].text).fetchone()
    return None if row is None else str(row[0])


def _most_first(tally: Counter[str]) -> list[tuple[str, int]]:
    return sorted(tally.items(), key=lambda entry: (-entry[1], entry[0]))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
