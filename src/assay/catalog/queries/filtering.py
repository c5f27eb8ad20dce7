"""Which vulnerabilities are looked for: a filter becomes a condition on the narrow table `catalog.facets`.

What few vulnerabilities have - a name, a package, words - is looked up first; the rest is read off the narrow rows
(docs/decisions/0023-facets.md).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, LiteralString

from assay.catalog.model import GRAVITIES, LIVE, State, tenths
from assay.catalog.queries.showing import find_id
from assay.domain.packages import normalise_name
from assay.domain.severity import Band, band_of_score
from assay.kit import sql
from assay.kit.db import Connection, writable

_SQL = sql.beside(__file__)

MOST_WORDED = 5_000
"""Of words that more vulnerabilities have than this, so many vulnerabilities are counted."""


@dataclass(frozen=True, slots=True)
class LookedUp:
    """What was looked up for some filters: the only keys that may pass, None for all, in their order.

    `words` are those that these could not be found by: more than `MOST_WORDED` vulnerabilities have them, and
    `some` are so many of these.
    """

    ids: Sequence[int] | None
    words: str | None = None
    some: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Filters:
    """What to look for; a filter that is None lets everything pass.

    `severities` may hold None, for what nobody rated. `since` and `until` (not included) are about the last
    modification. Without `states` only what is in force is looked for, with `withdrawn` everything. `only` and
    `besides` are keys that a room above has found by what it knows. `looked_up` is `look_up`'s.
    """

    text: str | None = None
    ecosystem: str | None = None
    package: str | None = None
    min_severity: Band | None = None
    severities: Sequence[Band | None] | None = None
    exploited: bool | None = None
    min_epss: float | None = None
    min_cvss: float | None = None
    needs_review: bool | None = None
    remediated: bool | None = None
    since: datetime | None = None
    until: datetime | None = None
    published_since: datetime | None = None
    published_until: datetime | None = None
    source: str | None = None
    states: Sequence[State] | None = None
    withdrawn: bool = False
    only: Sequence[int] | None = None
    besides: Sequence[int] | None = None
    looked_up: LookedUp | None = None


def look_up(conn: Connection, filters: Filters) -> Filters:
    """The same filters, good for several questions of this transaction: words and packages are looked up once.

    They are looked up first, because no plan for the whole question knows how few vulnerabilities have them.
    """
    if filters.looked_up is not None:
        return filters
    named = None if filters.text is None else find_id(conn, filters.text)
    if named is not None:
        filters = replace(filters, text=None, withdrawn=True)
    return replace(filters, looked_up=_looked_up(conn, filters, named))


def with_filters(text: LiteralString) -> LiteralString:
    """A statement on `catalog.facets AS f`, looking only at what passes the filters; its values are `filter_values`."""
    _, _, condition = _SQL["passing"].text.partition("WHERE ")
    # Its own condition, the first there is, is kept.
    return text.replace("WHERE ", f"WHERE {condition}\n  AND ", 1)


def filter_values(conn: Connection, filters: Filters) -> dict[str, Any]:
    """The filters as the statements take them."""
    conn.execute(_SQL["plan_for_values"].text)
    filters = look_up(conn, filters)
    found = filters.looked_up
    assert found is not None
    place = _place(filters)
    severities = _severities(filters)
    return place | {
        "ids": found.ids,
        "words": found.words,
        "some": found.some,
        "states": _states(filters),
        "severities": severities,
        "least_gravity": _least_gravity(severities, filters.min_cvss),
        "most_gravity": None if severities is None else max(severities, default=0) * 1000 + 999,
        "besides": None if filters.besides is None else sorted(filters.besides),
        "min_cvss": None if filters.min_cvss is None else tenths(filters.min_cvss),
        # A `real` holds no smaller number, and no score has as many digits.
        "min_epss": None if filters.min_epss is None else round(filters.min_epss, 9),
        "exploited": filters.exploited,
        "needs_review": filters.needs_review,
        "remediated": filters.remediated,
        "since": filters.since,
        "until": filters.until,
        "published_since": filters.published_since,
        "published_until": filters.published_until,
        "origins": _origins(conn, filters.source, place["ecosystem"]),
    }


def let_look_through(conn: Connection, values: Mapping[str, Any]) -> None:
    """Let a question that no key narrows down use a second core."""
    if values["ids"] is None:
        conn.execute(_SQL["plan_for_most"].text)


def _place(filters: Filters) -> dict[str, str | None]:
    ecosystem, _, release = (filters.ecosystem or "").partition(":")
    return {"ecosystem": writable(ecosystem) or None, "release": writable(release) or None}


def _looked_up(conn: Connection, filters: Filters, named: int | None) -> LookedUp:
    found: list[set[int]] = [] if named is None else [{named}]
    if filters.package is not None:
        package, place = filters.package, _place(filters)
        if place["ecosystem"] is not None:
            package = normalise_name(place["ecosystem"], package)
        rows = conn.execute(_SQL["find_affecting"].text, {**place, "package": writable(package)})
        found.append({row[0] for row in rows})
    if filters.only is not None:
        found.append(set(filters.only))
    words = None if filters.text is None else writable(filters.text)
    some: list[int] = []
    if words is not None:
        values = {"text": words, "limit": MOST_WORDED + 1}
        those = [row[0] for row in conn.execute(_SQL["find_worded"].text, values, binary=True)]
        if len(those) <= MOST_WORDED:
            found.append(set(those))
            words = None
        else:
            some = sorted(those[:MOST_WORDED])
    return LookedUp(sorted(set.intersection(*found)) if found else None, words, some)


def _origins(conn: Connection, source: str | None, ecosystem: str | None) -> list[int] | None:
    if source is None and ecosystem is None:
        return None
    values = {"source": None if source is None else writable(source), "ecosystem": ecosystem}
    return [row[0] for row in conn.execute(_SQL["find_origins"].text, values)]


def _states(filters: Filters) -> list[int] | None:
    if filters.states is not None:
        return sorted(state.number for state in filters.states)
    return None if filters.withdrawn else sorted(state.number for state in LIVE)


def _severities(filters: Filters) -> list[int] | None:
    """The places of the severities that may pass."""
    allowed = None if filters.severities is None else {_gravity(band) for band in filters.severities}
    if filters.min_severity is not None:
        worse = {_gravity(band) for band in Band if band >= filters.min_severity}
        allowed = worse if allowed is None else allowed & worse
    return None if allowed is None else sorted(allowed)


def _least_gravity(severities: Sequence[int] | None, min_cvss: float | None) -> int | None:
    """The lowest place in the order by severity that may pass: a score is never in a lower band than its own."""
    least = [] if severities is None else [min(severities, default=0) * 1000]
    if min_cvss is not None:
        lowest = min(band_of_score(min_cvss, "2.0"), band_of_score(min_cvss, "3.1"))
        least.append(_gravity(lowest) * 1000 + tenths(min_cvss))
    return max(least, default=None)


def _gravity(band: Band | None) -> int:
    return 0 if band is None else GRAVITIES[band]
