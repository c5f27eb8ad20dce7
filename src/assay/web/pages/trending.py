"""How much was published lately: by day, or by week where the last days were silent."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from assay.catalog import queries as catalog
from assay.catalog.queries import Day, Filters
from assay.kit.db import Connection

DAYS = 30
_WEEKS = 52


@dataclass(frozen=True, slots=True)
class Trend:
    """Bars, oldest first; `unit` is what one of them is, and `about` says of which time they are."""

    days: Sequence[Day]
    unit: str
    about: str

    @property
    def total(self) -> int:
        """How many there were."""
        return sum(sum(day.severities.values()) for day in self.days)


def recent(conn: Connection, filters: Filters, until: date, days: Sequence[Day] | None = None) -> Trend:
    """The trend of what passes the filters; `days` are its last ones, where they are known already."""
    if days is None:
        days = catalog.trend(conn, filters, until=until, days=DAYS)
    found = Trend(days, "day", f"published in the last {DAYS} days")
    if found.total or _is_long(filters):
        return found
    year = catalog.trend(conn, filters, until=until, days=_WEEKS * 7)
    return Trend(by_week(year), "week", f"published in the last {_WEEKS} weeks")


def _is_long(filters: Filters) -> bool:
    """Whether a year takes too long: for words that very many have, every vulnerability of the time is looked at."""
    return filters.looked_up is not None and filters.looked_up.words is not None


def by_week(days: Sequence[Day]) -> list[Day]:
    """Seven days at a time, each week by its first one."""
    weeks = []
    for start in range(0, len(days), 7):
        tally: Counter[str] = Counter()
        for day in days[start : start + 7]:
            tally.update(day.severities)
        weeks.append(Day(days[start].day, dict(tally)))
    return weeks
